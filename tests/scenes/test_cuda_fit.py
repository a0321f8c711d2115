"""Fitting on CUDA is fitting on the CPU: held against it with gsplat drawn by the reference, and on a device."""

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.camera import Camera
from cameras.errors import InstallationError, MissingExtraError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.captures.capture import Capture, SparsePoints
from scenes.captures.pixels import PosedPhoto
from scenes.scene import World
from scenes.splats import cuda, cuda_fit, cuda_loss
from scenes.splats.cpu.adam import Moments, adam_step
from scenes.splats.cpu.ssim import PhotoLossWorkspace
from scenes.splats.cpu_fit import CpuStepper
from scenes.splats.fit import fit
from scenes.splats.gaussians import Gaussians
from scenes.splats.model import PARAMETERS
from scenes.splats.scene import SplatScene
from scenes.splats.settings import FitSettings
from scenes.splats.steps import Look
from scenes.splats.targets import Targets

WORLD = World(np.full(3, -1.0), np.full(3, 1.0))


def blobs(count: int, seed: int = 5) -> Gaussians:
    rng = np.random.default_rng(seed)
    sh = 0.1 * rng.normal(size=(count, 3, 16))
    sh[:, :, 0] = rng.uniform(-1.5, 1.5, (count, 3))
    parameters = (
        rng.uniform(-0.7, 0.7, (count, 3)),
        rng.normal(size=(count, 4)),
        rng.uniform(-2.2, -1.4, (count, 3)),
        rng.uniform(-1, 2, count),
        sh,
    )
    return Gaussians(*(array.astype(np.float32) for array in parameters))


def toy(width: int = 16, height: int = 12, count: int = 30) -> tuple[Capture, list[PosedPhoto]]:
    """Blobs from six sides, with weights, and points near them."""
    scene = SplatScene(blobs(count), WORLD, backend="cpu")
    photos: list[PosedPhoto] = []
    for k in range(6):
        angle = 2 * np.pi * k / 6
        forward, down = -np.array([np.sin(angle), 0, -np.cos(angle)]), np.array([0.0, 1.0, 0.0])
        rotation = np.stack([np.cross(down, forward), down, forward], axis=1)
        camera = Camera(Intrinsics.from_fov(width, height, 0.8), Rigid(rotation, -3 * forward))
        rgb = np.rint(scene.view(camera).rgb.clip(0, 1) * 255).astype(np.uint8)
        photos.append(PosedPhoto(f"{k}.png", camera, rgb, weight=0.5 if k == 1 else 1.0))
    positions = scene.gaussians.means.astype(np.float64) + np.random.default_rng(1).normal(0, 0.05, (count, 3))
    points = SparsePoints(positions, np.full((count, 3), 128, np.uint8), np.zeros(count, np.float32))
    return Capture((), points, WORLD), photos


def short(steps: int, **changes: object) -> FitSettings:
    """Steps of the usual size, for large ones make much of a rounding; a round of densification every four."""
    made = FitSettings.for_iterations(steps, max_gaussians=40, seed_gaussians=1, sh_interval=0.05)
    made = replace(made, rates=replace(made.rates, most_boost=1.0))
    return replace(made, densification=replace(made.densification, interval=4, spread=0.4), **changes)  # type: ignore[arg-type]


@pytest.fixture
def fit_on_stand_in(gsplat_stand_in: None, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SplatScene]:
    """``fit`` with the CUDA stepper on the CPU."""
    monkeypatch.setattr(cuda, "require", lambda: None)
    monkeypatch.setattr(cuda_fit, "CudaStepper", functools.partial(cuda_fit.CudaStepper, device="cpu"))
    return functools.partial(fit, backend="cuda")


@settings(max_examples=15, deadline=None)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 30),
    masked=st.booleans(),
    as_bytes=st.booleans(),
    ssim_weight=st.sampled_from([0.0, 0.2, 1.0]),
    seed=st.integers(0, 1000),
)
def test_the_loss_is_that_of_the_cpu(
    width: int, height: int, masked: bool, as_bytes: bool, ssim_weight: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.uniform(-0.1, 1.2, (height, width, 3)).astype(np.float32)
    target = rng.integers(0, 256, image.shape, dtype=np.uint8) if as_bytes else rng.random(image.shape, np.float32)
    valid = rng.random((height, width)) < 0.7 if masked else None
    wanted = PhotoLossWorkspace(width, height)(image, target, valid, ssim_weight=ssim_weight)
    mask = None if valid is None else torch.tensor(valid)
    found = cuda_loss.photo_loss(torch.tensor(image), torch.tensor(target), mask, ssim_weight=ssim_weight)
    assert float(found.loss) == pytest.approx(wanted.loss, abs=2e-5)
    assert float(found.l1) == pytest.approx(wanted.l1, abs=1e-5)
    assert float(found.ssim) == pytest.approx(wanted.ssim, abs=5e-5)
    error = np.linalg.norm(found.d_image.numpy() - wanted.d_image)
    assert error <= 1e-4 * max(float(np.linalg.norm(wanted.d_image)), 1e-12)


def test_pictures_of_two_sizes_are_not_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared with"):
        cuda_loss.photo_loss(torch.zeros(3, 4, 3), torch.zeros(4, 3, 3))


@pytest.mark.parametrize("row", [(), (3,), (3, 16)])
def test_adam_is_that_of_the_cpu(row: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=(60, *row)).astype(np.float32)
    moments = Moments.zeros_like(parameters)
    tensor, first, second = (torch.tensor(a) for a in (parameters, moments.first, moments.second))
    rates = rng.uniform(1e-3, 1e-1, row or (1,)).astype(np.float32)
    for step in range(1, 6):
        gradient = rng.normal(size=parameters.shape).astype(np.float32)
        visible = rng.random(60) < 0.6
        adam_step(parameters, gradient, moments, visible, rates, step)
        rows = torch.tensor(np.flatnonzero(visible))
        cuda_loss.adam_step(tensor, torch.tensor(gradient), first, second, rows, torch.tensor(rates), step)
    np.testing.assert_allclose(tensor, parameters, rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(first, moments.first, rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(second, moments.second, rtol=2e-6, atol=1e-9)


def both_steppers(device: str, changes: Mapping[str, object]) -> tuple[CpuStepper, cuda_fit.CudaStepper]:
    made = short(20, **changes)
    return CpuStepper(blobs(36, 7), made, 1.5, None), cuda_fit.CudaStepper(blobs(36, 7), made, 1.5, device)


def assert_one_step_is_the_same(device: str, tolerance: float, **changes: object) -> None:
    """Everything that comes of one comparison; tolerances are relative to the norm of each array."""
    _, photos = toy()
    valid = np.random.default_rng(4).random((12, 16)) < 0.8
    gains = np.array([1.2, 0.9, 1.0], np.float32)
    cpu, gpu = both_steppers(device, changes)
    target = Targets([replace(photos[1], valid=valid)]).at(0, 1)
    look = Look(target, np.array([0.2, 0.5, 0.8], np.float32), 2, gains, pose_moves=True)

    def close(found: np.ndarray | None, wanted: np.ndarray | None, what: str) -> None:
        assert found is not None, what
        assert wanted is not None, what
        assert found.shape == wanted.shape
        assert np.linalg.norm(found - wanted) <= tolerance * np.linalg.norm(wanted), what

    close(gpu.draw(target.camera, look.behind), cpu.draw(target.camera, look.behind), "rgb")
    found, wanted = gpu.compare(look), cpu.compare(look)
    assert found.loss == pytest.approx(wanted.loss, rel=tolerance)
    assert (found.best_gains is None) == (wanted.best_gains is None)
    assert found.rigid is not None
    assert wanted.rigid is not None
    for name in ("gradient", "mean_by_gradient", "quaternion_by_gradient"):
        close(getattr(found.rigid, name), getattr(wanted.rigid, name), name)
    slopes, gradients = gpu._slopes, cpu._gradients
    assert slopes is not None
    rows = slopes.rows.cpu().numpy()
    np.testing.assert_array_equal(rows, np.flatnonzero(gradients.visible))
    close(slopes.screen_gradient.cpu().numpy(), gradients.screen_gradient[rows], "screen gradient")
    for name in PARAMETERS:
        close(slopes.by_parameter[name].cpu().numpy()[rows], getattr(gradients, name)[rows], name)


@pytest.mark.parametrize("antialiased", [True, False])
def test_one_step_is_that_of_the_cpu(gsplat_stand_in: None, antialiased: bool) -> None:
    assert_one_step_is_the_same("cpu", 2e-4, antialiased=antialiased)


def assert_close_fits(found: SplatScene, wanted: SplatScene, begin: SplatScene) -> None:
    """Apart by at most a thousandth of how far they moved (1e-5 was seen)."""
    assert len(found.gaussians) == len(wanted.gaussians)
    for name in PARAMETERS:
        a, b, start = (getattr(scene.gaussians, name).astype(np.float64) for scene in (found, wanted, begin))
        moved = np.linalg.norm(b[: len(start)] - start[: len(b)])
        assert np.linalg.norm(a - b) <= 1e-3 * moved, name
    assert (found.background is None) == (wanted.background is None)
    np.testing.assert_allclose(found.background or 0, wanted.background or 0, atol=1e-4)


def variants() -> list[object]:
    pulls = {"opacity_regularizer": 0.02, "scale_regularizer": 0.02}
    return [
        pytest.param({}, False, id="exposures"),
        pytest.param({"refine_poses": True, "exposure": False, "antialiased": False, **pulls}, False, id="poses"),
        pytest.param({}, True, id="alpha over random colours, masks"),
    ]


@pytest.mark.parametrize(("changes", "cut_out"), variants())
def test_a_fit_is_that_of_the_cpu(
    fit_on_stand_in: Callable[..., SplatScene], changes: dict[str, object], cut_out: bool
) -> None:
    capture, photos = toy()
    if cut_out:
        valid = np.random.default_rng(4).random((12, 16)) < 0.9
        photos = [
            replace(p, alpha=np.where(p.rgb.max(axis=2) > 60, 255, 0).astype(np.uint8), valid=valid) for p in photos
        ]
    start = SplatScene(blobs(30, 8), WORLD)  # elongated: round ones, where fits begin, turn about by mere rounding
    made = short(20, **changes)
    losses: list[list[float]] = [[], []]

    def run(which: Callable[..., SplatScene], losses: list[float]) -> SplatScene:
        return which(
            capture,
            made,
            photos=photos,
            start=start,
            hold_out=["5.png"],
            report=lambda stage, fraction, figures: losses.append(float(str(figures["loss"]))),
        )

    wanted = run(functools.partial(fit, backend="cpu"), losses[0])
    found = run(fit_on_stand_in, losses[1])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
    assert len(losses[0]) == 20
    assert len(found.gaussians) == 40  # it was densified from 30
    assert found.provenance["backend"] == "cuda"
    assert_close_fits(found, wanted, start)


class Stop(Exception):
    """Raised by a report to end a fit."""


def test_an_interrupted_fit_goes_on_from_its_exact_state(
    fit_on_stand_in: Callable[..., SplatScene], tmp_path: Path
) -> None:
    capture, photos = toy()
    undisturbed = fit_on_stand_in(capture, short(12), photos=photos)

    def stop(stage: str, fraction: float, figures: Mapping[str, object]) -> None:
        if figures["step"] == 7:
            raise Stop

    keep = {"photos": photos, "workdir": tmp_path, "checkpoint_every_s": 0}
    with pytest.raises(Stop):
        fit_on_stand_in(capture, short(12), report=stop, **keep)
    again = fit_on_stand_in(capture, short(12), **keep)
    for name in PARAMETERS:  # the stand-in is deterministic, a device is not
        np.testing.assert_array_equal(getattr(again.gaussians, name), getattr(undisturbed.gaussians, name))
    with pytest.warns(UserWarning, match="belongs to other photos or settings"):
        fit(capture, short(12), photos=photos, workdir=tmp_path, backend="cpu")


def test_the_host_changes_what_lies_on_the_device(gsplat_stand_in: None) -> None:
    _, stepper = both_steppers("cpu", {})
    model = stepper.to_host()
    model.overwrite(np.arange(36, 38), blobs(2, 9))
    model.scores[:3] = 5
    stepper.to_device()
    assert stepper.count == 38
    model.gaussians.means[...] = 0
    model.scores[:] = 0
    again = stepper.to_host()
    np.testing.assert_array_equal(again.gaussians.means, np.concatenate([blobs(36, 7).means, blobs(2, 9).means]))
    assert again.scores[:4].tolist() == [5, 5, 5, 0]


def test_moving_needs_a_comparison(gsplat_stand_in: None) -> None:
    _, stepper = both_steppers("cpu", {})
    with pytest.raises(ValueError, match="needs the derivatives of a compare"):
        stepper.move({}, 1)


def test_a_full_device_says_what_to_lower(
    fit_on_stand_in: Callable[..., SplatScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.")

    monkeypatch.setattr(cuda, "_import_gsplat", lambda: types.SimpleNamespace(rasterization=fail))
    capture, photos = toy()
    with pytest.raises(InstallationError, match=r"fitting 40 Gaussians to photos of 16x12: lower --max-gaussians"):
        fit_on_stand_in(capture, replace(short(1), resolutions=short(1).resolutions[-1:]), photos=photos)


def test_without_gsplat_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    capture, photos = toy()
    with pytest.raises(MissingExtraError, match=r"needs gsplat, which is not installed: install the extra flythrough"):
        fit(capture, short(2), photos=photos, backend="cuda")


def test_auto_fits_on_cuda_where_it_works(
    fit_on_stand_in: Callable[..., SplatScene], monkeypatch: pytest.MonkeyPatch
) -> None:
    capture, photos = toy()
    for works, wanted in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(cuda, "is_available", lambda works=works: works)
        assert fit(capture, short(1), photos=photos).provenance["backend"] == wanted
    assert fit(capture, short(1), photos=photos, backend="reference").provenance["backend"] == "cpu"


@pytest.fixture
def device() -> None:
    if not cuda.is_available():
        pytest.skip("no CUDA device with gsplat on this machine")


@pytest.mark.gpu
@pytest.mark.parametrize("antialiased", [True, False])
def test_one_step_on_a_device_is_that_of_the_cpu(device: None, antialiased: bool) -> None:
    assert_one_step_is_the_same("cuda", 1e-2, antialiased=antialiased)


@pytest.mark.gpu
def test_a_fit_on_a_device_is_as_good_as_on_the_cpu(device: None, tmp_path: Path) -> None:
    capture, photos = toy(44, 36, 120)
    made = FitSettings.for_iterations(400, max_gaussians=150, seed_gaussians=1)
    psnr = {}
    for backend in ("cpu", "cuda"):
        scene = fit(capture, made, photos=photos, backend=backend, workdir=tmp_path / backend)
        assert len(scene.gaussians) == 150
        views = replace(scene, backend=backend).views([photo.camera for photo in photos])
        errors = [np.mean((v.rgb.clip(0, 1) - p.rgb / 255) ** 2) for v, p in zip(views, photos, strict=True)]
        psnr[backend] = float(-10 * np.log10(np.mean(errors)))
    assert psnr["cuda"] > max(20, psnr["cpu"] - 1)
