"""The planner's bench: its law of the door, its growth, and its options."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.errors import SettingsError
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.rigid import Rigid
from render import bench_planner, cli
from render.bench_planner import check_door_tour, door_tours, exponent, room_tours
from scenes.freespace_mesh import VOXEL_M, free_space_of_mesh
from scenes.meshes.rooms import ROOM_SIZE, two_rooms


def test_tours_go_through_the_door() -> None:
    found = door_tours(1)
    assert found["failures"] == []
    assert found["smallest_clearance_m"] >= 0.2


def path_through(*places: tuple[float, float, float]) -> CameraPath:
    keys = tuple(Keyframe.from_pose(Rigid(np.eye(3), np.array(place)), 0.9) for place in places)
    return CameraPath(keys, 10.0, no_overshoot=True)


def test_what_is_wrong_with_a_tour_is_found() -> None:
    rooms = two_rooms(0)
    space = free_space_of_mesh(rooms.vertices, rooms.faces)
    a, b = (tuple(float(x) for x in centre) for centre in rooms.centres_world)
    x, y, _ = (float(value) for value in rooms.door_world)
    before, after = (x - 0.8, y, 1.5), (x + 0.8, y, 1.5)

    def wrong(*places: tuple[float, float, float]) -> str | None:
        return check_door_tour(path_through(*places), rooms, space)[1]

    assert wrong(before, after) is None
    assert wrong(a, before) == "a room was not visited"  # type: ignore[arg-type]
    beside = y + 1.2 if y < 2 else y - 1.2
    assert wrong((x - 0.8, beside, 1.5), (x + 0.8, beside, 1.5)) == "the wall was not crossed through the door"
    assert wrong(before, after, (2 * ROOM_SIZE[0] + 1.0, b[1], 1.5)) == "the tour left the rooms"
    assert "came within" in str(wrong(before, after, (x + 0.8, 3.9, 1.5)))


def test_growth_is_measured_in_free_volume() -> None:
    found = room_tours([1], seconds=6.0, repeats=1)
    assert "exponents" not in found
    (row,) = found["rooms"]
    assert 30 < row["free_m3"] < np.prod(ROOM_SIZE)
    assert row["free_m3"] == pytest.approx(row["free_cubes"] * VOXEL_M**3, abs=0.01)
    assert all(row[name] > 0 for name in ("survey_cpu_s", "survey_wall_s", "plan_cpu_s", "plan_wall_s"))


def test_exponents_are_of_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(floor: int, *_: object, **__: object) -> dict[str, float]:
        return {"free_m3": 40.0 * floor, "survey_cpu_s": 0.5 * floor, "plan_cpu_s": 3.0 * floor**0.5}

    monkeypatch.setattr(bench_planner, "_room_row", made)
    powers = room_tours([1, 2, 4])["exponents"]
    assert powers["survey"] == pytest.approx(1.0)
    assert powers["plan"] == pytest.approx(0.5)
    assert 0.5 < powers["both"] < 1.0


@given(
    st.floats(-2, 3),
    st.floats(1e-3, 1e3),
    st.lists(st.floats(1.0, 1e4), min_size=2, max_size=6, unique_by=lambda v: round(10 * np.log(v))),
)
def test_the_exponent_is_that_of_a_power_law(power: float, scale: float, volumes: list[float]) -> None:
    assert exponent(volumes, [scale * v**power for v in volumes]) == pytest.approx(power, abs=1e-6)


def test_a_tour_that_cannot_be_planned_is_a_failure_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise SettingsError("there is no room.")

    monkeypatch.setattr(bench_planner, "plan_tour", refused)
    found = door_tours(1)
    assert [(run["seed"], run["failure"]) for run in found["failures"]] == [(0, "there is no room.")]
    assert "smallest_clearance_m" not in found


def test_the_command_prints_one_object_or_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"floor_m2": 20.0, "free_m3": 40.0, "free_cubes": 9}
    row |= {"survey_cpu_s": 1.0, "survey_wall_s": 1.1, "plan_cpu_s": 2.0, "plan_wall_s": 2.1}
    door = {"seeds": 3, "failures": [{"seed": 1, "failure": "a room was not visited"}], "smallest_clearance_m": 0.31}
    door |= {"median_plan_cpu_s": 2.0, "median_plan_wall_s": 2.5, "most_plan_cpu_s": 3.0}
    powers = {"survey": 1.0, "plan": 0.25, "both": 0.5}
    made = {"door": door, "growth": {"rooms": [row], "exponents": powers}}
    monkeypatch.setattr(bench_planner, "run_planner_bench", lambda seeds, report: {**made, "asked": seeds})
    assert cli.main(["bench", "--planner", "--seeds", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["asked"] == 3
    assert cli.main(["bench", "--planner", "--progress", "plain"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "1 failures" in text
    assert "Smallest clearance 0.310 m" in text
    assert "power of 0.50 (survey 1.00, plan 0.25)" in text
    assert "Seed 1: a room was not visited" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--planner", "--seeds", "0"], "--seeds should be from 1"),
        (["--seeds", "3"], "--planner, which was not given"),
        (["--planner", "--case", "forward"], "--case is of the engine"),
        (["--planner", "--scene", "x.ply"], "--scene is of the engine"),
        (["--planner", "--threads", "1"], "--threads is of the engine"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", *options]) == 2
    assert words in capsys.readouterr().err
