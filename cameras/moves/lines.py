"""Moves along a straight line: dolly, truck, pedestal, crane, push-in, pull-out, dolly zoom; and standing still."""

import math
from dataclasses import replace

import numpy as np

from ..arrays import Floats, norms, unit
from ..path import CameraPath
from ..splines import LEAST_SAMPLES
from .manner import STEP_RAD, Manner, Stance, flown, horizontal

# A line has two keys; where something changes unevenly along it, so many samples are within 1e-9 of it.
_SAMPLES = 129
# Nearer than this part of the way the camera would run into what it looks at.
_TOO_NEAR = 1e-3


def straight(stance: Stance, way_world: Floats, manner: Manner, subject_world: Floats | None = None) -> CameraPath:
    """A line from where the camera stands.

    Args:
        way_world: [3] from its start to its end.
        subject_world: [3] what the camera keeps looking at; if None it keeps its direction.

    Raises:
        ValueError: if the way has no length, or passes through the subject.
    """
    if float(np.linalg.norm(way_world)) < 1e-9:
        raise ValueError("the camera would not move")
    is_uneven = subject_world is not None and (manner.focus == "subject" or not manner.is_level)
    parts = np.linspace(0.0, 1.0, _SAMPLES if is_uneven else 2)[:, None]
    positions = stance.position_world + parts * way_world
    if subject_world is None:
        forwards = np.broadcast_to(stance.forward_world, positions.shape)
    else:
        forwards = subject_world - positions
        _check_distance(stance.position_world, way_world, subject_world)
    return flown(positions, forwards, manner, subject_world=subject_world, is_sampled=is_uneven)


def dolly(stance: Stance, distance: float, manner: Manner, subject_world: Floats | None = None) -> CameraPath:
    """Forward over the floor; a negative distance is backward. Raises as `straight` does."""
    return crane(stance, 0.0, distance, manner, subject_world)


def truck(stance: Stance, distance: float, manner: Manner, subject_world: Floats | None = None) -> CameraPath:
    """To the right over the floor; a negative distance is to the left. Raises as `straight` does."""
    right = unit(np.cross(_ahead(stance, manner), manner.up_world))
    return straight(stance, distance * right, manner, subject_world)


def pedestal(stance: Stance, rise: float, manner: Manner, subject_world: Floats | None = None) -> CameraPath:
    """Straight up; a negative rise is down. Raises as `straight` does."""
    return straight(stance, rise * unit(manner.up_world), manner, subject_world)


def crane(
    stance: Stance, rise: float, distance: float, manner: Manner, subject_world: Floats | None = None
) -> CameraPath:
    """Up by ``rise`` and forward over the floor by ``distance`` at once. Raises as `straight` does."""
    ahead = distance * _ahead(stance, manner) if distance else np.zeros(3)
    return straight(stance, ahead + rise * unit(manner.up_world), manner, subject_world)


def push_in(stance: Stance, distance: float, manner: Manner, subject_world: Floats | None = None) -> CameraPath:
    """Along the line to the subject, or along the optical axis without one; a negative distance pulls out.

    Raises:
        ValueError: if the camera would not move, or would run into the subject.
    """
    axis = stance.forward_world if subject_world is None else subject_world - stance.position_world
    return straight(stance, distance * unit(axis), manner, subject_world)


def dolly_zoom(stance: Stance, distance: float, manner: Manner, subject_world: Floats) -> CameraPath:
    """A push-in during which the lens keeps the subject's size in the picture; a negative distance pulls out.

    The focal length follows the distance to the subject; of the manner's lens only the start counts.

    Raises:
        ValueError: as `push_in` does.
    """
    axis = subject_world - stance.position_world
    way = distance * unit(axis)
    _check_distance(stance.position_world, way, subject_world)
    positions = stance.position_world + np.linspace(0.0, 1.0, _SAMPLES)[:, None] * way
    far = norms(subject_world - positions)[:, 0]
    half_height = np.tan(0.5 * manner.fovs_y_rad[0]) * far[0] / far
    return flown(
        positions,
        np.broadcast_to(axis, positions.shape),
        manner,
        subject_world=subject_world,
        fovs_y_rad=2 * np.arctan(half_height),
        is_sampled=True,
    )


def hold(stance: Stance, manner: Manner) -> CameraPath:
    """Standing still, while the lens, the focus or the roll may change."""
    start, end = manner.rolls_rad
    rows = 1 if manner.is_even and start == end else 2
    if start != end:
        rows = max(2 * LEAST_SAMPLES, math.ceil(abs(end - start) / STEP_RAD)) + 1
    return flown(
        np.tile(stance.position_world, (rows, 1)),
        np.tile(stance.forward_world, (rows, 1)),
        manner,
        is_sampled=start != end,
    )


def standing(manner: Manner, distance: float) -> Manner:
    """The manner of a camera that stays at that distance from its subject."""
    return replace(manner, focus=(distance, distance)) if manner.focus == "subject" else manner


def _ahead(stance: Stance, manner: Manner) -> Floats:
    """[3] unit vector over the floor, the way that the camera looks."""
    ahead = unit(horizontal(unit(stance.forward_world), manner.up_world))
    if float(norms(ahead)[0]) < 0.5:
        raise ValueError("the camera looks straight up or down, so it has no way ahead over the floor")
    return ahead


def _check_distance(start_world: Floats, way_world: Floats, subject_world: Floats) -> None:
    """Refuses a way that comes too near to the subject, or has no length."""
    length = float(np.linalg.norm(way_world))
    if length < 1e-9:
        raise ValueError("the camera would not move")
    along = float(np.clip((subject_world - start_world) @ way_world / length**2, 0.0, 1.0))
    if float(np.linalg.norm(start_world + along * way_world - subject_world)) < _TOO_NEAR * length:
        raise ValueError("the camera would fly into the subject that it looks at")
