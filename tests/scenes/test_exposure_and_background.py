"""Per-photo exposure and the colour behind everything."""

import numpy as np

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.captures.pixels import PosedPhoto
from scenes.splats.background import backdrop_color, mean_color, random_color
from scenes.splats.exposure import Exposures, best_gains


def test_exposures_of_photos_are_found_and_the_mean_stays() -> None:
    rng = np.random.default_rng(0)
    render = (0.1 + 0.6 * rng.random((40, 60, 3))).astype(np.float32)
    gains = np.array([[1.25, 1.2, 1.15], [0.8, 0.8, 0.85]])
    exposures = Exposures(3)
    for look in range(8):
        photo = look % 2
        found = best_gains(render, (render * gains[photo]).astype(np.float32), None)
        assert found is not None
        np.testing.assert_allclose(found, gains[photo], rtol=1e-6)
        exposures.learn(photo, found)
    np.testing.assert_allclose(exposures.log_gains[:2].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(exposures.of(0) / exposures.of(1), gains[0] / gains[1], rtol=0.03)
    np.testing.assert_array_equal(exposures.of(2), 1)  # never fitted


def test_small_differences_are_left_to_the_scene() -> None:
    exposures = Exposures(2)
    exposures.learn(0, np.array([1.02, 0.98, 1.3]))
    exposures.learn(1, np.array([0.99, 1.01, 0.8]))
    np.testing.assert_array_equal(exposures.of(0)[:2], 1)
    assert exposures.of(0)[2] > 1.2


def test_pixels_that_may_be_clipped_do_not_count() -> None:
    render = np.full((30, 30, 3), 0.6, np.float32)
    photo = np.full((30, 30, 3), 0.9, np.float32)
    photo[:15], render[:15] = 1.0, 0.9  # clipped
    found = best_gains(render, np.rint(photo * 255).astype(np.uint8), None)
    assert found is not None
    np.testing.assert_allclose(found, 1.5, rtol=0.01)
    valid = np.zeros((30, 30), np.bool_)
    assert best_gains(render, photo, valid) is None


def test_the_mean_colour_is_that_of_the_valid_pixels() -> None:
    rgb = np.zeros((2, 3, 3), np.uint8)
    rgb[0] = (51, 102, 255)
    valid = np.array([[True] * 3, [False] * 3])
    camera = Camera(Intrinsics.from_fov(3, 2, 1.0), Rigid.identity())
    np.testing.assert_allclose(mean_color([PosedPhoto("a", camera, rgb, valid=valid)]), (0.2, 0.4, 1), rtol=1e-6)
    np.testing.assert_allclose(mean_color([PosedPhoto("a", camera, rgb)]), (0.1, 0.2, 0.5), rtol=1e-6)


def test_a_random_colour_belongs_to_its_step() -> None:
    np.testing.assert_array_equal(random_color(3, 7), random_color(3, 7))
    assert (random_color(3, 7) != random_color(3, 8)).all()


def test_a_plain_backdrop_is_told_from_a_place() -> None:
    rng = np.random.default_rng(2)
    camera = Camera(Intrinsics.from_fov(40, 30, 1.0), Rigid.identity())
    turntable = np.full((30, 40, 3), (250, 240, 230), np.uint8) + rng.integers(0, 4, (30, 40, 3), np.uint8)
    turntable[8:25, 10:30] = rng.integers(0, 255, (17, 20, 3))
    plain = [PosedPhoto("a", camera, turntable), PosedPhoto("b", camera, turntable[::-1].copy())]
    color = backdrop_color(plain)
    assert color is not None
    np.testing.assert_allclose(color, (252 / 255, 242 / 255, 232 / 255), atol=2 / 255)
    place = PosedPhoto("c", camera, rng.integers(0, 255, (30, 40, 3), np.uint8))
    assert backdrop_color([*plain, place]) is None
    assert backdrop_color([PosedPhoto("a", camera, turntable, alpha=np.full((30, 40), 255, np.uint8))]) is None


def test_exposures_come_back_from_what_was_kept() -> None:
    first, second = Exposures(2), Exposures(2)

    def push(state: Exposures, amount: float) -> None:
        for photo in (0, 1):
            state.learn(photo, np.full(3, 1 + amount * photo))

    push(first, 0.4)
    second.restore({name: array.copy() for name, array in first.arrays().items()})
    push(first, -0.7)
    push(second, -0.7)
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, second.arrays()[name])
