"""Noise that belongs to the surface: the same point has the same noise in every frame, in any order.

A point's noise is a Gaussian number hashed from the cube that it lies in. The cubes are about as large as a pixel
there; they come in sizes of powers of two, and between two sizes their numbers are blended with sine and cosine,
which keeps the variance at 1 (as mip levels of a texture, Williams 1983, but for noise).
"""

import math

import numba
import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]

_CUBES_PER_PIXEL = 1.0
# Odd constants of SplitMix64 (Steele, Lea & Flood 2014), and three more for the axes.
_MIX_A, _MIX_B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_AXES = (np.uint64(0x8CB92BA72F3D8DD7), np.uint64(0xD6E8FEB86659FD93), np.uint64(0xA0761D6478BD642F))
_TO_UNIT = 1.0 / 2.0**53


def surface_noise(
    points_world: NDArray[np.float64], footprints: NDArray[np.float64], channels: int, seed: int = 0
) -> FloatImage:
    """Gaussian noise [H, W, channels] of mean 0 and variance 1 for points [H, W, 3].

    Args:
        footprints: [H, W] size of a pixel at each point in world units; 0 or less where nothing is seen: noise 0.
        seed: another seed is other noise everywhere.
    """
    height, width = footprints.shape
    found = np.zeros((height, width, channels), np.float32)
    points = np.ascontiguousarray(points_world, dtype=np.float64)
    _fill(points, np.ascontiguousarray(footprints, dtype=np.float64), np.uint64(seed), found)
    return found


@numba.njit(cache=True)
def _mixed(x: np.uint64) -> np.uint64:
    x = (x ^ (x >> np.uint64(30))) * _MIX_A
    x = (x ^ (x >> np.uint64(27))) * _MIX_B
    return x ^ (x >> np.uint64(31))


@numba.njit(cache=True)
def _gaussian(i: int, j: int, k: int, level: int, channel: int, seed: np.uint64) -> float:
    """A Gaussian number of a cube (Box & Muller 1958)."""
    h = _mixed(seed + _STEP * np.uint64(np.int64(level) * 64 + channel + 1))
    h = _mixed(h ^ (np.uint64(np.int64(i)) * _AXES[0]))
    h = _mixed(h ^ (np.uint64(np.int64(j)) * _AXES[1]))
    h = _mixed(h ^ (np.uint64(np.int64(k)) * _AXES[2]))
    u = (float(h >> np.uint64(11)) + 0.5) * _TO_UNIT
    v = float(_mixed(h + _STEP) >> np.uint64(11)) * _TO_UNIT
    return math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)


@numba.njit(cache=True)
def _fill(
    points: NDArray[np.float64], footprints: NDArray[np.float64], seed: np.uint64, found: NDArray[np.float32]
) -> None:
    height, width, channels = found.shape
    for y in range(height):
        for x in range(width):
            size = footprints[y, x] * _CUBES_PER_PIXEL
            if not size > 0:
                continue
            at = math.log2(size)
            level = math.floor(at)
            near, far = math.cos(0.5 * math.pi * (at - level)), math.sin(0.5 * math.pi * (at - level))
            fine, coarse = 2.0**level, 2.0 ** (level + 1)
            px, py, pz = points[y, x, 0], points[y, x, 1], points[y, x, 2]
            a, b, c = math.floor(px / fine), math.floor(py / fine), math.floor(pz / fine)
            d, e, f = math.floor(px / coarse), math.floor(py / coarse), math.floor(pz / coarse)
            for channel in range(channels):
                value = near * _gaussian(a, b, c, level, channel, seed)
                value += far * _gaussian(d, e, f, level + 1, channel, seed)
                found[y, x, channel] = value
