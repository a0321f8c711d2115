"""A mesh as truth: what depth its triangles have from a camera, exact at the centres of pixels."""

from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import InputError
from scenes.scene import FloatImage

# Triangles are cut at this depth, as a fraction of the mesh's size: what is behind a camera has no place in its image.
NEAR_OF_SIZE = 1e-4


@dataclass(frozen=True, eq=False)
class TriangleMesh:
    """Triangles: vertices_world [V, 3] float64 and faces [F, 3] int64."""

    vertices_world: NDArray[np.float64]
    faces: NDArray[np.int64]

    @property
    def size(self) -> float:
        """The diagonal of the box around it, in scene units."""
        return float(np.linalg.norm(np.ptp(self.vertices_world, axis=0)))


def read_mesh(path: Path) -> TriangleMesh:
    """The triangles of a PLY file; larger polygons are cut into fans.

    Raises:
        InputError: if it is no PLY, has no faces, or a face names a vertex that is not there.
    """
    from plyfile import PlyData, PlyParseError

    if not path.is_file():
        raise InputError(f"a mesh was expected in {path}, but there is no such file; check --geometry.")
    try:
        data = PlyData.read(path)
        vertices = np.stack([np.asarray(data["vertex"][axis], dtype=np.float64) for axis in "xyz"], axis=1)
        polygons = data["face"].data[data["face"].properties[0].name]
        faces = [_fan(np.asarray(polygon, dtype=np.int64)) for polygon in polygons]
    except (PlyParseError, OSError, KeyError, IndexError, ValueError, TypeError, MemoryError) as error:
        raise InputError(f"a mesh with faces was expected in {path}, but it cannot be read as a PLY mesh.") from error
    joined = np.concatenate([*faces, np.zeros((0, 3), np.int64)])
    if len(joined) == 0 or joined.min() < 0 or joined.max() >= len(vertices) or not np.isfinite(vertices).all():
        raise InputError(
            f"a mesh of finite triangles was expected in {path}, but its {len(joined)} triangles and {len(vertices)} "
            "vertices do not make one; export it again."
        )
    return TriangleMesh(vertices, joined)


def _fan(polygon: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(polygon) == 3:
        return polygon[None]
    first = np.full(max(0, len(polygon) - 2), polygon[0])
    return np.stack([first, polygon[1:-1], polygon[2:]], axis=1)


def draw_depth_z(mesh: TriangleMesh, camera: Camera, step: int = 1) -> FloatImage:
    """[ceil(H / step), ceil(W / step)] depth_z of the nearest triangle, from either side, 0 where there is none.

    Entry [i, j] is that of the centre of pixel (step j, step i). One over the depth is affine on the image of a plane,
    so that no ray has to be cast.

    Args:
        mesh: in the world of the camera.
        camera: an ideal pinhole.
        step: takes every ``step``-th pixel of every ``step``-th row.
    """
    lens = camera.intrinsics
    corners_camera = camera.camera_from_world.apply(mesh.vertices_world)[mesh.faces]
    nearness = np.zeros((-(-lens.height // step), -(-lens.width // step)))
    near = NEAR_OF_SIZE * mesh.size
    fields = (lens.fx / step, lens.fy / step, (lens.cx - 0.5) / step, (lens.cy - 0.5) / step)
    _draw(np.ascontiguousarray(corners_camera[corners_camera[..., 2].max(axis=1) > near]), near, *fields, nearness)
    seen = nearness > 0
    return np.where(seen, 1 / np.where(seen, nearness, 1), 0).astype(np.float32)


@numba.njit(cache=True)
def _draw(corners, near, fx, fy, cx, cy, nearness):  # type: ignore[no-untyped-def]
    """Draw triangles [N, 3, 3] in camera axes; pixel centres are at whole numbers; nearness [h, w] is 1 / depth_z."""
    polygon = np.empty((4, 3))
    for n in range(len(corners)):
        count = 0
        for k in range(3):
            a, b = corners[n, k], corners[n, (k + 1) % 3]
            if a[2] >= near:
                polygon[count] = a
                count += 1
            if (a[2] >= near) != (b[2] >= near):
                polygon[count] = a + (b - a) * ((near - a[2]) / (b[2] - a[2]))
                count += 1
        for k in range(count):
            polygon[k, 0] = fx * polygon[k, 0] / polygon[k, 2] + cx
            polygon[k, 1] = fy * polygon[k, 1] / polygon[k, 2] + cy
            polygon[k, 2] = 1 / polygon[k, 2]
        for k in range(1, count - 1):
            _fill(polygon[0], polygon[k], polygon[k + 1], nearness)


@numba.njit(cache=True)
def _fill(a, b, c, nearness):  # type: ignore[no-untyped-def]
    """Keep the greater nearness at the pixels of a triangle of (x, y, nearness), its edges included."""
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    if area == 0:
        return
    height, width = nearness.shape
    top, bottom = max(0.0, np.ceil(min(a[1], b[1], c[1]))), min(height - 1.0, np.floor(max(a[1], b[1], c[1])))
    left, right = max(0.0, np.ceil(min(a[0], b[0], c[0]))), min(width - 1.0, np.floor(max(a[0], b[0], c[0])))
    for y in range(int(top), int(bottom) + 1):
        for x in range(int(left), int(right) + 1):
            u = ((b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)) / area
            v = ((c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)) / area
            w = 1 - u - v
            if u >= -1e-9 and v >= -1e-9 and w >= -1e-9:
                nearness[y, x] = max(nearness[y, x], u * a[2] + v * b[2] + w * c[2])
