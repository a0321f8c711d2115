"""Up is found from cameras alone, whichever way the world is turned."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.captures.gravity import estimate_up

LENS = Intrinsics.from_fov(64, 48, 1.0)


def handheld(rng: np.random.Generator, n: int, roll_deg: float, yaw_range: float = np.pi) -> list[Camera]:
    """Cameras held level up to ``roll_deg``, up along +z, tilted up and down by up to 30 degrees."""
    cameras: list[Camera] = []
    for _ in range(n):
        yaw, pitch = rng.uniform(-yaw_range, yaw_range), rng.uniform(-0.5, 0.5)
        roll = np.radians(roll_deg) * rng.normal()
        forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
        right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
        down = np.cross(forward, right)
        turned = np.cos(roll) * right + np.sin(roll) * down
        cameras.append(
            Camera(LENS, Rigid(np.column_stack([turned, np.cross(forward, turned), forward]), rng.normal(size=3)))
        )
    return cameras


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_up_of_handheld_cameras_turns_with_the_world(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotation = random_rotation(rng)
    turn = Rigid(rotation, rng.normal(size=3))
    cameras = [Camera(c.intrinsics, turn @ c.world_from_camera) for c in handheld(rng, 30, 1.5)]
    up, confidence = estimate_up(cameras, np.zeros((0, 3)))
    assert angle_deg(up, rotation[:, 2]) < 2
    assert confidence > 0.5


def test_a_few_crooked_photos_do_not_tilt_the_world() -> None:
    rng = np.random.default_rng(0)
    cameras = handheld(rng, 30, 0.5) + handheld(rng, 4, 40.0)
    assert angle_deg(estimate_up(cameras, np.zeros((0, 3)))[0], np.array([0, 0, 1.0])) < 1


def test_cameras_that_look_one_way_still_give_up_within_their_pitch() -> None:
    cameras = handheld(np.random.default_rng(0), 20, 0.5, yaw_range=0.05)
    assert angle_deg(estimate_up(cameras, np.zeros((0, 3)))[0], np.array([0, 0, 1.0])) < 12


def test_floor_and_ceiling_take_out_the_cameras_tilt() -> None:
    rng = np.random.default_rng(0)
    tilt = np.radians(1.5)
    leaning = Rigid(
        np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]), np.zeros(3)
    )
    cameras = [Camera(c.intrinsics, leaning @ c.world_from_camera) for c in handheld(rng, 30, 0.2)]
    points = rng.uniform(-2, 2, size=(1500, 3))
    points[:600, 2] = -1.3
    points[600:800, 2] = 1.3
    assert angle_deg(estimate_up(cameras, np.zeros((0, 3)))[0], np.array([0, 0, 1.0])) > 1
    assert angle_deg(estimate_up(cameras, points)[0], np.array([0, 0, 1.0])) < 0.6


def test_tumbling_cameras_are_not_trusted() -> None:
    rng = np.random.default_rng(0)
    cameras = [Camera(LENS, Rigid(random_rotation(rng), np.zeros(3))) for _ in range(30)]
    assert estimate_up(cameras, np.zeros((0, 3)))[1] < 0.5


def test_no_cameras_no_confidence() -> None:
    assert estimate_up([], np.zeros((0, 3)))[1] == pytest.approx(0.0)
