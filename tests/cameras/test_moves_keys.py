"""Laws of free keyframes: through every key at constant speed, with no stop and no overshoot that nobody asked for."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.keyframe import Keyframe
from cameras.motion import measure_motion
from cameras.moves.aim import aimed
from cameras.moves.keys import Stop, filled_times, looking_ahead, through, with_stops
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import angle_rad

UP = (0.0, 0.0, 1.0)
seeds = st.integers(0, 2**32 - 1)


def walk(seed: int, n: int, sharpest_rad: float = 2.0, **settings: object) -> CameraPath:
    """Keys one or two metres apart along a way that turns at each of them."""
    rng = np.random.default_rng(seed)
    heading, place = rng.uniform(-3, 3), np.array([0.0, 0.0, 1.6])
    keys: list[Keyframe] = []
    for _ in range(n):
        rotation = aimed(rng.uniform(-3, 3), rng.uniform(-0.3, 0.3))
        keys.append(Keyframe.from_pose(Rigid(rotation, place), float(rng.uniform(0.5, 1.2)), None, rng.uniform(1, 5)))
        heading += rng.uniform(-sharpest_rad, sharpest_rad)
        step = rng.uniform(1, 2) * np.array([math.sin(heading), math.cos(heading), rng.uniform(-0.2, 0.2)])
        place = place + step
    return CameraPath(tuple(keys), 12.0, level_up_world=UP, **settings)  # type: ignore[arg-type]


def speeds(path: CameraPath, times: np.ndarray) -> np.ndarray:
    """By differences short enough for the tightest bend."""
    step = 1e-5
    return np.linalg.norm(path.positions_world(times + step) - path.positions_world(times - step), axis=1) / (2 * step)


def assert_at(path: CameraPath, time: float, key: Keyframe, atol: float = 1e-9) -> None:
    np.testing.assert_allclose(path.positions_world(time), key.position_world, atol=atol)
    assert angle_rad(path.rotations(time), key.world_from_camera.rotation) < 10 * atol
    assert path.fovs_y_rad(time) == pytest.approx(key.fov_y_rad, abs=10 * atol)
    assert path.focus_distances(time) == pytest.approx(key.focus_distance, abs=10 * atol)


@settings(max_examples=20)
@given(seed=seeds, n=st.integers(2, 7), overshoot=st.sampled_from([None, True, False]), loop=st.booleans())
def test_a_path_passes_through_its_keys_at_constant_speed_and_stops_nowhere(
    seed: int, n: int, overshoot: bool | None, loop: bool
) -> None:
    # A curve that may never overshoot has to stand still in sharp corners, so here there are none for it; and a loop
    # through two keys turns back at both.
    n = n + 1 if loop else n
    path = through(walk(seed, n, 2.0 if overshoot is not False else 0.3, ease_s=0.0, is_loop=loop), overshoot)
    if not loop:
        for part, key in zip(path.parts_at_keyframes, path.keyframes, strict=True):
            assert_at(path, float(part) * 12.0, key)
    if loop and overshoot is False:
        return
    times = np.linspace(0.001, 11.999, 700)
    np.testing.assert_allclose(speeds(path, times), path.length / 12.0, rtol=0.005)
    cruising = speeds(replace(path, ease_s=2.0), np.linspace(2.001, 9.999, 300))
    assert cruising.min() > 0.5 * cruising.mean()


@settings(max_examples=20)
@given(seed=seeds, n=st.integers(3, 7))
def test_without_overshoot_a_path_stays_in_the_boxes_of_its_keys(seed: int, n: int) -> None:
    path = through(walk(seed, n), overshoot=False)
    positions = path.positions_world(np.linspace(0, 12, 500))
    points = np.array([key.position_world for key in path.keyframes])
    low, high = np.minimum(points[1:], points[:-1]), np.maximum(points[1:], points[:-1])
    inside = ((positions[:, None] >= low - 1e-9) & (positions[:, None] <= high + 1e-9)).all(axis=2)
    assert np.asarray(inside).any(axis=1).all()


def test_unless_told_a_path_overshoots_only_where_it_would_stop_otherwise() -> None:
    def keys(*places: tuple[float, float]) -> CameraPath:
        found = tuple(Keyframe((x, y, 1.6), (1.0, 0.0, 0.0, 0.0), 0.8) for x, y in places)
        return CameraPath(found, 9.0)

    gentle, corner = keys((0, 0), (2, 1), (4, 1.5), (6, 3)), keys((0, 0), (4, 0), (4, 4))
    assert through(gentle).no_overshoot
    assert not through(corner).no_overshoot
    assert through(corner, overshoot=False).no_overshoot
    assert not through(gentle, overshoot=True).no_overshoot
    assert not through(keys((0, 0), (4, 0))).no_overshoot
    times = measure_motion(through(corner), 1.0)
    cruising = times.speed_m_s[(times.time_s > 1.02) & (times.time_s < 7.98)]
    np.testing.assert_allclose(cruising, cruising.mean(), rtol=0.005)
    timed = replace(corner, keyframes=filled_times(corner.keyframes, 9.0, False))
    found = measure_motion(through(timed), 1.0).speed_m_s
    assert found.min() > 0.5 * found.mean()
    # In a loop the way back counts too.
    assert not through(replace(gentle, is_loop=True)).no_overshoot


@settings(max_examples=15)
@given(
    seed=seeds,
    n=st.integers(3, 6),
    rest=st.sampled_from([0.0, 0.4, 1.5]),
    eases=st.sampled_from([(1.0, 1.0), (0.0, 0.0), (5.0, 0.5), (0.0, 1.0)]),
)
def test_a_stop_is_a_rest_at_its_key_and_the_rest_is_flown_at_one_speed(
    seed: int, n: int, rest: float, eases: tuple[float, float]
) -> None:
    base = walk(seed, n, ease_s=eases[0], ease_out_s=eases[1])
    path = with_stops(base, (Stop(1, rest), Stop(n - 1, 1.0)))
    assert path.duration_s == 12.0
    for key in base.keyframes:
        away = [np.linalg.norm(np.subtract(there.position_world, key.position_world)) for there in path.keyframes]
        nearest = path.keyframes[int(np.argmin(away))]
        assert nearest.time_s is not None
        assert_at(path, nearest.time_s, key, atol=1e-8)
    times = np.linspace(0, 12, 2401)
    away = np.linalg.norm(path.positions_world(times) - base.keyframes[1].position_world, axis=1)
    assert (away < 1e-5).sum() >= rest / 0.005 - 1
    motion = measure_motion(path, 1.0)
    at_key = np.argmin(np.abs(motion.time_s - times[int(np.argmin(away))]))
    assert motion.speed_m_s[at_key] < 0.05 * motion.speed_m_s.max()
    assert motion.speed_m_s[motion.time_s > 11.1].max() < 1e-3
    assert (motion.speed_m_s[0] < 0.01 * motion.speed_m_s.max()) == (eases[0] > 0)
    # Up to the first stop it is the same way, only the clock is another.
    assert path.length == pytest.approx(base.length, rel=1e-4)


def test_stops_that_make_no_sense_are_refused() -> None:
    path = walk(0, 4)
    timed = replace(path, keyframes=filled_times(path.keyframes, 12.0, False))
    for bad, stops, message in (
        (timed, (Stop(1, 0.0),), "keys without times"),
        (replace(path, is_loop=True), (Stop(1, 0.0),), "open path"),
        (path, (Stop(1, 0.0), Stop(1, 1.0)), "two stops"),
        (path, (Stop(1, 6.0), Stop(2, 6.0)), "no time to fly"),
    ):
        with pytest.raises(ValueError, match=message):
            with_stops(bad, stops)


def test_a_stop_at_the_ends_alone_only_waits() -> None:
    path = walk(3, 4, ease_s=0.0)
    held = with_stops(path, (Stop(0, 2.0),))
    np.testing.assert_allclose(
        held.positions_world([0.0, 1.0, 1.99]), [path.keyframes[0].position_world] * 3, atol=1e-6
    )
    np.testing.assert_allclose(held.positions_world(12.0), path.positions_world(12.0), atol=1e-9)
    moving = with_stops(path, (Stop(0, 0.0),))
    np.testing.assert_allclose(moving.positions_world(6.0), path.positions_world(6.0), atol=1e-6)


@settings(max_examples=20)
@given(seed=seeds, n=st.integers(2, 8), loop=st.booleans())
def test_missing_times_are_those_of_a_constant_speed(seed: int, n: int, loop: bool) -> None:
    keys = walk(seed, n).keyframes
    rng = np.random.default_rng(seed)
    given_times = [round(1.0 + i, 3) if 0 < i < n - 1 and rng.random() < 0.4 else None for i in range(n)]
    filled = filled_times(
        tuple(replace(key, time_s=time) for key, time in zip(keys, given_times, strict=True)), 12.0, loop
    )
    times = [key.time_s for key in filled if key.time_s is not None]
    assert len(times) == n
    assert times[0] == 0.0
    assert loop or times[-1] == 12.0
    assert (np.diff(times) > 0).all()
    assert all(wanted is None or wanted == time for wanted, time in zip(given_times, times, strict=True))
    CameraPath(filled, 12.0, is_loop=loop)
    with pytest.raises(ValueError, match="must increase"):
        filled_times((*keys[:1], replace(keys[1], time_s=13.0), replace(keys[0], time_s=12.0)), 12.0, False)


def test_looking_ahead_is_along_the_way_and_level() -> None:
    rotations = looking_ahead(np.array([[0, 0, 0], [0, 1, 1], [1, 2, 1.0]]), np.array(UP), is_loop=False)
    np.testing.assert_allclose(rotations[0][:, 2], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rotations[1], aimed(math.atan2(1, 2), 0.0), atol=1e-12)
    around = looking_ahead(np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0.0]]), np.array(UP), is_loop=True)
    np.testing.assert_allclose(around[0][:, 2], [0, 1, 0], atol=1e-12)
    with pytest.raises(ValueError, match="has no direction"):
        looking_ahead(np.array([[0, 0, 0], [0, 0, 1.0]]), np.array(UP), is_loop=False)
