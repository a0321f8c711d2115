"""Which tiles each Gaussian touches: a stable counting scatter, so that every tile's list is sorted by depth."""

import math
from typing import NamedTuple

import numpy as np
from numba import prange

from .jit import kernel
from .records import EXTENT_X, EXTENT_Y, PIXEL_X, PIXEL_Y, POWER_XX, POWER_XY, POWER_YY, RECORD, TILE, copy_record
from .vec import floor_to_int, prefetch_read

AHEAD = 16  # records to prefetch


class Ellipse(NamedTuple):
    """Where alpha is at least 1/255: a Gaussian's centre and half size in tiles, and what ``_columns`` needs."""

    x: np.float32
    y: np.float32
    extent_y: np.float32
    slope: np.float32  # x of the middle of a row over its y
    reach: np.float32  # square of the half width of the middle row
    shrink: np.float32  # what the square loses per square of y
    extreme_y: np.float32  # row of the greatest x


@kernel(inline=True)
def _ellipse(records, at):
    # Only ratios count, so the factors of the powers do not matter.
    a, b, c = records[at + POWER_XX], records[at + POWER_XY] * np.float32(0.5), records[at + POWER_YY]
    extent_x = records[at + EXTENT_X] * np.float32(1 / TILE)
    inverse_a, inverse_c = np.float32(1) / a, np.float32(1) / c
    shrink = (a * c - b * b) * inverse_a
    return Ellipse(
        records[at + PIXEL_X] * np.float32(1 / TILE), records[at + PIXEL_Y] * np.float32(1 / TILE),
        records[at + EXTENT_Y] * np.float32(1 / TILE), b * inverse_a, extent_x * extent_x * shrink * inverse_c,
        shrink * inverse_a, -b * inverse_c * extent_x,
    )  # fmt: skip


@kernel(inline=True)
def _rows(ellipse, tiles_y):
    """First and last row of tiles that the ellipse reaches."""
    first = floor_to_int(ellipse.y - ellipse.extent_y)
    return max(0, first), min(tiles_y - 1, floor_to_int(ellipse.y + ellipse.extent_y))


@kernel(inline=True)
def _columns(ellipse, row, tiles_x):
    """First and last tile of a row of tiles that the ellipse reaches: its least and greatest x between two lines."""
    top = np.float32(row) - ellipse.y
    low, high = max(top, -ellipse.extent_y), min(top + np.float32(1), ellipse.extent_y)
    right_y = min(max(ellipse.extreme_y, low), high)
    left_y = min(max(-ellipse.extreme_y, low), high)
    right = math.sqrt(max(ellipse.reach - right_y * right_y * ellipse.shrink, np.float32(0))) - ellipse.slope * right_y
    left = -math.sqrt(max(ellipse.reach - left_y * left_y * ellipse.shrink, np.float32(0))) - ellipse.slope * left_y
    return max(0, floor_to_int(ellipse.x + left)), min(tiles_x - 1, floor_to_int(ellipse.x + right))


@kernel()
def _gather_and_count(first, last, ids, n, records, rank, tiles_x, tiles_y, sorted_records, count, tiles, ranks):
    """The share of one thread; how many pairs it has, of which as many are written as ``tiles`` has room for."""
    flat, flat_sorted = records.reshape(-1), sorted_records.reshape(-1)
    pairs, room = 0, tiles.shape[0]
    for place in range(first, last):
        prefetch_read(flat, ids[min(place + AHEAD, n - 1)] * RECORD)
        i = ids[place]
        rank[i] = place
        copy_record(flat_sorted, place * RECORD, flat, i * RECORD)
        ellipse = _ellipse(flat_sorted, place * RECORD)
        top, bottom = _rows(ellipse, tiles_y)
        for tile_y in range(top, bottom + 1):
            left, right = _columns(ellipse, tile_y, tiles_x)
            for tile_x in range(left, right + 1):
                tile = tile_y * tiles_x + tile_x
                count[tile] += 1
                if pairs < room:
                    tiles[pairs] = tile
                    ranks[pairs] = place
                pairs += 1
    return pairs


@kernel(parallel=True)
def gather_and_count(ids, n, records, rank, tiles_x, tiles_y, sorted_records, counts, pair_tiles, pair_ranks, pairs):
    """Copy the records into depth order, list the pairs of Gaussian and tile, and count the Gaussians of each tile.

    Args:
        ids: [n] the visible Gaussians, nearest first.
        records: [N, RECORD] by index.
        rank: [N] int32, receives the place of each visible Gaussian in the order.
        tiles_x, tiles_y: the size of the image in tiles.
        sorted_records: [n, RECORD] receives the records.
        counts: [threads, tiles] int64 of zeros, receives the counts of each thread's share of the Gaussians.
        pair_tiles, pair_ranks: [threads, room] int32, receive tile and rank of each thread's pairs, nearest first.
        pairs: [threads] int64, receives how many each thread has: if one has more than there is room for, the call
            must be made again with more room.
    """
    threads = counts.shape[0]
    for thread in prange(threads):
        first, last = thread * n // threads, (thread + 1) * n // threads
        pairs[thread] = _gather_and_count(
            first, last, ids, n, records, rank, tiles_x, tiles_y, sorted_records, counts[thread], pair_tiles[thread],
            pair_ranks[thread],
        )  # fmt: skip


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
def _scatter(pairs, tiles, ranks, place, lists):
    for k in range(pairs):
        tile = tiles[k]
        to = place[tile]
        lists[to] = ranks[k]
        place[tile] = to + 1


@kernel(parallel=True)
def scatter(pairs, pair_tiles, pair_ranks, offsets, lists):
    """Write the depth-sorted list of every tile: lists[starts[tile] : starts[tile + 1]] are ranks, nearest first."""
    threads = offsets.shape[0]
    for thread in prange(threads):
        _scatter(pairs[thread], pair_tiles[thread], pair_ranks[thread], offsets[thread], lists)
