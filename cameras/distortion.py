"""Lens distortion: maps between ideal and distorted normalised image coordinates (x / z, y / z)."""

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Distortion(Protocol):
    """Maps [..., 2] normalised coordinates; ``undistort`` inverts ``distort`` inside the lens's valid disc."""

    def distort(self, ideal: ArrayLike) -> NDArray[np.float64]: ...

    def undistort(self, distorted: ArrayLike) -> NDArray[np.float64]: ...
