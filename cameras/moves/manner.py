"""How a move is flown, whatever its way: its length, easing, lens, focus and roll; and the path that comes of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats, norms, unit
from ..keyframe import keyframes_of
from ..path import CameraPath
from ..rotations import look_rotation, rotation_from_axis_angle
from ..splines import LEAST_SAMPLES

Triple: TypeAlias = tuple[float, float, float]

STEP_RAD = math.radians(3)
"""Samples of a circle are no farther apart; the curve through them is then off by about 1e-12 of its radius."""
SAMPLES_PER_S = 60
"""Samples of a move that is given over time."""


@dataclass(frozen=True)
class Easing:
    """How long the camera takes to reach its speed and to lose it again, in seconds; 0 is at once."""

    in_s: float = 1.0
    out_s: float = 1.0


@dataclass(frozen=True)
class Manner:
    """How a move is flown.

    Attributes:
        seconds: length of the shot.
        fovs_y_rad: vertical field of view at the start and at the end; the focal length changes evenly in its
            logarithm.
        easing: of the whole move.
        focus: distances in world units at the start and at the end, or ``"subject"`` for that of the subject; None if
            all is sharp.
        rolls_rad: roll at the start and at the end, clockwise as the camera's operator sees it.
        up_world: the axis under which the horizon is level.
    """

    seconds: float
    fovs_y_rad: tuple[float, float]
    easing: Easing = Easing()
    focus: tuple[float, float] | Literal["subject"] | None = None
    rolls_rad: tuple[float, float] = (0.0, 0.0)
    up_world: Triple = (0.0, 0.0, 1.0)

    @property
    def is_level(self) -> bool:
        return self.rolls_rad == (0.0, 0.0)

    @property
    def is_even(self) -> bool:
        """Whether lens and focus stay as they are."""
        focus_stays = not isinstance(self.focus, tuple) or self.focus[0] == self.focus[1]
        return focus_stays and self.fovs_y_rad[0] == self.fovs_y_rad[1]


@dataclass(frozen=True, eq=False)
class Stance:
    """Where a camera stands and looks: [3] world position and [3] direction of any length but 0."""

    position_world: Floats
    forward_world: Floats


def flown(
    positions_world: Floats,
    forwards_world: Floats,
    manner: Manner,
    *,
    subject_world: Floats | None = None,
    fovs_y_rad: Floats | None = None,
    is_sampled: bool = False,
) -> CameraPath:
    """The untimed path through rows of places and directions that are evenly far along a move.

    Args:
        positions_world, forwards_world: [n, 3].
        subject_world: [3] what the camera keeps looking at, so that the directions only say what is up.
        fovs_y_rad: [n] in place of the manner's.

    Raises:
        ValueError: if the rows make no path; see `CameraPath`.
    """
    parts = np.linspace(0.0, 1.0, len(positions_world))
    rotations = look_rotation(forwards_world, manner.up_world) @ roll_rotation(_between(manner.rolls_rad, parts))
    if fovs_y_rad is None:
        logs = [math.log(math.tan(0.5 * fov)) for fov in manner.fovs_y_rad]
        fovs_y_rad = 2 * np.arctan(np.exp(_between((logs[0], logs[1]), parts)))
    focus = _focus_distances(positions_world, manner, subject_world, parts)
    return CameraPath(
        keyframes_of(positions_world, rotations, fovs_y_rad, focus),
        manner.seconds,
        ease_s=manner.easing.in_s,
        ease_out_s=manner.easing.out_s,
        level_up_world=manner.up_world if manner.is_level else None,
        look_at_world=None if subject_world is None else triple(subject_world),
        is_sampled=is_sampled,
    )


def sampled(
    seconds: float,
    pose: Callable[[Floats], tuple[Floats, Floats]],
    fovs_y_rad: Callable[[Floats], Floats],
    focus: Callable[[Floats], Floats | None],
    *,
    samples_per_s: float = SAMPLES_PER_S,
    at_s: Floats | None = None,
    level_up_world: Triple | None = None,
    look_at_world: Triple | None = None,
) -> CameraPath:
    """The timed path through close samples of a smooth move that is given over time.

    Args:
        pose: positions [n, 3] and rotations [n, 3, 3] at times [n].
        fovs_y_rad: [n] at times [n].
        focus: distances [n] at times [n], or None.
        at_s: moments in [0, seconds] that are sampled too.
    """
    count = max(2 * LEAST_SAMPLES, math.ceil(seconds * samples_per_s)) + 1
    times = np.linspace(0.0, seconds, count)
    if at_s is not None:
        far = np.abs(times[:, None] - at_s).min(axis=1) > 0.5 * seconds / count
        far[[0, -1]] = True
        wanted = at_s[np.minimum(at_s, seconds - at_s) > 0.25 * seconds / count]
        times = np.unique(np.concatenate([times[far], wanted]))
    positions, rotations = pose(times)
    return CameraPath(
        keyframes_of(positions, rotations, fovs_y_rad(times), focus(times), times),
        seconds,
        level_up_world=level_up_world,
        look_at_world=look_at_world,
        is_sampled=True,
    )


def roll_rotation(rolls_rad: ArrayLike) -> Floats:
    """Rotations [..., 3, 3] that follow a level ``world_from_camera`` and turn it clockwise by rolls [...]."""
    return rotation_from_axis_angle((0.0, 0.0, 1.0), rolls_rad)


def roll_rad(rotation: ArrayLike, up_world: ArrayLike) -> Floats:
    """Rolls [...] of ``world_from_camera`` rotations [..., 3, 3] against the level; undoes `roll_rotation`."""
    rolled = np.asarray(rotation, dtype=np.float64)
    level = look_rotation(rolled[..., 2], up_world)
    right, down = (np.sum(rolled[..., 0] * level[..., i], axis=-1) for i in (0, 1))
    return np.asarray(np.arctan2(down, right), dtype=np.float64)


def turned(vectors_world: ArrayLike, up_world: ArrayLike, rights_rad: ArrayLike) -> Floats:
    """Vectors [..., 3] turned to the right about the up axis by angles [...]."""
    turn = rotation_from_axis_angle(up_world, -np.asarray(rights_rad, dtype=np.float64))
    return np.asarray((turn @ np.asarray(vectors_world, dtype=np.float64)[..., None])[..., 0], dtype=np.float64)


def horizontal(vector_world: Floats, up_world: ArrayLike) -> Floats:
    """[3] the part of a vector that is square to the up axis."""
    up = unit(up_world)
    return vector_world - up * float(vector_world @ up)


def triple(vector: ArrayLike) -> Triple:
    x, y, z = (float(value) for value in np.asarray(vector, dtype=np.float64))
    return x, y, z


def _between(ends: tuple[float, float], parts: Floats) -> Floats:
    return ends[0] + (ends[1] - ends[0]) * parts


def _focus_distances(
    positions_world: Floats, manner: Manner, subject_world: Floats | None, parts: Floats
) -> Floats | None:
    if manner.focus is None:
        return None
    if manner.focus == "subject":
        if subject_world is None:
            raise ValueError("there is no subject that the focus could be on")
        return norms(subject_world - positions_world)[:, 0]
    near, far = (math.log(distance) for distance in manner.focus)
    return np.exp(_between((near, far), parts))
