"""Steadies what a refiner adds to the frames of a film: the residual is averaged along the surface, the render is not.

With r the residual of a frame and s what the frame before has become, warped here where the same surface was in sight,
what is shown is (1 - a) r + a s there and r elsewhere. Independent errors of the frames then differ from frame to frame
by (1 - a) / sqrt(1 + a) of what they did. Forward and backward in time, averaged, no frame comes before another.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .reproject import Reprojection

FloatImage = NDArray[np.float32]
KEPT = 0.9
"""The part a of the frame before."""

Flow = Callable[[int, int], Reprojection]


def fused(residuals: Sequence[FloatImage], flow: Flow, kept: float = KEPT) -> list[FloatImage]:
    """Steadied residuals [H, W, 3] of neighbouring frames, one for each.

    Args:
        flow: where frame i finds its pixels in frame j, for neighbours i and j.
        kept: from 0, which changes nothing, to below 1.

    Raises:
        ValueError: if ``kept`` is out of bounds.
    """
    if not 0 <= kept < 1:
        raise ValueError(f"kept must be from 0 to below 1, got {kept}")
    forward = _one_way(residuals, range(len(residuals)), -1, flow, kept)
    backward = _one_way(residuals, range(len(residuals))[::-1], 1, flow, kept)
    return [(0.5 * (forward[i] + backward[i])).astype(np.float32) for i in range(len(residuals))]


def _one_way(
    residuals: Sequence[FloatImage], order: Sequence[int], step: int, flow: Flow, kept: float
) -> dict[int, FloatImage]:
    """Frames in an order; each finds the one before it ``step`` away."""
    found: dict[int, FloatImage] = {}
    for i in order:
        found[i] = residuals[i]
        if i + step in found:
            found[i] = blended(residuals[i], flow(i, i + step), found[i + step], kept)
    return found


def blended(residual: FloatImage, flow: Reprojection, neighbour: FloatImage, kept: float = KEPT) -> FloatImage:
    """[H, W, 3] a frame's residual with what its neighbour has become, where that shows the same surface."""
    mixed = np.float32(1 - kept) * residual + np.float32(kept) * flow.sample(neighbour)
    return np.where(flow.valid[..., None], mixed, residual).astype(np.float32)
