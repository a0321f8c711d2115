"""Views become frames: a background behind them, then whole numbers of the bit depth a codec wants.

Frames are float32 [H, W, 3] display sRGB, opaque. Rounding a soft gradient on a bare wall to 8 bits draws contour
lines; so before rounding we add a threshold that changes from pixel to pixel and never from frame to frame: the eye
averages it, it does not flicker, and predicted frames copy it for free.

Films are made by ``frame_numbers``; the functions here are its slow twins, and what it falls back to.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scenes.scene import FloatImage, View

Color = tuple[float, float, float]
Planes = tuple[NDArray[np.uint8 | np.uint16], ...]

# ITU-R BT.709-6, section 3.2: luma weights of red, green and blue.
LUMA_RED, LUMA_GREEN, LUMA_BLUE = np.float32(0.2126), np.float32(0.7152), np.float32(0.0722)
BLACK: Color = (0.0, 0.0, 0.0)

# Thresholds keep this far from 0 and 1, so that float noise cannot change a value that is a whole number already.
_DITHER_MARGIN = 0.02


def composite(view: View, background: Color = BLACK) -> FloatImage:
    """[H, W, 3] opaque frame: the view over a colour, clamped to [0, 1]."""
    behind = np.asarray(background, dtype=np.float32)
    frame = view.rgb if not behind.any() else view.rgb + (1 - view.alpha[..., None]) * behind
    return np.clip(frame, 0, 1, dtype=np.float32)


@lru_cache(maxsize=4)
def dither_thresholds(height: int, width: int) -> FloatImage:
    """[H, W] rounding thresholds, evenly spread in (0, 1): interleaved gradient noise.

    Source: Jimenez, "Next Generation Post Processing in Call of Duty: Advanced Warfare", SIGGRAPH 2014 course.
    """
    y, x = np.mgrid[:height, :width].astype(np.float64)
    noise = np.mod(52.9829189 * np.mod(0.06711056 * x + 0.00583715 * y, 1.0), 1.0)
    thresholds = (_DITHER_MARGIN + (1 - 2 * _DITHER_MARGIN) * noise).astype(np.float32)
    thresholds.setflags(write=False)
    return thresholds


def rgb_with_numpy(frame: FloatImage, bits: int = 8) -> NDArray[np.uint8 | np.uint16]:
    """[H, W, 3] whole numbers of 0 to 2**bits - 1; dithered at 8 bits, rounded above."""
    scaled = frame * np.float32(2**bits - 1)
    if bits > 8:
        return np.rint(scaled).astype(np.uint16)
    return np.floor(scaled + dither_thresholds(*frame.shape[:2])[..., None]).astype(np.uint8)


def yuv_with_numpy(frame: FloatImage, bits: int, chroma_rows: int) -> Planes:
    """Planes Y, Cb, Cr of a frame, limited range ("video levels").

    Chroma is half as wide, sited on the left luma column of each pair, as H.264 and its successors assume.

    Args:
        frame: [H, W, 3]; W is even, and H too if ``chroma_rows`` is 2.
        bits: 8 gives uint8, dithered in Y; 10 gives uint16 in the low bits.
        chroma_rows: rows that share a chroma sample: 2 for 4:2:0, 1 for 4:2:2.

    Source: ITU-R BT.709-6, sections 3 and 4.
    """
    step = np.float32(2 ** (bits - 8))
    # Written out: a matrix product may round differently with another number of threads.
    luma = LUMA_RED * frame[..., 0] + LUMA_GREEN * frame[..., 1] + LUMA_BLUE * frame[..., 2]
    whole = 16 * step + 219 * step * luma
    y = np.floor(whole + dither_thresholds(*luma.shape)) if bits == 8 else np.rint(whole)
    kind = np.uint8 if bits == 8 else np.uint16
    planes = [y.astype(kind)]
    for channel, span in ((2, 1.8556), (0, 1.5748)):
        difference = ((frame[..., channel] - luma) / np.float32(span)).astype(np.float32, copy=False)
        shared = _shared_chroma(difference, chroma_rows)
        planes.append(np.rint(128 * step + 224 * step * shared).astype(kind))
    return tuple(planes)


def _shared_chroma(difference: FloatImage, rows: int) -> FloatImage:
    """[H / rows, W / 2]: columns weighted 1 2 1 around each even column, rows averaged."""
    if rows == 2:
        difference = np.float32(0.5) * (difference[0::2] + difference[1::2])
    before = np.concatenate([difference[:, :1], difference[:, 1:-1:2]], axis=1)
    quarter = np.float32(0.25)
    return quarter * (before + 2 * difference[:, 0::2] + difference[:, 1::2])
