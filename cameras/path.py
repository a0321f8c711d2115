"""A camera's path: keyframes, the curves through them, and the clock on which it flies."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats, norms, unit
from .camera import Camera
from .intrinsics import Intrinsics
from .keyframe import Keyframe
from .rigid import Rigid
from .rotations import angle_rad, look_rotation, matrix_from_quaternion
from .splines import LEAST_SAMPLES, ArcLength, Curve, RotationCurve

_SHORTEST_EASE_S = 1e-6
# Neighbouring keyframes nearer than this part of the path's size have no direction to fly.
_REPEATED = 1e-9


@dataclass(frozen=True)
class CameraPath:
    """A timed camera path through keyframes: C2 in position, rotation and lens.

    Without times on its keyframes a path is flown at constant speed: along an open path the camera speeds up
    over ``ease_s`` at the start and slows down over ``ease_out_s`` at the end; a loop keeps its speed. A path that
    never moves is flown at constant turning speed, and where it does not turn either, its keyframes are equally far
    apart in time. With times, the keyframes are reached exactly then.

    Attributes:
        keyframes: at least one; one alone is a still.
        duration_s: how long it is flown; frame i of a film is at i / fps, so a loop's last frame comes one frame
            before its first.
        is_loop: the path goes on from its last keyframe to its first.
        no_overshoot: stay in the box of neighbouring keyframes (see `splines`).
        ease_s: as above; where the film is shorter than the two eases, both are shortened alike.
        level_up_world: if given, the horizon is kept level under this axis, and keyframes give the viewing direction
            only; otherwise roll is interpolated like everything else.
        look_at_world: if given, the camera looks at this point throughout, and keyframes give only which way is up in
            the picture (nothing at all where ``level_up_world`` does).
        ease_out_s: as above; None is as long as ``ease_s``.
        is_sampled: the keyframes are close samples of a smooth move, at least 6 (see `splines`); no loop, and not with
            ``no_overshoot``.

    Raises:
        ValueError: if the above does not hold, some but not all keyframes have times, times do not increase from 0 to
            duration_s (a loop ends before it), or two neighbours of an untimed path that moves are at one place; some
            but not all keyframes have a focus; samples are too few.
    """

    keyframes: tuple[Keyframe, ...]
    duration_s: float
    is_loop: bool = False
    no_overshoot: bool = False
    ease_s: float = 1.0
    level_up_world: tuple[float, float, float] | None = None
    look_at_world: tuple[float, float, float] | None = None
    ease_out_s: float | None = None
    is_sampled: bool = False

    def __post_init__(self) -> None:
        if not self.keyframes:
            raise ValueError("a path needs at least one keyframe")
        if not (math.isfinite(self.duration_s) and self.duration_s > 0):
            raise ValueError(f"duration_s must be positive, got {self.duration_s}")
        for name, ease in (("ease_s", self.ease_s), ("ease_out_s", self.ease_out_s)):
            if ease is not None and not (math.isfinite(ease) and ease >= 0):
                raise ValueError(f"{name} must be finite and not negative, got {ease}")
        if self.level_up_world is not None and not 1e-6 < math.hypot(*self.level_up_world) < math.inf:
            raise ValueError(f"level_up_world must be a finite direction, got {self.level_up_world}")
        if self.look_at_world is not None and not all(map(math.isfinite, self.look_at_world)):
            raise ValueError(f"look_at_world must be a finite point, got {self.look_at_world}")
        if len({key.focus_distance is None for key in self.keyframes}) > 1:
            raise ValueError("either all keyframes have a focus_distance or none")
        if self.is_sampled and (self.is_loop or self.no_overshoot or len(self.keyframes) < LEAST_SAMPLES):
            raise ValueError(
                f"a sampled path is no loop, has no rule against overshoot and has at least {LEAST_SAMPLES} keyframes"
            )
        self._check_times()
        if not self.is_timed and self._moves:
            steps = self._steps()
            if float(steps.min(initial=math.inf)) <= _REPEATED * float(steps.sum()):
                raise ValueError(
                    "two neighbouring keyframes are at one place: move them apart or give all of them times"
                )

    def _check_times(self) -> None:
        times = [key.time_s for key in self.keyframes]
        if not self.is_timed:
            if any(time is not None for time in times):
                raise ValueError("either all keyframes have times or none")
            return
        t = self._times()
        ends_well = t[-1] < self.duration_s if self.is_loop or len(t) == 1 else t[-1] == self.duration_s
        if t[0] != 0 or not ends_well or not (np.diff(t) > 0).all():
            end = "below" if self.is_loop else "to"
            raise ValueError(f"times must increase from 0 {end} duration_s {self.duration_s}, got {t.tolist()}")

    @property
    def is_timed(self) -> bool:
        """Whether the keyframes say when they are reached."""
        return all(key.time_s is not None for key in self.keyframes)

    @property
    def parts_at_keyframes(self) -> Floats:
        """[n] the part of the way, from 0 to 1, that an untimed open path has behind it at each keyframe."""
        progress = self._progress
        return progress.at(self._knots) / progress.total if len(self.keyframes) > 1 else np.zeros(1)

    @property
    def length(self) -> float:
        """Length of the flown path in world units."""
        return ArcLength(self._knots, self._position.speed).total if self._moves else 0.0

    def positions_world(self, time_s: ArrayLike) -> Floats:
        """Positions [..., 3] at times [...]."""
        return self._position(self._parameter(time_s))

    def rotations(self, time_s: ArrayLike) -> Floats:
        """``world_from_camera`` rotations [..., 3, 3] at times [...]."""
        parameter = self._parameter(time_s)
        rotations = matrix_from_quaternion(self._rotation(parameter))
        forward, up = rotations[..., 2], -rotations[..., 1]
        if self.look_at_world is not None:
            forward = unit(np.asarray(self.look_at_world) - self._position(parameter))
        elif self.level_up_world is None:
            return rotations
        return look_rotation(forward, up if self.level_up_world is None else self.level_up_world)

    def fovs_y_rad(self, time_s: ArrayLike) -> Floats:
        """Vertical fields of view [...] at times [...]; focal lengths change evenly in their logarithm."""
        return np.asarray(
            2 * np.arctan(np.exp(self._log_half_height(self._parameter(time_s))[..., 0])), dtype=np.float64
        )

    def focus_distances(self, time_s: ArrayLike) -> Floats | None:
        """Focus distances [...] in world units at times [...], evenly in their logarithm; None if all is sharp."""
        if self._log_focus is None:
            return None
        return np.asarray(np.exp(self._log_focus(self._parameter(time_s))[..., 0]), dtype=np.float64)

    def moved(self, new_from_old: Rigid) -> "CameraPath":
        """The same path in a world with other axes."""

        def turned(vector: tuple[float, float, float] | None) -> tuple[float, float, float] | None:
            return None if vector is None else _triple(new_from_old.rotation @ np.array(vector))

        keys = tuple(
            Keyframe.from_pose(new_from_old @ key.world_from_camera, key.fov_y_rad, key.time_s, key.focus_distance)
            for key in self.keyframes
        )
        at = None if self.look_at_world is None else _triple(new_from_old.apply(self.look_at_world))
        return replace(self, keyframes=keys, level_up_world=turned(self.level_up_world), look_at_world=at)

    def cameras_at(self, time_s: ArrayLike, width: int, height: int) -> list[Camera]:
        """The cameras at times [n]."""
        times = np.asarray(time_s, dtype=np.float64)
        rotations, positions, fovs = self.rotations(times), self.positions_world(times), self.fovs_y_rad(times)
        return [
            Camera(Intrinsics.from_fov(width, height, float(fov)), Rigid(rotation, position), float(time))
            for time, rotation, position, fov in zip(times, rotations, positions, fovs, strict=True)
        ]

    def _times(self) -> Floats:
        return np.array([key.time_s for key in self.keyframes], dtype=np.float64)

    @property
    def _points(self) -> Floats:
        return np.array([key.position_world for key in self.keyframes], dtype=np.float64)

    @property
    def _quaternions(self) -> Floats:
        return np.array([key.quaternion_wxyz for key in self.keyframes], dtype=np.float64)

    def _steps(self) -> Floats:
        """Distances from each keyframe to the next, around the loop if it is one."""
        points = self._points
        following = np.roll(points, -1, axis=0)
        return norms(following - points)[: None if self.is_loop and len(points) > 1 else -1, 0]

    @cached_property
    def _moves(self) -> bool:
        points = self._points
        return bool(np.ptp(points, axis=0).max() > _REPEATED * (1 + np.abs(points).max()))

    @cached_property
    def _closed(self) -> bool:
        return self.is_loop and len(self.keyframes) > 1

    @cached_property
    def _knots(self) -> Floats:
        """Parameters of the keyframes: their times, or centripetal (Lee 1989), which makes no cusps."""
        if self.is_timed:
            times = self._times()
            return np.append(times, self.duration_s) if self._closed else times
        if self._moves:
            steps = np.sqrt(self._steps())
        elif self._turns:
            steps = np.maximum(self._turn_steps(), _REPEATED)
        else:
            steps = np.ones(len(self.keyframes) - (not self._closed))
        return np.concatenate([[0.0], np.cumsum(steps)])

    def _turn_steps(self) -> Floats:
        rotations = matrix_from_quaternion(self._quaternions)
        return angle_rad(rotations, np.roll(rotations, -1, axis=0))[: None if self._closed else -1]

    @cached_property
    def _turns(self) -> bool:
        return float(self._turn_steps().max(initial=0.0)) > _REPEATED

    @cached_property
    def _position(self) -> Curve:
        return Curve(
            self._knots,
            self._points,
            closed=self._closed,
            no_overshoot=self.no_overshoot,
            is_sampled=self.is_sampled,
        )

    @cached_property
    def _rotation(self) -> RotationCurve:
        return RotationCurve(
            self._knots,
            self._quaternions,
            closed=self._closed,
            no_overshoot=self.no_overshoot,
            is_sampled=self.is_sampled,
        )

    @cached_property
    def _log_half_height(self) -> Curve:
        return self._gauge(np.log(np.tan(0.5 * np.array([key.fov_y_rad for key in self.keyframes]))))

    @cached_property
    def _log_focus(self) -> Curve | None:
        focus = [key.focus_distance for key in self.keyframes if key.focus_distance is not None]
        return self._gauge(np.log(np.array(focus))) if focus else None

    def _gauge(self, values: Floats) -> Curve:
        """A curve of one number that never overshoots its keyframes, unless they are samples."""
        return Curve(
            self._knots,
            values[:, None],
            closed=self._closed,
            no_overshoot=not self.is_sampled,
            is_sampled=self.is_sampled,
        )

    @cached_property
    def _progress(self) -> ArcLength:
        """Progress along the path: its length; the turned angle where it never moves; else just its parameter."""
        if self._moves:
            return ArcLength(self._knots, self._position.speed)
        return ArcLength(self._knots, self._rotation.speed if self._turns else np.ones_like)

    def _parameter(self, time_s: ArrayLike) -> Floats:
        t = np.asarray(time_s, dtype=np.float64)
        if self.is_timed or len(self.keyframes) == 1:
            return t
        progress = self._progress
        if self._closed:
            return progress.parameter(np.mod(t / self.duration_s, 1.0) * progress.total)
        return progress.parameter(progress.total * eased_fraction(t, self.duration_s, self.ease_s, self.ease_out_s))


def _triple(vector: Floats) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in vector)
    return x, y, z


def eased_fraction(time_s: ArrayLike, duration_s: float, ease_s: float, ease_out_s: float | None = None) -> Floats:
    """The part [...] of the way covered at times [...] when speed rises over ease_s, stays, and falls over ease_out_s.

    The speed follows 6 x^5 - 15 x^4 + 10 x^3 (Perlin 2002), so that acceleration and jerk start and end at zero. Two
    eases that take longer than the way are shortened alike; ease_out_s is ease_s if it is None.
    """
    t = np.clip(np.asarray(time_s, dtype=np.float64), 0.0, duration_s)
    eases = (ease_s, ease_s if ease_out_s is None else ease_out_s)
    shorter = min(1.0, duration_s / max(sum(eases), _SHORTEST_EASE_S))
    ease_in, ease_out = (shorter * ease if shorter * ease >= _SHORTEST_EASE_S else 0.0 for ease in eases)
    cruise = duration_s - 0.5 * (ease_in + ease_out)

    def covered(elapsed: Floats, ease: float) -> Floats:
        if ease == 0:
            return elapsed
        x = np.minimum(elapsed, ease) / ease
        return ease * (x**6 - 3 * x**5 + 2.5 * x**4) + np.maximum(elapsed - ease, 0.0)

    return np.where(t <= ease_in, covered(t, ease_in), cruise - covered(duration_s - t, ease_out)) / cruise
