"""Pictures of meshes: what a ray meets, from either side, and how much of a pixel it fills."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.distortion import BrownConrady
from cameras.errors import MissingExtraError, SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import nearest_rotation
from render.evaluation_mesh import TriangleMesh, draw_depth_z
from scenes.meshes import draw
from scenes.meshes.colors import linear_from_srgb
from scenes.meshes.mesh import checked_mesh
from scenes.meshes.rooms import one_room, quad
from scenes.meshes.scene import MeshScene
from scenes.scene import Scene, View, World

ALL = ("rgb", "depth_z", "normals")
LENS = Intrinsics(64, 48, 50.0, 52.0, 31.0, 25.0)
seeds = st.integers(0, 2**32 - 1)


def scene_of(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], color: tuple[int, ...] = (255, 255, 255)
) -> MeshScene:
    mesh = checked_mesh(Path("made"), vertices, faces, np.tile(np.array(color, np.uint8), (len(faces), 1)))
    return MeshScene(mesh, World(*mesh.bounds))


def camera_of(rng: np.random.Generator, low: tuple[float, ...], high: tuple[float, ...]) -> Camera:
    return Camera(LENS, Rigid(nearest_rotation(rng.standard_normal((3, 3))), rng.uniform(low, high)))


def in_the_room(seed: int) -> tuple[MeshScene, Camera]:
    return scene_of(*one_room(5)), camera_of(np.random.default_rng(seed), (2, 1.5, 1.2), (3, 2.5, 2.2))


@given(seeds)
@settings(max_examples=20)
def test_depth_is_that_of_another_engine(seed: int) -> None:
    scene, camera = in_the_room(seed)
    other = draw_depth_z(TriangleMesh(scene.mesh.vertices_world, scene.mesh.faces.astype(np.int64)), camera)
    depth_z = scene.view(camera, ("depth_z",)).depth_z
    close = np.isclose(depth_z, other, rtol=1e-5)
    # On the very edge between two triangles the engines may differ.
    assert close.mean() > 0.999


@given(seeds)
@settings(max_examples=20)
def test_normals_are_those_of_the_surface_and_face_the_camera(seed: int) -> None:
    scene, camera = in_the_room(seed)
    view = scene.view(camera, ALL)
    normals, seen = view.passes["normals"], view.depth_z > 0
    x, y = np.meshgrid(np.arange(LENS.width) + 0.5, np.arange(LENS.height) + 0.5)
    rays = LENS.rays(np.stack([x, y], axis=-1)) @ camera.world_from_camera.rotation.T
    assert (np.sum(normals * rays, axis=-1)[seen] < 0).all()
    # All that is in this room is square to an axis.
    np.testing.assert_allclose(np.abs(normals[seen]).max(axis=-1), 1, atol=1e-6)
    assert (normals[~seen] == 0).all()


@given(seeds)
@settings(max_examples=10)
def test_front_and_back_look_alike(seed: int) -> None:
    scene, camera = in_the_room(seed)
    turned = scene_of(scene.mesh.vertices_world, scene.mesh.faces[:, ::-1].astype(np.int64))
    np.testing.assert_allclose(turned.view(camera).rgb, scene.view(camera).rgb, atol=1e-3)


@given(seeds)
@settings(max_examples=10)
def test_far_from_the_origin_a_room_looks_the_same(seed: int) -> None:
    scene, camera = in_the_room(seed)
    far = np.array([4.5e5, 5.3e6, 100.0])
    moved = scene_of(scene.mesh.vertices_world + far, scene.mesh.faces.astype(np.int64))
    pose = replace(camera.world_from_camera, translation=camera.position_world + far)
    a, b = scene.view(camera, ALL), moved.view(replace(camera, world_from_camera=pose), ALL)
    assert np.isclose(a.depth_z, b.depth_z, rtol=1e-5).mean() > 0.999
    assert np.abs(a.rgb - b.rgb).mean() < 1e-3


def looking_down(x: float = 0.0, y: float = 0.0, turn_rad: float = 0.0) -> Camera:
    c, s = np.cos(turn_rad), np.sin(turn_rad)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    return Camera(
        Intrinsics(64, 48, 40.0, 40.0, 32.0, 24.0), Rigid(turn @ np.diag([1.0, -1, -1]), np.array([x, y, 2.0]))
    )


@given(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(0.05, 1.5))
def test_alpha_adds_up_to_the_area_in_pixels(x: float, y: float, turn_rad: float) -> None:
    side = 0.9
    scene = scene_of(*quad((-side / 2, -side / 2, 0), (side, 0, 0), (0, side, 0)))
    alpha = scene.view(looking_down(x, y, turn_rad)).alpha
    assert set(np.unique(alpha)) <= {0, 0.25, 0.5, 0.75, 1}
    assert alpha.sum() == pytest.approx((side * 20) ** 2, rel=0.02)


def test_a_line_thinner_than_a_pixel_is_not_lost_in_part() -> None:
    thin = 0.4 / 20
    scene = scene_of(*quad((-1, -0.31, 0), (2, 0.5, 0), (0, thin, 0)))
    columns = scene.view(looking_down()).alpha[:, 14:50].sum(axis=0)
    assert columns.mean() == pytest.approx(0.4, rel=0.1)
    assert columns.min() > 0


def test_colours_are_premultiplied_and_light_does_not_tint_them() -> None:
    vertices, faces = one_room(6, without="Z")
    camera = Camera(LENS, Rigid(np.array([[1.0, 0, 0], [0, 0.6, 0.8], [0, -0.8, 0.6]]), np.array([2.5, 1.0, 1.5])))
    white = scene_of(vertices, faces).view(camera)
    color = np.array([200, 100, 50])
    tinted = scene_of(vertices, faces, tuple(color)).view(camera)
    assert 0.1 < white.alpha.mean() < 0.95
    assert (white.rgb[white.alpha == 0] == 0).all()
    assert (white.rgb <= white.alpha[..., None] + 1e-6).all()
    full = white.alpha == 1
    share = linear_from_srgb(tinted.rgb[full]) / linear_from_srgb(white.rgb[full])
    np.testing.assert_allclose(share, np.broadcast_to(linear_from_srgb(color / 255), share.shape), rtol=1e-3)


def test_walls_of_a_corner_can_be_told_apart() -> None:
    scene = scene_of(*one_room(0, pieces=1))
    pose = nearest_rotation(np.array([[1, 0, 1], [-1, 0, 1], [0, -1, 0]]) / [np.sqrt(2), 1, np.sqrt(2)])
    view = scene.view(Camera(LENS, Rigid(pose, np.array([3.0, 2.0, 1.5]))), ALL)
    sides = [view.rgb[np.abs(view.passes["normals"] - n).max(axis=-1) < 1e-3].mean() for n in np.eye(3) * (-1, -1, 1)]
    assert min(abs(a - b) for k, a in enumerate(sides) for b in sides[:k]) > 0.02


def test_tiles_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, camera = in_the_room(1)
    whole = scene.view(camera, ALL)
    monkeypatch.setattr(draw, "_MOST_RAYS", 101)
    tiled = scene.view(camera, ALL)
    for a, b in ((whole.rgb, tiled.rgb), (whole.alpha, tiled.alpha), (whole.depth_z, tiled.depth_z)):
        np.testing.assert_array_equal(a, b)


def test_it_is_a_scene() -> None:
    scene: Scene
    scene, camera = in_the_room(2)
    other = in_the_room(3)[1]
    views = list(scene.views([camera, other], ("depth_z",)))
    assert all(isinstance(view, View) and set(view.passes) == {"depth_z"} for view in views)
    np.testing.assert_array_equal(views[1].rgb, scene.view(other).rgb)
    np.testing.assert_array_equal(scene.world.bounds_max, (5, 4, 2.6))


def test_what_is_not_offered_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, camera = in_the_room(0)
    with pytest.raises(SettingsError, match="Meshes have the passes rgb, depth_z, normals, but coverage"):
        scene.view(camera, ("coverage",))
    bent = replace(LENS, distortion=BrownConrady(k1=0.1))
    with pytest.raises(SettingsError, match="ideal pinhole"):
        scene.view(replace(camera, intrinsics=bent))
    found: Callable[..., object] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "embreex" else found(name))
    with pytest.raises(MissingExtraError, match=r"needs embreex, .*flythrough\[mesh\]"):
        scene.view(camera)
