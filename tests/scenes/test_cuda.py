"""The gsplat adapter: its arguments on any machine, its pictures and gradients on one with CUDA."""

import inspect
import types

import numpy as np
import pytest
import torch

from cameras.camera import Camera
from cameras.distortion import BrownConrady
from cameras.errors import SettingsError
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


def gsplat_1_5_rasterization(
    means, quats, scales, opacities, colors, viewmats, Ks, width, height, near_plane=0.01, far_plane=1e10,
    radius_clip=0.0, eps2d=0.3, sh_degree=None, packed=True, tile_size=16, backgrounds=None, render_mode="RGB",
    sparse_grad=False, absgrad=False, rasterize_mode="classic", channel_chunk=32, distributed=False,
    camera_model="pinhole", segmented=False, covars=None,
):  # fmt: skip
    """The parameters and the shape rules of gsplat 1.5, drawn by our reference from the converted arguments."""
    n = means.shape[-2]
    assert means.shape == (n, 3)
    assert quats.shape == (n, 4)
    assert scales.shape == (n, 3)
    assert opacities.shape == (n,)
    assert colors.shape == (n, 16, 3)
    assert viewmats.shape == (1, 4, 4)
    assert Ks.shape == (1, 3, 3)
    assert backgrounds is not None
    assert sh_degree is not None
    assert backgrounds.shape == (1, 4)
    assert render_mode == "RGB+ED"
    assert near_plane == reference.NEAR_Z
    assert eps2d == reference.LOW_PASS
    k = Ks[0].double().numpy()
    lens = Intrinsics(width, height, k[0, 0], k[1, 1], k[0, 2], k[1, 2])
    camera = Camera(lens, Rigid.from_matrix(viewmats[0].double().numpy()).inverse())
    parameters = reference.Parameters(
        means.double(), quats.double(), scales.double().log(), torch.logit(opacities.double()),
        colors.transpose(1, 2).double(),
    )  # fmt: skip
    picture = reference.render_parameters(
        parameters,
        camera,
        sh_degree=sh_degree,
        background=backgrounds[0, :3].numpy(),
        antialiased=rasterize_mode == "antialiased",
    )
    colors_and_depth = torch.cat([picture.rgb, picture.expected_depth_z[..., None]], dim=-1)
    return colors_and_depth[None], picture.alpha[None, ..., None], {}


@pytest.fixture
def stand_in(monkeypatch):
    module = types.SimpleNamespace(rasterization=gsplat_1_5_rasterization)
    monkeypatch.setattr(cuda, "_import_gsplat", lambda: module)


@pytest.mark.parametrize("antialiased", [True, False])
def test_the_arguments_mean_the_same_scene_to_gsplat(gaussians, stand_in, antialiased):
    rgb, alpha, expected, median = cuda.draw(gaussians, CAMERA, 2, BACKGROUND, antialiased, device="cpu")
    wanted = reference.render(gaussians, CAMERA, sh_degree=2, background=BACKGROUND, antialiased=antialiased)
    np.testing.assert_allclose(rgb, wanted.rgb.numpy(), atol=1e-5)
    np.testing.assert_allclose(alpha, wanted.alpha.numpy(), atol=1e-5)
    np.testing.assert_allclose(expected, wanted.expected_depth_z.numpy(), atol=1e-4)
    np.testing.assert_array_equal(median, np.where(alpha >= 0.5, expected, 0))


def test_gradients_reach_the_raw_parameters(gaussians, stand_in):
    tensors = cuda.DeviceGaussians.of(gaussians, "cpu", requires_grad=True)
    rgb, _, _ = cuda.draw_tensors(tensors, CAMERA, 3, torch.tensor(BACKGROUND), True)
    rgb.sum().backward()
    for name in ("means", "quaternions_wxyz", "log_scales", "logit_opacities", "sh"):
        assert getattr(tensors, name).grad.abs().sum() > 0


def test_a_distorted_lens_is_refused(gaussians):
    lens = Intrinsics(20, 10, 20.0, 20.0, 10.0, 5.0, BrownConrady(0.1))
    with pytest.raises(SettingsError, match="ideal pinhole"):
        cuda.draw(gaussians, Camera(lens, Rigid.identity()), 3, BACKGROUND, True, device="cpu")


@pytest.mark.gpu
def test_the_installed_gsplat_knows_our_arguments(gaussians):
    gsplat = pytest.importorskip("gsplat")
    tensors = cuda.DeviceGaussians.of(gaussians, "cpu")
    ours = cuda.rasterization_arguments(tensors, CAMERA, 3, torch.tensor(BACKGROUND), True)
    inspect.signature(gsplat.rasterization).bind(**ours)


@pytest.mark.gpu
@pytest.mark.parametrize("antialiased", [True, False])
def test_cuda_draws_what_the_reference_draws(gaussians, antialiased):
    if not cuda.is_available():
        pytest.skip("no CUDA device with gsplat on this machine")
    rgb, alpha, expected, _ = cuda.draw(gaussians, CAMERA, 3, BACKGROUND, antialiased)
    wanted = reference.render(gaussians, CAMERA, background=BACKGROUND, antialiased=antialiased)
    seen = alpha > 0.05
    assert np.abs(rgb - wanted.rgb.numpy()).mean() < 1e-4
    assert np.abs(alpha - wanted.alpha.numpy()).mean() < 1e-4
    np.testing.assert_allclose(expected[seen], wanted.expected_depth_z.numpy()[seen], rtol=1e-2)


@pytest.mark.gpu
def test_cuda_gradients_are_the_references(gaussians):
    if not cuda.is_available():
        pytest.skip("no CUDA device with gsplat on this machine")
    upstream = torch.tensor(np.random.default_rng(1).normal(size=(HEIGHT, WIDTH, 3)))
    parameters = reference.Parameters.of(gaussians)
    (reference.render_parameters(parameters, CAMERA).rgb * upstream).sum().backward()
    tensors = cuda.DeviceGaussians.of(gaussians, requires_grad=True)
    rgb, _, _ = cuda.draw_tensors(tensors, CAMERA, 3, torch.zeros(3, device="cuda"), True)
    (rgb * upstream.float().cuda()).sum().backward()
    for name in ("means", "quaternions_wxyz", "log_scales", "logit_opacities", "sh"):
        found, wanted = getattr(tensors, name).grad.double().cpu(), getattr(parameters, name).grad
        assert (found - wanted).norm() <= 1e-2 * wanted.norm(), name
