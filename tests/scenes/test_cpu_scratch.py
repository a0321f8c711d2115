"""Memory at cache lines."""

import numba
import numpy as np
import pytest

from scenes.splats.cpu.buffers import Buffers
from scenes.splats.cpu.scratch import ALIGNMENT, aligned_zeros, scratch


@numba.njit
def _scratches(counts: np.ndarray) -> tuple[int, float]:  # type: ignore[no-untyped-def]
    """The worst place within a line, and the sum of what lies there."""
    worst, total = 0, 0.0
    for count in counts:
        array = scratch(count)
        worst = max(worst, array.ctypes.data % 64)
        total += array.sum() + (array.size - count)
        array[:] = 1
    return worst, total


def test_scratch_of_a_kernel_begins_at_a_line_and_is_zero() -> None:
    assert _scratches(np.arange(1, 300, 7)) == (0, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64, np.bool_])
@pytest.mark.parametrize("shape", [(0,), (1,), (7, 3), (2, 5, 16)])
def test_arrays_begin_at_a_line_and_are_zero(shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    array = aligned_zeros(shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.size == 0 or array.ctypes.data % ALIGNMENT == 0
    assert not array.any()


def test_buffers_grow_and_stay_where_they_are() -> None:
    buffers = Buffers()
    first = buffers.get("a", (10, 3), np.float32)
    first.fill(2)
    assert np.shares_memory(buffers.get("a", (30,), np.float32), first)
    assert (buffers.get("a", (30,), np.float32) == 2).all()
    larger = buffers.get("a", (100,), np.float32)
    assert larger.shape == (100,)
    assert larger.ctypes.data % ALIGNMENT == 0
    assert not np.shares_memory(larger, first)
