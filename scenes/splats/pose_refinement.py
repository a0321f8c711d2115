"""A small rigid correction per photo, found while its scene is fitted, for poses that are not exact.

To move a camera is to move all Gaussians the other way, so the gradient by its pose is a sum over the gradients that
the Gaussians have anyway. The mean over the fitted photos is held at no change, so that the scene stays where it is;
a photo that is not fitted keeps its pose.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.rigid import Rigid
from cameras.rotations import rotation_exp

from .cpu.adam import Moments, adam_step

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RigidSums:
    """What the gradient by a rigid motion of all Gaussians is made of; sums over those that were seen.

    Attributes:
        gradient: [3] of the gradients by the means.
        mean_by_gradient: [3, 3] of the products of a mean (rows) and its gradient (columns).
        quaternion_by_gradient: [4, 4] the same of the quaternions.
    """

    gradient: Float64
    mean_by_gradient: Float64
    quaternion_by_gradient: Float64


def pose_gradient(sums: RigidSums, camera: Camera) -> Float64:
    """[6] the gradient by a rotation vector of the camera about its centre and by a move of that, in world axes.

    The colours that hang on the view are turned with the Gaussians, which a camera that turns on the spot does not do:
    that small part is left in.
    """
    q = sums.quaternion_by_gradient
    turned = 0.5 * (q[0, 1:] - q[1:, 0] + _cross_sum(q[1:, 1:]))  # d q / d angle = (0, angle) q / 2
    about_centre = _cross_sum(sums.mean_by_gradient) - np.cross(camera.position_world, sums.gradient)
    return -np.concatenate([about_centre + turned, sums.gradient])


def _cross_sum(products: Float64) -> Float64:
    """[3] the sum of a x b, from the sum [3, 3] of the products of a and b."""
    skew = products - products.T
    return np.array([skew[1, 2], skew[2, 0], skew[0, 1]])


class PoseCorrections:
    """Attributes:
    values: [P, 6] rotation vectors in radians, then moves of the centre over ``extent``, both in world axes.
    """

    def __init__(self, n_photos: int, extent: float) -> None:
        """``extent``: of the cameras in scene units; it makes one step size fit turns and moves."""
        self.values = np.zeros((n_photos, 6), np.float32)
        self._extent = extent
        self._moments = Moments.zeros_like(self.values)
        self._steps = np.zeros(n_photos, np.int32)

    def apply(self, photo: int, camera: Camera) -> Camera:
        """The camera where the fit believes it to be."""
        value = self.values[photo].astype(np.float64)
        if not value.any():
            return camera
        pose = camera.world_from_camera
        moved = Rigid(rotation_exp(value[:3]) @ pose.rotation, pose.translation + value[3:] * self._extent)
        return replace(camera, world_from_camera=moved)

    def move(self, photo: int, gradient: Float64, rate: float) -> None:
        """Takes a step of size ``rate`` against the gradient of ``pose_gradient`` at the pose as it is now."""
        scaled = gradient * np.repeat([1.0, self._extent], 3)
        row = slice(photo, photo + 1)
        moments = Moments(self._moments.first[row], self._moments.second[row])
        self._steps[photo] += 1
        slope = scaled[None].astype(np.float32)
        adam_step(self.values[row], slope, moments, np.ones(1, np.bool_), rate, int(self._steps[photo]))
        seen = self._steps > 0
        self.values[seen] -= self.values[seen].mean(axis=0)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All that must be kept to go on later."""
        moments = {"poses.first": self._moments.first, "poses.second": self._moments.second}
        return {"poses": self.values, "poses.steps": self._steps, **moments}

    def restore(self, kept: dict[str, NDArray[np.generic]]) -> None:
        """The inverse of ``arrays``."""
        self.values[...] = kept["poses"]
        self._steps[...] = kept["poses.steps"]
        self._moments.first[...] = kept["poses.first"]
        self._moments.second[...] = kept["poses.second"]
