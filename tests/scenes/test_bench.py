"""The bench measures what it says, on any scene; nothing is asserted of the clock."""

import json

import numpy as np
import pytest

from cameras.errors import InputError, SettingsError
from scenes.splats import bench
from scenes.splats.bench import BenchCase, read_scene, resampled, run_bench


@pytest.fixture(autouse=True)
def quick_peak(monkeypatch):
    monkeypatch.setattr(bench.peak, "fma_gflops", lambda threads: 100.0)
    monkeypatch.setattr(bench.peak, "copy_gb_per_s", lambda: 10.0)


def test_the_result_is_json_with_every_figure():
    cases = [BenchCase("forward", 500, 64, 48), BenchCase("train_step", 500, 64, 48)]
    told: list[float] = []
    result = run_bench(cases, report=lambda stage, fraction, figures: told.append(fraction))
    assert json.loads(json.dumps(result)) == result
    assert "made up" in result["scene"]
    assert told == [0.5, 1.0]
    wanted = {"name", "gaussians", "width", "height", "ms_median", "per_second", "share_of_peak", "pairs"}
    for case in result["cases"]:
        assert set(case) == wanted | {"lanes_per_pixel", "peak_rss_mb"}
        assert case["ms_median"] > 0
        assert case["pairs"] > 0


@pytest.mark.parametrize("count", [300, 1000, 2600])
def test_a_resampled_scene_has_the_count_and_about_the_same_area(count):
    scene = bench.made_up_scene(1000).gaussians
    again = resampled(scene, count)
    assert len(again) == count
    area = (again.scales**2).sum() / (scene.scales**2).sum()
    assert area == pytest.approx(1, rel=0.1)


def test_a_scene_of_arrays_is_read(tmp_path):
    scene = bench.made_up_scene(50)
    g = scene.gaussians
    np.savez(
        tmp_path / "scene.npz",
        means=g.means,
        quaternions_wxyz=g.quaternions_wxyz,
        log_scales=g.log_scales,
        logit_opacities=g.logit_opacities,
        sh=g.sh.transpose(0, 2, 1),
        camera_from_world=np.stack([camera.camera_from_world.matrix() for camera in scene.cameras]),
        fx_fy_cx_cy=np.array([500.0, 500.0, 270.0, 480.0]),
        size_wh=np.array([540, 960]),
    )
    found = read_scene(tmp_path / "scene.npz")
    np.testing.assert_array_equal(found.gaussians.sh, g.sh)
    np.testing.assert_allclose(found.cameras[2].position_world, scene.cameras[2].position_world, atol=1e-12)


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
