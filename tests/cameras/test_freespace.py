from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.arrays import Floats
from cameras.camera import Camera
from cameras.errors import InputError
from cameras.freespace import FREE, UNKNOWN, FreeSpace
from cameras.freespace_fusion import Fusion
from cameras.freespace_rays import HIDDEN, NOTHING, OUTSIDE, SURFACE
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import look_rotation

from .boxes import VOXEL, empty_room, space_of, two_rooms

ROOM = empty_room()
LOW, HIGH = np.full(3, VOXEL), np.array([5.0, 4.0, 2.6]) - VOXEL
inside = st.tuples(*(st.floats(a + 0.06, b - 0.06) for a, b in zip(LOW, HIGH, strict=True)))
directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda d: np.linalg.norm(d) > 0.1)


def wall_distance(point: Floats) -> float:
    return float(min((point - LOW).min(), (HIGH - point).min()))


def looking(position: tuple[float, float, float], forward: tuple[float, float, float], fov: float = 1.2) -> Camera:
    return Camera(Intrinsics.from_fov(96, 72, fov), Rigid(look_rotation(forward, (0, 0, 1)), np.array(position)))


@given(point=inside)
def test_clearance_is_the_distance_to_the_nearest_wall(point: tuple[float, float, float]) -> None:
    p = np.array(point)
    assert float(ROOM.clearance(p)) == pytest.approx(wall_distance(p), abs=0.5 * VOXEL)
    assert float(ROOM.clearance(p + np.array([10, 0, 0]))) == 0


@given(a=inside, b=inside, radius=st.floats(0.05, 1.0))
def test_a_segment_is_free_both_ways_and_where_its_ends_are_in_an_empty_room(
    a: tuple[float, float, float], b: tuple[float, float, float], radius: float
) -> None:
    there = bool(ROOM.segment_is_free(a, b, radius))
    assert there == bool(ROOM.segment_is_free(b, a, radius))
    least = min(wall_distance(np.array(a)), wall_distance(np.array(b)))  # a room is convex
    if abs(least - radius) > VOXEL:
        assert there == (least > radius)


@settings(max_examples=40)
@given(point=inside, direction=directions)
def test_a_ray_ends_at_the_wall(point: tuple[float, float, float], direction: tuple[float, float, float]) -> None:
    p, d = np.array(point), np.array(direction) / np.linalg.norm(direction)
    with np.errstate(divide="ignore", over="ignore"):
        expected = float(np.where(d > 0, (HIGH - p) / d, np.where(d < 0, (LOW - p) / d, np.inf)).min())
    far, kind = ROOM.cast(p[None], d[None], 100.0)
    assert kind[0] == SURFACE
    assert far[0] == pytest.approx(expected, abs=1e-9)


def test_what_stops_a_ray_is_told_apart() -> None:
    cells = np.full((10, 10, 10), FREE, np.uint8)
    cells[7] = UNKNOWN
    room = space_of(np.zeros((10, 10, 10), np.bool_))
    space = FreeSpace(
        **{
            **{name: getattr(room, name) for name in room.__dataclass_fields__},
            "cells": cells,
            "surface_world": np.zeros((0, 3), np.float32),
            "surface_normals_world": np.zeros((0, 3), np.float32),
            "surface_seen": np.zeros(0, np.bool_),
        }
    )
    start = np.full((3, 3), 0.55)
    far, kinds = space.cast(start, [[1, 0, 0], [-1, 0, 0], [0, 1, 0]], 0.5)
    assert kinds.tolist() == [HIDDEN, NOTHING, OUTSIDE]
    np.testing.assert_allclose(far, [0.15, 0.5, 0.45], atol=1e-9)


def test_everything_is_visible_in_an_empty_room_and_a_pillar_hides_its_shadow() -> None:
    assert ROOM.visible_from((2.0, 2.0, 1.3)).mean() > 0.97
    solid = np.zeros((50, 40, 26), np.bool_)
    solid[24:27, 15:25, :] = True
    screened = space_of(solid)
    seen = screened.visible_from((1.0, 2.0, 1.3))
    behind = (screened.surface_world[:, 0] > 4.9) & (np.abs(screened.surface_world[:, 1] - 2.0) < 0.5)
    assert behind.any()
    assert not seen[behind].any()
    assert seen[screened.surface_world[:, 0] < 0.1].mean() > 0.9


def test_the_seen_part_of_a_picture() -> None:
    camera = looking((1.0, 2.0, 1.3), (1, 0, 0))
    assert ROOM.seen_fraction(camera) == 1.0
    half = ROOM.surface_world[:, 1] < 2.0
    fields = {name: getattr(ROOM, name) for name in ROOM.__dataclass_fields__}
    assert FreeSpace(**{**fields, "surface_seen": half}).seen_fraction(camera) == pytest.approx(0.5, abs=0.03)
    assert FreeSpace(**{**fields, "surface_seen": half & False}).seen_fraction(camera) == 0.0


@pytest.mark.parametrize(("radius", "through"), [(0.2, True), (0.35, True), (0.55, False)])
def test_a_door_lets_through_what_is_narrower_than_it(radius: float, through: bool) -> None:
    space = two_rooms(door=0.9)
    reachable = space.reachable(radius)
    assert bool(reachable[:40].any())
    assert bool(reachable[42:].any()) == through


def test_a_start_too_near_to_a_wall_counts_from_the_room_beside_it() -> None:
    reachable = ROOM.reachable(0.4, np.array([[0.15, 2.0, 1.3]]))
    assert reachable.any()
    assert not ROOM.reachable(0.4, np.array([[50.0, 2.0, 1.3]])).any()


def test_a_space_survives_the_round_trip(tmp_path: Path) -> None:
    ROOM.save(tmp_path / "space.npz")
    found = FreeSpace.load(tmp_path / "space.npz")
    for name in ROOM.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, name), getattr(ROOM, name))
    assert isinstance(found.voxel, float)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", None])
def test_a_damaged_space_is_refused(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "space.npz"
    if content is None:
        np.savez(file, other=np.zeros(3))
    else:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"free space of a scene was expected in .*plan it again"):
        FreeSpace.load(file)


def test_arrays_that_do_not_fit_are_refused() -> None:
    fields = {name: getattr(ROOM, name) for name in ROOM.__dataclass_fields__}
    with pytest.raises(ValueError, match="do not fit"):
        FreeSpace(**{**fields, "surface_seen": ROOM.surface_seen[1:]})
    with pytest.raises(ValueError, match="must be positive"):
        FreeSpace(**{**fields, "voxel": 0.0})


def depth_of_room(camera: Camera) -> np.ndarray:
    """Depth of the empty room's walls, by rays and planes."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = camera.intrinsics.rays(np.stack([x, y], -1)) @ camera.world_from_camera.rotation.T
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(rays > 0, (HIGH - camera.position_world) / rays, (LOW - camera.position_world) / rays)
    return np.where(np.isfinite(far), far, np.inf).min(axis=-1).astype(np.float32)


def test_fused_depth_gives_the_walls_and_the_empty_space_that_were_seen() -> None:
    turn = [(np.cos(a), np.sin(a), tilt) for a in np.arange(8) * np.pi / 4 for tilt in (-0.7, 0.0, 0.7)]
    cameras = [looking(p, f, 1.3) for p in ((1.5, 1.5, 1.2), (3.4, 2.4, 1.4)) for f in turn]
    fusion = Fusion(np.full(3, -0.5), VOXEL, (60, 50, 36))
    fusion.add_all((camera, depth_of_room(camera)) for camera in cameras)
    place = np.array([c.position_world for c in cameras])
    space = fusion.free_space(place, place, np.array([c.forward_world for c in cameras]))
    centres = space.centres_world(np.ones(space.cells.shape, np.bool_)).reshape(*space.cells.shape, 3)
    deep = ((centres > LOW + VOXEL) & (centres < HIGH - VOXEL)).all(axis=-1)
    outside = ((centres < LOW - VOXEL) | (centres > HIGH + VOXEL)).any(axis=-1)
    assert (space.cells[deep] == FREE).mean() > 0.99
    assert not (space.cells[outside] == FREE).any()
    off = np.abs(np.array([wall_distance(p) for p in space.surface_world.astype(np.float64)]))
    assert np.median(off) < 0.2 * VOXEL
    assert np.percentile(off, 99) < VOXEL
    assert (space.distance[deep] <= ROOM.clearance(centres[deep]) + VOXEL).all()  # never more room than there is
    wall = space.surface_normals_world[space.surface_world[:, 0] < LOW[0] + 0.02]
    assert (wall[:, 0] > 0.8).mean() > 0.8
