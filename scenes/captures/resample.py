"""From any lens to an ideal pinhole: which pinhole, and where in the photo each of its pixels looks."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cameras.distortion import KannalaBrandt
from cameras.intrinsics import Intrinsics

# A pinhole stretches what is far off its axis; 55 degrees to each side is as wide as a very wide lens.
_MAX_TANGENT = math.tan(math.radians(55))


def ideal_pinhole(lens: Intrinsics) -> Intrinsics:
    """The ideal pinhole that a photo of ``lens`` is resampled to, of the same size in pixels.

    A lens with Brown-Conrady distortion keeps its focal lengths and principal point, so that the middle of the photo
    keeps its scale. A fisheye gets square pixels and the widest view, 110 degrees at most, that it fills on one axis.
    """
    if lens.distortion is None:
        return lens
    if not isinstance(lens.distortion, KannalaBrandt):
        return replace(lens, distortion=None)
    edges = [(0.0, lens.cy), (float(lens.width), lens.cy), (lens.cx, 0.0), (lens.cx, float(lens.height))]
    reach = np.abs(lens.rays(np.array(edges))[:, :2]).max(axis=1)
    limit = min(_MAX_TANGENT, lens.distortion.valid_radius)
    across, down = np.minimum(reach[:2].min(), limit), np.minimum(reach[2:].min(), limit)
    focal = max(0.5 * lens.width / float(across), 0.5 * lens.height / float(down))
    return Intrinsics(lens.width, lens.height, focal, focal, lens.width / 2, lens.height / 2)


@dataclass(frozen=True, eq=False)
class PixelMap:
    """Where the pixels of a pinhole look in a photo.

    Attributes:
        xy: [H, W, 2] float32 pixel positions in the photo.
        valid: [H, W] bool, whether the photo holds that position.
    """

    xy: NDArray[np.float32]
    valid: NDArray[np.bool_]


@lru_cache(maxsize=4)
def pixel_map(photo: Intrinsics, pinhole: Intrinsics) -> PixelMap:
    """The map from the raster of ``pinhole`` (ideal) into a photo of lens ``photo``; one lens makes one map."""
    x, y = np.meshgrid(np.arange(pinhole.width) + 0.5, np.arange(pinhole.height) + 0.5)
    rays = pinhole.rays(np.stack([x, y], axis=-1))
    xy = photo.project(rays)
    valid = (xy > 0).all(axis=-1) & (xy[..., 0] < photo.width) & (xy[..., 1] < photo.height)
    if photo.distortion is not None:
        valid &= np.hypot(rays[..., 0], rays[..., 1]) <= photo.distortion.valid_radius
    return PixelMap(xy.astype(np.float32), valid)


def sample_cubic(image: NDArray[np.uint8], at: PixelMap) -> NDArray[np.uint8]:
    """[H, W, C] uint8 of an [h, w, C] image by cubic convolution (Keys 1981, a = -1/2); alpha stays straight."""
    from .cubic import sample_cubic_straight

    out = np.empty((*at.valid.shape, image.shape[2]), np.uint8)
    sample_cubic_straight(np.ascontiguousarray(image), at.xy, out)
    return out


def sample_nearest(image: NDArray[np.float32], at: PixelMap, photo: Intrinsics) -> NDArray[np.float32]:
    """[H, W] values of the nearest pixels of an [h, w] image that covers the photo at any resolution; 0 outside."""
    height, width = image.shape
    x = np.floor(at.xy[..., 0] * (width / photo.width)).astype(np.int64).clip(0, width - 1)
    y = np.floor(at.xy[..., 1] * (height / photo.height)).astype(np.int64).clip(0, height - 1)
    return np.where(at.valid, image[y, x], np.float32(0))


def sample_mask(mask: NDArray[np.bool_], at: PixelMap, photo: Intrinsics) -> NDArray[np.bool_]:
    """[H, W] bool: True only where all that a pixel covers is valid in the [h, w] mask of the photo."""
    from scipy import ndimage

    covered = max(1, round(mask.shape[1] / at.xy.shape[1]))
    eroded = ndimage.minimum_filter(mask, size=covered, mode="nearest") if covered > 1 else mask
    return sample_nearest(eroded.astype(np.float32), at, photo) > 0
