"""Real spherical harmonics to degree 3, in the order and signs of the 3DGS file format.

Source: Sloan, Efficient Spherical Harmonic Evaluation, JCGT 2(2), 2013, with the sign of the odd orders as in
Kerbl et al. 2023 (3D Gaussian Splatting). Works on NumPy arrays and on torch tensors alike.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Y00 = 0.28209479177387814  # 1 / (2 sqrt(pi))
Y1 = 0.4886025119029199  # sqrt(3 / (4 pi))
Y2_XY = 1.0925484305920792  # sqrt(15 / (4 pi))
Y2_ZZ = 0.31539156525252005  # sqrt(5 / (16 pi))
Y2_XX = 0.5462742152960396  # sqrt(15 / (16 pi))
Y3_3 = 0.5900435899266435  # sqrt(35 / (32 pi))
Y3_2 = 2.890611442640554  # sqrt(105 / (4 pi))
Y3_1 = 0.4570457994644658  # sqrt(21 / (32 pi))
Y3_0 = 0.3731763325901154  # sqrt(7 / (16 pi))
Y3_XX = 1.445305721320277  # sqrt(105 / (16 pi))

MAX_DEGREE = 3


def basis_terms(x: Any, y: Any, z: Any, degree: int) -> list[Any]:
    """The (degree + 1)**2 basis functions at the unit directions (x, y, z), each shaped like x.

    Raises:
        ValueError: if the degree is not 0, 1, 2 or 3.
    """
    if not 0 <= degree <= MAX_DEGREE:
        raise ValueError(f"the degree of spherical harmonics must be 0 to {MAX_DEGREE}, got {degree}")
    terms = [x * 0 + Y00]
    if degree >= 1:
        terms += [-Y1 * y, Y1 * z, -Y1 * x]
    if degree >= 2:
        terms += [Y2_XY * x * y, -Y2_XY * y * z, Y2_ZZ * (2 * z * z - x * x - y * y)]
        terms += [-Y2_XY * x * z, Y2_XX * (x * x - y * y)]
    if degree >= 3:
        terms += [-Y3_3 * y * (3 * x * x - y * y), Y3_2 * x * y * z, -Y3_1 * y * (4 * z * z - x * x - y * y)]
        terms += [Y3_0 * z * (2 * z * z - 3 * x * x - 3 * y * y), -Y3_1 * x * (4 * z * z - x * x - y * y)]
        terms += [Y3_XX * z * (x * x - y * y), -Y3_3 * x * (x * x - 3 * y * y)]
    return terms


def constant_term_from_rgb(rgb: NDArray[Any]) -> NDArray[Any]:
    """The coefficient of the constant basis function that alone gives this colour."""
    return (rgb - 0.5) / Y00


def rgb_from_constant_term(coefficient: NDArray[Any]) -> NDArray[Any]:
    """The colour that the constant basis function alone gives; not clamped."""
    return coefficient * Y00 + 0.5


def _basis_rows(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y, z = directions.T
    return np.stack(basis_terms(x, y, z, MAX_DEGREE), axis=1)


def rotate_coefficients(sh: NDArray[np.float32], b_from_a: NDArray[np.float64]) -> NDArray[np.float32]:
    """Coefficients [..., 16] of the same colours after the scene was turned from frame a into frame b.

    Each band turns within itself; its matrix is found by solving for it on more directions than it has columns,
    which is exact up to rounding because the band is closed under rotations.
    """
    angle = np.arange(64) * np.pi * (3 - np.sqrt(5))  # a Fibonacci sphere
    z = (np.arange(64) + 0.5) / 32 - 1
    directions_a = np.stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z], axis=1)
    values_a, values_b = _basis_rows(directions_a), _basis_rows(directions_a @ b_from_a.T)
    turned = np.array(sh, dtype=np.float64)
    for degree in range(1, MAX_DEGREE + 1):
        band = slice(degree**2, (degree + 1) ** 2)
        turn, *_ = np.linalg.lstsq(values_b[:, band], values_a[:, band], rcond=None)
        turned[..., band] = turned[..., band] @ turn.T
    return turned.astype(np.float32)
