"""Depth images fused into a grid: where surfaces are, what is known to be empty, and what nobody saw.

A truncated signed distance function (Curless & Levoy 1996), dense, because the planner needs the empty space as much
as the surfaces, and a library that keeps only the blocks near surfaces cannot tell empty from unknown.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats
from .camera import Camera
from .freespace import FREE, OCCUPIED, UNKNOWN, FreeSpace
from .untyped import ndimage, njit

DepthImage = NDArray[np.float32]

# The sides of the truncated distance: three cubes, so that noise of a cube averages out.
_BAND_CUBES = 3.0
# Surfaces and empty cubes count from this many photos on; of one alone they may be a floater.
_LEAST_VIEWS = 2
# A surface in fewer photos than this exists, but is nothing to look at.
_WELL_SEEN = 4


class Fusion:
    """A grid that takes depth images one by one.

    Args:
        origin_world: [3] corner of the grid with the least coordinates.
        voxel: edge of a cube in world units.
        shape: cubes along x, y and z.
    """

    def __init__(self, origin_world: Floats, voxel: float, shape: tuple[int, int, int]) -> None:
        self.origin_world = np.asarray(origin_world, dtype=np.float64)
        self.voxel = float(voxel)
        self._sum = np.zeros(shape, np.float32)
        self._weight = np.zeros(shape, np.uint16)

    def add(self, camera: Camera, depth_z: DepthImage) -> None:
        """Adds one image of depth [h, w] along the optical axis of a pinhole camera, 0 where nothing is known."""
        lens = camera.resized(depth_z.shape[1], depth_z.shape[0]).intrinsics
        pose = camera.camera_from_world
        _integrate(
            self._sum,
            self._weight,
            self.origin_world,
            self.voxel,
            _BAND_CUBES * self.voxel,
            pose.rotation,
            pose.translation,
            np.array([lens.fx, lens.fy, lens.cx, lens.cy]),
            np.ascontiguousarray(depth_z, dtype=np.float32),
        )

    def add_all(self, views: Iterable[tuple[Camera, DepthImage]]) -> None:
        for camera, depth_z in views:
            self.add(camera, depth_z)

    def free_space(
        self,
        starts_world: Floats,
        views_position_world: Floats,
        views_forward_world: Floats,
        *,
        metres_per_unit: float = 1.0,
        is_interior: bool = True,
        least_views: int = _LEAST_VIEWS,
        body_radius: float = 0.0,
    ) -> FreeSpace:
        """What all images agree on.

        Args:
            body_radius: of a ball around each captured view, in world units, that is free where images do not say
                otherwise: the camera was there, though nothing was seen so near to it.
        """
        known = self._weight >= least_views
        signed = np.where(known, self._sum / np.maximum(self._weight, 1), np.float32(0))
        crossing = _nearest_to_a_crossing(signed, known)
        cells = np.full(signed.shape, UNKNOWN, np.uint8)
        cells[known & (signed > 0)] = FREE
        cells[(cells == UNKNOWN) & self._near(views_position_world, body_radius)] = FREE
        cells[crossing] = OCCUPIED
        gradient = np.stack([np.gradient(signed, axis=k)[crossing] for k in range(3)], axis=-1)
        length = np.maximum(np.linalg.norm(gradient, axis=-1, keepdims=True), 1e-12)
        normals = gradient / length
        offsets = np.clip(signed[crossing] * _BAND_CUBES, -0.87, 0.87) * self.voxel
        centres = self.origin_world + (np.argwhere(crossing) + 0.5) * self.voxel
        return FreeSpace(
            origin_world=self.origin_world,
            voxel=self.voxel,
            cells=cells,
            distance=distances(cells, self.voxel),
            surface_world=(centres - normals * offsets[:, None]).astype(np.float32),
            surface_normals_world=normals.astype(np.float32),
            surface_seen=self._weight[crossing] >= min(_WELL_SEEN, 2 * least_views),
            views_position_world=views_position_world,
            views_forward_world=views_forward_world,
            starts_world=starts_world,
            metres_per_unit=metres_per_unit,
            is_interior=is_interior,
        )

    def _near(self, places_world: Floats, radius: float) -> NDArray[np.bool_]:
        """[X, Y, Z] cubes whose centres lie within a radius of a place [k, 3]."""
        found = np.zeros(self._sum.shape, np.bool_)
        for place in (places_world - self.origin_world) / self.voxel - 0.5:
            low = np.maximum(np.ceil(place - radius / self.voxel), 0).astype(np.int64)
            high = np.minimum(np.floor(place + radius / self.voxel) + 1, found.shape).astype(np.int64)
            block = tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))
            squares: list[Floats] = [(np.arange(s.start, s.stop) - place[k]) ** 2 for k, s in enumerate(block)]
            far = squares[0][:, None, None] + squares[1][:, None] + squares[2]
            found[block] |= far <= (radius / self.voxel) ** 2
        return found


def distances(cells: NDArray[np.uint8], voxel: float) -> NDArray[np.float32]:
    """[X, Y, Z] float32 distances from the centres of FREE cubes to the nearest cube that is not; 0 elsewhere.

    Measured to the near face of that cube, so never too long. The grid's end counts as unknown.
    """
    free = np.pad(cells == FREE, 1)
    far = ndimage.distance_transform_edt(free)[1:-1, 1:-1, 1:-1]
    return np.asarray(np.maximum(far - 0.5, 0) * voxel, dtype=np.float32)


def _nearest_to_a_crossing(signed: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cubes through which the surface goes: of two neighbours of unlike sign the one nearer to it."""
    found = np.zeros(signed.shape, np.bool_)
    for axis in range(3):
        a = tuple(slice(None, -1) if k == axis else slice(None) for k in range(3))
        b = tuple(slice(1, None) if k == axis else slice(None) for k in range(3))
        unlike = known[a] & known[b] & ((signed[a] > 0) != (signed[b] > 0))
        first = np.abs(signed[a]) <= np.abs(signed[b])
        found[a] |= unlike & first
        found[b] |= unlike & ~first
    return found


@njit(cache=True)
def _integrate(
    total: NDArray[np.float32],
    weight: NDArray[np.uint16],
    corner: Floats,
    voxel: float,
    band: float,
    rotation: Floats,
    translation: Floats,
    lens: Floats,
    depth_z: DepthImage,
) -> None:
    nx, ny, nz = total.shape
    height, width = depth_z.shape
    for i in range(nx):
        for j in range(ny):
            x, y = corner[0] + (i + 0.5) * voxel, corner[1] + (j + 0.5) * voxel
            for k in range(nz):
                z = corner[2] + (k + 0.5) * voxel
                cz = rotation[2, 0] * x + rotation[2, 1] * y + rotation[2, 2] * z + translation[2]
                if cz <= 0:
                    continue
                cx = rotation[0, 0] * x + rotation[0, 1] * y + rotation[0, 2] * z + translation[0]
                cy = rotation[1, 0] * x + rotation[1, 1] * y + rotation[1, 2] * z + translation[1]
                u, v = lens[0] * cx / cz + lens[2], lens[1] * cy / cz + lens[3]
                if u < 0 or v < 0 or u >= width or v >= height:
                    continue
                depth = depth_z[int(v), int(u)]
                if depth <= 0 or cz - depth > band:
                    continue
                total[i, j, k] += min(1.0, (depth - cz) / band)
                weight[i, j, k] += 1
