"""Laws of warp error, excess ratio, sharpness and revisit error, on a wall that is drawn exactly and on noise."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from render.quality import Image
from render.refine.fusion import fused
from render.refine.reproject import Reprojection
from render.steadiness import (
    Seen,
    depth_edges,
    excess_ratio,
    laplacian_energy,
    revisit_error,
    sharpness_ratio,
    squared_warp_error,
    warp_error,
    warp_error_ratio,
    warped_flip,
)
from render.steadiness_meter import SteadinessMeter

from .refine_worlds import Wall, camera, dull

HEIGHT, WIDTH = 40, 60
unit = st.floats(0.01, 1.0)


def still(valid: NDArray[np.bool_] | None = None, width: int = WIDTH, height: int = HEIGHT) -> Reprojection:
    """A flow of a camera that stands still: every pixel is found at itself."""
    pixels = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), axis=-1, dtype=np.float64)
    return Reprojection(pixels, np.ones((height, width), np.bool_) if valid is None else valid)


def noise(count: int, deviation: float, seed: int = 0) -> list[Image]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0.5, deviation, (HEIGHT, WIDTH, 3)).astype(np.float32) for _ in range(count)]


def filmed(wall: Wall, count: int = 14) -> tuple[list[Seen], list[Image]]:
    """A camera that moves along the wall and turns a little."""
    cameras = [camera(x=0.02 * i, y=0.005 * i, turn=0.004 * i) for i in range(count)]
    views = [wall.view(each, ("rgb", "depth_z")) for each in cameras]
    seen = [Seen(each, view.depth_z, view.alpha) for each, view in zip(cameras, views, strict=True)]
    return seen, [view.rgb for view in views]


def error_of(seen: Sequence[Seen], pictures: Sequence[Image], gap: int) -> float:
    found = warp_error(pictures, lambda i, j: seen[i].flow_to(seen[j]), gap)
    assert found is not None
    return found


@pytest.mark.parametrize("gap", [1, 10])
def test_a_wall_drawn_exactly_is_steady(gap: int) -> None:
    seen, pictures = filmed(Wall(dull))
    assert math.sqrt(error_of(seen, pictures, gap)) < 1e-3


def test_without_the_flow_the_same_film_is_not_steady() -> None:
    seen, pictures = filmed(Wall(dull))
    still_there = warp_error(pictures, lambda i, j: still(width=96, height=64), 10)
    assert still_there is not None
    assert still_there > 100 * error_of(seen, pictures, 10)


@given(unit)
def test_independent_noise_gives_twice_its_variance(deviation: float) -> None:
    found = warp_error(noise(6, deviation), lambda i, j: still(), 1)
    assert found == pytest.approx(2 * deviation**2, rel=0.03)


@pytest.mark.parametrize("kept", [0.0, 0.4, 0.7])
def test_fusing_independent_residuals_leaves_the_known_ratio(kept: float) -> None:
    render = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    residuals = [each - 0.5 for each in noise(80, 0.05)]

    def error(pictures: Sequence[Image]) -> float:
        return warp_error(pictures, lambda i, j: still(), 1) or 0.0

    def one_way(frames: Sequence[Image]) -> list[Image]:
        found = [frames[0]]
        for each in frames[1:]:
            found.append((1 - kept) * each + kept * found[-1])
        return found

    unrefined = error([render] * 80)
    per_frame = error([render + each for each in residuals])
    film = error([render + each for each in one_way(residuals)[20:]])
    ratio = excess_ratio(unrefined, per_frame, film)
    assert ratio == pytest.approx((1 - kept) / math.sqrt(1 + kept), rel=0.03)
    both_ways = error([render + each for each in fused(residuals, lambda i, j: still(), kept)[20:-20]])
    both_ratio = excess_ratio(unrefined, per_frame, both_ways)
    assert ratio is not None
    assert both_ratio is not None
    assert both_ratio <= ratio + 1e-3


@given(unit, unit, unit, st.floats(0.1, 10))
def test_ratios_do_not_depend_on_the_unit_of_the_error(
    unrefined: float, added: float, left: float, unit: float
) -> None:
    args = unrefined, unrefined + added, unrefined + left
    assert excess_ratio(*(unit * each for each in args)) == pytest.approx(excess_ratio(*args), rel=1e-6)
    assert warp_error_ratio(unit * args[0], unit * args[2]) == pytest.approx(warp_error_ratio(args[0], args[2]))


@given(unit, unit)
def test_the_ends_of_the_ratios(unrefined: float, added: float) -> None:
    per_frame = unrefined + added
    assert excess_ratio(unrefined, per_frame, per_frame) == 1
    assert excess_ratio(unrefined, per_frame, unrefined) == 0
    assert excess_ratio(unrefined, per_frame, unrefined / 2) == 0
    assert excess_ratio(per_frame, unrefined, per_frame) is None
    assert warp_error_ratio(unrefined, unrefined) == 1
    assert warp_error_ratio(0.0, unrefined) is None


def test_a_film_too_short_for_the_gap_has_no_error() -> None:
    assert warp_error(noise(3, 0.1), lambda i, j: still(), 3) is None
    assert warp_error(noise(3, 0.1), lambda i, j: still(np.zeros((HEIGHT, WIDTH), np.bool_)), 1) is None
    with pytest.raises(ValueError, match="at least 1"):
        warp_error(noise(3, 0.1), lambda i, j: still(), 0)


def test_only_valid_pixels_count() -> None:
    valid = np.zeros((HEIGHT, WIDTH), np.bool_)
    valid[:, :30] = True
    earlier, later = noise(2, 0.1)
    later[:, :30] = earlier[:, :30]
    assert squared_warp_error(earlier, later, still(valid)) == (0.0, 30 * HEIGHT)
    assert warped_flip(earlier, later, still(valid)) == pytest.approx(0, abs=1e-4)
    assert squared_warp_error(earlier, later, still(~valid))[0] > 0


def test_what_is_not_solid_or_lies_on_an_edge_is_left_out() -> None:
    seen, _ = filmed(Wall(), 2)
    thin = replace(seen[1], alpha=np.where(np.arange(96) < 48, 1.0, 0.8).astype(np.float32)[None].repeat(64, axis=0))
    flow = seen[0].flow_to(thin)
    assert flow.valid[5:-5, 10:40].all()
    assert not flow.valid[:, 55:].any()
    depth = np.ones((10, 10), np.float32)
    depth[:, 5:] = 1.5
    assert depth_edges(depth).any(axis=0).tolist() == [False] * 4 + [True] * 2 + [False] * 4


def test_warped_flip_rises_with_the_noise() -> None:
    flat = np.full((HEIGHT, WIDTH, 3), 0.5, np.float32)
    found = [warped_flip(flat, np.clip(noise(1, s)[0], 0, 1), still()) or 0.0 for s in (0.0, 0.05, 0.2)]
    assert found[0] == 0
    assert found == sorted(found)
    assert found[2] > found[1] > 0


@given(st.floats(0.3, 3), st.floats(0.3, 3))
def test_sharpness_falls_with_blur_and_rises_with_noise(sigma: float, more: float) -> None:
    photo = Wall().view(camera()).rgb
    blurred = gaussian_filter(photo, (sigma, sigma, 0))
    softer = gaussian_filter(photo, (sigma + more, sigma + more, 0))
    ratios = [sharpness_ratio(each, photo) or 0.0 for each in (softer, blurred, photo)]
    assert ratios == sorted(ratios)
    assert ratios[1] < ratios[2] == 1
    noisy = photo + np.random.default_rng(0).normal(0, 0.05 * sigma, photo.shape).astype(np.float32)
    assert (sharpness_ratio(noisy, photo) or 0.0) > 1


@given(st.floats(0.2, 5), st.floats(-0.5, 0.5))
def test_sharpness_knows_no_brightness_and_no_position(gain: float, offset: float) -> None:
    photo = Wall().view(camera()).rgb
    picture = gaussian_filter(photo, (1, 1, 0))
    ratio = sharpness_ratio(picture, photo)
    assert sharpness_ratio(gain * picture, gain * photo + np.float32(offset)) == pytest.approx(ratio, rel=1e-3)
    assert laplacian_energy(photo[:, ::-1]) == pytest.approx(laplacian_energy(photo))
    ramp = np.linspace(0, 1, WIDTH, dtype=np.float32)[None, :, None].repeat(HEIGHT, 0).repeat(3, 2)
    assert laplacian_energy(ramp) == pytest.approx(0, abs=1e-10)
    assert sharpness_ratio(ramp, np.zeros_like(ramp)) is None


def test_sharpness_looks_only_inside_the_mask() -> None:
    photo = Wall().view(camera()).rgb
    mask = np.zeros(photo.shape[:2], np.bool_)
    mask[:, :40] = True
    spoilt = photo.copy()
    spoilt[:, 40:] = 0
    assert sharpness_ratio(spoilt, photo, mask) == 1
    assert (sharpness_ratio(spoilt, photo) or 0.0) != 1
    with pytest.raises(ValueError, match="no pixel"):
        laplacian_energy(photo, np.zeros_like(mask))


def test_a_pose_seen_twice() -> None:
    first, again = noise(2, 0.1)
    assert revisit_error(first, first) == 0
    assert revisit_error(first, again) == pytest.approx(0.1 * math.sqrt(2), rel=0.03)
    half = np.zeros((HEIGHT, WIDTH), np.bool_)
    half[:20] = True
    mixed = np.where(half[..., None], first, again)
    assert revisit_error(first, mixed, half) == 0
    assert revisit_error(first, mixed) == pytest.approx(revisit_error(first, again) / math.sqrt(2), rel=0.03)


def test_the_meter_sums_what_the_function_sums() -> None:
    seen, exact = filmed(Wall(dull))
    _, flicker = filmed(Wall(dull, flicker=0.05))
    meter = SteadinessMeter((1, 10))
    pairs = [pair for i in range(14) for pair in meter.add(seen[i], {"render": exact[i], "film": flicker[i]})]
    for gap in (1, 10):
        for name, pictures in (("render", exact), ("film", flicker)):
            expected = error_of(seen, pictures, gap)
            assert meter.errors(gap)[name] == pytest.approx(expected, rel=1e-9)
            mine = [pair for pair in pairs if pair.gap == gap]
            pooled = sum(pair.squared[name] * pair.pixels for pair in mine) / sum(pair.pixels for pair in mine)
            assert pooled == pytest.approx(expected, rel=1e-9)
        assert 0 < meter.share(gap) < 1
    assert [pair.gap for pair in pairs] == [1] * 9 + [1, 10] * 4


def test_a_cut_parts_the_frames() -> None:
    seen, pictures = filmed(Wall(dull), 4)
    meter = SteadinessMeter((1,))
    assert meter.errors(1) == {}
    assert meter.share(1) == 0
    for i in range(4):
        if i == 2:
            meter.cut()
        assert len(meter.add(seen[i], {"film": pictures[i]})) == (i % 2)
