"""Shot files flown: each kind does what its name says, joins are unbroken, and units do not matter."""

import math
from pathlib import Path

import numpy as np
import pytest

from cameras.arrays import Floats
from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.keyframe import fov_y_rad_from_focal_mm
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import angle_rad, look_rotation
from cameras.shot_compile import ShotContext, compile_shots
from cameras.shot_file import read_shot_file
from cameras.shot_list import ShotList
from cameras.take import takes_of

SUBJECT = np.array([1.0, 3.0, 1.0])
START = np.array([0.0, 0.0, 1.5])


def captured(metres_per_unit: float = 1.0) -> list[Camera]:
    """Views along a bend, in world units."""
    found: list[Camera] = []
    for t in np.linspace(0, 1, 24):
        place = np.array([3 * t, math.sin(2 * t), 1.5]) / metres_per_unit
        rotation = look_rotation((math.cos(t), math.sin(t), 0.0), (0, 0, 1))
        found.append(Camera(Intrinsics.from_fov(640, 480, 0.9), Rigid(rotation, place)))
    return found


def film(text: str, folder: Path, metres_per_unit: float = 1.0) -> ShotList:
    file = folder / "shots.yaml"
    file.write_text("places: {it: [1, 3, 1]}\nshots:\n" + text)
    return compile_shots(read_shot_file(file), ShotContext(captured(metres_per_unit), metres_per_unit))


def one(kind: str, options: str, folder: Path) -> CameraPath:
    text = f"  - {{name: a, kind: {kind}, from: [0, 0, 1.5], seconds: 5, {options}}}\n"
    return film(text, folder).shots[0].path


def ends(path: CameraPath) -> tuple[Floats, Floats]:
    return path.positions_world(0.0), path.positions_world(path.duration_s)


def turned(path: CameraPath) -> float:
    return math.degrees(float(angle_rad(path.rotations(0.0), path.rotations(path.duration_s))))


@pytest.mark.parametrize(
    ("kind", "options", "way"),
    [
        ("hold", "heading: 0", [0, 0, 0]),
        ("dolly", "heading: 90, distance: 2", [2, 0, 0]),
        ("dolly", "heading: 0, distance: -1", [0, -1, 0]),
        ("truck", "heading: 0, distance: 2", [2, 0, 0]),
        ("pedestal", "heading: 0, distance: 0.5", [0, 0, 0.5]),
        ("crane", "heading: 0, rise: 1, distance: 0.5", [0, 0.5, 1]),
        ("pan", "heading: 0, angle: 40", [0, 0, 0]),
        ("tilt", "heading: 0, angle: 20", [0, 0, 0]),
        ("roll", "heading: 0, angle: 15", [0, 0, 0]),
        ("whip", "heading: 0, angle: 60", [0, 0, 0]),
        ("orbit", "subject: it", [0, 0, 0]),
    ],
)
def test_where_each_kind_ends(kind: str, options: str, way: list[float], tmp_path: Path) -> None:
    start, end = ends(one(kind, options, tmp_path))
    np.testing.assert_allclose(start, START, atol=1e-9)
    np.testing.assert_allclose(end - start, way, atol=1e-8)


@pytest.mark.parametrize(
    ("kind", "options", "angle"),
    [
        ("pan", "heading: 10, angle: 40", 40),
        ("tilt", "heading: 0, angle: -25", 25),
        ("roll", "heading: 0, angle: 15", 15),
    ],
)
def test_how_far_a_turn_turns(kind: str, options: str, angle: float, tmp_path: Path) -> None:
    assert turned(one(kind, options, tmp_path)) == pytest.approx(angle, abs=1e-6)


def test_headings_are_as_on_a_compass(tmp_path: Path) -> None:
    path = one("pan", "heading: 0, angle: 90", tmp_path)
    np.testing.assert_allclose(path.rotations(0.0)[:, 2], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(path.rotations(5.0)[:, 2], [1, 0, 0], atol=1e-9)


def test_a_push_ends_where_it_says(tmp_path: Path) -> None:
    far = float(np.linalg.norm(SUBJECT - START))
    for options, left in (("distance: 1", far - 1), ("end_distance: 0.8", 0.8)):
        _, end = ends(one("push-in", f"subject: it, {options}", tmp_path))
        assert np.linalg.norm(SUBJECT - end) == pytest.approx(left)
    _, end = ends(one("pull-out", "subject: it, distance: 1", tmp_path))
    assert np.linalg.norm(SUBJECT - end) == pytest.approx(far + 1)


@pytest.mark.parametrize("options", ["distance: 1.5, lens: 35", "end_distance: 1.5, lens: 35", "lens: [35, 24]"])
def test_a_dolly_zoom_holds_the_size_of_its_subject_exactly(options: str, tmp_path: Path) -> None:
    path = one("dolly-zoom", f"subject: it, {options}", tmp_path)
    time = np.linspace(0, 5, 200)
    far = np.linalg.norm(SUBJECT - path.positions_world(time), axis=1)
    size = 1 / (far * np.tan(0.5 * path.fovs_y_rad(time)))
    np.testing.assert_allclose(size, size[0], rtol=1e-6)
    assert far.min() < 0.95 * far[0]
    forward = path.rotations(time)[..., 2]
    np.testing.assert_allclose(forward, (SUBJECT - START) / far[0] * np.ones((200, 1)), atol=1e-9)


@pytest.mark.parametrize("kind", ["arc", "orbit", "spiral"])
def test_circles_look_at_their_subject(kind: str, tmp_path: Path) -> None:
    more = ", end_radius: 1.0, end_height: 1.5" if kind == "spiral" else ""
    path = (
        film(
            f"  - {{name: a, kind: {kind}, subject: it, radius: 2, height: 0.5, "
            f"bearing: 90, angle: 120, seconds: 6{more}}}\n",
            tmp_path,
        )
        .shots[0]
        .path
    )
    start, end = ends(path)
    np.testing.assert_allclose(start, SUBJECT + np.array([2.0, 0.0, 0.5]), atol=1e-9)
    time = np.linspace(0, 6, 100)
    to = SUBJECT - path.positions_world(time)
    np.testing.assert_allclose(path.rotations(time)[..., 2], to / np.linalg.norm(to, axis=1, keepdims=True), atol=1e-9)
    radius, height = (1.0, 1.5) if kind == "spiral" else (2.0, 0.5)
    assert np.linalg.norm((end - SUBJECT)[:2]) == pytest.approx(radius, abs=1e-8)
    assert end[2] - SUBJECT[2] == pytest.approx(height, abs=1e-8)


def test_the_capture_is_followed_forward_and_backward(tmp_path: Path) -> None:
    text = "  - {name: a, kind: follow-capture, views: [VIEWS], smoothing: 0.2, seconds: 8}\n"
    there, back = (film(text.replace("VIEWS", views), tmp_path).shots[0].path for views in ("3, 20", "20, 3"))
    cameras = captured()
    np.testing.assert_allclose(ends(there)[0], cameras[2].position_world, atol=0.02)
    np.testing.assert_allclose(ends(there)[1], cameras[19].position_world, atol=0.02)
    np.testing.assert_allclose(ends(back)[0], cameras[19].position_world, atol=0.02)


def test_lenses_zooms_and_focus(tmp_path: Path) -> None:
    path = one("dolly", "heading: 0, distance: 1, lens: [24, 48], focus: [1, 4]", tmp_path)
    assert path.fovs_y_rad([0.0, 5.0]) == pytest.approx([fov_y_rad_from_focal_mm(24), fov_y_rad_from_focal_mm(48)])
    focus = path.focus_distances([0.0, 5.0])
    assert focus is not None
    assert focus == pytest.approx([1, 4])
    wide = ShotContext(fov_y_rad=1.0, sensor_height_mm=20.25)
    file = tmp_path / "shots.yaml"
    file.write_text("shots: [{name: a, kind: hold, from: [0, 0, 1], heading: 0, seconds: 1, lens: 24}]")
    fov = compile_shots(read_shot_file(file), wide).shots[0].path.fovs_y_rad(0.0)
    assert float(fov) == pytest.approx(2 * math.atan(20.25 / 48))


KEYS = """\
  - name: a
    kind: keyframes
    seconds: 6
    OPTIONS
    keys:
      - {at: [0, 0, 1.5], heading: 0}
      - {at: [1, 2, 1.5], heading: 30MORE}
      - {at: [0, 4, 1.8], heading: 90}
"""


def keyed(folder: Path, options: str = "level: true", more: str = "") -> CameraPath:
    return film(KEYS.replace("OPTIONS", options).replace("MORE", more), folder).shots[0].path


def test_keys_are_passed_without_a_stop_and_at_one_speed(tmp_path: Path) -> None:
    path = keyed(tmp_path)
    time = np.linspace(1.2, 4.8, 200)
    speed = np.linalg.norm(path.positions_world(time + 1e-4) - path.positions_world(time - 1e-4), axis=1) / 2e-4
    np.testing.assert_allclose(speed, speed.mean(), rtol=1e-3)
    middle = path.positions_world(np.linspace(0, 6, 20001))
    assert np.linalg.norm(middle - [1, 2, 1.5], axis=1).min() < 1e-3


def test_keys_with_times_are_reached_then(tmp_path: Path) -> None:
    path = keyed(tmp_path, more=", time: 4.5")
    np.testing.assert_allclose(path.positions_world(4.5), [1, 2, 1.5], atol=1e-9)


def test_a_key_may_be_rested_at(tmp_path: Path) -> None:
    path = keyed(tmp_path, more=", stop: 1.5")
    time = np.linspace(0, 6, 601)
    there = np.linalg.norm(path.positions_world(time) - [1, 2, 1.5], axis=1) < 1e-6
    assert there.sum() * 0.01 == pytest.approx(1.5, abs=0.1)


def test_no_overshoot_stays_in_the_boxes_of_neighbouring_keys(tmp_path: Path) -> None:
    places = keyed(tmp_path, "overshoot: false").positions_world(np.linspace(0, 6, 400))
    assert (places >= np.array([0, 0, 1.5]) - 1e-9).all()
    assert (places <= np.array([1, 4, 1.8]) + 1e-9).all()


def test_a_subject_is_looked_at_throughout(tmp_path: Path) -> None:
    path = keyed(tmp_path, "subject: [5, 2, 1]")
    time = np.linspace(0, 6, 100)
    to = np.array([5.0, 2, 1]) - path.positions_world(time)
    np.testing.assert_allclose(path.rotations(time)[..., 2], to / np.linalg.norm(to, axis=1, keepdims=True), atol=1e-9)


JOINED = """\
  - {name: in, kind: push-in, from: [0, 0, 1.5], subject: it, distance: 1, seconds: 4, lens: 24}
  - {name: right, kind: truck, join: continue, distance: 0.5, seconds: 3}
  - {name: round, kind: arc, join: blend 2.5 s, subject: it, radius: 2, height: 0.5, bearing: 200, angle: 60,
     seconds: 5}
  - {name: away, kind: hold, join: continue, from: [0, 0, 1.5], heading: 10, seconds: 2, lens: 35}
  - {name: cut, kind: hold, from: [2, 0, 1.5], heading: 0, seconds: 2}
"""


def test_joins_are_unbroken_and_cuts_are_cuts(tmp_path: Path) -> None:
    found = film(JOINED, tmp_path)
    names = [shot.name for shot in found.shots]
    assert names == ["in", "right", "right to round", "round", "round to away", "away", "cut"]
    assert [len(take.shots) for take in takes_of(found)] == [6, 1]
    take = takes_of(found)[0]
    h = 1e-4
    for bound in np.cumsum([shot.path.duration_s for shot in take.shots])[:-1]:
        at = bound + h * np.arange(-2.0, 3.0)
        places, fovs = take.positions_world(at), take.fovs_y_rad(at)
        velocity = np.diff(places, axis=0) / h
        assert np.abs(np.diff(velocity, axis=0)).max() < 2e-3
        assert float(angle_rad(*take.rotations(at[[1, 3]]))) < 1e-3
        assert np.abs(np.diff(fovs)).max() < 1e-4


def test_blended_speed_goes_on_through_the_join(tmp_path: Path) -> None:
    """Into a move that does not ease in: the blend arrives with its speed."""
    text = JOINED.replace("angle: 60", "angle: 60, easing: linear")
    take = takes_of(film(text, tmp_path))[0]
    bound = 4 + 3 + 2.5
    before, after = (
        np.linalg.norm(take.positions_world(bound + s * 1e-3) - take.positions_world(bound + s * 2e-3)) / 1e-3
        for s in (-1, 1)
    )
    assert before == pytest.approx(after, rel=0.02)
    assert after == pytest.approx(2 * math.radians(60) / 5, rel=0.02)


def test_the_unit_of_the_world_does_not_matter(tmp_path: Path) -> None:
    """The same file in a world of feet is the same film, in feet."""
    follow = "  - {name: f, kind: follow-capture, seconds: 4}\n"
    metres, feet = film(JOINED + follow, tmp_path), film(JOINED + follow, tmp_path, 0.3048)
    for a, b in zip(metres.shots, feet.shots, strict=True):
        time = np.linspace(0, a.path.duration_s, 30)
        assert (a.name, a.path.duration_s) == (b.name, b.path.duration_s)
        np.testing.assert_allclose(a.path.positions_world(time), 0.3048 * b.path.positions_world(time), atol=1e-7)
        assert angle_rad(a.path.rotations(time), b.path.rotations(time)).max() < 1e-6


def test_hands_are_unsteady_by_seed_and_fade_into_steady_shots(tmp_path: Path) -> None:
    text = "  - {name: a, kind: hold, from: [0, 0, 1.5], heading: 0, seconds: 20, hand_held: {seed: SEED}}\n"
    steady = "  - {name: b, kind: hold, join: continue, seconds: 2}\n"
    first, again, other = (film(text.replace("SEED", seed) + steady, tmp_path) for seed in ("1", "1", "2"))
    assert first == again
    assert first != other
    path = first.shots[0].path
    off = path.positions_world(np.linspace(2, 18, 2000)) - START
    assert np.sqrt((off**2).mean()) == pytest.approx(0.006, rel=0.3)
    np.testing.assert_allclose(path.positions_world(20.0), START, atol=1e-9)
