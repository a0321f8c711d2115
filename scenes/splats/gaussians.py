"""The parameters of a Gaussian splat scene."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

SH_TERMS = 16  # bands 0 to 3


@dataclass(eq=False)
class Gaussians:
    """N anisotropic 3D Gaussians with view-dependent colour, in raw (unactivated) parameters.

    Attributes:
        means: [N, 3] centres in world coordinates.
        quaternions_wxyz: [N, 4], need not be of unit length.
        log_scales: [N, 3] natural logarithm of the standard deviations in scene units.
        logit_opacities: [N].
        sh: [N, 3, 16] real spherical harmonics, channel then coefficient (channel-major, so that the coefficients
            of a channel are one 64-byte vector); colour = 0.5 + sum of sh * basis, clamped at 0 (Kerbl 2023).
    """

    means: Float32
    quaternions_wxyz: Float32
    log_scales: Float32
    logit_opacities: Float32
    sh: Float32

    def __post_init__(self) -> None:
        n = len(self.means)
        wanted = {"means": (n, 3), "quaternions_wxyz": (n, 4), "log_scales": (n, 3)}
        wanted |= {"logit_opacities": (n,), "sh": (n, 3, SH_TERMS)}
        for name, shape in wanted.items():
            array = np.ascontiguousarray(getattr(self, name), dtype=np.float32)
            if array.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
            setattr(self, name, array)

    def __len__(self) -> int:
        return len(self.means)

    @property
    def scales(self) -> Float32:
        """[N, 3] standard deviations in scene units."""
        return np.exp(self.log_scales)

    @property
    def opacities(self) -> Float32:
        """[N] in (0, 1)."""
        return (1 / (1 + np.exp(-self.logit_opacities))).astype(np.float32)

    def select(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> "Gaussians":
        """A copy of the chosen Gaussians, by mask or by index."""
        return Gaussians(
            self.means[index],
            self.quaternions_wxyz[index],
            self.log_scales[index],
            self.logit_opacities[index],
            self.sh[index],
        )
