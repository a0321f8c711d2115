"""The frames of a path against single pictures: the bound on reused colours, and the same bytes again."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cameras.camera import Camera
from cameras.distortion import BrownConrady
from cameras.errors import SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.splats.cpu import path_projection
from scenes.splats.cpu.path import PathRasterizer
from scenes.splats.cpu.rasterizer import Rasterizer
from scenes.splats.cpu.vec import LANES
from scenes.splats.gaussians import Gaussians
from scenes.splats.harmonics import basis_terms

BOUND = 1 / 512
BACKGROUND = np.array([0.2, 0.5, 0.8], np.float32)


def some_gaussians(n: int, seed: int = 0, glossy: float = 0.05) -> Gaussians:
    rng = np.random.default_rng(seed)
    means = (rng.random((n, 3)) - 0.5) * (4, 3, 2) + (0, 0, 3)
    sh = rng.normal(size=(n, 3, 16)) * glossy
    sh[:, :, 0] = rng.normal(size=(n, 3))
    log_scales = np.log(rng.random((n, 3)) * 0.2 + 0.02)
    parameters = (means, rng.normal(size=(n, 4)), log_scales, rng.normal(size=n) * 1.5, sh)
    return Gaussians(*(array.astype(np.float32) for array in parameters))


def walk(n_frames: int, width: int = 83, height: int = 61, turn_rad: float = 0.01) -> list[Camera]:
    """Sideways and on, turning a little."""
    lens = Intrinsics(width, height, 70.0, 72.0, width / 2 + 1.3, height / 2 - 0.7)
    turns = [Rotation.from_rotvec((0.1 * turn_rad * k, turn_rad * k, 0)).as_matrix() for k in range(n_frames)]
    return [Camera(lens, Rigid(turn, np.array([0.01 * k, 0, 0.02 * k]))) for k, turn in enumerate(turns)]


@pytest.mark.parametrize(("n", "degree", "antialiased"), [(0, 3, True), (LANES + 1, 1, True), (700, 3, False)])
@pytest.mark.parametrize("turn_rad", [0.003, 0.03])
def test_every_frame_is_within_the_bound_of_a_single_picture(
    n: int, degree: int, antialiased: bool, turn_rad: float
) -> None:
    gaussians = some_gaussians(n)
    options = {"sh_degree": degree, "background": BACKGROUND, "antialiased": antialiased}
    path, single = PathRasterizer(gaussians, **options), Rasterizer()
    for number, camera in enumerate(walk(25, turn_rad=turn_rad)):
        frame = path.frame(camera, depth=True, expected_depth=number % 2 == 0)
        wanted = single.forward(gaussians, camera, depth=True, **options)
        np.testing.assert_allclose(frame.rgb, wanted.rgb, rtol=0, atol=BOUND)
        np.testing.assert_allclose(frame.transmittance, wanted.transmittance, rtol=0, atol=1 / 255)
        assert wanted.median_depth_z is not None
        assert frame.median_depth_z is not None
        assert np.mean(np.abs(frame.median_depth_z - wanted.median_depth_z) > 1e-4) < 1e-3
        assert (frame.expected_depth_z is None) == (number % 2 == 1)
        if number == 0:
            np.testing.assert_array_equal(frame.rgb, wanted.rgb)
            np.testing.assert_array_equal(frame.expected_depth_z, wanted.expected_depth_z)


@given(st.integers(0, 10**6), st.integers(0, 3), st.floats(0.001, 2))
@settings(max_examples=40, deadline=None)
def test_no_colour_changes_by_more_than_the_tolerance_within_its_leeway(seed: int, degree: int, glossy: float) -> None:
    """The bound itself: random colours, seen from directions as far apart as they may be."""
    n, rng = 50, np.random.default_rng(seed)
    g = some_gaussians(n, seed, glossy)
    kept = np.zeros((-(-n // LANES), path_projection.KEPT * LANES), np.float32)
    path_projection.keep(g.means, g.quaternions_wxyz, g.log_scales, g.logit_opacities, g.sh, degree, kept)
    rows = kept.reshape(len(kept), path_projection.KEPT, LANES)
    chords = np.sqrt(rows[:, path_projection.LEEWAY].reshape(-1)[:n].astype(np.float64))
    seen = rng.normal(size=(n, 3))
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    across = np.cross(seen, rng.normal(size=(n, 3)))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    angles = 2 * np.arcsin(chords / 2)[:, None]
    moved = np.cos(angles) * seen + np.sin(angles) * across
    terms = (degree + 1) ** 2
    before, after = (
        np.einsum(
            "nck,kn->nc",
            g.sh[:, :, :terms].astype(np.float64),
            np.array(basis_terms(d[:, 0], d[:, 1], d[:, 2], degree)),
        )
        for d in (seen, moved)
    )
    assert np.abs(after - before).max() <= path_projection.TOLERANCE * (1 + 1e-5)


def test_the_bound_is_not_far_from_what_happens() -> None:
    """A colour of one band along its steepest direction uses most of its leeway: the bound wastes little."""
    g = some_gaussians(1)
    g.sh[:] = 0
    g.sh[0, :, 3] = 0.5  # band 1: along x
    kept = np.zeros((1, path_projection.KEPT * LANES), np.float32)
    path_projection.keep(g.means, g.quaternions_wxyz, g.log_scales, g.logit_opacities, g.sh, 3, kept)
    chord = np.sqrt(kept.reshape(path_projection.KEPT, LANES)[path_projection.LEEWAY, 0])
    change = 0.5 * np.sqrt(3 / (4 * np.pi)) * chord
    assert change == pytest.approx(path_projection.TOLERANCE, rel=0.02)


def test_colours_are_evaluated_again_only_where_they_must_be() -> None:
    gaussians = some_gaussians(300)
    matt = replace(gaussians, sh=gaussians.sh * (np.arange(16) == 0).astype(np.float32))
    still, far = walk(2)[0], walk(40, turn_rad=0)[-1]
    evaluated = {}
    for name, scene in (("glossy", gaussians), ("matt", matt)):
        path = PathRasterizer(scene)
        for camera in (still, still):
            path.frame(camera)
        kept = path._buffers.get("kept", (-(-300 // LANES), path_projection.KEPT, LANES), np.float32)
        first = kept[:, path_projection.SEEN_FROM].copy()
        path.frame(still)
        np.testing.assert_array_equal(kept[:, path_projection.SEEN_FROM], first)
        path.frame(far)
        evaluated[name] = (kept[:, path_projection.SEEN_FROM] != first).mean()
    assert evaluated["glossy"] > 0.5
    assert evaluated["matt"] < 0.1  # those that come into view


@pytest.mark.parametrize("threads", [None, 1])
def test_a_path_begun_anew_has_the_same_bytes(threads: int | None) -> None:
    cameras, gaussians = walk(8), some_gaussians(500)
    first, second = (PathRasterizer(gaussians, threads=threads) for _ in range(2))
    for camera in cameras:
        a, b = first.frame(camera, depth=True), second.frame(camera, depth=True)
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.median_depth_z, b.median_depth_z)


def test_depth_that_was_not_asked_for_changes_nothing_else() -> None:
    gaussians = some_gaussians(500)
    without, with_depth = PathRasterizer(gaussians), PathRasterizer(gaussians)
    for camera in walk(4):
        a, b = without.frame(camera), with_depth.frame(camera, depth=True)
        assert (a.median_depth_z, a.expected_depth_z, b.expected_depth_z) == (None, None, None)
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.transmittance, b.transmittance)


def test_the_frames_belong_to_the_caller() -> None:
    path, cameras = PathRasterizer(some_gaussians(100)), walk(3)
    first = path.frame(cameras[0])
    copy = first.rgb.copy()
    for camera in cameras[1:]:
        path.frame(camera)
    np.testing.assert_array_equal(first.rgb, copy)


def test_a_distorted_lens_is_refused() -> None:
    camera = walk(1)[0]
    camera = replace(camera, intrinsics=replace(camera.intrinsics, distortion=BrownConrady(0.1)))
    with pytest.raises(SettingsError, match="BrownConrady"):
        PathRasterizer(some_gaussians(5)).frame(camera)
