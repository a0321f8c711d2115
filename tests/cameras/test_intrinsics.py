import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from cameras.camera import Camera
from cameras.distortion import BrownConrady, KannalaBrandt
from cameras.errors import InputError
from cameras.formats.colmap_models import COLMAP_MODELS, colmap_from_intrinsics, intrinsics_from_colmap
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid

LENSES = [None, BrownConrady(0.06, -0.08, -1e-3, 2e-4), BrownConrady(-0.25, 0.06), KannalaBrandt(0.02, -0.01)]
PARAMS = {"f": 710.0, "fx": 700.0, "fy": 720.0, "cx": 410.0, "cy": 290.0, "k1": 0.05, "k2": -0.03, "p1": 1e-3,
          "p2": -2e-3, "k3": 0.01, "k4": 0.02, "k5": -0.01, "k6": 0.004}  # fmt: skip


def grid(intrinsics: Intrinsics) -> np.ndarray:
    """Pixels over the whole image, corners included."""
    x, y = np.meshgrid(np.linspace(0, intrinsics.width, 23), np.linspace(0, intrinsics.height, 17))
    return np.stack([x, y], axis=-1)


@given(f=st.floats(300, 2000), cx=st.floats(100, 700), cy=st.floats(100, 500), lens=st.sampled_from(LENSES))
def test_project_inverts_rays(f: float, cx: float, cy: float, lens: BrownConrady | None) -> None:
    intrinsics = Intrinsics(800, 600, f, 1.1 * f, cx, cy, lens)
    pixels = grid(intrinsics)
    rays = intrinsics.rays(pixels)
    if lens is not None:
        inside = np.linalg.norm(rays[..., :2], axis=-1) < 0.95 * lens.valid_radius
        rays, pixels = rays[inside], pixels[inside]
    np.testing.assert_allclose(intrinsics.project(3.0 * rays), pixels, atol=1e-6)


def test_hand_made_numbers() -> None:
    lens = Intrinsics.from_focal_mm(1000, 500, 36.0)
    assert (lens.fx, lens.fy, lens.cx, lens.cy) == (1000, 1000, 500, 250)
    assert lens.fov_x_rad == pytest.approx(2 * math.atan(0.5))
    np.testing.assert_allclose(lens.project([0.0, 0, 2]), [500, 250])
    assert Intrinsics.from_fov(100, 200, math.pi / 2).fy == pytest.approx(100)
    assert Intrinsics.from_fov(64, 48, 0.8).fov_y_rad == pytest.approx(0.8)


@pytest.mark.parametrize("lens", LENSES)
def test_resizing_and_cropping_move_pixels_as_they_move_the_image(lens: BrownConrady | None) -> None:
    intrinsics = Intrinsics(800, 600, 700, 720, 410, 290, lens)
    points = np.random.default_rng(0).normal(size=(20, 3)) * (0.3, 0.3, 0.1) + (0, 0, 2)
    pixels = intrinsics.project(points)
    np.testing.assert_allclose(intrinsics.resized(400, 200).project(points), pixels / (2, 3))
    cropped = intrinsics.cropped(100, 50, 300, 200)
    np.testing.assert_allclose(cropped.project(points), pixels - (100, 50))
    assert (cropped.width, cropped.height) == (300, 200)
    assert intrinsics.ideal() == Intrinsics(800, 600, 700, 720, 410, 290)


@pytest.mark.parametrize("lens", [*LENSES[1:], BrownConrady(0.3), BrownConrady(-0.4), KannalaBrandt()])
def test_an_undistorted_pinhole_shows_only_or_all_of_the_image(lens: BrownConrady) -> None:
    distorted = Intrinsics(800, 600, 500, 550, 420, 280, lens)
    inner = distorted.undistorted_pinhole()
    seen = distorted.project(inner.rays(grid(inner)))
    assert (seen >= -0.02).all()
    assert (seen <= np.array([800, 600]) + 0.02).all()
    if np.linalg.norm(distorted.rays(grid(distorted))[..., :2], axis=-1).max() < lens.valid_radius:
        assert min(seen.min(), 800 - seen[..., 0].max(), 600 - seen[..., 1].max()) < 1.0
    assert inner.fx / inner.fy == pytest.approx(500 / 550)
    outer = distorted.undistorted_pinhole(alpha=1.0)
    rays = distorted.rays(grid(distorted))
    kept = outer.project(rays[np.abs(rays[..., :2]).max(axis=-1) < lens.valid_radius])
    assert (kept >= -1e-6).all()
    assert (kept <= np.array([800, 600]) + 1e-6).all()
    assert inner.fx >= distorted.undistorted_pinhole(alpha=0.5).fx >= outer.fx


def test_a_pinhole_is_its_own_undistorted_pinhole() -> None:
    lens = Intrinsics.from_fov(80, 60, 1.0)
    assert lens.undistorted_pinhole(0.3) == lens
    with pytest.raises(ValueError, match="alpha must be between"):
        lens.undistorted_pinhole(1.5)


@pytest.mark.parametrize("model", COLMAP_MODELS)
def test_colmap_models_agree_with_colmap(model: str) -> None:
    pycolmap = pytest.importorskip("pycolmap")
    params = [PARAMS[name] for name in COLMAP_MODELS[model]]
    theirs = pycolmap.Camera(model=model, width=800, height=600, params=params)
    points = np.random.default_rng(0).normal(size=(50, 3)) * (0.3, 0.3, 0.1) + (0, 0, 2)
    expected = np.array([theirs.img_from_cam(point) for point in points])
    np.testing.assert_allclose(intrinsics_from_colmap(model, 800, 600, params).project(points), expected, atol=1e-9)


@pytest.mark.parametrize("model", COLMAP_MODELS)
def test_colmap_models_survive_the_round_trip(model: str) -> None:
    params = tuple(PARAMS[name] for name in COLMAP_MODELS[model])
    found = colmap_from_intrinsics(intrinsics_from_colmap(model, 800, 600, params))
    assert (found.model, found.params, found.width, found.height) == (model, params, 800, 600)


def test_colmap_models_that_we_cannot_use_are_named() -> None:
    with pytest.raises(InputError, match=r"THIN_PRISM_FISHEYE cannot be used \(usable are SIMPLE_PINHOLE, PINHOLE"):
        intrinsics_from_colmap("THIN_PRISM_FISHEYE", 10, 10, [1.0] * 12)
    with pytest.raises(InputError, match=r"PINHOLE has 4 parameters .* but 3 were found"):
        intrinsics_from_colmap("PINHOLE", 10, 10, [1.0, 2, 3])
    with pytest.raises(InputError, match="is no lens: focal lengths must be positive"):
        intrinsics_from_colmap("SIMPLE_PINHOLE", 10, 10, [-1.0, 5, 5])


def test_a_lens_that_colmap_lacks_is_refused() -> None:
    class Odd:
        valid_radius = 1.0

        def distort(self, ideal: ArrayLike) -> np.ndarray:
            return np.asarray(ideal, dtype=np.float64)

        def undistort(self, distorted: ArrayLike) -> np.ndarray:
            return np.asarray(distorted, dtype=np.float64)

    with pytest.raises(InputError, match="COLMAP has no model"):
        colmap_from_intrinsics(Intrinsics(10, 10, 5, 5, 5, 5, Odd()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"width": 0}, "image size"), ({"fx": -1.0}, "focal lengths"), ({"cx": math.nan}, "principal point")],
)
def test_bad_intrinsics_are_refused(changes: dict[str, float], message: str) -> None:
    good: dict[str, float] = {"width": 10, "height": 10, "fx": 5, "fy": 5, "cx": 5, "cy": 5}
    with pytest.raises(ValueError, match=message):
        Intrinsics(**{**good, **changes})  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="fov_y_rad must be"):
        Intrinsics.from_fov(10, 10, 4.0)
    with pytest.raises(ValueError, match="focal_mm and sensor"):
        Intrinsics.from_focal_mm(10, 10, 0.0)


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_camera_unprojects_what_it_projects(seed: int) -> None:
    rng = np.random.default_rng(seed)
    camera = Camera(Intrinsics(80, 60, 70, 71, 40, 30, LENSES[1]), Rigid(np.eye(3), rng.normal(size=3)))
    points = camera.position_world + rng.uniform(-0.3, 0.3, (7, 3)) + (0, 0, 2)
    pixels, depth_z = camera.project(points)
    np.testing.assert_allclose(camera.unproject(pixels, depth_z), points, atol=1e-9)
    half = camera.resized(40, 30)
    np.testing.assert_allclose(half.project(points)[0], pixels / 2)
    assert (half.width, half.height) == (40, 30)
    np.testing.assert_allclose(camera.up_world, [0, -1, 0])
    np.testing.assert_allclose(camera.right_world, [1, 0, 0])
    np.testing.assert_allclose(camera.forward_world, [0, 0, 1])
