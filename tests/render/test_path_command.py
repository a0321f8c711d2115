"""``flythrough path convert`` and what ``flythrough info`` says of the paths of other tools."""

import json
from pathlib import Path

import numpy as np
import pytest

from cameras.formats import FORMATS, recognize
from cameras.formats.flythrough_json import write_path
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import look_rotation
from cameras.shot_list import ShotList
from render import cli


@pytest.fixture
def path_file(tmp_path: Path) -> Path:
    """A level path of two seconds with a focus."""
    keys = tuple(
        Keyframe.from_pose(Rigid(look_rotation((1, 1, -0.1 * x), (0, 0, 1)), np.array([x, x * x, 1.5])), 1.0, None, 3.0)
        for x in (0.0, 1.0, 2.0)
    )
    file = tmp_path / "path.json"
    write_path(ShotList.of(CameraPath(keys, 2.0)), file)
    return file


def run(*arguments: str | Path) -> int:
    return cli.main(["path", "convert", *map(str, arguments)])


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_path_goes_out_and_is_known_again(
    name: str, path_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    output = tmp_path / "out" / f"images{FORMATS[name].suffixes[0]}"
    assert run(path_file, output, "--to", name, "--fps", "29.97", "--size", "640x480") == 0
    shown = capsys.readouterr()
    assert shown.out.startswith(f"Written: {output} (2 s, from flythrough to {name})")
    assert FORMATS[name].advice.format(file=output) in shown.out
    lost_focus = f"Warning: {output} does not carry the focus.\n"
    assert (lost_focus in shown.err) == (name not in {"flythrough", "usd", "csv"})
    assert all(line.startswith("Warning: ") for line in shown.err.splitlines())
    assert recognize(output) == name
    assert cli.main(["info", str(output), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "camera path"
    if name != "flythrough":
        assert facts["format"] == f"{name}: {FORMATS[name].what}"
        assert facts["seconds"] == pytest.approx(2, abs=0.1)
        assert facts["size"] == ("640x480" if name in {"nerfstudio", "inria", "colmap"} else None)


def test_what_the_input_has_too_much_is_said(
    path_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    middle = tmp_path / "camera_path.json"
    assert run(path_file, middle, "--to", "nerfstudio") == 0
    content = json.loads(middle.read_text(encoding="utf-8"))
    middle.write_text(json.dumps({**content, "crop": {"crop_center": [0, 0, 0]}}), encoding="utf-8")
    capsys.readouterr()
    assert run(middle, tmp_path / "a.csv", "--to", "csv", "--from", "nerfstudio") == 0
    expected = f"Warning: {middle} has what a path cannot keep: the crop box.\n"
    assert capsys.readouterr().err == expected


def test_a_dataparser_moves_the_path(path_file: Path, tmp_path: Path) -> None:
    moved = {"transform": [[0, -1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]], "scale": 0.5}
    (tmp_path / "moved.json").write_text(json.dumps(moved), encoding="utf-8")
    output, back = tmp_path / "camera_path.json", tmp_path / "back.csv"
    assert run(path_file, output, "--to", "nerfstudio", "--dataparser", tmp_path / "moved.json") == 0
    first = json.loads(output.read_text(encoding="utf-8"))["camera_path"][0]["camera_to_world"]
    np.testing.assert_allclose([first[3], first[7], first[11]], (0.5, 0, 0.75), atol=1e-12)
    assert run(output, back, "--to", "csv", "--dataparser", tmp_path / "moved.json") == 0
    np.testing.assert_allclose(
        [float(x) for x in back.read_text().splitlines()[1].split(",")[2:5]], (0, 0, 1.5), atol=1e-9
    )


def test_bad_requests_are_one_sentence_and_leave_nothing(
    path_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    (tmp_path / "text.json").write_text("{}", encoding="utf-8")
    for arguments, said in (
        ((tmp_path / "gone.json", tmp_path / "a.csv", "--to", "csv"), "nothing is there"),
        ((path_file, path_file, "--to", "flythrough"), "is the input itself"),
        ((path_file, tmp_path / "none" / "a.csv", "--to", "csv"), "which does not exist"),
        ((path_file, tmp_path / "a.json", "--to", "csv"), "ends in .csv"),
        ((path_file, tmp_path / "a.csv", "--to", "csv", "--fps", "0"), "--fps should be above 0"),
        ((path_file, tmp_path / "a.csv", "--to", "csv", "--fps", "many"), "--fps should be frames a second"),
        ((path_file, tmp_path / "a.csv", "--to", "csv", "--size", "big"), "--size should be WIDTHxHEIGHT"),
        ((path_file, tmp_path / "a.csv", "--to", "csv", "--from", "gltf"), "wrong at asset"),
        ((path_file, tmp_path / "a.csv", "--to", "csv", "--dataparser", tmp_path / "no.json"), "cannot be read"),
        ((path_file, tmp_path / "a.csv", "--to", "csv", "--dataparser", tmp_path / "text.json"), "field required"),
        ((path_file, tmp_path / "a.txt", "--to", "colmap"), "in a file named images.txt"),
        ((tmp_path / "text.json", tmp_path / "a.csv", "--to", "csv"), "is no camera path of a format that is known"),
    ):
        assert run(*arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.startswith("Error: ")
        assert error.count("\n") == 1
    assert run(path_file, tmp_path / "a.csv", "--to", "fbx") == 2
    assert "Invalid value for '--to'" in capsys.readouterr().err
    (tmp_path / "text.json").unlink()
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_leaves_the_old_file_alone(
    path_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    output = tmp_path / "a.csv"
    output.write_text("what was there\n", encoding="utf-8")
    before = sorted(tmp_path.iterdir())

    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    assert run(path_file, output, "--to", "csv") == 2
    assert "the disk is full" in capsys.readouterr().err
    assert output.read_text(encoding="utf-8") == "what was there\n"
    assert sorted(tmp_path.iterdir()) == before


def test_info_still_knows_what_is_no_path(tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(tiny_room / "transforms.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "nerfstudio"
