"""Takes: the shots between two cuts answer like one path; thinning keeps a path where it was."""

import math

import numpy as np
import pytest

from cameras.keyframe import Keyframe
from cameras.limits import Limits
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import angle_rad
from cameras.shot_list import Shot, ShotList
from cameras.take import takes_of
from cameras.thinning import thinned
from cameras.timing import excess, time_path
from tests.cameras.test_preflight import aimed, flight


def film() -> ShotList:
    """A cut, then two shots flown as one, then another cut."""
    first, second = flight(seconds=5), flight((2.5, 2.0, 1.5), (3.0, 2.0, 1.5), seconds=3)
    shots = (first.shots[0].path, first.shots[0].path, second.shots[0].path, second.shots[0].path)
    joined = (False, False, True, False)
    return ShotList(
        tuple(Shot(f"{i}", path, is_continued=j) for i, (path, j) in enumerate(zip(shots, joined, strict=True)))
    )


def test_takes_are_the_shots_between_cuts() -> None:
    takes = takes_of(film())
    assert [take.name for take in takes] == ["0", "1 + 2", "3"]
    assert [take.first for take in takes] == [0, 1, 3]
    assert [take.start_s for take in takes] == [0.0, 5.0, 13.0]
    assert [take.duration_s for take in takes] == [5.0, 8.0, 3.0]


def test_a_take_answers_like_its_shots() -> None:
    take = takes_of(film())[1]
    time = np.array([[0.0, 2.0, 4.999], [5.0, 6.5, 8.0]])
    first, second = (shot.path for shot in take.shots)
    for name in ("positions_world", "rotations", "fovs_y_rad"):
        found = getattr(take, name)(time)
        np.testing.assert_array_equal(found[0], getattr(first, name)(time[0]))
        np.testing.assert_array_equal(found[1], getattr(second, name)(time[1] - 5.0))
    assert take.focus_distances(time) is None


def wandering(is_loop: bool) -> CameraPath:
    """A timed path with a keyframe every quarter of a second, as the planner makes it."""
    t = np.linspace(0, 2 * np.pi, 121)
    turns = 0.5 * np.sin(t)
    places = np.stack([2 * np.cos(t), np.sin(2 * t), 1.5 + 0 * t], axis=-1)
    rotations = np.stack([aimed(math.degrees(turn)) for turn in turns])
    end = len(t) if is_loop else 90
    return time_path(
        places[:end],
        rotations[:end],
        np.full(end, 0.9),
        limits=Limits(),
        metres_per_unit=1.0,
        duration_s=None,
        is_loop=is_loop,
    )


@pytest.mark.parametrize("is_loop", [False, True])
def test_a_thinned_path_is_where_it_was_with_far_fewer_keyframes(is_loop: bool) -> None:
    path = wandering(is_loop)
    found = thinned(path, Limits(), 1.0, off_m=0.02, off_rad=0.01)
    assert len(found.keyframes) < 0.5 * len(path.keyframes)
    assert (found.duration_s, found.is_loop) == (path.duration_s, path.is_loop)
    time = np.linspace(0, path.duration_s, 997)
    assert np.linalg.norm(found.positions_world(time) - path.positions_world(time), axis=1).max() <= 0.025
    assert angle_rad(found.rotations(time), path.rotations(time)).max() <= 0.012
    assert excess(found, Limits(), 1.0).most <= 1


def test_a_path_that_would_break_a_limit_keeps_more_keyframes() -> None:
    path = wandering(is_loop=False)
    tight = Limits(jerk_m_s3=1.001 * 1.5 * excess(path, Limits(), 1.0).most ** 3)
    found = thinned(path, tight, 1.0, off_m=0.2, off_rad=0.2)
    assert excess(found, tight, 1.0).most <= 1


def test_untimed_and_short_paths_stay() -> None:
    path = flight().shots[0].path
    assert thinned(path, Limits(), 1.0) is path
    keys = tuple(Keyframe.from_pose(Rigid(aimed(), np.array([float(i), 0, 0])), 0.9, float(i)) for i in range(3))
    short = CameraPath(keys, 2.0)
    assert thinned(short, Limits(), 1.0) is short
