"""Pictures seen from another camera, along exact depth: which pixel shows which, and what hides it."""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera

FloatImage = NDArray[np.float32]
Mask = NDArray[np.bool_]

DEPTH_TOLERANCE = 0.01
"""Depths that differ by less than this part of them are of one surface."""


@dataclass(frozen=True, eq=False)
class Reprojection:
    """Where the pixels of one picture are found in another.

    Attributes:
        pixels: [H, W, 2] (x, y) in the source of the point that each pixel of the target shows.
        valid: [H, W] the source shows that point: it is inside, and nothing hides it.
    """

    pixels: NDArray[np.float64]
    valid: Mask

    def sample(self, image: FloatImage) -> FloatImage:
        """[H, W, C] the source's image [h, w, C] at these pixels, bilinear; 0 where not valid."""
        found = np.zeros((*self.valid.shape, image.shape[2]), np.float32)
        _sample(np.ascontiguousarray(image, dtype=np.float32), self.pixels, self.valid, found)
        return found


def points_world(camera: Camera, depth_z: FloatImage) -> NDArray[np.float64]:
    """[H, W, 3] what the pixels of a pinhole camera show, from depth [H, W] along the axis."""
    height, width = depth_z.shape
    pixels = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1)
    return camera.unproject(pixels, depth_z)


def reproject(
    target: Camera,
    target_depth_z: FloatImage,
    source: Camera,
    source_depth_z: FloatImage,
    tolerance: float = DEPTH_TOLERANCE,
) -> Reprojection:
    """Finds the pixels of a target in a source; both are pinhole cameras with depth along their axes, 0 where none.

    A point counts as hidden where the source's depth beside it differs from its own by more than the tolerance (1 % is
    the test of Difix3D+ and of most video warps), which also leaves out edges.
    """
    pixels, depth = source.project(points_world(target, target_depth_z))
    valid = np.zeros(target_depth_z.shape, np.bool_)
    _visible(pixels, depth, target_depth_z, np.ascontiguousarray(source_depth_z), tolerance, valid)
    return Reprojection(pixels, valid)


@numba.njit(cache=True)
def _visible(
    pixels: NDArray[np.float64],
    depth: NDArray[np.float64],
    target_depth: NDArray[np.float32],
    source_depth: NDArray[np.float32],
    tolerance: float,
    valid: Mask,
) -> None:
    height, width = valid.shape
    h, w = source_depth.shape
    for y in range(height):
        for x in range(width):
            z = depth[y, x]
            u, v = pixels[y, x, 0] - 0.5, pixels[y, x, 1] - 0.5
            if target_depth[y, x] <= 0 or z <= 0 or not (u >= 0 and v >= 0 and u <= w - 1 and v <= h - 1):
                continue
            i, j = min(int(u), w - 2), min(int(v), h - 2)
            near = True
            for b in range(2):
                for a in range(2):
                    near = near and abs(source_depth[j + b, i + a] - z) <= tolerance * z
            valid[y, x] = near


@numba.njit(cache=True)
def _sample(image: FloatImage, pixels: NDArray[np.float64], valid: Mask, found: FloatImage) -> None:
    height, width = valid.shape
    h, w, channels = image.shape
    for y in range(height):
        for x in range(width):
            if not valid[y, x]:
                continue
            u, v = pixels[y, x, 0] - 0.5, pixels[y, x, 1] - 0.5
            i, j = min(int(u), w - 2), min(int(v), h - 2)
            s, t = u - i, v - j
            for c in range(channels):
                top = (1 - s) * image[j, i, c] + s * image[j, i + 1, c]
                bottom = (1 - s) * image[j + 1, i, c] + s * image[j + 1, i + 1, c]
                found[y, x, c] = (1 - t) * top + t * bottom
