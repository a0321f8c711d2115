"""Which way is up: from how people hold cameras, and from the level planes in what they photograph."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera

Floats = NDArray[np.float64]

# How much a camera's own up says beside its right vector: people tilt cameras up and down far more than sideways.
_PITCH_WEIGHT = 0.03
_ROBUST_ROLL_RAD = np.radians(4.0)
_ROUNDS = 20

_LEAST_POINTS = 200
_MOST_POINTS = 4000
_LAYER = 0.01
_TILT_SIGMA_RAD = np.radians(3.0)


def estimate_up(cameras: Sequence[Camera], points_world: Floats) -> tuple[Floats, float]:
    """The up direction of the world that these cameras stand in.

    Photographers hold a camera level, so that its right vectors all lie in the horizontal plane; where all look the
    same way, the mean of the cameras' own up directions decides about the pitch. Floors, ceilings and tables then say
    the rest: within a few degrees, the direction is taken along which the points lie in the thinnest layers.

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
    confidence = agreement * upright * support * float(np.mean(weights) > 0.2)
    if len(points_world) >= _LEAST_POINTS and confidence >= 0.5:
        up = _layered_direction(np.asarray(points_world, dtype=np.float64), up)
    return up, confidence


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


def _layered_direction(points: Floats, up: Floats) -> Floats:
    """The direction near ``up`` along which points crowd into layers, searched in 3 degrees, then in 0.6."""
    points = points[:: -(-len(points) // _MOST_POINTS)] - np.median(points, axis=0)
    distances = np.linalg.norm(points, axis=1)
    radius = max(float(np.percentile(distances, 90)), 1e-12)
    points = points[distances < 2 * radius] / radius
    found = up
    for cone_deg in (3.0, 0.6):
        found = max(_tilts(found, np.radians(cone_deg)), key=lambda tilted: _layering(points, tilted, up))
    return found


def _tilts(up: Floats, cone_rad: float) -> list[Floats]:
    """A grid of directions around ``up``, itself among them."""
    right = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    right /= np.linalg.norm(right)
    ahead = np.cross(up, right)
    steps = np.linspace(-cone_rad, cone_rad, 13)
    tilted = [up + x * right + y * ahead for x in steps for y in steps]
    return [direction / np.linalg.norm(direction) for direction in tilted]


def _layering(points: Floats, direction: Floats, prior: Floats) -> float:
    """How many pairs of points share a layer of a hundredth of the scene, times how likely that tilt is beforehand."""
    heights = np.sort(points @ direction)
    pairs = np.searchsorted(heights, heights + _LAYER) - np.searchsorted(heights, heights - _LAYER)
    tilt = float(np.arccos(np.clip(direction @ prior, -1, 1)))
    return float(pairs.sum()) * float(np.exp(-0.5 * (tilt / _TILT_SIGMA_RAD) ** 2))
