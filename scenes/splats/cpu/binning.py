"""Which tiles each Gaussian touches: a stable counting scatter, so that every tile's list is sorted by depth."""

import math

import numpy as np
from numba import prange

from .jit import kernel
from .records import CONIC_XX, CONIC_XY, CONIC_YY, EXTENT_X, EXTENT_Y, PIXEL_X, PIXEL_Y, RECORD, TILE
from .vec import prefetch_read, vload, vstore

AHEAD = 16  # records to prefetch


@kernel(inline=True)
def _ellipse(record):
    """What ``_span`` needs of a Gaussian: slope of the x of the rows' middles, half widths, rows of extreme x."""
    a, b, c = record[CONIC_XX], record[CONIC_XY], record[CONIC_YY]
    inverse = np.float32(1) / a
    determinant = a * c - b * b
    reach = record[EXTENT_X] * record[EXTENT_X] * determinant * inverse / c
    return b * inverse, reach, determinant * inverse * inverse, -b / c * record[EXTENT_X]


@kernel(inline=True)
def _span(slope, reach, shrink, extreme_row, low, high):
    """The least and the greatest x of the ellipse between two rows, all relative to its centre."""
    right_row = min(max(extreme_row, low), high)
    left_row = min(max(-extreme_row, low), high)
    right = math.sqrt(max(reach - right_row * right_row * shrink, np.float32(0))) - slope * right_row
    left = -math.sqrt(max(reach - left_row * left_row * shrink, np.float32(0))) - slope * left_row
    return left, right


@kernel(inline=True)
def _tile_rows(record, tiles_y):
    first = math.floor((record[PIXEL_Y] - record[EXTENT_Y]) * np.float32(1 / TILE))
    last = math.floor((record[PIXEL_Y] + record[EXTENT_Y]) * np.float32(1 / TILE))
    return max(0, first), min(tiles_y - 1, last)


@kernel(inline=True)
def _tile_columns(record, ellipse, tile_y, tiles_x):
    slope, reach, shrink, extreme_row = ellipse
    top = np.float32(tile_y * TILE) - record[PIXEL_Y]
    low = max(top, -record[EXTENT_Y])
    high = min(top + np.float32(TILE), record[EXTENT_Y])
    left, right = _span(slope, reach, shrink, extreme_row, low, high)
    first = math.floor((record[PIXEL_X] + left) * np.float32(1 / TILE))
    last = math.floor((record[PIXEL_X] + right) * np.float32(1 / TILE))
    return max(0, first), min(tiles_x - 1, last)


@kernel()
def _gather_and_count(first, last, ids, n, records, rank, tiles_x, tiles_y, sorted_records, count):
    flat = records.reshape(-1)
    for place in range(first, last):
        prefetch_read(flat, ids[min(place + AHEAD, n - 1)] * RECORD)
        i = ids[place]
        rank[i] = place
        record = sorted_records[place]
        vstore(record, 0, vload(records[i], 0))
        ellipse = _ellipse(record)
        top, bottom = _tile_rows(record, tiles_y)
        for tile_y in range(top, bottom + 1):
            left, right = _tile_columns(record, ellipse, tile_y, tiles_x)
            for tile_x in range(left, right + 1):
                count[tile_y * tiles_x + tile_x] += 1


@kernel(parallel=True)
def gather_and_count(ids, n, records, rank, tiles_x, tiles_y, sorted_records, counts):
    """Copy the records into depth order and count the Gaussians of each tile.

    Args:
        ids: [n] the visible Gaussians, nearest first.
        records: [N, RECORD] by index.
        rank: [N] int32, receives the place of each visible Gaussian in the order.
        tiles_x, tiles_y: the size of the image in tiles.
        sorted_records: [n, RECORD] receives the records.
        counts: [threads, tiles] int64 of zeros, receives the counts of each thread's share of the Gaussians.
    """
    threads = counts.shape[0]
    for thread in prange(threads):
        first, last = thread * n // threads, (thread + 1) * n // threads
        _gather_and_count(first, last, ids, n, records, rank, tiles_x, tiles_y, sorted_records, counts[thread])


@kernel()
def count_to_offsets(counts, starts):
    """Turn counts [threads, tiles] into the place of each thread's first entry, and fill starts [tiles + 1].

    Returns the number of pairs of Gaussian and tile.
    """
    threads, tiles = counts.shape
    total = 0
    for tile in range(tiles):
        starts[tile] = total
        for thread in range(threads):
            count = counts[thread, tile]
            counts[thread, tile] = total
            total += count
    starts[tiles] = total
    return total


@kernel()
def _scatter(first, last, sorted_records, tiles_x, tiles_y, place, lists):
    for rank in range(first, last):
        record = sorted_records[rank]
        ellipse = _ellipse(record)
        top, bottom = _tile_rows(record, tiles_y)
        for tile_y in range(top, bottom + 1):
            left, right = _tile_columns(record, ellipse, tile_y, tiles_x)
            for tile_x in range(left, right + 1):
                tile = tile_y * tiles_x + tile_x
                lists[place[tile]] = rank
                place[tile] += 1


@kernel(parallel=True)
def scatter(n, sorted_records, tiles_x, tiles_y, offsets, lists):
    """Write the depth-sorted list of every tile: lists[starts[tile] : starts[tile + 1]] are ranks, nearest first."""
    threads = offsets.shape[0]
    for thread in prange(threads):
        first, last = thread * n // threads, (thread + 1) * n // threads
        _scatter(first, last, sorted_records, tiles_x, tiles_y, offsets[thread], lists)
