"""Views become the numbers of a codec in one pass over the pixels; compiled. Slow twins: ``render.frames``.

A multiplication and an addition may be fused here and rounded once where numpy rounds twice, so that a number that
lies within float noise of a threshold may come out one step from the twin's.
"""

import numpy as np
from numba import prange

from scenes.splats.cpu.jit import kernel
from scenes.splats.cpu.vec import LANES, vload, vload3, vmax, vmin, vstore, vstore3
from scenes.splats.cpu.vec_pixels import vload_pairs, vstore_whole

ROWS = 8  # rows that are made with one scratch; even, because two of them share their chroma
BLUE_SPAN, RED_SPAN = 1.8556, 1.5748  # ITU-R BT.709-6, section 3.3: of B - Y and R - Y


@kernel(inline=True)
def _load(numbers, at, left, tail):
    """LANES of a flat array, of which only ``left`` are there."""
    if left >= LANES:
        return vload(numbers, at)
    for k in range(left):
        tail[k] = numbers[at + k]
    return vload(tail, 0)


@kernel(inline=True)
def _load_pixels(rgb, at, left, tail):
    """Red, green and blue of LANES pixels, of which only ``left`` are there."""
    if left >= LANES:
        return vload3(rgb, 3 * at)
    for k in range(3 * left):
        tail[k] = rgb[3 * at + k]
    return vload3(tail, 0)


@kernel(inline=True)
def _clamped(value):
    """In [0, 1]; what is not a number is black."""
    return vmin(vmax(value, 0), 1)


@kernel(inline=True)
def _opaque(rgb, alpha, behind, at, left, tail):
    """LANES pixels over the background, clamped."""
    r, g, b = _load_pixels(rgb, at, left, tail)
    if alpha is not None:
        through = 1 - _load(alpha, at, left, tail)
        r, g, b = r + through * behind[0], g + through * behind[1], b + through * behind[2]
    return _clamped(r), _clamped(g), _clamped(b)


@kernel()
def _rgb_rows(first, last, width, rgb, alpha, behind, thresholds, top, numbers):
    tail, three = np.zeros(3 * LANES, np.float32), np.empty(3 * LANES, np.float32)
    whole = np.empty(3 * LANES, numbers.dtype)
    for y in range(first, last):
        for x in range(0, width, LANES):
            at, left = y * width + x, width - x
            r, g, b = _opaque(rgb, alpha, behind, at, left, tail)
            threshold = _load(thresholds, at, left, tail)
            vstore3(three, 0, r * top + threshold, g * top + threshold, b * top + threshold)
            for part in range(0, 3 * LANES, LANES):
                vstore_whole(whole, part, vload(three, part))
            for k in range(3 * min(left, LANES)):
                numbers[3 * at + k] = whole[k]


@kernel(inline=True)
def _luma_row(y, width, rgb, alpha, behind, thresholds, step, share, scratch, luma):
    """A row of Y; ``share`` of its colour differences is added to the scratch."""
    tail, blue, red = scratch
    low, span = np.float32(16) * step, np.float32(219) * step
    blue_share, red_share = share / np.float32(BLUE_SPAN), share / np.float32(RED_SPAN)
    for x in range(0, width, LANES):
        at, left = y * width + x, width - x
        r, g, b = _opaque(rgb, alpha, behind, at, left, tail)
        grey = np.float32(0.2126) * r + np.float32(0.7152) * g + np.float32(0.0722) * b
        vstore_whole(luma, x, span * grey + (low + _load(thresholds, at, left, tail)))
        o = LANES + x
        vstore(blue, o, vload(blue, o) + (b - grey) * blue_share)
        vstore(red, o, vload(red, o) + (r - grey) * red_share)


@kernel(inline=True)
def _chroma_row(difference, half, step, chroma):
    """Columns weighted 1 2 1 around each even one. The difference, from element LANES on, is cleared."""
    middle, span = np.float32(128) * step + np.float32(0.5), np.float32(56) * step
    difference[LANES - 1] = difference[LANES]
    for x in range(0, half, LANES):
        before, even = vload_pairs(difference, LANES + 2 * x - 1)
        _, after = vload_pairs(difference, LANES + 2 * x)
        vstore_whole(chroma, x, middle + span * (before + 2 * even + after))
    difference[:] = np.float32(0)


@kernel()
def _yuv_rows(first, last, width, rgb, alpha, behind, thresholds, step, chroma_rows, planes):
    luma, blue, red = planes
    half, room = width // 2, width + 4 * LANES
    scratch = np.zeros(3 * LANES, np.float32), np.zeros(room, np.float32), np.zeros(room, np.float32)
    numbers = np.empty(room, luma.dtype)
    share = np.float32(1) / np.float32(chroma_rows)
    for y in range(first, last):
        _luma_row(y, width, rgb, alpha, behind, thresholds, step, share, scratch, numbers)
        luma[y] = numbers[:width]
        if (y + 1) % chroma_rows == 0:
            _chroma_row(scratch[1], half, step, numbers)
            blue[y // chroma_rows] = numbers[:half]
            _chroma_row(scratch[2], half, step, numbers)
            red[y // chroma_rows] = numbers[:half]


@kernel(parallel=True)
def fill_rgb(width, rgb, alpha, behind, thresholds, top, numbers):
    """Whole numbers of a view.

    Args:
        width: of the view.
        rgb: [H * W * 3] premultiplied.
        alpha: [H * W]; None if the view is opaque or nothing is behind it.
        behind: [3] colour behind the view.
        thresholds: [H * W] of the dither; 0.5 rounds.
        top: the greatest number, float32.
        numbers: [H * W * 3] whole numbers, written.
    """
    height = rgb.shape[0] // (3 * width)
    for block in prange((height + ROWS - 1) // ROWS):
        last = min((block + 1) * ROWS, height)
        _rgb_rows(block * ROWS, last, width, rgb, alpha, behind, thresholds, top, numbers)


@kernel(parallel=True)
def fill_yuv(width, rgb, alpha, behind, thresholds, step, chroma_rows, planes):
    """Planes Y, Cb, Cr of a view; see ``fill_rgb``.

    Args:
        step: 2**(bits - 8), float32.
        chroma_rows: rows that share a chroma sample, 1 or 2.
        planes: [H, W] and twice [H / chroma_rows, W / 2] whole numbers, written.
    """
    height = rgb.shape[0] // (3 * width)
    for block in prange((height + ROWS - 1) // ROWS):
        last = min((block + 1) * ROWS, height)
        _yuv_rows(block * ROWS, last, width, rgb, alpha, behind, thresholds, step, chroma_rows, planes)
