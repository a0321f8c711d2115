"""Directions as people give them: a heading as on a compass, a tilt and a roll."""

import math

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from .manner import roll_rotation


def aimed(heading_rad: float, tilt_rad: float, roll_rad: float = 0.0) -> Floats:
    """[3, 3] the ``world_from_camera`` rotation of a heading (0 along +y, a right angle along +x), tilt and roll."""
    ch, sh, ct, st = math.cos(heading_rad), math.sin(heading_rad), math.cos(tilt_rad), math.sin(tilt_rad)
    forward = np.array([ct * sh, ct * ch, st])
    right = np.array([ch, -sh, 0.0])
    return np.stack([right, np.cross(forward, right), forward], axis=1) @ roll_rotation(roll_rad)


def aim_of(rotation: ArrayLike) -> tuple[float, float, float]:
    """Heading, tilt and roll of a rotation [3, 3]; undoes `aimed`, straight up and down included."""
    r = np.asarray(rotation, dtype=np.float64)
    forward = r[:, 2]
    heading = math.atan2(forward[0], forward[1])
    tilt = math.atan2(forward[2], math.hypot(forward[0], forward[1]))
    level = aimed(heading, tilt)
    return heading, tilt, math.atan2(float(r[:, 0] @ level[:, 1]), float(r[:, 0] @ level[:, 0]))
