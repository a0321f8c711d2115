"""The CPU engine against the float64 reference: values, gradients, and the same bytes again."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cameras.camera import Camera
from cameras.distortion import BrownConrady
from cameras.errors import SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.splats import reference
from scenes.splats.cpu.rasterizer import GaussianGradients, Rasterizer
from scenes.splats.gaussians import Gaussians

GROUPS = ("means", "quaternions_wxyz", "log_scales", "logit_opacities", "sh")
BACKGROUND = np.array([0.2, 0.5, 0.8], np.float32)
VALUE_TOLERANCE = 2e-3 / 255
GRADIENT_TOLERANCE = 1e-4


def sample_gaussians(n: int, seed: int = 0) -> Gaussians:
    rng = np.random.default_rng(seed)
    means = (rng.random((n, 3)) - 0.5) * (3, 2.5, 2) + (0, 0, 3)
    log_scales = np.log(rng.random((n, 3)) * 0.25 + 0.02)
    sh = rng.normal(size=(n, 3, 16)) * 0.3
    parameters = (means, rng.normal(size=(n, 4)), log_scales, rng.normal(size=n) * 1.5, sh)
    return Gaussians(*(array.astype(np.float32) for array in parameters))


def sample_camera(width: int, height: int, turn: tuple[float, float, float] = (0.15, -0.2, 0.1)) -> Camera:
    camera_from_world = Rigid(Rotation.from_rotvec(turn).as_matrix(), np.array([0.1, -0.2, 0.3]))
    lens = Intrinsics(width, height, 45.0, 47.0, width / 2 + 1.3, height / 2 - 0.7)
    return Camera(lens, camera_from_world.inverse())


def assert_same_picture(raster, picture) -> None:
    for name in ("rgb", "alpha"):
        np.testing.assert_allclose(getattr(raster, name), getattr(picture, name).numpy(), atol=VALUE_TOLERANCE)
    for name in ("expected_depth_z", "median_depth_z"):
        np.testing.assert_allclose(getattr(raster, name), getattr(picture, name).numpy(), atol=1e-4)


@given(
    st.integers(0, 120),
    st.integers(1, 50),
    st.integers(1, 40),
    st.integers(0, 3),
    st.booleans(),
    st.integers(0, 10**6),
    st.tuples(*[st.floats(-0.3, 0.3)] * 3),
)
@settings(max_examples=25, deadline=None)
def test_the_picture_is_the_references(n, width, height, degree, antialiased, seed, turn):
    gaussians, camera = sample_gaussians(n, seed), sample_camera(width, height, turn)
    options = {"sh_degree": degree, "background": BACKGROUND, "antialiased": antialiased}
    wanted = reference.render(gaussians, camera, **options)
    raster = Rasterizer().forward(gaussians, camera, depth=True, **options)
    difference = np.abs(raster.rgb - wanted.rgb.numpy()).max(axis=-1)
    # where alpha or the transmittance meets its threshold within float32, one side may draw what the other does not
    at_a_threshold = difference > VALUE_TOLERANCE
    assert at_a_threshold.sum() <= 1
    assert difference.max(initial=0) < 1.5 / 255
    np.testing.assert_allclose(raster.alpha[~at_a_threshold], wanted.alpha.numpy()[~at_a_threshold], atol=1e-5)


def test_depths_are_the_references():
    gaussians, camera = sample_gaussians(200), sample_camera(70, 50)
    assert_same_picture(Rasterizer().forward(gaussians, camera, depth=True), reference.render(gaussians, camera))


@pytest.mark.parametrize(("n", "degree", "antialiased"), [(60, 3, True), (300, 2, False), (300, 0, True)])
@pytest.mark.parametrize("output", ["rgb", "alpha", "expected_depth_z"])
def test_gradients_are_the_references(output, n, degree, antialiased):
    gaussians, camera = sample_gaussians(n), sample_camera(59, 45)
    options = {"sh_degree": degree, "background": BACKGROUND, "antialiased": antialiased}
    parameters = reference.Parameters.of(gaussians)
    image = getattr(reference.render_parameters(parameters, camera, **options), output)
    upstream = np.random.default_rng(1).normal(size=image.shape).astype(np.float32)
    (image * torch.tensor(upstream)).sum().backward()
    rasterizer = Rasterizer()
    raster = rasterizer.forward(gaussians, camera, depth=output == "expected_depth_z", **options)
    d_rgb = upstream if output == "rgb" else np.zeros_like(raster.rgb)
    others = {f"d_{output}": upstream} if output != "rgb" else {}
    gradients = rasterizer.backward(raster, d_rgb, **others)
    for name in GROUPS:
        leaf = getattr(parameters, name).grad
        wanted = np.zeros(getattr(gaussians, name).shape) if leaf is None else leaf.numpy()
        found = getattr(gradients, name)
        scale = max(float(np.linalg.norm(wanted)), 1e-12)
        assert np.linalg.norm(found - wanted) <= GRADIENT_TOLERANCE * scale, name


def test_the_screen_gradient_is_that_of_the_centre_on_the_image():
    gaussians, camera = sample_gaussians(1), sample_camera(40, 30)
    rasterizer = Rasterizer()
    upstream = np.random.default_rng(2).normal(size=(30, 40, 3)).astype(np.float32)

    def loss(shift_x: float, shift_y: float) -> float:
        lens = camera.intrinsics
        moved = Intrinsics(lens.width, lens.height, lens.fx, lens.fy, lens.cx + shift_x, lens.cy + shift_y)
        return float(
            (reference.render(gaussians, Camera(moved, camera.world_from_camera)).rgb.numpy() * upstream).sum()
        )

    step = 1e-5
    by_pixel = [(loss(step, 0) - loss(-step, 0)) / (2 * step), (loss(0, step) - loss(0, -step)) / (2 * step)]
    gradients = rasterizer.backward(rasterizer.forward(gaussians, camera), upstream)
    wanted = np.hypot(by_pixel[0] * 20, by_pixel[1] * 15)
    assert gradients.screen_gradient[0] == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_call_gives_the_same_bytes(threads):
    gaussians, camera = sample_gaussians(400), sample_camera(90, 70)
    upstream = np.random.default_rng(3).normal(size=(70, 90, 3)).astype(np.float32)
    results = []
    for _ in range(2):
        rasterizer = Rasterizer(threads)
        rasterizer.backward(rasterizer.forward(gaussians, camera), upstream)
        raster = rasterizer.forward(gaussians, camera)
        gradients = rasterizer.backward(raster, upstream)
        results.append([raster.rgb.tobytes(), *(getattr(gradients, name).tobytes() for name in GROUPS)])
    assert results[0] == results[1]


def test_depth_does_not_change_the_colours():
    gaussians, camera = sample_gaussians(200), sample_camera(50, 40)
    rasterizer = Rasterizer()
    plain = rasterizer.forward(gaussians, camera).rgb
    np.testing.assert_array_equal(rasterizer.forward(gaussians, camera, depth=True).rgb, plain)


def test_rows_of_invisible_gaussians_are_left_alone():
    gaussians, camera = sample_gaussians(50), sample_camera(50, 40)
    gaussians.means[:10, 2] = -5
    rasterizer = Rasterizer()
    gradients = GaussianGradients.zeros(50)
    gradients.means[:] = 7
    raster = rasterizer.forward(gaussians, camera)
    assert rasterizer.backward(raster, np.ones((40, 50, 3), np.float32), gradients=gradients) is gradients
    assert not raster.visible[:10].any()
    np.testing.assert_array_equal(gradients.visible, raster.visible)
    assert (gradients.means[~raster.visible] == 7).all()
    assert (gradients.means[raster.visible] != 7).any()


def test_gaussians_with_a_parameter_that_is_not_a_number_are_not_drawn():
    gaussians, camera = sample_gaussians(40), sample_camera(50, 40)
    for i, name in enumerate(("means", "quaternions_wxyz", "log_scales")):
        getattr(gaussians, name)[i, 0] = np.nan
    gaussians.logit_opacities[3] = np.nan
    raster = Rasterizer().forward(gaussians, camera)
    assert not raster.visible[:4].any()
    wanted = Rasterizer().forward(gaussians.select(np.arange(4, 40)), camera)
    np.testing.assert_array_equal(raster.rgb, wanted.rgb)


def test_nothing_to_draw_is_the_background():
    raster = Rasterizer().forward(sample_gaussians(0), sample_camera(20, 10), background=BACKGROUND, depth=True)
    np.testing.assert_array_equal(raster.rgb, np.broadcast_to(BACKGROUND, (10, 20, 3)))
    assert not raster.alpha.any()
    assert raster.median_depth_z is not None
    assert not raster.median_depth_z.any()


def test_a_distorted_lens_is_refused():
    lens = Intrinsics(20, 10, 20.0, 20.0, 10.0, 5.0, BrownConrady(0.1))
    with pytest.raises(SettingsError, match="ideal pinhole"):
        Rasterizer().forward(sample_gaussians(1), Camera(lens, Rigid.identity()))


def test_backward_refuses_what_does_not_fit():
    gaussians, camera = sample_gaussians(5), sample_camera(20, 10)
    rasterizer = Rasterizer()
    old = rasterizer.forward(gaussians, camera)
    new = rasterizer.forward(gaussians, camera)
    ones = np.ones((10, 20, 3), np.float32)
    with pytest.raises(ValueError, match="last forward"):
        rasterizer.backward(old, ones)
    with pytest.raises(ValueError, match="d_rgb must have shape"):
        rasterizer.backward(new, ones[1:])
    with pytest.raises(ValueError, match="without depth"):
        rasterizer.backward(new, ones, d_expected_depth_z=ones[..., 0])
    with pytest.raises(ValueError, match="sh_degree"):
        rasterizer.forward(gaussians, camera, sh_degree=4)
