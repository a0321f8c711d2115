"""Pictures of a mesh by casting rays with Embree: flat colours under a light of the camera and a light of the sky."""

import importlib.util
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import MissingExtraError, SettingsError
from cameras.intrinsics import Intrinsics
from scenes.scene import FloatImage, View

from .colors import linear_from_srgb, srgb_from_linear
from .mesh import Mesh

PASSES = ("rgb", "depth_z", "normals")
# Rays at a time: their directions and hits take about 60 bytes each.
_MOST_RAYS = 1 << 19
# Shares of the light: from everywhere, from the camera, and from the sky, which does not stand straight above, so that
# the walls of a corner differ.
_EVEN, _HEAD, _SKY = 0.30, 0.25, 0.45
_SKYWARD = (0.2, 0.5, 0.843)
# Four places in a pixel that are in a row or a column of their own, so that level and upright edges have four steps.
_INSIDE = ((-0.375, -0.125), (0.125, -0.375), (0.375, 0.125), (-0.125, 0.375))
_AT_CENTRE = ((0.0, 0.0),)
# Pixels that differ from a neighbour by more than this in display values are drawn from four rays.
_EDGE = 3 / 255


@dataclass(frozen=True)
class _Hits:
    """What rays [n] meet: depth_z (0 for nothing), linear light [n, 3] and unit normals [n, 3] to the camera."""

    is_hit: NDArray[np.bool_]
    depth_z: NDArray[np.float32]
    light: NDArray[np.float32]
    normals_world: NDArray[np.float32]


class MeshDrawer:
    """Draws one mesh from any camera; keeps Embree's tree of its triangles.

    Raises:
        MissingExtraError: if embreex is not installed.
    """

    def __init__(self, mesh: Mesh) -> None:
        if importlib.util.find_spec("embreex") is None:
            raise MissingExtraError(
                "drawing a mesh needs embreex, which is not installed: "
                'install the extra with `pip install "flythrough[mesh]"`.'
            )
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        low, high = mesh.bounds
        # Embree computes in single precision: near the origin that is enough for any building, wherever it stands.
        self._centre = 0.5 * (low + high)
        self._vertices = (mesh.vertices_world - self._centre).astype(np.float32)
        self._faces, self._colors = mesh.faces, mesh.face_colors
        self._tree: Any = EmbreeScene(robust=True)
        TriangleMesh(self._tree, self._vertices, self._faces)

    def view(self, camera: Camera, passes: tuple[str, ...] = ("rgb",)) -> View:
        """One view; ``depth_z`` and ``normals`` (unit, world axes, towards the camera) are those at pixel centres.

        Raises:
            SettingsError: if the camera is not an ideal pinhole, or a pass is not offered.
        """
        check(camera.intrinsics, passes)
        height, width = camera.height, camera.width
        pixels = np.arange(height * width)
        found = self._hits(camera, pixels, _AT_CENTRE)
        alpha = found.is_hit.astype(np.float32).reshape(height, width)
        rgb = _shown(found.light).reshape(height, width, 3) * alpha[..., None]
        edges = np.flatnonzero(near_edges(rgb, alpha))
        if len(edges):
            share, shown = self._smooth(camera, edges)
            alpha.reshape(-1)[edges] = share
            rgb.reshape(-1, 3)[edges] = shown * share[:, None]
        images: dict[str, FloatImage] = {
            "depth_z": found.depth_z.reshape(height, width),
            "normals": found.normals_world.reshape(height, width, 3),
        }
        return View(rgb, alpha, {name: image for name, image in images.items() if name in passes})

    def _smooth(self, camera: Camera, pixels: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Shares [n] of four rays in each pixel that meet something, and the display colour [n, 3] of those."""
        count = len(_INSIDE)
        found = self._hits(camera, pixels, _INSIDE)
        hits = found.is_hit.reshape(-1, count).sum(axis=1)
        light = found.light.reshape(-1, count, 3).sum(axis=1) / np.maximum(hits, 1)[:, None]
        return (hits / count).astype(np.float32), _shown(light)

    def _hits(self, camera: Camera, pixels: NDArray[np.int64], places: tuple[tuple[float, float], ...]) -> _Hits:
        """What the rays at some places in each pixel [n] meet, [n * places], tile by tile."""
        total = len(pixels) * len(places)
        result = _Hits(
            np.empty(total, np.bool_),
            np.empty(total, np.float32),
            np.empty((total, 3), np.float32),
            np.empty((total, 3), np.float32),
        )
        step = max(1, _MOST_RAYS // len(places))
        for first in range(0, len(pixels), step):
            some = pixels[first : first + step]
            rows = slice(first * len(places), (first + len(some)) * len(places))
            self._cast(camera, some, np.array(places), result, rows)
        return result

    def _cast(
        self, camera: Camera, pixels: NDArray[np.int64], places: NDArray[np.float64], result: _Hits, rows: slice
    ) -> None:
        lens, rotation = camera.intrinsics, camera.world_from_camera.rotation
        x = (pixels % lens.width)[:, None] + 0.5 + places[:, 0]
        y = (pixels // lens.width)[:, None] + 0.5 + places[:, 1]
        rays = np.stack([(x - lens.cx) / lens.fx, (y - lens.cy) / lens.fy, np.ones_like(x)], axis=-1).reshape(-1, 3)
        directions = (rays @ rotation.T).astype(np.float32)
        eye = (camera.position_world - self._centre).astype(np.float32)
        # The directions have length 1 along the axis, so that distances in their lengths are depths.
        met = self._tree.run(np.broadcast_to(eye, directions.shape).copy(), directions, output=1)
        _shade(
            met["primID"],
            met["tfar"],
            directions,
            self._vertices,
            self._faces,
            self._colors,
            _LINEAR,
            np.array(_SKYWARD),
            result.is_hit[rows],
            result.depth_z[rows],
            result.light[rows],
            result.normals_world[rows],
        )


_LINEAR = linear_from_srgb(np.arange(256) / 255).astype(np.float32)


def check(lens: Intrinsics, passes: tuple[str, ...]) -> None:
    """Raises SettingsError if a lens is not an ideal pinhole, or a pass is not offered."""
    unknown = [name for name in passes if name not in PASSES]
    if unknown:
        raise SettingsError(f"Meshes have the passes {', '.join(PASSES)}, but {', '.join(unknown)} was asked for.")
    if lens.distortion is not None:
        raise SettingsError(
            "Meshes are drawn by an ideal pinhole, but the camera's lens is distorted: draw with `intrinsics.ideal()` "
            "and resample."
        )


def near_edges(rgb: FloatImage, alpha: FloatImage) -> NDArray[np.bool_]:
    """[H, W] pixels that differ from a neighbour, and the neighbours of those, where something thin may be missed."""
    image = np.concatenate([rgb, alpha[..., None]], axis=-1)
    found = np.zeros(alpha.shape, np.bool_)
    across = (np.abs(np.diff(image, axis=1)) > _EDGE).any(axis=-1)
    down = (np.abs(np.diff(image, axis=0)) > _EDGE).any(axis=-1)
    found[:, 1:] |= across
    found[:, :-1] |= across
    found[1:] |= down
    found[:-1] |= down
    wide = found.copy()
    wide[:, 1:] |= found[:, :-1]
    wide[:, :-1] |= found[:, 1:]
    tall = wide.copy()
    tall[1:] |= wide[:-1]
    tall[:-1] |= wide[1:]
    return tall


def _shown(light: NDArray[np.float32]) -> NDArray[np.float32]:
    return srgb_from_linear(light).astype(np.float32)


@numba.njit(cache=True)
def _shade(  # type: ignore[no-untyped-def]
    triangles, depths, directions, vertices, faces, colors, linear, sky, is_hit, depth_z, light, normals
):
    for i in range(len(triangles)):
        t = triangles[i]
        is_hit[i] = t >= 0
        if t < 0:
            depth_z[i] = 0
            light[i] = 0
            normals[i] = 0
            continue
        a, b, c = vertices[faces[t, 0]], vertices[faces[t, 1]], vertices[faces[t, 2]]
        # In double precision: the edges of a small triangle far from the origin differ in their last digits.
        ux, uy, uz = np.float64(b[0]) - a[0], np.float64(b[1]) - a[1], np.float64(b[2]) - a[2]
        vx, vy, vz = np.float64(c[0]) - a[0], np.float64(c[1]) - a[1], np.float64(c[2]) - a[2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        d = directions[i]
        along = nx * d[0] + ny * d[1] + nz * d[2]
        size = np.sqrt(nx * nx + ny * ny + nz * nz)
        if along > 0:
            size = -size
        if size != 0:
            nx, ny, nz = nx / size, ny / size, nz / size
        facing = abs(along) / (abs(size) * np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])) if size != 0 else 0.0
        skyward = 0.5 + 0.5 * (nx * sky[0] + ny * sky[1] + nz * sky[2])
        strength = _EVEN + _HEAD * facing + _SKY * skyward
        depth_z[i] = depths[i]
        normals[i, 0], normals[i, 1], normals[i, 2] = nx, ny, nz
        for k in range(3):
            light[i, k] = linear[colors[t, k]] * strength
