"""Memory that begins at a cache line: a vector that straddles two lines is loaded and stored at half the speed."""

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .jit import kernel

ALIGNMENT = 64  # bytes: a cache line, a full vector
_FLOATS = ALIGNMENT // 4


@kernel(inline=True)
def scratch(count):
    """[count] float32 zeros for the use of one kernel; Numba's own arrays begin anywhere."""
    raw = np.zeros(count + _FLOATS, np.float32)
    first = (ALIGNMENT - np.int64(raw.ctypes.data) % ALIGNMENT) % ALIGNMENT // 4
    return raw[first : first + count]


def aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> NDArray:
    """Zeros, contiguous."""
    kind, size = np.dtype(dtype), math.prod(shape)
    raw = np.zeros(size + ALIGNMENT // kind.itemsize, kind)
    first = -raw.ctypes.data % ALIGNMENT // kind.itemsize
    return raw[first : first + size].reshape(shape)
