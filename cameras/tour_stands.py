"""Where a tour may stand, and how one place is reached from another: cubes at eye height and the ways between them."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats
from .freespace import FREE, FreeSpace, Mask
from .untyped import csgraph, ndimage, sparse, spatial

Indices = NDArray[np.int64]

EYE_HEIGHT_M = 1.5
"""Of a camera above the floor, where nobody says otherwise: photographers hold it about so high."""
# Photos this far apart still agree on the height at which to fly between them.
_HEIGHT_SIGMA_M = 1.0
# A way costs more where it is narrower than this many radii.
_ROOMY_RADII = 2.5
_NARROW_COST = 3.0
_DRONE_PART = 2 / 3
_BESIDE_PHOTOS_M = 0.25


@dataclass(frozen=True, eq=False)
class Stands:
    """Cubes in which the tour's camera may be, all joined to each other.

    Attributes:
        points_world: [n, 3] their centres.
        clearance: [n] there, in world units.
        radius: that of the ball that can be pushed from each to each of its neighbours.
        ways: [n, n] sparse costs from cube to neighbouring cube, about their distance in world units.
    """

    points_world: Floats
    clearance: Floats
    radius: float
    ways: Any
    _routes: dict[int, tuple[Floats, Indices]] = field(default_factory=dict[int, tuple[Floats, Indices]])

    def routes_from(self, row: int) -> tuple[Floats, Indices]:
        """Costs [n] of the best ways from a stand to all, and the stand before each on its way (Dijkstra)."""
        if row not in self._routes:
            costs, before = csgraph.dijkstra(self.ways, indices=row, return_predecessors=True)
            self._routes[row] = np.asarray(costs, dtype=np.float64), np.asarray(before, dtype=np.int64)
        return self._routes[row]

    def nearest(self, point_world: Floats) -> tuple[int, float]:
        """The stand nearest to a point, and how far it is."""
        far, row = self._tree.query(point_world)
        return int(row), float(far)

    @cached_property
    def _tree(self) -> Any:
        return spatial.KDTree(self.points_world)

    def spread(self, count: int, rng: np.random.Generator) -> Indices:
        """At most ``count`` stands, each far from those before (farthest-point sampling from a random start)."""
        chosen = [int(rng.integers(len(self.points_world)))]
        far = np.linalg.norm(self.points_world - self.points_world[chosen[0]], axis=1)
        while len(chosen) < min(count, len(self.points_world)):
            chosen.append(int(np.argmax(far)))
            far = np.minimum(far, np.linalg.norm(self.points_world - self.points_world[chosen[-1]], axis=1))
        return np.array(chosen)


def standing_cubes(
    space: FreeSpace, reachable: Mask, eye_height_m: float | None, from_views_m: float, *, is_drone: bool = False
) -> Mask:
    """[X, Y, Z] reachable cubes at eye height.

    Args:
        eye_height_m: above the floor; None is that of the photos near by, or 1.5 m where there are none.
        is_drone: at two thirds of the way from the floor to the ceiling instead, or of the scene's height outdoors.
        from_views_m: farthest from where a photo was taken, if there are photos.
    """
    unit = 1 / space.metres_per_unit
    found = reachable
    if len(space.views_position_world):
        found = found & _near_photographers(space, found, from_views_m * unit)
    levels: Floats = np.arange(float(space.cells.shape[2]))
    z = space.origin_world[2] + (levels + 0.5) * space.voxel
    tolerance = 0.75 * space.voxel
    if is_drone and eye_height_m is None:
        return found & (np.abs(height_above_ground(space) - _drone_height(space)) <= tolerance)
    if eye_height_m is None and len(space.views_position_world):
        return found & (np.abs(z - _height_of_views(space)[..., None]) <= tolerance)
    eye = (EYE_HEIGHT_M if eye_height_m is None else eye_height_m) * unit
    return found & (np.abs(height_above_ground(space) - eye) <= tolerance)


def height_above_ground(space: FreeSpace) -> Floats:
    """[X, Y, Z] world units from the centre of each cube down to the first one that is not free."""
    return height_above_ground_of(space.cells, space.voxel)


def height_above_ground_of(cells: NDArray[np.uint8], voxel: float) -> Floats:
    """The same of cells [X, Y, Z], along their last axis."""
    number: Floats = np.arange(float(cells.shape[2]))
    below = np.maximum.accumulate(np.where(cells != FREE, number, -1), axis=2)
    return (number - below - 0.5) * voxel


def _drone_height(space: FreeSpace) -> Floats:
    """[X, Y, Z] two thirds of the free column that each cube is in, at most of the surfaces' own height."""
    up = height_above_ground(space)
    down = height_above_ground_of(space.cells[..., ::-1], space.voxel)[..., ::-1]
    tallest = float(np.ptp(space.surface_world[:, 2])) if len(space.surface_world) else np.inf
    return _DRONE_PART * np.minimum(up + down, tallest)


def join(space: FreeSpace, cubes: Mask, radius: float, starts_world: Floats) -> Stands | None:
    """The stands among these cubes that are joined to most of the starts; None if there is no cube.

    Starts need not be stands themselves: the nearest one speaks for each.
    """
    at = np.argwhere(cubes)
    if len(at) == 0:
        return None
    points = space.origin_world + (at + 0.5) * space.voxel
    clearance = space.distance[tuple(at.T)].astype(np.float64)
    ways = _ways(cubes, at, clearance, space.voxel, radius)
    _, labels = csgraph.connected_components(ways, directed=False)
    _, rows = spatial.KDTree(points).query(starts_world.reshape(-1, 3))
    votes = np.bincount(labels[rows], minlength=int(labels.max()) + 1)
    sizes = np.bincount(labels)
    kept = np.flatnonzero(labels == int(np.lexsort((sizes, votes))[-1]))
    return Stands(points[kept], clearance[kept], radius, ways[kept][:, kept])


def _ways(cubes: Mask, at: Indices, clearance: Floats, voxel: float, radius: float) -> Any:
    """Costs between cubes that touch, dearer where it is narrow; a route keeps to the middle of a door."""
    number = np.full(cubes.shape, -1, dtype=np.int64)
    number[tuple(at.T)] = np.arange(len(at))
    narrow = 1 + _NARROW_COST * np.clip(1 - clearance / (_ROOMY_RADII * radius), 0, 1)
    rows: list[Indices] = []
    columns: list[Indices] = []
    costs: list[Floats] = []
    steps = [s for s in np.ndindex(3, 3, 3) if s > (1, 1, 1)]
    padded = np.pad(number, 1, constant_values=-1)
    for step in steps:
        offset = np.array(step) - 1
        other = padded[tuple((at + 1 + offset).T)]
        here = np.flatnonzero(other >= 0)
        there = other[here]
        rows.append(here)
        columns.append(there)
        costs.append(float(np.linalg.norm(offset)) * voxel * 0.5 * (narrow[here] + narrow[there]))
    r, c, w = np.concatenate(rows), np.concatenate(columns), np.concatenate(costs)
    half = sparse.coo_matrix((w, (r, c)), shape=(len(at), len(at))).tocsr()
    return half + half.T


def _near_photographers(space: FreeSpace, mask: Mask, reach: float) -> Mask:
    """Of the cubes in a mask those near a photo and, seen from above, among the photos or next to them.

    Photographers stand neither outside a window nor in a mirror, and depth has a wall in neither.
    """
    at = np.argwhere(mask)
    points = space.origin_world + (at + 0.5) * space.voxel
    views = space.views_position_world
    kept = np.asarray(spatial.KDTree(views).query(points)[0] <= reach)
    outline = _outline(views[:, :2])
    if outline is not None:
        kept &= (points[:, :2] @ outline[:, :2].T + outline[:, 2] <= _BESIDE_PHOTOS_M / space.metres_per_unit).all(
            axis=1
        )
    found = np.zeros(mask.shape, dtype=np.bool_)
    found[tuple(at[kept].T)] = True
    return found


def _outline(points: Floats) -> Floats | None:
    """[m, 3] lines (a, b, c) of the convex hull of points [n, 2], a x + b y + c <= 0 inside; None if they have none."""
    if len(points) < 3:
        return None
    try:
        return np.asarray(spatial.ConvexHull(points).equations, dtype=np.float64)
    except spatial.QhullError:
        return None


def _height_of_views(space: FreeSpace) -> Floats:
    """[X, Y] the height at which photos were taken near by, averaged with a Gaussian of a metre."""
    sigma = _HEIGHT_SIGMA_M / space.metres_per_unit / space.voxel
    shape = space.cells.shape[:2]
    at = np.clip(
        ((space.views_position_world - space.origin_world) / space.voxel).astype(int)[:, :2], 0, np.array(shape) - 1
    )
    weight, total = np.zeros(shape), np.zeros(shape)
    np.add.at(weight, tuple(at.T), 1.0)
    np.add.at(total, tuple(at.T), space.views_position_world[:, 2])
    blur = ndimage.gaussian_filter
    weight, total = blur(weight, sigma, mode="constant"), blur(total, sigma, mode="constant")
    middle = float(np.median(space.views_position_world[:, 2]))
    return np.where(weight > 1e-9, total / np.maximum(weight, 1e-9), middle)
