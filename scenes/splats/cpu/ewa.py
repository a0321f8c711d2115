"""The geometry of projecting LANES Gaussians at once, shared by the projection and its gradient.

Every function takes and returns vectors. Names follow ``scenes.splats.reference.project``.
"""

from ..definition import CLAMP, LOW_PASS
from .jit import kernel
from .vec import vmax, vmin, vset, vsqrt


@kernel(inline=True)
def to_camera(lens, x_world, y_world, z_world):
    """Points in camera axes."""
    x = x_world * lens.r00 + y_world * lens.r01 + z_world * lens.r02 + lens.t0
    y = x_world * lens.r10 + y_world * lens.r11 + z_world * lens.r12 + lens.t1
    z = x_world * lens.r20 + y_world * lens.r21 + z_world * lens.r22 + lens.t2
    return x, y, z


@kernel(inline=True)
def clamped_slopes(lens, x, y, inverse_z):
    """x / z and y / z, held within CLAMP half images."""
    limit_x = CLAMP * 0.5 * lens.width / lens.fx
    limit_y = CLAMP * 0.5 * lens.height / lens.fy
    slope_x = vmin(vmax(x * inverse_z, -limit_x), limit_x)
    slope_y = vmin(vmax(y * inverse_z, -limit_y), limit_y)
    return slope_x, slope_y


@kernel(inline=True)
def image_from_world(lens, slope_x, slope_y, inverse_z):
    """The two rows of Jacobian times rotation: how the pixel moves with a small move in the world."""
    along_x, along_y = inverse_z * lens.fx, inverse_z * lens.fy
    depth_x, depth_y = -along_x * slope_x, -along_y * slope_y
    row_x = (
        along_x * lens.r00 + depth_x * lens.r20,
        along_x * lens.r01 + depth_x * lens.r21,
        along_x * lens.r02 + depth_x * lens.r22,
    )
    row_y = (
        along_y * lens.r10 + depth_y * lens.r20,
        along_y * lens.r11 + depth_y * lens.r21,
        along_y * lens.r12 + depth_y * lens.r22,
    )
    return row_x, row_y


@kernel(inline=True)
def unit_quaternion(w, x, y, z):
    """Normalised (w, x, y, z), and one over the length."""
    inverse = 1 / vsqrt(w * w + x * x + y * y + z * z)
    return w * inverse, x * inverse, y * inverse, z * inverse, inverse


@kernel(inline=True)
def rotation_columns(w, x, y, z):
    """The columns of the rotation of a unit quaternion: the axes of the Gaussian in the world."""
    one = vset(1)
    first = (one - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y))
    second = (2 * (x * y - w * z), one - 2 * (x * x + z * z), 2 * (y * z + w * x))
    third = (2 * (x * z + w * y), 2 * (y * z - w * x), one - 2 * (x * x + y * y))
    return first, second, third


@kernel(inline=True)
def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@kernel(inline=True)
def cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@kernel(inline=True)
def times(a, b):
    """Product of two triples, component by component."""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]


@kernel(inline=True)
def covariance(u, v):
    """From the images u (x) and v (y) of the scaled axes: covariance xx, xy, yy after the low-pass filter, its
    determinant and the determinant before the filter.

    The determinants come from the cross product (Lagrange's identity), so that thin Gaussians lose no digits.
    """
    xx, xy, yy = dot(u, u), dot(u, v), dot(v, v)
    n = cross(u, v)
    sharp = dot(n, n)
    determinant = sharp + (xx + yy) * LOW_PASS + LOW_PASS * LOW_PASS
    return xx + LOW_PASS, xy, yy + LOW_PASS, determinant, sharp
