"""Alpha compositing, tile by tile and front to back; a row of a tile is one vector, or TILE / LANES of them.

A tile's pixels are kept as planes of rows: transmittance, red, green, blue and, if depth is wanted, the sum of depths,
the median depth and the sum of weights (1 - transmittance, with the digits that it loses where it is small).

Slow twin: ``scenes.splats.reference.render_parameters``.
"""

import numpy as np
from numba import prange

from ..definition import ALPHA_EPSILON, ALPHA_MAX, TRANSMITTANCE_MIN
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
    SLOPE_X,
    SLOPE_Y,
    TILE,
    copy_record,
)
from .row_spans import BATCH, SPANS, find_row_spans, row_span
from .scratch import scratch
from .vec import (
    LANES,
    prefetch_read,
    vany,
    viota,
    vload,
    vmax,
    vmax_lane,
    vmin,
    vselect,
    vset,
    vstore,
    vstore3,
)

POWER_MIN = -0.99929419  # log2(1 / 255) / 8
PLANE_RED = TILE
PLANE_GREEN = 2 * TILE
PLANE_BLUE = 3 * TILE
PLANE_DEPTH = 4 * TILE
PLANE_MEDIAN = 5 * TILE
PLANE_WEIGHT = 6 * TILE
ROW = 7 * TILE


@kernel(inline=True)
def _start_tile(tile_state, wide, high):
    """Clear the planes; pixels outside of the image count as finished."""
    for row in range(TILE):
        start = row * ROW
        for part in range(0, TILE, LANES):
            inside = viota() + part < wide
            vstore(tile_state, start + part, vselect(inside, 1 if row < high else 0, 0))
        for plane in range(TILE, ROW, LANES):
            vstore(tile_state, start + plane, vset(0))


@kernel(inline=True)
def _blend(tile_state, batch, k, spans, x0, y0, expected, median):
    """Draw the k-th Gaussian of the batch over what is left of the tile; the number of vectors it reaches."""
    at = k * RECORD
    mx, my = batch[at + PIXEL_X] - x0, batch[at + PIXEL_Y] - y0
    vectors = 0
    for part in range(0, TILE, LANES):
        first, last = row_span(spans, part, k)
        _blend_columns(tile_state, batch, at, part, mx, my, first, last, expected, median)
        vectors += max(0, last - first + 1)
    return vectors


@kernel(inline=True)
def _blend_columns(tile_state, batch, at, part, mx, my, first, last, expected, median):
    """Draw one Gaussian in LANES columns of the tile; mx, my is its centre, ``first`` and ``last`` are rows."""
    power_xy, power_yy, power_0 = batch[at + POWER_XY], batch[at + POWER_YY], batch[at + POWER_0]
    red, green, blue, z = batch[at + RED], batch[at + GREEN], batch[at + BLUE], batch[at + DEPTH_Z]
    dx = viota() + (np.float32(part) - mx)
    along_x, across = dx * dx * batch[at + POWER_XX] + power_0, dx * power_xy
    dy = vset(np.float32(first) - my)  # a vector, or every row would be converted and broadcast again
    for row in range(first, last + 1):
        power = (dy * power_yy + across) * dy + along_x
        o = row * ROW + part
        before = vload(tile_state, o)
        drawn = (power > POWER_MIN) & (before > TRANSMITTANCE_MIN)
        if vany(drawn):
            alpha = vmin(vpow2_eighth(power), ALPHA_MAX)
            weight = vselect(drawn, alpha * before, 0)
            after = before - weight
            vstore(tile_state, o, after)
            vstore(tile_state, o + PLANE_RED, vload(tile_state, o + PLANE_RED) + weight * red)
            vstore(tile_state, o + PLANE_GREEN, vload(tile_state, o + PLANE_GREEN) + weight * green)
            vstore(tile_state, o + PLANE_BLUE, vload(tile_state, o + PLANE_BLUE) + weight * blue)
            if expected is not None:
                vstore(tile_state, o + PLANE_DEPTH, vload(tile_state, o + PLANE_DEPTH) + weight * z)
                vstore(tile_state, o + PLANE_WEIGHT, vload(tile_state, o + PLANE_WEIGHT) + weight)
            if median is not None:
                crossing = (before > 0.5) & (after <= 0.5)
                if vany(crossing):
                    # Where the ray meets the Gaussian: depth changes from pixel to pixel, 1 / depth linearly.
                    slope = (dx * batch[at + SLOPE_X] + dy * batch[at + SLOPE_Y]) / z
                    on_ray = z / (1 - vmin(vmax(slope, -0.5), 0.5))
                    met = vselect(crossing, on_ray, vload(tile_state, o + PLANE_MEDIAN))
                    vstore(tile_state, o + PLANE_MEDIAN, met)
        dy = dy + 1


@kernel(inline=True)
def _finished(tile_state):
    """Whether no pixel of the tile lets anything more through."""
    left = vset(0)
    for row in range(TILE):
        for part in range(0, TILE, LANES):
            left = vmax(left, vload(tile_state, row * ROW + part))
    return vmax_lane(left) <= TRANSMITTANCE_MIN


@kernel(inline=True)
def _draw_tile(tile_state, batch, spans, records, lists, start, end, x0, y0, expected, median):
    """Draw the tile's list until it ends or nothing more can be seen: how many were drawn, and vectors reached."""
    place, vectors = start, 0
    while place < end:
        stop = min(place + BATCH, end)
        for k in range(place, stop):
            copy_record(batch, (k - place) * RECORD, records, lists[k] * RECORD)
        for k in range(stop, min(stop + BATCH, end)):
            prefetch_read(records, lists[k] * RECORD)
        find_row_spans(batch, stop - place, x0, y0, spans)
        for k in range(stop - place):
            vectors += _blend(tile_state, batch, k, spans, x0, y0, expected, median)
        place = stop
        if _finished(tile_state):
            break
    return place - start, vectors


@kernel(inline=True)
def _write_tile(tile_state, left, top, wide, high, background, rgb, transmittance):
    """Copy the planes to the images, over the background."""
    width = rgb.shape[1]
    flat_rgb, flat_transmittance = rgb.reshape(-1), transmittance.reshape(-1)
    for row in range(high):
        for part in range(0, TILE, LANES):
            o, at = row * ROW + part, (top + row) * width + left + part
            t = vload(tile_state, o)
            red = vload(tile_state, o + PLANE_RED) + t * background[0]
            green = vload(tile_state, o + PLANE_GREEN) + t * background[1]
            blue = vload(tile_state, o + PLANE_BLUE) + t * background[2]
            if part + LANES <= wide:
                vstore(flat_transmittance, at, t)
                vstore3(flat_rgb, at * 3, red, green, blue)
            else:
                vstore(tile_state, o + PLANE_RED, red)
                vstore(tile_state, o + PLANE_GREEN, green)
                vstore(tile_state, o + PLANE_BLUE, blue)
                for x in range(wide - part):
                    flat_transmittance[at + x] = tile_state[o + x]
                    flat_rgb[(at + x) * 3] = tile_state[o + PLANE_RED + x]
                    flat_rgb[(at + x) * 3 + 1] = tile_state[o + PLANE_GREEN + x]
                    flat_rgb[(at + x) * 3 + 2] = tile_state[o + PLANE_BLUE + x]


@kernel(inline=True)
def _write_expected(tile_state, left, top, wide, high, expected):
    for row in range(high):
        for x in range(wide):
            o = row * ROW + x
            mean = tile_state[o + PLANE_DEPTH] / max(tile_state[o + PLANE_WEIGHT], np.float32(ALPHA_EPSILON))
            expected[top + row, left + x] = mean


@kernel(inline=True)
def _write_median(tile_state, left, top, wide, high, median):
    for row in range(high):
        for x in range(wide):
            median[top + row, left + x] = tile_state[row * ROW + PLANE_MEDIAN + x]


@kernel()
def _compose_share(
    thread, threads, records, starts, lists, order, background, rgb, transmittance, drawn, expected, median
):
    """Draw every ``threads``-th tile of the order; the vectors reached, for the bench."""
    height, width = transmittance.shape
    tiles_x = (width + TILE - 1) // TILE
    tile_state, batch, spans = scratch(TILE * ROW), scratch(BATCH * RECORD), scratch(SPANS)
    flat = records.reshape(-1)
    vectors = 0
    for q in range(thread, order.shape[0], threads):
        tile = order[q]
        top, left = tile // tiles_x * TILE, tile % tiles_x * TILE
        wide, high = min(TILE, width - left), min(TILE, height - top)
        _start_tile(tile_state, wide, high)
        x0, y0 = np.float32(left) + np.float32(0.5), np.float32(top) + np.float32(0.5)
        start, end = starts[tile], starts[tile + 1]
        count, reached = _draw_tile(tile_state, batch, spans, flat, lists, start, end, x0, y0, expected, median)
        drawn[tile] = count
        vectors += reached
        _write_tile(tile_state, left, top, wide, high, background, rgb, transmittance)
        if expected is not None:
            _write_expected(tile_state, left, top, wide, high, expected)
        if median is not None:
            _write_median(tile_state, left, top, wide, high, median)
    return vectors


@kernel(parallel=True)
def compose(records, starts, lists, order, background, rgb, transmittance, drawn, vectors):
    """Draw all tiles.

    Args:
        records: [n, RECORD] nearest first.
        starts, lists: the Gaussians of each tile, from ``binning``.
        order: [tiles] int32, the tiles by falling load; thread k takes each ``threads``-th from the k-th on, so that
            the same thread count gives the same work to the same thread.
        background: [3].
        rgb, transmittance: [H, W, 3] and [H, W], written.
        drawn: [tiles] int32, written: how many of each list were drawn before the tile was full.
        vectors: [threads] int64, written: vectors of pixels reached, the unit of the work.
    """
    threads = vectors.shape[0]
    for thread in prange(threads):
        vectors[thread] = _compose_share(
            thread, threads, records, starts, lists, order, background, rgb, transmittance, drawn, None, None
        )


@kernel(parallel=True)
def compose_with_depth(records, starts, lists, order, background, rgb, transmittance, drawn, vectors, expected, median):
    """As ``compose``; expected and median [H, W] receive the depth_z. Expected may be None, which saves a fifth."""
    threads = vectors.shape[0]
    for thread in prange(threads):
        vectors[thread] = _compose_share(
            thread, threads, records, starts, lists, order, background, rgb, transmittance, drawn, expected, median
        )
