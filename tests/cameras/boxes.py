"""Rooms made of boxes, as arrays, for the tests of what flies in them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cameras.arrays import Floats
from cameras.freespace import FREE, OCCUPIED, FreeSpace
from cameras.freespace_fusion import distances
from cameras.path import CameraPath

VOXEL = 0.1


def focus_of(path: CameraPath, time_s: ArrayLike) -> Floats:
    """The focus of a path that has one."""
    found = path.focus_distances(time_s)
    assert found is not None
    return found


def space_of(
    solid: NDArray[np.bool_], *, voxel: float = VOXEL, starts: Floats | None = None, views: Floats | None = None
) -> FreeSpace:
    """The free space of solid cubes; the faces of the grid are solid too."""
    cells = np.where(solid, OCCUPIED, FREE).astype(np.uint8)
    for axis in range(3):
        for end in (0, -1):
            cells[tuple(end if k == axis else slice(None) for k in range(3))] = OCCUPIED
    centres = (np.argwhere(cells == OCCUPIED) + 0.5) * voxel
    middle = 0.5 * np.array(cells.shape) * voxel
    to = middle - centres
    normals = np.zeros_like(to)
    normals[np.arange(len(to)), np.argmax(np.abs(to) / (0.5 * np.array(cells.shape)), axis=1)] = 1.0
    positions = np.zeros((0, 3)) if views is None else views
    return FreeSpace(
        origin_world=np.zeros(3),
        voxel=voxel,
        cells=cells,
        distance=distances(cells, voxel),
        surface_world=centres.astype(np.float32),
        surface_normals_world=normals.astype(np.float32),
        surface_seen=np.ones(len(centres), np.bool_),
        views_position_world=positions,
        views_forward_world=np.tile([1.0, 0.0, 0.0], (len(positions), 1)),
        starts_world=middle[None] if starts is None else starts,
    )


def empty_room(x: float = 5.0, y: float = 4.0, z: float = 2.6) -> FreeSpace:
    """One room; its walls are the outermost cubes."""
    return space_of(np.zeros([round(v / VOXEL) for v in (x, y, z)], np.bool_))


def two_rooms(door: float = 0.9, at: float = 2.0) -> FreeSpace:
    """Two rooms of 4 x 4 m with a door of 2 m in height in the wall at x = 4 m; a start in the first."""
    solid = np.zeros((82, 40, 26), np.bool_)
    solid[40:42] = True
    first = round((at - 0.5 * door) / VOXEL)
    solid[40:42, first : first + round(door / VOXEL), :20] = False
    return space_of(solid, starts=np.array([[2.0, 2.0, 1.5]]))
