"""A first path: a calm run through the space that the photos were taken from.

Many routes from photo to photo are made smooth and judged; the best is flown. Not a planner: it knows where the photos
were taken and where they looked, and of the scene only its sparse points.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats, angles_between_rad, norms, unit
from .camera import Camera
from .errors import SettingsError
from .intrinsics import Intrinsics
from .keyframe import Keyframe
from .path import CameraPath
from .rigid import Rigid
from .rotations import look_rotation
from .shot_list import Shot, ShotList
from .walk_figures import Nearest, Support, WalkFigures, measure_walk, search_tree, without_strays
from .walk_routes import PhotoGraph, candidate_routes, increasing, resampled, row_indices, smoothed

SPEED_M_S = 0.5
"""Fastest comfortable speed where metres are known."""
EXTENT_PER_S = 0.08
"""Fastest comfortable speed elsewhere, as a part of the capture's extent."""
TURN_RATE_RAD_S = math.radians(25)
"""Fastest comfortable turn."""

# Routes are chosen for a calmer turn, and smoothed views may reach a little more, so that the law is never touched.
_CALM_TURN_RAD_S = math.radians(14)
_PLANNED_TURN_RAD_S = math.radians(20)
_EASE_S = 1.5
_CANDIDATES = 128
_ROWS = 160
_SECONDS_PER_KEYFRAME = 1.25
# A run that leaves the bounds of the capture by a tenth loses more than the whole use of the film's time is worth.
_OUTSIDE = 20.0
# The curve through the keyframes is a little longer than the rows that they were picked from.
_LENGTH_MARGIN = 0.97
# Film seconds over which a route is averaged: across, and along the vertical, where a bobbing camera is worst.
_SIGMA_S = 1.6
_SIGMA_VERTICAL_S = 4.0
# Photos closer together than this part of their distance to the scene are one standpoint.
_ONE_PLACE = 0.02


@dataclass(frozen=True, eq=False)
class _Situation:
    """All that judging a route needs."""

    support: Support
    graph: PhotoGraph
    up: Floats
    speed: float
    cruise_s: float
    film: Intrinsics
    targets: Floats
    obstacles: Nearest | None
    wanted_clearance: float


@dataclass(frozen=True, eq=False)
class _Run:
    """A smooth run: [M, 3] places and viewing directions at even steps, and what it is worth."""

    positions: Floats
    forwards: Floats
    score: float


def plan_walk(
    cameras: Sequence[Camera],
    points_world: ArrayLike,
    *,
    seconds: float,
    up_known: bool,
    film_intrinsics: Intrinsics,
    metres_per_unit: float | None = None,
    seed: int = 0,
) -> ShotList:
    """A level, constant-speed path of ``seconds`` close to the photos in place and in direction.

    The path is never faster than 0.5 m/s (0.08 of the capture's extent per second where metres are not known) nor
    turns faster than 25 degrees a second: a short film shows less of the run. Photos that were all taken from one
    place give a slow pan, and a single photo a still. The figures of the path are in its ``note``.

    Args:
        cameras: of the photos, in any order; at least one.
        points_world: [P, 3] sparse points, possibly none.
        seconds: length of the film.
        up_known: +z is up; otherwise the mean up of the photos is.
        film_intrinsics: the film's lens; its vertical field of view is kept for the whole path.
        metres_per_unit: of the world, None if unknown.
        seed: of the choice of routes.

    Raises:
        SettingsError: if seconds is not positive or there is no camera.
    """
    if not (seconds > 0 and math.isfinite(seconds)):
        raise SettingsError(f"a film needs a positive length, got {seconds} seconds; give --seconds 12 or so")
    if not cameras:
        raise SettingsError("a walk needs at least one posed photo, and none was found; add photos")
    up = _up_world(cameras, up_known)
    ease = min(_EASE_S, 0.25 * seconds)
    situation = _situation(cameras, without_strays(points_world), up, seconds - ease, film_intrinsics, metres_per_unit)
    run = _best_run(situation, seed)
    count = max(2, min(_ROWS, 1 + round(seconds / _SECONDS_PER_KEYFRAME)), 6 if len(cameras) > 1 else 1)
    rows = row_indices(len(run.positions), count) if len(cameras) > 1 else np.zeros(1, dtype=np.int64)
    fov_y_rad = film_intrinsics.fov_y_rad
    keyframes = tuple(
        Keyframe.from_pose(Rigid(look_rotation(forward, up), position), fov_y_rad)
        for position, forward in zip(run.positions[rows], run.forwards[rows], strict=True)
    )
    x, y, z = (float(value) for value in up)
    path = CameraPath(keyframes, seconds, ease_s=ease, level_up_world=(x, y, z))
    figures = measure_walk(path, cameras, points_world)
    note: dict[str, object] = {"made_by": "walk", "seed": seed, "figures": figures.as_note()}
    return ShotList((Shot("walk", path),), note)


def _up_world(cameras: Sequence[Camera], up_known: bool) -> Floats:
    if up_known:
        return np.array([0.0, 0.0, 1.0])
    mean = np.mean([camera.up_world for camera in cameras], axis=0)
    if float(np.linalg.norm(mean)) < 0.1:
        return np.asarray(cameras[0].up_world, dtype=np.float64)
    return unit(mean)


def _situation(
    cameras: Sequence[Camera],
    points: Floats,
    up: Floats,
    cruise_s: float,
    film: Intrinsics,
    metres_per_unit: float | None,
) -> _Situation:
    support = Support.of(cameras)
    positions = support.positions_world
    low, high = np.quantile(positions, (0.05, 0.95), axis=0)
    extent = float(np.linalg.norm(high - low))
    scene = float(np.median(norms(points - positions.mean(axis=0)))) if len(points) else 0.0
    if extent <= max(_ONE_PLACE * scene, 1e-9 * (1 + float(np.abs(positions).max()))):
        speed = 0.0
    elif metres_per_unit is not None:
        speed = SPEED_M_S / metres_per_unit
    else:
        speed = EXTENT_PER_S * extent
    obstacles = search_tree(points) if len(points) else None
    wanted = 0.8 * float(np.quantile(obstacles.query(positions)[0], 0.1)) if obstacles else 0.0
    # Without points, what the photos looked at stands for the scene.
    looked_at = positions + support.forwards_world * max(extent, scene, 1e-9)
    targets = points[row_indices(len(points), min(600, len(points)))] if len(points) >= 50 else looked_at
    graph = PhotoGraph.build(positions, support.forwards_world, speed, _CALM_TURN_RAD_S)
    return _Situation(support, graph, up, speed, cruise_s, film, targets, obstacles, wanted)


def _best_run(situation: _Situation, seed: int) -> _Run:
    support = situation.support
    positions, forwards = support.positions_world, support.forwards_world
    if len(positions) == 1:
        return _Run(positions, forwards, 0.0)
    routes = candidate_routes(situation.graph, situation.cruise_s, _CANDIDATES, seed)
    runs = [_run(route, situation) for route in routes]
    return max(runs, key=lambda run: run.score)


def _run(route: list[int], s: _Situation) -> _Run:
    """Smooths a route, cuts it to what can be flown in time, and judges it."""
    hop_s = s.graph.seconds[route[:-1], route[1:]]
    progress = increasing(hop_s)
    positions = resampled(s.support.positions_world[route], progress, _ROWS)
    forwards = unit(resampled(s.support.forwards_world[route], progress, _ROWS))
    rows_per_s = _ROWS / max(float(progress[-1]), 1e-9)
    across = min(_SIGMA_S * rows_per_s, _ROWS / 5)
    vertical = min(_SIGMA_VERTICAL_S * rows_per_s, _ROWS / 3)
    positions = _smoothed_split(positions, s.up, across, vertical, through_ends=True)
    forwards = unit(_smoothed_split(forwards, s.up, across, vertical, through_ends=False))
    if s.speed == 0:
        positions = np.broadcast_to(np.median(s.support.positions_world, axis=0), positions.shape)
        return _pan(positions, forwards, s)
    positions = _pushed_clear(positions, s, across)
    positions, forwards = _even_steps(positions, forwards, norms(np.diff(positions, axis=0))[:, 0])
    positions, forwards, used = _cut_to_speed(positions, forwards, s)
    for sigma in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5):
        calm = unit(smoothed(forwards, sigma * _ROWS, through_ends=False))
        if _turn_rate(calm, s) <= _PLANNED_TURN_RAD_S:
            break
    return _Run(positions, calm, _score(positions, calm, used, s))


def _pan(positions: Floats, forwards: Floats, s: _Situation) -> _Run:
    turns = angles_between_rad(forwards[1:], forwards[:-1])
    positions, forwards = _even_steps(positions, forwards, turns)
    total = float(turns.sum())
    used = min(1.0, _CALM_TURN_RAD_S * s.cruise_s / max(total, 1e-9))
    kept = max(2, math.floor(used * _ROWS))
    positions, forwards = (
        resampled(rows[:kept], np.arange(kept, dtype=np.float64), _ROWS) for rows in (positions, forwards)
    )
    forwards = unit(forwards)
    return _Run(positions, forwards, _score(positions, forwards, min(1.0, total / (_CALM_TURN_RAD_S * s.cruise_s)), s))


def _smoothed_split(rows: Floats, up: Floats, across: float, vertical: float, *, through_ends: bool) -> Floats:
    """Smooths the part along ``up`` more than the rest."""
    heights = rows @ up
    level = rows - heights[:, None] * up
    heights = smoothed(heights[:, None], vertical, through_ends=False)
    return smoothed(level, across, through_ends=through_ends) + heights * up


def _even_steps(positions: Floats, forwards: Floats, steps: Floats) -> tuple[Floats, Floats]:
    progress = increasing(steps)
    return resampled(positions, progress, _ROWS), unit(resampled(forwards, progress, _ROWS))


def _cut_to_speed(positions: Floats, forwards: Floats, s: _Situation) -> tuple[Floats, Floats, float]:
    """The middle part of a run that can be flown in time, and how much of the possible length it uses, in [0, 1]."""
    length, possible = float(norms(np.diff(positions, axis=0)).sum()), _LENGTH_MARGIN * s.speed * s.cruise_s
    kept = min(_ROWS, max(8, math.floor(_ROWS * possible / max(length, 1e-12))))
    first = (_ROWS - kept) // 2
    rows = np.arange(kept, dtype=np.float64)
    cut = slice(first, first + kept)
    used = min(1.0, length / possible)
    return resampled(positions[cut], rows, _ROWS), unit(resampled(forwards[cut], rows, _ROWS)), used


def _turn_rate(forwards: Floats, s: _Situation) -> float:
    """Fastest turn when the run is flown in the film's time."""
    return float(angles_between_rad(forwards[1:], forwards[:-1]).max()) * (_ROWS - 1) / s.cruise_s


def _pushed_clear(positions: Floats, s: _Situation, sigma: float) -> Floats:
    """Moves rows away from points that are nearer than photographers stood, by at most half the distance bound."""
    if s.obstacles is None:
        return positions
    push = np.zeros_like(positions)
    limit = 0.5 * s.support.distance_bound
    for _ in range(8):
        moved = positions + push
        nearest, _ = s.obstacles.query(moved)
        short = np.maximum(s.wanted_clearance - nearest, 0.0)
        if float(short.max()) == 0.0:
            break
        # The way out is up the slope of the clearance, felt by small steps along each axis.
        eps = 0.05 * s.wanted_clearance
        slope = np.stack(
            [s.obstacles.query(moved + eps * axis)[0] - s.obstacles.query(moved - eps * axis)[0] for axis in np.eye(3)],
            -1,
        )
        slope -= (slope @ s.up)[:, None] * s.up
        push = push + smoothed(0.7 * short[:, None] * unit(slope), 0.5 * sigma, through_ends=False)
        push *= np.minimum(1.0, limit / np.maximum(norms(push), 1e-12))
    return positions + push


def _score(positions: Floats, forwards: Floats, used: float, s: _Situation) -> float:
    """What a run is worth: much of the scene seen, forward, near the photos, clear of things, few bends."""
    rows = row_indices(_ROWS, 48)
    distances, angles = s.support.distances_and_angles(positions[rows], forwards[rows])
    far = distances / max(s.support.distance_bound, 1e-9) if s.speed > 0 else np.zeros_like(distances)
    odd = angles / s.support.angle_bound_rad
    penalty = 0.4 * float(far.mean() + odd.mean()) + _OUTSIDE * max(0.0, float(max(far.max(), odd.max())) - 1)
    alignment = bends = 0.0
    if s.speed > 0:
        visited = positions[rows]
        travel = unit(visited[1:] - visited[:-1])
        views: Floats = forwards[rows[:-1]]
        alignment = float(np.sum(travel * views)) / len(views)
        turned: Floats = angles_between_rad(travel[1:], travel[:-1])
        bends = float(turned.sum()) / math.pi
    if s.obstacles is not None and s.wanted_clearance > 0 and s.speed > 0:
        nearest, _ = s.obstacles.query(positions[rows])
        penalty += 2 * max(0.0, 1 - float(nearest.min()) / s.wanted_clearance)
    return 1.5 * used + 0.7 * alignment + _seen(positions, forwards, s) - penalty - 0.5 * bends


def _seen(positions: Floats, forwards: Floats, s: _Situation) -> float:
    """The part of the targets that is in view at some time."""
    seen = np.zeros(len(s.targets), dtype=np.bool_)
    half_x, half_y = 0.5 * s.film.width / s.film.fx, 0.5 * s.film.height / s.film.fy
    for row in row_indices(_ROWS, 12):
        local = (s.targets - positions[row]) @ look_rotation(forwards[row], s.up)
        z = np.maximum(local[:, 2], 1e-9)
        seen |= (local[:, 2] > 0) & (np.abs(local[:, 0]) < half_x * z) & (np.abs(local[:, 1]) < half_y * z)
    return float(seen.mean())


__all__ = ["EXTENT_PER_S", "SPEED_M_S", "TURN_RATE_RAD_S", "WalkFigures", "plan_walk"]
