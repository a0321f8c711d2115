"""Spherical harmonics of LANES directions at once; the constants and the order are those of ``harmonics``."""

from ..harmonics import Y00, Y1, Y2_XX, Y2_XY, Y2_ZZ, Y3_0, Y3_1, Y3_2, Y3_3, Y3_XX
from .jit import kernel
from .vec import vset


@kernel(inline=True)
def basis_vectors(degree, x, y, z):
    """The 16 basis functions at the directions (x, y, z); those above the degree are 0."""
    zero = vset(0)
    b1, b2, b3 = zero, zero, zero
    b4, b5, b6, b7, b8 = zero, zero, zero, zero, zero
    b9, b10, b11, b12, b13, b14, b15 = zero, zero, zero, zero, zero, zero, zero
    xx, yy, zz = x * x, y * y, z * z
    if degree > 0:
        b1, b2, b3 = y * -Y1, z * Y1, x * -Y1
    if degree > 1:
        b4, b5, b6 = x * y * Y2_XY, y * z * -Y2_XY, (2 * zz - xx - yy) * Y2_ZZ
        b7, b8 = x * z * -Y2_XY, (xx - yy) * Y2_XX
    if degree > 2:
        b9, b10, b11 = y * (3 * xx - yy) * -Y3_3, x * y * z * Y3_2, y * (4 * zz - xx - yy) * -Y3_1
        b12, b13 = z * (2 * zz - 3 * xx - 3 * yy) * Y3_0, x * (4 * zz - xx - yy) * -Y3_1
        b14, b15 = z * (xx - yy) * Y3_XX, x * (xx - 3 * yy) * -Y3_3
    return (vset(Y00), b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15)


@kernel(inline=True)
def direction_gradient(degree, w, x, y, z):
    """Gradient of sum_k w[k] * basis_k with respect to (x, y, z), each taken as free."""
    gx, gy, gz = vset(0), vset(0), vset(0)
    xx, yy, zz = x * x, y * y, z * z
    if degree > 0:
        gx, gy, gz = w[3] * -Y1, w[1] * -Y1, w[2] * Y1
    if degree > 1:
        gx += (w[4] * y - w[7] * z) * Y2_XY - w[6] * x * (2 * Y2_ZZ) + w[8] * x * (2 * Y2_XX)
        gy += (w[4] * x - w[5] * z) * Y2_XY - w[6] * y * (2 * Y2_ZZ) - w[8] * y * (2 * Y2_XX)
        gz += (w[5] * y + w[7] * x) * -Y2_XY + w[6] * z * (4 * Y2_ZZ)
    if degree > 2:
        diagonal = 4 * zz - xx - yy
        gx += (w[9] * x * y * 6 + w[15] * (xx - yy) * 3) * -Y3_3 + w[10] * y * z * Y3_2
        gx += (w[13] * (diagonal - 2 * xx) - w[11] * x * y * 2) * -Y3_1
        gx += w[12] * x * z * (-6 * Y3_0) + w[14] * x * z * (2 * Y3_XX)
        gy += (w[9] * (xx - yy) * 3 - w[15] * x * y * 6) * -Y3_3 + w[10] * x * z * Y3_2
        gy += (w[11] * (diagonal - 2 * yy) - w[13] * x * y * 2) * -Y3_1
        gy += w[12] * y * z * (-6 * Y3_0) - w[14] * y * z * (2 * Y3_XX)
        gz += w[10] * x * y * Y3_2 + (w[11] * y + w[13] * x) * z * (-8 * Y3_1)
        gz += w[12] * (2 * zz - xx - yy) * (3 * Y3_0) + w[14] * (xx - yy) * Y3_XX
    return gx, gy, gz
