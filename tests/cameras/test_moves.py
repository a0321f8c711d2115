"""Laws of the moves: each flies what its name says, exactly, at every moment."""

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.arrays import angles_between_rad, norms, unit
from cameras.keyframe import fov_y_rad_from_focal_mm
from cameras.motion import measure_motion
from cameras.moves import circles, lines, turns
from cameras.moves.aim import aim_of, aimed
from cameras.moves.manner import Easing, Manner, Stance, roll_rad
from cameras.path import CameraPath, eased_fraction
from cameras.rotations import angle_rad, rotation_exp
from tests.cameras.boxes import focus_of

UP = np.array([0.0, 0.0, 1.0])
SUBJECT = np.array([1.0, -2.0, 0.9])


def beside(x: float, y: float, z: float) -> np.ndarray:
    return SUBJECT + np.array([x, y, z])


MANNER = Manner(6.0, (0.8, 0.8))
ahead_of = st.floats(-3.0, 3.0).filter(lambda x: abs(x) > 0.05)
eases = st.sampled_from([0.0, 0.7, 1.5, 20.0])
easings = st.builds(Easing, eases, eases)
angles = st.floats(-720, 720).filter(lambda x: abs(x) > 5).map(math.radians)
RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001)]


def stance(heading: float = 0.4, tilt: float = -0.2) -> Stance:
    return Stance(np.array([0.5, 0.25, 1.6]), aimed(heading, tilt)[:, 2])


def moments(path: CameraPath, n: int = 301) -> np.ndarray:
    return np.linspace(0.0, path.duration_s, n)


def is_level(path: CameraPath) -> bool:
    return bool(np.abs(path.rotations(moments(path))[:, 2, 0]).max() < 1e-9)


@settings(max_examples=25)
@given(
    radius=st.floats(0.3, 20),
    height=st.floats(-3, 3),
    bearing=st.floats(-4, 4),
    angle=angles,
    easing=easings,
    up=st.sampled_from([(0.0, 0.0, 1.0), (0.1, -0.3, 0.9)]),
)
def test_an_arc_stays_on_its_circle_looks_at_its_subject_and_covers_its_angle(
    radius: float, height: float, bearing: float, angle: float, easing: Easing, up: tuple[float, float, float]
) -> None:
    axis = unit(up)
    start = circles.stand_around(SUBJECT, radius, height, bearing, axis)
    path = circles.arc(start, SUBJECT, angle, replace(MANNER, easing=easing, up_world=up))
    times = moments(path)
    offsets = path.positions_world(times) - SUBJECT
    np.testing.assert_allclose(offsets @ axis, height, atol=1e-9)
    level = offsets - np.outer(offsets @ axis, axis)
    np.testing.assert_allclose(norms(level)[:, 0], radius, atol=1e-9)
    np.testing.assert_allclose(path.rotations(times)[..., 2], unit(-offsets), atol=1e-9)
    # Clockwise from above is a negative turn about the up axis.
    steps = np.arctan2(np.cross(level[:-1], level[1:]) @ axis, np.sum(level[:-1] * level[1:], axis=1))
    assert -steps.sum() == pytest.approx(angle, abs=1e-9)
    covered = -np.cumsum(steps) / angle
    expected = eased_fraction(times, path.duration_s, easing.in_s, easing.out_s)
    np.testing.assert_allclose(covered, expected[1:], atol=1e-9)


def test_the_start_of_a_circle_is_where_its_bearing_says() -> None:
    np.testing.assert_allclose(circles.stand_around(SUBJECT, 2.0, 0.5, 0.0, UP), beside(0, 2, 0.5), atol=1e-12)
    east = circles.stand_around(SUBJECT, 2.0, 0.5, math.pi / 2, UP)
    np.testing.assert_allclose(east, beside(2, 0, 0.5), atol=1e-12)
    # Where +y is up, the bearing counts from +z.
    np.testing.assert_allclose(circles.stand_around(SUBJECT, 2.0, 0.0, 0.0, np.array([0.0, 1.0, 0.0])), beside(0, 0, 2))


@settings(max_examples=15)
@given(angle=angles, end_radius=st.floats(0.2, 9), end_height=st.floats(-2, 4))
def test_a_spiral_is_archimedes(angle: float, end_radius: float, end_height: float) -> None:
    start = beside(3.0, 0.0, 0.5)
    path = circles.spiral(start, SUBJECT, angle, end_radius, end_height, MANNER)
    offsets = path.positions_world(moments(path, 2001)) - SUBJECT
    turned = np.unwrap(np.arctan2(-offsets[:, 1], offsets[:, 0]))
    assert turned[-1] == pytest.approx(angle, abs=1e-9)
    part = turned / angle
    np.testing.assert_allclose(np.hypot(offsets[:, 0], offsets[:, 1]), 3 + part * (end_radius - 3), atol=1e-6)
    np.testing.assert_allclose(offsets[:, 2], 0.5 + part * (end_height - 0.5), atol=1e-6)
    assert is_level(path)


@settings(max_examples=25)
@given(
    distance=st.floats(-9, 2.5).filter(lambda d: abs(d) > 0.01),
    mm=st.floats(12, 90),
    easing=easings,
    fps=st.sampled_from(RATES),
    height=st.floats(0.1, 1.0),
)
def test_a_dolly_zoom_keeps_the_pixel_height_of_its_subject_in_every_frame(
    distance: float, mm: float, easing: Easing, fps: Fraction, height: float
) -> None:
    start = beside(0.0, -3.0, 0.0)
    fov = fov_y_rad_from_focal_mm(mm)
    path = lines.dolly_zoom(Stance(start, UP), distance, Manner(4.0, (fov, fov), easing), SUBJECT)
    foot, head = SUBJECT - (0, 0, 0.5 * height), beside(0, 0, 0.5 * height)
    times = np.array([float(i / fps) for i in range(round(4 * fps))])
    sizes = [float(np.diff(camera.project([foot, head])[0][:, 1])[0]) for camera in path.cameras_at(times, 1920, 1080)]
    expected = height / 3.0 * 540 / math.tan(0.5 * fov)
    np.testing.assert_allclose(np.abs(sizes), expected, rtol=1e-6)
    np.testing.assert_allclose(path.positions_world(4.0), beside(0, distance - 3.0, 0), atol=1e-9)
    assert abs(math.log(path.fovs_y_rad(4.0) / fov)) > 1e-4


@settings(max_examples=20)
@given(distance=ahead_of, heading=st.floats(-3, 3), easing=easings, aimed_at=st.booleans(), fps=st.sampled_from(RATES))
def test_lines_are_straight_and_go_where_their_names_say(
    distance: float, heading: float, easing: Easing, aimed_at: bool, fps: Fraction
) -> None:
    stands, manner = stance(heading), replace(MANNER, easing=easing)
    subject = np.array([4.0, 5.0, 1.0]) if aimed_at else None
    ahead, right = (
        np.array([math.sin(heading), math.cos(heading), 0]),
        np.array([math.cos(heading), -math.sin(heading), 0]),
    )
    axis = stands.forward_world if subject is None else unit(subject - stands.position_world)
    for path, way in (
        (lines.dolly(stands, distance, manner, subject), distance * ahead),
        (lines.truck(stands, distance, manner, subject), distance * right),
        (lines.pedestal(stands, distance, manner, subject), distance * UP),
        (lines.crane(stands, distance, 0.5, manner, subject), distance * UP + 0.5 * ahead),
        (lines.push_in(stands, distance, manner, subject), distance * axis),
    ):
        times = np.array([float(i / fps) for i in range(round(6 * fps))])
        part = eased_fraction(times, 6.0, easing.in_s, easing.out_s)[:, None]
        positions, rotations = path.positions_world(times), path.rotations(times)
        np.testing.assert_allclose(positions, stands.position_world + part * way, atol=1e-9)
        towards = np.tile(stands.forward_world, (len(times), 1)) if subject is None else subject - positions
        np.testing.assert_allclose(rotations[..., 2], unit(towards), atol=1e-9)
        assert is_level(path)


def test_a_focus_on_the_subject_stays_on_it() -> None:
    subject = np.array([1.0, 3.0, 1.0])
    manner = replace(MANNER, focus="subject")
    for path in (
        lines.truck(stance(), 4.0, manner, subject),
        lines.dolly_zoom(stance(), 2.0, manner, subject),
        circles.arc(stance().position_world, subject, 2.0, manner),
    ):
        focus = path.focus_distances(moments(path))
        assert focus is not None
        np.testing.assert_allclose(focus, norms(subject - path.positions_world(moments(path)))[:, 0], rtol=1e-8)
    with pytest.raises(ValueError, match="no subject that the focus"):
        lines.truck(stance(), 4.0, manner)
    still = lines.standing(manner, 2.5)
    assert lines.hold(stance(), still).focus_distances(0.0) == pytest.approx(2.5)


@settings(max_examples=25)
@given(angle=angles, tilt=st.floats(-1.4, 1.4), easing=easings)
def test_a_pan_turns_about_the_up_axis_at_a_constant_rate(angle: float, tilt: float, easing: Easing) -> None:
    path = turns.pan(stance(0.3, tilt), angle, replace(MANNER, easing=easing))
    times = moments(path)
    forward = path.rotations(times)[..., 2]
    np.testing.assert_allclose(forward[:, 2], math.sin(tilt), atol=1e-9)
    headings = np.unwrap(np.arctan2(forward[:, 0], forward[:, 1]))
    expected = 0.3 + angle * eased_fraction(times, 6.0, easing.in_s, easing.out_s)
    np.testing.assert_allclose(headings, expected, atol=1e-7)
    assert is_level(path)
    assert path.length == 0


@settings(max_examples=20)
@given(start=st.floats(-80, 80), end=st.floats(-80, 80), roll=st.floats(-400, 400))
def test_a_tilt_and_a_roll_turn_by_their_angles(start: float, end: float, roll: float) -> None:
    if abs(end - start) > 1e-3:
        path = turns.tilt(stance(1.0, math.radians(start)), math.radians(end - start), MANNER)
        heading, tilt, rolled = aim_of(path.rotations(6.0))
        np.testing.assert_allclose([heading, tilt, rolled], [1.0, math.radians(end), 0.0], atol=1e-9)
        assert is_level(path)
    if abs(roll) > 1e-3:
        path = turns.roll(stance(), math.radians(roll), replace(MANNER, rolls_rad=(0.1, 0.1)))
        rolls = np.unwrap(roll_rad(path.rotations(moments(path)), UP))
        expected = 0.1 + math.radians(roll) * eased_fraction(moments(path), 6.0, 1.0)
        np.testing.assert_allclose(rolls, expected, atol=1e-7)
        np.testing.assert_allclose(path.rotations(moments(path))[..., 2] - stance().forward_world, 0, atol=1e-9)


@settings(max_examples=20)
@given(heading=st.floats(-3, 3), tilt=st.floats(-1.3, 1.3))
def test_a_pan_onto_something_ends_there_the_short_way(heading: float, tilt: float) -> None:
    aim = aimed(0.4 + heading, tilt)[:, 2]
    path = turns.pan_onto(stance(), aim, MANNER)
    rotations = path.rotations(moments(path))
    np.testing.assert_allclose(rotations[-1][:, 2], aim, atol=1e-9)
    assert is_level(path)
    turned = np.unwrap(np.arctan2(rotations[:, 0, 2], rotations[:, 1, 2]))
    assert abs(turned[-1] - turned[0]) <= math.pi + 1e-9


def test_a_whip_is_fastest_at_its_end() -> None:
    manner = replace(MANNER, seconds=0.4)
    for path in (turns.whip(stance(), 1.5, manner), turns.whip_onto(stance(), aimed(1.9, 0.1)[:, 2], manner)):
        rotations = path.rotations(moments(path, 101))
        steps = angle_rad(rotations[1:], rotations[:-1])
        assert (np.diff(steps) > -1e-9).all()
        # The speed rises from rest to twice its mean.
        assert steps[-1] == pytest.approx(2 * steps.mean(), rel=0.02)
        assert steps[0] < 1e-4 * steps[-1]


@given(mm=st.tuples(st.floats(10, 200), st.floats(10, 200)), easing=easings, rolls=st.booleans())
def test_a_zoom_is_even_in_the_logarithm_of_the_focal_length(
    mm: tuple[float, float], easing: Easing, rolls: bool
) -> None:
    manner = Manner(
        6.0,
        (fov_y_rad_from_focal_mm(mm[0]), fov_y_rad_from_focal_mm(mm[1])),
        easing,
        (1.0, 4.0),
        (0.0, 0.2 if rolls else 0.0),
    )
    path = lines.hold(stance(), manner)
    times = moments(path, 60)
    part = eased_fraction(times, 6.0, easing.in_s, easing.out_s)
    found = np.log(12 / np.tan(0.5 * path.fovs_y_rad(times)))
    np.testing.assert_allclose(found, np.log(mm[0]) + part * np.log(mm[1] / mm[0]), atol=1e-9)
    np.testing.assert_allclose(focus_of(path, times), 4.0**part, rtol=1e-9)
    assert np.ptp(path.positions_world(times), axis=0).max() < 1e-12


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_headings_tilts_and_rolls_are_rotations_told_otherwise(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for rotation in (rotation_exp(2 * rng.normal(size=3)), aimed(0.7, math.pi / 2, 0.3), aimed(-2.0, -math.pi / 2)):
        np.testing.assert_allclose(aimed(*aim_of(rotation)), rotation, atol=1e-12)
    heading, tilt, roll = rng.uniform(-math.pi, math.pi), rng.uniform(-1.5, 1.5), rng.uniform(-math.pi, math.pi)
    np.testing.assert_allclose(aim_of(aimed(heading, tilt, roll)), (heading, tilt, roll), atol=1e-9)


def test_signs_are_those_of_the_operator() -> None:
    east = aimed(math.pi / 2, 0.0)
    np.testing.assert_allclose(east, [[0, 0, 1], [-1, 0, 0], [0, -1, 0]], atol=1e-12)
    assert aimed(0.0, 0.5)[2, 2] > 0
    # Rolled clockwise, the camera's right hand side sinks.
    assert aimed(0.0, 0.0, 0.3)[2, 0] < 0


@settings(max_examples=15)
@given(turn=st.floats(-0.3, 0.3).filter(lambda r: abs(r) > 0.01), subject=st.booleans())
def test_a_shot_rolls_only_where_it_says_so_and_then_as_it_says(turn: float, subject: bool) -> None:
    target = np.array([3.0, 4.0, 1.0]) if subject else None
    manner = replace(MANNER, rolls_rad=(0.05, 0.05 + turn))
    for path in (
        lines.truck(stance(), 2.0, manner, target),
        turns.pan(stance(), 1.0, manner),
        circles.arc(stance().position_world, SUBJECT, 1.0, manner),
    ):
        part = eased_fraction(moments(path), 6.0, 1.0)
        found = roll_rad(path.rotations(moments(path)), UP)
        np.testing.assert_allclose(found[[0, -1]], [0.05, 0.05 + turn], atol=1e-7)
        np.testing.assert_allclose(found, 0.05 + turn * part, atol=2e-3)
        assert path.level_up_world is None


@pytest.mark.parametrize("easing", [Easing(0, 0), Easing(1.5, 0), Easing(0, 1.5), Easing(1.5, 1.5)])
def test_easing_leaves_and_arrives_at_rest_where_it_says_so(easing: Easing) -> None:
    path = circles.arc(beside(2.0, 0, 0.5), SUBJECT, 2.0, replace(MANNER, easing=easing))
    motion = measure_motion(path, 1.0, samples_per_s=200)
    mean = path.length / (6.0 - 0.5 * (easing.in_s + easing.out_s))
    for ease, speed in ((easing.in_s, motion.speed_m_s[0]), (easing.out_s, motion.speed_m_s[-1])):
        assert speed == pytest.approx(mean, rel=1e-4) if ease == 0 else speed < 1e-3 * mean
    cruise = (motion.time_s > easing.in_s + 0.02) & (motion.time_s < 6 - easing.out_s - 0.02)
    np.testing.assert_allclose(motion.speed_m_s[cruise], mean, rtol=1e-4)


@given(duration=st.floats(0.1, 20), eases=st.tuples(st.floats(0, 9), st.floats(0, 9)))
def test_one_sided_eases_are_each_others_mirror_and_keep_their_speed_limits(
    duration: float, eases: tuple[float, float]
) -> None:
    times = np.linspace(0, duration, 400)
    part = eased_fraction(times, duration, *eases)
    np.testing.assert_allclose(part, 1 - eased_fraction(times, duration, eases[1], eases[0])[::-1], atol=1e-12)
    assert (part[0], part[-1]) == (0, 1)
    assert (np.diff(part) >= -1e-15).all()
    # The cruising speed is at most twice the mean, where two eases meet.
    assert np.diff(part).max() <= 2 / 399 + 1e-9


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lines.dolly(stance(0, math.pi / 2), 1.0, MANNER), "straight up or down"),
        (lambda: lines.truck(stance(), 0.0, MANNER), "would not move"),
        (lambda: lines.push_in(stance(), 9.0, MANNER, SUBJECT), "fly into the subject"),
        (lambda: lines.dolly_zoom(stance(), 9.0, MANNER, SUBJECT), "fly into the subject"),
        (lambda: lines.dolly_zoom(stance(), 0.0, MANNER, SUBJECT), "would not move"),
        (lambda: circles.arc(SUBJECT + UP, SUBJECT, 1.0, MANNER), "straight above or below"),
        (lambda: circles.spiral(beside(1, 0, 0), SUBJECT, 1.0, -1.0, 0.0, MANNER), "straight above or below"),
        (lambda: circles.arc(beside(1, 0, 0), SUBJECT, 0.0, MANNER), "would not move"),
        (lambda: turns.pan(stance(), 0.0, MANNER), "would not turn"),
        (lambda: turns.tilt(stance(0, 1.2), 0.5, MANNER), "between straight down"),
        (lambda: turns.pan_onto(stance(), UP, MANNER), "straight up or down"),
    ],
)
def test_moves_that_make_no_sense_are_refused(make: Callable[[], CameraPath], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_turning_onto_another_tilt_is_even() -> None:
    path = turns.pan_onto(stance(0.0, 0.0), aimed(1.0, 0.6)[:, 2], replace(MANNER, easing=Easing(0, 0)))
    forward = path.rotations(moments(path, 50))[..., 2]
    steps = angles_between_rad(forward[1:], forward[:-1])
    assert steps.max() < 1.2 * steps.min()
