"""A camera is a lens, a pose and a time."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats
from .intrinsics import Intrinsics
from .rigid import Rigid


@dataclass(frozen=True, eq=False)
class Camera:
    """A posed camera. Camera axes are OpenCV's: +x right, +y down, +z forward.

    Attributes:
        intrinsics: the lens and the image size in pixels.
        world_from_camera: the pose.
        time_s: the moment on the film's clock, in seconds.
    """

    intrinsics: Intrinsics
    world_from_camera: Rigid
    time_s: float = 0.0

    @property
    def width(self) -> int:
        return self.intrinsics.width

    @property
    def height(self) -> int:
        return self.intrinsics.height

    @property
    def camera_from_world(self) -> Rigid:
        return self.world_from_camera.inverse()

    @property
    def position_world(self) -> Floats:
        """[3] the centre of projection."""
        return self.world_from_camera.translation

    @property
    def forward_world(self) -> Floats:
        """[3] unit vector along the optical axis."""
        return self.world_from_camera.rotation[:, 2]

    @property
    def right_world(self) -> Floats:
        """[3] unit vector to the right of the image."""
        return self.world_from_camera.rotation[:, 0]

    @property
    def up_world(self) -> Floats:
        """[3] unit vector to the top of the image (minus the camera's y axis)."""
        return -self.world_from_camera.rotation[:, 1]

    def project(self, points_world: ArrayLike) -> tuple[Floats, Floats]:
        """Pixels [..., 2] and depth_z [...] of points_world [..., 3]; pixels mean nothing where depth_z <= 0."""
        points_camera = self.camera_from_world.apply(points_world)
        return self.intrinsics.project(points_camera), points_camera[..., 2]

    def unproject(self, pixels: ArrayLike, depth_z: ArrayLike) -> Floats:
        """points_world [..., 3] seen at pixels [..., 2] at depth_z [...]."""
        rays_camera = self.intrinsics.rays(pixels)
        return self.world_from_camera.apply(rays_camera * np.asarray(depth_z, dtype=np.float64)[..., None])

    def resized(self, width: int, height: int) -> "Camera":
        """The same view on another raster."""
        return replace(self, intrinsics=self.intrinsics.resized(width, height))
