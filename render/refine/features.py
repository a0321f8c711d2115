"""What the embedded model is told of a frame, as numbers between about -1 and 1."""

import numpy as np
from numpy.typing import NDArray

from .base import FrameBundle, WarpedPhoto
from .photos import MOST_SUPPORT

FloatImage = NDArray[np.float32]

CHANNELS = 15
"""Render 3, alpha, inverse depth, depth edges, two layers of photos (difference to the render 3, weight), support."""
LAYERS = (slice(6, 10), slice(10, 14))
DIFFERENCE_SCALE = 4.0
"""Differences of colours are small: they are given in quarters of the range."""
_SHARPNESS = 4
"""Power of the weights in the first layer: nearly the best photo alone, but without a seam where another is best."""
_TINY = np.float32(1e-6)


def features(bundle: FrameBundle) -> FloatImage:
    """[H, W, 15] the numbers of ``CHANNELS``; the render is its first three times 0.5 plus 0.5."""
    found = np.empty((*bundle.alpha.shape, CHANNELS), np.float32)
    found[..., :3] = 2 * bundle.rgb - 1
    found[..., 3] = 2 * bundle.alpha - 1
    inverse = _inverse_depth(bundle.depth_z)
    found[..., 4] = inverse - 1
    found[..., 5] = _edges(inverse)
    layers = photo_layers(bundle.references, bundle.alpha.shape)
    for (rgb, weight), part in zip(layers, LAYERS, strict=True):
        seen = (weight > 0).astype(np.float32)[..., None]
        found[..., part.start : part.stop - 1] = DIFFERENCE_SCALE * seen * (rgb - bundle.rgb)
        found[..., part.stop - 1] = weight
    found[..., 14] = bundle.support.astype(np.float32) / MOST_SUPPORT
    return found


def photo_layers(
    references: tuple[WarpedPhoto, ...], shape: tuple[int, ...]
) -> tuple[tuple[FloatImage, FloatImage], tuple[FloatImage, FloatImage]]:
    """Two pictures made of the photos, with weights: at each pixel nearly the best of them, and a mean of the others.

    Returns:
        (rgb [H, W, 3], weight [H, W]) twice; where nothing is seen the weight is 0.
    """
    first, second = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 3), np.float32)
    sharp_sum, rest_sum = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    most, rest_most = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for photo in references:
        sharp_sum += photo.weight**_SHARPNESS
    scale = 1 / np.maximum(sharp_sum, _TINY**2)
    for photo in references:
        share = photo.weight**_SHARPNESS * scale
        first += share[..., None] * photo.rgb
        rest = photo.weight * (1 - share)
        second += rest[..., None] * photo.rgb
        rest_sum += rest
        np.maximum(most, photo.weight, out=most)
        np.maximum(rest_most, rest, out=rest_most)
    second /= np.maximum(rest_sum, _TINY)[..., None]
    rest_most[rest_sum <= _TINY] = 0
    return (first, most), (second, rest_most)


def _inverse_depth(depth_z: FloatImage) -> FloatImage:
    """Median depth over depth, in [0, 3]; 0 where there is none."""
    known = depth_z > 0
    if not known.any():
        return np.zeros_like(depth_z)
    middle = np.float32(np.median(depth_z[::4, ::4][known[::4, ::4]])) if known[::4, ::4].any() else depth_z[known][0]
    return np.where(known, np.minimum(middle / np.maximum(depth_z, middle * np.float32(0.01)), 3), 0).astype(np.float32)


def _edges(inverse: FloatImage) -> FloatImage:
    """How fast the inverse depth changes from pixel to pixel, against itself, in [0, 1]."""
    change = np.zeros_like(inverse)
    change[:, 1:] = np.abs(np.diff(inverse, axis=1))
    change[1:] = np.maximum(change[1:], np.abs(np.diff(inverse, axis=0)))
    return np.minimum(20 * change / np.maximum(inverse, np.float32(0.05)), 1)
