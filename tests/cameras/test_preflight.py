"""Preflight: each limit is tripped by a path that was made to trip it, and by nothing else."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cameras.arrays import Floats
from cameras.errors import SettingsError
from cameras.freespace import FreeSpace
from cameras.keyframe import Keyframe
from cameras.limits import Limits
from cameras.path import CameraPath
from cameras.preflight import PICTURE_COLUMNS, PICTURE_ROWS, picture_cameras, preflight
from cameras.preflight_rules import RULES, limits_with
from cameras.rigid import Rigid
from cameras.rotations import look_rotation, rotation_exp
from cameras.shot_list import Shot, ShotList
from tests.cameras.boxes import empty_room, space_of

WIDE, USUAL = math.radians(55), math.radians(50)


def photographed(space: FreeSpace) -> FreeSpace:
    """A space with photos along the middle line, towards +x."""
    places = np.array([[x, 2.0, 1.5] for x in np.arange(0.5, 4.6, 0.5)])
    return replace(space, views_position_world=places, views_forward_world=np.tile([1.0, 0.0, 0.0], (len(places), 1)))


ROOM = photographed(empty_room(5.0, 4.0, 3.0))


def aimed(heading: float = 0.0, tilt: float = 0.0, roll: float = 0.0) -> Floats:
    """Degrees; heading 0 looks along +x."""
    h, t = math.radians(heading), math.radians(tilt)
    forward = (math.cos(t) * math.cos(h), math.cos(t) * math.sin(h), math.sin(t))
    return look_rotation(forward, (0, 0, 1)) @ rotation_exp(np.array([0, 0, math.radians(roll)]))


def flight(
    start: tuple[float, float, float] = (1.5, 2.0, 1.5),
    end: tuple[float, float, float] = (2.5, 2.0, 1.5),
    *,
    seconds: float = 8.0,
    ease: float = 2.0,
    rotations: tuple[Floats, Floats] | None = None,
    fovs: tuple[float, float] = (USUAL, USUAL),
) -> ShotList:
    first, last = (aimed(), aimed()) if rotations is None else rotations
    keys = (
        Keyframe.from_pose(Rigid(first, np.array(start)), fovs[0]),
        Keyframe.from_pose(Rigid(last, np.array(end)), fovs[1]),
    )
    return ShotList.of(CameraPath(keys, seconds, ease_s=ease))


def turn(seconds: float, ease: float, degrees: float) -> ShotList:
    """On the spot, from one side of +x to the other."""
    here = (2.0, 2.0, 1.5)
    return flight(here, here, seconds=seconds, ease=ease, rotations=(aimed(-degrees / 2), aimed(degrees / 2)))


def to_and_fro(seconds: float, width: float) -> ShotList:
    """Sideways there and back by a smooth swing: its jerk is large while its speed and acceleration are not."""
    t = np.linspace(0, seconds, 61)
    y = 2.0 + width * np.sin(2 * np.pi * t * 3 / seconds) * np.sin(np.pi * t / seconds) ** 4
    keys = tuple(
        Keyframe.from_pose(Rigid(aimed(), np.array([1.5, b, 1.5])), USUAL, float(a)) for a, b in zip(t, y, strict=True)
    )
    return ShotList.of(CameraPath(keys, seconds))


def dark_corner(space: FreeSpace) -> FreeSpace:
    """Nobody saw the wall at the far end."""
    return replace(space, surface_seen=space.surface_world[:, 0] < 4.9)


BROKEN: dict[str, tuple[ShotList, FreeSpace]] = {
    "clearance": (flight((1.5, 2.0, 1.5), (4.75, 2.0, 1.5), seconds=14), ROOM),
    "near": (flight((1.5, 2.0, 0.55), (2.5, 2.0, 0.55), fovs=(math.radians(160), math.radians(160))), ROOM),
    "speed": (flight((1.0, 2.0, 1.5), (3.5, 2.0, 1.5), seconds=7, ease=3), ROOM),
    "acceleration": (flight((1.5, 2.0, 1.5), (2.65, 2.0, 1.5), seconds=4, ease=1.6), ROOM),
    "jerk": (to_and_fro(3.0, 0.009), ROOM),
    "turn-rate": (turn(seconds=6, ease=3, degrees=81), ROOM),
    "turn-acceleration": (turn(seconds=3, ease=1.1, degrees=42), ROOM),
    "zoom-rate": (flight(seconds=4, fovs=(math.radians(70), math.radians(20))), ROOM),
    "roll": (flight(rotations=(aimed(roll=2), aimed(roll=2))), ROOM),
    "tilt": (flight(rotations=(aimed(tilt=-25), aimed(tilt=-25))), ROOM),
    "view-distance": (flight((2.0, 3.3, 1.5), (3.0, 3.3, 1.5)), ROOM),
    "view-angle": (flight(rotations=(aimed(60), aimed(60))), ROOM),
    "unseen": (flight((3.0, 2.0, 1.5), (3.9, 2.0, 1.5)), dark_corner(ROOM)),
}


def test_every_rule_has_its_path() -> None:
    assert set(BROKEN) == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", BROKEN)
def test_a_path_made_to_break_a_limit_breaks_it_and_no_other(name: str) -> None:
    found = preflight(*BROKEN[name])
    assert found.broken == [name]
    assert not found.passed


def test_a_calm_flight_passes() -> None:
    found = preflight(flight(), ROOM)
    assert found.passed
    assert found.broken == []
    assert (found.margins(np.linspace(0, 8, 50)) > 0).all()


def test_the_worst_value_is_told_with_its_frame_and_time() -> None:
    """A flight towards the wall comes nearest to it in its last frame; its speed is known in closed form."""
    found = preflight(flight((1.5, 2.0, 1.5), (4.5, 2.0, 1.5), seconds=10, ease=2), ROOM, fps=24)
    content: dict[str, Any] = json.loads(json.dumps(found.as_json()))
    worst = content["worst"]
    assert worst["clearance"]["frame"] == 239
    assert worst["clearance"]["time_s"] == pytest.approx(10)
    assert worst["clearance"]["value"] == pytest.approx(4.9 - 4.5, abs=0.1)  # half a cube, and a wall in cubes
    assert worst["speed"]["value"] == pytest.approx(3.0 / 8, rel=1e-3)
    assert worst["speed"]["passed"]
    assert content["passed"]
    assert content["frames"] == 240
    assert content["limits"]["turn-rate"] == pytest.approx(25)


def test_a_wall_between_two_frames_is_felt() -> None:
    """A wall as thin as a cube, crossed between two frames of a slow film: frames see nothing of it."""
    solid = np.zeros((50, 40, 30), np.bool_)
    solid[25] = True
    space = photographed(space_of(solid))
    fast = flight((1.0, 2.0, 1.5), (3.5, 2.0, 1.5), seconds=2.0, ease=0.0)
    found = preflight(fast, space, fps=1)
    at_frames = space.clearance(np.array([camera.position_world for camera in fast.cameras(1, 4, 3)]))
    assert at_frames.min() > 0.2
    value, time = found.tracks["clearance"].worst
    assert value == pytest.approx(0, abs=0.03)
    assert time == pytest.approx(1.24, abs=0.06)


def test_metres_count_not_units() -> None:
    """The same room and flight in feet measure the same."""
    a = preflight(flight(), ROOM)
    feet = 1 / 0.3048
    space = replace(
        ROOM,
        voxel=ROOM.voxel * feet,
        distance=ROOM.distance * np.float32(feet),
        surface_world=ROOM.surface_world * np.float32(feet),
        views_position_world=ROOM.views_position_world * feet,
        metres_per_unit=0.3048,
    )
    keys = flight().shots[0].path.keyframes
    keys = tuple(replace(key, position_world=tuple(feet * x for x in key.position_world)) for key in keys)
    b = preflight(ShotList.of(replace(flight().shots[0].path, keyframes=keys)), space)
    for name, track in a.tracks.items():
        assert b.tracks[name].worst[0] == pytest.approx(track.worst[0], rel=1e-4, abs=1e-6), name


def test_a_cut_is_no_motion_but_a_join_is() -> None:
    """Two still shots apart: with a cut nothing moves; flown as one, the camera jumps."""
    still = [flight(start, start).shots[0].path for start in ((1.5, 2.0, 1.5), (2.5, 2.0, 1.5))]
    cut = preflight(ShotList((Shot("a", still[0]), Shot("b", still[1]))), ROOM)
    joined = preflight(ShotList((Shot("a", still[0]), Shot("b", still[1], is_continued=True))), ROOM)
    assert cut.passed
    assert {"speed", "acceleration", "jerk"} <= set(joined.broken)
    assert joined.tracks["speed"].worst[1] == pytest.approx(8.0, abs=0.05)


def test_without_photos_their_rules_are_not_measured_and_said() -> None:
    found = preflight(flight(), empty_room(5.0, 4.0, 3.0))
    assert set(found.not_measured) == {"view-distance", "view-angle"}
    assert found.passed
    assert "view-angle" not in found.tracks


def test_transparent_pixels_count_as_unseen() -> None:
    cameras = picture_cameras(flight(), 30, 16 / 9)
    empty = np.zeros((len(cameras), PICTURE_ROWS, PICTURE_COLUMNS), np.bool_)
    empty[7, :9] = True
    found = preflight(flight(), ROOM, transparent=empty)
    value, time = found.tracks["unseen"].worst
    assert found.broken == ["unseen"]
    assert value == pytest.approx(9 / 27)
    assert time == pytest.approx(7 / 30)
    with pytest.raises(ValueError, match="pictures"):
        preflight(flight(), ROOM, transparent=empty[1:])


def test_a_long_film_has_few_pictures() -> None:
    cameras = picture_cameras(flight(seconds=120), 30, 2.0)
    assert len(cameras) == 600
    assert cameras[-1].time_s == pytest.approx(120 - 1 / 30)
    camera = cameras[0]
    assert camera.width / camera.intrinsics.fx == pytest.approx(2.0 * camera.height / camera.intrinsics.fy)


def test_limits_are_changed_in_the_units_that_people_read() -> None:
    limits = limits_with(Limits(), ["speed=0.8", "turn-rate=30", "unseen=25"])
    assert limits == Limits(speed_m_s=0.8, turn_rate_rad_s=math.radians(30), unseen_share=0.25)


@pytest.mark.parametrize("text", ["sped=1", "speed", "speed=fast", "speed=-1", "speed=nan", "=1", "speed=inf"])
def test_a_limit_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--limit .*such as"):
        limits_with(Limits(), [text])
