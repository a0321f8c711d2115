"""The photometric loss and Adam on torch tensors: the same formulas as ``cpu/ssim.py`` and ``cpu/adam.py``."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .cpu.adam import BETA1, BETA2, EPSILON
from .cpu.ssim import RADIUS, gaussian_window

_C1, _C2 = 0.01**2, 0.03**2


@dataclass(frozen=True, eq=False)
class TensorLoss:
    """As ``cpu.ssim.PhotoLoss``: ``loss``, ``l1`` and ``ssim`` are tensors without dimensions, d_image [H, W, 3]."""

    loss: Tensor
    l1: Tensor
    ssim: Tensor
    d_image: Tensor


@torch.no_grad()
def photo_loss(image: Tensor, target: Tensor, valid: Tensor | None = None, *, ssim_weight: float = 0.2) -> TensorLoss:
    """Compares a render with a photo: (1 - w) L1 + w (1 - SSIM), see ``cpu.ssim.PhotoLossWorkspace``.

    The derivative is written out, as on the CPU, instead of recorded: less memory, and nothing of it can differ.

    Args:
        image: [H, W, 3], any range.
        target: [H, W, 3] of the type of ``image`` in [0, 1], or uint8.
        valid: [H, W] bool; where False nothing is compared and no gradient arises. None: all are.
        ssim_weight: w.

    Raises:
        ValueError: if the shapes differ.
    """
    if image.shape != target.shape or (valid is not None and valid.shape != image.shape[:2]):
        raise ValueError(f"a render of shape {tuple(image.shape)} cannot be compared with {tuple(target.shape)}")
    if target.dtype == torch.uint8:
        target = target.to(image.dtype) * float(np.float32(1 / 255))
    a, b = image.permute(2, 0, 1), target.permute(2, 0, 1)
    if valid is not None:
        a, b = a * valid, b * valid
    mu_a, mu_b, m_aa, m_bb, m_ab = _blurred(torch.cat([a, b, a * a, b * b, a * b])).split(3)
    luminance, structure = 2 * mu_a * mu_b + _C1, 2 * (m_ab - mu_a * mu_b) + _C2
    per_luminance = 1 / (mu_a * mu_a + mu_b * mu_b + _C1)
    per_structure = 1 / (m_aa - mu_a * mu_a + m_bb - mu_b * mu_b + _C2)
    per_both = per_luminance * per_structure
    ssim = luminance * structure * per_both
    d_ab = 2 * luminance * per_both
    d_aa = -ssim * per_structure
    d_mu = 2 * (mu_b * structure * per_both - mu_a * ssim * per_luminance - mu_a * d_aa) - mu_b * d_ab
    by_mu, by_aa, by_ab = _blurred(torch.cat([d_mu, d_aa, d_ab])).split(3)
    difference = a - b
    d_l1 = difference.sign() * ((1 - ssim_weight) / a.numel())
    gradient = d_l1 - (by_mu + 2 * a * by_aa + b * by_ab) * (ssim_weight / a.numel())
    if valid is not None:
        gradient = gradient * valid
    l1, mean_ssim = difference.abs().mean(), ssim.mean()
    loss = (1 - ssim_weight) * l1 + ssim_weight * (1 - mean_ssim)
    return TensorLoss(loss, l1, mean_ssim, gradient.permute(1, 2, 0).contiguous())


def _blurred(planes: Tensor) -> Tensor:
    """[C, H, W] planes under the window, zeros outside.

    Without cuDNN, which would round the factors to ten bits (TF32) on recent devices.
    """
    channels = len(planes)
    window = torch.tensor(gaussian_window(), dtype=planes.dtype, device=planes.device).expand(channels, 1, -1)
    with torch.backends.cudnn.flags(enabled=False):
        down = torch.nn.functional.conv2d(planes[None], window[..., None], padding=(RADIUS, 0), groups=channels)
        return torch.nn.functional.conv2d(down, window[:, :, None], padding=(0, RADIUS), groups=channels)[0]


@torch.no_grad()
def adam_step(
    parameters: Tensor, gradient: Tensor, first: Tensor, second: Tensor, rows: Tensor, rates: float | Tensor, step: int
) -> None:
    """One step of Adam on some rows, in place, see ``cpu.adam.adam_step``.

    Args:
        parameters, gradient: [N, ...].
        first, second: the moments, of the same shape.
        rows: [n] indices, each once, of what moves; the other rows keep parameters and moments.
        rates: the step size, one for all or one for each number of a row.
        step: how many steps were made with this one, from 1.
    """
    slope = gradient[rows]
    m = first[rows] * BETA1 + slope * (1 - BETA1)
    v = second[rows] * BETA2 + slope * slope * (1 - BETA2)
    first[rows], second[rows] = m, v
    scale1, scale2 = 1 / (1 - BETA1**step), 1 / (1 - BETA2**step)
    parameters[rows] -= rates * m * scale1 / ((v * scale2).sqrt() + EPSILON)
