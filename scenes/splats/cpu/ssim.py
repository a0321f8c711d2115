"""The photometric loss, (1 - w) L1 + w (1 - SSIM), with its gradient, in two passes over the image.

SSIM is the mean over pixels and channels of Wang et al. 2004 (equation 13) with the usual 11 x 11 Gaussian window of
standard deviation 1.5, zeros outside the image, as in 3D Gaussian Splatting (Kerbl 2023, equation 7).
"""

from dataclasses import dataclass

import numpy as np
from numba import prange
from numpy.typing import NDArray

from .jit import kernel
from .scratch import aligned_zeros, scratch
from .vec import LANES, viota, vload, vmax, vselect, vset, vstore, vstore3, vsum

Float32 = NDArray[np.float32]

RADIUS = 5
TAPS = 2 * RADIUS + 1
_C1 = np.float32(0.01**2)
_C2 = np.float32(0.03**2)
_ONE = np.float32(1)
_TWO = np.float32(2)
_ZERO = np.float32(0)
_CHUNKS = 16  # of rows; more than the threads, so that they end together


def gaussian_window() -> Float32:
    """[11] weights of standard deviation 1.5 that add up to one."""
    window = np.exp(-((np.arange(TAPS) - RADIUS) ** 2) / (2 * 1.5**2))
    return (window / window.sum()).astype(np.float32)


def _round_up(value: int) -> int:
    return -(-value // LANES) * LANES


@kernel(parallel=True)
def _to_planes(image, target, valid, scale, image_planes, target_planes):  # type: ignore[no-untyped-def]
    """Channels apart and padded by RADIUS; pixels that are not valid are black in both, so that they agree."""
    height, width, _ = image.shape
    masked = valid.shape[0] > 0
    for y in prange(height):
        for c in range(3):
            for x in range(width):
                wanted = np.float32(target[y, x, c]) * scale
                seen = image[y, x, c]
                if masked and not valid[y, x]:
                    wanted = _ZERO
                    seen = _ZERO
                image_planes[c, y + RADIUS, x + RADIUS] = seen
                target_planes[c, y + RADIUS, x + RADIUS] = wanted


@kernel(parallel=True)
def _ssim_partials(a, b, window, width, padded, partials, row_ssim):  # type: ignore[no-untyped-def]
    """SSIM summed by row, and its derivatives by the window's mean of a, of a squared and of a * b.

    a, b: [3, H + 10, stride] planes; partials: [3, 3, H + 10, stride], kind then channel; row_ssim: [3, H].
    """
    height = row_ssim.shape[1]
    stride = a.shape[2]
    limit = np.float32(width)
    for chunk in prange(_CHUNKS):
        columns = scratch(5 * stride).reshape(5, stride)
        for c in range(3):
            for y in range(chunk * height // _CHUNKS, (chunk + 1) * height // _CHUNKS):
                for x in range(0, stride, LANES):
                    s_a = vset(_ZERO)
                    s_b = s_a
                    s_aa = s_a
                    s_bb = s_a
                    s_ab = s_a
                    for t in range(TAPS):
                        v_a = vload(a[c, y + t], x)
                        v_b = vload(b[c, y + t], x)
                        w_a = v_a * window[t]
                        w_b = v_b * window[t]
                        s_a = s_a + w_a
                        s_b = s_b + w_b
                        s_aa = s_aa + w_a * v_a
                        s_bb = s_bb + w_b * v_b
                        s_ab = s_ab + w_a * v_b
                    vstore(columns[0], x, s_a)
                    vstore(columns[1], x, s_b)
                    vstore(columns[2], x, s_aa)
                    vstore(columns[3], x, s_bb)
                    vstore(columns[4], x, s_ab)
                total = vset(_ZERO)
                for x in range(0, padded, LANES):
                    mu_a = vset(_ZERO)
                    mu_b = mu_a
                    m_aa = mu_a
                    m_bb = mu_a
                    m_ab = mu_a
                    for t in range(TAPS):
                        w = window[t]
                        mu_a = mu_a + vload(columns[0], x + t) * w
                        mu_b = mu_b + vload(columns[1], x + t) * w
                        m_aa = m_aa + vload(columns[2], x + t) * w
                        m_bb = m_bb + vload(columns[3], x + t) * w
                        m_ab = m_ab + vload(columns[4], x + t) * w
                    luminance = mu_a * mu_b * _TWO + _C1
                    structure = (m_ab - mu_a * mu_b) * _TWO + _C2
                    per_luminance = _ONE / (mu_a * mu_a + mu_b * mu_b + _C1)
                    per_structure = _ONE / (m_aa - mu_a * mu_a + m_bb - mu_b * mu_b + _C2)
                    per_both = per_luminance * per_structure
                    ssim = luminance * structure * per_both
                    d_ab = luminance * per_both * _TWO
                    d_aa = vset(_ZERO) - ssim * per_structure
                    d_mu = mu_b * structure * per_both - mu_a * ssim * per_luminance - mu_a * d_aa
                    inside = (viota() + np.float32(x)) < limit
                    total = total + vselect(inside, ssim, _ZERO)
                    vstore(partials[0, c, y + RADIUS], x + RADIUS, vselect(inside, d_mu * _TWO - mu_b * d_ab, _ZERO))
                    vstore(partials[1, c, y + RADIUS], x + RADIUS, vselect(inside, d_aa, _ZERO))
                    vstore(partials[2, c, y + RADIUS], x + RADIUS, vselect(inside, d_ab, _ZERO))
                row_ssim[c, y] = vsum(total)


@kernel(inline=True)
def _interleave(lines, width, row):
    """Three lines [3, W and more] into a row of pixels [W * 3]."""
    whole = width // LANES * LANES
    for x in range(0, whole, LANES):
        vstore3(row, 3 * x, vload(lines[0], x), vload(lines[1], x), vload(lines[2], x))
    for x in range(whole, width):
        for c in range(3):
            row[3 * x + c] = lines[c, x]


@kernel(parallel=True)
def _loss_gradient(a, b, partials, window, padded, l1_weight, ssim_weight, gradient, row_l1):  # type: ignore[no-untyped-def]
    """d loss / d a [H, W, 3], and the absolute differences summed by row [3, H]."""
    height, width, _ = gradient.shape
    stride = a.shape[2]
    for chunk in prange(_CHUNKS):
        columns = scratch(3 * stride).reshape(3, stride)
        lines = scratch(3 * padded).reshape(3, padded)
        for y in range(chunk * height // _CHUNKS, (chunk + 1) * height // _CHUNKS):
            for c in range(3):
                for x in range(0, stride, LANES):
                    s_mu = vset(_ZERO)
                    s_aa = s_mu
                    s_ab = s_mu
                    for t in range(TAPS):
                        w = window[t]
                        s_mu = s_mu + vload(partials[0, c, y + t], x) * w
                        s_aa = s_aa + vload(partials[1, c, y + t], x) * w
                        s_ab = s_ab + vload(partials[2, c, y + t], x) * w
                    vstore(columns[0], x, s_mu)
                    vstore(columns[1], x, s_aa)
                    vstore(columns[2], x, s_ab)
                total = vset(_ZERO)
                for x in range(0, padded, LANES):
                    d_mu = vset(_ZERO)
                    d_aa = d_mu
                    d_ab = d_mu
                    for t in range(TAPS):
                        w = window[t]
                        d_mu = d_mu + vload(columns[0], x + t) * w
                        d_aa = d_aa + vload(columns[1], x + t) * w
                        d_ab = d_ab + vload(columns[2], x + t) * w
                    v_a = vload(a[c, y + RADIUS], x + RADIUS)
                    v_b = vload(b[c, y + RADIUS], x + RADIUS)
                    difference = v_a - v_b
                    total = total + vmax(difference, vset(_ZERO) - difference)
                    falling = vselect(difference < _ZERO, -l1_weight, _ZERO)
                    d_l1 = vselect(difference > _ZERO, l1_weight, falling)
                    vstore(lines[c], x, d_l1 - (d_mu + v_a * d_aa * _TWO + v_b * d_ab) * ssim_weight)
                row_l1[c, y] = vsum(total)
            _interleave(lines, width, gradient[y].reshape(-1))


@dataclass(frozen=True, eq=False)
class PhotoLoss:
    """What a render costs.

    Attributes:
        loss: (1 - w) L1 + w (1 - SSIM).
        l1, ssim: means over all pixels and channels; pixels that are not valid count as equal.
        d_image: [H, W, 3] derivative of the loss by the render; overwritten by the next call of the same workspace.
    """

    loss: float
    l1: float
    ssim: float
    d_image: Float32


class PhotoLossWorkspace:
    """Buffers of the loss for images of one size."""

    def __init__(self, width: int, height: int) -> None:
        self._width, self._height = width, height
        self._padded = _round_up(width)
        planes = (3, height + 2 * RADIUS, _round_up(self._padded + 2 * RADIUS))
        self._image, self._target = aligned_zeros(planes), aligned_zeros(planes)
        self._partials = aligned_zeros((3, *planes))
        self._gradient = aligned_zeros((height, width, 3))
        self._rows = np.zeros((2, 3, height), np.float32)
        self._window = gaussian_window()

    def __call__(
        self,
        image: Float32,
        target: Float32 | NDArray[np.uint8],
        valid: NDArray[np.bool_] | None = None,
        *,
        ssim_weight: float = 0.2,
    ) -> PhotoLoss:
        """Compares a render with a photo.

        Args:
            image: [H, W, 3] float32, any range.
            target: [H, W, 3], float32 in [0, 1] or uint8.
            valid: [H, W]; where False nothing is compared and no gradient arises. None: all are.
            ssim_weight: w.

        Raises:
            ValueError: if a shape is not that of the workspace.
        """
        shape = (self._height, self._width, 3)
        if image.shape != shape or target.shape != shape or (valid is not None and valid.shape != shape[:2]):
            raise ValueError(f"the loss was prepared for images of shape {shape}, got {image.shape}, {target.shape}")
        mask = np.zeros((0, 0), np.bool_) if valid is None else valid
        scale = np.float32(1 / 255 if target.dtype == np.uint8 else 1)
        _to_planes(image, target, mask, scale, self._image, self._target)
        row_ssim, row_l1 = self._rows
        _ssim_partials(self._image, self._target, self._window, self._width, self._padded, self._partials, row_ssim)
        count = 3 * self._width * self._height
        weights = np.float32((1 - ssim_weight) / count), np.float32(ssim_weight / count)
        _loss_gradient(
            self._image, self._target, self._partials, self._window, self._padded, *weights, self._gradient, row_l1
        )
        ssim = float(row_ssim.sum(dtype=np.float64)) / count
        l1 = float(row_l1.sum(dtype=np.float64)) / count
        if valid is not None:
            self._gradient[~valid] = 0
        return PhotoLoss((1 - ssim_weight) * l1 + ssim_weight * (1 - ssim), l1, ssim, self._gradient)
