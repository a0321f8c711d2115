"""Posed images from photos, videos and other people's data sets."""
