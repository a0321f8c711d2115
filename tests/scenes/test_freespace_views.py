"""Free space from depth, against the same space exactly from the mesh that was drawn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.errors import InputError, SettingsError
from cameras.freespace import FREE, OCCUPIED
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import look_rotation
from scenes.captures.capture import Capture, CaptureImage, SparsePoints
from scenes.freespace import ScaleWish, survey_capture
from scenes.freespace_mesh import free_space_of_mesh
from scenes.freespace_views import depth_views, free_space_of_views
from scenes.meshes.mesh import checked_mesh
from scenes.meshes.rooms import one_room
from scenes.meshes.scene import MeshScene
from scenes.scale import KnownLength, metres_per_unit_from, parse_known_length, parse_metres
from scenes.scene import World

pytest.importorskip("trimesh")
UNIT = 0.7  # metres
HEIGHT_M = 1.6


def room() -> tuple[MeshScene, np.ndarray, np.ndarray]:
    made = one_room(seed=1)
    vertices, faces = made[0] / UNIT, made[1]
    mesh = checked_mesh(Path("room"), vertices, faces, np.full((len(faces), 3), 200, np.uint8))
    return MeshScene(mesh, World(*mesh.bounds, up_known=True)), vertices, faces


SCENE, VERTICES, FACES = room()


def photographers() -> list[Camera]:
    """Eight directions at six places in the middle of the room, some tilted down, from 1.6 m."""
    lens = Intrinsics.from_fov(240, 180, 1.2)
    found: list[Camera] = []
    for x in (1.6, 2.5, 3.4):
        for y in (1.6, 2.4):
            for k in range(8):
                forward = (np.cos(k * np.pi / 4), np.sin(k * np.pi / 4), -0.5 * (k % 2))
                found.append(Camera(lens, Rigid(look_rotation(forward, (0, 0, 1)), np.array([x, y, HEIGHT_M]) / UNIT)))
    return found


def capture(cameras: list[Camera]) -> Capture:
    images = tuple(CaptureImage(f"{i:02}.jpg", Path(f"{i:02}.jpg"), camera) for i, camera in enumerate(cameras))
    return Capture(images, SparsePoints.empty(), SCENE.world, {})


CAPTURE = capture(photographers())


def test_fused_depth_finds_the_surfaces_and_the_room_that_the_mesh_has() -> None:
    views = depth_views(SCENE, photographers())
    space = free_space_of_views(views, metres_per_unit=UNIT)
    exact = free_space_of_mesh(VERTICES, FACES, voxel=space.voxel, metres_per_unit=UNIT)
    assert np.median(np.abs(exact.clearance(space.surface_world.astype(np.float64)))) < 0.5 * space.voxel
    places = space.centres_world(space.cells == FREE)
    assert (space.clearance(places) <= exact.clearance(places) + 1.5 * space.voxel).mean() > 0.995
    seen = exact.distance[exact.cells == FREE] > 3 * exact.voxel
    inside = exact.centres_world(exact.cells == FREE)[seen]
    assert (space.clearance(inside) > 0).mean() > 0.75  # the rest is behind furniture and over the cameras
    assert (space.cells == OCCUPIED).any()


def test_the_scale_is_that_of_the_photographers_height_within_three_percent() -> None:
    told = survey_capture(SCENE, CAPTURE, ScaleWish(camera_height_m=HEIGHT_M))
    assert told.space.metres_per_unit == pytest.approx(UNIT, rel=0.03)
    assert not told.scale_is_assumed
    assumed = survey_capture(SCENE, CAPTURE)
    assert assumed.scale_is_assumed
    assert assumed.space.metres_per_unit == pytest.approx(UNIT * 1.5 / HEIGHT_M, rel=0.03)
    assert "1.5 m" in assumed.scale_from


def test_two_points_of_a_known_distance_give_the_scale() -> None:
    camera = CAPTURE.images[0].camera  # level, at the wall x = 5 m
    corners = np.array([[5.0, 1.0, 1.2], [5.0, 2.4, 1.9]]) / UNIT
    (first, second), _ = camera.project(corners)
    known = KnownLength("00.jpg", (first[0], first[1]), (second[0], second[1]), float(np.hypot(1.4, 0.7)))
    assert metres_per_unit_from(known, SCENE, CAPTURE) == pytest.approx(UNIT, rel=0.03)
    surveyed = survey_capture(SCENE, CAPTURE, ScaleWish(known_length=known))
    assert surveyed.space.metres_per_unit == pytest.approx(UNIT, rel=0.03)
    assert surveyed.scale_from == "two points in 00.jpg"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"photo": "99.jpg"}, "should name a photo of the capture, but none is called 99.jpg"),
        ({"first_px": (900.0, 10.0)}, r"which has 240x180 pixels, but \(900, 10\) is outside it"),
        ({"second_px": (20.0, 20.0)}, "should give two points, but both are one"),
    ],
)
def test_points_that_give_no_scale_are_refused(change: dict[str, object], message: str) -> None:
    known = replace(KnownLength("00.jpg", (20.0, 20.0), (100.0, 90.0), 1.0), **change)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=message):
        metres_per_unit_from(known, SCENE, CAPTURE)


def test_photos_without_a_floor_give_no_scale() -> None:
    lens = Intrinsics.from_fov(120, 40, 0.3)
    level = [
        Camera(lens, Rigid(look_rotation((1, y, 0), (0, 0, 1)), np.array([2.5, 2, 1.6]) / UNIT)) for y in (-1, 0, 1)
    ]
    with pytest.raises(InputError, match=r"the photos show no floor; give a known distance with --scale-from"):
        survey_capture(SCENE, capture(level))


def test_a_scene_that_shows_nothing_and_one_without_up_are_refused() -> None:
    away = [Camera(c.intrinsics, Rigid(c.world_from_camera.rotation, np.array([500.0, 0, 0]))) for c in photographers()]
    with pytest.raises(InputError, match="hardly anything opaque"):
        survey_capture(SCENE, capture(away))
    askew = replace(CAPTURE, world=replace(CAPTURE.world, up_known=False))
    with pytest.raises(SettingsError, match="know which way is up"):
        survey_capture(SCENE, askew)


def test_lengths_and_scales_are_read_as_people_write_them() -> None:
    assert parse_metres("1.5m", "--x") == 1.5
    assert parse_metres("150 cm", "--x") == pytest.approx(1.5)
    assert parse_metres("5ft", "--x") == pytest.approx(1.524)
    found = parse_known_length("photos/my room.jpg 410,300 415.5,720 2.03m")
    assert found == KnownLength("photos/my room.jpg", (410.0, 300.0), (415.5, 720.0), 2.03)
    for text in ("1.5", "m", "-1m", "0m", "1.5 yd", "nanm"):
        with pytest.raises(SettingsError, match="--x should be a length with its unit"):
            parse_metres(text, "--x")
    for text in ("a.jpg 1,2 3,4", "a.jpg 1,2 3 2m", "1,2 3,4 2m", "a.jpg 1.2.3,2 3,4 2m"):
        with pytest.raises(SettingsError, match="--scale-from should be"):
            parse_known_length(text)
    with pytest.raises(SettingsError, match="the scale should be given once"):
        ScaleWish(found, 1.5)
