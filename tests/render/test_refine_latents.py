"""What diffusion models are given: noise that belongs to the surface, sizes that they take, steps that were asked."""

import numpy as np
import pytest

from render.refine.latents import generator, latent_noise, padded, schedule_length

from .tiny_pipelines import bundle


def test_noise_for_latents_has_variance_one_and_stays_on_the_surface() -> None:
    pixels = np.random.default_rng(0).normal(size=(256, 320, 4)).astype(np.float32)
    rough = 0.5 * (pixels + np.roll(pixels, 1, axis=1))  # neighbours have something in common
    for noise in (pixels, rough):
        found = latent_noise(noise, 8, 0, 0)
        assert found.shape == (4, 32, 40)
        assert found.std() == pytest.approx(1, abs=0.02)
        assert abs(np.corrcoef(found.reshape(4, -1)) - np.eye(4)).max() < 0.12
        moved = latent_noise(noise[:, 8:], 8, 0, 17)
        assert np.corrcoef(moved.ravel(), found[:, :, 1:].ravel())[0, 1] > 0.9999
        other = latent_noise(noise, 8, 1, 0)
        np.testing.assert_allclose((other**2).sum(0), (found**2).sum(0), rtol=1e-3)
        assert np.abs(other - found).mean() > 0.1


def test_where_no_surface_is_every_frame_has_noise_of_its_own() -> None:
    noise = np.random.default_rng(0).normal(size=(64, 64, 4)).astype(np.float32)
    noise[:, :32] = 0
    here, later = (latent_noise(noise, 8, 0, index) for index in (0, 1))
    np.testing.assert_array_equal(here[..., 4:], later[..., 4:])
    assert (here[..., :4] != later[..., :4]).all()
    np.testing.assert_array_equal(here, latent_noise(noise, 8, 0, 0))


def test_random_numbers_differ_between_frames_and_between_seeds() -> None:
    import torch

    keys = [(0, 0), (0, 1), (1, 0), (1, 1), (-1, 0), (2**63, 5)]
    drawn = [float(torch.rand(1, generator=generator(*key))) for key in keys]
    assert len(set(drawn)) == len(keys)
    assert drawn == [float(torch.rand(1, generator=generator(*key))) for key in keys]


def test_the_part_of_a_schedule_has_as_many_steps_as_asked() -> None:
    for steps in range(1, 60):
        for strength in (0.01, 0.07, 0.1, 0.2, 0.29, 0.3, 0.57, 0.6, 0.7, 0.99, 1.0):
            assert int(schedule_length(steps, strength) * strength) == steps


def test_padding_mirrors_and_reaches_the_multiple() -> None:
    image = bundle(5, 13).rgb
    found = padded(image, 8)
    assert found.shape == (8, 16, 3)
    np.testing.assert_array_equal(found[:5, :13], image)
    np.testing.assert_array_equal(found[5, :13], image[3])
    assert padded(image[:1], 8).shape == (8, 16, 3)
