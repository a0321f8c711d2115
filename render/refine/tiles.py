"""Frames of any size through a model that takes small ones: tiles that overlap and are blended."""

from itertools import pairwise

import numpy as np

from .base import FloatImage, FrameBundle, Refined, Refiner

MOST_PIXELS = 1_400_000
"""A frame of at most so many is refined whole."""
OVERLAP = 32


def refine_in_tiles(
    refiner: Refiner, bundle: FrameBundle, seed: int, most_pixels: int = MOST_PIXELS, overlap: int = OVERLAP
) -> Refined:
    """``refiner.refine``, in tiles where the frame is too large.

    Args:
        overlap: pixels that neighbouring tiles share; across them one fades into the other.
    """
    rows, columns = _cuts(bundle.height, bundle.width, most_pixels)
    if (rows, columns) == (1, 1):
        return refiner.refine(bundle, seed)
    total = np.zeros((*bundle.alpha.shape, 4), np.float32)
    confidence = np.zeros(bundle.alpha.shape, np.float32)
    generated = np.zeros(bundle.alpha.shape, np.bool_)
    says_confidence, says_generated = False, False
    for top, bottom in _spans(bundle.height, rows, overlap):
        for left, right in _spans(bundle.width, columns, overlap):
            found = refiner.refine(bundle.crop(top, bottom, left, right), seed)
            inside = slice(top, bottom), slice(left, right)
            share = _fade(top, bottom, bundle.height, overlap)[:, None] * _fade(left, right, bundle.width, overlap)
            total[inside][..., :3] += share[..., None] * found.rgb
            total[inside][..., 3] += share
            if found.confidence is not None:
                says_confidence = True
                confidence[inside] += share * found.confidence
            if found.generated is not None:
                says_generated = True
                generated[inside] |= found.generated
    return Refined(
        total[..., :3] / total[..., 3:],
        confidence / total[..., 3] if says_confidence else None,
        generated if says_generated else None,
    )


def _cuts(height: int, width: int, most_pixels: int) -> tuple[int, int]:
    """Rows and columns of tiles, cut along the longer side first."""
    rows, columns = 1, 1
    while -(-height // rows) * -(-width // columns) > most_pixels:
        if height / rows > width / columns:
            rows += 1
        else:
            columns += 1
    return rows, columns


def _spans(length: int, parts: int, overlap: int) -> list[tuple[int, int]]:
    edges = [length * part // parts for part in range(parts + 1)]
    half = overlap // 2
    return [(max(0, start - half), min(length, stop + half)) for start, stop in pairwise(edges)]


def _fade(start: int, stop: int, length: int, overlap: int) -> FloatImage:
    """[stop - start] weights that rise over the overlap, but not at the border of the frame."""
    place = np.arange(start, stop)
    rise = (place - start + 0.5) / max(1, overlap) if start > 0 else np.ones(stop - start)
    fall = (stop - place - 0.5) / max(1, overlap) if stop < length else np.ones(stop - start)
    return np.clip(np.minimum(rise, fall), 1e-3, 1).astype(np.float32)
