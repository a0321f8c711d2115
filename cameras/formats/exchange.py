"""What the path formats exchange: a path with what its file says beside it, and the same path as one pose a frame.

A format module has three functions (`PathModule`). Reading gives a `Flight`; writing takes one, turns it into the
poses of its frames with `bake` where the format knows no curves of ours, and names what the format could not carry.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import InputError, SettingsError
from ..keyframe import Keyframe
from ..path import CameraPath
from ..rotations import ROTATION_TOLERANCE, matrix_from_quaternion, quaternion_from_matrix
from ..shot_list import Shot, ShotList
from ..similarity import Similarity
from ..splines import with_continuous_signs
from .files import Opening
from .flythrough_json import WorldNote

MAX_FRAMES = 200_000
"""Almost two hours at 30 frames a second; more is a mistake or an attack."""
MAX_FPS = 1000
MAX_COORDINATE = 1e9

# A frame rate that was stored as a rounded number is taken for a common one within this part of it.
_RATE_TOLERANCE = 1e-5
_BROADCAST_RATES = tuple(Fraction(1000 * rate, 1001) for rate in (24, 30, 48, 60, 120))
_LARGEST_DENOMINATOR = 1_000_000


@dataclass(frozen=True, eq=False)
class FrameSettings:
    """What a file may leave open.

    Attributes:
        fps: frames a second, exact.
        width, height: image size in pixels.
        scene_from_world: from our world to the world of the file, for formats that live in a world of their own
            (nerfstudio's ``dataparser_transforms.json``); None where both are one.
    """

    fps: Fraction = Fraction(30)
    width: int = 1280
    height: int = 720
    scene_from_world: Similarity | None = None


@dataclass(frozen=True)
class Flight:
    """A path and what its file says about it.

    Attributes:
        shots: the path.
        world: what is known of the world that it is flown in.
        fps: the file's own frame rate; None if it has none.
        size: the file's own image size (width, height); None if it has none.
        losses: what else the file holds that a path of ours cannot, one short item each.
    """

    shots: ShotList
    world: WorldNote = field(default_factory=WorldNote)
    fps: Fraction | None = None
    size: tuple[int, int] | None = None
    losses: tuple[str, ...] = ()

    @property
    def is_loop(self) -> bool:
        """Whether the film goes on from its end to its start; only one shot alone can."""
        return len(self.shots.shots) == 1 and self.shots.shots[0].path.is_loop


@dataclass(frozen=True, eq=False)
class PathFrames:
    """A path as one pose a frame; frame i is at i / fps.

    Attributes:
        fps: frames a second, exact.
        positions_world: [n, 3].
        rotations: [n, 3, 3] of ``world_from_camera`` (OpenCV camera axes).
        fovs_y_rad: [n] vertical fields of view.
        focus_distances: [n] in world units; None if all is sharp.
        is_loop: after the last frame comes the first.

    Raises:
        ValueError: on no frames or too many, a rate out of bounds, other shapes, and frames that no camera can have;
            the message names the first such frame, counted from 0.
    """

    fps: Fraction
    positions_world: Floats
    rotations: Floats
    fovs_y_rad: Floats
    focus_distances: Floats | None = None
    is_loop: bool = False

    def __post_init__(self) -> None:
        n = len(self.positions_world)
        if not 1 <= n <= MAX_FRAMES:
            raise ValueError(f"1 to {MAX_FRAMES:,} frames are wanted, got {n:,}")
        if not 0 < self.fps <= MAX_FPS:
            raise ValueError(f"a frame rate above 0 and up to {MAX_FPS} is wanted, got {float(self.fps):g}")
        shapes = {"positions": (self.positions_world, (n, 3)), "rotations": (self.rotations, (n, 3, 3))}
        shapes |= {"fields of view": (self.fovs_y_rad, (n,))}
        if self.focus_distances is not None:
            shapes |= {"focus distances": (self.focus_distances, (n,))}
        for name, (values, shape) in shapes.items():
            if values.shape != shape:
                raise ValueError(f"{name} of shape {shape} are wanted, got {values.shape}")
        self._check_values()

    def _check_values(self) -> None:
        # Written so that NaN fails: every comparison with it is false.
        near = np.abs(self.positions_world) <= MAX_COORDINATE
        _require(np.asarray(near.all(axis=1)), f"its position must be finite and within {MAX_COORDINATE:g}")
        _require(np.abs(self.rotations).max(axis=(1, 2)) <= 2, "its rotation must be a rotation")
        off = np.abs(self.rotations @ np.swapaxes(self.rotations, 1, 2) - np.eye(3)).max(axis=(1, 2))
        is_rotation = (off <= ROTATION_TOLERANCE) & (np.linalg.det(self.rotations) > 0)
        _require(is_rotation, "its rotation must be orthonormal with determinant +1")
        _require((self.fovs_y_rad > 0) & (self.fovs_y_rad < math.pi), "its field of view must be in (0, 180) degrees")
        if self.focus_distances is not None:
            focus = self.focus_distances
            _require((focus > 0) & (focus < math.inf), "its focus distance must be positive and finite")

    def __len__(self) -> int:
        return len(self.positions_world)

    @property
    def times_s(self) -> Floats:
        """[n] in seconds, from 0."""
        return np.array([float(i / self.fps) for i in range(len(self))])

    @property
    def quaternions_wxyz(self) -> Floats:
        """[n, 4] of ``world_from_camera``; neighbours never have opposite signs."""
        return with_continuous_signs(quaternion_from_matrix(self.rotations))


class PathModule(Protocol):
    """What a module of a path format has."""

    def recognizes(self, opening: Opening) -> bool:
        """Whether a file that begins so is of this format."""
        ...

    def read(self, file: Path, settings: FrameSettings) -> Flight:
        """Reads a path; ``settings`` say what the file leaves open.

        Raises:
            InputError: if the file is not a valid one of this format.
            MissingExtraError: if a package is needed that is not installed.
        """
        ...

    def write(self, flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
        """Writes a path and returns what of it the format could not carry.

        The file appears under its name when it is whole.

        Raises:
            SettingsError: if the path or the settings do not fit the format.
            InputError: if the path leads where no camera can be.
            MissingExtraError: if a package is needed that is not installed.
        """
        ...


def bake(flight: Flight, settings: FrameSettings) -> PathFrames:
    """The pose of every frame of the film, in our world.

    A focus is there only if all shots have one.

    Raises:
        SettingsError: if the film has too many frames.
        InputError: if the path leads where no camera can be.
    """
    check_frame_count(flight.shots.duration_s, settings.fps)
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return _baked(flight, settings)
    except ValueError as error:
        raise InputError(f"the path cannot be flown: {error}; correct it") from error


def _baked(flight: Flight, settings: FrameSettings) -> PathFrames:
    shots = flight.shots
    times = shots.times_s(settings.fps)
    numbers, starts = shots.shot_numbers(times), shots.starts_s
    positions, rotations, fovs = np.empty((len(times), 3)), np.empty((len(times), 3, 3)), np.empty(len(times))
    focus = np.full(len(times), np.nan)
    for number, shot in enumerate(shots.shots):
        mine = np.nonzero(numbers == number)[0]
        at = times[mine] - starts[number]
        positions[mine] = shot.path.positions_world(at)
        rotations[mine] = shot.path.rotations(at)
        fovs[mine] = shot.path.fovs_y_rad(at)
        distances = shot.path.focus_distances(at)
        if distances is not None:
            focus[mine] = distances
    focused = None if np.isnan(focus).any() else focus
    return PathFrames(settings.fps, positions, rotations, fovs, focused, flight.is_loop)


def check_frame_count(duration_s: float, fps: Fraction) -> None:
    """Raises SettingsError if that many seconds make too many frames."""
    if not duration_s * float(fps) <= MAX_FRAMES:
        raise SettingsError(
            f"a path file should have at most {MAX_FRAMES:,} frames, but {duration_s:g} s at {float(fps):g} frames a "
            f"second are more; ask for a lower --fps."
        )


def shot_of(frames: PathFrames, name: str = "shot 1") -> Shot:
    """One timed shot through every frame; an open one holds its last pose for the length of the last frame."""
    n, times = len(frames), frames.times_s.tolist()
    duration_s = float(n / frames.fps)
    focus = [None] * n if frames.focus_distances is None else frames.focus_distances.tolist()
    positions, quaternions = frames.positions_world.tolist(), quaternion_from_matrix(frames.rotations).tolist()
    fovs = frames.fovs_y_rad.tolist()
    rows = list(range(n))
    if n > 1 and not frames.is_loop:
        rows, times = [*rows, n - 1], [*times, duration_s]
    keys = tuple(
        Keyframe(tuple(positions[i]), tuple(quaternions[i]), fovs[i], time, focus[i])
        for i, time in zip(rows, times, strict=True)
    )
    return Shot(name, CameraPath(keys, duration_s, is_loop=frames.is_loop))


def exact_rate(rate: float) -> Fraction:
    """The frame rate that a rounded number means: a whole or a broadcast one if it is near, else the nearest fraction.

    Raises:
        ValueError: if it is not between 1/1000 and 1000.
    """
    if not 1 / MAX_FPS <= rate <= MAX_FPS:
        raise ValueError(f"a frame rate from {1 / MAX_FPS:g} to {MAX_FPS} is wanted, got {rate:g}")
    for common in (Fraction(round(rate)), *_BROADCAST_RATES):
        if abs(common - rate) <= _RATE_TOLERANCE * rate:
            return common
    return Fraction(rate).limit_denominator(_LARGEST_DENOMINATOR)


def unit_quaternions(quaternions_wxyz: Floats) -> Floats:
    """Rotations [n, 3, 3] of a file's quaternions [n, 4], which may be off unit length by 1 %.

    Raises:
        ValueError: if one is further off or not finite; the message names it, counted from 0.
    """
    _require(np.abs(quaternions_wxyz).max(axis=1) < 2, "its quaternion must be finite and of length 1")
    lengths = np.linalg.norm(quaternions_wxyz, axis=1)
    _require(np.abs(lengths - 1) < 0.01, "its quaternion must be of length 1")
    return matrix_from_quaternion(quaternions_wxyz)


def _require(good: NDArray[np.bool_], wanted: str) -> None:
    if not good.all():
        raise ValueError(f"frame {int(np.argmin(good))} cannot be: {wanted}")
