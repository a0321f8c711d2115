import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.keyframe import Keyframe
from cameras.motion import measure_motion
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import look_rotation, rotation_exp

FOV = 0.9


def timed(poses: list[Rigid], seconds: float, fovs: list[float] | None = None) -> CameraPath:
    times = np.linspace(0, seconds, len(poses))
    every = fovs or [FOV] * len(poses)
    keys = tuple(Keyframe.from_pose(p, f, float(t)) for p, f, t in zip(poses, every, times, strict=True))
    return CameraPath(keys, seconds)


@settings(max_examples=12, deadline=None)
@given(radius=st.floats(0.5, 5.0), rate=st.floats(0.05, 0.4), metres=st.floats(0.3, 3.0))
def test_a_circle_at_constant_speed_has_the_known_derivatives(radius: float, rate: float, metres: float) -> None:
    angles = rate * np.linspace(0, 20, 401)
    poses = [
        Rigid(look_rotation((math.cos(a), math.sin(a), 0), (0, 0, 1)), radius * np.array([math.cos(a), math.sin(a), 0]))
        for a in angles
    ]
    motion = measure_motion(timed(poses, 20.0), metres)
    middle = slice(len(motion.time_s) // 4, -len(motion.time_s) // 4)
    r = radius * metres
    assert motion.speed_m_s[middle] == pytest.approx(r * rate, rel=1e-4)
    assert motion.acceleration_m_s2[middle] == pytest.approx(r * rate**2, rel=1e-2)
    assert motion.jerk_m_s3[middle] == pytest.approx(r * rate**3, rel=0.1, abs=1e-4)
    assert motion.turn_rate_rad_s[middle] == pytest.approx(rate, rel=1e-4)
    assert np.abs(motion.tilt_rad).max() < 1e-6


def test_turning_speeds_up_as_it_was_made_to() -> None:
    times = np.linspace(0, 4, 161)
    axis = np.array([0.2, -0.5, 0.8]) / np.linalg.norm([0.2, -0.5, 0.8])
    path = timed([Rigid(rotation_exp(axis * 0.1 * t**2), np.zeros(3)) for t in times], 4.0)
    motion = measure_motion(path, 1.0)
    np.testing.assert_allclose(motion.turn_rate_rad_s[20:-20], 0.2 * motion.time_s[20:-20], rtol=1e-3)
    np.testing.assert_allclose(motion.turn_acceleration_rad_s2[20:-20], 0.2, rtol=0.02)


def test_roll_tilt_and_zoom_are_those_of_the_path() -> None:
    roll, tilt = 0.1, -0.3
    level = look_rotation((math.cos(tilt), 0, math.sin(tilt)), (0, 0, 1))
    rolled = level @ rotation_exp(np.array([0, 0, roll]))
    fovs = [2 * math.atan(math.exp(-0.2 * t)) for t in np.linspace(0, 2, 41)]
    motion = measure_motion(timed([Rigid(rolled, np.zeros(3))] * 41, 2.0, fovs), 1.0)
    np.testing.assert_allclose(motion.tilt_rad, tilt, atol=1e-9)
    np.testing.assert_allclose(motion.roll_rad, math.asin(math.sin(roll) * math.cos(tilt)), atol=1e-9)
    np.testing.assert_allclose(motion.zoom_rate_per_s[20:-20], 0.2, rtol=1e-3)
    assert motion.turn_rate_rad_s.max() < 1e-6
    worst = {name: (size, time) for name, size, time in motion.worst()}
    assert worst["tilt_rad"][0] == pytest.approx(0.3)
    assert set(worst) == set(motion.__dataclass_fields__) - {"time_s"}
