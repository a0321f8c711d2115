"""Per-photo exposure and the colour behind everything: gradients, the mean held at zero, and coming back from disk."""

import numpy as np
import pytest

from scenes.splats.background import Background, random_color
from scenes.splats.exposure import Exposures


def test_exposure_of_a_photo_is_found_and_the_mean_stays() -> None:
    rng = np.random.default_rng(0)
    render = rng.random((20, 30, 3)).astype(np.float32)
    gains = np.array([[1.1, 1.0, 0.95], [0.9, 1.0, 1.05]], np.float32)
    offsets = np.array([[0.02, 0.0, -0.01], [-0.02, 0.0, 0.01]], np.float32)
    exposures = Exposures(3)
    for step in range(1500):
        photo = step % 2
        difference = exposures.apply(photo, render) - (render * gains[photo] + offsets[photo])
        exposures.backward(photo, render, difference * np.float32(2 / difference.size), 1e-3)
    np.testing.assert_allclose(exposures.values[:2].mean(axis=0), 0, atol=1e-6)
    ratio = np.exp(exposures.values[0, :3] - exposures.values[1, :3])
    np.testing.assert_allclose(ratio, gains[0] / gains[1], atol=0.02)
    np.testing.assert_array_equal(exposures.apply(2, render), render)  # never fitted


def test_the_gradient_passes_through_the_gain() -> None:
    exposures = Exposures(1)
    exposures.values[0, :3] = np.log(2)
    gradient = exposures.backward(0, np.ones((2, 2, 3), np.float32), np.ones((2, 2, 3), np.float32), 0.0)
    np.testing.assert_allclose(gradient, 2, rtol=1e-6)


def test_a_learned_colour_goes_to_what_is_seen_behind() -> None:
    background = Background((0.5, 0.5, 0.5))
    wanted = np.array([0.2, 0.6, 0.9], np.float32)
    seen_through = np.zeros((6, 5), np.float32)
    seen_through[:3] = 1
    for _ in range(600):
        shown = seen_through[..., None] * background.color
        difference = shown - seen_through[..., None] * wanted
        background.backward(difference.astype(np.float32), seen_through, 5e-3)
    np.testing.assert_allclose(background.color, wanted, atol=0.02)


def test_black_stays_black() -> None:
    background = Background(None)
    background.backward(np.ones((2, 2, 3), np.float32), np.ones((2, 2), np.float32), 1.0)
    assert not background.color.any()


def test_a_random_colour_belongs_to_its_step() -> None:
    np.testing.assert_array_equal(random_color(3, 7), random_color(3, 7))
    assert (random_color(3, 7) != random_color(3, 8)).all()


@pytest.mark.parametrize("which", ["exposure", "background"])
def test_they_come_back_from_what_was_kept(which: str) -> None:
    def make() -> Exposures | Background:
        return Exposures(2) if which == "exposure" else Background((0.1, 0.5, 0.7))

    def push(state: Exposures | Background, amount: float) -> None:
        image = np.full((3, 3, 3), amount, np.float32)
        if isinstance(state, Exposures):
            state.backward(1, image, image, 1e-2)
        else:
            state.backward(image, image[..., 0], 1e-2)

    first, second = make(), make()
    push(first, 0.4)
    second.restore({name: array.copy() for name, array in first.arrays().items()})
    push(first, -0.7)
    push(second, -0.7)
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, second.arrays()[name])
