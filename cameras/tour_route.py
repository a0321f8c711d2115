"""From views in order to a smooth run inside the free space: rows of place and yaw, evenly in comfortable time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .arrays import Floats, norms, unit
from .freespace import FreeSpace
from .limits import Limits
from .tour_stands import Stands
from .tour_views import Views

ROWS_PER_S = 10.0
_SIGMA_MOVE_S, _SIGMA_TURN_S = 1.2, 1.0
_CRUISE = 0.75
# Of a leg this long the middle looks partly where it goes.
_LONG_LEG_M = 1.5
_MOST_TOWARDS_COURSE_RAD = np.radians(40)


@dataclass(frozen=True, eq=False)
class Run:
    """[M, 3] places and [M] yaws (unwrapped) in flying order; a loop's last row is next to its first."""

    positions_world: Floats
    yaws_rad: Floats


def make_run(
    space: FreeSpace, stands: Stands, views: Views, order: Sequence[int], limits: Limits, *, is_loop: bool
) -> Run:
    """Legs from view to view along the stands, then rounded as far as the free space allows."""
    rows = list(order) + ([order[0]] if is_loop and len(order) > 1 else [])
    if len(rows) == 1:
        return Run(views.points_world[rows], views.yaws_rad[rows])
    places: list[Floats] = []
    yaws: list[Floats] = []
    yaw = float(views.yaws_rad[rows[0]])
    for a, b in pairwise(rows):
        route = route_between(stands, int(views.stands[a]), int(views.stands[b]))
        turn = float(np.mod(views.yaws_rad[b] - yaw + np.pi, 2 * np.pi) - np.pi)
        leg, turned = _leg(route, yaw, turn, limits, space.metres_per_unit)
        places.append(leg)
        yaws.append(turned)
        yaw += turn
    raw = np.concatenate([*places, views.points_world[rows[-1:]]])
    angles = np.append(np.concatenate(yaws), yaw)
    smooth = smoothed(raw, _SIGMA_MOVE_S * ROWS_PER_S, is_loop)
    turns = angles[-1] - angles[0] if is_loop else 0.0
    ramp = np.linspace(0, turns, len(angles))  # a loop may turn all the way round
    angles = smoothed((angles - ramp)[:, None], _SIGMA_TURN_S * ROWS_PER_S, is_loop)[:, 0] + ramp
    return Run(inside(space, raw, smooth, stands.radius, is_loop), angles)


def route_between(stands: Stands, start: int, end: int) -> Floats:
    """[k, 3] places on the best way from stand to stand, both ends among them."""
    _, before = stands.routes_from(start)
    rows = [end]
    while rows[-1] != start:
        rows.append(int(before[rows[-1]]))
    return stands.points_world[rows[::-1]]


def _leg(route: Floats, yaw: float, turn: float, limits: Limits, metres: float) -> tuple[Floats, Floats]:
    """Rows of one leg without its end."""
    steps = norms(np.diff(route, axis=0))[:, 0]
    at = np.concatenate([[0.0], np.cumsum(steps)])
    seconds = np.hypot(at[-1] * metres / (_CRUISE * limits.speed_m_s), abs(turn) / (_CRUISE * limits.turn_rate_rad_s))
    part = np.arange(max(1, round(seconds * ROWS_PER_S))) / max(1, round(seconds * ROWS_PER_S))
    columns: list[Floats] = [np.interp(part * at[-1], at, route[:, k]) for k in range(3)]
    yaws = yaw + turn * part
    if at[-1] * metres > _LONG_LEG_M:
        course = np.arctan2(*(route[-1] - route[0])[1::-1])
        off = np.mod(course - (yaw + 0.5 * turn) + np.pi, 2 * np.pi) - np.pi
        if abs(off) < 0.5 * np.pi:
            towards = np.clip(off, -_MOST_TOWARDS_COURSE_RAD, _MOST_TOWARDS_COURSE_RAD)
            yaws = yaws + towards * np.sin(np.pi * part) ** 2
    return np.stack(columns, axis=-1), yaws


def inside(space: FreeSpace, raw: Floats, smooth: Floats, radius: float, is_loop: bool) -> Floats:
    """The smooth rows, pushed, or pulled back to the raw ones, where a ball of ``radius`` would touch something."""
    wanted = radius + 0.5 * space.voxel
    smooth = _pushed(space, smooth, wanted, is_loop)
    keep = np.ones(len(raw))
    for _ in range(24):
        mixed = raw + keep[:, None] * (smooth - raw)
        clear = space.segment_clearance(mixed[:-1], mixed[1:])
        bad = np.append(clear, clear[-1]) < radius
        bad[1:] |= clear < radius
        if not bad.any():
            return mixed
        reach = smoothed(bad[:, None].astype(np.float64), 0.5 * ROWS_PER_S, is_loop)[:, 0]
        keep = keep * (1 - 0.6 * np.minimum(1.0, 2 * reach))
    return raw


def _pushed(space: FreeSpace, rows: Floats, wanted: float, is_loop: bool) -> Floats:
    """Rows moved up the slope of the clearance until a ball of that radius has room, evenly along the run."""
    step = space.voxel
    for _ in range(12):
        short = np.maximum(wanted - space.clearance(rows), 0.0)
        if float(short.max()) == 0:
            break
        slope = np.stack([space.clearance(rows + step * e) - space.clearance(rows - step * e) for e in np.eye(3)], -1)
        slope[:, 2] = 0  # a bobbing camera is worse than a bend
        rows = rows + smoothed(short[:, None] * unit(slope), 0.3 * ROWS_PER_S, is_loop)
    return rows


def smoothed(rows: Floats, sigma: float, is_loop: bool) -> Floats:
    """[M, D] averaged with a Gaussian of ``sigma`` rows; open ends stay where they are."""
    reach = max(1, min(round(3 * sigma), len(rows) - 1))
    if is_loop:
        head, tail = rows[-reach - 1 : -1], rows[1 : reach + 1]
    else:
        head, tail = 2 * rows[0] - rows[1 : reach + 1][::-1], 2 * rows[-1] - rows[-reach - 1 : -1][::-1]
    padded = np.concatenate([head, rows, tail])
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)
    return np.asarray(windows @ (kernel / kernel.sum()), dtype=np.float64)
