import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.arrays import Floats
from cameras.camera import Camera
from cameras.conventions import opencv_from_opengl_pose, z_up_from_y_up
from cameras.errors import SettingsError
from cameras.intrinsics import Intrinsics
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import angle_rad, look_rotation, nearest_rotation
from cameras.walk import EXTENT_PER_S, SPEED_M_S, TURN_RATE_RAD_S, plan_walk
from cameras.walk_figures import measure_walk, without_strays

PHOTO = Intrinsics.from_fov(640, 480, 0.9)
FILM = Intrinsics.from_fov(1280, 720, 0.8)
UP = np.array([0.0, 0.0, 1.0])
NOTHING = np.zeros((0, 3))


def looking(position: Floats, forward: Floats) -> Camera:
    return Camera(PHOTO, Rigid(look_rotation(forward, UP), position))


def orbit(rng: np.random.Generator) -> list[Camera]:
    phi = rng.permutation(40) * 2 * math.pi / 40
    places = np.stack([3 * np.cos(phi), 3 * np.sin(phi), 1.3 + 0.1 * rng.normal(size=40)], axis=1)
    return [looking(place, (0, 0, 0.8) - place) for place in places]


def room(rng: np.random.Generator) -> list[Camera]:
    """Handfuls of photos from standpoints on a jittered grid, looking everywhere."""
    cameras: list[Camera] = []
    for x, y in np.ndindex(4, 6):
        place = np.array([x * 0.8, y * 0.8, 1.4]) + 0.1 * rng.normal(size=3)
        for phi in rng.uniform(0, 2 * math.pi) + np.arange(3) * 2.1 + 0.3 * rng.normal(size=3):
            forward = np.array([math.cos(phi), math.sin(phi), -0.1])
            cameras.append(looking(place + 0.05 * rng.normal(size=3), forward))
    return [cameras[i] for i in rng.permutation(len(cameras))]


def line(rng: np.random.Generator) -> list[Camera]:
    return [looking(np.array([0.2 * i, 0, 1.5]), np.array([1.0, 0.2, 0])) for i in rng.permutation(30)]


def few(rng: np.random.Generator) -> list[Camera]:
    return [looking(np.array([0.5 * i, 0.1 * i * i, 1.5]), np.array([0.2 * i, 1.0, 0])) for i in range(3)]


def two(rng: np.random.Generator) -> list[Camera]:
    return [looking(np.array([0.5 * i, 0, 1.5]), np.array([0.2 * i, 1.0, 0])) for i in range(2)]


def panorama(rng: np.random.Generator) -> list[Camera]:
    phi = rng.permutation(24) * 2 * math.pi / 24
    return [looking(np.array([1.0, 2, 1.5]), np.array([math.cos(a), math.sin(a), 0])) for a in phi]


CAPTURES = [orbit, room, line, few, two]


def walked(*args: Any, **kwargs: Any) -> CameraPath:
    return plan_walk(*args, **kwargs).shots[0].path


def moments(path: CameraPath) -> Floats:
    return np.linspace(0, path.duration_s, 30 * round(path.duration_s) + 1)


def assert_comfortable(path: CameraPath, speed: float) -> None:
    t = moments(path)
    positions, rotations = path.positions_world(t), path.rotations(t)
    step = float(t[1])
    velocity = np.diff(positions, axis=0) / step
    assert np.linalg.norm(velocity, axis=1).max() <= speed * 1.001
    assert float(angle_rad(rotations[1:], rotations[:-1]).max()) / step <= TURN_RATE_RAD_S
    cruise = np.linalg.norm(velocity[(t[:-1] > path.ease_s) & (t[1:] < path.duration_s - path.ease_s)], axis=1)
    assert np.ptp(cruise) <= 0.02 * cruise.mean() + 1e-12
    assert np.linalg.norm(velocity[[0, -1]], axis=1).max() < 0.02 * speed + 1e-12


def assert_level(path: CameraPath, up: Floats) -> None:
    rotations = path.rotations(moments(path))
    np.testing.assert_allclose(rotations[:, :, 0] @ up, 0, atol=1e-12)
    assert (-rotations[:, :, 1] @ up > 0.2).all()


@pytest.mark.parametrize("capture", CAPTURES)
@pytest.mark.parametrize("seed", range(3))
def test_a_walk_is_comfortable_level_and_near_the_photos(
    capture: Callable[[np.random.Generator], list[Camera]], seed: int
) -> None:
    cameras = capture(np.random.default_rng(seed))
    walk = plan_walk(cameras, NOTHING, seconds=8, up_known=True, film_intrinsics=FILM, metres_per_unit=1.0, seed=seed)
    path = walk.shots[0].path
    assert_comfortable(path, SPEED_M_S)
    assert_level(path, UP)
    figures = measure_walk(path, cameras, NOTHING)
    assert figures.worst_distance <= 1.01 * figures.distance_bound
    assert figures.worst_angle_rad <= 1.01 * figures.angle_bound_rad
    assert figures.length > 0.2 * SPEED_M_S
    assert walk.note["figures"] == figures.as_note()
    assert len(walk.cameras(25, 64, 48)) == 200


def test_a_plan_is_repeatable_and_comfortable_in_any_order_of_the_photos() -> None:
    cameras = room(np.random.default_rng(0))
    plans = [
        walked(c, NOTHING, seconds=8, up_known=True, film_intrinsics=FILM) for c in (cameras, cameras, cameras[::-1])
    ]
    assert plans[0] == plans[1]
    extent = np.linalg.norm(np.ptp([camera.position_world for camera in cameras], axis=0))
    for plan in plans:
        assert_comfortable(plan, EXTENT_PER_S * float(extent))


def test_an_orbit_stays_on_its_circle_and_looks_at_the_thing() -> None:
    path = walked(orbit(np.random.default_rng(1)), NOTHING, seconds=12, up_known=True, film_intrinsics=FILM)
    t = moments(path)
    positions, forwards = path.positions_world(t), path.rotations(t)[..., 2]
    radius = np.linalg.norm(positions[:, :2], axis=1)
    assert 2.7 < radius.min() < radius.max() < 3.1
    assert (np.sum(-positions[:, :2] / radius[:, None] * forwards[:, :2], axis=1) > 0.95).all()
    assert path.length > 4


def test_a_panorama_gives_a_slow_pan_on_the_spot() -> None:
    path = walked(panorama(np.random.default_rng(0)), NOTHING, seconds=10, up_known=True, film_intrinsics=FILM)
    t = moments(path)
    rotations = path.rotations(t)
    np.testing.assert_allclose(path.positions_world(t), [[1, 2, 1.5]] * len(t), atol=1e-9)
    assert float(angle_rad(rotations[1:], rotations[:-1]).max()) / float(t[1]) <= TURN_RATE_RAD_S
    assert float(angle_rad(rotations[1:], rotations[:-1]).sum()) > 1.0
    assert_level(path, UP)


def test_a_single_photo_gives_a_still() -> None:
    camera = looking(np.array([1.0, 2, 3]), np.array([1.0, 1, 0]))
    path = walked([camera], NOTHING, seconds=3, up_known=True, film_intrinsics=FILM)
    np.testing.assert_allclose(path.positions_world(moments(path)), [[1, 2, 3]] * 91, atol=1e-12)


def test_an_unknown_up_is_taken_from_the_photos() -> None:
    turn = Rigid(nearest_rotation(np.random.default_rng(4).normal(size=(3, 3))), np.zeros(3))
    cameras = [Camera(PHOTO, turn @ camera.world_from_camera) for camera in line(np.random.default_rng(0))]
    path = walked(cameras, NOTHING, seconds=8, up_known=False, film_intrinsics=FILM)
    assert_level(path, turn.rotation @ UP)


def test_a_walk_keeps_clear_of_things_beside_the_photos() -> None:
    rng = np.random.default_rng(0)
    cameras = [looking(np.array([0.2 * i, 0.3 * rng.normal(), 1.5]), np.array([1.0, 0, 0])) for i in range(30)]
    wall = np.stack([rng.uniform(-1, 7, 3000), 1.0 + 0.01 * rng.normal(size=3000), rng.uniform(0, 3, 3000)], axis=1)
    path = walked(cameras, wall, seconds=8, up_known=True, film_intrinsics=FILM, metres_per_unit=1.0)
    clearance = measure_walk(path, cameras, wall).smallest_clearance
    assert clearance is not None
    assert clearance > 0.35
    assert_comfortable(path, SPEED_M_S)


def test_stray_points_are_left_out() -> None:
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(500, 3))
    stray = np.array([[50.0, 0, 0], [0, -80, 3], [np.nan, 0, 0]])
    kept = without_strays(np.concatenate([cloud, stray]))
    assert np.abs(kept).max() < 10
    assert len(kept) > 450
    assert without_strays(NOTHING).shape == (0, 3)


@pytest.mark.parametrize("name", ["white-room", "fox"])
def test_real_captures(name: str, shared_data: Path) -> None:
    content = json.loads((shared_data / name / "transforms.json").read_text())
    cameras: list[Camera] = []
    for frame in content["frames"]:
        matrix = np.array(frame["transform_matrix"])
        pose = opencv_from_opengl_pose(Rigid(nearest_rotation(matrix[:3, :3]), matrix[:3, 3]))
        cameras.append(Camera(PHOTO, z_up_from_y_up() @ pose if name == "white-room" else pose))
    metric = name == "white-room"
    path = walked(
        cameras, NOTHING, seconds=12, up_known=metric, film_intrinsics=FILM, metres_per_unit=1.0 if metric else None
    )
    figures = measure_walk(path, cameras, NOTHING)
    assert figures.worst_distance <= figures.distance_bound
    assert figures.worst_angle_rad <= figures.angle_bound_rad
    assert figures.max_turn_rate_rad_s <= TURN_RATE_RAD_S
    assert figures.length > 3.0
    if metric:
        assert_comfortable(path, SPEED_M_S)


def test_nonsense_is_refused() -> None:
    with pytest.raises(SettingsError, match="positive length"):
        plan_walk(few(np.random.default_rng(0)), NOTHING, seconds=0, up_known=True, film_intrinsics=FILM)
    with pytest.raises(SettingsError, match="at least one posed photo"):
        plan_walk([], NOTHING, seconds=5, up_known=True, film_intrinsics=FILM)
