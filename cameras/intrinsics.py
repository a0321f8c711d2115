"""Lenses. Pixels are (x, y), the top-left corner of the image is (0, 0), the first pixel's centre is (0.5, 0.5)."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats
from .distortion import Distortion

FULL_FRAME_WIDTH_MM = 36.0
FULL_FRAME_HEIGHT_MM = 24.0

# Points on each border of the image that decide what an undistorted picture can hold.
_BORDER_SAMPLES = 101


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole with an optional distortion.

    Attributes:
        width, height: image size in pixels.
        fx, fy: focal lengths in pixels.
        cx, cy: principal point in pixels from the top-left corner of the image.
        distortion: maps ideal to distorted normalised coordinates; None is an ideal pinhole.

    Raises:
        ValueError: on a size or a focal length that is not positive, or anything not finite.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: Distortion | None = None

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"image size must be positive, got {self.width}x{self.height}")
        if not (self.fx > 0 and self.fy > 0 and math.isfinite(self.fx) and math.isfinite(self.fy)):
            raise ValueError(f"focal lengths must be positive and finite, got fx={self.fx}, fy={self.fy}")
        if not (math.isfinite(self.cx) and math.isfinite(self.cy)):
            raise ValueError(f"the principal point must be finite, got cx={self.cx}, cy={self.cy}")

    @classmethod
    def from_fov(cls, width: int, height: int, fov_y_rad: float) -> "Intrinsics":
        """An ideal pinhole of vertical field of view ``fov_y_rad`` with square pixels.

        Raises:
            ValueError: if the angle is not between 0 and pi.
        """
        if not 0 < fov_y_rad < math.pi:
            raise ValueError(f"fov_y_rad must be between 0 and pi, got {fov_y_rad}")
        focal = 0.5 * height / math.tan(0.5 * fov_y_rad)
        return cls(width, height, focal, focal, width / 2, height / 2)

    @classmethod
    def from_focal_mm(
        cls, width: int, height: int, focal_mm: float, sensor_width_mm: float = FULL_FRAME_WIDTH_MM
    ) -> "Intrinsics":
        """An ideal pinhole from a focal length and the width of the sensor, both in mm; square pixels.

        Raises:
            ValueError: if either is not positive.
        """
        if not (focal_mm > 0 and sensor_width_mm > 0):
            raise ValueError(f"focal_mm and sensor_width_mm must be positive, got {focal_mm} and {sensor_width_mm}")
        focal = focal_mm * width / sensor_width_mm
        return cls(width, height, focal, focal, width / 2, height / 2)

    @property
    def fov_y_rad(self) -> float:
        """Vertical field of view of the ideal pinhole, in radians."""
        return math.atan(self.cy / self.fy) + math.atan((self.height - self.cy) / self.fy)

    @property
    def fov_x_rad(self) -> float:
        """Horizontal field of view of the ideal pinhole, in radians."""
        return math.atan(self.cx / self.fx) + math.atan((self.width - self.cx) / self.fx)

    def matrix(self) -> Floats:
        """[3, 3] calibration matrix."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]])

    def resized(self, width: int, height: int) -> "Intrinsics":
        """The same field of view on another raster."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self, width=width, height=height, fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy
        )

    def cropped(self, x: int, y: int, width: int, height: int) -> "Intrinsics":
        """The lens of the part of the image whose top-left corner is pixel (x, y); it may reach beyond the image."""
        return replace(self, width=width, height=height, cx=self.cx - x, cy=self.cy - y)

    def ideal(self) -> "Intrinsics":
        """The same pinhole without the distortion."""
        return replace(self, distortion=None)

    def undistorted_pinhole(self, alpha: float = 0.0) -> "Intrinsics":
        """An ideal pinhole of the same size and pixel shape into which this lens's image can be resampled.

        Args:
            alpha: 0 keeps only pixels that this lens has seen (the largest such rectangle between its four undistorted
                borders), 1 keeps all that it has seen and leaves some pixels empty; between is between.

        Raises:
            ValueError: if alpha is not in [0, 1].
        """
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be between 0 and 1, got {alpha}")
        if self.distortion is None:
            return self
        inner, outer = self._undistorted_rectangles(self.distortion)
        x0, y0, x1, y1 = (1 - alpha) * inner + alpha * outer
        # One zoom for both axes keeps the shape of a pixel: the inner view fits inside, the outer one around.
        scale = np.array([self.fx / self.width, self.fy / self.height])
        zoom = (1 - alpha) * ((inner[2:] - inner[:2]) * scale).min() + alpha * ((outer[2:] - outer[:2]) * scale).max()
        fx, fy = self.fx / zoom, self.fy / zoom
        cx, cy = self.width / 2 - 0.5 * (x0 + x1) * fx, self.height / 2 - 0.5 * (y0 + y1) * fy
        return replace(self.ideal(), fx=float(fx), fy=float(fy), cx=float(cx), cy=float(cy))

    def _undistorted_rectangles(self, distortion: Distortion) -> tuple[Floats, Floats]:
        """Inner and outer rectangles (x0, y0, x1, y1) of the undistorted image in normalised coordinates."""
        xs, ys = np.linspace(0, self.width, _BORDER_SAMPLES), np.linspace(0, self.height, _BORDER_SAMPLES)
        zeros = np.zeros(_BORDER_SAMPLES)
        borders = np.stack(
            [
                np.stack([zeros, ys], axis=-1),
                np.stack([xs, zeros], axis=-1),
                np.stack([zeros + self.width, ys], axis=-1),
                np.stack([xs, zeros + self.height], axis=-1),
            ]
        )
        left, top, right, bottom = self.rays(borders)[..., :2]
        inner = np.array([left[:, 0].max(), top[:, 1].max(), right[:, 0].min(), bottom[:, 1].min()])
        outer = np.array([left[:, 0].min(), top[:, 1].min(), right[:, 0].max(), bottom[:, 1].max()])
        farthest_corner = float(np.hypot(np.abs(inner[[0, 2]]).max(), np.abs(inner[[1, 3]]).max()))
        inner *= min(1.0, distortion.valid_radius / farthest_corner)
        return inner, np.clip(outer, -distortion.valid_radius, distortion.valid_radius)

    def project(self, points_camera: ArrayLike) -> Floats:
        """Pixels [..., 2] of points_camera [..., 3]; they mean nothing where z <= 0."""
        p = np.asarray(points_camera, dtype=np.float64)
        z = np.where(np.abs(p[..., 2:]) > 1e-12, p[..., 2:], 1e-12)
        normalized = p[..., :2] / z
        if self.distortion is not None:
            normalized = self.distortion.distort(normalized)
        return normalized * (self.fx, self.fy) + (self.cx, self.cy)

    def rays(self, pixels: ArrayLike) -> Floats:
        """Rays [..., 3] with z = 1 in camera axes through pixels [..., 2]."""
        normalized = (np.asarray(pixels, dtype=np.float64) - (self.cx, self.cy)) / (self.fx, self.fy)
        if self.distortion is not None:
            normalized = self.distortion.undistort(normalized)
        return np.concatenate([normalized, np.ones_like(normalized[..., :1])], axis=-1)
