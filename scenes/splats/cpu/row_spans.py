"""Which rows of a tile a Gaussian reaches, exactly: those in which alpha is 1/255 or more somewhere in the tile.

The set is an ellipse and a tile is a strip of columns, so the rows are one run, which two square roots give. LANES
Gaussians are solved at once, which costs each about as much as one row that is drawn for nothing.
"""

import numpy as np

from .jit import kernel
from .records import EXTENT_X, EXTENT_Y, PIXEL_X, PIXEL_Y, POWER_XX, POWER_XY, POWER_YY, RECORD, TILE
from .vec import LANES, vfloor, vload_columns, vmax, vmin, vselect, vsqrt, vstore

BATCH = 32  # records that are looked at together
SPANS = 2 * BATCH * (TILE // LANES)  # numbers that ``find_row_spans`` writes
SLACK = 0.01  # rows: more than positions in pixels lose in float32
RELATIVE_SLACK = 1e-6  # of the square of half a height: more than its share 1 - b^2 / ac loses


@kernel(inline=True)
def find_row_spans(batch, count, x0, y0, spans):
    """First and last row, relative to the tile, for each Gaussian and each LANES columns; last < first for none.

    Args:
        batch: [BATCH * RECORD] records, of which ``count`` are there.
        x0, y0: the tile's first pixel centre.
        spans: [SPANS] float32, written; read it with ``row_span``.
    """
    for k in range(0, count, LANES):
        fields = vload_columns(batch, k * RECORD)
        x, y = fields[PIXEL_X] - x0, fields[PIXEL_Y] - y0
        extent_x, extent_y = fields[EXTENT_X], fields[EXTENT_Y]
        # y = -slope x -+ sqrt(reach - shrink x^2); only ratios of the powers count.
        a, b, c = fields[POWER_XX], fields[POWER_XY] * 0.5, fields[POWER_YY]
        inverse_a, inverse_c = 1 / a, 1 / c
        share = (a * c - b * b) * inverse_a * inverse_c
        slope, shrink = b * inverse_c, share * a * inverse_c
        reach = extent_y * extent_y * (share + RELATIVE_SLACK)
        lowest_x = -b * inverse_a * extent_y  # of the greatest y
        for part in range(0, TILE, LANES):
            left, right = vmax(np.float32(part) - x, -extent_x), vmin(np.float32(part + LANES - 1) - x, extent_x)
            low_x, high_x = vmin(vmax(lowest_x, left), right), vmin(vmax(-lowest_x, left), right)
            low = vsqrt(vmax(reach - low_x * low_x * shrink, 0)) - slope * low_x
            high = -vsqrt(vmax(reach - high_x * high_x * shrink, 0)) - slope * high_x
            first = vmax(-vfloor(SLACK - y - high), 0)
            last = vmin(vfloor(y + low + SLACK), TILE - 1)
            at = 2 * BATCH * (part // LANES) + k
            vstore(spans, at, first)
            vstore(spans, at + BATCH, vselect(left > right, -1, last))


@kernel(inline=True)
def row_span(spans, part, k):
    """First and last row of the k-th Gaussian in the LANES columns from ``part`` on."""
    at = 2 * BATCH * (part // LANES) + k
    return np.int64(spans[at]), np.int64(spans[at + BATCH])
