"""Noise of the surface: Gaussian, of one point and not of a picture, and as fine as a pixel from any distance."""

import numpy as np
import pytest
from numpy.typing import NDArray

from render.refine.noise import surface_noise

Points = NDArray[np.float64]


def wall(distance: float, shift: float = 0.0, size: int = 200, focal: float = 200.0) -> tuple[Points, Points]:
    """A wall square to the camera: its points, and the size of a pixel there."""
    across: Points = np.arange(float(size)) + 0.5 - size / 2
    x, y = np.meshgrid(across, across)
    points = np.stack([x * distance / focal + shift, y * distance / focal, np.full_like(x, 7.3)], axis=-1)
    return np.asarray(points, dtype=np.float64), np.full(x.shape, distance / focal)


@pytest.mark.parametrize("distance", [0.7, 2.0, 3.1, 40.0])
def test_it_is_gaussian_with_variance_one_and_channels_apart(distance: float) -> None:
    noise = surface_noise(*wall(distance), channels=3)
    assert noise.dtype == np.float32
    assert abs(float(noise.mean())) < 0.02
    assert float(noise.std()) == pytest.approx(1.0, abs=0.02)
    assert float((noise**4).mean()) == pytest.approx(3.0, abs=0.15)
    assert np.abs(np.corrcoef(noise.reshape(-1, 3).T) - np.eye(3)).max() < 0.03


def test_a_point_has_its_noise_in_any_picture_and_order() -> None:
    points, footprints = wall(2.0, focal=256.0)  # numbers that are exact, so that no point falls into another cube
    noise = surface_noise(points, footprints, 2, seed=5)
    order = np.random.default_rng(0).permutation(200)
    np.testing.assert_array_equal(surface_noise(points[order], footprints[order], 2, seed=5), noise[order])
    part = surface_noise(points[50:60, 7:9], footprints[50:60, 7:9], 2, seed=5)
    np.testing.assert_array_equal(part, noise[50:60, 7:9])
    moved, _ = wall(2.0, shift=2.0 / 256 * 30, focal=256.0)  # the camera moved by 30 pixels
    np.testing.assert_array_equal(surface_noise(moved, footprints, 2, seed=5)[:, :-30], noise[:, 30:])


def test_another_seed_is_other_noise() -> None:
    a, b = (surface_noise(*wall(2.0), 1, seed=seed) for seed in (1, 2))
    assert abs(float(np.corrcoef(a.ravel(), b.ravel())[0, 1])) < 0.02


def test_neighbours_are_all_but_independent() -> None:
    noise = surface_noise(*wall(3.1), 1)[..., 0]
    beside = float(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1])
    apart = float(np.corrcoef(noise[:, 4:].ravel(), noise[:, :-4].ravel())[0, 1])
    assert abs(beside) < 0.5  # of the coarser cubes, two pixels may share one
    assert abs(apart) < 0.02


def test_it_changes_little_when_the_camera_comes_a_little_nearer() -> None:
    points, footprints = wall(2.5)
    before, after, far = (surface_noise(points, scale * footprints, 1).ravel() for scale in (1.0, 0.97, 0.25))
    assert np.corrcoef(before, after)[0, 1] > 0.95
    assert abs(np.corrcoef(before, far)[0, 1]) < 0.05


def test_nothing_seen_has_no_noise() -> None:
    points, footprints = wall(2.0)
    footprints[:10] = 0
    footprints[10:20] = np.nan
    noise = surface_noise(points, footprints, 1)
    assert (noise[:20] == 0).all()
    assert (noise[20:] != 0).all()
