"""Measures the planner: does a tour always get through the door, and how does its time grow with the space?"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from cameras.errors import FlythroughError, SettingsError
from cameras.freespace import FREE, FreeSpace
from cameras.intrinsics import Intrinsics
from cameras.path import CameraPath
from cameras.preflight import swept_times
from cameras.reporting import Report, silent
from cameras.shot_list import ShotList
from cameras.take import takes_of
from cameras.tour import TourWish, plan_tour
from scenes.freespace_mesh import free_space_of_mesh
from scenes.meshes.rooms import DOOR_HEIGHT, DOOR_WIDTH, ROOM_SIZE, WALL, TwoRooms, one_room, two_rooms

_Made = TypeVar("_Made")

LEAST_CLEARANCE_M = 0.2
MAX_SEEDS = 10_000
_LENS = Intrinsics.from_fov(1280, 720, math.radians(58.7))
_DOOR_SECONDS, _ROOM_SECONDS = 30.0, 60.0
_FLOORS = (1, 2, 4, 8)
"""Floor areas of rooms whose growth is measured, in multiples of 20 square metres."""
_REPEATS = 3


def _timed(work: Callable[[], _Made]) -> tuple[_Made, tuple[float, float]]:
    """What it makes, and the seconds of the processor and of the clock that it takes."""
    began = time.process_time(), time.perf_counter()
    made = work()
    return made, (time.process_time() - began[0], time.perf_counter() - began[1])


def check_seeds(seeds: int) -> None:
    """Raises SettingsError unless that many tours can be planned."""
    if not 1 <= seeds <= MAX_SEEDS:
        raise SettingsError(f"--seeds should be from 1 to {MAX_SEEDS:,}, but is {seeds}; try 100.")


def run_planner_bench(seeds: int = 100, floors: Sequence[int] = _FLOORS, report: Report = silent) -> dict[str, Any]:
    """Tours of two rooms with one door, and tours of 60 s in rooms of growing size; JSON-able."""
    doors = door_tours(seeds, lambda stage, fraction, figures: report(stage, 0.7 * fraction, figures))
    growth = room_tours(floors, lambda stage, fraction, figures: report(stage, 0.7 + 0.3 * fraction, figures))
    return {"door": doors, "growth": growth}


def door_tours(seeds: int, report: Report = silent) -> dict[str, Any]:
    """Tours of 30 s of two furnished rooms; another seed has its door and its furniture elsewhere."""
    runs: list[dict[str, Any]] = []
    for seed in range(seeds):
        rooms = two_rooms(seed)
        runs.append({"seed": seed, **_door_tour(rooms, seed)})
        report("doors", (seed + 1) / seeds, {"failures": sum(run["failure"] is not None for run in runs)})
    planned = [run for run in runs if run["smallest_clearance_m"] is not None]
    figures: dict[str, Any] = {"seeds": seeds, "failures": [run for run in runs if run["failure"] is not None]}
    if planned:
        figures |= {
            "smallest_clearance_m": min(run["smallest_clearance_m"] for run in planned),
            "median_plan_cpu_s": float(np.median([run["plan_cpu_s"] for run in planned])),
            "median_plan_wall_s": float(np.median([run["plan_wall_s"] for run in planned])),
            "most_plan_cpu_s": max(run["plan_cpu_s"] for run in planned),
        }
    return figures


def _door_tour(rooms: TwoRooms, seed: int) -> dict[str, Any]:
    space = free_space_of_mesh(rooms.vertices, rooms.faces)
    try:
        shots, (cpu_s, wall_s) = _timed(lambda: plan_tour(space, _LENS, TourWish(seconds=_DOOR_SECONDS), seed=seed))
    except FlythroughError as error:
        return {"failure": str(error), "smallest_clearance_m": None}
    clearance, failure = check_door_tour(shots.shots[0].path, rooms, space)
    return {"failure": failure, "smallest_clearance_m": clearance, "plan_cpu_s": cpu_s, "plan_wall_s": wall_s}


def check_door_tour(path: CameraPath, rooms: TwoRooms, space: FreeSpace) -> tuple[float, str | None]:
    """Smallest clearance in metres over the swept path, and what is wrong with it if anything is."""
    take = takes_of(ShotList.of(path))[0]
    places = path.positions_world(swept_times(take, 0.5 * space.voxel))
    clearance = float(space.clearance(places).min()) * space.metres_per_unit
    x, y, z = places.T
    second = ROOM_SIZE[0] + WALL
    in_wall = (x >= ROOM_SIZE[0]) & (x <= second)
    through = (np.abs(y - rooms.door_world[1]) < DOOR_WIDTH / 2) & (z < DOOR_HEIGHT)
    end = np.array([second + ROOM_SIZE[0], *ROOM_SIZE[1:]])
    if not ((x < ROOM_SIZE[0]).any() and (x > second).any()):
        return clearance, "a room was not visited"
    if not in_wall.any() or not through[in_wall].all():
        return clearance, "the wall was not crossed through the door"
    if not ((places > 0) & (places < end)).all():
        return clearance, "the tour left the rooms"
    if clearance < LEAST_CLEARANCE_M:
        return clearance, f"it came within {clearance:.3f} m of something"
    return clearance, None


def room_tours(
    floors: Sequence[int], report: Report = silent, *, seconds: float = _ROOM_SECONDS, repeats: int = _REPEATS
) -> dict[str, Any]:
    """Tours of 60 s in single rooms of growing floors: the least times of three, after one to warm up.

    Exponents are those of the power laws through the processor's seconds by free volume: at most 1 is no faster than
    linear.
    """
    rows: list[dict[str, Any]] = []
    for number, floor in enumerate(floors):
        rows.append(_room_row(floor, seconds, repeats, is_first=number == 0))
        report("growth", (number + 1) / len(floors), {"free_m3": rows[-1]["free_m3"]})
    found: dict[str, Any] = {"seconds": seconds, "rooms": rows}
    if len(rows) > 1:
        volumes = [row["free_m3"] for row in rows]
        survey, plan = ([row[name] for row in rows] for name in ("survey_cpu_s", "plan_cpu_s"))
        both = [a + b for a, b in zip(survey, plan, strict=True)]
        found["exponents"] = {
            "survey": exponent(volumes, survey),
            "plan": exponent(volumes, plan),
            "both": exponent(volumes, both),
        }
    return found


def _room_row(floor: int, length_s: float, repeats: int, *, is_first: bool) -> dict[str, Any]:
    side = math.sqrt(floor)
    vertices, faces = one_room(seed=1, pieces=4 * floor, size=(ROOM_SIZE[0] * side, ROOM_SIZE[1] * side, ROOM_SIZE[2]))
    wish = TourWish(seconds=length_s)
    space = free_space_of_mesh(vertices, faces)
    if is_first:
        plan_tour(space, _LENS, wish)  # compiles
    surveys = [_timed(lambda: free_space_of_mesh(vertices, faces))[1] for _ in range(repeats)]
    plans = [_timed(lambda seed=seed: plan_tour(space, _LENS, wish, seed=seed))[1] for seed in range(repeats)]
    free = int(np.count_nonzero(space.cells == FREE))
    return {
        "floor_m2": ROOM_SIZE[0] * ROOM_SIZE[1] * floor,
        "free_m3": round(free * (space.voxel * space.metres_per_unit) ** 3, 2),
        "free_cubes": free,
        "survey_cpu_s": min(cpu_s for cpu_s, _ in surveys),
        "survey_wall_s": min(wall_s for _, wall_s in surveys),
        "plan_cpu_s": min(cpu_s for cpu_s, _ in plans),
        "plan_wall_s": min(wall_s for _, wall_s in plans),
    }


def exponent(volumes: Sequence[float], seconds: Sequence[float]) -> float:
    """Of the power law nearest to seconds [n] by volumes [n], in logarithms."""
    return float(np.polyfit(np.log(volumes), np.log(seconds), 1)[0])
