"""Compiles the planner's kernels beforehand."""

import numpy as np

from .camera import Camera
from .freespace import FREE, OCCUPIED, FreeSpace
from .freespace_fusion import Fusion, distances
from .intrinsics import Intrinsics
from .rigid import Rigid
from .tour import TourWish, plan_tour

_VOXEL = 0.2


def warm_planner() -> None:
    """Fuses one depth image and plans a tour of a small empty room; compiled kernels are kept on disk."""
    lens = Intrinsics.from_fov(16, 9, 1.0)
    Fusion(np.zeros(3), _VOXEL, (2, 2, 2)).add(Camera(lens, Rigid.identity()), np.ones((9, 16), np.float32))
    plan_tour(_room(), lens, TourWish(seconds=4.0))


def _room() -> FreeSpace:
    """4 x 4 x 2.6 m; its walls are the outermost cubes."""
    cells = np.full((20, 20, 13), OCCUPIED, np.uint8)
    cells[1:-1, 1:-1, 1:-1] = FREE
    size = np.array(cells.shape) * _VOXEL
    walls = (np.argwhere(cells == OCCUPIED) + 0.5) * _VOXEL
    outermost = np.argmax(np.abs(walls - 0.5 * size) / size, axis=1)
    return FreeSpace(
        origin_world=np.zeros(3),
        voxel=_VOXEL,
        cells=cells,
        distance=distances(cells, _VOXEL),
        surface_world=walls.astype(np.float32),
        surface_normals_world=np.eye(3, dtype=np.float32)[outermost],
        surface_seen=np.ones(len(walls), np.bool_),
        views_position_world=np.zeros((0, 3)),
        views_forward_world=np.zeros((0, 3)),
        starts_world=0.5 * size[None],
    )
