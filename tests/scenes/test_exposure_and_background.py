"""Per-photo exposure and the colour behind everything: gradients, the mean held at zero, and coming back from disk."""

import numpy as np
import pytest
import torch

from scenes.splats.background import Background, random_color
from scenes.splats.exposure import Exposure, Exposures


def test_exposure_of_a_photo_is_found_and_the_mean_stays() -> None:
    rng = np.random.default_rng(0)
    render = rng.random((20, 30, 3)).astype(np.float32)
    gains = np.array([[1.1, 1.0, 0.95], [0.9, 1.0, 1.05]], np.float32)
    offsets = np.array([[0.02, 0.0, -0.01], [-0.02, 0.0, 0.01]], np.float32)
    exposures = Exposures(3)
    for step in range(1500):
        photo = step % 2
        exposure = exposures.of(photo)
        difference = exposure.apply(render) - (render * gains[photo] + offsets[photo])
        exposures.move(photo, exposure.gradient(render, difference * np.float32(2 / difference.size)), 1e-3)
    np.testing.assert_allclose(exposures.values[:2].mean(axis=0), 0, atol=1e-6)
    ratio = np.exp(exposures.values[0, :3] - exposures.values[1, :3])
    np.testing.assert_allclose(ratio, gains[0] / gains[1], atol=0.02)
    np.testing.assert_array_equal(exposures.of(2).apply(render), render)  # never fitted


def test_the_gradient_is_that_of_torch() -> None:
    rng = np.random.default_rng(1)
    rgb, d_image = rng.random((2, 4, 5, 3)).astype(np.float32)
    values = rng.normal(size=6).astype(np.float32)
    log_gains, offsets = (torch.tensor(v, requires_grad=True) for v in (values[:3], values[3:]))
    ((torch.tensor(rgb) * log_gains.exp() + offsets) * torch.tensor(d_image)).sum().backward()
    gradient = Exposure(np.exp(values[:3]), values[3:]).gradient(rgb, d_image)
    assert log_gains.grad is not None
    assert offsets.grad is not None
    np.testing.assert_allclose(gradient, np.concatenate([log_gains.grad, offsets.grad]), rtol=1e-5)


def test_a_learned_colour_goes_to_what_is_seen_behind() -> None:
    background = Background((0.5, 0.5, 0.5))
    wanted = np.array([0.2, 0.6, 0.9], np.float32)
    seen_through = np.zeros((6, 5), np.float32)
    seen_through[:3] = 1
    for _ in range(600):
        shown = seen_through[..., None] * background.color
        difference = shown - seen_through[..., None] * wanted
        gradient = np.einsum("hwc,hw->c", difference, seen_through)
        background.move(gradient.astype(np.float32), 5e-3)
    np.testing.assert_allclose(background.color, wanted, atol=0.02)


def test_black_stays_black() -> None:
    background = Background(None)
    background.move(np.ones(3, np.float32), 1.0)
    assert not background.is_learned
    assert not background.color.any()


def test_a_random_colour_belongs_to_its_step() -> None:
    np.testing.assert_array_equal(random_color(3, 7), random_color(3, 7))
    assert (random_color(3, 7) != random_color(3, 8)).all()


@pytest.mark.parametrize("which", ["exposure", "background"])
def test_they_come_back_from_what_was_kept(which: str) -> None:
    def make() -> Exposures | Background:
        return Exposures(2) if which == "exposure" else Background((0.1, 0.5, 0.7))

    def push(state: Exposures | Background, amount: float) -> None:
        if isinstance(state, Exposures):
            state.move(1, np.full(6, amount, np.float32), 1e-2)
        else:
            state.move(np.full(3, amount, np.float32), 1e-2)

    first, second = make(), make()
    push(first, 0.4)
    second.restore({name: array.copy() for name, array in first.arrays().items()})
    push(first, -0.7)
    push(second, -0.7)
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, second.arrays()[name])
