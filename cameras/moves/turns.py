"""Moves of a camera that stays where it is and turns: pan, tilt, roll and whip."""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats, angles_between_rad, unit
from ..path import CameraPath
from ..rotations import rotation_from_axis_angle
from ..splines import LEAST_SAMPLES
from .manner import STEP_RAD, Easing, Manner, Stance, flown, horizontal, turned

# Between keys a turn goes the short way, and about one axis it is exact at any distance below half a turn.
_KEY_RAD = math.radians(60)
_STEEPEST_RAD = math.radians(89.9)


def pan(stance: Stance, angle_rad: float, manner: Manner) -> CameraPath:
    """A turn to the right about the up axis; a negative angle is to the left.

    Raises:
        ValueError: if the angle is 0.
    """
    parts = _parts(angle_rad, manner)
    return _turning(stance, turned(stance.forward_world, manner.up_world, parts * angle_rad), manner)


def tilt(stance: Stance, angle_rad: float, manner: Manner) -> CameraPath:
    """A turn upwards; a negative angle is downwards.

    Raises:
        ValueError: if the angle is 0, or the camera would look straight up or down and lose its horizon.
    """
    start = _tilt_rad(stance.forward_world, manner.up_world)
    if not (abs(start) < _STEEPEST_RAD and abs(start + angle_rad) < _STEEPEST_RAD):
        found = math.degrees(start + angle_rad)
        raise ValueError(
            f"a tilt stays between straight down (-90 degrees) and straight up (90), but ends at {found:g}"
        )
    right = np.cross(stance.forward_world, manner.up_world)
    turn = rotation_from_axis_angle(right, _parts(angle_rad, manner) * angle_rad)
    return _turning(stance, turn @ unit(stance.forward_world), manner)


def pan_onto(stance: Stance, forward_world: Floats, manner: Manner) -> CameraPath:
    """A pan the short way to another direction [3], with whatever tilt that takes along with it.

    Raises:
        ValueError: if the camera looks that way already, or one of the two directions is straight up or down.
    """
    up = unit(manner.up_world)
    tilts = [_tilt_rad(forward, up) for forward in (stance.forward_world, forward_world)]
    if max(map(abs, tilts)) >= _STEEPEST_RAD:
        raise ValueError("a pan cannot begin or end straight up or down")
    before, after = (unit(horizontal(unit(forward), up)) for forward in (stance.forward_world, forward_world))
    angle = -math.atan2(float(np.cross(before, after) @ up), float(before @ after))
    is_even = abs(tilts[1] - tilts[0]) < 1e-9
    parts = _parts(math.hypot(angle, tilts[1] - tilts[0]), manner, is_simple=is_even)
    level = turned(before, up, parts * angle)
    tilted = (tilts[0] + (tilts[1] - tilts[0]) * parts)[:, None]
    return _turning(stance, np.cos(tilted) * level + np.sin(tilted) * up, manner, is_simple=is_even)


def roll(stance: Stance, angle_rad: float, manner: Manner) -> CameraPath:
    """A turn about the optical axis, clockwise as the operator sees it, from the roll that the manner begins with.

    Raises:
        ValueError: if the angle is 0.
    """
    start = manner.rolls_rad[0]
    # Alone, a turn about the optical axis needs no more keys than a pan does.
    parts = _parts(angle_rad, replace(manner, rolls_rad=(start, start)))
    forwards = np.tile(stance.forward_world, (len(parts), 1))
    rolled = replace(manner, rolls_rad=(start, start + angle_rad))
    return flown(np.tile(stance.position_world, (len(parts), 1)), forwards, rolled, is_sampled=not manner.is_even)


def whip(stance: Stance, angle_rad: float, manner: Manner) -> CameraPath:
    """A pan that gets faster and faster until the cut that ends it.

    Raises:
        ValueError: if the angle is 0.
    """
    return pan(stance, angle_rad, _hurried(manner))


def whip_onto(stance: Stance, forward_world: Floats, manner: Manner) -> CameraPath:
    """`whip` in the way of `pan_onto`; raises as that does."""
    return pan_onto(stance, forward_world, _hurried(manner))


def _hurried(manner: Manner) -> Manner:
    """The manner of a whip: the camera gets faster all the time and is fastest when it is over."""
    return replace(manner, easing=Easing(manner.seconds, 0.0))


def _tilt_rad(forward_world: Floats, up_world: ArrayLike) -> float:
    return 0.5 * math.pi - float(angles_between_rad(forward_world, up_world))


def _parts(angle_rad: float, manner: Manner, is_simple: bool = True) -> Floats:
    """[n] even parts of a turn from 0 to 1: few where it is about one axis, many where it is not."""
    if abs(angle_rad) < 1e-9:
        raise ValueError("the camera would not turn")
    least, step = (1, _KEY_RAD) if is_simple and _is_even(manner) else (2 * LEAST_SAMPLES, STEP_RAD)
    return np.linspace(0.0, 1.0, max(least, math.ceil(abs(angle_rad) / step)) + 1)


def _is_even(manner: Manner) -> bool:
    """Whether nothing else changes on the way: between few keys, angles are not quite even in the keys' parameter."""
    return manner.is_even and manner.rolls_rad[0] == manner.rolls_rad[1]


def _turning(stance: Stance, forwards_world: Floats, manner: Manner, is_simple: bool = True) -> CameraPath:
    positions = np.tile(stance.position_world, (len(forwards_world), 1))
    return flown(positions, forwards_world, manner, is_sampled=not (is_simple and _is_even(manner)))
