"""A grid of cubes around triangles: which cubes they pass through, and how far the nearest one is from each centre."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from .triangles import corner_distance, nearest_on_triangle, touches_cube

Floats = NDArray[np.float64]

# Up to this many cubes from a triangle it is compared with all others there; two suffice to find those it touches.
_BAND_CUBES = 2.0
# Cubes grow by this part, so that a surface on their very border is never lost between them by rounding.
_GROWTH = 1e-9


@dataclass(frozen=True, eq=False)
class MeshGrid:
    """What the cubes of a grid know of triangles.

    Attributes:
        origin_world: [3] the corner with the least coordinates.
        voxel: edge of a cube.
        occupied: [X, Y, Z] cubes that a triangle touches.
        distance: [X, Y, Z] float32 from centres to the nearest triangle; also inside ``occupied``.
        nearest: [X, Y, Z] int32 that triangle.
    """

    origin_world: Floats
    voxel: float
    occupied: NDArray[np.bool_]
    distance: NDArray[np.float32]
    nearest: NDArray[np.int32]

    def surface(self, corners_world: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Points [n, 3] on triangles [F, 3, 3] nearest to the occupied cubes, in C order, and unit normals there."""
        centres = self.origin_world + (np.argwhere(self.occupied) + 0.5) * self.voxel
        rows = self.nearest[self.occupied]
        points = np.empty_like(centres)
        _nearest_points(centres, corners_world, rows, points)
        a, b, c = (corners_world[rows, k] for k in range(3))
        normals = np.cross(b - a, c - a)
        return points.astype(np.float32), (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)


def grid_of_triangles(
    corners_world: Floats, origin_world: Floats, voxel: float, shape: tuple[int, int, int]
) -> MeshGrid:
    """Which cubes triangles [F, 3, 3] pass through, and distances to the parts of them that are in the grid.

    Triangles without an area are left out; at least one other must be within two cubes of the grid.

    Distances are exact up to two cubes from the surface. Beyond, a cube takes the triangle of the nearest cube there
    (a feature transform), then the best of its neighbours', forwards and backwards through the grid: never too short,
    and in the example room (87,392 triangles) too long by 0.05 cubes at worst, by less than 0.001 in 96 of 100.
    """
    occupied = np.zeros(shape, np.bool_)
    squared = np.full(shape, np.inf, np.float32)
    nearest = np.full(shape, -1, np.int32)
    # Near the origin of its own grid a mesh of any place keeps all digits.
    corners = np.ascontiguousarray(corners_world - origin_world) / voxel
    _mark_band(corners, _BAND_CUBES, corner_distance(1.0), occupied, squared, nearest)
    banded = nearest >= 0
    if not banded.all():
        source = cast(Any, ndimage).distance_transform_edt(~banded, return_distances=False, return_indices=True)
        nearest = nearest[tuple(source)]
        for backward in (False, True):
            _sweep(corners, banded, squared, nearest, backward)
    return MeshGrid(origin_world, voxel, occupied, np.sqrt(squared) * np.float32(voxel), nearest)


@njit(cache=True)
def _mark_band(corners, band, corner, occupied, squared, nearest):  # type: ignore[no-untyped-def]
    """Triangles [F, 3, 3] in units of cubes; fills the cubes whose centres are within ``band`` of one."""
    low, high, other = np.empty(3, np.int64), np.empty(3, np.int64), np.empty(2, np.int64)
    at, centre = np.empty(3, np.int64), np.empty(3)
    moved = np.empty((3, 3))
    half = 0.5 + _GROWTH
    for t in range(len(corners)):
        a, b, c = corners[t, 0], corners[t, 1], corners[t, 2]
        for k in range(3):
            low[k] = max(0, int(np.ceil(min(a[k], b[k], c[k]) - band - 0.5)))
            high[k] = min(occupied.shape[k] - 1, int(np.floor(max(a[k], b[k], c[k]) + band - 0.5)))
        normal = np.cross(b - a, c - a)
        size = np.sqrt(np.sum(normal * normal))
        if size == 0:
            continue
        normal /= size
        main = int(np.argmax(np.abs(normal)))
        other[0], other[1] = (main + 1) % 3, (main + 2) % 3
        for i in range(low[other[0]], high[other[0]] + 1):
            for j in range(low[other[1]], high[other[1]] + 1):
                at[other[0]], at[other[1]] = i, j
                centre[other[0]], centre[other[1]] = i + 0.5, j + 0.5
                # Along the main axis only the cubes near the triangle's plane.
                plane = a[main]
                for k in other:
                    plane -= normal[k] * (centre[k] - a[k]) / normal[main]
                thick = band / abs(normal[main])
                first = max(low[main], int(np.ceil(plane - thick - 0.5)))
                last = min(high[main], int(np.floor(plane + thick - 0.5)))
                for m in range(first, last + 1):
                    at[main], centre[main] = m, m + 0.5
                    d2 = nearest_on_triangle(centre, a, b, c)[0]
                    if d2 > band * band:
                        continue
                    x, y, z = at
                    if d2 < squared[x, y, z]:
                        squared[x, y, z] = d2
                        nearest[x, y, z] = t
                    if not occupied[x, y, z] and d2 <= (corner + _GROWTH) ** 2:
                        for k in range(3):
                            for n in range(3):
                                moved[n, k] = corners[t, n, k] - centre[k]
                        occupied[x, y, z] = touches_cube(moved[0], moved[1], moved[2], half)


@njit(cache=True)
def _sweep(corners, banded, squared, nearest, backward):  # type: ignore[no-untyped-def]
    """Beyond the band: each cube tries the triangles of the 13 neighbours that the sweep has been at."""
    nx, ny, nz = nearest.shape
    centre = np.empty(3)
    for step in range(nx * ny * nz):
        cube = nx * ny * nz - 1 - step if backward else step
        x, y, z = cube // (ny * nz), (cube // nz) % ny, cube % nz
        if banded[x, y, z]:
            continue
        centre[0], centre[1], centre[2] = x + 0.5, y + 0.5, z + 0.5
        best, found = nearest[x, y, z], squared[x, y, z]
        if found == np.inf:
            found = nearest_on_triangle(centre, corners[best, 0], corners[best, 1], corners[best, 2])[0]
        tried = best
        for neighbour in range(13):
            sign = -1 if backward else 1
            ox = x + sign * (neighbour // 9 - 1)
            oy, oz = y + sign * ((neighbour // 3) % 3 - 1), z + sign * (neighbour % 3 - 1)
            if min(ox, oy, oz) < 0 or ox >= nx or oy >= ny or oz >= nz:
                continue
            t = nearest[ox, oy, oz]
            if t in (best, tried):
                continue
            tried = t
            d2 = nearest_on_triangle(centre, corners[t, 0], corners[t, 1], corners[t, 2])[0]
            if d2 < found:
                best, found = t, d2
        squared[x, y, z], nearest[x, y, z] = found, best


@njit(cache=True)
def _nearest_points(centres, corners, rows, points):  # type: ignore[no-untyped-def]
    for i in range(len(centres)):
        t = rows[i]
        _, x, y, z = nearest_on_triangle(centres[i], corners[t, 0], corners[t, 1], corners[t, 2])
        points[i, 0], points[i, 1], points[i, 2] = x, y, z
