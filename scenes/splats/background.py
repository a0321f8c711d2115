"""What is behind all Gaussians while they are fitted: a new colour each step, so that nothing can hide in it.

Only opacity explains a surface then, and a wall as bright as some fixed background closes like any other. A plain
backdrop, as of an object on a turntable, is no surface: it keeps its one colour.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenes.captures.pixels import PosedPhoto

from .schedule import random_stream

_BACKGROUND = 3  # names the stream of random numbers
_ALIKE = 8  # of 255: colours that differ less are one
_BACKDROP_SHARE = 0.9  # of the pixels along the borders of all photos


def random_color(seed: int, step: int) -> NDArray[np.float32]:
    """[3] uniform in [0, 1], the same for the same step."""
    return random_stream(seed, _BACKGROUND, step).random(3).astype(np.float32)


def mean_color(photos: Sequence[PosedPhoto]) -> NDArray[np.float32]:
    """[3] of all valid pixels: what a finished scene shows where no photo looked, instead of black."""
    kept = [photo.rgb.reshape(-1, 3) if photo.valid is None else photo.rgb[photo.valid] for photo in photos]
    total = np.sum([pixels.sum(axis=0, dtype=np.float64) for pixels in kept], axis=0)
    return (total / (255 * max(1, sum(len(pixels) for pixels in kept)))).astype(np.float32)


def backdrop_color(photos: Sequence[PosedPhoto]) -> NDArray[np.float32] | None:
    """[3] the one colour along the borders of nearly all photos; None where there is none, as in every real place."""
    borders = [_border(photo) for photo in photos if photo.alpha is None]
    pixels = np.concatenate(borders) if borders else np.zeros((0, 3), np.uint8)
    if len(pixels) == 0:
        return None
    color = np.median(pixels, axis=0)
    alike = (np.abs(pixels - color) <= _ALIKE).all(axis=1)
    return (color / 255).astype(np.float32) if alike.mean() >= _BACKDROP_SHARE else None


def _border(photo: PosedPhoto) -> NDArray[np.uint8]:
    """[n, 3] the valid pixels along the border."""
    on_border = np.ones(photo.rgb.shape[:2], np.bool_)
    on_border[1:-1, 1:-1] = False
    return photo.rgb[on_border if photo.valid is None else on_border & photo.valid]
