"""Depth of a mesh: what a ray meets, from either side, also where a triangle passes behind the camera."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plyfile import PlyData, PlyElement

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import nearest_rotation
from render.evaluation_mesh import TriangleMesh, draw_depth_z, read_mesh
from render.evaluation_walk import read_walk

ROOM = Path(__file__).resolve().parents[2] / "examples" / "room"
LENS = Intrinsics(40, 30, 33.0, 35.0, 19.0, 16.0)
SQUARE = np.array([[-50.0, -50, 0], [50, -50, 0], [50, 50, 0], [-50, 50, 0]])
FLOOR = TriangleMesh(SQUARE, np.array([[0, 1, 2], [0, 2, 3]]))


def _floor_depth(camera: Camera) -> np.ndarray:
    """[H, W] depth_z at which rays through pixel centres meet z = 0; 0 where they do not."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = camera.intrinsics.rays(np.stack([x, y], axis=-1)) @ camera.world_from_camera.rotation.T
    with np.errstate(divide="ignore"):
        depth_z = -camera.position_world[2] / rays[..., 2]
    points = camera.position_world + rays * depth_z[..., None]
    return np.where((depth_z > 0) & (np.abs(points[..., :2]) < 50).all(axis=-1), depth_z, 0)


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_a_floor_has_the_depth_of_its_rays_from_anywhere(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pose = Rigid(nearest_rotation(rng.standard_normal((3, 3))), rng.uniform((-5, -5, 0.5), (5, 5, 3)))
    camera = Camera(LENS, pose)
    found, wanted = draw_depth_z(FLOOR, camera), _floor_depth(camera)
    clear = (wanted > 0.1) & (wanted < 30)
    np.testing.assert_allclose(found[clear], wanted[clear], rtol=1e-5)
    # Beside the far edge a pixel may fall to either side.
    assert np.mean((found > 0) != (wanted > 0)) < 0.02


def test_the_nearest_surface_counts_and_the_order_of_corners_does_not() -> None:
    far = SQUARE @ np.diag([0.02, 0.02, 1]) + [0, 0, 5]
    near = SQUARE @ np.diag([0.004, 0.004, 1]) + [0, 0, 2]
    faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    camera = Camera(LENS, Rigid.identity())
    first = draw_depth_z(TriangleMesh(np.concatenate([far, near]), faces), camera)
    other = draw_depth_z(TriangleMesh(np.concatenate([near, far]), faces[:, ::-1]), camera)
    np.testing.assert_allclose(first, other, rtol=1e-6)
    assert set(np.round(np.unique(first), 5)) == {0.0, 2.0, 5.0}
    np.testing.assert_array_equal(draw_depth_z(TriangleMesh(far, faces[:2]), camera, 3).shape, (10, 14))


@pytest.mark.parametrize("step", [2, 3])
def test_steps_take_every_nth_pixel(step: int) -> None:
    camera = Camera(LENS, Rigid(np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), np.array([0.0, 0, 1.5])))
    np.testing.assert_allclose(
        draw_depth_z(FLOOR, camera, step), draw_depth_z(FLOOR, camera)[::step, ::step], rtol=1e-5
    )


def test_the_example_rooms_mesh_has_the_depth_of_its_walk() -> None:
    walk = read_walk(ROOM / "walk" / "walk.json")
    mesh = read_mesh(ROOM / "room.ply")
    image = walk.frames.images[11]
    found, wanted = draw_depth_z(mesh, image.camera, 2), walk.depth_z[image.name]
    known = (wanted > 0) & (found > 0)
    assert np.mean((found > 0) == (wanted > 0)) > 0.999
    assert np.mean(np.abs(found[known] - wanted[known]) < 0.005) > 0.995


def _write(path: Path, faces: list[list[int]]) -> Path:
    vertices = np.array([tuple(row) for row in SQUARE], dtype=[("x", "f8"), ("y", "f8"), ("z", "f8")])
    table = np.empty(len(faces), dtype=[("vertex_indices", object)])
    table["vertex_indices"] = [np.array(face, np.int32) for face in faces]
    elements = [PlyElement.describe(vertices, "vertex"), PlyElement.describe(table, "face")]
    PlyData(elements, text=True).write(str(path))
    return path


def test_polygons_become_triangles(tmp_path: Path) -> None:
    mesh = read_mesh(_write(tmp_path / "quads.ply", [[0, 1, 2, 3], [1, 2, 3]]))
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3], [1, 2, 3]])
    np.testing.assert_array_equal(mesh.vertices_world, SQUARE)


def test_what_is_no_mesh_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file; check --geometry"):
        read_mesh(tmp_path / "mesh.ply")
    (tmp_path / "notes.ply").write_text(json.dumps({}))
    with pytest.raises(InputError, match="cannot be read as a PLY mesh"):
        read_mesh(tmp_path / "notes.ply")
    with pytest.raises(InputError, match="do not make one"):
        read_mesh(_write(tmp_path / "beyond.ply", [[0, 1, 9]]))
