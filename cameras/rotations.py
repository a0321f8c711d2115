"""Rotations as [3, 3] matrices and as unit quaternions in w, x, y, z order."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROTATION_TOLERANCE = 1e-6


def check_rotation(rotation: ArrayLike) -> NDArray[np.float64]:
    """A float64 copy of a [3, 3] rotation.

    Raises:
        ValueError: if it is not finite, not orthonormal within 1e-6 or a reflection.
    """
    r = np.array(rotation, dtype=np.float64)
    if r.shape != (3, 3) or not np.isfinite(r).all():
        raise ValueError(f"a rotation must be a finite [3, 3] matrix, got shape {r.shape}")
    error = float(np.abs(r @ r.T - np.eye(3)).max())
    if error > ROTATION_TOLERANCE or np.linalg.det(r) < 0:
        raise ValueError(f"not a rotation: off orthonormal by {error:.2g}, determinant {np.linalg.det(r):.3g}")
    return r
