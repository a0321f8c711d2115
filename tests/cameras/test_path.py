import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.keyframe import Keyframe, fov_y_rad_from_focal_mm
from cameras.path import CameraPath, eased_fraction
from cameras.rigid import Rigid
from cameras.rotations import angle_rad, look_rotation, rotation_exp
from cameras.shot_list import ShotList
from cameras.splines import ArcLength, Curve, RotationCurve, with_continuous_signs

seeds = st.integers(0, 2**32 - 1)


def random_knots(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.concatenate([[0.0], np.cumsum(rng.uniform(0.3, 2.0, n - 1))])


def random_path(seed: int, n: int, *, loop: bool = False, timed: bool = False, box: bool = False) -> CameraPath:
    rng = np.random.default_rng(seed)
    times = random_knots(rng, n)
    keys = tuple(
        Keyframe.from_pose(
            Rigid(rotation_exp(0.8 * rng.normal(size=3)), 3 * rng.normal(size=3)),
            float(rng.uniform(0.5, 1.5)),
            float(time) if timed else None,
        )
        for time in times
    )
    duration = float(times[-1]) + (1.0 if loop else 0.0) if timed else 7.0
    return CameraPath(keys, duration, is_loop=loop, no_overshoot=box, ease_s=0.0 if timed else 1.0)


@settings(max_examples=40)
@given(seed=seeds, n=st.integers(2, 7), closed=st.booleans(), no_overshoot=st.booleans())
def test_curves_pass_through_their_knots_and_are_c2(seed: int, n: int, closed: bool, no_overshoot: bool) -> None:
    rng = np.random.default_rng(seed)
    knots, values = random_knots(rng, n + closed), rng.normal(size=(n, 3))
    curve = Curve(knots, values, closed=closed, no_overshoot=no_overshoot)
    np.testing.assert_allclose(curve(knots[:n]), values, atol=1e-12)
    joints = knots if closed else knots[1:-1]
    for derivative in range(3):
        before, after = curve(joints - 1e-7, derivative), curve(joints + 1e-7, derivative)
        np.testing.assert_allclose(before, after, atol=1e-3)


@settings(max_examples=40)
@given(seed=seeds, n=st.integers(2, 7), closed=st.booleans())
def test_without_overshoot_a_curve_stays_between_neighbouring_knots(seed: int, n: int, closed: bool) -> None:
    rng = np.random.default_rng(seed)
    knots, values = random_knots(rng, n + closed), rng.normal(size=(n, 2))
    curve = Curve(knots, values, closed=closed, no_overshoot=True)
    ends = np.concatenate([values, values[:1]]) if closed else values
    for i in range(len(knots) - 1):
        piece = curve(np.linspace(knots[i], knots[i + 1], 50, endpoint=False))
        assert (np.diff(piece, axis=0) * np.sign(ends[i + 1] - ends[i]) >= -1e-12).all()


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(2, 6), closed=st.booleans())
def test_rotation_curves_do_not_care_about_signs_and_are_continuous(seed: int, n: int, closed: bool) -> None:
    rng = np.random.default_rng(seed)
    knots, q = random_knots(rng, n + closed), rng.normal(size=(n, 4))
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    flipped = RotationCurve(knots, q * rng.choice([-1.0, 1.0], (n, 1)), closed=closed)
    curve = RotationCurve(knots, q, closed=closed)
    t = np.linspace(0, knots[-1], 40)
    np.testing.assert_allclose(np.abs(np.sum(curve(t) * flipped(t), axis=1)), 1, atol=1e-9)
    np.testing.assert_allclose(np.abs(np.sum(curve(knots[:n]) * q, axis=1)), 1, atol=1e-12)
    around = np.sum(curve(knots - 1e-7) * curve(knots + 1e-7), axis=1)
    np.testing.assert_allclose(np.abs(around), 1, atol=1e-5)


def test_turning_speed_is_the_derivative_of_the_angle() -> None:
    rng = np.random.default_rng(3)
    curve = RotationCurve(np.arange(4.0), with_continuous_signs(rng.normal(size=(4, 4))))
    t, h = np.linspace(0.1, 2.9, 20), 1e-5
    chord = 2 * np.linalg.norm(curve(t + h) - curve(t - h), axis=1)
    np.testing.assert_allclose(curve.speed(t), chord / (2 * h), rtol=1e-6)


def test_arc_length_of_a_circle() -> None:
    phi = np.linspace(0, 2 * math.pi, 65)
    circle = Curve(phi, np.stack([np.cos(phi), np.sin(phi)], axis=1)[:-1], closed=True)
    arc = ArcLength(circle.knots, circle.speed)
    assert arc.total == pytest.approx(2 * math.pi, rel=1e-6)
    np.testing.assert_allclose(arc.at(phi), phi, rtol=1e-6)


@settings(max_examples=25)
@given(seed=seeds, n=st.integers(2, 6), loop=st.booleans(), box=st.booleans())
def test_speed_is_constant_between_the_eases(seed: int, n: int, loop: bool, box: bool) -> None:
    path = random_path(seed, n, loop=loop, box=box)
    t = np.linspace(1.0, 6.0, 40)
    h = 1e-4
    speed = np.linalg.norm(path.positions_world(t + h) - path.positions_world(t - h), axis=1) / (2 * h)
    expected = path.length / (7.0 if loop else 6.0)
    # Without overshoot a curve may stop where all its coordinates turn, so only its median is asked for.
    if box:
        assert float(np.median(speed[1:-1])) == pytest.approx(expected, rel=1e-3)
    else:
        np.testing.assert_allclose(speed[1:-1], expected, rtol=1e-2)
    if not loop:
        assert np.linalg.norm(path.positions_world(0.01) - path.positions_world(0.0)) < 1e-4 * path.length
        np.testing.assert_allclose(path.positions_world(7.0), path.keyframes[-1].position_world, atol=1e-9)


@settings(max_examples=25)
@given(seed=seeds, n=st.integers(2, 6), loop=st.booleans())
def test_timed_keyframes_are_reached_on_time(seed: int, n: int, loop: bool) -> None:
    path = random_path(seed, n, loop=loop, timed=True)
    for key in path.keyframes:
        assert key.time_s is not None
        np.testing.assert_allclose(path.positions_world(key.time_s), key.position_world, atol=1e-9)
        assert float(angle_rad(path.rotations(key.time_s), key.world_from_camera.rotation)) < 1e-7
        assert float(path.fovs_y_rad(key.time_s)) == pytest.approx(key.fov_y_rad)
    if loop:
        start, end = path.positions_world(0.0), path.positions_world(path.duration_s)
        np.testing.assert_allclose(start, end, atol=1e-9)


@given(
    duration=st.floats(0.05, 30, allow_subnormal=False),
    fps=st.sampled_from([24, 25, 30, Fraction(30000, 1001), Fraction(24000, 1001), 59.94]),
)
def test_a_film_has_the_exact_number_of_frames_at_exact_times(duration: float, fps: Fraction | float) -> None:
    path = CameraPath((Keyframe((0, 0, 0), (1, 0, 0, 0), 1.0),), duration, ease_s=0.0)
    times = ShotList.of(path).times_s(fps)
    assert len(times) == max(1, round(Fraction(duration) * Fraction(fps).limit_denominator(1_000_000)))
    np.testing.assert_allclose(times, np.arange(len(times)) / float(fps), rtol=1e-12)


def test_cameras_carry_pose_lens_size_and_time() -> None:
    cameras = ShotList.of(random_path(0, 4)).cameras(Fraction(30), 64, 48)
    assert len(cameras) == 210
    assert (cameras[30].time_s, cameras[30].width, cameras[30].height) == (1.0, 64, 48)
    assert cameras[0].intrinsics.fov_y_rad == pytest.approx(random_path(0, 4).keyframes[0].fov_y_rad)
    still = ShotList.of(CameraPath((Keyframe((1, 2, 3), (1, 0, 0, 0), 1.0),), 1.0)).cameras(10, 64, 48)
    np.testing.assert_array_equal([camera.position_world for camera in still], [[1, 2, 3]] * 10)


def test_a_pan_turns_at_constant_speed_all_the_way_around() -> None:
    half = np.arange(4) * math.pi / 4
    keys = tuple(Keyframe((0, 0, 0), (math.cos(a), 0, 0, math.sin(a)), 1.0) for a in half)
    rotations = CameraPath(keys, 10.0, is_loop=True).rotations(np.linspace(0, 10, 101))
    np.testing.assert_allclose(angle_rad(rotations[1:], rotations[:-1]), 2 * math.pi / 100, rtol=1e-4)


def test_a_level_path_keeps_the_horizon() -> None:
    up = (0.0, 0.0, 1.0)
    directions = [(1, 0, -0.8), (0, 1, 0.6), (-1, 1, -0.9)]
    keys = tuple(
        Keyframe.from_pose(Rigid(look_rotation(d, up), np.array([i, i * i, 0.0])), 1.0)
        for i, d in enumerate(directions)
    )
    rotations = CameraPath(keys, 5.0, level_up_world=up).rotations(np.linspace(0, 5, 60))
    np.testing.assert_allclose(rotations[:, 2, 0], 0, atol=1e-12)
    assert np.abs(CameraPath(keys, 5.0).rotations(np.linspace(0, 5, 60))[:, 2, 0]).max() > 1e-3


@given(ease=st.floats(0, 2.5))
def test_easing_covers_the_way_monotonically(ease: float) -> None:
    fraction = eased_fraction(np.linspace(0, 5, 201), 5.0, ease)
    assert (fraction[0], fraction[-1]) == (0, 1)
    assert (np.diff(fraction) >= 0).all()
    np.testing.assert_allclose(fraction, 1 - fraction[::-1], atol=1e-12)


def test_focal_lengths() -> None:
    assert fov_y_rad_from_focal_mm(12.0) == pytest.approx(math.pi / 2)
    with pytest.raises(ValueError, match="must be positive"):
        fov_y_rad_from_focal_mm(0.0)


def key(x: float = 0.0, time_s: float | None = None) -> Keyframe:
    return Keyframe((x, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), 1.0, time_s)


def test_bad_keyframes_and_curves_are_refused() -> None:
    with pytest.raises(ValueError, match="3 finite numbers"):
        key(math.nan)
    with pytest.raises(ValueError, match="4 numbers of length 1"):
        Keyframe((0, 0, 0), (1, 1, 0, 0), 1.0)
    with pytest.raises(ValueError, match="fov_y_rad must be"):
        Keyframe((0, 0, 0), (1, 0, 0, 0), 4.0)
    with pytest.raises(ValueError, match="time_s must be"):
        key(0, -1.0)
    with pytest.raises(ValueError, match=r"values \[K, D\] and knots"):
        Curve([0.0], [[1.0], [2.0]])
    with pytest.raises(ValueError, match="strictly increasing"):
        Curve([1.0, 0.0], [[1.0], [2.0]])


def test_bad_paths_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one keyframe"):
        CameraPath((), 1.0)
    with pytest.raises(ValueError, match="duration_s must be positive"):
        CameraPath((key(),), 0.0)
    with pytest.raises(ValueError, match="ease_s must be"):
        CameraPath((key(),), 1.0, ease_s=-0.6)
    with pytest.raises(ValueError, match="level_up_world must be"):
        CameraPath((key(),), 3.0, level_up_world=(0, 0, 0))
    with pytest.raises(ValueError, match="either all keyframes have times or none"):
        CameraPath((key(0, 0.0), key(1)), 3.0)
    with pytest.raises(ValueError, match="times must increase from 0 to duration_s"):
        CameraPath((key(0, 0.0), key(1, 2.0)), 3.0)
    with pytest.raises(ValueError, match="two neighbouring keyframes are at one place"):
        CameraPath((key(0), key(0), key(1)), 3.0)
    with pytest.raises(ValueError, match="fps must be positive"):
        ShotList.of(CameraPath((key(),), 3.0)).times_s(0)


@given(seed=seeds, n=st.integers(1, 5), level=st.booleans(), aimed=st.booleans())
def test_a_moved_path_is_the_path_seen_from_other_axes(seed: int, n: int, level: bool, aimed: bool) -> None:
    rng = np.random.default_rng(seed)
    move = Rigid(rotation_exp(rng.normal(size=3)), rng.normal(size=3))
    path = random_path(seed, n)
    path = replace(path, level_up_world=(0, 0.2, 1) if level else None, look_at_world=(50, 0, 3) if aimed else None)
    times, there = np.linspace(0, path.duration_s, 9), path.moved(move)
    np.testing.assert_allclose(there.positions_world(times), move.apply(path.positions_world(times)), atol=1e-9)
    np.testing.assert_allclose(there.rotations(times), move.rotation @ path.rotations(times), atol=1e-7)
    np.testing.assert_allclose(there.fovs_y_rad(times), path.fovs_y_rad(times), atol=1e-12)


@given(seed=seeds, n=st.integers(2, 5))
def test_focus_passes_through_its_keys_and_a_path_that_looks_at_a_point_looks_at_it(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    path = random_path(seed, n, timed=True)
    focus = rng.uniform(0.5, 9, n)
    keys = tuple(replace(key, focus_distance=float(f)) for key, f in zip(path.keyframes, focus, strict=True))
    aimed = replace(path, keyframes=keys, look_at_world=(40.0, 2.0, 1.0))
    found = aimed.focus_distances([key.time_s or 0.0 for key in keys])
    assert found is not None
    np.testing.assert_allclose(found, focus, rtol=1e-9)
    assert path.focus_distances(0.0) is None
    times = np.linspace(0, path.duration_s, 20)
    to = np.array([40.0, 2.0, 1.0]) - aimed.positions_world(times)
    np.testing.assert_allclose(aimed.rotations(times)[..., 2], to / np.linalg.norm(to, axis=1)[:, None], atol=1e-9)
