"""The guard: hostile models change nothing, good ones are kept, and what no photo saw stays as it is."""

from dataclasses import replace

import numpy as np
import pytest

from render.refine.base import FrameBundle, Pair
from render.refine.frames import RefinedFrames
from render.refine.guard import Gains, Trial, bands_of, calibrate, change, kept_change, psnr_step
from render.refine.photos import PhotoSet
from render.refine.preparation import trials

from .refine_worlds import HOSTILE, Fake, Wall, camera, dull, row_of_photos, wall_pairs

PAIRS = wall_pairs()


def towards(share: float) -> Fake:
    """A model that knows the photos and goes a share of the way."""
    photos = {pair.bundle.frame_index: pair.photo for pair in PAIRS}

    def answer(bundle: FrameBundle, rng: np.random.Generator) -> np.ndarray:
        return bundle.rgb + share * (photos[bundle.frame_index] - bundle.rgb)

    return Fake(answer)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("scene", [Wall(dull), Wall(dull, flicker=0.05), Wall()], ids=["dull", "noisy", "good"])
def test_hostile_models_leave_the_render(name: str, scene: Wall) -> None:
    fake = Fake(HOSTILE[name])
    gains = calibrate(trials(fake, wall_pairs(scene)))
    assert gains.is_identity
    assert gains.reason
    frames = RefinedFrames(
        scene, PhotoSet.of(scene, row_of_photos()), fake, gains, [camera(0.01 * i) for i in range(3)]
    )
    for at, frame in zip(frames.cameras, frames.run(range(3)), strict=True):
        np.testing.assert_array_equal(frame.rgb, scene.view(at).rgb)


def test_a_perfect_model_is_kept_and_one_that_goes_too_far_is_called_back() -> None:
    for share, least, most in ((1.0, 0.95, 1.0), (2.0, 0.45, 0.52)):
        kept = np.array(calibrate(trials(towards(share), PAIRS)).kept)[2]
        assert (kept >= least).all()
        assert (kept <= most).all()


def test_gains_make_calibration_photos_better_and_are_in_bounds() -> None:
    def noisy(bundle: FrameBundle, rng: np.random.Generator) -> np.ndarray:
        better = towards(0.7).answer(bundle, rng)
        return better + rng.normal(0, 0.05, better.shape).astype(np.float32)

    found = calibrate(trials(Fake(noisy), PAIRS))
    kept = np.array(found.kept)
    assert ((kept >= 0) & (kept <= 1)).all()
    assert kept[2, 1] < kept[2, 0]  # the noise is in the fine band
    assert all(psnr_step(trial, found) > 0 for trial in trials(Fake(noisy), PAIRS))


def unseen(pair: Pair) -> Pair:
    return replace(pair, bundle=replace(pair.bundle, support=np.zeros_like(pair.bundle.support)))


def test_what_no_photo_saw_is_left_alone_unless_inventing_is_asked_for() -> None:
    hidden = [unseen(pair) for pair in PAIRS]
    assert calibrate(trials(towards(1.0), hidden)).is_identity
    found = calibrate(trials(towards(1.0), hidden), invent=True)
    assert min(found.kept[0]) > 0.9


def test_without_photos_it_is_the_render() -> None:
    assert calibrate([]).is_identity


def test_bands_add_up_and_a_flat_picture_has_only_the_low_one() -> None:
    image = np.random.default_rng(0).random((50, 77, 3), dtype=np.float32)
    low, high = bands_of(image)
    np.testing.assert_allclose(low + high, image, atol=1e-6)
    low, high = bands_of(np.full_like(image, 0.3))
    np.testing.assert_allclose(high, 0, atol=1e-6)


def test_a_change_has_no_tint_and_no_number_that_is_not_one() -> None:
    bundle = PAIRS[0].bundle
    seen = bundle.support > 0
    tinted = change(bundle.rgb, bundle.rgb + np.array([0.2, 0.1, -0.3], np.float32), seen)
    np.testing.assert_allclose(tinted, 0, atol=1e-6)
    assert (change(bundle.rgb, np.full_like(bundle.rgb, np.nan), seen) == 0).all()


def test_gains_fade_into_each_other_and_never_leak_into_what_no_photo_saw() -> None:
    support = np.full((60, 200), 4, np.uint8)
    support[:, 100:] = 0
    change_of_one = np.ones((60, 200, 3), np.float32)
    found = kept_change(change_of_one, support, Gains(((0.0, 0.0), (1.0, 1.0), (1.0, 1.0))))
    assert (found[:, 100:] == 0).all()
    np.testing.assert_allclose(found[:, :90], 1, atol=1e-5)
    assert np.abs(np.diff(found[..., 0], axis=1)).max() < 0.35
    assert (np.diff(found[30, :, 0]) <= 1e-5).all()


def test_no_gain_is_no_change() -> None:
    trial = Trial(PAIRS[0].bundle.rgb, PAIRS[0].photo, PAIRS[0].photo, PAIRS[0].bundle.support, PAIRS[0].valid)
    assert psnr_step(trial, Gains.none("asked")) == 0
    assert (kept_change(trial.photo - trial.render, trial.support, Gains.none("asked")) == 0).all()
