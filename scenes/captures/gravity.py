"""Which way is up: from how people hold cameras, and from the planes and edges of what they photograph."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera

Floats = NDArray[np.float64]

# How much a camera's own up says beside its right vector: people tilt cameras up and down far more than sideways.
_PITCH_WEIGHT = 0.03
_ROBUST_ROLL_RAD = np.radians(4.0)
_ROUNDS = 20


def estimate_up(cameras: Sequence[Camera], points_world: Floats) -> tuple[Floats, float]:
    """The up direction of the world that these cameras stand in.

    Photographers hold a camera level, so that its right vectors all lie in the horizontal plane; where all look the
    same way, the mean of the cameras' own up directions decides about the pitch.

    Args:
        cameras: upright photos (after EXIF orientation), any number.
        points_world: [P, 3] sparse points; may be empty.

    Returns:
        up: [3] unit vector in world coordinates.
        confidence: in [0, 1]; below 0.5 the direction is a guess.
    """
    if not cameras:
        return np.array([0.0, 0.0, 1.0]), 0.0
    rights = np.array([camera.right_world for camera in cameras])
    ups = np.array([camera.up_world for camera in cameras])
    up, weights = _level_direction(rights, ups)
    agreement = float(np.mean(np.abs(rights @ up) < np.radians(8.0)))
    upright = float(np.mean(ups @ up > 0.3))
    support = min(1.0, len(cameras) / 8)
    return up, agreement * upright * support * float(np.mean(weights) > 0.2)


def _level_direction(rights: Floats, ups: Floats) -> tuple[Floats, Floats]:
    """The unit vector most perpendicular to ``rights``, by iteratively reweighted least squares (Geman-McClure)."""
    up = ups.sum(axis=0)
    up /= max(float(np.linalg.norm(up)), 1e-12)
    weights = np.ones(len(rights))
    for _ in range(_ROUNDS):
        level = (rights * weights[:, None]).T @ rights
        pitch = np.eye(3) * weights.sum() - (ups * weights[:, None]).T @ ups
        _, vectors = np.linalg.eigh(level + _PITCH_WEIGHT * pitch)
        up = vectors[:, 0] if vectors[:, 0] @ ups.sum(axis=0) > 0 else -vectors[:, 0]
        roll = rights @ up
        weights = 1.0 / (1.0 + (roll / _ROBUST_ROLL_RAD) ** 2) ** 2
    return up, weights
