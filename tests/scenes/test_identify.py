"""Scenes told apart by content, whatever their names say."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from cameras.errors import InputError, SettingsError
from scenes.formats.identify import SceneKind, identify_scene, kind_of_scene_file, open_scene
from scenes.meshes.contents import mesh_format, read_head
from scenes.meshes.scene import MeshScene
from scenes.scene import World
from scenes.splats.gaussians import SH_TERMS, Gaussians
from scenes.splats.scene import SplatScene

MESHES = {
    "glb": "glb",
    "obj": "obj",
    "ply": "ply",
    "stl": "stl",
    "stl_ascii": "stl",
    "off": "off",
    "3mf": "3mf",
    "dae": "dae",
}
HEADER = (
    b"ply\nformat binary_little_endian 1.0\nelement vertex 7\nproperty float x\nproperty float y\nproperty float z\n"
)


def splats() -> SplatScene:
    rng = np.random.default_rng(0)
    quaternions = np.tile(np.array([1, 0, 0, 0], np.float32), (3, 1))
    numbers = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 3), (3, 3), (3,), (3, 3, SH_TERMS))]
    gaussians = Gaussians(numbers[0], quaternions, numbers[1] - 3, np.abs(numbers[2]), numbers[3])
    return SplatScene(gaussians, World(np.zeros(3), np.ones(3)))


def mesh_bytes(kind: str) -> bytes:
    box: Any = trimesh.creation.box((1, 2, 3))
    data: Any = (trimesh.Scene(box) if kind in ("glb", "3mf") else box).export(file_type=kind)
    return data if isinstance(data, bytes) else data.encode()


@pytest.mark.parametrize("suffix", ["", ".ply", ".obj", ".mp4", ".json", ".jpg"])
@pytest.mark.parametrize("kind", list(MESHES))
def test_a_mesh_is_a_mesh_under_any_name(tmp_path: Path, kind: str, suffix: str) -> None:
    file = tmp_path / f"file{suffix}"
    file.write_bytes(mesh_bytes(kind))
    assert identify_scene(file) == "mesh"
    assert mesh_format(file, read_head(file)) == MESHES[kind]


@pytest.mark.parametrize("name", ["a.ply", "a.stl", "a"])
def test_gaussians_are_splats_under_any_name(tmp_path: Path, name: str) -> None:
    splats().save(tmp_path / name)
    assert identify_scene(tmp_path / name) == "splat"
    scene = open_scene(tmp_path / name)
    assert isinstance(scene, SplatScene)
    np.testing.assert_array_equal(scene.gaussians.means, splats().gaussians.means)


def test_a_mesh_is_opened_as_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(mesh_bytes("stl"))
    scene = open_scene(tmp_path / "a", units="cm", up_axis="-y")
    assert isinstance(scene, MeshScene)
    assert (scene.world.metres_per_unit, scene.world.up_known) == (0.01, True)
    np.testing.assert_allclose(scene.world.bounds_max - scene.world.bounds_min, (1, 3, 2))


def test_long_files_of_vertices_are_meshes_before_a_face_is_seen(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in rng.normal(size=(9000, 3))]
    (tmp_path / "a.txt").write_text("# made\n" + "\n".join([*lines, "f 1 2 3"]), encoding="ascii")
    assert identify_scene(tmp_path / "a.txt") == "mesh"


def test_folders_and_cameras(tmp_path: Path) -> None:
    made: dict[str, SceneKind] = {"job.flythrough": "job", "photos": "capture"}
    for name in made:
        (tmp_path / name).mkdir()
    (tmp_path / "job.flythrough" / "manifest.json").write_text("{}", encoding="utf-8")
    for number in range(3):
        Image.new("RGB", (64, 48), (number, 0, 0)).save(tmp_path / "photos" / f"{number}.jpg")
    (tmp_path / "cameras.json").write_text(json.dumps({"frames": []}), encoding="utf-8")
    made["cameras.json"] = "capture"
    assert {name: identify_scene(tmp_path / name) for name in made} == made
    for name in made:
        with pytest.raises(InputError, match=f"is a {made[name]}; give the scene.ply"):
            open_scene(tmp_path / name)


REFUSED = {
    "nothing": (None, "nothing is there"),
    "empty.ply": (b"", "is empty"),
    "letter.obj": (b"Dear Sir,\n", "is text that begins with 'Dear Sir,"),
    "cloud.ply": (HEADER + b"end_header\n", "is a cloud of 7 points"),
    "void.ply": (b"ply\nformat ascii 1.0\nend_header\n", "with neither points nor faces"),
    "model.zip": (b"PK\3\4" + bytes(60), "is an archive"),
    "path.json": (b'{"format": "flythrough-path"}', "is a camera path"),
    "report.json": (b'{"format": "flythrough report"}', "is a report"),
    "other.json": (b'{"a": 1}', "is JSON of some other kind"),
    "half.json": (b'{"a": ', "cannot be parsed"),
    "cut.stl": (mesh_bytes("stl")[:-9], "promises 12 triangles"),
    "camera.glb": (b"glTF\2\0\0\0" + b"\x22\0\0\0" + b"\x0e\0\0\0JSON" + b'{"cameras":[]}', "is glTF without a mesh"),
    "noise.bin": (np.random.default_rng(0).bytes(4000), "noise.bin"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_no_scene_is_named(tmp_path: Path, name: str) -> None:
    content, said = REFUSED[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
        assert kind_of_scene_file(tmp_path / name) is None
    with pytest.raises(InputError) as caught:
        identify_scene(tmp_path / name)
    assert said in str(caught.value)
    assert name in str(caught.value)


def test_units_are_not_told_of_splats(tmp_path: Path) -> None:
    splats().save(tmp_path / "a.ply")
    with pytest.raises(SettingsError, match=r"units and an up axis .*a\.ply holds splats"):
        open_scene(tmp_path / "a.ply", units="m")
