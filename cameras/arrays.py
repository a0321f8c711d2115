"""Names and small operations for float64 arrays that many modules of this package share."""

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

TINY = 1e-12


def norms(vectors: Floats) -> Floats:
    """Lengths [..., 1] of vectors [..., D], the last axis kept for division."""
    return np.asarray(np.sqrt(np.sum(vectors * vectors, axis=-1, keepdims=True)), dtype=np.float64)


def unit(vectors: ArrayLike) -> Floats:
    """Vectors [..., D] scaled to length 1; a vector shorter than 1e-12 comes back as zeros."""
    v = np.asarray(vectors, dtype=np.float64)
    lengths = norms(v)
    return np.where(lengths > TINY, v / np.maximum(lengths, TINY), 0.0)


def angles_between_rad(a: ArrayLike, b: ArrayLike) -> Floats:
    """Angles [...] between vectors [..., 3], exact near 0 and pi (Kahan's half-angle formula)."""
    u, v = unit(a), unit(b)
    return np.asarray(2 * np.arctan2(norms(u - v)[..., 0], norms(u + v)[..., 0]), dtype=np.float64)
