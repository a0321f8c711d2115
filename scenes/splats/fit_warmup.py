"""Compiles the kernels that only fitting uses, so that the first fit does not begin with a pause."""

import numpy as np


def warmup_fit() -> None:
    """Runs the loss and Adam once on next to nothing; compiled kernels are kept on disk."""
    from .cpu.adam import Moments, adam_step
    from .cpu.ssim import PhotoLossWorkspace

    compare = PhotoLossWorkspace(4, 3)
    image = np.zeros((3, 4, 3), np.float32)
    compare(image, image)
    compare(image, np.zeros((3, 4, 3), np.uint8))
    parameters = np.zeros((1, 3), np.float32)
    adam_step(parameters, parameters, Moments.zeros_like(parameters), np.ones(1, np.bool_), 0.1, 1)
