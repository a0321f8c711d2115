"""From gradients on the image to gradients of the parameters, LANES visible Gaussians at a time.

Slow twin: automatic differentiation of ``scenes.splats.reference.project``.
"""

import numpy as np
from numba import prange

from ..definition import LOW_PASS
from .elementary import vexp
from .ewa import (
    clamped_slopes,
    covariance,
    cross,
    dot,
    image_from_world,
    rotation_columns,
    times,
    to_camera,
    unit_quaternion,
)
from .jit import kernel
from .projection import TERMS, directions_from_camera, opacity_of, store_basis
from .records import (
    BLUE,
    GREEN,
    RECORD,
    RED,
    SUM_BLUE,
    SUM_DEPTH,
    SUM_G,
    SUM_G_DX,
    SUM_G_DXDX,
    SUM_G_DXDY,
    SUM_G_DY,
    SUM_G_DYDY,
    SUM_GREEN,
    SUM_RED,
    lens_of,
)
from .scratch import scratch
from .sh_vectors import direction_gradient
from .vec import (
    LANES,
    prefetch_read,
    prefetch_write,
    vload,
    vload_columns,
    vselect,
    vset,
    vsqrt,
    vstore,
    vstore_columns,
)

MEANS = 0  # rows of the scratch into which LANES Gaussians are packed
QUATERNIONS = 3
LOG_SCALES = 7
LOGITS = 10
PACKED = 11
SCREEN = 11  # column of the result; those before it are as the rows above
AHEAD = 12


@kernel(inline=True)
def _pack(packed, ids, first, last, means, quaternions, log_scales, logits):
    for lane in range(LANES):
        i = ids[min(first + lane, last)]
        for c in range(3):
            packed[(MEANS + c) * LANES + lane] = means[i, c]
            packed[(LOG_SCALES + c) * LANES + lane] = log_scales[i, c]
        for c in range(4):
            packed[(QUATERNIONS + c) * LANES + lane] = quaternions[i, c]
        packed[LOGITS * LANES + lane] = logits[i]


@kernel(inline=True)
def _triple(rows, first):
    return vload(rows, first * LANES), vload(rows, (first + 1) * LANES), vload(rows, (first + 2) * LANES)


@kernel(inline=True)
def _scaled(a, factor):
    return a[0] * factor, a[1] * factor, a[2] * factor


@kernel(inline=True)
def _plus(a, b):
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@kernel(inline=True)
def _take_sums(sums, row, flat_gradients, at, stride):
    """Sum the threads' records of gradients of one Gaussian, leaving zeros for the next call."""
    for part in range(0, RECORD, LANES):
        total = vset(0)
        for place in range(at + part, flat_gradients.shape[0], stride):
            total = total + vload(flat_gradients, place)
            vstore(flat_gradients, place, vset(0))
        vstore(sums, row + part, total)


@kernel(inline=True)
def _colour_gradient(row, sums, basis, pulled, records, at, coefficients, d_sh, first):
    """Gradients of one Gaussian's coefficients from its sums; row, at and first are offsets into flat arrays.

    The row of pulled receives the sum over channels of coefficient * gradient.
    """
    zero = np.float32(0)
    red = sums[row + SUM_RED] if records[at + RED] > zero else zero  # the clamp at 0 lets nothing through
    green = sums[row + SUM_GREEN] if records[at + GREEN] > zero else zero
    blue = sums[row + SUM_BLUE] if records[at + BLUE] > zero else zero
    for part in range(0, TERMS, LANES):
        terms, k = vload(basis, row + part), first + part
        vstore(d_sh, k, terms * red)
        vstore(d_sh, k + TERMS, terms * green)
        vstore(d_sh, k + 2 * TERMS, terms * blue)
        weighted = vload(coefficients, k) * red + vload(coefficients, k + TERMS) * green
        vstore(pulled, row + part, weighted + vload(coefficients, k + 2 * TERMS) * blue)


@kernel(inline=True)
def _covariance_gradient(sums, cov_xx, cov_xy, cov_yy, determinant):
    """Gradients with respect to the filtered covariance xx, xy (each of the two equal entries) and yy.

    With S = sum of g d d^T, d = pixel - centre: dL/d(conic) = -S / 2, so dL/d(covariance) = conic S conic / 2.
    """
    inverse = 1 / determinant
    a, b, c = cov_yy * inverse, -cov_xy * inverse, cov_xx * inverse
    sxx, sxy, syy = sums[SUM_G_DXDX] * 0.5, sums[SUM_G_DXDY] * 0.5, sums[SUM_G_DYDY] * 0.5
    px, py = a * sxx + b * sxy, a * sxy + b * syy
    qx, qy = b * sxx + c * sxy, b * sxy + c * syy
    d_pixel_x = a * sums[SUM_G_DX] + b * sums[SUM_G_DY]
    d_pixel_y = b * sums[SUM_G_DX] + c * sums[SUM_G_DY]
    return px * a + py * b, px * b + py * c, qx * b + qy * c, d_pixel_x, d_pixel_y


@kernel(inline=True)
def _compensation_gradient(d_log, u, v, determinant, sharp):
    """Gradient of log(sqrt(sharp / determinant)), times d_log, with respect to u and v.

    sharp = |n|^2 with n = u x v, and determinant = sharp + LOW_PASS (|u|^2 + |v|^2) + LOW_PASS^2.
    """
    n = cross(u, v)
    inverse = 1 / determinant
    both = (1 / sharp - inverse) * d_log
    low_pass = inverse * d_log * -LOW_PASS
    d_u = _plus(_scaled(cross(v, n), both), _scaled(u, low_pass))
    d_v = _plus(_scaled(cross(n, u), both), _scaled(v, low_pass))
    return d_u, d_v


@kernel(inline=True)
def _quaternion_gradient(w, x, y, z, inverse_length, d0, d1, d2):
    """Gradient with respect to the unnormalised quaternion, from those of the columns d0, d1, d2 of its rotation."""
    dw = 2 * (x * (d1[2] - d2[1]) + y * (d2[0] - d0[2]) + z * (d0[1] - d1[0]))
    dx = 2 * (y * (d1[0] + d0[1]) + z * (d2[0] + d0[2]) + w * (d1[2] - d2[1]) - 2 * x * (d1[1] + d2[2]))
    dy = 2 * (x * (d1[0] + d0[1]) + z * (d2[1] + d1[2]) + w * (d2[0] - d0[2]) - 2 * y * (d0[0] + d2[2]))
    dz = 2 * (x * (d2[0] + d0[2]) + y * (d2[1] + d1[2]) + w * (d0[1] - d1[0]) - 2 * z * (d0[0] + d1[1]))
    along = dw * w + dx * x + dy * y + dz * z
    return (
        (dw - along * w) * inverse_length,
        (dx - along * x) * inverse_length,
        (dy - along * y) * inverse_length,
        (dz - along * z) * inverse_length,
    )


@kernel(inline=True)
def _camera_gradient(lens, x, y, z, inverse_z, d_row_x, d_row_y, d_pixel_x, d_pixel_y, d_depth):
    """Gradient with respect to the point in camera axes, through its pixel, its Jacobian and its depth."""
    slope_x, slope_y = clamped_slopes(lens, x, y, inverse_z)
    true_x, true_y = x * inverse_z, y * inverse_z
    along_x = d_row_x[0] * lens.r00 + d_row_x[1] * lens.r01 + d_row_x[2] * lens.r02
    depth_x = d_row_x[0] * lens.r20 + d_row_x[1] * lens.r21 + d_row_x[2] * lens.r22
    along_y = d_row_y[0] * lens.r10 + d_row_y[1] * lens.r11 + d_row_y[2] * lens.r12
    depth_y = d_row_y[0] * lens.r20 + d_row_y[1] * lens.r21 + d_row_y[2] * lens.r22
    focal_x, focal_y = inverse_z * lens.fx, inverse_z * lens.fy
    d_slope_x = vselect(slope_x == true_x, d_pixel_x * lens.fx - focal_x * depth_x, d_pixel_x * lens.fx)
    d_slope_y = vselect(slope_y == true_y, d_pixel_y * lens.fy - focal_y * depth_y, d_pixel_y * lens.fy)
    d_inverse_z = (along_x - depth_x * slope_x) * lens.fx + (along_y - depth_y * slope_y) * lens.fy
    dx, dy = d_slope_x * inverse_z, d_slope_y * inverse_z
    dz = d_depth - (dx * true_x + dy * true_y) - d_inverse_z * inverse_z * inverse_z
    return dx, dy, dz


@kernel(inline=True)
def _block_gradient(packed, lens, degree, antialiased, sums, pulled, result):
    """Gradients of LANES packed Gaussians into result [LANES * RECORD], columns as MEANS .. SCREEN.

    sums and pulled are tuples of 16 vectors: the fields of the records of gradients, and ``_colour_gradient``'s.
    """
    world = _triple(packed, MEANS)
    x, y, z = to_camera(lens, world[0], world[1], world[2])
    inverse_z = 1 / z
    slope_x, slope_y = clamped_slopes(lens, x, y, inverse_z)
    row_x, row_y = image_from_world(lens, slope_x, slope_y, inverse_z)
    raw = _triple(packed, QUATERNIONS)
    qw, qx, qy, qz, inverse_length = unit_quaternion(raw[0], raw[1], raw[2], vload(packed, (QUATERNIONS + 3) * LANES))
    first, second, third = rotation_columns(qw, qx, qy, qz)
    logs = _triple(packed, LOG_SCALES)
    scales = (vexp(logs[0]), vexp(logs[1]), vexp(logs[2]))
    plain_u = (dot(row_x, first), dot(row_x, second), dot(row_x, third))
    plain_v = (dot(row_y, first), dot(row_y, second), dot(row_y, third))
    u, v = times(plain_u, scales), times(plain_v, scales)
    cov_xx, cov_xy, cov_yy, determinant, sharp = covariance(u, v)
    d_xx, d_xy, d_yy, d_pixel_x, d_pixel_y = _covariance_gradient(sums, cov_xx, cov_xy, cov_yy, determinant)
    d_u = _plus(_scaled(u, 2 * d_xx), _scaled(v, 2 * d_xy))
    d_v = _plus(_scaled(v, 2 * d_yy), _scaled(u, 2 * d_xy))
    if antialiased:
        more_u, more_v = _compensation_gradient(sums[SUM_G], u, v, determinant, sharp)
        d_u, d_v = _plus(d_u, more_u), _plus(d_v, more_v)
    d_logs = _plus(times(d_u, u), times(d_v, v))
    e, h = times(d_u, scales), times(d_v, scales)  # gradients of row . axis
    d_row_x = _plus(_plus(_scaled(first, e[0]), _scaled(second, e[1])), _scaled(third, e[2]))
    d_row_y = _plus(_plus(_scaled(first, h[0]), _scaled(second, h[1])), _scaled(third, h[2]))
    d_quaternion = _quaternion_gradient(
        qw, qx, qy, qz, inverse_length,
        _plus(_scaled(row_x, e[0]), _scaled(row_y, h[0])),
        _plus(_scaled(row_x, e[1]), _scaled(row_y, h[1])),
        _plus(_scaled(row_x, e[2]), _scaled(row_y, h[2])),
    )  # fmt: skip
    dx, dy, dz = _camera_gradient(lens, x, y, z, inverse_z, d_row_x, d_row_y, d_pixel_x, d_pixel_y, sums[SUM_DEPTH])
    seen = _seen_from_gradient(lens, degree, world, pulled)
    d_logit = sums[SUM_G] * (1 - opacity_of(vload(packed, LOGITS * LANES)))
    ndc_x, ndc_y = d_pixel_x * (0.5 * lens.width), d_pixel_y * (0.5 * lens.height)
    zero = vset(0)
    vstore_columns(result, 0, (
        dx * lens.r00 + dy * lens.r10 + dz * lens.r20 + seen[0],
        dx * lens.r01 + dy * lens.r11 + dz * lens.r21 + seen[1],
        dx * lens.r02 + dy * lens.r12 + dz * lens.r22 + seen[2],
        d_quaternion[0], d_quaternion[1], d_quaternion[2], d_quaternion[3],
        d_logs[0], d_logs[1], d_logs[2], d_logit, vsqrt(ndc_x * ndc_x + ndc_y * ndc_y), zero, zero, zero, zero,
    ))  # fmt: skip


@kernel(inline=True)
def _seen_from_gradient(lens, degree, world, pulled):
    """Gradient with respect to the mean through the direction from which the colour is seen."""
    nx, ny, nz, inverse = directions_from_camera(lens, world[0], world[1], world[2])
    gx, gy, gz = direction_gradient(degree, pulled, nx, ny, nz)
    along = gx * nx + gy * ny + gz * nz
    return (gx - along * nx) * inverse, (gy - along * ny) * inverse, (gz - along * nz) * inverse


@kernel(inline=True)
def _unpack(result, row, i, d_means, d_quaternions, d_log_scales, d_logits, d_screen):
    for c in range(3):
        d_means[i, c] = result[row + MEANS + c]
        d_log_scales[i, c] = result[row + LOG_SCALES + c]
    for c in range(4):
        d_quaternions[i, c] = result[row + QUATERNIONS + c]
    d_logits[i] = result[row + LOGITS]
    d_screen[i] = result[row + SCREEN]


@kernel(inline=True)
def _prefetch(ahead, flat_records, flat_gradients, stride):
    prefetch_read(flat_records, ahead)
    for place in range(ahead, flat_gradients.shape[0], stride):
        prefetch_write(flat_gradients, place)


@kernel()
def _differentiate_range(
    begin, end, ids, rank, records, thread_gradients, means, quaternions, log_scales, logits, sh, degree, numbers,
    antialiased, d_means, d_quaternions, d_log_scales, d_logits, d_sh, d_screen,
):  # fmt: skip
    """Gradients of the visible Gaussians ids[begin:end]."""
    lens = lens_of(numbers)
    packed, basis, result = scratch(PACKED * LANES), scratch(LANES * TERMS), scratch(LANES * RECORD)
    sums, pulled = scratch(LANES * RECORD), scratch(LANES * TERMS)
    flat_records, flat_gradients, stride = records.reshape(-1), thread_gradients.reshape(-1), records.size
    flat_sh, flat_d_sh = sh.reshape(-1), d_sh.reshape(-1)
    for start in range(begin, end, LANES):
        lanes = min(LANES, end - start)
        _pack(packed, ids, start, end - 1, means, quaternions, log_scales, logits)
        store_basis(basis, lens, degree, vload(packed, 0), vload(packed, LANES), vload(packed, 2 * LANES))
        for lane in range(lanes):
            ahead = rank[ids[min(start + lane + AHEAD, end - 1)]]
            _prefetch(ahead * RECORD, flat_records, flat_gradients, stride)
            i, row = ids[start + lane], lane * RECORD
            at = rank[i] * RECORD
            _take_sums(sums, row, flat_gradients, at, stride)
            _colour_gradient(row, sums, basis, pulled, flat_records, at, flat_sh, flat_d_sh, i * 3 * TERMS)
        columns, pulls = vload_columns(sums, 0), vload_columns(pulled, 0)
        _block_gradient(packed, lens, degree, antialiased, columns, pulls, result)
        for lane in range(lanes):
            _unpack(result, lane * RECORD, ids[start + lane], d_means, d_quaternions, d_log_scales, d_logits, d_screen)


@kernel(parallel=True)
def differentiate(
    shares, ids, rank, records, thread_gradients, means, quaternions, log_scales, logits, sh, degree, numbers,
    antialiased, d_means, d_quaternions, d_log_scales, d_logits, d_sh, d_screen,
):  # fmt: skip
    """Gradients of the parameters of the visible Gaussians; the rows of others are not written.

    Args:
        shares: into how many equal parts the work is cut.
        ids: [n] the visible Gaussians in the order of their index.
        rank: [N] the place of each in the records.
        records: [n, RECORD] of the forward pass.
        thread_gradients: [threads, n, RECORD] from ``compositing_gradient``; zeros are left behind.
        means, quaternions, log_scales, logits, sh, degree, numbers, antialiased: as given to ``projection.project``.
        d_means, d_quaternions, d_log_scales, d_logits, d_sh: shaped like the parameters, written.
        d_screen: [N] written: length of the gradient with respect to the centre on the image, whose size counts as 2.
    """
    n = ids.shape[0]
    for share in prange(shares):
        _differentiate_range(
            share * n // shares, (share + 1) * n // shares, ids, rank, records, thread_gradients, means, quaternions,
            log_scales, logits, sh, degree, numbers, antialiased, d_means, d_quaternions, d_log_scales, d_logits,
            d_sh, d_screen,
        )  # fmt: skip
