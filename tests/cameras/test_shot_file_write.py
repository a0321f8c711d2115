"""Any list of shots written as a shot file reads back as the same film."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cameras.errors import InputError
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import angle_rad, rotation_exp
from cameras.shot_compile import ShotContext, compile_shots
from cameras.shot_file import read_shot_file
from cameras.shot_file_write import write_shot_file
from cameras.shot_list import Shot, ShotList
from cameras.tour import TourWish, plan_tour
from tests.cameras.boxes import empty_room, focus_of
from tests.cameras.test_preflight import flight
from tests.cameras.test_tour import LENS

UP = (0.0, 0.0, 1.0)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["no", "1e3", "null", "- a: b", "#", "a: b", "{", "~", "'", '"', "\\", "", " ", "\x85", "\ufeff", ".inf", "yes"]
)


@st.composite
def paths(draw: st.DrawFn) -> CameraPath:
    """Paths of every kind: timed or not, level or not, loops, subjects, zooms, focus."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    count, is_timed = draw(st.integers(1, 7)), draw(st.booleans())
    is_loop = draw(st.booleans()) and count > 2
    seconds = float(draw(st.sampled_from([0.5, 1 / 3, 12.0, 600.0])))
    times = np.append(0.0, np.sort(rng.uniform(0.05, 0.9, count - 1)) * seconds)
    times = np.unique(times.round(6))
    if is_timed and not is_loop and count > 1:
        times[-1] = seconds
    has_focus, has_zoom = draw(st.booleans()), draw(st.booleans())
    keys = tuple(
        Keyframe.from_pose(
            Rigid(rotation_exp(rng.normal(size=3)), rng.normal(size=3) * 3),
            float(rng.uniform(0.3, 1.6)) if has_zoom else 0.9,
            float(time) if is_timed else None,
            float(rng.uniform(0.5, 9)) if has_focus else None,
        )
        for time in times
    )
    path = CameraPath(
        keys,
        seconds,
        is_loop=is_loop,
        no_overshoot=draw(st.booleans()),
        ease_s=draw(st.sampled_from([0.0, 0.25, 1.0, 1 / 3])),
        ease_out_s=draw(st.sampled_from([None, 0.0, 0.75])),
        level_up_world=draw(st.sampled_from([None, UP, (0.6, 0.0, 0.8)])),
    )
    return replace(path, look_at_world=(20.0, 1.0, 0.5)) if draw(st.booleans()) else path


def read_back(film: ShotList, file: Path, metres: float = 1.0, up_known: bool = True) -> ShotList:
    write_shot_file(film, file, metres_per_unit=metres, up_known=up_known)
    return compile_shots(read_shot_file(file), ShotContext((), metres, up_known))


def assert_same(a: CameraPath, b: CameraPath, metres: float) -> None:
    assert (a.duration_s, a.is_loop, a.is_timed) == (b.duration_s, b.is_loop, b.is_timed)
    time = np.linspace(0, a.duration_s, 41)
    # Between keys a curve may swing farther than its keys are off.
    np.testing.assert_allclose(a.positions_world(time) * metres, b.positions_world(time) * metres, atol=2e-8)
    assert angle_rad(a.rotations(time), b.rotations(time)).max() < 5e-8
    np.testing.assert_allclose(a.fovs_y_rad(time), b.fovs_y_rad(time), rtol=1e-9)
    if a.focus_distances(time) is None:
        assert b.focus_distances(time) is None
    else:
        np.testing.assert_allclose(focus_of(a, time), focus_of(b, time), rtol=1e-7)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(made=st.lists(st.tuples(names, paths()), min_size=1, max_size=3), metres=st.sampled_from([1.0, 0.3048, 40.0]))
def test_what_is_written_reads_back(
    made: list[tuple[str, CameraPath]], metres: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    film = ShotList(tuple(Shot(name, path) for name, path in made))
    found = read_back(film, tmp_path_factory.getbasetemp() / "film.yaml", metres)
    assert [shot.name for shot in found.shots] == [name for name, _ in made]
    for shot, (_, path) in zip(found.shots, made, strict=True):
        assert_same(path, shot.path, metres)
        before, after = (np.array([key.position_world for key in p.keyframes]) for p in (path, shot.path))
        np.testing.assert_allclose(before * metres, after * metres, atol=1e-9)


def test_a_tour_reads_back_and_its_note_too(tmp_path: Path) -> None:
    tour = plan_tour(empty_room(), LENS, TourWish(seconds=5.0))
    found = read_back(tour, tmp_path / "tour.yaml")
    assert_same(tour.shots[0].path, found.shots[0].path, 1.0)
    assert found.note == tour.note
    assert "Change what you like" in (tmp_path / "tour.yaml").read_text()


def test_joined_shots_stay_joined(tmp_path: Path) -> None:
    first, second = flight(seconds=5), flight((2.5, 2.0, 1.5), (3.0, 2.0, 1.5), seconds=3)
    film = ShotList((Shot("a", first.shots[0].path), Shot("b", second.shots[0].path, is_continued=True)))
    found = read_back(film, tmp_path / "film.yaml")
    assert [shot.is_continued for shot in found.shots] == [False, True]


def test_a_join_that_is_none_is_refused_and_nothing_written(tmp_path: Path) -> None:
    film = ShotList((Shot("a", flight().shots[0].path), Shot("b", flight().shots[0].path, is_continued=True)))
    with pytest.raises(InputError, match="let it begin with a cut"):
        write_shot_file(film, tmp_path / "film.yaml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [math.nan, object(), {1: {2, 3}}])
def test_a_note_that_is_no_json_is_refused(value: object, tmp_path: Path) -> None:
    film = ShotList(flight().shots, {"odd": value})
    with pytest.raises(InputError, match="plain JSON"):
        write_shot_file(film, tmp_path / "film.yaml")


def test_notes_of_any_json_read_back(tmp_path: Path) -> None:
    note = {"a": [1, 2.5, None, True, "no", {"deep": "x: y"}], "1": "#", "text": "two\nlines \u2028 and more"}
    assert read_back(ShotList(flight().shots, note), tmp_path / "film.yaml").note == note


def test_fewer_decimals_are_as_far_off_as_they_say(tmp_path: Path) -> None:
    film = flight((1.23456789, 2.0, 1.5), (2.5, 2.0, 1.5))
    write_shot_file(film, tmp_path / "film.yaml", decimals=4)
    assert "1.2346," in (tmp_path / "film.yaml").read_text()
    found = compile_shots(read_shot_file(tmp_path / "film.yaml")).shots[0].path
    np.testing.assert_allclose(found.positions_world(0.0), film.shots[0].path.positions_world(0.0), atol=5e-5)
