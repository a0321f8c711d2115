"""What every shot of a shot file is flown in: the world in its own units, and where the shot before ended."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import Floats
from .camera import Camera
from .keyframe import fov_y_rad_from_focal_mm
from .moves.manner import Triple
from .path import CameraPath
from .shot_file import ShotEntry
from .shot_file_schema import Point


@dataclass(frozen=True, eq=False)
class World:
    """Turns what a file says in metres and millimetres into the world's own units.

    Attributes:
        places: points in metres by name.
        cameras: captured views in their order, in world units.
        metres_per_unit: of the world.
        up_world: the axis under which shots are level.
        fov_y_rad: of shots that name no lens.
        sensor_height_mm: of the part of a full-frame sensor that the film uses.
    """

    places: Mapping[str, tuple[float, float, float]]
    cameras: Sequence[Camera]
    metres_per_unit: float
    up_world: Triple
    fov_y_rad: float
    sensor_height_mm: float

    def fov_y_rad_of(self, lens_mm: float) -> float:
        """The vertical field of view of a lens."""
        return fov_y_rad_from_focal_mm(lens_mm, self.sensor_height_mm)

    def length(self, metres: float) -> float:
        return metres / self.metres_per_unit

    def point(self, entry: ShotEntry, value: Point, *keys: str | int) -> Floats:
        """[3] a point of the file; the keys say where it stands.

        Raises:
            InputError: if it is a name that is not among the places.
        """
        if isinstance(value, str):
            if value not in self.places:
                known = ", ".join(list(self.places)[:12]) or "none"
                raise entry.error(f"wanted a point or one of the places ({known}), found {value!r}; correct it", *keys)
            value = self.places[value]
        return np.array(value) / self.metres_per_unit


@dataclass(frozen=True, eq=False)
class Before:
    """The end of the shot before, for a shot that continues it."""

    position_world: Floats
    rotation: Floats
    fov_y_rad: float
    focus: float | None

    @classmethod
    def of(cls, path: CameraPath) -> "Before":
        end = path.duration_s
        focus = path.focus_distances(end)
        return cls(
            path.positions_world(end),
            path.rotations(end),
            float(path.fovs_y_rad(end)),
            None if focus is None else float(focus),
        )


def ends(value: float | tuple[float, float]) -> tuple[float, float]:
    """A number at the start and at the end."""
    return value if isinstance(value, tuple) else (value, value)


def radians(value: tuple[float, float]) -> tuple[float, float]:
    return math.radians(value[0]), math.radians(value[1])
