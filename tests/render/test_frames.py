"""Views become frames and whole numbers: what must stay exact, and what dithering must not lose."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.frames import composite, dither_thresholds, rgb_with_numpy, yuv_with_numpy
from scenes.scene import FloatImage, View


def _wall(color: tuple[float, float, float], side: int) -> FloatImage:
    return np.broadcast_to(np.array(color, dtype=np.float32), (side, side, 3))


def _rgb_from_yuv(planes: tuple[np.ndarray, ...], bits: int) -> np.ndarray:
    """The inverse written from BT.709's matrix, for a frame of one colour."""
    step = 2.0 ** (bits - 8)
    y, cb, cr = (float(plane.mean()) for plane in planes)
    luma, blue, red = (y / step - 16) / 219, (cb / step - 128) / 224, (cr / step - 128) / 224
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    return np.array([r, (luma - 0.2126 * r - 0.0722 * b) / 0.7152, b])


def test_a_background_shows_where_the_scene_is_empty() -> None:
    alpha = np.array([[0.0, 0.25, 1.0]], dtype=np.float32)
    rgb = np.array([0.8, 0.4, 0.2], dtype=np.float32) * alpha[..., None]
    frame = composite(View(rgb, alpha), (0.0, 1.0, 0.5))
    np.testing.assert_allclose(frame[0, 0], (0, 1, 0.5))
    np.testing.assert_allclose(frame[0, 1], (0.2, 0.85, 0.425), rtol=1e-6)
    np.testing.assert_allclose(frame[0, 2], (0.8, 0.4, 0.2))
    np.testing.assert_array_equal(composite(View(rgb, alpha)), rgb)


def test_colours_outside_the_range_are_clamped() -> None:
    rgb = np.full((2, 2, 3), 1.7, dtype=np.float32)
    rgb[0] = -0.3
    frame = composite(View(rgb, np.ones((2, 2), np.float32)))
    assert set(np.unique(frame)) == {0.0, 1.0}


def test_whole_numbers_are_not_dithered() -> None:
    numbers = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)
    np.testing.assert_array_equal(rgb_with_numpy((numbers / 255).astype(np.float32)), numbers)


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 1))
def test_dithering_keeps_the_mean_of_a_flat_wall(value: float) -> None:
    frame = np.full((64, 64, 3), value, dtype=np.float32)
    numbers = rgb_with_numpy(frame)
    assert abs(numbers.mean() / 255 - value) < 0.05 / 255
    assert np.ptp(numbers) <= 1


def test_thresholds_are_spread_evenly() -> None:
    counts, _ = np.histogram(dither_thresholds(128, 128), bins=8, range=(0, 1))
    assert counts.max() / counts.min() < 1.2


def test_deep_images_are_rounded_not_dithered() -> None:
    frame = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)
    assert np.abs(rgb_with_numpy(frame, 16) / 65535.0 - frame).max() <= 0.51 / 65535


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.floats(0, 1)] * 3), st.sampled_from([(8, 2), (10, 2), (10, 1)]))
def test_a_flat_colour_survives_bt709(color: tuple[float, float, float], kind: tuple[int, int]) -> None:
    bits, chroma_rows = kind
    planes = yuv_with_numpy(_wall(color, 32), bits, chroma_rows)
    assert planes[1].shape == (32 // chroma_rows, 16)
    tolerance = 1.5 / 224 * 2.0 ** (8 - bits)
    np.testing.assert_allclose(_rgb_from_yuv(planes, bits), color, atol=tolerance)


def test_known_levels() -> None:
    for color, levels in (((0, 0, 0), (16, 128, 128)), ((1, 1, 1), (235, 128, 128)), ((0, 0, 1), (32, 240, 118))):
        planes = yuv_with_numpy(_wall(color, 64), 8, 2)
        assert [round(float(plane.mean())) for plane in planes] == list(levels)


def test_chroma_sits_on_the_left_column_of_each_pair() -> None:
    """A colour ramp along x is sampled at even columns, not half a pixel beside them."""
    ramp = np.zeros((2, 64, 3), dtype=np.float32)
    ramp[..., 0] = np.arange(64) / 64
    red = yuv_with_numpy(ramp, 10, 1)[2][0].astype(float)
    expected = 512 + 896 * (1 - 0.2126) / 1.5748 * np.arange(0, 64, 2) / 64
    np.testing.assert_allclose(red[1:], expected[1:], atol=0.51)


@pytest.mark.parametrize("rows", [1, 2])
def test_mirror_rows_give_mirror_chroma(rows: int) -> None:
    frame = np.random.default_rng(1).random((8, 8, 3), dtype=np.float32)
    for upright, flipped in zip(
        yuv_with_numpy(frame, 10, rows), yuv_with_numpy(frame[::-1].copy(), 10, rows), strict=True
    ):
        np.testing.assert_array_equal(upright[::-1], flipped)
