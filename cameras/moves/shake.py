"""The unrest of a camera in the hand, added to another move: noise of a limited band, the same for the same seed."""

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..path import CameraPath
from ..rotations import rotation_exp
from .manner import sampled

_WAVES = 32
_SAMPLES_PER_WAVE = 16
_FADE_S = 1.0


@dataclass(frozen=True)
class Shake:
    """How unsteady the hand is: root mean squares along and about each axis.

    Attributes:
        length: of the position, in world units.
        angle_rad: of pan and of tilt.
        roll_rad: of the horizon.
        hz: lowest and highest frequency; below it slow unrest is strongest, as in hands (amplitude as 1 / frequency).
        seed: another seed is another hand.

    Raises:
        ValueError: on a negative size or a band that is empty.
    """

    length: float
    angle_rad: float
    roll_rad: float
    hz: tuple[float, float]
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.length, self.angle_rad, self.roll_rad) < 0 or not 0 < self.hz[0] < self.hz[1] < math.inf:
            raise ValueError(f"unrest has sizes of at least 0 and a band from a low to a higher frequency, got {self}")

    def noise(self, time_s: Floats) -> Floats:
        """[n, 6] of root mean square 1 at times [n]: a sum of waves, one from each part of the band."""
        rng = np.random.default_rng(self.seed)
        low, high = self.hz
        frequencies = low + (high - low) * (np.arange(_WAVES) + rng.random((6, _WAVES))) / _WAVES
        phases = 2 * math.pi * rng.random((6, _WAVES))
        sizes = 1 / frequencies
        sizes *= np.sqrt(2 / np.sum(sizes**2, axis=1, keepdims=True))
        waves = np.sin(2 * math.pi * np.asarray(time_s)[:, None, None] * frequencies + phases)
        return np.asarray(np.sum(sizes * waves, axis=-1), dtype=np.float64)


def hand_held(
    path: CameraPath, shake: Shake, *, start_s: float = 0.0, fades_in: bool = False, fades_out: bool = False
) -> CameraPath:
    """The same move with a hand's unrest on top, as a timed path.

    Args:
        start_s: when the shot begins in its film, so that the unrest goes on smoothly from shot to shot.
        fades_in, fades_out: begin or end without unrest, for an unbroken move from or to a steady shot.
    """
    fade = min(_FADE_S, 0.5 * path.duration_s)

    def noise(times: Floats) -> Floats:
        found = shake.noise(times + start_s)
        if fades_in:
            found = found * _smooth_step(times / fade)[:, None]
        if fades_out:
            found = found * _smooth_step((path.duration_s - times) / fade)[:, None]
        return found

    def pose(times: Floats) -> tuple[Floats, Floats]:
        n = noise(times)
        angles = n[:, 3:] * (shake.angle_rad, shake.angle_rad, shake.roll_rad)
        return path.positions_world(times) + shake.length * n[:, :3], path.rotations(times) @ rotation_exp(angles)

    return sampled(
        path.duration_s,
        pose,
        path.fovs_y_rad,
        path.focus_distances,
        samples_per_s=max(30.0, _SAMPLES_PER_WAVE * shake.hz[1]),
        level_up_world=path.level_up_world if shake.roll_rad == 0 else None,
    )


def _smooth_step(x: Floats) -> Floats:
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x**3 * (10 - 15 * x + 6 * x * x), dtype=np.float64)
