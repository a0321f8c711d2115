"""The planner's bench: its law of the door, its growth, and its options."""

import json

import numpy as np
import pytest

from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.rigid import Rigid
from render import bench_planner, cli
from render.bench_planner import _exponent, check_door_tour, door_tours, room_tours
from scenes.freespace_mesh import free_space_of_mesh
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
    row = found["rooms"][0]
    assert found["exponent"] is None
    assert 30 < row["free_m3"] < np.prod(ROOM_SIZE)
    assert row["plan_cpu_s"] > 0


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_is_that_of_a_power_law(power: float) -> None:
    rows = [{"free_m3": v, "survey_cpu_s": 0.25 * v**power, "plan_cpu_s": 0.5 * v**power} for v in (40.0, 90.0, 300.0)]
    assert _exponent(rows) == pytest.approx(power)


def test_the_command_prints_one_object_or_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"floor_m2": 20.0, "free_m3": 40.0, "cubes": 9, "survey_cpu_s": 1.0, "plan_cpu_s": 2.0}
    door = {"seeds": 3, "smallest_clearance_m": 0.31, "median_seconds_to_plan": 2.0, "most_seconds_to_plan": 3.0}
    door["failures"] = [{"seed": 1, "failure": "a room was not visited"}]
    made = {"door": door, "growth": {"rooms": [row], "exponent": 0.5}}
    monkeypatch.setattr(bench_planner, "run_planner_bench", lambda seeds, report: {**made, "asked": seeds})
    assert cli.main(["bench", "--planner", "--seeds", "3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["asked"] == 3
    assert cli.main(["bench", "--planner", "--progress", "plain"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "1 failures" in text
    assert "Seed 1: a room was not visited" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--planner", "--seeds", "0"], "--seeds should be from 1"),
        (["--seeds", "3"], "--planner, which was not given"),
        (["--planner", "--case", "forward"], "--case is of the engine"),
        (["--planner", "--scene", "x.ply"], "--scene is of the engine"),
    ],
)
def test_options_that_do_not_go_together(options: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", *options]) == 2
    assert words in capsys.readouterr().err
