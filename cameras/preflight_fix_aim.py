"""Repairs of where a camera looks: rows of rotations evenly in time, [M, 3, 3] ``world_from_camera``."""

import numpy as np

from .arrays import Floats, angles_between_rad, norms, unit
from .freespace import FreeSpace
from .limits import Limits
from .preflight import NEAR_BY
from .rotations import look_rotation
from .tour_route import ROWS_PER_S, smoothed

_UP = (0.0, 0.0, 1.0)
_SIGMA_S = 0.5
# What is repaired ends a little inside its limit.
_PART = 0.95
_ROUNDS = 6
_STEEP = 0.05


def levelled(rotations: Floats) -> Floats:
    """The same directions with a level horizon."""
    forward, up = rotations[..., 2], -rotations[..., 1]
    level = look_rotation(forward, _UP)
    # Straight up or down nothing is level: the picture keeps its own up.
    return np.where((norms(forward[..., :2]) > _STEEP)[..., None], level, look_rotation(forward, up))


def lowered(rotations: Floats, tilt_rad: float, *, is_loop: bool) -> Floats:
    """Level cameras that tilt no farther than that, and turn there smoothly."""
    heading, tilt = _angles(rotations)
    return _aimed(heading, np.clip(tilt, -_PART * tilt_rad, _PART * tilt_rad), is_loop=is_loop)


def turned_to_views(space: FreeSpace, positions: Floats, rotations: Floats, limits: Limits, *, is_loop: bool) -> Floats:
    """Level cameras turned towards the best captured view near by where that looks elsewhere."""
    heading, tilt = _angles(rotations)
    found = rotations
    for _ in range(_ROUNDS):
        forward = found[..., 2]
        target, angle = _best_view(space, positions, forward, limits)
        if float(angle.max()) <= limits.view_angle_rad:
            break
        part = np.clip(1 - _PART * limits.view_angle_rad / np.maximum(angle, 1e-9), 0, 1)[:, None]
        mixed = unit((1 - part) * forward + part * target)
        # Opposite directions mix to nothing: then the view's own is as good as any.
        mixed = np.where(norms(mixed) > 0.5, mixed, target)
        toward = look_rotation(mixed, _UP)
        heading, tilt = _angles(toward)
        found = _aimed(heading, tilt, is_loop=is_loop)
    return found


def _best_view(space: FreeSpace, positions: Floats, forward: Floats, limits: Limits) -> tuple[Floats, Floats]:
    """[M, 3] the direction of the best captured view near each row, and [M] the angle to it."""
    far = norms(space.views_position_world - positions[:, None])[..., 0]
    reach = np.maximum(far.min(axis=1, keepdims=True), NEAR_BY * limits.view_distance_m / space.metres_per_unit)
    angles = angles_between_rad(forward[:, None], space.views_forward_world)
    best = np.argmin(np.where(far <= reach, angles, np.inf), axis=1)
    return space.views_forward_world[best], angles[np.arange(len(best)), best]


def _angles(rotations: Floats) -> tuple[Floats, Floats]:
    """[M] unwrapped headings (from +x to +y) and tilts."""
    forward, up = rotations[..., 2], -rotations[..., 1]
    level = norms(forward[..., :2]) > _STEEP
    ahead = np.where(level, forward[..., :2], -np.sign(forward[..., 2:]) * up[..., :2])
    heading = np.unwrap(np.arctan2(ahead[..., 1], ahead[..., 0]))
    return np.asarray(heading, dtype=np.float64), np.arcsin(np.clip(forward[..., 2], -1, 1))


def _aimed(heading: Floats, tilt: Floats, *, is_loop: bool) -> Floats:
    """Level rotations of smoothed angles."""
    turns = np.linspace(0, heading[-1] - heading[0] if is_loop else 0.0, len(heading))
    sigma = _SIGMA_S * ROWS_PER_S
    heading = smoothed((heading - turns)[:, None], sigma, is_loop)[:, 0] + turns
    tilt = smoothed(tilt[:, None], sigma, is_loop)[:, 0]
    c = np.cos(tilt)
    return look_rotation(np.stack([c * np.cos(heading), c * np.sin(heading), np.sin(tilt)], axis=-1), _UP)
