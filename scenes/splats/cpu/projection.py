"""Gaussians onto the image: one record and one depth key for each that can be seen.

Slow twin: ``scenes.splats.reference.project``.
"""

import numpy as np
from numba import prange

from ..definition import ALPHA_MIN, MARGIN, NEAR_Z
from .elementary import LN_2, LOG2_E, vexp, vlog2
from .ewa import (
    clamped_slopes,
    covariance,
    dot,
    image_from_world,
    rotation_columns,
    times,
    to_camera,
    unit_quaternion,
)
from .jit import kernel
from .records import BLUE, DEPTH_Z, GREEN, RECORD, RED, copy_record, lens_of
from .scratch import scratch
from .sh_vectors import basis_vectors
from .vec import (
    LANES,
    float_bits,
    vany,
    vload,
    vmax,
    vselect,
    vset,
    vsqrt,
    vstore,
    vstore_columns,
    vsum,
)

MEANS = 0  # rows of the scratch into which the parameters of LANES Gaussians are packed
QUATERNIONS = 3
LOG_SCALES = 7
LOGITS = 10
PACKED = 11
TERMS = 16  # of the spherical harmonics
LOG2_255 = 7.994353436858858
LARGEST_LOGIT = 80.0  # keeps the exponentials finite; opacity is 1 in float32 long before


@kernel(inline=True)
def pack_means(packed, means, first, last):
    for lane in range(LANES):
        i = min(first + lane, last)
        packed[MEANS * LANES + lane] = means[i, 0]
        packed[(MEANS + 1) * LANES + lane] = means[i, 1]
        packed[(MEANS + 2) * LANES + lane] = means[i, 2]


@kernel(inline=True)
def pack_shapes(packed, quaternions, log_scales, logits, first, last):
    for lane in range(LANES):
        i = min(first + lane, last)
        for c in range(4):
            packed[(QUATERNIONS + c) * LANES + lane] = quaternions[i, c]
        for c in range(3):
            packed[(LOG_SCALES + c) * LANES + lane] = log_scales[i, c]
        packed[LOGITS * LANES + lane] = logits[i]


@kernel(inline=True)
def opacity_of(logit):
    """The logistic function."""
    bounded = vmax(logit, -LARGEST_LOGIT)
    return 1 / (1 + vexp(-bounded))


@kernel(inline=True)
def scaled_axes(packed):
    """The three axes of each Gaussian in the world, as long as its standard deviations."""
    q = QUATERNIONS
    qw, qx, qy, qz = (
        vload(packed, q * LANES),
        vload(packed, (q + 1) * LANES),
        vload(packed, (q + 2) * LANES),
        vload(packed, (q + 3) * LANES),
    )
    w, i, j, k, _ = unit_quaternion(qw, qx, qy, qz)
    first, second, third = rotation_columns(w, i, j, k)
    a = vexp(vload(packed, LOG_SCALES * LANES))
    b = vexp(vload(packed, (LOG_SCALES + 1) * LANES))
    c = vexp(vload(packed, (LOG_SCALES + 2) * LANES))
    return times(first, (a, a, a)), times(second, (b, b, b)), times(third, (c, c, c))


@kernel(inline=True)
def _axes_on_image(axes, lens, x, y, inverse_z):
    """The three scaled axes of each Gaussian: their x and y on the image, and their depth."""
    slope_x, slope_y = clamped_slopes(lens, x, y, inverse_z)
    row_x, row_y = image_from_world(lens, slope_x, slope_y, inverse_z)
    row_z = (vset(lens.r20), vset(lens.r21), vset(lens.r22))
    first, second, third = axes
    u = dot(row_x, first), dot(row_x, second), dot(row_x, third)
    v = dot(row_y, first), dot(row_y, second), dot(row_y, third)
    w = dot(row_z, first), dot(row_z, second), dot(row_z, third)
    return u, v, w


@kernel(inline=True)
def project_block(mean, axes, opacity, colour, lens, antialiased, block_records, in_front):
    """Fill the records of LANES Gaussians; the mask of those that can be seen.

    All but the records, LANES * RECORD numbers, are vectors or triples of them: ``mean`` in the world, ``axes`` from
    ``scaled_axes``, the opacity before the low-pass filter, and ``colour``, which goes into the records as it is.
    """
    x, y, z = to_camera(lens, mean[0], mean[1], mean[2])
    z = vselect(in_front, z, 1)
    inverse_z = 1 / z
    pixel_x, pixel_y = x * inverse_z * lens.fx + lens.cx, y * inverse_z * lens.fy + lens.cy
    u, v, w = _axes_on_image(axes, lens, x, y, inverse_z)
    xx, xy, yy, determinant, sharp = covariance(u, v)
    if antialiased:
        opacity = opacity * vsqrt(sharp / determinant)
    visible = in_front & (opacity > ALPHA_MIN)
    opacity = vselect(visible, opacity, 0.5)
    log2_opacity = vlog2(opacity)
    reach = (log2_opacity + LOG2_255) * (2 * LN_2)
    extent_x, extent_y = vsqrt(reach * xx), vsqrt(reach * yy)
    visible = visible & (pixel_x + extent_x > 0) & (pixel_x - extent_x < lens.width)
    visible = visible & (pixel_y + extent_y > 0) & (pixel_y - extent_y < lens.height)
    inverse = 1 / determinant
    conic_xx, conic_xy, conic_yy = yy * inverse, -xy * inverse, xx * inverse
    power = -LOG2_E / 8
    along_u, along_v = dot(u, w), dot(v, w)
    slope_x, slope_y = conic_xx * along_u + conic_xy * along_v, conic_xy * along_u + conic_yy * along_v
    vstore_columns(block_records, 0, (
        pixel_x, pixel_y, conic_xx * (power / 2), conic_xy * power, conic_yy * (power / 2), log2_opacity * 0.125,
        colour[0], colour[1], colour[2], extent_y, extent_x, opacity, slope_x, slope_y, vset(0), z,
    ))  # fmt: skip
    return visible


@kernel(inline=True)
def directions_from_camera(lens, x_world, y_world, z_world):
    """Unit vectors from the camera to the points, and one over the distance."""
    dx, dy, dz = x_world - lens.c0, y_world - lens.c1, z_world - lens.c2
    inverse = 1 / vsqrt(dx * dx + dy * dy + dz * dz)
    return dx * inverse, dy * inverse, dz * inverse, inverse


@kernel(inline=True)
def store_basis(basis, lens, degree, x_world, y_world, z_world):
    """Row ``lane`` of basis [LANES * TERMS] becomes the basis functions in the direction of that Gaussian."""
    dx, dy, dz, _ = directions_from_camera(lens, x_world, y_world, z_world)
    vstore_columns(basis, 0, basis_vectors(degree, dx, dy, dz))


@kernel(inline=True)
def store_colour(records, at, basis, row, coefficients, first):
    """Three products of 16 coefficients and 16 basis functions into a record; at, row, first are offsets."""
    red, green, blue = vset(0), vset(0), vset(0)
    for part in range(0, TERMS, LANES):
        terms, k = vload(basis, row + part), first + part
        red = red + terms * vload(coefficients, k)
        green = green + terms * vload(coefficients, k + TERMS)
        blue = blue + terms * vload(coefficients, k + 2 * TERMS)
    half, black = np.float32(0.5), np.float32(0)
    records[at + RED] = max(half + vsum(red), black)
    records[at + GREEN] = max(half + vsum(green), black)
    records[at + BLUE] = max(half + vsum(blue), black)


@kernel()
def _project_range(
    first, last, means, quaternions, log_scales, logits, sh, degree, numbers, antialiased, records, keys
):
    """Project the Gaussians first .. last - 1; how many can be seen."""
    lens = lens_of(numbers)
    packed, basis = scratch(PACKED * LANES), scratch(LANES * TERMS)
    block, flags = scratch(LANES * RECORD), scratch(LANES)
    flat_records, flat_sh = records.reshape(-1), sh.reshape(-1)
    count = 0
    for start in range(first, last, LANES):
        lanes = min(LANES, last - start)
        pack_means(packed, means, start, last - 1)
        x_world, y_world, z_world = vload(packed, 0), vload(packed, LANES), vload(packed, 2 * LANES)
        in_front = may_be_seen(lens, x_world, y_world, z_world)
        keys[start : start + lanes] = 0
        if not vany(in_front):
            continue
        pack_shapes(packed, quaternions, log_scales, logits, start, last - 1)
        mean, axes = (x_world, y_world, z_world), scaled_axes(packed)
        opacity = opacity_of(vload(packed, LOGITS * LANES))
        no_colour = vset(0), vset(0), vset(0)  # each visible one gets its own below
        visible = project_block(mean, axes, opacity, no_colour, lens, antialiased, block, in_front)
        if not vany(visible):
            continue
        vstore(flags, 0, vselect(visible, 1, 0))
        store_basis(basis, lens, degree, x_world, y_world, z_world)
        for lane in range(lanes):
            if flags[lane] > 0:
                i = start + lane
                store_colour(block, lane * RECORD, basis, lane * TERMS, flat_sh, i * 3 * TERMS)
                copy_record(flat_records, i * RECORD, block, lane * RECORD)
                keys[i] = float_bits(block[lane * RECORD + DEPTH_Z])
                count += 1
    return count


@kernel(inline=True)
def may_be_seen(lens, x_world, y_world, z_world):
    x, y, z = to_camera(lens, x_world, y_world, z_world)
    left, right = -MARGIN * lens.width - lens.cx, (1 + MARGIN) * lens.width - lens.cx
    top, bottom = -MARGIN * lens.height - lens.cy, (1 + MARGIN) * lens.height - lens.cy
    px, py = x * lens.fx, y * lens.fy
    inside = (px >= z * left) & (px <= z * right) & (py >= z * top) & (py <= z * bottom)
    return (z >= NEAR_Z) & inside


@kernel(parallel=True)
def project(means, quaternions, log_scales, logits, sh, degree, numbers, antialiased, records, keys, counts):
    """Records and depth keys of all Gaussians.

    Args:
        means, quaternions, log_scales, logits, sh: the parameters, as in ``Gaussians``.
        degree: of the spherical harmonics that count.
        numbers: the camera, from ``lens_numbers``.
        antialiased: lower the opacity by what the low-pass filter adds to the area.
        records: [N, RECORD] written where a Gaussian can be seen.
        keys: [N] int32, the bits of its depth; 0 where it cannot be seen.
        counts: [chunks] int64, how many can be seen in each of as many equal shares of the Gaussians.
    """
    n, chunks = means.shape[0], counts.shape[0]
    for chunk in prange(chunks):
        counts[chunk] = _project_range(
            chunk * n // chunks, (chunk + 1) * n // chunks, means, quaternions, log_scales, logits, sh, degree,
            numbers, antialiased, records, keys,
        )  # fmt: skip
