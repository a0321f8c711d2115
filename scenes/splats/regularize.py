"""Gentle pulls against floaters: what the photos do not ask for fades (Kheradmand 2024, equation 10)."""

import numpy as np

from .cpu.rasterizer import GaussianGradients
from .gaussians import Gaussians


def add_regularizers(
    gaussians: Gaussians, gradients: GaussianGradients, extent: float, opacity_weight: float, scale_weight: float
) -> None:
    """Adds the gradients of ``opacity_weight * mean(opacities)`` and ``scale_weight * mean(scales) / extent``.

    Only the rows of visible Gaussians are of use to the optimiser; the others are left with whatever they held.
    """
    count = max(1, len(gaussians))
    if opacity_weight:
        opacities = gaussians.opacities
        gradients.logit_opacities += np.float32(opacity_weight / count) * opacities * (1 - opacities)
    if scale_weight:
        gradients.log_scales += np.float32(scale_weight / (3 * count * extent)) * gaussians.scales
