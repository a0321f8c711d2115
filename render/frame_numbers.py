"""What an encoder takes: the planes of a frame, made by compiled kernels where Numba works and by numpy elsewhere.

The kernels take about 4 ms for 1280x720 on two cores, numpy 30; they agree within one step, see ``frame_kernels``.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scenes.scene import FloatImage, View
from scenes.splats.engine import cpu_engine_trouble

from .frames import BLACK, Color, Planes, composite, dither_thresholds, rgb_with_numpy, yuv_with_numpy

Picture = View | FloatImage  # an opaque frame [H, W, 3], or a view that something may show through


def planes_of(picture: Picture, background: Color = BLACK, *, bits: int = 8, chroma_rows: int = 2) -> Planes:
    """The planes of a frame, limited range for YUV and full range for RGB, dithered if 8 bits are wanted.

    Args:
        picture: float32, display sRGB; clamped to [0, 1].
        background: seen through a view.
        bits: 8 gives uint8, more gives uint16.
        chroma_rows: rows that share a chroma sample: 2 for 4:2:0, 1 for 4:2:2, and 0 for RGB.

    Returns:
        Y [H, W], Cb and Cr [H / chroma_rows, W / 2], as ``frames.yuv_with_numpy`` describes them; or RGB [H, W, 3].

    Raises:
        ValueError: if a size is not even where chroma is shared.
    """
    rgb = picture.rgb if isinstance(picture, View) else picture
    height, width = rgb.shape[:2]
    if chroma_rows and (width % 2 or height % chroma_rows):
        raise ValueError(f"shared chroma needs a frame of even shape, got {width}x{height}")
    if cpu_engine_trouble() is not None:
        frame = composite(picture, background) if isinstance(picture, View) else np.clip(rgb, 0, 1)
        return yuv_with_numpy(frame, bits, chroma_rows) if chroma_rows else (rgb_with_numpy(frame, bits),)
    behind = np.asarray(background, dtype=np.float32)
    alpha = _flat(picture.alpha) if isinstance(picture, View) and behind.any() else None
    thresholds = (dither_thresholds if bits == 8 else _rounding)(height, width).reshape(-1)
    return _compiled(_flat(rgb), alpha, behind, thresholds, (height, width), bits, chroma_rows)


@lru_cache(maxsize=1)
def _rounding(height: int, width: int) -> FloatImage:
    """[H, W] the threshold that rounds; read-only as those of the dither, so that one kernel serves both."""
    halves = np.full((height, width), 0.5, np.float32)
    halves.setflags(write=False)
    return halves


def _flat(image: FloatImage) -> FloatImage:
    return np.ascontiguousarray(image, dtype=np.float32).reshape(-1)


def _compiled(
    rgb: FloatImage,
    alpha: FloatImage | None,
    behind: FloatImage,
    thresholds: FloatImage,
    shape: tuple[int, int],
    bits: int,
    chroma_rows: int,
) -> Planes:
    from scenes.splats.cpu.jit import exclusive_if_needed

    from .frame_kernels import fill_rgb, fill_yuv

    height, width = shape
    kind = np.uint8 if bits == 8 else np.uint16
    with exclusive_if_needed():
        if not chroma_rows:
            numbers = np.empty((height, width, 3), kind)
            fill_rgb(width, rgb, alpha, behind, thresholds, np.float32(2**bits - 1), numbers.reshape(-1))
            return (numbers,)
        shared = (height // chroma_rows, width // 2)
        planes: tuple[NDArray[np.uint8 | np.uint16], ...] = tuple(np.empty(s, kind) for s in (shape, shared, shared))
        fill_yuv(width, rgb, alpha, behind, thresholds, np.float32(2 ** (bits - 8)), chroma_rows, planes)
        return planes
