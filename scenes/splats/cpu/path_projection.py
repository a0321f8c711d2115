"""Gaussians onto the frames of a path: what does not change from frame to frame is computed once and kept packed.

Kept for each Gaussian: its centre, its scaled axes, its opacity, and its colour with the direction in which it was seen
when that was evaluated. It is evaluated again only when it may have changed by more than ``TOLERANCE``.

The bound. A band l of a colour is f(d) = sum_m s_m Y_lm(d). By the addition theorem the squares of the derivatives of
the Y_lm along any unit tangent sum to l (l + 1) (2 l + 1) / (8 pi), so by Cauchy-Schwarz f changes by at most
|s| sqrt(l (l + 1) (2 l + 1) / (8 pi)) per radian; so does what is left of it after clamping at 0. The bands add up; and
a pixel, whose weights sum to at most 1, changes by no more than the colour that changes most.

Slow twin: ``projection.project``.
"""

import math

import numpy as np
from numba import prange

from .jit import kernel
from .projection import (
    LOGITS,
    PACKED,
    TERMS,
    directions_from_camera,
    may_be_seen,
    opacity_of,
    pack_means,
    pack_shapes,
    project_block,
    scaled_axes,
    store_colour,
)
from .records import BLUE, DEPTH_Z, GREEN, RECORD, RED, copy_record, lens_of
from .scratch import scratch
from .sh_vectors import basis_vectors
from .vec import LANES, float_bits, vany, vload, vselect, vset, vstore, vstore_columns

# Rows of LANES numbers that are kept for LANES Gaussians.
MEAN = 0
AXES = 3  # nine: x, y, z of the first axis, and so on
OPACITY = 12
COLOUR = 13
SEEN_FROM = 16  # the direction from the camera in which the colour was evaluated; zeros before the first time
LEEWAY = 19  # how far the direction may move, squared
KEPT = 20

TOLERANCE = 1 / 640  # of a colour; below 1 / 512 with room for float32
LARGEST_CHORD = 0.5  # between directions; up to there an angle is at most ANGLE_OF_CHORD times its chord
ANGLE_OF_CHORD = 1.011  # 2 asin(0.25) / 0.5 = 1.0107
SLOPES = (math.sqrt(6 / (8 * math.pi)), math.sqrt(30 / (8 * math.pi)), math.sqrt(84 / (8 * math.pi)))  # bands 1 to 3


@kernel(inline=True)
def _norm(numbers, first, last):
    total = np.float32(0)
    for k in range(first, last):
        total += numbers[k] * numbers[k]
    return math.sqrt(total)


@kernel(inline=True)
def _leeway(sh, degree):
    """How far, squared, the direction of a Gaussian [3, TERMS] may move before its colour is evaluated again."""
    steepest = np.float32(0)
    for channel in range(3):
        slope = np.float32(0)
        for band in range(1, 4):
            if band <= degree:
                slope += np.float32(SLOPES[band - 1]) * _norm(sh[channel], band * band, (band + 1) * (band + 1))
        steepest = max(steepest, slope)
    chord = np.float32(LARGEST_CHORD)
    most = np.float32(TOLERANCE / ANGLE_OF_CHORD)
    if steepest * chord > most:
        chord = most / steepest
    return chord * chord


@kernel(parallel=True)
def keep(means, quaternions, log_scales, logits, sh, degree, kept):
    """Pack Gaussians for the frames of a path.

    Args:
        means, quaternions, log_scales, logits, sh: the parameters, as in ``Gaussians``.
        degree: of the spherical harmonics that count.
        kept: [blocks, KEPT * LANES] written; its last block may hold the last Gaussian several times.
    """
    n = means.shape[0]
    for block in prange(kept.shape[0]):
        packed, rows, first = scratch(PACKED * LANES), kept[block], block * LANES
        pack_means(packed, means, first, n - 1)
        pack_shapes(packed, quaternions, log_scales, logits, first, n - 1)
        for c in range(3):
            vstore(rows, (MEAN + c) * LANES, vload(packed, c * LANES))
            vstore(rows, (SEEN_FROM + c) * LANES, vset(0))
            vstore(rows, (COLOUR + c) * LANES, vset(0))
        a, b, c = scaled_axes(packed)
        _store_triple(rows, AXES, a)
        _store_triple(rows, AXES + 3, b)
        _store_triple(rows, AXES + 6, c)
        vstore(rows, OPACITY * LANES, opacity_of(vload(packed, LOGITS * LANES)))
        for lane in range(LANES):
            rows[LEEWAY * LANES + lane] = _leeway(sh[min(first + lane, n - 1)], degree)


@kernel(inline=True)
def _store_triple(rows, row, triple):
    vstore(rows, row * LANES, triple[0])
    vstore(rows, (row + 1) * LANES, triple[1])
    vstore(rows, (row + 2) * LANES, triple[2])


@kernel(inline=True)
def _triple(rows, row):
    return vload(rows, row * LANES), vload(rows, (row + 1) * LANES), vload(rows, (row + 2) * LANES)


@kernel(inline=True)
def _colour_again(rows, records, lanes, sh, first, degree, direction, stale, flags, basis):
    """Evaluate the colours of the stale Gaussians of a block: into its records and into what is kept."""
    vstore(flags, 0, vselect(stale, 1, 0))
    vstore_columns(basis, 0, basis_vectors(degree, direction[0], direction[1], direction[2]))
    for lane in range(lanes):
        if flags[lane] > 0:
            at = lane * RECORD
            store_colour(records, at, basis, lane * TERMS, sh, (first + lane) * 3 * TERMS)
            rows[COLOUR * LANES + lane] = records[at + RED]
            rows[(COLOUR + 1) * LANES + lane] = records[at + GREEN]
            rows[(COLOUR + 2) * LANES + lane] = records[at + BLUE]
    x, y, z = _triple(rows, SEEN_FROM)
    now = vselect(stale, direction[0], x), vselect(stale, direction[1], y), vselect(stale, direction[2], z)
    _store_triple(rows, SEEN_FROM, now)


@kernel()
def _project_blocks(first_block, last_block, kept, sh, degree, numbers, antialiased, records, keys):
    """Project the Gaussians of some blocks."""
    lens, n = lens_of(numbers), keys.shape[0]
    flat_records, flat_sh = records.reshape(-1), sh.reshape(-1)
    block, flags, basis = scratch(LANES * RECORD), scratch(LANES), scratch(LANES * TERMS)
    for b in range(first_block, last_block):
        rows, start = kept[b], b * LANES
        lanes = min(LANES, n - start)
        keys[start : start + lanes] = 0
        mean = _triple(rows, MEAN)
        in_front = may_be_seen(lens, mean[0], mean[1], mean[2])
        if not vany(in_front):
            continue
        axes = _triple(rows, AXES), _triple(rows, AXES + 3), _triple(rows, AXES + 6)
        opacity, colour = vload(rows, OPACITY * LANES), _triple(rows, COLOUR)
        visible = project_block(mean, axes, opacity, colour, lens, antialiased, block, in_front)
        if not vany(visible):
            continue
        dx, dy, dz, _ = directions_from_camera(lens, mean[0], mean[1], mean[2])
        x, y, z = _triple(rows, SEEN_FROM)
        moved = (dx - x) * (dx - x) + (dy - y) * (dy - y) + (dz - z) * (dz - z)
        stale = visible & (moved > vload(rows, LEEWAY * LANES))
        if vany(stale):
            _colour_again(rows, block, lanes, flat_sh, start, degree, (dx, dy, dz), stale, flags, basis)
        vstore(flags, 0, vselect(visible, 1, 0))
        for lane in range(lanes):
            if flags[lane] > 0:
                at = lane * RECORD
                copy_record(flat_records, (start + lane) * RECORD, block, at)
                keys[start + lane] = float_bits(block[at + DEPTH_Z])


@kernel(parallel=True)
def project_kept(kept, sh, degree, numbers, antialiased, records, keys, counts):
    """As ``projection.project``, from what ``keep`` kept, with the same degree.

    Args:
        kept: [blocks, KEPT * LANES] of which colours and directions change.
    """
    n, blocks, chunks = keys.shape[0], kept.shape[0], counts.shape[0]
    for chunk in prange(chunks):
        first, last = chunk * blocks // chunks, (chunk + 1) * blocks // chunks
        _project_blocks(first, last, kept, sh, degree, numbers, antialiased, records, keys)
    for chunk in prange(chunks):  # shares of Gaussians, not of blocks
        count = 0
        for i in range(chunk * n // chunks, (chunk + 1) * n // chunks):
            count += keys[i] != 0
        counts[chunk] = count
