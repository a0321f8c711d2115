"""Which photos with known poses can show the same things."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera

Pair = tuple[int, int]
Floats = NDArray[np.float64]

# Features are hardly recognised from directions further apart than this.
_MOST_ANGLE_RAD = np.radians(80)
_GRID = 5
# Depths that are looked at, in diagonals of the box around the cameras: the scene's own are not known yet.
_DEPTHS = (0.2, 0.5, 1.0, 3.0, 10.0)
_LEAST_OVERLAP = 0.02


def overlapping_pairs(cameras: Sequence[Camera], *, exhaustive: int = 60, neighbours: int = 24) -> list[Pair]:
    """Indices (i < j) of photos whose frusta can overlap, sorted.

    Args:
        cameras: ideal pinholes.
        exhaustive: up to so many cameras every pair that can overlap is taken.
        neighbours: of more cameras, each one takes so many: half of them the best by overlap, the others spread over
            those that remain, because the best see the same from nearly the same place and tell little of depth.
    """
    if len(cameras) < 2:
        return []
    positions = np.array([camera.position_world for camera in cameras])
    diagonal = float(np.linalg.norm(np.ptp(positions, axis=0)))
    if diagonal < 1e-9:
        return []
    overlap = _overlaps(cameras, diagonal)
    forwards = np.array([camera.forward_world for camera in cameras])
    apart = np.linalg.norm(positions[:, None] - positions[None], axis=-1) > 1e-4 * diagonal
    possible = (forwards @ forwards.T > np.cos(_MOST_ANGLE_RAD)) & (overlap > _LEAST_OVERLAP) & apart
    overlap = np.where(possible, overlap, 0.0)
    pairs: set[Pair] = set()
    for i in range(len(cameras)):
        order = np.argsort(-overlap[i], kind="stable")[: int(possible[i].sum())]
        if len(cameras) > exhaustive and len(order) > neighbours:
            half = neighbours // 2
            spread = np.linspace(half, len(order) - 1, neighbours - half).round().astype(int)
            order = np.concatenate([order[:half], order[spread]])
        pairs.update((min(i, int(j)), max(i, int(j))) for j in order)
    return sorted(pairs)


def _overlaps(cameras: Sequence[Camera], diagonal: float) -> Floats:
    """[N, N] symmetric: how much of each other's frusta two cameras see, in [0, 1]."""
    steps = (np.arange(_GRID) + 0.5) / _GRID
    x, y = np.meshgrid(steps, steps)
    seen = np.zeros((len(cameras), len(cameras)))
    frusta: list[Floats] = []
    for camera in cameras:
        pixels = np.stack([x * camera.width, y * camera.height], axis=-1).reshape(-1, 2)
        frusta.append(np.concatenate([camera.unproject(pixels, np.full(_GRID**2, d * diagonal)) for d in _DEPTHS]))
    samples = np.array(frusta)
    for j, camera in enumerate(cameras):
        pixels, depth_z = camera.project(samples)
        inside = (pixels > 0).all(axis=-1) & (pixels[..., 0] < camera.width) & (pixels[..., 1] < camera.height)
        seen[:, j] = (inside & (depth_z > 0)).mean(axis=-1)
    return np.sqrt(seen * seen.T)
