"""The gsplat adapter: its arguments on any machine, its pictures and gradients on one with CUDA."""

import functools
import inspect
import types

import numpy as np
import pytest
import torch

from cameras.camera import Camera
from cameras.distortion import BrownConrady
from cameras.errors import InstallationError, SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.splats import cuda, reference
from scenes.splats.gaussians import Gaussians

WIDTH, HEIGHT = 40, 30
CAMERA = Camera(Intrinsics(WIDTH, HEIGHT, 35.0, 36.0, 19.0, 16.0), Rigid(np.eye(3), np.array([0.1, -0.2, -0.3])))
BACKGROUND = np.array([0.2, 0.5, 0.8], np.float32)


@pytest.fixture
def gaussians() -> Gaussians:
    rng = np.random.default_rng(0)
    means = rng.uniform((-1, -1, 2), (1, 1, 4), (50, 3))
    log_scales, sh = rng.uniform(-3, -1, (50, 3)), rng.normal(size=(50, 3, 16)) * 0.3
    parameters = (means, rng.normal(size=(50, 4)), log_scales, rng.normal(size=50), sh)
    return Gaussians(*(array.astype(np.float32) for array in parameters))


def drawn(gaussians: Gaussians, antialiased: bool = True, degree: int = 3, device: str = "cuda"):
    rgb, alpha, expected, median = cuda.Drawer(device).draw(
        gaussians, CAMERA, degree, BACKGROUND, antialiased, depth=True
    )
    assert expected is not None
    assert median is not None
    return rgb, alpha, expected, median


def test_depth_that_was_not_asked_for_does_not_come(gaussians, gsplat_stand_in):
    rgb, alpha, *depths = cuda.Drawer("cpu").draw(gaussians, CAMERA, 3, BACKGROUND, True, depth=False)
    assert depths == [None, None]
    with_depth = drawn(gaussians, device="cpu")
    np.testing.assert_allclose(rgb, with_depth[0], atol=1e-6)
    np.testing.assert_allclose(alpha, with_depth[1], atol=1e-6)


@pytest.mark.parametrize("antialiased", [True, False])
def test_the_arguments_mean_the_same_scene_to_gsplat(gaussians, gsplat_stand_in, antialiased):
    rgb, alpha, expected, median = drawn(gaussians, antialiased, 2, "cpu")
    wanted = reference.render(gaussians, CAMERA, sh_degree=2, background=BACKGROUND, antialiased=antialiased)
    np.testing.assert_allclose(rgb, wanted.rgb.numpy(), atol=1e-5)
    np.testing.assert_allclose(alpha, wanted.alpha.numpy(), atol=1e-5)
    np.testing.assert_allclose(expected, wanted.expected_depth_z.numpy(), atol=1e-4)
    np.testing.assert_array_equal(median, np.where(alpha >= 0.5, expected, 0))


@pytest.mark.parametrize("depth", [True, False])
def test_gradients_reach_the_raw_parameters_and_the_centres_on_the_image(gaussians, gsplat_stand_in, depth):
    tensors = cuda.DeviceGaussians.of(gaussians, "cpu", requires_grad=True)
    picture = cuda.rasterize(tensors, CAMERA, 3, True, depth=depth)
    assert (picture.expected_depth_z is not None) == depth
    picture.means_pixels.retain_grad()
    picture.over(torch.tensor(BACKGROUND)).sum().backward()
    for name in ("means", "quaternions_wxyz", "log_scales", "logit_opacities", "sh"):
        assert getattr(tensors, name).grad.abs().sum() > 0
    slopes = picture.means_pixels.grad
    assert slopes is not None
    assert slopes.shape == (1, 50, 2)
    assert slopes[0, picture.visible].abs().sum() > 0


def test_gaussians_are_uploaded_once_for_many_views(gaussians, gsplat_stand_in, monkeypatch):
    uploads, upload = [], cuda.DeviceGaussians.of
    monkeypatch.setattr(cuda.DeviceGaussians, "of", lambda g, device: uploads.append(g) or upload(g, device))
    drawer, others = cuda.Drawer("cpu"), gaussians.select(np.arange(20))
    pictures = [
        drawer.draw(g, CAMERA, 3, BACKGROUND, True, depth=True)[0] for g in (gaussians, gaussians, others, gaussians)
    ]
    assert uploads == [gaussians, others, gaussians]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    np.testing.assert_array_equal(pictures[0], pictures[3])
    assert (pictures[2] != pictures[0]).any()


def test_a_distorted_lens_is_refused(gaussians):
    lens = Intrinsics(20, 10, 20.0, 20.0, 10.0, 5.0, BrownConrady(0.1))
    with pytest.raises(SettingsError, match="ideal pinhole"):
        cuda.Drawer("cpu").draw(gaussians, Camera(lens, Rigid.identity()), 3, BACKGROUND, True, depth=True)


def test_a_full_device_says_what_to_lower(gaussians, monkeypatch):
    def fail(**_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.")

    monkeypatch.setattr(cuda, "_import_gsplat", lambda: types.SimpleNamespace(rasterization=fail))
    with pytest.raises(InstallationError, match=r"drawing 50 Gaussians at 40x30: lower --max-gaussians or the size"):
        drawn(gaussians, device="cpu")


@pytest.fixture
def gsplat_not_tried_yet():
    real = cuda._kernel_trouble
    real.cache_clear()
    yield
    real.cache_clear()


def test_a_gsplat_that_draws_has_no_trouble(gsplat_stand_in, gsplat_not_tried_yet):
    assert cuda._kernel_trouble("cpu") is None


def test_a_gsplat_without_kernels_is_not_used(monkeypatch, gsplat_not_tried_yet, capsys):
    def fail(**_):
        print("gsplat: No CUDA toolkit found.")
        raise AttributeError("'NoneType' object has no attribute 'projection'")

    trouble = functools.partial(cuda._kernel_trouble, "cpu")
    monkeypatch.setattr(cuda, "_kernel_trouble", trouble)
    monkeypatch.setattr(cuda, "_import_gsplat", lambda: types.SimpleNamespace(rasterization=fail))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    with pytest.warns(RuntimeWarning, match=r"gsplat cannot draw on it \(AttributeError: 'NoneType'.*nvcc"):
        assert not cuda.is_available()
    with pytest.raises(InstallationError, match=r"cannot draw on this machine \(AttributeError: .* use --backend cpu"):
        cuda.require()
    assert capsys.readouterr().out == ""


@pytest.fixture
def device():
    if not cuda.is_available():
        pytest.skip("no CUDA device with gsplat on this machine")


@pytest.mark.gpu
def test_the_installed_gsplat_knows_our_arguments(gaussians):
    gsplat = pytest.importorskip("gsplat")
    tensors = cuda.DeviceGaussians.of(gaussians, "cpu")
    ours = cuda.rasterization_arguments(tensors, CAMERA, 3, True, depth=True)
    inspect.signature(gsplat.rasterization).bind(**ours)


@pytest.mark.gpu
@pytest.mark.parametrize("antialiased", [True, False])
def test_cuda_draws_what_the_reference_draws(gaussians, device, antialiased):
    rgb, alpha, expected, _ = drawn(gaussians, antialiased)
    wanted = reference.render(gaussians, CAMERA, background=BACKGROUND, antialiased=antialiased)
    seen = alpha > 0.05
    assert np.abs(rgb - wanted.rgb.numpy()).mean() < 1e-4
    assert np.abs(alpha - wanted.alpha.numpy()).mean() < 1e-4
    np.testing.assert_allclose(expected[seen], wanted.expected_depth_z.numpy()[seen], rtol=1e-2)


@pytest.mark.gpu
@pytest.mark.parametrize("depth", [True, False])
def test_cuda_gradients_are_the_references(gaussians, device, depth):
    rng = np.random.default_rng(1)
    upstream, d_depth = torch.tensor(rng.normal(size=(HEIGHT, WIDTH, 3))), torch.tensor(rng.random((HEIGHT, WIDTH)))
    parameters = reference.Parameters.of(gaussians)
    slow = reference.render_parameters(parameters, CAMERA, background=BACKGROUND)
    covered = slow.alpha.detach() > 0.2
    ((slow.rgb * upstream).sum() + depth * (slow.expected_depth_z * d_depth * covered).sum()).backward()
    tensors = cuda.DeviceGaussians.of(gaussians, requires_grad=True)
    fast = cuda.rasterize(tensors, CAMERA, 3, True, depth=depth)
    loss = (fast.over(torch.tensor(BACKGROUND).cuda()) * upstream.float().cuda()).sum()
    if fast.expected_depth_z is not None:
        loss = loss + (fast.expected_depth_z * (d_depth * covered).float().cuda()).sum()
    loss.backward()
    for name in ("means", "quaternions_wxyz", "log_scales", "logit_opacities", "sh"):
        found, wanted = getattr(tensors, name).grad.double().cpu(), getattr(parameters, name).grad
        assert (found - wanted).norm() <= 1e-2 * wanted.norm(), name
