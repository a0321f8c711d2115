"""Gaussian splats: parameters, engines, fitting."""
