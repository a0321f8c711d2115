"""Joins of two shots without a cut: a move that takes over where one ends and hands over where the next begins."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy import interpolate  # pyright: ignore[reportMissingTypeStubs]

from ..arrays import Floats, norms
from ..limits import Limits
from ..path import CameraPath
from ..rotations import angle_rad, rotation_exp, rotation_log
from .manner import sampled

SAME = 1e-6
"""Poses and lenses that differ less, in world units, radians and a logarithm, are one: that is a thousandth pixel."""
_SHORTEST_S = 1.0
# A move from rest to rest by a polynomial of degree five is at its fastest 15 / 8 of its mean speed.
_PEAK = 15 / 8
# Points from which derivatives at an end are taken, and the time between them.
_POINTS = 7
_STEP_S = 1 / 600


@dataclass(frozen=True, eq=False)
class _Jet:
    """Value, first and second derivative over time of each channel at an end of a path: [3, D]."""

    rows: Floats

    @classmethod
    def of(cls, values: Floats, steps_s: Floats) -> "_Jet":
        """From values [7, D] at times [7] from the end."""
        found = np.polynomial.polynomial.polyfit(steps_s / _STEP_S, values, _POINTS - 1)
        return cls(np.stack([found[0], found[1] / _STEP_S, 2 * found[2] / _STEP_S**2]))


def are_one(before: CameraPath, after: CameraPath) -> bool:
    """Whether one path ends in the pose and with the lens with which the next begins."""
    end, turn, zoom = _gaps(before, after)
    return max(end, turn, zoom) < SAME


def comfortable_seconds(before: CameraPath, after: CameraPath, metres_per_unit: float) -> float:
    """A length for the move between two shots at which it stays near the limits of a calm flight."""
    limits = Limits()
    way, turn, zoom = _gaps(before, after)
    rates = (limits.speed_m_s / metres_per_unit, limits.turn_rate_rad_s, limits.zoom_rate_per_s)
    slowest = max(_PEAK * gap / rate for gap, rate in zip((way, turn, zoom), rates, strict=True))
    return round(max(_SHORTEST_S, slowest), 2)


def blend(before: CameraPath, after: CameraPath, seconds: float) -> CameraPath:
    """The move from the end of one path to the start of the next, C2 with both in position, rotation and lens.

    A polynomial of degree five in time through place, velocity and acceleration of both ends (quintic Hermite); the
    rotation likewise, as a rotation vector from the first end; the lens and the focus in their logarithms. Where both
    paths are level, the move is too.
    """
    ends = (_ends(before, at_end=True), _ends(after, at_end=False))
    origin = before.rotations(before.duration_s)
    jets: list[list[_Jet]] = []
    for path, times, steps in ends:
        turns = _continuous(rotation_log(origin.T @ path.rotations(times)))
        zooms = np.log(np.tan(0.5 * path.fovs_y_rad(times)))[:, None]
        jets.append([_Jet.of(values, steps) for values in (path.positions_world(times), turns, zooms)])
    place, turn, zoom = (_hermite(a, b, seconds) for a, b in zip(*jets, strict=True))
    focus = _focus(ends, seconds)
    is_level = before.level_up_world == after.level_up_world
    return sampled(
        seconds,
        lambda times: (place(times), origin @ rotation_exp(turn(times))),
        lambda times: 2 * np.arctan(np.exp(zoom(times)[:, 0])),
        lambda times: None if focus is None else np.exp(focus(times)[:, 0]),
        level_up_world=before.level_up_world if is_level else None,
    )


def _ends(path: CameraPath, *, at_end: bool) -> tuple[CameraPath, Floats, Floats]:
    """The path, times [7] at its end or start, and the same as steps from there."""
    step = min(_STEP_S, path.duration_s / (2 * _POINTS))
    steps = np.linspace(0.0, (_POINTS - 1) * (-step if at_end else step), _POINTS)
    return path, steps + (path.duration_s if at_end else 0.0), steps


def _hermite(before: _Jet, after: _Jet, seconds: float) -> Any:
    ends = np.stack([before.rows, after.rows])
    return cast(Any, interpolate).BPoly.from_derivatives([0.0, seconds], ends)


def _continuous(vectors: Floats) -> Floats:
    """Rotation vectors [n, 3] of the same rotations without jumps between the two vectors of a half turn."""
    found = [vectors[0]]
    for vector in vectors[1:]:
        angle = float(np.linalg.norm(vector))
        other = vector * (1 - 2 * np.pi / angle) if angle > 1e-3 else vector
        found.append(min((vector, other), key=lambda v: float(np.linalg.norm(v - found[-1]))))
    return np.array(found)


def _focus(ends: tuple[tuple[CameraPath, Floats, Floats], ...], seconds: float) -> Any:
    """The logarithm of the focus over time; where only one path has a focus, that is kept; None if none has."""
    jets: list[_Jet] = []
    for path, times, steps in ends:
        found = path.focus_distances(times)
        if found is not None:
            jets.append(_Jet.of(np.log(found)[:, None], steps))
    if len(jets) == 2:
        return _hermite(jets[0], jets[1], seconds)
    still = [_Jet(jet.rows * np.array([[1.0], [0.0], [0.0]])) for jet in jets]
    return _hermite(still[0], still[0], seconds) if still else None


def _gaps(before: CameraPath, after: CameraPath) -> tuple[float, float, float]:
    """Way, turn and zoom between the end of one path and the start of the next."""
    end = before.duration_s
    way = norms(after.positions_world(0.0) - before.positions_world(end))
    turn = angle_rad(before.rotations(end), after.rotations(0.0))
    heights = np.log(np.tan(0.5 * np.array([before.fovs_y_rad(end), after.fovs_y_rad(0.0)])))
    return float(way[0]), float(turn), float(abs(heights[1] - heights[0]))
