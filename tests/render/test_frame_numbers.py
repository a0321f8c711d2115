"""The compiled conversion gives the planes of its slow twins, on any size, and is what films are made with."""

import numpy as np
import pytest

from render import frame_numbers
from render.frame_numbers import planes_of
from render.frames import Color, composite, rgb_with_numpy, yuv_with_numpy
from scenes.scene import View
from scenes.splats.cpu.vec import LANES

KINDS = [(8, 2), (10, 2), (10, 1), (8, 0), (16, 0)]  # bits and chroma_rows of every codec, and of 8-bit images
SKY: Color = (0.3, 0.55, 0.8)


def _view(height: int, width: int, seed: int = 0) -> View:
    rng = np.random.default_rng(seed)
    alpha = rng.random((height, width), dtype=np.float32)
    rgb = rng.uniform(-0.2, 1.3, (height, width, 3)).astype(np.float32)
    return View(rgb, alpha)


def _twin(view: View, background: Color, bits: int, chroma_rows: int) -> tuple[np.ndarray, ...]:
    frame = composite(view, background)
    return yuv_with_numpy(frame, bits, chroma_rows) if chroma_rows else (rgb_with_numpy(frame, bits),)


@pytest.mark.parametrize("background", [(0.0, 0.0, 0.0), SKY])
@pytest.mark.parametrize(("bits", "chroma_rows"), KINDS)
@pytest.mark.parametrize("size", [(2, 2), (18, 2 * LANES + 6), (70, 128)])
def test_the_kernels_agree_with_numpy(size: tuple[int, int], bits: int, chroma_rows: int, background: Color) -> None:
    """Within one step, and mostly exactly: sums are rounded in another way, see ``frame_kernels``."""
    view = _view(*size)
    fast = planes_of(view, background, bits=bits, chroma_rows=chroma_rows)
    slow = _twin(view, background, bits, chroma_rows)
    for a, b in zip(fast, slow, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        difference = np.abs(a.astype(np.int64) - b)
        assert difference.max() <= 1
        assert difference.mean() < 0.01


@pytest.mark.parametrize(("bits", "chroma_rows"), KINDS)
def test_an_opaque_frame_is_a_view_that_nothing_shows_through(bits: int, chroma_rows: int) -> None:
    view = _view(34, 50)
    opaque = View(view.rgb, np.ones_like(view.alpha))
    both = (planes_of(p, SKY, bits=bits, chroma_rows=chroma_rows) for p in (opaque, view.rgb))
    for a, b in zip(*both, strict=True):
        np.testing.assert_array_equal(a, b)


def test_odd_sizes_are_for_rgb_alone() -> None:
    view = _view(5, 7)
    np.testing.assert_allclose(planes_of(view, chroma_rows=0)[0], _twin(view, (0, 0, 0), 8, 0)[0], atol=1)
    with pytest.raises(ValueError, match="even shape, got 7x5"):
        planes_of(view)


def test_whole_numbers_are_not_dithered() -> None:
    numbers = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)
    np.testing.assert_array_equal(planes_of((numbers / 255).astype(np.float32), chroma_rows=0)[0], numbers)


def test_what_is_not_a_number_is_black() -> None:
    planes = planes_of(np.full((2, 4, 3), np.nan, np.float32))
    assert [set(np.unique(plane)) for plane in planes] == [{16}, {128}, {128}]


def test_the_same_picture_gives_the_same_bytes() -> None:
    view = _view(90, 160, seed=1)
    first = planes_of(view, SKY)
    for _ in range(5):
        for a, b in zip(first, planes_of(view, SKY), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("chroma_rows", [0, 2])
def test_numpy_helps_out_where_kernels_cannot_be_compiled(chroma_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_numbers, "cpu_engine_trouble", lambda: "no compiler")
    view = _view(8, 8)
    for a, b in zip(planes_of(view, SKY, chroma_rows=chroma_rows), _twin(view, SKY, 8, chroma_rows), strict=True):
        np.testing.assert_array_equal(a, b)
    for plane in planes_of(view.rgb, chroma_rows=chroma_rows):
        assert plane.dtype == np.uint8
