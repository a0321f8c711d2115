"""The visible Gaussians, nearest first: compaction and a stable radix sort of their depth keys."""

import numpy as np
from numba import prange

from .jit import kernel

DIGIT_BITS = 11
DIGITS = 1 << DIGIT_BITS
KEY_BITS = 2 * DIGIT_BITS


@kernel(parallel=True)
def compact(keys, counts, ids, compact_keys):
    """Gather the visible Gaussians in the order of their index.

    Args:
        keys: [N] int32 depth keys, 0 where invisible.
        counts: [chunks] how many are visible in each chunk, from ``project``.
        ids: [N] int32, the first entries receive the indices of the visible ones.
        compact_keys: [N] int32, the first entries receive their keys.

    Returns:
        How many are visible, the least and the greatest key among them.
    """
    n, chunks = keys.shape[0], counts.shape[0]
    offsets = np.zeros(chunks + 1, np.int64)
    for chunk in range(chunks):
        offsets[chunk + 1] = offsets[chunk] + counts[chunk]
    least = np.full(chunks, 0x7FFFFFFF, np.int64)
    greatest = np.zeros(chunks, np.int64)
    for chunk in prange(chunks):
        place = offsets[chunk]
        low, high = np.int32(0x7FFFFFFF), np.int32(0)
        for i in range(chunk * n // chunks, (chunk + 1) * n // chunks):
            key = keys[i]
            if key != 0:
                ids[place] = i
                compact_keys[place] = key
                place += 1
                low, high = min(low, key), max(high, key)
        least[chunk], greatest[chunk] = low, high
    return offsets[chunks], least.min(), greatest.max()


@kernel(parallel=True)
def radix_pass(keys_in, ids_in, keys_out, ids_out, n, least, drop_bits, shift, threads):
    """One pass of a stable radix sort by the digit of ``(key - least) >> drop_bits`` that starts at bit ``shift``."""
    histograms = np.zeros((threads, DIGITS), np.int64)
    for thread in prange(threads):
        histogram = histograms[thread]
        for i in range(thread * n // threads, (thread + 1) * n // threads):
            histogram[((keys_in[i] - least) >> drop_bits >> shift) & (DIGITS - 1)] += 1
    total = 0
    for digit in range(DIGITS):
        for thread in range(threads):
            count = histograms[thread, digit]
            histograms[thread, digit] = total
            total += count
    for thread in prange(threads):
        place = histograms[thread]
        for i in range(thread * n // threads, (thread + 1) * n // threads):
            digit = ((keys_in[i] - least) >> drop_bits >> shift) & (DIGITS - 1)
            to = place[digit]
            place[digit] = to + 1
            keys_out[to] = keys_in[i]
            ids_out[to] = ids_in[i]


def sort_by_depth(keys, ids, spare_keys, spare_ids, n, least, greatest, threads) -> None:
    """Sort the first n ids by their keys in place.

    The range of the keys is cut to 22 bits: Gaussians whose depths differ by less than about 2e-6 of the range of
    depths, measured in float32 steps, keep the order of their index.
    """
    drop_bits = max(0, int(greatest - least).bit_length() - KEY_BITS)
    radix_pass(keys, ids, spare_keys, spare_ids, n, least, drop_bits, 0, threads)
    radix_pass(spare_keys, spare_ids, keys, ids, n, least, drop_bits, DIGIT_BITS, threads)
