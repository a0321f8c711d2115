"""``flythrough preflight`` in a mesh and in splats: its table, its JSON, its exit codes, its repairs."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.formats.flythrough_json import WorldNote, read_path_and_world, write_path
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import look_rotation
from cameras.shot_list import ShotList
from render import cli
from scenes.meshes.mesh import checked_mesh
from scenes.meshes.rooms import ROOM_SIZE, shell
from scenes.meshes.scene import MeshScene
from scenes.scene import World

from .test_plan_command import splat_walls

pytest.importorskip("trimesh")
BROKEN = 3


def run(*arguments: str | Path) -> int:
    return cli.main([str(argument) for argument in arguments])


def checked(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    code = run("preflight", *arguments, "--json")
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty room of 5 x 4 x 2.6 m."""
    vertices, faces = shell((0.0, 0.0, 0.0), ROOM_SIZE)
    mesh = checked_mesh(Path("room"), vertices, faces, np.full((len(faces), 3), 180, np.uint8))
    file = tmp_path_factory.mktemp("mesh") / "room.ply"
    MeshScene(mesh, World(*mesh.bounds, up_known=True, metres_per_unit=1.0)).save(file)
    return file


def path_file(folder: Path, end: float, seconds: float, *, metres: float | None = 1.0) -> Path:
    rotation = look_rotation((1.0, 0.0, 0.0), (0, 0, 1))
    keys = tuple(Keyframe.from_pose(Rigid(rotation, np.array([x, 2.0, 1.4])), math.radians(50)) for x in (1.0, end))
    file = folder / "path.json"
    write_path(ShotList.of(CameraPath(keys, seconds, ease_s=2.0), "push in"), file, WorldNote(True, metres))
    return file


def test_a_good_path_passes(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = path_file(tmp_path, 3.0, 10.0)
    code, content = checked(capsys, scene, path)
    assert code == 0
    assert content["passed"] is True
    worst = content["worst"]
    assert worst["speed"]["value"] == pytest.approx(2.0 / 8, rel=1e-3)
    assert (worst["speed"]["limit"], worst["speed"]["unit"], worst["speed"]["shot"]) == (0.5, "m/s", "push in")
    assert set(content["not_measured"]) == {"view-distance", "view-angle"}
    assert run("preflight", scene, path, "--progress", "plain") == 0
    text = capsys.readouterr().out
    assert "Every limit is kept." in text
    assert "Not measured: view-angle" in text


def test_a_broken_limit_has_its_own_exit_code_and_is_repaired(
    scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = path_file(tmp_path, 4.9, 5.0)
    before = path.read_bytes()
    code, content = checked(capsys, scene, path)
    assert code == BROKEN
    assert content["broken"] == ["clearance", "near", "speed", "acceleration", "jerk"]
    assert run("preflight", scene, path, "--fix", "--progress", "plain") == 0
    text = capsys.readouterr().out
    assert "moved the camera by up to" in text
    assert "slowed down" in text
    assert path.read_bytes() == before
    fixed = tmp_path / "path.fixed.json"
    assert checked(capsys, scene, fixed)[0] == 0
    shots, world = read_path_and_world(fixed)
    assert world == WorldNote(True, 1.0)
    assert shots.note["repaired"]


def test_limits_may_be_others(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = path_file(tmp_path, 3.0, 10.0)
    code, content = checked(capsys, scene, path, "--limit", "speed=0.2", "--limit", "clearance=0.5")
    assert (code, content["broken"]) == (BROKEN, ["speed"])
    limits = content["limits"]
    assert (limits["speed"], limits["clearance"]) == (0.2, 0.5)


def test_splats_are_measured_with_what_they_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A room of splats without a far wall: a camera that looks there sees nothing drawn."""
    whole = splat_walls()
    keep = whole.gaussians.means[:, 0] < 4.9
    parts = {name: value[keep] for name, value in vars(whole.gaussians).items()}
    whole.save(tmp_path / "whole.ply")
    type(whole)(type(whole.gaussians)(**parts), whole.world).save(tmp_path / "open.ply")
    path = path_file(tmp_path, 2.5, 10.0)
    assert checked(capsys, tmp_path / "whole.ply", path, "--fps", "5")[0] == 0
    code, content = checked(capsys, tmp_path / "open.ply", path, "--fps", "5")
    assert code == BROKEN
    assert "unseen" in str(content["broken"])


def test_the_scale_is_the_paths_own_unless_said(
    scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = path_file(tmp_path, 3.0, 10.0, metres=0.5)
    assert checked(capsys, scene, path)[1]["scale_from"] == "that of the path's file"
    speeds = [
        checked(capsys, scene, path, *units)[1]["worst"]["speed"]["value"]
        for units in ((), ("--units", "m"), ("--units", "ft"))
    ]
    assert speeds == pytest.approx([0.125, 0.25, 0.25 * 0.3048], rel=1e-3)


def test_a_picture_is_drawn(scene: Path, tmp_path: Path) -> None:
    picture = tmp_path / "preflight.png"
    assert run("preflight", scene, path_file(tmp_path, 4.9, 5.0), "--picture", picture) == BROKEN
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--limit", "sped=1"), "--limit should be one of clearance"),
        (("--limit", "speed=fast"), "--limit speed should have a number of m/s"),
        (("--fix", "-o", "{tmp}/out.txt"), "should end in .json"),
        (("--fix", "-o", "{tmp}/path.json"), "is the input itself"),
        (("--fix", "-o", "{tmp}/nowhere/out.json"), "does not exist"),
        (("-o", "{tmp}/out.json"), "--output goes with --fix"),
        (("--picture", "{tmp}/out.jpg"), "should end in .png"),
        (("--fps", "0"), "--fps"),
        (("--fps", "1000000/3"), "--fps should be above 0 and at most"),
        (("--size", "large"), "--size"),
        (("--capture", "{tmp}"), "--capture goes with a splat file"),
        (("--camera-height", "1.5m"), "need photos"),
        (("--units", "parsec"), "--units"),
        (("--up", "sideways"), "up"),
    ],
)
def test_options_that_make_no_sense(
    scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    path = path_file(tmp_path, 3.0, 10.0)
    assert run("preflight", scene, path, *(option.format(tmp=tmp_path) for option in options)) == 2
    assert words in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["path.json"]


def test_a_path_of_days_is_refused(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("preflight", scene, path_file(tmp_path, 3.0, 1e6)) == 2
    assert "a path of at most" in capsys.readouterr().err


def test_files_that_are_no_path_or_no_scene(scene: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = path_file(tmp_path, 3.0, 10.0)
    assert run("preflight", scene, tmp_path / "missing.json") == 2
    assert "nothing is there" in capsys.readouterr().err
    (tmp_path / "odd.json").write_text('{"a": 1}')
    assert run("preflight", scene, tmp_path / "odd.json") == 2
    assert run("preflight", path, path) == 2
    assert "is a camera path" in capsys.readouterr().err
