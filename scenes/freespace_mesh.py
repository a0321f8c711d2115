"""Free space exactly from a mesh. Open shells are the rule, so that no inside is asked of the surface."""

from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from cameras.errors import InputError, SettingsError
from cameras.freespace import FREE, OCCUPIED, UNKNOWN, FreeSpace
from cameras.tour_stands import EYE_HEIGHT_M
from scenes.meshes.enclosure import WALLED, indoors, rooms, walled_share
from scenes.meshes.grid import MeshGrid, grid_of_triangles
from scenes.meshes.mesh import has_area

Floats = NDArray[np.float64]
Cells = NDArray[np.uint8]

VOXEL_M = 0.05
"""Edge of a cube in rooms, unless told."""
RADIUS_M = 0.2
"""Of the camera, where it is asked which rooms are joined."""
_MOST_CUBES = 60_000_000
# Unless told, cubes are so large that no more than this many are needed,
_ENOUGH_CUBES = 12_000_000
# and an object is this many cubes long.
_OBJECT_CUBES = 60
_COARSEST_ROOM_M = 0.3
_ROOM_MARGIN_CUBES = 3
_BELOW_OBJECT_CUBES = 2
_STARTS_AROUND = 8
_ROUNDING = 1e-6
# The ground that an object stands on is flat, and no higher above the lowest point than this part of the mesh's size.
_FLAT, _GROUND_PART = 0.95, 0.02


def free_space_of_mesh(
    vertices: ArrayLike,
    faces: ArrayLike,
    *,
    voxel: float | None = None,
    metres_per_unit: float = 1.0,
    starts_world: ArrayLike | None = None,
    margin: float | None = None,
) -> FreeSpace:
    """Where a camera may be in or around a mesh, whose +z is up. All space in the grid is known.

    If places to stand are walled in (at least 80 % of the rays to all sides, within 12 degrees of the horizon, meet
    something, and a floor is below), the mesh is an interior: its starts are the roomiest such place of each region,
    the largest region first, and whatever is not walled in and joined to a start is UNKNOWN, so that no tour leaves by
    a window or over the walls of a doll's house. A hollow block that is high enough to stand in is a room: nothing in
    the surface tells them apart. Otherwise the mesh is an object, which stands on the grid's floor, and its starts are
    around it.

    Args:
        vertices: [V, 3] world.
        faces: [F, 3] rows of vertices.
        voxel: edge of a cube in world units; 5 cm in a room or a 60th of an object if None, more if those are many.
        metres_per_unit: length of a world unit.
        starts_world: [m, 3] places to start from; found if None.
        margin: room around the mesh in world units; three cubes around a room, and an object's size, if None.

    Raises:
        InputError: if no triangle has an area.
        SettingsError: if the cubes are too small for the mesh, or a start is not a free place in the grid.
    """
    corners = _corners(vertices, faces)
    starts = None if starts_world is None else np.asarray(starts_world, dtype=np.float64).reshape(-1, 3)
    if not metres_per_unit > 0 or (voxel is not None and not voxel > 0) or (margin is not None and not margin >= 0):
        raise SettingsError(
            "the free space of a mesh needs positive lengths, but was given the voxel "
            f"{voxel}, {metres_per_unit} metres per unit and the margin {margin}; give others."
        )
    room = _as_interior(corners, voxel, margin, metres_per_unit, starts)
    grid, cells, starts = room or _as_object(corners, voxel, margin, metres_per_unit, starts)
    return _assembled(grid, corners, cells, starts, room is not None, metres_per_unit)


def _corners(vertices: ArrayLike, faces: ArrayLike) -> Floats:
    """[F, 3, 3] of the triangles that have an area."""
    points, rows = np.asarray(vertices, dtype=np.float64), np.asarray(faces).reshape(-1, 3).astype(np.int32)
    solid = has_area(points, rows)
    if not solid.any():
        raise InputError(
            f"free space is measured from the triangles of a mesh, but none of its {len(rows):,} has an area."
        )
    return np.ascontiguousarray(points[rows[solid]])


def _fitting(extent: Floats, wanted: float) -> float:
    """The wanted edge of a cube, or the least larger one that fills the extent with few enough."""
    count = float(np.prod(extent / wanted + 2 * _ROOM_MARGIN_CUBES + 2))
    return wanted * max(1.0, (count / _ENOUGH_CUBES) ** (1 / 3))


def _grid(corners: Floats, box: Floats, voxel: float) -> MeshGrid:
    """A grid over a box [2, 3], so placed that the lowest point of the mesh is in the middle of its cube."""
    low = corners.min(axis=(0, 1))
    before = np.ceil((low - box[0]) / voxel - _ROUNDING)
    origin = low - (before + 0.5) * voxel
    counts = np.ceil((box[1] - origin) / voxel - _ROUNDING) + 1
    if not np.prod(counts) <= _MOST_CUBES:
        raise SettingsError(
            f"the free space of a mesh should need at most {_MOST_CUBES:,} cubes, but with an edge of {voxel:g} it "
            f"needs {np.prod(counts):,.0f}; check the units, or take larger cubes."
        )
    nx, ny, nz = (int(n) for n in counts)
    return grid_of_triangles(corners, origin, voxel, (nx, ny, nz))


def _cubes_of(grid: MeshGrid, points: Floats) -> NDArray[np.int64]:
    return np.floor((points - grid.origin_world) / grid.voxel).astype(np.int64)


def _cells(grid: MeshGrid) -> Cells:
    return np.where(grid.occupied, np.uint8(OCCUPIED), np.uint8(FREE))


def _as_interior(
    corners: Floats, voxel: float | None, margin: float | None, metres_per_unit: float, starts: Floats | None
) -> tuple[MeshGrid, Cells, Floats] | None:
    """Grid, cells and starts, if most of the given starts are walled in, or if there are rooms."""
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    edge = voxel or _fitting(high - low, VOXEL_M / metres_per_unit)
    if edge * metres_per_unit > _COARSEST_ROOM_M:
        return None
    around = _ROOM_MARGIN_CUBES * edge if margin is None else margin
    grid = _grid(corners, np.stack([low - around, high + around]), edge)
    cells = _cells(grid)
    if starts is not None and np.mean(walled_share(cells, grid.origin_world, edge, starts) >= WALLED) <= 0.5:
        return None
    place = indoors(cells, grid.origin_world, edge, (low, high), metres_per_unit)
    if starts is None:
        cubes = rooms(place, grid.distance, edge, metres_per_unit, RADIUS_M / metres_per_unit)
        if not cubes:
            return None
        starts = grid.origin_world + (np.array(cubes) + 0.5) * edge
    return grid, _joined(grid, cells, place.walled, starts), starts


def _as_object(
    corners: Floats, voxel: float | None, margin: float | None, metres_per_unit: float, starts: Floats | None
) -> tuple[MeshGrid, Cells, Floats]:
    """Grid, cells and starts for what is looked at from outside; the grid's floor is the lowest point of the mesh."""
    low, high = _box_above_ground(corners)
    around = float((high - low).max()) if margin is None else margin
    box = np.stack([low - around, high + around])
    edge = voxel or _fitting(box[1] - box[0], float((high - low).max()) / _OBJECT_CUBES)
    box[0, 2] = low[2] - _BELOW_OBJECT_CUBES * edge
    grid = _grid(corners, box, edge)
    cells = _cells(grid)
    if starts is None:
        centre, half = 0.5 * (low + high), 0.5 * (high - low)
        azimuth = np.arange(_STARTS_AROUND) * (2 * np.pi / _STARTS_AROUND)
        # On the sides of a box that is half of the room around it larger than the object.
        ring = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=-1)
        ring *= np.min((half[:2] + 0.5 * around) / np.maximum(np.abs(ring), 1e-9), axis=1, keepdims=True)
        height = low[2] + max(half[2], 0.5 * min(around, EYE_HEIGHT_M / metres_per_unit))
        places = np.column_stack([centre[:2] + ring, np.full(_STARTS_AROUND, height)])
        starts = _roomy(grid, places, min(RADIUS_M / metres_per_unit, 0.1 * around))
    return grid, _joined(grid, cells, cells == FREE, starts), starts


def _roomy(grid: MeshGrid, places: Floats, radius: float) -> Floats:
    """Those of the places [n, 3] in the grid where a ball of that radius fits; the roomiest cube if there is none."""
    found = places[grid.distance[tuple(_cubes_of(grid, places).T)] >= max(radius, grid.voxel)]
    if len(found):
        return found
    room = np.minimum(grid.distance, _to_unknown(np.ones(grid.distance.shape, np.bool_), grid.voxel))
    best = np.array(np.unravel_index(int(np.argmax(room)), room.shape))
    return grid.origin_world + (best[None] + 0.5) * grid.voxel


def _box_above_ground(corners: Floats) -> tuple[Floats, Floats]:
    """[3] and [3] the box around an object; flat ground far around it does not count, but for its height."""
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat = np.abs(normals[:, 2]) > _FLAT * np.linalg.norm(normals, axis=1)
    ground = flat & (corners[..., 2].max(axis=1) <= low[2] + _GROUND_PART * float((high - low).max()))
    if ground.all():
        return low, high
    above = corners[~ground]
    return np.append(above.min(axis=(0, 1))[:2], low[2]), above.max(axis=(0, 1))


def _joined(grid: MeshGrid, cells: Cells, allowed: NDArray[np.bool_], starts: Floats) -> Cells:
    """The cells with all free ones UNKNOWN that are not joined to a start through allowed ones."""
    at = _cubes_of(grid, starts)
    inside = ((at >= 0) & (at < cells.shape)).all(axis=1)
    labels, _ = cast(Any, ndimage).label(allowed)
    found = {int(labels[tuple(cube)]) for cube in at[inside]} - {0}
    if not found:
        raise SettingsError(
            f"the places to start from should be free and inside the mesh's grid, but none of the {len(starts)} is."
        )
    kept = _up_to_walls(np.isin(labels, sorted(found)), grid.occupied)
    return np.where(grid.occupied, np.uint8(OCCUPIED), np.where(kept, np.uint8(FREE), np.uint8(UNKNOWN)))


def _up_to_walls(kept: NDArray[np.bool_], occupied: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Kept cubes and those between them and a surface at most two cubes away: whether a cube that touches a wall is
    walled in itself is chance."""
    for _ in range(2):
        between = np.zeros_like(kept)
        for axis in range(3):
            for way in (1, -1):
                wall = _shifted(occupied, axis, -way) | _shifted(occupied, axis, -2 * way)
                between |= _shifted(kept, axis, way) & wall
        kept = kept | (between & ~occupied)
    return kept


def _shifted(cubes: NDArray[np.bool_], axis: int, by: int) -> NDArray[np.bool_]:
    """The cubes moved along an axis; from outside the grid come none."""
    found = np.zeros_like(cubes)
    source = tuple(slice(max(0, -by), min(n, n - by)) if k == axis else slice(None) for k, n in enumerate(cubes.shape))
    target = tuple(slice(max(0, by), min(n, n + by)) if k == axis else slice(None) for k, n in enumerate(cubes.shape))
    found[target] = cubes[source]
    return found


def _to_unknown(known: NDArray[np.bool_], voxel: float) -> NDArray[np.float32]:
    """[X, Y, Z] from the centres of cubes to the near face of the nearest that is not known, or the grid's end."""
    far = cast(Any, ndimage).distance_transform_edt(np.pad(known, 1))[1:-1, 1:-1, 1:-1]
    return ((far - 0.5) * voxel).astype(np.float32)


def _assembled(
    grid: MeshGrid, corners: Floats, cells: Cells, starts: Floats, is_interior: bool, metres_per_unit: float
) -> FreeSpace:
    distance = np.minimum(grid.distance, _to_unknown(cells != UNKNOWN, grid.voxel))
    points, normals = grid.surface(corners)
    return FreeSpace(
        origin_world=grid.origin_world,
        voxel=grid.voxel,
        cells=cells,
        distance=np.where(cells == FREE, distance, np.float32(0)),
        surface_world=points,
        surface_normals_world=normals,
        surface_seen=np.ones(len(points), np.bool_),
        views_position_world=np.zeros((0, 3)),
        views_forward_world=np.zeros((0, 3)),
        starts_world=starts,
        metres_per_unit=metres_per_unit,
        is_interior=is_interior,
    )
