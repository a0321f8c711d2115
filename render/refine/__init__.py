"""Refiners: they turn rendered frames into frames that look like photographs, along exact geometry."""
