"""Laws of the measures, known values, and a slow SSIM beside the fast one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from render.quality import SSIM_WINDOW, Scores, flip, flip_map, psnr, score, ssim

Picture = NDArray[np.float32]


def _pictures(seed: int, noise: float) -> tuple[Picture, Picture]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:24, :32] / 32
    truth = 0.5 + 0.4 * np.sin(5 * x[..., None] + 3 * y[..., None] + np.arange(3))
    return truth.astype(np.float32), np.clip(truth + noise * rng.standard_normal(truth.shape), 0, 1).astype(np.float32)


def _slow_ssim(x: Picture, y: Picture) -> float:
    """Equation 13 of Wang 2004, window by window, with a two-dimensional window."""
    offsets = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    values: list[float] = []
    for channel in range(3):
        for top in range(x.shape[0] - SSIM_WINDOW + 1):
            for left in range(x.shape[1] - SSIM_WINDOW + 1):
                place = (slice(top, top + SSIM_WINDOW), slice(left, left + SSIM_WINDOW), channel)
                a, b = x[place].astype(np.float64), y[place].astype(np.float64)
                mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
                var_a, var_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
                cov = (weights * (a - mean_a) * (b - mean_b)).sum()
                top_term = (2 * mean_a * mean_b + 1e-4) * (2 * cov + 9e-4)
                values.append(top_term / ((mean_a**2 + mean_b**2 + 1e-4) * (var_a + var_b + 9e-4)))
    return float(np.mean(values))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.001, 0.5))
def test_laws(seed: int, noise: float) -> None:
    truth, test = (picture.astype(np.float64) for picture in _pictures(seed, noise))
    assert psnr(truth, test, data_range=1) == psnr(test, truth, data_range=1)
    assert ssim(truth, test, data_range=1) == pytest.approx(ssim(test, truth, data_range=1), abs=1e-12)
    assert -1 <= ssim(truth, test, data_range=1) <= 1
    scaled = psnr(255 * truth, 255 * test, data_range=255)
    assert scaled == pytest.approx(psnr(truth, test, data_range=1), abs=1e-4)
    assert ssim(255 * truth, 255 * test, data_range=255) == pytest.approx(ssim(truth, test, data_range=1), abs=1e-5)


def test_equal_pictures_have_the_best_scores() -> None:
    truth, _ = _pictures(0, 0)
    assert score(truth, truth) == Scores(math.inf, 1.0, 0.0)


def test_more_noise_scores_worse() -> None:
    scores = [score(*_pictures(3, noise)) for noise in (0.01, 0.05, 0.2)]
    assert scores[0].psnr > scores[1].psnr > scores[2].psnr
    assert scores[0].ssim > scores[1].ssim > scores[2].ssim
    assert 0 < scores[0].flip < scores[1].flip < scores[2].flip < 1


def test_known_values() -> None:
    grey = np.full((16, 16, 3), 0.5, dtype=np.float32)
    assert psnr(grey, grey + np.float32(0.1), data_range=1.0) == pytest.approx(20.0, abs=1e-4)
    a, b = 0.5, 0.6
    flat = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)  # nothing but the means differs
    assert ssim(grey, np.full_like(grey, b), data_range=1.0) == pytest.approx(flat, abs=1e-6)
    black, white = np.zeros_like(grey), np.ones_like(grey)
    assert flip(black, white) == pytest.approx(1.0, abs=0.04)


def test_ssim_is_the_slow_one() -> None:
    truth, test = _pictures(7, 0.1)
    assert ssim(truth, test, data_range=1.0) == pytest.approx(_slow_ssim(truth, test), abs=1e-10)


def test_masked_pixels_do_not_count() -> None:
    truth, test = _pictures(5, 0.05)
    mask = np.ones(truth.shape[:2], dtype=bool)
    assert ssim(truth, test, data_range=1, mask=mask) == ssim(truth, test, data_range=1)
    mask[:, 20:] = False
    spoilt = test.copy()
    spoilt[:, 20:] = 0
    for measure in (psnr, ssim):
        assert measure(truth, spoilt, data_range=1.0, mask=mask) == measure(truth, test, data_range=1.0, mask=mask)
    assert psnr(truth, spoilt, data_range=1.0, mask=mask) == psnr(truth[:, :20], test[:, :20], data_range=1.0)
    assert ssim(truth, spoilt, data_range=1.0, mask=mask) == pytest.approx(
        ssim(truth[:, :20], test[:, :20], data_range=1)
    )
    assert flip(truth, test, mask=mask) == pytest.approx(float(flip_map(truth, test)[mask].mean()))


def test_a_thin_mask_still_has_a_score() -> None:
    truth, test = _pictures(5, 0.05)
    mask = np.zeros(truth.shape[:2], dtype=bool)
    mask[8:12] = True
    assert 0 < ssim(truth, test, data_range=1, mask=mask) < 1


def test_mean_is_of_each_figure() -> None:
    assert Scores.mean([Scores(20, 0.5, 0.1), Scores(30, 0.7, 0.3)]) == Scores(25, 0.6, 0.2)


def test_what_cannot_be_compared_is_refused() -> None:
    truth, test = _pictures(1, 0.1)
    with pytest.raises(ValueError, match="of one shape"):
        psnr(truth, test[:-1], data_range=1.0)
    with pytest.raises(ValueError, match="leaves no pixel"):
        score(truth, test, np.zeros(truth.shape[:2], dtype=bool))
    with pytest.raises(ValueError, match="mask must have shape"):
        flip(truth, test, mask=np.ones((3, 3), dtype=bool))
    with pytest.raises(ValueError, match="at least 11 pixels"):
        ssim(truth[:8], test[:8], data_range=1.0)
