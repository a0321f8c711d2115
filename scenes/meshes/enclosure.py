"""Which empty space is indoors: walled in all around, above a floor. Nothing is asked of ceilings or of solid sides."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cameras.freespace import FREE, OCCUPIED
from cameras.freespace_rays import SURFACE, cast_rays

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Cells = NDArray[np.uint8]

# A place is walled in where this part of its rays to all sides meet something.
WALLED = 0.8
_AZIMUTHS = 24
# Low over the horizon: a missing ceiling and the ground outside count for little.
_ELEVATIONS_RAD = np.radians((-12.0, 0.0, 12.0))
# Where people stand, their eyes are this high above the floor.
_EYES_M = (1.4, 1.7)
_PITCH_M = 0.25
# A region with less floor than this to stand on is a shaft, or a gap between two walls.
_LEAST_FLOOR_M2 = 0.25
_POINTS_AT_A_TIME = 2048


@dataclass(frozen=True, eq=False)
class Indoors:
    """What is indoors.

    Attributes:
        walled: [X, Y, Z] free cubes that are walled in, or below or above a place to stand that is.
        stands: [X, Y, Z] the places to stand among them.
    """

    walled: Mask
    stands: Mask


def walled_share(cells: Cells, origin_world: Floats, voxel: float, points_world: Floats) -> Floats:
    """[n] the part of the rays around each point [n, 3], within 12 degrees of the horizon, that meet a surface."""
    azimuth = (np.arange(_AZIMUTHS) + 0.5) * (2 * np.pi / _AZIMUTHS)
    level = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(_AZIMUTHS)], axis=-1)
    rays = np.concatenate([level * np.cos(e) + [0, 0, np.sin(e)] for e in _ELEVATIONS_RAD])
    reach = 2 * voxel * float(np.linalg.norm(cells.shape))
    share = np.empty(len(points_world))
    for first in range(0, len(points_world), _POINTS_AT_A_TIME):
        some = points_world[first : first + _POINTS_AT_A_TIME]
        origins, directions = np.repeat(some, len(rays), axis=0), np.tile(rays, (len(some), 1))
        kinds = cast_rays(origins, directions, reach, origin_world, voxel, cells)[1]
        share[first : first + len(some)] = np.mean(kinds.reshape(len(some), -1) == SURFACE, axis=1)
    return share


def indoors(
    cells: Cells, origin_world: Floats, voxel: float, box_world: tuple[Floats, Floats], metres_per_unit: float
) -> Indoors:
    """What is indoors in a grid whose cubes are FREE or OCCUPIED.

    Rays are cast from a lattice of places a quarter of a metre apart; each speaks for the cubes around it. Where a
    place to stand is walled in, so are all cubes between its floor and its ceiling, or the top of the mesh if there is
    none: the top of a room without a ceiling is indoors although rays leave it over the walls.

    Args:
        box_world: [3] and [3] the least and greatest coordinates of the mesh; nothing outside is indoors.
    """
    walled = _walled(cells, origin_world, voxel, box_world, _PITCH_M / metres_per_unit)
    occupied = cells == OCCUPIED
    number = np.arange(cells.shape[2])
    floor = np.maximum.accumulate(np.where(occupied, number, -1), axis=2)
    above_floor_m = (number - floor) * voxel * metres_per_unit
    half_m = 0.5 * voxel * metres_per_unit
    low, high = _EYES_M
    stands = walled & (floor >= 0) & (above_floor_m >= low - half_m) & (above_floor_m <= high + half_m)
    top = int(np.floor((box_world[1][2] - origin_world[2]) / voxel))
    stands[:, :, top + 1 :] = False
    walled |= _along_columns(stands, cells == FREE)
    walled[:, :, top + 1 :] = False
    return Indoors(walled, stands)


def _walled(cells: Cells, origin_world: Floats, voxel: float, box_world: tuple[Floats, Floats], pitch: float) -> Mask:
    """[X, Y, Z] free cubes whose place in the lattice is walled in."""
    step = max(1, round(pitch / voxel))
    samples = [np.minimum(np.arange(0, n, step) + step // 2, n - 1) for n in cells.shape]
    free = cells[np.ix_(*samples)] == FREE
    at = np.argwhere(free)
    centres = origin_world + voxel * (np.stack([samples[k][at[:, k]] for k in range(3)], axis=-1) + 0.5)
    inside = ((centres > box_world[0]) & (centres < box_world[1])).all(axis=1)
    share = np.full(free.shape, -1.0)
    share[tuple(at[inside].T)] = walled_share(cells, origin_world, voxel, centres[inside])
    # A place inside a wall asks the places around it.
    share = np.where(free, share, cast(Any, ndimage).maximum_filter(share, 3))
    spread = np.ix_(*[np.minimum(np.arange(n) // step, m - 1) for n, m in zip(cells.shape, share.shape, strict=True)])
    return (share[spread] >= WALLED) & (cells == FREE)


def _along_columns(seeds: Mask, free: Mask) -> Mask:
    """[X, Y, Z] free cubes that only free cubes part from a seed straight above or below."""
    found = seeds & free
    for order in (range(1, free.shape[2]), range(free.shape[2] - 2, -1, -1)):
        for z in order:
            before = z - 1 if order.step > 0 else z + 1
            found[:, :, z] |= found[:, :, before] & free[:, :, z]
    return found


def rooms(
    place: Indoors, distance: NDArray[np.float32], voxel: float, metres_per_unit: float, radius: float
) -> list[tuple[int, int, int]]:
    """The roomiest cube to stand in of each indoor region, the largest region first; none if nothing is indoors.

    Args:
        distance: [X, Y, Z] from the centres of cubes to the nearest surface.
        radius: of the camera, in world units: regions are joined where a ball of this radius can pass.
    """
    labels, count = cast(Any, ndimage).label(place.walled & (distance >= radius))
    stands = np.where(place.stands, labels, 0)
    numbers = np.arange(1, count + 1)
    # Standing room is as high as the eyes of people differ.
    height_m = _EYES_M[1] - _EYES_M[0]
    floor_m2 = np.bincount(stands.ravel(), minlength=count + 1)[1:] * (voxel * metres_per_unit) ** 3 / height_m
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    found = numbers[floor_m2 >= _LEAST_FLOOR_M2]
    if len(found) == 0:
        return []
    # Of the cubes to stand in alone, which are few: the roomiest of each region, and the first of equals.
    at = np.flatnonzero(stands)
    label = stands.ravel()[at]
    roomy = np.lexsort((-distance.ravel()[at], label))
    best = at[roomy[np.searchsorted(label[roomy], found)]]
    largest = best[np.argsort(-sizes[found - 1], kind="stable")]
    return [(int(x), int(y), int(z)) for x, y, z in zip(*np.unravel_index(largest, stands.shape), strict=True)]
