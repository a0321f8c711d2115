import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.arrays import Floats
from cameras.errors import SettingsError
from cameras.limits import Limits
from cameras.motion import measure_motion
from cameras.path import CameraPath
from cameras.rotations import angle_rad, look_rotation
from cameras.timing import time_path

LIMITS = Limits()
ROWS = 160
S = np.linspace(0, 1, ROWS)


def facing(yaws: Floats) -> Floats:
    return look_rotation(np.stack([np.cos(yaws), np.sin(yaws), np.zeros(len(yaws))], -1), (0, 0, 1))


def smooth_rows(seed: int) -> tuple[Floats, Floats, Floats]:
    """A random way of a few metres and turns, with a zoom."""
    rng = np.random.default_rng(seed)
    waves = np.stack([np.sin(np.pi * k * S + rng.uniform(0, 6)) / k for k in range(1, 5)])
    places = np.stack([6 * rng.uniform(0.2, 1) * S, *(rng.normal(size=(2, 4)) @ waves * 0.5)], -1)
    places[:, 2] *= 0.1
    yaws = rng.normal(size=4) @ waves * 1.5
    fovs = 0.9 + 0.1 * np.sin(2 * S)
    return places, facing(yaws), fovs


def assert_kept(path: CameraPath, limits: Limits, metres: float = 1.0) -> None:
    motion = measure_motion(path, metres)
    slack = 1 + 1e-6
    assert motion.speed_m_s.max() <= limits.speed_m_s * slack
    assert motion.acceleration_m_s2.max() <= limits.acceleration_m_s2 * slack
    assert motion.jerk_m_s3.max() <= limits.jerk_m_s3 * slack
    assert motion.turn_rate_rad_s.max() <= limits.turn_rate_rad_s * slack
    assert motion.turn_acceleration_rad_s2.max() <= limits.turn_acceleration_rad_s2 * slack
    assert motion.zoom_rate_per_s.max() <= limits.zoom_rate_per_s * slack


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), metres=st.floats(0.3, 3.0))
def test_every_limit_is_kept_and_the_way_is_the_same(seed: int, metres: float) -> None:
    places, rotations, fovs = smooth_rows(seed)
    path = time_path(places / metres, rotations, fovs, limits=LIMITS, metres_per_unit=metres, duration_s=None)
    assert_kept(path, LIMITS, metres)
    times = np.linspace(0, path.duration_s, 400)
    flown, turned = path.positions_world(times) * metres, path.rotations(times)
    near = np.linalg.norm(flown[:, None] - places, axis=-1).argmin(axis=1)
    assert (
        np.linalg.norm(flown - places[near], axis=1).max()
        < 0.5 * np.linalg.norm(np.diff(places, axis=0), axis=1).max() + 0.005
    )
    ends = angle_rad(turned[[0, -1]], rotations[[0, -1]])
    assert ends.max() < 1e-6
    motion = measure_motion(path, metres)
    assert motion.speed_m_s[[0, -1]].max() < 0.05


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), more=st.floats(1.0, 3.0))
def test_a_length_that_is_asked_for_is_met_exactly_and_a_shorter_one_refused(seed: int, more: float) -> None:
    places, rotations, fovs = smooth_rows(seed)
    shortest = time_path(places, rotations, fovs, limits=LIMITS, metres_per_unit=1.0, duration_s=None).duration_s
    path = time_path(places, rotations, fovs, limits=LIMITS, metres_per_unit=1.0, duration_s=more * shortest + 0.1)
    assert path.duration_s == more * shortest + 0.1
    assert_kept(path, LIMITS)
    with pytest.raises(SettingsError, match=r"the path needs at least \d+\.\d s at a comfortable speed"):
        time_path(places, rotations, fovs, limits=LIMITS, metres_per_unit=1.0, duration_s=0.9 * shortest)


def test_a_straight_run_takes_little_longer_than_the_best_that_jerk_allows() -> None:
    places = np.stack([10 * S, 0 * S, 0 * S], -1)
    path = time_path(places, facing(0 * S), 0.9 + 0 * S, limits=LIMITS, metres_per_unit=1.0, duration_s=None)
    v, a, j = LIMITS.speed_m_s, LIMITS.acceleration_m_s2, LIMITS.jerk_m_s3
    assert path.duration_s <= 1.25 * (10 / v + v / a + a / j)


def test_a_turn_on_the_spot_and_a_zoom_alone_are_timed() -> None:
    stay = np.tile([1.0, 2.0, 1.5], (ROWS, 1))
    turn = time_path(stay, facing(3 * S), 0.9 + 0 * S, limits=LIMITS, metres_per_unit=1.0, duration_s=None)
    assert_kept(turn, LIMITS)
    assert turn.duration_s <= 1.5 * (3 / LIMITS.turn_rate_rad_s + 1)
    zoom = time_path(stay, facing(0 * S), 0.9 - 0.5 * S, limits=LIMITS, metres_per_unit=1.0, duration_s=None)
    assert_kept(zoom, LIMITS)
    assert zoom.duration_s > math.log(math.tan(0.45) / math.tan(0.2)) / LIMITS.zoom_rate_per_s


def test_the_unit_of_length_does_not_matter_and_looser_limits_never_take_longer() -> None:
    places, rotations, fovs = smooth_rows(3)
    found = [
        time_path(places * k, rotations, fovs, limits=LIMITS, metres_per_unit=1 / k, duration_s=None).duration_s
        for k in (1.0, 7.0)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-9)
    looser = replace(LIMITS, speed_m_s=0.8, turn_rate_rad_s=0.6)
    fast = time_path(places, rotations, fovs, limits=looser, metres_per_unit=1.0, duration_s=None)
    assert fast.duration_s <= found[0]


def test_the_way_back_takes_as_long() -> None:
    places, rotations, fovs = smooth_rows(5)
    there, back = (
        time_path(places[::o], rotations[::o], fovs[::o], limits=LIMITS, metres_per_unit=1.0, duration_s=None)
        for o in (1, -1)
    )
    assert back.duration_s == pytest.approx(there.duration_s, rel=0.05)


def test_a_loop_never_rests() -> None:
    angle = 2 * np.pi * S
    places = np.stack([2 * np.cos(angle), 2 * np.sin(angle), 0 * S], -1)
    path = time_path(
        places, facing(angle), 0.9 + 0 * S, limits=LIMITS, metres_per_unit=1.0, duration_s=None, is_loop=True
    )
    motion = measure_motion(path, 1.0)
    assert_kept(path, LIMITS)
    assert motion.speed_m_s.min() > 0.8 * motion.speed_m_s.max()
    np.testing.assert_allclose(path.positions_world(path.duration_s), path.positions_world(0.0), atol=1e-9)
