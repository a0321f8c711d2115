"""Moves around a subject that the camera keeps looking at: arc, orbit and spiral."""

import math

import numpy as np

from ..arrays import Floats, norms, unit
from ..path import CameraPath
from ..splines import LEAST_SAMPLES
from .manner import STEP_RAD, Manner, flown, horizontal, turned


def stand_around(subject_world: Floats, radius: float, height: float, bearing_rad: float, up_world: Floats) -> Floats:
    """[3] the place at a horizontal distance from a subject and a height above it.

    Args:
        bearing_rad: where it lies as seen from the subject: 0 is along +y, a right angle along +x.
    """
    north = horizontal(np.array([0.0, 1.0, 0.0]), up_world)
    if float(np.linalg.norm(north)) < 1e-6:
        north = horizontal(np.array([0.0, 0.0, 1.0]), up_world)
    return subject_world + radius * turned(unit(north), up_world, bearing_rad) + height * unit(up_world)


def arc(start_world: Floats, subject_world: Floats, angle_rad: float, manner: Manner) -> CameraPath:
    """A part of a level circle around the up axis through the subject; all of it, and more, is an orbit.

    Args:
        angle_rad: clockwise as seen from above.

    Raises:
        ValueError: if the start is straight above or below the subject, or the angle is 0.
    """
    radius = float(np.linalg.norm(horizontal(start_world - subject_world, manner.up_world)))
    height = float((start_world - subject_world) @ unit(manner.up_world))
    return spiral(start_world, subject_world, angle_rad, radius, height, manner)


def spiral(
    start_world: Floats, subject_world: Floats, angle_rad: float, end_radius: float, end_height: float, manner: Manner
) -> CameraPath:
    """Around a subject while the radius and the height above it change evenly with the angle (Archimedes' spiral).

    Args:
        angle_rad: clockwise as seen from above.
        end_radius: horizontal distance from the subject at the end, above 0.
        end_height: above the subject at the end.

    Raises:
        ValueError: as `arc` does, and on an end radius that is not positive.
    """
    up = unit(manner.up_world)
    offset = start_world - subject_world
    height, level = float(offset @ up), horizontal(offset, up)
    radius = float(norms(level)[0])
    if radius <= 1e-6 * max(1.0, abs(height)) or end_radius <= 0:
        raise ValueError("the camera is straight above or below its subject, so there is no circle to fly")
    if angle_rad == 0:
        raise ValueError("the camera would not move")
    count = max(2 * LEAST_SAMPLES, math.ceil(abs(angle_rad) / STEP_RAD)) + 1
    parts = np.linspace(0.0, 1.0, count)[:, None]
    radii, heights = radius + parts * (end_radius - radius), height + parts * (end_height - height)
    positions = subject_world + radii * turned(level / radius, up, parts[:, 0] * angle_rad) + heights * up
    return flown(positions, subject_world - positions, manner, subject_world=subject_world, is_sampled=True)
