"""Repairs: what can be repaired is, what was whole stays to the bit, and every change is told."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cameras.errors import SettingsError
from cameras.freespace import FREE, FreeSpace
from cameras.freespace_routes import Router
from cameras.keyframe import Keyframe
from cameras.limits import Limits
from cameras.path import CameraPath
from cameras.preflight import preflight
from cameras.preflight_fix import fix_path
from cameras.rigid import Rigid
from cameras.rotations import look_rotation
from cameras.shot_list import Shot, ShotList
from tests.cameras.boxes import two_rooms
from tests.cameras.test_preflight import BROKEN, ROOM, aimed, flight

# Then it begins, not ends, too near to a wall.
ASIDE = Rigid(np.eye(3), np.array([-1.3, 0.0, 0.0]))
REPAIRED = sorted(set(BROKEN) - {"unseen"})


@pytest.mark.parametrize("name", REPAIRED)
def test_what_breaks_a_limit_is_repaired_and_told(name: str) -> None:
    shots, space = BROKEN[name]
    found = preflight(shots, space)
    fixed, said = fix_path(found, space)
    assert preflight(fixed, space).broken == []
    assert any(name in sentence for sentence in said)
    assert fixed.duration_s >= shots.duration_s - 1e-9


def test_what_no_photo_saw_is_told_to_be_beyond_repair() -> None:
    shots, space = BROKEN["unseen"]
    found = preflight(shots, space)
    fixed, said = fix_path(found, space)
    assert preflight(fixed, space).broken == ["unseen"]
    assert any("cannot be repaired" in sentence for sentence in said)


def test_whole_takes_stay_as_they_are() -> None:
    good, bad = flight(), BROKEN["speed"][0]
    near = BROKEN["clearance"][0].shots[0].path
    film = ShotList((Shot("good", good.shots[0].path), Shot("bad", bad.shots[0].path)), {"by": "hand"})
    kept, _ = fix_path(preflight(ShotList((film.shots[0], Shot("near", near.moved(ASIDE)))), ROOM), ROOM)
    assert kept.shots[0] == film.shots[0]
    fixed, said = fix_path(preflight(film, ROOM), ROOM)
    assert fixed.shots[0] == film.shots[0]
    assert fixed.shots[1].path.duration_s > film.shots[1].path.duration_s
    assert fixed.note == film.note
    assert all(sentence.startswith("bad:") for sentence in said)


def through_the_wall() -> tuple[ShotList, FreeSpace]:
    """From one room to the other, beside the door."""
    space = two_rooms(at=3.0)
    keys = tuple(Keyframe.from_pose(Rigid(aimed(), np.array([x, 1.0, 1.4])), math.radians(50)) for x in (2.0, 6.2))
    return ShotList.of(CameraPath(keys, 14.0, ease_s=2.0, level_up_world=(0, 0, 1))), space


def test_a_path_through_a_wall_is_led_through_the_door() -> None:
    shots, space = through_the_wall()
    found = preflight(shots, space)
    assert found.broken == ["clearance", "near"]
    fixed, said = fix_path(found, space)
    after = preflight(fixed, space)
    assert after.broken == []
    path = fixed.shots[0].path
    places = path.positions_world(np.linspace(0, path.duration_s, 500))
    at_door = places[np.argmin(np.abs(places[:, 0] - 4.1))]
    assert abs(at_door[1] - 3.0) < 0.45
    np.testing.assert_allclose(places[[0, -1]], shots.shots[0].path.positions_world([0, 14.0]), atol=0.1)
    assert any("moved the camera by up to" in sentence for sentence in said)


def test_a_film_in_a_wall_with_no_way_out_is_refused() -> None:
    shots, space = through_the_wall()
    with pytest.raises(SettingsError, match="no place in this scene keeps 2 m away"):
        fix_path(preflight(shots, space, Limits(clearance_m=2.0)), space)


def test_several_limits_at_once() -> None:
    """Rolled, tilted, too fast and too near the wall."""
    rotation = look_rotation((1.0, 0.1, -0.7), (0, 0.1, 1))
    keys = tuple(
        Keyframe.from_pose(Rigid(rotation, np.array(at)), math.radians(50), time, 2.0)
        for at, time in (((0.8, 2.0, 1.5), 0.0), ((2.5, 2.4, 1.6), 2.0), ((4.8, 2.0, 1.5), 4.0))
    )
    shots = ShotList.of(CameraPath(keys, 4.0))
    found = preflight(shots, ROOM)
    assert {"clearance", "speed", "roll", "tilt"} <= set(found.broken)
    fixed, said = fix_path(found, ROOM)
    assert preflight(fixed, ROOM).broken == []
    assert [key.focus_distance for key in fixed.shots[0].path.keyframes] == pytest.approx(
        [2.0] * len(fixed.shots[0].path.keyframes)
    )
    assert len(said) >= 4


def test_a_subject_stays_in_the_middle_when_only_the_clock_changes() -> None:
    shots = BROKEN["speed"][0]
    path = replace(shots.shots[0].path, look_at_world=(4.8, 2.0, 1.5))
    fixed, _ = fix_path(preflight(ShotList.of(path), ROOM), ROOM)
    assert fixed.shots[0].path.look_at_world == (4.8, 2.0, 1.5)


def test_joined_shots_are_repaired_as_one() -> None:
    first, second = flight(), flight((2.5, 2.0, 1.5), (4.2, 2.0, 1.5), seconds=3, ease=1)
    film = ShotList((Shot("a", first.shots[0].path), Shot("b", second.shots[0].path, is_continued=True)))
    fixed, said = fix_path(preflight(film, ROOM), ROOM)
    assert [shot.name for shot in fixed.shots] == ["a + b"]
    assert any("became one shot" in sentence for sentence in said)
    assert preflight(fixed, ROOM).passed


def test_the_router_finds_the_shortest_way_or_none() -> None:
    space = two_rooms()
    router = Router(space, space.cells == FREE)
    a, b = np.array([1.05, 0.55, 0.55]), np.array([1.05, 2.55, 0.55])
    way = router.route(a, b)
    assert way is not None
    np.testing.assert_allclose(way[[0, -1]], [a, b], atol=1e-9)
    assert len(way) == 21
    closed = Router(space, (space.cells == FREE) & (np.arange(82) < 38)[:, None, None])
    assert closed.route(a, np.array([6.05, 2.0, 1.0])) is None
