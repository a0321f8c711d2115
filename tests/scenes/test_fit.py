"""Fitting: it finds the scene, it is deterministic, and it continues to the byte after any interruption."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import InputError, SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.captures.capture import Capture, SparsePoints
from scenes.captures.pixels import PosedPhoto
from scenes.scene import World
from scenes.splats.fit import fit
from scenes.splats.gaussians import Gaussians
from scenes.splats.model import PARAMETERS
from scenes.splats.scene import SplatScene
from scenes.splats.settings import FitSettings

WORLD = World(np.full(3, -1.0), np.full(3, 1.0))
PHOTOS = 10


def camera_at(angle_rad: float) -> Camera:
    """On a circle of radius 3 about the origin, looking at it."""
    forward = -np.array([np.sin(angle_rad), 0, -np.cos(angle_rad)])
    down = np.array([0.0, 1.0, 0.0])
    rotation = np.stack([np.cross(down, forward), down, forward], axis=1)
    return Camera(Intrinsics.from_fov(44, 36, 0.8), Rigid(rotation, -3 * forward))


def toy() -> tuple[Capture, list[PosedPhoto]]:
    """Colourful blobs seen from all around."""
    rng = np.random.default_rng(5)
    count = 120
    sh = np.zeros((count, 3, 16), np.float32)
    sh[:, :, 0] = rng.uniform(-1.5, 1.5, (count, 3))
    blobs = Gaussians(
        means=rng.uniform(-0.7, 0.7, (count, 3)).astype(np.float32),
        quaternions_wxyz=rng.normal(size=(count, 4)).astype(np.float32),
        log_scales=rng.uniform(-2.6, -1.6, (count, 3)).astype(np.float32),
        logit_opacities=np.full(count, 2.0, np.float32),
        sh=sh,
    )
    cameras = [camera_at(2 * np.pi * k / PHOTOS) for k in range(PHOTOS)]
    photos = [
        PosedPhoto(f"{k}.png", camera, np.rint(view.rgb.clip(0, 1) * 255).astype(np.uint8))
        for k, (camera, view) in enumerate(zip(cameras, SplatScene(blobs, WORLD).views(cameras), strict=True))
    ]
    positions = blobs.means[::2].astype(np.float64) + rng.normal(0, 0.03, (count // 2, 3))
    points = SparsePoints(positions, np.full((count // 2, 3), 128, np.uint8), np.zeros(count // 2, np.float32))
    return Capture((), points, WORLD), photos


def small_settings(iterations: int = 60) -> FitSettings:
    settings = FitSettings.for_iterations(iterations, max_gaussians=150, seed_gaussians=80)
    return replace(settings, densification=replace(settings.densification, interval=10))


def assert_same_bytes(a: SplatScene, b: SplatScene) -> None:
    for name in PARAMETERS:
        assert getattr(a.gaussians, name).tobytes() == getattr(b.gaussians, name).tobytes(), name


def mean_psnr(scene: SplatScene, photos: list[PosedPhoto]) -> float:
    views = scene.views([photo.camera for photo in photos])
    errors = [np.mean((view.rgb.clip(0, 1) - photo.rgb / 255) ** 2) for view, photo in zip(views, photos, strict=True)]
    return float(-10 * np.log10(np.mean(errors)))


def test_a_fit_finds_the_scene_within_its_budget() -> None:
    capture, photos = toy()
    held_out = photos[3]
    scene = fit(capture, small_settings(400), photos=photos, hold_out=[held_out.name])
    assert mean_psnr(scene, [p for p in photos if p is not held_out]) > 20
    assert mean_psnr(scene, [held_out]) > 17
    assert len(scene.gaussians) == 150
    assert scene.provenance["iterations"] == 400


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    capture, photos = toy()
    first = fit(capture, small_settings(), photos=photos, seed=1)
    assert_same_bytes(first, fit(capture, small_settings(), photos=photos, seed=1))
    other = fit(capture, small_settings(), photos=photos, seed=2)
    assert other.gaussians.means.tobytes() != first.gaussians.means.tobytes()


class Stop(Exception):
    """Raised by a report to end a fit."""


@pytest.mark.parametrize("refine_poses", [False, True])
def test_an_interrupted_fit_ends_with_the_bytes_of_an_undisturbed_one(tmp_path: Path, refine_poses: bool) -> None:
    capture, photos = toy()
    settings = replace(small_settings(), refine_poses=refine_poses)
    undisturbed = fit(capture, settings, photos=photos)
    stops = iter(np.sort(np.random.default_rng(8).choice(np.arange(2, 60), 3, replace=False)))

    def fit_until(stop: float) -> SplatScene:
        def report(stage: str, fraction: float, figures: Mapping[str, object]) -> None:
            if float(str(figures["step"])) >= stop:
                raise Stop

        return fit(capture, settings, photos=photos, workdir=tmp_path, report=report, checkpoint_every_s=0)

    for stop in stops:
        with pytest.raises(Stop):
            fit_until(float(stop))
    assert_same_bytes(fit_until(np.inf), undisturbed)
    assert_same_bytes(fit_until(np.inf), undisturbed)  # finished: nothing is left to do
    assert [p.name for p in tmp_path.iterdir()] == ["fit.safetensors"]


_CHILD = """
import pickle, sys
from pathlib import Path
from scenes.splats.fit import fit
capture, photos, settings = pickle.loads(Path(sys.argv[1]).read_bytes())
report = lambda stage, fraction, figures: print(figures["step"], flush=True)
fit(capture, settings, photos=photos, workdir=Path(sys.argv[2]), report=report, checkpoint_every_s=0)
"""


@pytest.mark.parametrize("how", [getattr(signal, "SIGKILL", signal.SIGTERM), signal.SIGINT])
def test_a_killed_fit_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    capture, photos = toy()
    settings = small_settings(3000 if how == signal.SIGINT else 400)
    inputs = tmp_path / "inputs.pickle"
    inputs.write_bytes(pickle.dumps((capture, photos, settings)))
    workdir = tmp_path / "work"
    command = [sys.executable, "-c", _CHILD, str(inputs), str(workdir)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ})
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(0.05)
    child.send_signal(how)
    child.stdout.read()
    child.stdout.close()
    assert child.wait() != 0
    assert (workdir / "fit.safetensors").exists()
    if how == signal.SIGINT:
        return
    steps: list[object] = []
    scene = fit(
        capture,
        settings,
        photos=photos,
        workdir=workdir,
        report=lambda stage, fraction, figures: steps.append(figures["step"]),
    )
    assert int(str(steps[0])) > 1
    assert_same_bytes(scene, fit(capture, settings, photos=photos))


def test_a_refit_starts_from_a_scene() -> None:
    capture, photos = toy()
    first = fit(capture, small_settings(200), photos=photos)
    again = fit(capture, small_settings(20), photos=photos, start=first)
    anew = fit(capture, small_settings(20), photos=photos)
    assert mean_psnr(again, photos) > mean_psnr(anew, photos) + 2


def test_masked_pixels_do_not_matter() -> None:
    capture, photos = toy()
    valid = np.ones((36, 44), np.bool_)
    valid[:, :12] = False
    masked = [replace(photo, valid=valid) for photo in photos]
    spoiled = []
    for photo in masked:
        rgb = photo.rgb.copy()
        rgb[:, :12] = 255
        spoiled.append(replace(photo, rgb=rgb))
    settings = replace(FitSettings.for_iterations(1), seed_gaussians=1, max_gaussians=150)
    settings = replace(settings, resolutions=(replace(settings.resolutions[0], divisor=1, steps=30),))
    a, b = (fit(capture, settings, photos=p) for p in (masked, spoiled))
    np.testing.assert_allclose(a.gaussians.means, b.gaussians.means, atol=1e-4)


def test_an_object_with_alpha_leaves_the_background_empty() -> None:
    capture, photos = toy()
    blobs = [replace(p, alpha=np.where(p.rgb.max(axis=2) > 20, 255, 0).astype(np.uint8)) for p in photos]
    scene = fit(capture, small_settings(300), photos=blobs)
    alpha = scene.view(blobs[0].camera).alpha
    assert blobs[0].alpha is not None
    inside = blobs[0].alpha > 0
    assert alpha[~inside].mean() < 0.2 < 0.6 < alpha[inside].mean()
    assert scene.background is None


def test_few_points_are_topped_up_before_the_cameras() -> None:
    capture, photos = toy()
    scene = fit(replace(capture, points=SparsePoints.empty()), small_settings(400), photos=photos)
    assert mean_psnr(scene, photos) > 15


def test_the_progress_says_which_psnr_it_shows() -> None:
    capture, photos = toy()
    seen: list[Mapping[str, object]] = []
    fit(
        capture,
        small_settings(),
        photos=photos,
        hold_out=["3.png"],
        report=lambda stage, fraction, figures: seen.append(figures),
    )
    assert all("psnr" in figures and "train_psnr" not in figures for figures in seen)
    assert [figures["step"] for figures in seen] == list(range(1, 61))
    seen.clear()
    fit(capture, small_settings(), photos=photos, report=lambda stage, fraction, figures: seen.append(figures))
    assert "psnr" in seen[10]
    assert "train_psnr" in seen[-1]


def test_what_cannot_be_fitted_is_refused() -> None:
    capture, photos = toy()
    with pytest.raises(SettingsError, match=r"nobody\.png are not"):
        fit(capture, small_settings(), photos=photos, hold_out=["nobody.png"])
    with pytest.raises(SettingsError, match="should be one of auto, cpu, cuda, reference, but is 'abacus'"):
        fit(capture, small_settings(), photos=photos, backend="abacus")
    with pytest.raises(InputError, match="none of 10 is left"):
        fit(capture, small_settings(), photos=photos, hold_out=[p.name for p in photos])


def test_refined_poses_make_up_for_rough_ones() -> None:
    capture, photos = toy()
    rng = np.random.default_rng(8)
    errors = rng.normal(0, 0.02, (len(photos), 3))
    errors -= errors.mean(axis=0)

    def moved(camera: Camera, error: NDArray[np.float64]) -> Camera:
        pose = camera.world_from_camera
        return replace(camera, world_from_camera=Rigid(pose.rotation, pose.translation + error))

    rough = [replace(p, camera=moved(p.camera, error)) for p, error in zip(photos, errors, strict=True)]
    settings = small_settings(240)
    rates = replace(settings.rates, poses=1e-3)
    losses: dict[bool, float] = {}
    for refine in (False, True):
        told: list[float] = []

        def report(stage: str, fraction: float, figures: Mapping[str, object], told: list[float] = told) -> None:
            told.append(float(str(figures["loss"])))

        fit(capture, replace(settings, refine_poses=refine, rates=rates), photos=rough, report=report)
        losses[refine] = told[-1]
    assert losses[True] < 0.9 * losses[False]
