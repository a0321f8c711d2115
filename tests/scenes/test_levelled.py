"""Turning a capture level: up becomes +z, what cameras see stays, and the way back is kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import rotation_exp
from scenes.captures.capture import Capture, CaptureImage, SparsePoints
from scenes.captures.levelled import LEVELLED_FROM_FILE, in_world_of, levelled, levelling_of, moved
from scenes.captures.posed import capture_bounds
from scenes.scene import World

LENS = Intrinsics.from_fov(64, 48, 1.0)


def handheld(rng: np.random.Generator, n: int = 24) -> Capture:
    """A capture whose up is +z and not known; cameras are held level up to a degree and look all around."""
    images: list[CaptureImage] = []
    for index in range(n):
        yaw, pitch, roll = rng.uniform(-np.pi, np.pi), rng.uniform(-0.4, 0.4), np.radians(rng.normal())
        forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
        level = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
        right = np.cos(roll) * level + np.sin(roll) * np.cross(forward, level)
        pose = Rigid(np.column_stack([right, np.cross(forward, right), forward]), rng.normal(size=3))
        images.append(CaptureImage(f"{index:02d}.png", Path(f"{index:02d}.png"), Camera(LENS, pose)))
    positions = rng.normal(size=(50, 3)) * 3
    points = SparsePoints(positions, np.zeros((50, 3), np.uint8), np.zeros(50, np.float32))
    low, high = capture_bounds(tuple(images), points)
    return Capture(tuple(images), points, World(low, high, metres_per_unit=0.5, provenance={"own": 1}))


turns = st.tuples(*(st.floats(-3, 3) for _ in range(3))).map(lambda v: rotation_exp(np.array(v)))
seeds = st.integers(0, 2**32 - 1)


def pixels_of(capture: Capture) -> NDArray[np.float64]:
    return np.array([image.camera.project(capture.points.positions_world)[0] for image in capture.images])


@settings(max_examples=15, deadline=None)
@given(turns, seeds)
def test_up_becomes_z_and_what_cameras_see_stays(turn: NDArray[np.float64], seed: int) -> None:
    rng = np.random.default_rng(seed)
    file_from_level = Rigid(turn, rng.normal(size=3))
    in_file = moved(handheld(rng), file_from_level)
    found = levelled(in_file)
    up = levelling_of(found).rotation @ turn[:, 2]
    assert found.world.up_known
    assert np.degrees(np.arccos(np.clip(up[2], -1, 1))) < 3
    np.testing.assert_allclose(pixels_of(found), pixels_of(in_file), rtol=1e-6, atol=1e-5)
    first, other = (found.images[i].camera.world_from_camera for i in (0, 5))
    old_first, old_other = (in_file.images[i].camera.world_from_camera for i in (0, 5))
    np.testing.assert_allclose(
        (first.inverse() @ other).matrix(), (old_first.inverse() @ old_other).matrix(), atol=1e-9
    )


@settings(max_examples=10, deadline=None)
@given(turns, seeds)
def test_the_way_back_leads_to_the_file(turn: NDArray[np.float64], seed: int) -> None:
    in_file = moved(handheld(np.random.default_rng(seed)), Rigid(turn, np.zeros(3)))
    found = levelled(in_file)
    back = moved(found, levelling_of(found).inverse())
    np.testing.assert_allclose(back.points.positions_world, in_file.points.positions_world, atol=1e-9)
    np.testing.assert_allclose(back.world.bounds_min, in_file.world.bounds_min, atol=1e-9)
    for image, original in zip(back.images, in_file.images, strict=True):
        np.testing.assert_allclose(
            image.camera.world_from_camera.matrix(), original.camera.world_from_camera.matrix(), atol=1e-9
        )


@settings(max_examples=10, deadline=None)
@given(turns, seeds)
def test_a_walk_in_the_files_axes_follows(turn: NDArray[np.float64], seed: int) -> None:
    in_file = moved(handheld(np.random.default_rng(seed)), Rigid(turn, np.zeros(3)))
    found = levelled(in_file)
    for walk in (in_file, found):
        brought = in_world_of(walk, found)
        np.testing.assert_allclose(brought.points.positions_world, found.points.positions_world, atol=1e-9)
        assert brought.world.up_known
        np.testing.assert_allclose(levelling_of(brought).matrix(), levelling_of(found).matrix(), atol=1e-9)
    assert in_world_of(in_file, in_file) is in_file


def test_a_known_up_is_left_alone() -> None:
    capture = handheld(np.random.default_rng(0))
    known = replace(capture, world=replace(capture.world, up_known=True))
    assert levelled(known) is known
    assert np.array_equal(levelling_of(known).matrix(), np.eye(4))
    once = levelled(capture)
    assert levelled(once) is once
    assert (once.world.metres_per_unit, once.world.provenance["own"]) == (0.5, 1)


def test_a_world_on_its_head_is_turned_over() -> None:
    over = Rigid(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
    found = levelled(moved(handheld(np.random.default_rng(2)), over))
    assert (levelling_of(found).rotation @ over.rotation)[2, 2] > np.cos(np.radians(3))


def test_cameras_that_tumble_are_not_believed() -> None:
    rng = np.random.default_rng(1)
    capture = handheld(rng)
    images = tuple(
        replace(image, camera=Camera(LENS, Rigid(rotation_exp(rng.uniform(-3, 3, 3)), rng.normal(size=3))))
        for image in capture.images
    )
    tumbling = replace(capture, images=images)
    found = levelled(tumbling)
    assert not found.world.up_known
    assert found.images is images
    assert LEVELLED_FROM_FILE not in found.world.provenance
    assert float(str(found.world.provenance["up_confidence"])) < 0.5


@pytest.mark.parametrize("stored", ["text", [[1, 2], [3]], np.diag([2.0, 1, 1, 1]).tolist(), np.eye(3).tolist()])
def test_a_levelling_that_was_changed_is_named(stored: object) -> None:
    capture = handheld(np.random.default_rng(0))
    world = replace(capture.world, provenance={LEVELLED_FROM_FILE: stored})
    with pytest.raises(InputError, match="should be a rigid 4x4 matrix"):
        levelling_of(replace(capture, world=world))
