"""Rays through a grid of cubes: from cube to cube without skipping any (Amanatides & Woo 1987)."""

import math

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats
from .untyped import njit

Cells = NDArray[np.uint8]

SURFACE, HIDDEN, OUTSIDE, NOTHING = 1, 2, 3, 0
"""What stops a ray: a surface; unknown space; the end of the grid; nothing within reach."""


@njit(cache=True)
def _march(
    origin: Floats, direction: Floats, reach: float, corner: Floats, voxel: float, cells: Cells, blind: float
) -> tuple[float, int, int]:
    """(distance in lengths of ``direction``, what stops the ray, number of the cube in C order).

    Unknown cubes nearer than ``blind`` stop nothing.
    """
    nx, ny, nz = cells.shape
    at = np.empty(3, np.int64)
    step = np.empty(3, np.int64)
    following = np.empty(3)
    stride = np.empty(3)
    for k in range(3):
        place = (origin[k] - corner[k]) / voxel
        at[k] = math.floor(place)
        d = direction[k] / voxel
        if d > 0:
            step[k], following[k], stride[k] = 1, (at[k] + 1 - place) / d, 1 / d
        elif d < 0:
            step[k], following[k], stride[k] = -1, (at[k] - place) / d, -1 / d
        else:
            step[k], following[k], stride[k] = 0, np.inf, np.inf
    t = 0.0
    while t <= reach:
        if at[0] < 0 or at[1] < 0 or at[2] < 0 or at[0] >= nx or at[1] >= ny or at[2] >= nz:
            return t, 3, 0
        cell = cells[at[0], at[1], at[2]]
        if cell == 2 or (cell == 0 and t >= blind):
            return t, (1 if cell == 2 else 2), (at[0] * ny + at[1]) * nz + at[2]
        k = 0
        if following[1] < following[0]:
            k = 1
        if following[2] < following[k]:
            k = 2
        t = following[k]
        at[k] += step[k]
        following[k] += stride[k]
    return reach, 0, 0


@njit(cache=True)
def _march_all(
    origins: Floats,
    directions: Floats,
    reach: float,
    corner: Floats,
    voxel: float,
    cells: Cells,
    blind: float,
    far: Floats,
    kinds: Cells,
    where: NDArray[np.int64],
) -> None:
    for i in range(len(origins)):
        far[i], kinds[i], where[i] = _march(origins[i], directions[i], reach, corner, voxel, cells, blind)


@njit(cache=True)
def _see_all(
    point: Floats,
    targets: NDArray[np.float32],
    reach: float,
    corner: Floats,
    voxel: float,
    cells: Cells,
    seen: NDArray[np.bool_],
) -> None:
    for i in range(len(targets)):
        to = np.empty(3)
        length = 0.0
        for k in range(3):
            to[k] = targets[i, k] - point[k]
            length += to[k] * to[k]
        length = math.sqrt(length)
        seen[i] = False
        if length <= reach:
            # The cubes of a rough surface may reach a little over the target.
            far = _march(point, to, 1.0, corner, voxel, cells, 0.0)[0]
            seen[i] = (1 - far) * length <= 1.5 * voxel


def cast_rays(
    origins: Floats,
    directions: Floats,
    reach: float,
    corner: Floats,
    voxel: float,
    cells: Cells,
    blind: float = 0.0,
) -> tuple[Floats, Cells, NDArray[np.int64]]:
    """Distances [n] in lengths of the directions [n, 3], what stopped each ray, and in which cube (C order).

    Unknown cubes nearer than ``blind`` stop nothing.
    """
    n = len(origins)
    far, kinds, where = np.empty(n), np.empty(n, np.uint8), np.empty(n, np.int64)
    _march_all(origins, directions, reach, corner, voxel, cells, blind, far, kinds, where)
    return far, kinds, where


def visible_points(
    point: Floats, targets: NDArray[np.float32], reach: float, corner: Floats, voxel: float, cells: Cells
) -> NDArray[np.bool_]:
    """[n] which targets [n, 3] on the surface nothing hides from a point, within reach."""
    seen = np.empty(len(targets), np.bool_)
    _see_all(point, targets, reach, corner, voxel, cells, seen)
    return seen
