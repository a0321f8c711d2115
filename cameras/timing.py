"""When a camera is where on its path: place, direction and lens timed together under the limits of a calm flight.

A speed that every limit allows is found along the path, evened out over time, and measured on the finished path; where
a limit is broken the camera slows down there. (toppra knows no jerk, and ruckig's free version no way through points.)
"""

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy.interpolate import CubicSpline  # pyright: ignore[reportMissingTypeStubs]

from .arrays import Floats, norms
from .errors import SettingsError
from .keyframe import Keyframe, keyframes_of
from .limits import Limits
from .motion import measure_motion
from .path import CameraPath
from .rotations import rotation_exp, rotation_log

# What is planned keeps this much of every limit, because keyframes are joined by splines.
_PART = 0.96
# Speed is evened out over about this time; a film much shorter than that starts and stops faster.
_EVEN_S = 2.4
_STEP_S = 0.05
_KEY_S = 0.25
_ROUNDS = 5
_SAMPLES_PER_ROW = 4
_MOST_ROWS_PER_S = 1e3


def time_path(
    positions_world: Floats,
    rotations: Floats,
    fovs_y_rad: Floats,
    *,
    limits: Limits,
    metres_per_unit: float,
    duration_s: float | None,
    is_loop: bool = False,
    level_up_world: tuple[float, float, float] | None = (0.0, 0.0, 1.0),
    focus_distances: Floats | None = None,
    most_rows_per_s: float = _MOST_ROWS_PER_S,
) -> CameraPath:
    """A path through rows of poses that starts and ends at rest (a loop keeps going) and keeps every limit.

    Args:
        positions_world: [M, 3], M at least 2, close together along a smooth way; of a loop the last row is the first.
        rotations: [M, 3, 3] ``world_from_camera``.
        fovs_y_rad: [M].
        limits: of speed, acceleration, jerk, turning and zooming.
        metres_per_unit: of the world.
        duration_s: exactly so long; None is as short as the limits allow.
        focus_distances: [M] in world units; None if all is sharp.
        most_rows_per_s: rows that were taken evenly in time are not flown faster than they came.

    Raises:
        SettingsError: if the limits ask for more time.
    """
    way = _Way.through(positions_world, rotations, fovs_y_rad, focus_distances, metres_per_unit, is_loop)
    rate = np.minimum(way.ceiling(limits), most_rows_per_s)
    clock = _Clock.even(way, rate)
    worst = excess(_flown(way, clock, clock.total_s, level_up_world), limits, metres_per_unit)
    for _ in range(_ROUNDS):
        if worst.most <= 1:
            break
        rate = rate * worst.slower(way, clock)
        clock = _Clock.even(way, rate)
        worst = excess(_flown(way, clock, clock.total_s, level_up_world), limits, metres_per_unit)
    shortest = clock.total_s * max(1.0, worst.most)
    if duration_s is not None and duration_s < shortest:
        raise SettingsError(
            f"the path needs at least {math.ceil(10 * shortest) / 10:.1f} s at a comfortable speed, but should last "
            f"{duration_s:g} s; give it more time, or a shorter way."
        )
    return _flown(way, clock, shortest if duration_s is None else duration_s, level_up_world)


@dataclass(frozen=True, eq=False)
class _Way:
    """The path over row numbers: splines of place (metres), turned angle vector, log focal length, log focus (or None).

    Attributes:
        at: [n] row numbers, several a row.
    """

    place: Any
    turn: Any
    zoom: Any
    focus: Any
    rotations: Floats
    at: Floats
    metres: float
    is_loop: bool

    @classmethod
    def through(
        cls,
        positions: Floats,
        rotations: Floats,
        fovs: Floats,
        focus: Floats | None,
        metres: float,
        is_loop: bool,
    ) -> "_Way":
        rows = np.arange(len(positions), dtype=np.float64)
        steps = rotation_log(np.swapaxes(rotations[:-1], -1, -2) @ rotations[1:])
        turned = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
        spline = cast(Any, CubicSpline)
        return cls(
            spline(rows, positions * metres),
            spline(rows, turned),
            spline(rows, -np.log(np.tan(0.5 * fovs))),
            None if focus is None else spline(rows, np.log(focus)),
            rotations,
            np.linspace(0.0, len(rows) - 1.0, 1 + _SAMPLES_PER_ROW * (len(rows) - 1)),
            metres,
            is_loop,
        )

    def ceiling(self, limits: Limits) -> Floats:
        """[n] rows a second that no limit forbids where the speed is even."""
        found = np.full(len(self.at), _MOST_ROWS_PER_S)
        for spline, bounds in (
            (self.place, (limits.speed_m_s, limits.acceleration_m_s2, limits.jerk_m_s3)),
            (self.turn, (limits.turn_rate_rad_s, limits.turn_acceleration_rad_s2)),
            (self.zoom, (limits.zoom_rate_per_s,)),
        ):
            for order, bound in enumerate(bounds, 1):
                size = np.abs(spline(self.at, order).reshape(len(self.at), -1))
                slope = norms(size.astype(np.float64))[:, 0]
                found = np.minimum(found, (_PART * bound / np.maximum(slope, 1e-9)) ** (1 / order))
        return found

    def keyframes(self, rows: Floats, times_s: Floats) -> tuple[Keyframe, ...]:
        """Keyframes at row numbers [k] and times [k]."""
        first = np.minimum(rows.astype(np.int64), len(self.rotations) - 2)
        steps = rotation_log(np.swapaxes(self.rotations[first], -1, -2) @ self.rotations[first + 1])
        turned = self.rotations[first] @ rotation_exp((rows - first)[:, None] * steps)
        return keyframes_of(
            self.place(rows) / self.metres,
            turned,
            2 * np.arctan(np.exp(-self.zoom(rows))),
            None if self.focus is None else np.exp(self.focus(rows)),
            times_s,
        )


@dataclass(frozen=True, eq=False)
class _Clock:
    """Row numbers [k] at even times."""

    rows: Floats
    total_s: float

    @classmethod
    def even(cls, way: _Way, rate: Floats) -> "_Clock":
        """The clock of a speed [n] over the rows, lowered and evened out over time; at rest at open ends."""
        steps = np.diff(way.at)
        time = np.concatenate([[0.0], np.cumsum(steps / np.minimum(rate[1:], rate[:-1]))])
        width = min(_EVEN_S, 0.9 * time[-1])
        half = max(2, round(0.5 * width / _STEP_S))
        count = max(8, math.ceil(time[-1] / _STEP_S))
        even = np.asarray((np.arange(count) + 0.5) * time[-1] / count, dtype=np.float64)
        speed = np.asarray(np.interp(even, time, rate), dtype=np.float64)
        mode = "wrap" if way.is_loop else "edge"
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(speed, half, mode=mode), 2 * half + 1)
        lowered = windows.min(axis=1)
        kernel = np.hanning(2 * half + 3)[1:-1]
        kernel /= kernel.sum()
        if way.is_loop:
            smooth = np.convolve(np.pad(lowered, half, mode="wrap"), kernel, mode="valid")
        else:
            smooth = np.convolve(lowered, kernel, mode="full")
        step = time[-1] / count
        rows = np.concatenate([[0.0], np.cumsum(smooth) * step])
        stretch = way.at[-1] / rows[-1]
        return cls(rows * stretch, len(smooth) * step * stretch)

    def row_at(self, part: Floats) -> Floats:
        """Row numbers [m] at parts [m] of the time, from 0 to 1."""
        spline: Any = CubicSpline(np.linspace(0, 1, len(self.rows)), self.rows)
        return np.clip(spline(part), 0.0, self.rows[-1])


@dataclass(frozen=True, eq=False)
class Excess:
    """How far a path is beyond its limits at times [n]: by what factor its clock would have to be slower there."""

    part: Floats
    factor: Floats

    @property
    def most(self) -> float:
        return float(self.factor.max())

    def slower(self, way: _Way, clock: _Clock) -> Floats:
        """[n] factors on the speed over the rows."""
        rows = clock.row_at(self.part)
        order = np.argsort(rows, kind="stable")
        return np.interp(way.at, rows[order], 1 / np.maximum(1.0, 1.02 * self.factor[order]))


def excess(path: CameraPath, limits: Limits, metres_per_unit: float) -> Excess:
    """How far a path's motion is beyond limits."""
    motion = measure_motion(path, metres_per_unit)
    ratios = (
        (motion.speed_m_s / limits.speed_m_s, 1),
        (motion.acceleration_m_s2 / limits.acceleration_m_s2, 2),
        (motion.jerk_m_s3 / limits.jerk_m_s3, 3),
        (motion.turn_rate_rad_s / limits.turn_rate_rad_s, 1),
        (motion.turn_acceleration_rad_s2 / limits.turn_acceleration_rad_s2, 2),
        (motion.zoom_rate_per_s / limits.zoom_rate_per_s, 1),
    )
    factor = np.max([ratio ** (1 / order) for ratio, order in ratios], axis=0)
    return Excess(motion.time_s / path.duration_s, np.asarray(factor, dtype=np.float64))


def _flown(way: _Way, clock: _Clock, total_s: float, level_up_world: tuple[float, float, float] | None) -> CameraPath:
    count = max(4, math.ceil(total_s / _KEY_S))
    parts = np.arange(count + (not way.is_loop)) / count
    rows = clock.row_at(parts)
    keys = way.keyframes(rows, parts * total_s)
    return CameraPath(keys, total_s, is_loop=way.is_loop, level_up_world=level_up_world)
