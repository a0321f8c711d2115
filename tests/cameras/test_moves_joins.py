"""Laws of what joins, follows and shakes: C2 blends, smooth follows, noise that keeps to its band."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.arrays import norms
from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.keyframe import Keyframe
from cameras.motion import measure_motion
from cameras.moves import circles, lines, turns
from cameras.moves.aim import aimed
from cameras.moves.follow import follow_capture
from cameras.moves.joins import are_one, blend, comfortable_seconds
from cameras.moves.manner import Easing, Manner, Stance
from cameras.moves.shake import Shake, hand_held
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import angle_rad, rotation_exp, rotation_log
from tests.cameras.boxes import focus_of

MANNER = Manner(4.0, (0.8, 0.9), Easing(0.0, 0.0))
LENS = Intrinsics.from_fov(64, 48, 0.9)


def make(rng: np.random.Generator, focus: bool = False) -> CameraPath:
    """Some move at full speed at both ends."""
    stance = Stance(rng.normal(size=3), aimed(rng.uniform(-3, 3), rng.uniform(-0.6, 0.6))[:, 2])
    subject = stance.position_world + 3 * stance.forward_world + 0.1 * rng.normal(size=3)
    fov = rng.uniform(0.5, 1.2)
    manner = replace(MANNER, fovs_y_rad=(fov, fov * rng.uniform(0.7, 1.3)), focus=(2.0, 3.0) if focus else None)
    kind = rng.integers(4)
    if kind == 0:
        return lines.truck(stance, rng.uniform(0.3, 2), manner, subject)
    if kind == 1:
        return circles.arc(stance.position_world, subject, rng.uniform(0.3, 1.5), manner)
    if kind == 2:
        return turns.pan(stance, rng.uniform(0.3, 1.5), replace(manner, easing=Easing(1.0, 1.0)))
    return lines.push_in(stance, rng.uniform(0.3, 2), manner, subject)


def derivatives(path: CameraPath, time: float, step: float) -> list[np.ndarray]:
    """Zeroth to second derivative of place, rotation vector and log lens, from one side (second order in the step)."""
    times = time + step * np.arange(4)
    origin = rotation_exp([0.3, 0.2, 0.1])
    near = path.rotations(time)
    turns_rad = rotation_log(near.T @ path.rotations(times))
    zoom = np.log(np.tan(0.5 * path.fovs_y_rad(times)))[:, None]
    rows = np.concatenate([path.positions_world(times), turns_rad, zoom], axis=1)
    first = (-1.5 * rows[0] + 2 * rows[1] - 0.5 * rows[2]) / step
    second = (2 * rows[0] - 5 * rows[1] + 4 * rows[2] - rows[3]) / step**2
    pose = np.concatenate([rows[0, :3], (origin @ near).ravel(), rows[0, 6:]])
    return [pose, first, second]


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), seconds=st.floats(0.6, 4))
def test_a_blend_is_c2_with_what_it_joins(seed: int, seconds: float) -> None:
    rng = np.random.default_rng(seed)
    before, after = make(rng), make(rng)
    between = blend(before, after, seconds)
    assert between.duration_s == seconds
    h = 2e-4
    for a, b in ((before, between), (between, after)):
        left, right = derivatives(a, a.duration_s, -h), derivatives(b, 0.0, h)
        np.testing.assert_allclose(left[0], right[0], atol=1e-9)
        np.testing.assert_allclose(left[1], right[1], atol=2e-4)
        np.testing.assert_allclose(left[2], right[2], atol=2e-2)
    assert np.abs(between.rotations(np.linspace(0, seconds, 50))[:, 2, 0]).max() < 1e-9


def test_a_blend_from_rest_to_rest_is_the_quintic() -> None:
    still = [
        lines.hold(Stance(np.array([x, 0, 1.0]), np.array([0, 1.0, 0])), Manner(1.0, (0.8, 0.8))) for x in (0, 2.0)
    ]
    path = blend(still[0], still[1], 2.0)
    x = np.linspace(0, 1, 41)
    np.testing.assert_allclose(path.positions_world(2 * x)[:, 0], 2 * x**3 * (10 - 15 * x + 6 * x * x), atol=1e-12)


def test_a_blend_keeps_the_focus_that_there_is() -> None:
    rng = np.random.default_rng(1)
    sharp, near, far = make(rng), make(rng, focus=True), make(rng, focus=True)
    both = blend(near, far, 1.0)
    np.testing.assert_allclose(focus_of(both, [0.0, 1.0]), [3.0, 2.0], rtol=1e-9)
    np.testing.assert_allclose(focus_of(blend(sharp, far, 1.0), [0.0, 0.5, 1.0]), 2.0, rtol=1e-9)
    np.testing.assert_allclose(focus_of(blend(near, sharp, 1.0), [0.0, 0.5, 1.0]), 3.0, rtol=1e-9)
    assert blend(sharp, sharp, 1.0).focus_distances(0.0) is None


def test_a_blend_of_half_a_turn_does_not_jump() -> None:
    before = lines.hold(Stance(np.zeros(3), np.array([0.0, 1.0, 0.0])), Manner(1.0, (0.8, 0.8)))
    after = turns.pan(Stance(np.zeros(3), np.array([0.0, -1.0, 0.0])), 0.5, replace(MANNER, fovs_y_rad=(0.8, 0.8)))
    path = blend(before, after, 3.0)
    rotations = path.rotations(np.linspace(0, 3, 301))
    assert angle_rad(rotations[1:], rotations[:-1]).max() < 0.03


def test_the_comfortable_length_of_a_move_keeps_its_limits() -> None:
    ends = [
        lines.hold(Stance(np.array([x, 0, 1.0]), aimed(h, 0.0)[:, 2]), Manner(1.0, (f, f)))
        for x, h, f in ((0.0, 0.0, 0.8), (2.0, 0.3, 0.8), (0.0, 1.5, 0.8), (0.0, 0.0, 0.3), (0.01, 0.0, 0.8))
    ]
    for after in ends[1:]:
        assert not are_one(ends[0], after)
        seconds = comfortable_seconds(ends[0], after, 1.0)
        motion = measure_motion(blend(ends[0], after, seconds), 1.0)
        assert motion.speed_m_s.max() < 0.505
        assert motion.turn_rate_rad_s.max() < math.radians(25.2)
        assert motion.zoom_rate_per_s.max() < 0.353
        assert seconds >= 1
    assert are_one(ends[0], ends[0])
    # A world in feet: the same numbers are shorter.
    assert comfortable_seconds(ends[0], ends[1], 0.3048) == pytest.approx(
        0.3048 * comfortable_seconds(ends[0], ends[1], 1.0), abs=0.01
    )


def views(count: int, jitter: float, seed: int = 0) -> list[Camera]:
    """Views along three quarters of a circle of radius 3 that look outwards, shaken."""
    rng = np.random.default_rng(seed)
    found: list[Camera] = []
    for angle in np.linspace(0, 1.5 * math.pi, count):
        place = np.array([3 * math.sin(angle), 3 * math.cos(angle), 1.5]) + jitter * rng.normal(size=3)
        rotation = aimed(angle, -0.1) @ rotation_exp(jitter * rng.normal(size=3))
        found.append(Camera(LENS, Rigid(rotation, place)))
    return found


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(60, 120), easing=st.sampled_from([Easing(), Easing(0, 0)]))
def test_following_the_capture_is_smooth_near_it_and_in_its_order(seed: int, count: int, easing: Easing) -> None:
    cameras = views(count, 0.03, seed)
    path = follow_capture(cameras, Manner(20.0, (0.9, 0.9), easing), smoothing=0.6, length_per_rad=1.0)
    times = np.linspace(0, 20, 401)
    positions, rotations = path.positions_world(times), path.rotations(times)
    captured = np.array([camera.position_world for camera in cameras])
    np.testing.assert_allclose(positions[[0, -1]], captured[[0, -1]], atol=1e-6)
    near = np.linalg.norm(positions[:, None] - captured, axis=2)
    assert near.min(axis=1).max() < 0.5
    # In order, without going back.
    assert (np.diff(np.unwrap(np.arctan2(positions[:, 0], positions[:, 1]))) > -1e-6).all()
    assert np.abs(rotations[:, 2, 0]).max() < 1e-9
    # Between its eases it is far calmer than a flight through every view, and hardly faster than along the circle.
    motion = measure_motion(path, 1.0)
    keys = [Keyframe.from_pose(c.world_from_camera, 0.9, 20.0 * i / (count - 1)) for i, c in enumerate(cameras)]
    raw = measure_motion(CameraPath(tuple(keys), 20.0), 1.0)
    steady = (motion.time_s > 1.1) & (motion.time_s < 18.9)
    assert motion.jerk_m_s3[steady].max() < 0.1 * raw.jerk_m_s3.max()
    assert motion.turn_acceleration_rad_s2[steady].max() < 0.2 * raw.turn_acceleration_rad_s2.max()
    assert motion.speed_m_s.max() < 1.5 * 3 * 1.5 * math.pi / 19


def test_following_without_jitter_is_the_capture() -> None:
    cameras = views(200, 0.0)
    path = follow_capture(
        cameras, Manner(20.0, (0.9, 0.5), focus=(1, 2)), smoothing=0.1, length_per_rad=1.0, is_level=False
    )
    times = np.linspace(0, 20, 100)
    np.testing.assert_allclose(norms(path.positions_world(times)[:, :2])[:, 0], 3.0, atol=0.02)
    assert path.level_up_world is None
    np.testing.assert_allclose(path.fovs_y_rad([0.0, 20.0]), [0.9, 0.5], atol=1e-9)
    np.testing.assert_allclose(focus_of(path, [0.0, 20.0]), [1.0, 2.0], atol=1e-9)


def test_a_capture_from_one_place_is_followed_by_turning_and_one_view_is_none() -> None:
    cameras = [Camera(LENS, Rigid(aimed(h, 0.0), np.ones(3))) for h in np.linspace(0, 1, 20)]
    path = follow_capture(cameras, Manner(5.0, (0.9, 0.9)), smoothing=0.1, length_per_rad=1.0)
    np.testing.assert_allclose(path.rotations(5.0), aimed(1.0, 0.0), atol=1e-6)
    assert path.length < 1e-9
    for few in (cameras[:1], cameras[:1] * 3):
        with pytest.raises(ValueError, match=r"at least 2 captured views|all the same"):
            follow_capture(few, Manner(5.0, (0.9, 0.9)), smoothing=0.1, length_per_rad=1.0)


SHAKE = Shake(0.01, 0.004, 0.002, (0.5, 3.0), seed=7)


@settings(max_examples=5)
@given(seed=st.integers(0, 1000), high=st.floats(1.5, 8))
def test_unrest_has_its_size_and_nothing_outside_of_its_band(seed: int, high: float) -> None:
    shake = Shake(0.01, 0.004, 0.002, (0.5, high), seed)
    seconds, rate = 40.0, 64
    base = lines.truck(Stance(np.zeros(3), np.array([0, 1.0, 0.1])), 3.0, Manner(seconds, (0.8, 0.8)))
    path = hand_held(base, shake)
    times = np.arange(int(seconds * rate)) / rate
    offsets = path.positions_world(times) - base.positions_world(times)
    angles = rotation_log(np.swapaxes(base.rotations(times), -1, -2) @ path.rotations(times))
    window = np.blackman(len(times))
    frequencies = np.fft.rfftfreq(len(times), 1 / rate)
    for rows, sizes in ((offsets, (0.01,) * 3), (angles, (0.004, 0.004, 0.002))):
        np.testing.assert_allclose(np.sqrt(np.mean(rows**2, axis=0)), sizes, rtol=0.15)
        power = np.abs(np.fft.rfft(rows * window[:, None], axis=0)) ** 2
        outside = (frequencies > high + 0.1) | (frequencies < 0.4)
        assert (power[outside].sum(axis=0) < 1e-6 * power.sum(axis=0)).all()


def test_unrest_comes_from_its_seed_goes_on_over_shots_and_fades() -> None:
    base = lines.hold(Stance(np.zeros(3), np.array([0, 1.0, 0])), Manner(4.0, (0.8, 0.8)))
    whole = lines.hold(Stance(np.zeros(3), np.array([0, 1.0, 0])), Manner(8.0, (0.8, 0.8)))
    first, second, both = hand_held(base, SHAKE), hand_held(base, SHAKE, start_s=4.0), hand_held(whole, SHAKE)
    times = np.linspace(0, 4, 50)
    np.testing.assert_allclose(both.positions_world(times), first.positions_world(times), atol=1e-8)
    np.testing.assert_allclose(both.positions_world(4 + times), second.positions_world(times), atol=1e-8)
    np.testing.assert_allclose(first.rotations(4.0), second.rotations(0.0), atol=1e-9)
    assert hand_held(base, SHAKE) == first
    assert hand_held(base, replace(SHAKE, seed=8)) != first
    faded = hand_held(base, SHAKE, fades_in=True, fades_out=True)
    np.testing.assert_allclose(faded.positions_world([0.0, 4.0]), 0, atol=1e-12)
    np.testing.assert_allclose(faded.positions_world(2.0), first.positions_world(2.0), atol=1e-8)
    level = hand_held(base, replace(SHAKE, roll_rad=0.0))
    assert np.abs(level.rotations(times)[:, 2, 0]).max() < 1e-12
    with pytest.raises(ValueError, match="unrest has sizes"):
        Shake(0.01, 0.01, 0.01, (3.0, 1.0))


def test_unrest_keeps_lens_focus_and_length() -> None:
    key = Keyframe((0, 0, 0), (1, 0, 0, 0), 0.8, None, 2.0)
    path = CameraPath((key, replace(key, position_world=(1, 0, 0), fov_y_rad=0.5, focus_distance=3.0)), 2.5)
    shaken = hand_held(path, SHAKE)
    times = np.linspace(0, 2.5, 9)
    assert shaken.duration_s == 2.5
    np.testing.assert_allclose(shaken.fovs_y_rad(times), path.fovs_y_rad(times), atol=1e-6)
    np.testing.assert_allclose(focus_of(shaken, times), focus_of(path, times), atol=1e-6)
