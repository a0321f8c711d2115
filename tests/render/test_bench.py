"""The bench measures what it says, on any scene; nothing is asserted of the clock."""

import itertools
import json

import numpy as np
import pytest

from cameras.errors import InputError, SettingsError
from cameras.intrinsics import Intrinsics
from render import bench, bench_runs
from render.bench import BenchCase, run_bench
from render.bench_scene import read_scene, resampled
from render.bench_stand_in import gaussians_on, stand_in_scene
from render.evaluation_mesh import TriangleMesh
from scenes.splats.gaussians import Gaussians


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(bench.peak, "fma_gflops", lambda threads: 100.0)
    monkeypatch.setattr(bench.peak, "copy_gb_per_s", lambda: 10.0)
    monkeypatch.setattr(bench_runs, "PATH_FRAMES", 3)


@pytest.fixture(scope="module")
def room():
    return stand_in_scene(count=1000)


def test_the_result_is_json_with_every_figure():
    cases = [BenchCase(name, 500, 64, 48) for name in ("forward", "train_step", "path_frame")]
    told: list[float] = []
    result = run_bench(cases, report=lambda stage, fraction, figures: told.append(fraction))
    assert json.loads(json.dumps(result)) == result
    assert set(result) == {"fma_peak_gflops", "copy_gb_per_s", "threads", "lanes", "scene", "cases"}
    assert "stand-in" in result["scene"]
    assert told == pytest.approx([1 / 3, 2 / 3, 1])
    wanted = {"name", "gaussians", "width", "height", "ms_median", "per_second", "share_of_peak", "pairs"}
    for case in result["cases"]:
        assert set(case) == wanted | {"lanes_per_pixel", "peak_rss_mb"}
        assert case["ms_median"] > 0
        assert case["pairs"] > 0


@pytest.mark.parametrize("count", [300, 1000, 2600])
def test_a_resampled_scene_has_the_count_and_about_the_same_area(room, count):
    again = resampled(room.gaussians, count)
    assert len(again) == count
    area = (again.scales**2).sum() / (room.gaussians.scales**2).sum()
    assert area == pytest.approx(1, rel=0.1)


def test_the_stand_in_lies_flat_on_the_triangles():
    rng = np.random.default_rng(2)
    mesh = TriangleMesh(rng.normal(size=(9, 3)), np.arange(9).reshape(3, 3))
    colors = rng.random((9, 3)).astype(np.float32)
    gaussians = gaussians_on(mesh, colors, 400)
    corners = mesh.vertices_world[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    offsets = np.einsum("nfc,fc->nf", gaussians.means[:, None] - corners[:, 0], normals)
    face = np.abs(offsets).argmin(axis=1)
    assert np.abs(offsets).min(axis=1).max() < 1e-5
    thin = _axes(gaussians)[:, :, 2]
    np.testing.assert_allclose(np.abs(np.einsum("nc,nc->n", thin, normals[face])), 1, atol=1e-4)
    assert (gaussians.scales[:, 2] < 0.2 * gaussians.scales[:, 0]).all()


def _axes(gaussians: Gaussians) -> np.ndarray:
    """[N, 3, 3] columns."""
    q = gaussians.quaternions_wxyz.astype(np.float64)
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    third = np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=1)
    first = np.stack([1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)], axis=1)
    return np.stack([first, np.cross(third, first), third], axis=2)


def test_the_stand_in_says_where_it_came_from_and_looks_at_something(room):
    assert "examples/room" in room.source
    result = run_bench([BenchCase("forward", 1000, 80, 60)])
    assert result["cases"][0]["lanes_per_pixel"] > 1


def test_without_the_examples_a_scene_is_asked_for(tmp_path):
    with pytest.raises(InputError, match=r"give a splat file with --scene FILE"):
        stand_in_scene(tmp_path)


def test_pixels_stay_square_on_another_shape(room):
    (lens, *_) = [camera.intrinsics for camera in room.cameras_at(540, 960)]
    assert (lens.width, lens.height) == (540, 960)
    assert lens.fx == lens.fy
    like = room.cameras_at(1600, 1066)[0].intrinsics
    assert like.fx == pytest.approx(2 * room.cameras[0].intrinsics.fx)


def test_a_path_moves_in_small_steps(room):
    cameras = list(bench_runs.path_cameras(room.gaussians, room.cameras[0]))
    assert len(cameras) == 3 + bench_runs.FRAMES_NOT_COUNTED
    for a, b in itertools.pairwise(cameras):
        turn = a.world_from_camera.rotation.T @ b.world_from_camera.rotation
        assert np.trace(turn) == pytest.approx(1 + 2 * np.cos(bench_runs.FRAME_TURN_RAD))
        assert 0 < np.linalg.norm(a.position_world - b.position_world) < 0.1


def test_a_scene_of_arrays_is_read(tmp_path, room):
    g = room.gaussians
    np.savez(
        tmp_path / "scene.npz",
        means=g.means,
        quaternions_wxyz=g.quaternions_wxyz,
        log_scales=g.log_scales,
        logit_opacities=g.logit_opacities,
        sh=g.sh.transpose(0, 2, 1),
        camera_from_world=np.stack([camera.camera_from_world.matrix() for camera in room.cameras]),
        fx_fy_cx_cy=np.array([500.0, 500.0, 270.0, 480.0]),
        size_wh=np.array([540, 960]),
    )
    found = read_scene(tmp_path / "scene.npz")
    np.testing.assert_array_equal(found.gaussians.sh, g.sh)
    np.testing.assert_allclose(found.cameras[2].position_world, room.cameras[2].position_world, atol=1e-9)
    assert found.cameras[0].intrinsics == Intrinsics(540, 960, 500.0, 500.0, 270.0, 480.0)


def test_a_file_that_is_no_scene_is_refused(tmp_path):
    (tmp_path / "scene.npz").write_text("no scene")
    with pytest.raises(InputError, match=r"\.npz with parameters"):
        read_scene(tmp_path / "scene.npz")
    np.savez(tmp_path / "part.npz", means=np.zeros((1, 3)))
    with pytest.raises(InputError, match="sh"):
        read_scene(tmp_path / "part.npz")


@pytest.mark.parametrize(
    ("case", "message"),
    [(BenchCase("dance", 10, 10, 10), "dance"), (BenchCase("forward", 0, 10, 10), "at least one Gaussian")],
)
def test_a_case_that_makes_no_sense_is_refused(case, message):
    with pytest.raises(SettingsError, match=message):
        run_bench([case])
