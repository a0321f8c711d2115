"""Fusion of residuals: steadier by the law, without changing what all frames agree on, and only where it may."""

import math
from itertools import pairwise

import numpy as np
import pytest

from render.refine.fusion import fused
from render.refine.reproject import Reprojection

SIZE = (24, 32)


def still(valid: bool = True) -> Reprojection:
    x, y = np.meshgrid(np.arange(SIZE[1], dtype=np.float64) + 0.5, np.arange(SIZE[0], dtype=np.float64) + 0.5)
    return Reprojection(np.stack([x, y], axis=-1).astype(np.float64), np.full(SIZE, valid))


def noise(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.normal(size=(*SIZE, 3)).astype(np.float32) for _ in range(count)]


def jump(frames: list[np.ndarray]) -> float:
    """Root mean square of the differences of neighbouring frames."""
    return float(np.sqrt(np.mean([(a - b) ** 2 for a, b in pairwise(frames)])))


def test_what_all_frames_agree_on_stays() -> None:
    same = [np.full((*SIZE, 3), 0.25, np.float32)] * 5
    for frame in fused(same, lambda i, j: still()):
        np.testing.assert_allclose(frame, 0.25, atol=1e-6)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.8])
def test_one_way_noise_falls_as_the_law_says_and_both_ways_at_least_as_far(kept: float) -> None:
    frames = noise(80)
    after = fused(frames, lambda i, j: still(), kept)
    law = (1 - kept) / math.sqrt(1 + kept)
    assert jump(after) / jump(frames) < 1.02 * law


def test_time_may_run_backward() -> None:
    frames = noise(7)
    there, back = (fused(order, lambda i, j: still()) for order in (frames, frames[::-1]))
    for a, b in zip(there, back[::-1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_nothing_is_mixed_where_the_surface_was_not_in_sight() -> None:
    frames = noise(4)
    for before, after in zip(frames, fused(frames, lambda i, j: still(valid=False)), strict=True):
        np.testing.assert_array_equal(before, after)


def test_one_frame_and_no_keeping_change_nothing() -> None:
    frames = noise(3)
    np.testing.assert_array_equal(fused(frames[:1], lambda i, j: still())[0], frames[0])
    np.testing.assert_allclose(fused(frames, lambda i, j: still(), 0.0), frames, atol=1e-6)
    with pytest.raises(ValueError, match="from 0 to below 1"):
        fused(frames, lambda i, j: still(), 1.0)
