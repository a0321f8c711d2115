"""What a comfortable camera may do; paths are timed under these limits, and preflight measures against them."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of a comfortable flight. Lengths are metres, whatever the units of the scene.

    Attributes:
        speed_m_s: of the camera's centre.
        acceleration_m_s2, jerk_m_s3: its first and second derivative.
        turn_rate_rad_s, turn_acceleration_rad_s2: of the camera's rotation about any axis.
        zoom_rate_per_s: of the logarithm of the focal length.
        clearance_m: least distance to any surface and to unknown space.
        roll_rad: largest turn of the horizon.
        tilt_rad: largest angle between the optical axis and the horizontal.
        view_distance_m: largest distance to the nearest captured view.
        view_angle_rad: largest angle between the optical axis and that of the best captured view near by.
        unseen_share: largest part of a frame that shows what no photo saw, or nothing.
        near_m: least depth of anything in a frame.
    """

    speed_m_s: float = 0.5
    acceleration_m_s2: float = 0.5
    jerk_m_s3: float = 1.5
    turn_rate_rad_s: float = math.radians(25)
    turn_acceleration_rad_s2: float = math.radians(35)
    zoom_rate_per_s: float = 0.35
    clearance_m: float = 0.2
    roll_rad: float = math.radians(0.5)
    tilt_rad: float = math.radians(20)
    view_distance_m: float = 1.0
    view_angle_rad: float = math.radians(45)
    unseen_share: float = 0.1
    near_m: float = 0.1

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and not negative, got {value}")
