"""Whatever is wrong with a path file, one sentence says so."""

import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cameras.errors import InputError
from cameras.formats import FORMATS, load_format, recognized
from cameras.formats.convert import read_flight
from cameras.formats.exchange import Flight, FrameSettings, PathFrames, shot_of
from cameras.rotations import look_rotation
from cameras.shot_list import ShotList

Spoil = Callable[[Any], object]
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small file of every format, by name; no test writes into it."""
    rng = np.random.default_rng(0)
    rotations = look_rotation(rng.normal(size=(3, 3)), (0, 0, 1))
    frames = PathFrames(Fraction(10), rng.uniform(-1, 1, (3, 3)), rotations, np.full(3, 1.0))
    files: dict[str, Path] = {}
    for name, kind in FORMATS.items():
        suffix = ".gltf" if name == "gltf" else kind.suffixes[0]
        files[name] = tmp_path_factory.mktemp(name) / f"images{suffix}"
        load_format(name).write(Flight(ShotList((shot_of(frames),))), files[name], FrameSettings(Fraction(10)))
    return files


def refused(file: Path, given: str | None = None) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(InputError) as caught:
        read_flight(file, given=given)
    said = str(caught.value)
    assert "\n" not in said
    assert file.name in said or "cameras.txt" in said
    return said


def at(*keys: str | int, value: object) -> Spoil:
    def spoil(content: Any) -> object:
        place = content
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
        return content

    return spoil


def without(*keys: str | int) -> Spoil:
    def spoil(content: Any) -> object:
        place = content
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]
        return content

    return spoil


SCALED = np.diag([2.0, 2, 2, 1]).ravel().tolist()
MIRRORED = np.diag([-1.0, 1, 1, 1]).ravel().tolist()
TRACK = ("animTracks", 0)
KEYS = (*TRACK, "keyframes")

SPOILED: list[tuple[str, Spoil, str]] = [
    ("nerfstudio", at("camera_path", 1, "camera_to_world", value=SCALED), r"camera_path\.1 is wrong.*axes"),
    ("nerfstudio", at("camera_path", 1, "camera_to_world", value=MIRRORED), "right-handed"),
    ("nerfstudio", at("camera_path", 1, "camera_to_world", value=[1, 2]), "16 finite numbers"),
    ("nerfstudio", at("camera_path", 1, "camera_to_world", value="[[["), "16 finite numbers"),
    ("nerfstudio", at("camera_path", 1, "camera_to_world", value={"a": 1}), "16 finite numbers"),
    ("nerfstudio", at("camera_path", 1, "camera_to_world", 3, value=NAN), "16 finite numbers"),
    ("nerfstudio", at("camera_path", 1, "camera_to_world", 3, value=1e300), "its position must be finite and within"),
    ("nerfstudio", at("camera_path", 1, "camera_to_world", 15, value=2), "last row"),
    ("nerfstudio", at("camera_path", 2, "fov", value=180), "frame 2 cannot be: its field of view"),
    ("nerfstudio", at("camera_path", 2, "fov", value="wide"), r"wrong at camera_path\.2\.fov"),
    ("nerfstudio", at("seconds", value=0), "wrong at seconds"),
    ("nerfstudio", at("seconds", value=1e-9), "a frame rate from"),
    ("nerfstudio", at("render_height", value=-5), "wrong at render_height"),
    ("nerfstudio", without("render_width"), "wrong at render_width: field required"),
    ("nerfstudio", at("camera_type", value="equirectangular"), "a camera of type equirectangular"),
    ("nerfstudio", lambda content: {**content, "camera_path": [], "keyframes": []}, "neither frames"),
    (
        "nerfstudio",
        lambda content: {**content, "camera_path": [], "default_transition_sec": 1e9, "keyframes": [{"matrix": 1}] * 2},
        "lasts more than",
    ),
    ("lichtfeld", at("keyframes", 0, "rotation", value=[0, 0, 0, 0]), "its quaternion must be of length 1"),
    ("lichtfeld", at("keyframes", 0, "rotation", value=[NAN, 0, 0, 0]), r"keyframes\.0\.rotation"),
    ("lichtfeld", at("keyframes", 0, "rotation", value=[1, 0, 0]), r"keyframes\.0\.rotation"),
    ("lichtfeld", at("keyframes", 0, "position", 0, value=1e15), "positions must be within"),
    ("lichtfeld", at("keyframes", 2, "time", value=1e6), "lasts more than"),
    ("lichtfeld", at("keyframes", 2, "time", value=-INF), r"keyframes\.2\.time"),
    ("lichtfeld", at("keyframes", 0, "focal_length_mm", value=0), r"focal_length_mm"),
    ("lichtfeld", at("keyframes", 0, "easing", value=4), "easing"),
    ("lichtfeld", without("keyframes", 1, "easing"), "field required"),
    ("lichtfeld", at("version", value=9), "is version 9 of a timeline"),
    ("supersplat", at(*KEYS, "values", "position", value=[1.0]), "each of its 3 keys needs"),
    ("supersplat", at(*KEYS, "values", "target", 0, value=1e300), "finite and within"),
    ("supersplat", at(*KEYS, "times", value=[0, 2, 1]), "at frames that increase"),
    ("supersplat", at(*KEYS, "times", value=[]), "times"),
    ("supersplat", at(*KEYS, "values", "fov", 1, value=200), "field of view must stay"),
    ("supersplat", at(*TRACK, "duration", value=1e9), "lasts more than"),
    ("supersplat", at(*TRACK, "frameRate", value=1e9), "a frame rate from"),
    ("supersplat", at(*TRACK, "loopMode", value="sometimes"), "loopMode"),
    ("supersplat", at("animTracks", value=[]), "has no camera animation"),
    ("supersplat", at("version", value=3), "is version 3 of settings.json"),
    ("inria", at(0, "rotation", value=[[1, 0, 0], [0, 1, 0], [0, 0.1, 1]]), "square to each other"),
    ("inria", at(0, "rotation", value=[[1, 0], [0, 1], [0, 0]]), "rotation"),
    ("inria", at(1, "position", 1, value=INF), r"1\.position\.1"),
    ("inria", at(1, "fy", value=1e-300), "frame 1 cannot be: its field of view"),
    ("inria", at(1, "width", value=0), "width"),
    ("gltf", at("asset", "version", value="1.0"), r"wrong at asset\.version"),
    ("gltf", at("cameras", 0, value={"type": "orthographic"}), "orthographic camera"),
    ("gltf", at("cameras", 0, "perspective", "yfov", value=4), "its field of view"),
    ("gltf", at("animations", 0, "channels", value=[]), "no camera that an animation moves"),
    ("gltf", at("animations", 0, "channels", 0, "sampler", value=7), "a sampler that is not there"),
    ("gltf", at("animations", 0, "samplers", 0, "output", value=2), "no finite value for each"),
    ("gltf", at("animations", 0, "samplers", 0, "input", value=9), "accessor 9 is not there"),
    ("gltf", at("nodes", 0, "children", value=[0]), "no tree"),
    ("gltf", at("nodes", 0, "scale", value=[1, 1, -1]), "mirrored"),
    ("gltf", at("nodes", 0, "scale", value=[1e308, 1e308, 1e308]), "mirrored or scaled|axes must be"),
    ("gltf", at("nodes", 0, "scale", value=[1, 1, 3]), "axes must be"),
    ("gltf", at("accessors", 1, "count", value=10**12), "cut off"),
    ("gltf", at("accessors", 1, "byteOffset", value=5), "cut off"),
    ("gltf", at("accessors", 1, "componentType", value=5125), "of a kind that an animation cannot have"),
    ("gltf", at("accessors", 1, "bufferView", value=8), "bufferView 8 is not there"),
    ("gltf", at("bufferViews", 1, "buffer", value=8), "buffer 8 is not there"),
    ("gltf", at("bufferViews", 1, "byteStride", value=4), "cut off"),
    ("gltf", at("buffers", 0, "uri", value="data:;base64,@@"), "a buffer in it is damaged"),
    ("gltf", at("buffers", 0, "uri", value="../other.bin"), "outside its folder"),
    ("gltf", at("buffers", 0, "uri", value="/etc/hostname"), "outside its folder"),
    ("gltf", at("buffers", 0, "uri", value="http://a/b.bin"), "outside its folder"),
]


@pytest.mark.parametrize(("name", "spoil", "message"), SPOILED)
def test_spoiled_json(name: str, spoil: Spoil, message: str, good: dict[str, Path], tmp_path: Path) -> None:
    content = spoil(json.loads(good[name].read_text(encoding="utf-8")))
    file = tmp_path / "spoiled.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_flight(file, given=name)
    refused(file, name)


def test_a_missing_buffer_beside_a_gltf(good: dict[str, Path], tmp_path: Path) -> None:
    content = at("buffers", 0, "uri", value="gone.bin")(json.loads(good["gltf"].read_text(encoding="utf-8")))
    (tmp_path / "a.gltf").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"gone\.bin, but it cannot be read"):
        read_flight(tmp_path / "a.gltf")


def test_damaged_glb(tmp_path: Path, good: dict[str, Path]) -> None:
    flight = read_flight(good["csv"])[1]
    whole = tmp_path / "whole.glb"
    load_format("gltf").write(flight, whole, FrameSettings())
    data, file = whole.read_bytes(), tmp_path / "a.glb"
    for damaged, message in (
        (data[:-5], "cut off"),
        (data[:30], "cut off"),
        (data[:8], "cut off"),
        (data[:4] + struct.pack("<I", 1) + data[8:], "of another version"),
        (data[:12] + struct.pack("<I", 2**32 - 1) + data[16:], "cut off"),
    ):
        file.write_bytes(damaged)
        assert message in refused(file, "gltf")
        recognized(file)


DOCUMENT: list[tuple[Spoil, str]] = [
    (at("poseSets", value=[]), "no keys on its timeline"),
    (at("poseSets", 0, "poses", 0, "target", value=[0, 0]), r"poses\.0\.target"),
    (at("poseSets", 0, "poses", 1, "frame", value=0), "at frames that increase"),
    (at("poseSets", 0, "poses", 1, "position", 0, value=NAN), r"poses\.1\.position\.0"),
    (at("timeline", "frames", value=10**9), r"timeline\.frames"),
    (at("timeline", "frameRate", value=0), r"timeline\.frameRate"),
    (at("version", value=1), "is version 1 of a SuperSplat project"),
    (at("splats", value=[{"position": [0, 0, 0], "rotation": [0, 0, 0, 0], "scale": [1, 1, 1]}]), "quaternions must"),
    (at("splats", value=[{"position": [0, 0, 0], "rotation": [0, 0, 0, 1], "scale": [1, 2, 1]}]), "different scales"),
    (at("splats", value=[{"position": [0, 0, 0], "rotation": [0, 0, 0, 1], "scale": [0, 0, 0]}]), "scale must be"),
]


def read_document(file: Path) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read("document.json"))


@pytest.mark.parametrize(("spoil", "message"), DOCUMENT)
def test_spoiled_projects(spoil: Spoil, message: str, good: dict[str, Path], tmp_path: Path) -> None:
    file = tmp_path / "a.ssproj"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("document.json", json.dumps(spoil(read_document(good["supersplat-project"]))))
    with pytest.raises(InputError, match=message):
        read_flight(file)


def test_a_project_whose_camera_is_at_its_target(good: dict[str, Path], tmp_path: Path) -> None:
    document = read_document(good["supersplat-project"])
    for pose in document["poseSets"][0]["poses"]:
        pose["target"] = pose["position"]
    with zipfile.ZipFile(tmp_path / "a.ssproj", "w") as archive:
        archive.writestr("document.json", json.dumps(document))
    assert "look at a target away from itself" in refused(tmp_path / "a.ssproj")


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "bomb.ssproj"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("document.json", "w") as packed:
        for _ in range(65):
            packed.write(bytes(2**20))
    assert file.stat().st_size < 2**18
    assert "has over 64 MiB" in refused(file)


def test_archives_that_are_no_project(tmp_path: Path) -> None:
    file = tmp_path / "a.ssproj"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("other.json", "{}")
    assert recognized(file) is None
    assert "cannot be unpacked" in refused(file, "supersplat-project")
    file.write_bytes(b"PK\3\4")
    assert recognized(file) is None
    assert "cannot be unpacked" in refused(file, "supersplat-project")


@pytest.mark.parametrize("name", list(FORMATS))
def test_missing_empty_and_huge_files(name: str, tmp_path: Path) -> None:
    suffix = FORMATS[name].suffixes[0]
    refused(tmp_path / f"gone{suffix}", name)
    (tmp_path / f"empty{suffix}").touch()
    refused(tmp_path / f"empty{suffix}", name)
    huge = tmp_path / f"huge{suffix}"
    with huge.open("wb") as file:
        file.write(b"[")
        file.truncate(64 * 2**20 + 1)
    (tmp_path / "cameras.txt").write_text("1 SIMPLE_PINHOLE 640 480 500 320 240\n", encoding="utf-8")
    assert name == "supersplat-project" or "MiB" in refused(huge, name)
    assert recognized(huge) is None


def test_what_no_format_claims(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        read_flight(tmp_path)
    for text, message in (
        ("{", "begins like JSON but is none"),
        ("[" * 100_000, "begins like JSON but is none"),
        ('{"a": ' + "9" * 5000 + "}", "begins like JSON but is none"),
        ("[]", "is no camera path of a format that is known"),
        ("{}", "is no camera path of a format that is known"),
        ("hello", "is no camera path of a format that is known"),
        ('{"camera_path": 5}', "should be nerfstudio's camera_path.json"),
    ):
        (tmp_path / "a.json").write_text(text, encoding="utf-8")
        assert message in refused(tmp_path / "a.json")


@pytest.mark.parametrize("name", list(FORMATS))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_damage_gives_a_path_or_one_sentence(
    name: str, data: st.DataObject, good: dict[str, Path], tmp_path: Path
) -> None:
    if name == "usd":
        pytest.importorskip("pxr.Usd")
    content = bytearray(good[name].read_bytes())
    if name == "supersplat-project":
        content = bytearray(json.dumps(read_document(good[name])).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content) - 1))
        junk = st.sampled_from([b"", b"-", b"9", b"0", b"e9", b"null", b"NaN", b'"', b"]", b"\xff", b"\0", b"1e308"])
        content[start : start + data.draw(st.integers(0, 3))] = data.draw(junk)
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    file = tmp_path / good[name].name
    if name == "colmap":
        shutil.copy(good[name].with_name("cameras.txt"), tmp_path)
    if name == "supersplat-project":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("document.json", bytes(content))
    else:
        file.write_bytes(content)
    said = ""
    try:
        assert read_flight(file, given=name)[1].shots.duration_s > 0
    except InputError as error:
        said = str(error)
    assert "\n" not in said
