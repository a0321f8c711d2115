"""A keyframe: where the camera is, where it looks, its lens and its focus, at one point of a path."""

import math
from dataclasses import dataclass

import numpy as np

from .arrays import Floats
from .intrinsics import FULL_FRAME_HEIGHT_MM
from .rigid import Rigid
from .rotations import matrix_from_quaternion, quaternion_from_matrix

UNIT_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Keyframe:
    """Where the camera is, how it is turned and how wide it sees, at one point of a path.

    Attributes:
        position_world: the centre of projection.
        quaternion_wxyz: unit quaternion of ``world_from_camera``'s rotation (OpenCV camera axes).
        fov_y_rad: vertical field of view.
        time_s: when it is reached; None when the path is flown at constant speed.
        focus_distance: of what is sharp, from the centre of projection in world units; None when all is.

    Raises:
        ValueError: on anything not finite, a quaternion off unit length by more than 1e-6, an angle outside (0, pi), a
            focus that is not positive.
    """

    position_world: tuple[float, float, float]
    quaternion_wxyz: tuple[float, float, float, float]
    fov_y_rad: float
    time_s: float | None = None
    focus_distance: float | None = None

    def __post_init__(self) -> None:
        if len(self.position_world) != 3 or not all(map(math.isfinite, self.position_world)):
            raise ValueError(f"position_world must be 3 finite numbers, got {self.position_world}")
        length = math.hypot(*self.quaternion_wxyz)
        if len(self.quaternion_wxyz) != 4 or not abs(length - 1) <= UNIT_TOLERANCE:
            raise ValueError(f"quaternion_wxyz must be 4 numbers of length 1, got {self.quaternion_wxyz}")
        if not 0 < self.fov_y_rad < math.pi:
            raise ValueError(f"fov_y_rad must be between 0 and pi, got {self.fov_y_rad}")
        if self.time_s is not None and not (math.isfinite(self.time_s) and self.time_s >= 0):
            raise ValueError(f"time_s must be finite and not negative, got {self.time_s}")
        if self.focus_distance is not None and not 0 < self.focus_distance < math.inf:
            raise ValueError(f"focus_distance must be positive and finite, got {self.focus_distance}")

    @classmethod
    def from_pose(
        cls,
        world_from_camera: Rigid,
        fov_y_rad: float,
        time_s: float | None = None,
        focus_distance: float | None = None,
    ) -> "Keyframe":
        x, y, z = (float(value) for value in world_from_camera.translation)
        w, i, j, k = (float(value) for value in quaternion_from_matrix(world_from_camera.rotation))
        return cls((x, y, z), (w, i, j, k), fov_y_rad, time_s, focus_distance)

    @property
    def world_from_camera(self) -> Rigid:
        return Rigid(matrix_from_quaternion(self.quaternion_wxyz), np.array(self.position_world))


def keyframes_of(
    positions_world: Floats,
    rotations: Floats,
    fovs_y_rad: Floats,
    focus: Floats | None = None,
    times_s: Floats | None = None,
) -> tuple[Keyframe, ...]:
    """Keyframes of rows [n, 3], ``world_from_camera`` [n, 3, 3], [n], [n] and [n]."""
    quaternions = quaternion_from_matrix(rotations)
    nothing = [None] * len(positions_world)
    columns = (
        (tuple(row) for row in positions_world.tolist()),
        (tuple(row) for row in quaternions.tolist()),
        fovs_y_rad.tolist(),
        nothing if times_s is None else times_s.tolist(),
        nothing if focus is None else focus.tolist(),
    )
    return tuple(Keyframe(*row) for row in zip(*columns, strict=True))


def fov_y_rad_from_focal_mm(focal_mm: float, sensor_height_mm: float = FULL_FRAME_HEIGHT_MM) -> float:
    """Vertical field of view of a focal length on a sensor of that height.

    Raises:
        ValueError: if either is not positive.
    """
    if not (focal_mm > 0 and sensor_height_mm > 0):
        raise ValueError(f"focal_mm and sensor_height_mm must be positive, got {focal_mm} and {sensor_height_mm}")
    return 2 * math.atan(0.5 * sensor_height_mm / focal_mm)


def focal_mm_from_fov_y_rad(fov_y_rad: float, sensor_height_mm: float = FULL_FRAME_HEIGHT_MM) -> float:
    """The inverse of `fov_y_rad_from_focal_mm`.

    Raises:
        ValueError: if the angle is not inside (0, pi), or the height not positive.
    """
    if not (0 < fov_y_rad < math.pi and sensor_height_mm > 0):
        raise ValueError(f"fov_y_rad must be between 0 and pi, sensor_height_mm positive, got {fov_y_rad}")
    return 0.5 * sensor_height_mm / math.tan(0.5 * fov_y_rad)
