"""The gradient of compositing: front to back again, with what is still to come kept as one number a pixel.

With the loss L, every Gaussian has a value v at a pixel: what L gains per weight that it is drawn with, from colour
and depth.
``remaining`` starts as the sum over all Gaussians of weight * v, plus what hangs on the transmittance that is left at
the end. A Gaussian of opacity a and weight w there takes w * v out of it, and dL/d(log a) = w * v - a / (1 - a) *
remaining. So nothing needs to be stored for a pair of Gaussian and pixel.

The expected depth E is a mean, so its Gaussians have the value dL/dE * (z - E) / alpha, and these sum to zero.

Slow twin: automatic differentiation of ``scenes.splats.reference``.
"""

import numpy as np
from numba import prange

from ..definition import ALPHA_MAX, TRANSMITTANCE_MIN
from .compositing import POWER_MIN
from .elementary import vpow2_eighth
from .jit import kernel
from .records import (
    BLUE,
    DEPTH_Z,
    GREEN,
    PIXEL_X,
    PIXEL_Y,
    POWER_0,
    POWER_XX,
    POWER_XY,
    POWER_YY,
    RECORD,
    RED,
    TILE,
    copy_record,
)
from .row_spans import BATCH, SPANS, find_row_spans, row_span
from .scratch import scratch
from .vec import (
    LANES,
    prefetch_read,
    prefetch_write,
    vadd_sums,
    vany,
    viota,
    vload,
    vload3,
    vmin,
    vreciprocal,
    vselect,
    vset,
    vstore,
)

AHEAD = 8  # Gaussians to prefetch
PLANE_REMAINING = TILE
PLANE_D_RED = 2 * TILE
PLANE_D_GREEN = 3 * TILE
PLANE_D_BLUE = 4 * TILE
PLANE_D_DEPTH = 5 * TILE
PLANE_DEPTH_VALUE = 6 * TILE  # of a Gaussian at depth 0
ROW = 7 * TILE


@kernel(inline=True)
def _start_whole_rows(tile_state, left, top, high, rgb, d_rgb, extra, d_depth):
    """Load the tile's share of the images, for a tile that lies within the image from left to right."""
    width = extra.shape[1]
    flat_rgb, flat_d_rgb, flat_extra = rgb.reshape(-1), d_rgb.reshape(-1), extra.reshape(-1)
    for row in range(high):
        for part in range(0, TILE, LANES):
            o, at = row * ROW + part, (top + row) * width + left + part
            red, green, blue = vload3(flat_rgb, at * 3)
            d_red, d_green, d_blue = vload3(flat_d_rgb, at * 3)
            vstore(tile_state, o, vset(1))
            remaining = d_red * red + d_green * green + d_blue * blue + vload(flat_extra, at)
            vstore(tile_state, o + PLANE_REMAINING, remaining)
            vstore(tile_state, o + PLANE_D_RED, d_red)
            vstore(tile_state, o + PLANE_D_GREEN, d_green)
            vstore(tile_state, o + PLANE_D_BLUE, d_blue)
            if d_depth is not None:
                vstore(tile_state, o + PLANE_D_DEPTH, vload(d_depth[0].reshape(-1), at))
                vstore(tile_state, o + PLANE_DEPTH_VALUE, vload(d_depth[1].reshape(-1), at))


@kernel(inline=True)
def _start_part_rows(tile_state, left, top, wide, high, rgb, d_rgb, extra, d_depth):
    """Load the tile's share of the images, for a tile at the right border; what is outside counts as finished."""
    for row in range(high):
        for x in range(wide):
            o, i, j = row * ROW + x, top + row, left + x
            tile_state[o] = np.float32(1)
            remaining = d_rgb[i, j, 0] * rgb[i, j, 0] + d_rgb[i, j, 1] * rgb[i, j, 1] + d_rgb[i, j, 2] * rgb[i, j, 2]
            tile_state[o + PLANE_REMAINING] = remaining + extra[i, j]
            tile_state[o + PLANE_D_RED] = d_rgb[i, j, 0]
            tile_state[o + PLANE_D_GREEN] = d_rgb[i, j, 1]
            tile_state[o + PLANE_D_BLUE] = d_rgb[i, j, 2]
            if d_depth is not None:
                tile_state[o + PLANE_D_DEPTH] = d_depth[0, i, j]
                tile_state[o + PLANE_DEPTH_VALUE] = d_depth[1, i, j]


@kernel(inline=True)
def _column_gradient(tile_state, records, at, part, mx, my, first, last, gradients, to, d_depth):
    """The share of LANES columns of the tile; mx, my is the Gaussian's centre, ``first`` and ``last`` are rows."""
    power_xy, power_yy, power_0 = records[at + POWER_XY], records[at + POWER_YY], records[at + POWER_0]
    red, green, blue, z = records[at + RED], records[at + GREEN], records[at + BLUE], records[at + DEPTH_Z]
    zero = vset(0)
    sum_g, sum_gy, sum_gyy, sum_red, sum_green, sum_blue, sum_depth = zero, zero, zero, zero, zero, zero, zero
    dx = viota() + (np.float32(part) - mx)
    along_x, across = dx * dx * records[at + POWER_XX] + power_0, dx * power_xy
    touched = False
    dy = vset(np.float32(first) - my)  # a vector, or every row would be converted and broadcast again
    for row in range(first, last + 1):
        power = (dy * power_yy + across) * dy + along_x
        o = row * ROW + part
        before = vload(tile_state, o)
        drawn = (power > POWER_MIN) & (before > TRANSMITTANCE_MIN)
        if vany(drawn):
            touched = True
            free_alpha = vpow2_eighth(power)
            alpha = vselect(drawn, vmin(free_alpha, ALPHA_MAX), 0)
            weight = alpha * before
            vstore(tile_state, o, before - weight)
            d_red, d_green = vload(tile_state, o + PLANE_D_RED), vload(tile_state, o + PLANE_D_GREEN)
            d_blue = vload(tile_state, o + PLANE_D_BLUE)
            value = d_red * red + d_green * green + d_blue * blue
            if d_depth is not None:
                d_z = vload(tile_state, o + PLANE_D_DEPTH)
                value = value + (d_z * z + vload(tile_state, o + PLANE_DEPTH_VALUE))
                sum_depth = sum_depth + weight * d_z
            own = weight * value
            remaining = vload(tile_state, o + PLANE_REMAINING) - own
            vstore(tile_state, o + PLANE_REMAINING, remaining)
            g = own - alpha * remaining * vreciprocal(1 - alpha)
            g = vselect(free_alpha < ALPHA_MAX, g, 0)
            g_dy = g * dy
            sum_g, sum_gy, sum_gyy = sum_g + g, sum_gy + g_dy, sum_gyy + g_dy * dy
            sum_red, sum_green, sum_blue = (
                sum_red + weight * d_red,
                sum_green + weight * d_green,
                sum_blue + weight * d_blue,
            )
        dy = dy + 1
    if touched:
        sum_gx = sum_g * dx
        sums = (sum_g, sum_gx, sum_gy, sum_gx * dx, sum_gy * dx, sum_gyy, sum_red, sum_green, sum_blue)
        if d_depth is None:
            vadd_sums(gradients, to, sums)
        else:
            vadd_sums(gradients, to, (*sums, sum_depth))


@kernel(inline=True)
def _walk_tile(tile_state, batch, spans, records, lists, start, count, x0, y0, gradients, d_depth):
    """Go through what was drawn of a tile's list, front to back; records and gradients are flat."""
    end = start + count
    for place in range(start, end, BATCH):
        stop = min(place + BATCH, end)
        for k in range(place, stop):
            copy_record(batch, (k - place) * RECORD, records, lists[k] * RECORD)
        find_row_spans(batch, stop - place, x0, y0, spans)
        for k in range(stop - place):
            if place + k + AHEAD < end:
                prefetch_write(gradients, lists[place + k + AHEAD] * RECORD)
            if place + k + BATCH < end:
                prefetch_read(records, lists[place + k + BATCH] * RECORD)
            at, row = k * RECORD, lists[place + k] * RECORD
            mx, my = batch[at + PIXEL_X] - x0, batch[at + PIXEL_Y] - y0
            for part in range(0, TILE, LANES):
                first, last = row_span(spans, part, k)
                if first <= last:
                    _column_gradient(tile_state, batch, at, part, mx, my, first, last, gradients, row, d_depth)


@kernel()
def _differentiate_share(thread, threads, records, starts, lists, order, drawn, rgb, d_rgb, extra, gradients, d_depth):
    height, width = extra.shape
    tiles_x = (width + TILE - 1) // TILE
    tile_state, batch, spans = scratch(TILE * ROW), scratch(BATCH * RECORD), scratch(SPANS)
    flat, flat_gradients = records.reshape(-1), gradients.reshape(-1)
    for q in range(thread, order.shape[0], threads):
        tile = order[q]
        top, left = tile // tiles_x * TILE, tile % tiles_x * TILE
        wide, high = min(TILE, width - left), min(TILE, height - top)
        if wide < TILE or high < TILE:
            tile_state[:] = np.float32(0)
        if wide == TILE:
            _start_whole_rows(tile_state, left, top, high, rgb, d_rgb, extra, d_depth)
        else:
            _start_part_rows(tile_state, left, top, wide, high, rgb, d_rgb, extra, d_depth)
        x0, y0 = np.float32(left) + np.float32(0.5), np.float32(top) + np.float32(0.5)
        _walk_tile(tile_state, batch, spans, flat, lists, starts[tile], drawn[tile], x0, y0, flat_gradients, d_depth)


@kernel(parallel=True)
def differentiate(records, starts, lists, order, drawn, rgb, d_rgb, extra, gradients):
    """Add the gradients of a loss to the records of gradients.

    Args:
        records, starts, lists, order, drawn, rgb: of the forward pass, see ``compositing.compose``.
        d_rgb: [H, W, 3] gradient of the loss with respect to rgb.
        extra: [H, W] gradient with respect to the final transmittance, the background apart, times that transmittance.
        gradients: [threads, n, RECORD] of zeros; each thread adds to its own.
    """
    threads = gradients.shape[0]
    for thread in prange(threads):
        _differentiate_share(
            thread, threads, records, starts, lists, order, drawn, rgb, d_rgb, extra, gradients[thread], None
        )


@kernel(parallel=True)
def differentiate_with_depth(records, starts, lists, order, drawn, rgb, d_rgb, extra, gradients, d_depth):
    """As ``differentiate``; d_depth [2, H, W] is dL/dE / alpha, and that times -E, with the expected depth E."""
    threads = gradients.shape[0]
    for thread in prange(threads):
        _differentiate_share(
            thread, threads, records, starts, lists, order, drawn, rgb, d_rgb, extra, gradients[thread], d_depth
        )
