"""Moves of a camera as people name them: each function turns a few numbers into a `CameraPath`.

Positions are in world units and angles in radians; turns to the right, up, and clockwise count as positive. Every move
keeps the horizon level unless its manner says how far it rolls.
"""
