"""``flythrough evaluate``: one JSON object or a table, and errors before the long work."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cameras.errors import FlythroughError, MissingExtraError, SettingsError
from render.cli import cli
from render.evaluation_run import EvaluationRequest
from render.joblock import JobLock

SHORT = ["--iterations", "24", "--max-gaussians", "400", "--hold-out", "7"]


def test_json_is_one_object_on_standard_output(tiny_room: Path, tmp_path: Path) -> None:
    walk = str(tiny_room / "transforms.json")
    options = ["--json", "--walk", walk, "--pictures", str(tmp_path / "pictures"), "--job", str(tmp_path / "job")]
    result = CliRunner().invoke(cli, ["evaluate", str(tiny_room), *SHORT, *options], catch_exceptions=False)
    found = json.loads(result.stdout)
    wanted = {"psnr", "ssim", "flip", "n_train", "n_test", "n_gaussians", "iterations", "photo_passes", "fit_seconds"}
    wanted |= {"width", "height", "per_image", "walk_psnr", "walk_ssim", "walk_flip", "walk_per_frame"}
    wanted |= {"settings", "seed", "backend", "machine", "versions"}
    assert wanted <= found.keys()
    assert found["n_test"] == len(found["per_image"]) == 2
    assert found["settings"]["max_gaussians"] == 400
    assert str(tiny_room.parent) not in result.stdout
    assert (tmp_path / "pictures" / "photo_worst_to_best.png").is_file()


def test_a_table_for_people(tiny_room: Path) -> None:
    result = CliRunner().invoke(cli, ["evaluate", str(tiny_room), *SHORT], catch_exceptions=False)
    assert "Held-out photos" in result.stdout
    assert "mean" in result.stdout
    assert "12 photos fitted, 2 scored at 64x48" in result.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": Path("nowhere")}, "nothing is there"),
        ({"iterations": 10, "photo_passes": 3.0}, "give one of them"),
        ({"iterations": 0}, "--iterations should be from 1"),
        ({"max_gaussians": 1}, "--max-gaussians should be from 100"),
        ({"geometry": Path("room.ply")}, "give its frames with --walk"),
        ({"true_cameras": Path("cameras.json")}, "give its frames with --walk"),
        ({"long_side": 8}, "--long-side must be at least 64"),
        ({"seed": -1}, "seed should be from 0"),
        ({"job": Path(__file__)}, r"--job should name a folder, but .* is a file"),
    ],
)
def test_what_is_wrong_is_said_before_the_work(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    values: dict[str, object] = {"source": tmp_path, **changes}
    with pytest.raises(FlythroughError, match=message):
        EvaluationRequest(**values).check()  # type: ignore[arg-type]


def test_two_runs_do_not_share_a_folder(tiny_room: Path, tmp_path: Path) -> None:
    lock = JobLock(tmp_path)
    lock.acquire()
    with pytest.raises(SettingsError, match=r"another flythrough .* is working in"):
        CliRunner().invoke(cli, ["evaluate", str(tiny_room), *SHORT, "--job", str(tmp_path)], catch_exceptions=False)
    lock.release()


def test_a_walk_with_true_depth_prints_its_geometry(tiny_room: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_room, tmp_path / "walk"))
    np.savez(folder / "depth_z.npz", depth_z=np.full((14, 48, 64), 2.0))
    options = ["--walk", str(folder / "transforms.json"), "--true-cameras", str(tiny_room / "transforms.json")]
    result = CliRunner().invoke(cli, ["evaluate", str(tiny_room), *SHORT, *options], catch_exceptions=False)
    assert "Geometry of the walk: floaters" in result.stdout


def test_a_backend_that_is_not_here_is_refused_before_the_work(
    tiny_room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "gsplat" else find(name, *rest))
    with pytest.raises(MissingExtraError, match="needs gsplat, which is not installed"):
        CliRunner().invoke(cli, ["evaluate", str(tiny_room), *SHORT, "--backend", "cuda"], catch_exceptions=False)
