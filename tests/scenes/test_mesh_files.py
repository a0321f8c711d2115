"""Meshes from files: shapes, colours, axes and units, and one sentence on what cannot be read."""

import importlib.util
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.exchange.gltf import export_gltf
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from cameras.conventions import z_up_from_axis_up
from cameras.errors import InputError, MissingExtraError, SettingsError
from render.inspection import inspect
from scenes.meshes import mesh as mesh_module
from scenes.meshes.colors import LIGHT_GREY, linear_from_srgb, srgb_from_linear
from scenes.meshes.scene import MeshScene

SIZE = np.array([1.0, 2.0, 3.0])
FORMATS = ["glb", "obj", "ply", "stl", "stl_ascii", "off", "3mf", "dae"]
TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"
HEADER = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
DAE = """<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><unit name="inch" meter="0.0254"/><up_axis>Z_UP</up_axis></asset>
<library_effects><effect id="e"><profile_COMMON><technique sid="c"><lambert><diffuse><color>1 0.2 0 1</color>
</diffuse></lambert></technique></profile_COMMON></effect></library_effects>
<library_materials><material id="m"><instance_effect url="#e"/></material></library_materials>
<library_geometries><geometry id="g"><mesh><source id="p"><float_array id="pa" count="9">0 0 0 1 0 0 0 1 0</float_array>
<technique_common><accessor source="#pa" count="3" stride="3"><param name="X" type="float"/>
<param name="Y" type="float"/><param name="Z" type="float"/></accessor></technique_common></source>
<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
<triangles count="1" material="M"><input semantic="VERTEX" source="#v" offset="0"/><p>0 1 2</p></triangles>
</mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene id="s"><node id="n"><translate>0 0 5</translate><instance_geometry url="#g">
<bind_material><technique_common><instance_material symbol="M" target="#m"/></technique_common></bind_material>
</instance_geometry></node></visual_scene></library_visual_scenes>
<scene><instance_visual_scene url="#s"/></scene></COLLADA>"""


def exported(geometry: Any, kind: str) -> bytes:
    """The bytes of a file that holds a ``Trimesh``, or a ``Scene`` of them."""
    scene: Any = geometry if isinstance(geometry, trimesh.Scene) else trimesh.Scene(geometry)
    data: Any = (scene if kind in ("glb", "3mf") else geometry).export(file_type=kind)
    return data if isinstance(data, bytes) else data.encode()


def written(path: Path, geometry: Any, kind: str) -> Path:
    path.write_bytes(exported(geometry, kind))
    return path


def box() -> Any:
    return trimesh.creation.box(SIZE)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_holds_the_same_box_under_any_name(tmp_path: Path, kind: str) -> None:
    up_axis = "+y" if kind in ("glb", "dae") else "+z"
    scene = MeshScene.load(written(tmp_path / "box.bin", box(), kind))
    turned = np.abs(z_up_from_axis_up(up_axis).apply(SIZE))
    np.testing.assert_allclose(scene.world.bounds_max - scene.world.bounds_min, turned, rtol=1e-6)
    assert len(scene.mesh.faces) == 12
    assert scene.world.up_known == (kind in ("glb", "dae", "3mf"))
    assert scene.world.metres_per_unit == {"glb": 1.0, "dae": 1.0, "3mf": 0.001}.get(kind)


def test_gltf_with_its_buffer_beside_it(tmp_path: Path) -> None:
    for name, data in export_gltf(trimesh.Scene(box())).items():
        (tmp_path / name).write_bytes(data)
    assert len(MeshScene.load(tmp_path / "model.gltf").mesh.faces) == 12


def test_collada_says_its_unit_its_axis_and_its_places(tmp_path: Path) -> None:
    (tmp_path / "a.dae").write_text(DAE, encoding="utf-8")
    scene = MeshScene.load(tmp_path / "a.dae")
    assert (scene.world.metres_per_unit, scene.world.up_known) == (0.0254, True)
    np.testing.assert_allclose(scene.mesh.vertices_world, [[0, 0, 5], [1, 0, 5], [0, 1, 5]])
    assert scene.mesh.face_colors.tolist() == [[255, 51, 0]]


@pytest.mark.parametrize("up_axis", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_the_axis_that_is_told_becomes_z(tmp_path: Path, up_axis: str) -> None:
    pole = box()
    pole.apply_translation(10 * z_up_from_axis_up(up_axis).rotation.T[:, 2])
    scene = MeshScene.load(written(tmp_path / "a.stl", pole, "stl"), up_axis=up_axis)
    middle = 0.5 * (scene.world.bounds_min + scene.world.bounds_max)
    np.testing.assert_allclose(middle, [0, 0, 10], atol=1e-5)
    assert scene.world.up_known


@pytest.mark.parametrize(("units", "metres"), [("mm", 0.001), ("cm", 0.01), ("m", 1), ("ft", 0.3048), ("in", 0.0254)])
def test_the_unit_that_is_told_counts_and_moves_nothing(tmp_path: Path, units: str, metres: float) -> None:
    file = written(tmp_path / "a.glb", box(), "glb")
    told, known = MeshScene.load(file, units=units), MeshScene.load(file)
    assert told.world.metres_per_unit == metres
    np.testing.assert_array_equal(told.mesh.vertices_world, known.mesh.vertices_world)


def test_each_copy_in_a_scene_stands_in_its_place(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    part = box()
    for x in (0.0, 10.0):
        scene.add_geometry(part, geom_name="part", transform=trimesh.transformations.translation_matrix((x, 0, 0)))
    loaded = MeshScene.load(written(tmp_path / "a.glb", scene, "glb"))
    assert len(loaded.mesh.faces) == 24
    np.testing.assert_allclose(loaded.world.bounds_max - loaded.world.bounds_min, (11, 3, 2), rtol=1e-6)


def test_large_polygons_become_triangles(tmp_path: Path) -> None:
    corners = "0 0 0\n2 0 0\n2 1 0\n1 2 0\n0 1 0\n"
    face = "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    (tmp_path / "a.ply").write_text(HEADER.replace("x 3", "x 5") + face + corners + "5 0 1 2 3 4\n", encoding="ascii")
    mesh = MeshScene.load(tmp_path / "a.ply").mesh
    a, b, c = (mesh.vertices_world[mesh.faces[:, k]] for k in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(3.0)


def test_a_scan_far_from_the_origin_keeps_its_shape(tmp_path: Path) -> None:
    far = box()
    far.apply_translation((4.5e5, 5.3e6, 30.0))
    scene = MeshScene.load(written(tmp_path / "a.ply", far, "obj"))
    np.testing.assert_allclose(scene.world.bounds_max - scene.world.bounds_min, SIZE, atol=1e-6)


def test_display_and_linear_colours_are_inverses() -> None:
    values = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(srgb_from_linear(linear_from_srgb(values)), values, atol=1e-6)


def test_colours_of_faces_corners_and_materials(tmp_path: Path) -> None:
    faces, corners, plain = box(), box(), box()
    faces.visual.face_colors = np.arange(48).reshape(12, 4) * 5 % 256
    corners.visual.vertex_colors = [200, 100, 50, 255]
    told = {name: MeshScene.load(written(tmp_path / f"{name}.ply", m, "ply")) for name, m in
            {"faces": faces, "corners": corners, "plain": plain}.items()}  # fmt: skip
    np.testing.assert_array_equal(told["faces"].mesh.face_colors, faces.visual.face_colors[:, :3])
    assert (told["corners"].mesh.face_colors == (200, 100, 50)).all()
    assert (told["plain"].mesh.face_colors == LIGHT_GREY).all()
    (tmp_path / "m.mtl").write_text("newmtl red\nKd 0.8 0.1 0.1\nnewmtl plain\nillum 2\n", encoding="ascii")
    lines = f"mtllib m.mtl\n{TRIANGLE}v 1 1 0\nusemtl red\nf 1 2 3\nusemtl plain\nf 2 4 3\n"
    (tmp_path / "m.obj").write_text(lines, encoding="ascii")
    assert sorted(MeshScene.load(tmp_path / "m.obj").mesh.face_colors.tolist()) == sorted(
        [[204, 26, 26], list(LIGHT_GREY)]
    )


def test_factors_and_pictures_of_gltf_materials(tmp_path: Path) -> None:
    factor = box()
    factor.visual = TextureVisuals(uv=np.zeros((8, 2)), material=PBRMaterial(baseColorFactor=[128, 255, 0, 255]))
    colors = MeshScene.load(written(tmp_path / "factor.glb", factor, "glb")).mesh.face_colors
    assert np.abs(colors - [188, 255, 0]).max() <= 1  # linear 0.5 is 188 on a display
    half = np.zeros((8, 8, 3), np.uint8)
    half[:, :4] = (10, 200, 30)
    quad = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)
    for u, wanted in ((0.1, (10, 200, 30)), (0.6, (0, 0, 0))):
        uv = np.array([[u, 0.1], [u + 0.3, 0.1], [u, 0.9]])
        quad.visual = TextureVisuals(uv=uv, material=PBRMaterial(baseColorTexture=Image.fromarray(half)))
        colors = MeshScene.load(written(tmp_path / "picture.glb", quad, "glb")).mesh.face_colors
        assert colors.tolist() == [list(wanted)]


@pytest.mark.parametrize("up_known", [True, False])
def test_what_is_saved_is_read_back(tmp_path: Path, up_known: bool) -> None:
    painted = box()
    painted.visual.face_colors = np.arange(48).reshape(12, 4)
    file = written(tmp_path / "a.ply", painted, "ply")
    scene = MeshScene.load(file, up_axis="-x" if up_known else None, units="ft")
    scene.save(tmp_path / "b.ply")
    again = MeshScene.load(tmp_path / "b.ply")
    np.testing.assert_array_equal(again.mesh.vertices_world, scene.mesh.vertices_world)
    np.testing.assert_array_equal(again.mesh.faces, scene.mesh.faces)
    np.testing.assert_array_equal(again.mesh.face_colors, scene.mesh.face_colors)
    assert (again.world.metres_per_unit, again.world.up_known) == (0.3048, up_known)
    assert again.provenance == scene.provenance
    again.save(tmp_path / "c.ply")
    assert (tmp_path / "b.ply").read_bytes() == (tmp_path / "c.ply").read_bytes()


def broken_files() -> dict[str, tuple[bytes, str]]:
    """Names, contents, and what is said of them."""
    glb, stl, ply = (exported(box(), kind) for kind in ("glb", "stl", "ply"))
    face = "element face 60000000\nproperty list uchar int vertex_indices\nend_header\n"
    gltf = {"asset": {"version": "2.0"}, "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}]}
    return {
        "empty.stl": (b"", "is empty"),
        "text.obj": (b"Dear Sir,\nthe model follows.\n", "none of them"),
        "cut.stl": (stl[:-10], "promises 12 triangles"),
        "cut.glb": (glb[:-100], "format glb, but it is cut off"),
        "cut.ply": (ply[:-30], "format ply, but it is cut off"),
        "old.glb": (b"glTF" + struct.pack("<II", 1, 20) + bytes(8), "export it again as glTF 2.0"),
        "cloud.ply": ((HEADER + "end_header\n0 0 0\n1 1 1\n2 2 2\n").encode(), "has no faces"),
        "huge.ply": ((HEADER + face).encode(), "at most 50,000,000 triangles"),
        "nan.obj": (b"v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "1 of 3 are not"),
        "far.obj": (b"v 0 0 1e30\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "1 of 3 are not"),
        "line.obj": (b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "none of its 1 has an area"),
        "index.obj": ((TRIANGLE + "f 1 2 9\n").encode(), "format obj, but it is cut off"),
        "faceless.off": (b"OFF\n3 0 0\n0 0 0\n1 0 0\n0 1 0\n", "format off, but it is cut off"),
        "open.stl": (b"solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\n", "none of its 0 has an area"),
        "missing.gltf": (json.dumps(gltf).encode(), "format gltf, but it is cut off"),
        "hollow.dae": (b"<?xml version='1.0'?><COLLADA></COLLADA>", "format dae, but it is cut off"),
        "note.ply": (b"ply\nformat ascii 1.0\ncomment flythrough {\nelement face 1\nend_header\n", "broken 'comment"),
    }


@pytest.mark.parametrize("name", list(broken_files()))
def test_a_broken_file_ends_in_one_sentence_that_names_it(tmp_path: Path, name: str) -> None:
    content, said = broken_files()[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        MeshScene.load(tmp_path / name)
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_no_mesh(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        MeshScene.load(tmp_path / "nowhere.glb")
    with pytest.raises(InputError, match="is a folder"):
        MeshScene.load(tmp_path)


def test_copies_count_as_triangles_before_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = trimesh.Scene()
    part = box()
    for k in range(5):
        scene.add_geometry(part, geom_name="part", transform=trimesh.transformations.translation_matrix((k, 0, 0)))
    file = written(tmp_path / "a.glb", scene, "glb")
    monkeypatch.setattr(mesh_module, "MOST_FACES", 59)
    with pytest.raises(InputError, match=r"at most 59 triangles .* but it has 60"):
        MeshScene.load(file)


@pytest.mark.parametrize(("kind", "package"), [("stl", "trimesh"), ("3mf", "lxml"), ("dae", "collada")])
def test_a_missing_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, package: str
) -> None:
    file = written(tmp_path / "a", box(), kind)
    found: Callable[..., object] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else found(name))
    with pytest.raises(MissingExtraError, match=rf"needs {package}, .*flythrough\[mesh\]"):
        MeshScene.load(file)


@pytest.mark.parametrize("options", [{"units": "yd"}, {"up_axis": "z"}])
def test_units_and_axes_have_names(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(options.values()))):
        MeshScene.load(tmp_path / "a.stl", **options)


def test_info_says_what_a_mesh_holds(tmp_path: Path) -> None:
    facts = inspect(written(tmp_path / "a.dat", box(), "3mf"))
    assert (facts["kind"], facts["format"], facts["triangles"]) == ("mesh", "3mf", 12)
    assert (facts["metres_per_unit"], facts["up_axis"]) == (0.001, "+z")
    assert facts["bounds_max"] == [0.5, 1.0, 1.5]
