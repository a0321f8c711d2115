"""How a path really moves: speed, acceleration, jerk, turning and zooming over time, by central differences."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats, norms
from .rotations import rotation_log

_STEP_S = 0.01


class Flown(Protocol):
    """What is flown from second 0 to ``duration_s`` without a cut: a path, or a take of several shots."""

    @property
    def duration_s(self) -> float: ...
    @property
    def is_loop(self) -> bool: ...
    def positions_world(self, time_s: ArrayLike) -> Floats: ...
    def rotations(self, time_s: ArrayLike) -> Floats: ...
    def fovs_y_rad(self, time_s: ArrayLike) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Motion:
    """What a camera does at times [n], of one shot.

    Attributes:
        time_s: seconds from the start of the shot.
        speed_m_s, acceleration_m_s2, jerk_m_s3: lengths of the derivatives of the position.
        turn_rate_rad_s, turn_acceleration_rad_s2: lengths of the angular velocity and of its derivative.
        zoom_rate_per_s: of the logarithm of the focal length, never negative.
        roll_rad: of the horizon against the level, never negative.
        tilt_rad: of the optical axis against the horizontal, positive upwards.
    """

    time_s: Floats
    speed_m_s: Floats
    acceleration_m_s2: Floats
    jerk_m_s3: Floats
    turn_rate_rad_s: Floats
    turn_acceleration_rad_s2: Floats
    zoom_rate_per_s: Floats
    roll_rad: Floats
    tilt_rad: Floats

    def worst(self) -> Iterator[tuple[str, float, float]]:
        """(name, largest size, its time) of each quantity."""
        for field in fields(self)[1:]:
            sizes: Floats = np.abs(getattr(self, field.name))
            at = int(np.argmax(sizes))
            yield field.name, float(sizes[at]), float(self.time_s[at])


def measure_motion(path: Flown, metres_per_unit: float, *, samples_per_s: float = 60.0) -> Motion:
    """Samples a path; its ends count as far as the differences reach.

    Args:
        metres_per_unit: of the path's world.
    """
    h = min(_STEP_S, path.duration_s / 8)
    margin = 0.0 if path.is_loop else 2 * h
    count = max(2, round(path.duration_s * samples_per_s))
    time = np.linspace(margin, path.duration_s - margin, count)
    before2, before, now, after, after2 = (metres_per_unit * path.positions_world(time + k * h) for k in range(-2, 3))
    turned = [path.rotations(time + k * h) for k in (-1, 0, 1)]
    spin_before = rotation_log(turned[1] @ np.swapaxes(turned[0], -1, -2)) / h
    spin_after = rotation_log(turned[2] @ np.swapaxes(turned[1], -1, -2)) / h
    zoom = [-np.log(np.tan(0.5 * path.fovs_y_rad(time + k * h))) for k in (-1, 1)]
    right, forward = turned[1][..., 0], turned[1][..., 2]
    return Motion(
        time,
        norms(after - before)[:, 0] / (2 * h),
        norms(after - 2 * now + before)[:, 0] / h**2,
        norms(after2 - 2 * after + 2 * before - before2)[:, 0] / (2 * h**3),
        norms(0.5 * (spin_before + spin_after))[:, 0],
        norms(spin_after - spin_before)[:, 0] / h,
        np.abs(zoom[1] - zoom[0]) / (2 * h),
        np.abs(np.arcsin(np.clip(right[:, 2], -1, 1))),
        np.arcsin(np.clip(forward[:, 2], -1, 1)),
    )
