"""How close a picture is to the truth: PSNR, SSIM and FLIP. Images are [H, W, 3] display sRGB in [0, data_range].

A mask [H, W] is True where the truth is known; other pixels do not count.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

Image = NDArray[np.floating]
Mask = NDArray[np.bool_]

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5
SSIM_K1, SSIM_K2 = 0.01, 0.03
FLIP_PIXELS_PER_DEGREE = 67.0  # FLIP's own default: a 0.7 m wide 4K screen seen from 0.7 m


@dataclass(frozen=True)
class Scores:
    """Of one image, or the means of several.

    Attributes:
        psnr: in dB, higher is better; infinite for equal images.
        ssim: 1 for equal images.
        flip: 0 for equal images, 1 at worst.
    """

    psnr: float
    ssim: float
    flip: float

    @classmethod
    def mean(cls, scores: Sequence["Scores"]) -> "Scores":
        """Each figure averaged over images, as papers do (the PSNR too, not the squared error)."""
        return cls(*(float(np.mean([getattr(s, name) for s in scores])) for name in ("psnr", "ssim", "flip")))


def score(reference: NDArray[np.float32], test: NDArray[np.float32], mask: Mask | None = None) -> Scores:
    """All three for images [H, W, 3] in [0, 1]."""
    return Scores(
        psnr(reference, test, data_range=1.0, mask=mask),
        ssim(reference, test, data_range=1.0, mask=mask),
        flip(reference, test, mask=mask),
    )


def psnr(reference: Image, test: Image, *, data_range: float, mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in dB, ``10 log10(data_range^2 / MSE)``, over all pixels and channels together.

    Raises:
        ValueError: if shapes differ or the mask is empty.
    """
    _check(reference, test, mask)
    squared = np.square(np.asarray(reference, dtype=np.float64) - test)
    mse = float(squared.mean() if mask is None else squared[mask].mean())
    return math.inf if mse == 0 else 10 * math.log10(data_range**2 / mse)


def ssim(reference: Image, test: Image, *, data_range: float, mask: Mask | None = None) -> float:
    """Structural similarity, averaged over channels and over windows that lie wholly inside the image (and the mask).

    If no window lies wholly inside the mask, windows centred in it count.

    Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    IEEE TIP 2004, equation 13: an 11x11 Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, on each channel.

    Raises:
        ValueError: if shapes differ, the mask is empty or the image is smaller than the window.
    """
    _check(reference, test, mask)
    if min(reference.shape[:2]) < SSIM_WINDOW:
        raise ValueError(f"SSIM needs an image of at least {SSIM_WINDOW} pixels a side, got {reference.shape}")
    similarity = ssim_map(reference, test, data_range=data_range).mean(axis=-1)
    if mask is None:
        return float(similarity.mean())
    border = SSIM_WINDOW // 2
    windows = np.lib.stride_tricks.sliding_window_view(mask, (SSIM_WINDOW, SSIM_WINDOW)).all(axis=(2, 3))
    if not windows.any():
        windows = mask[border:-border, border:-border]
    if not windows.any():
        raise ValueError("no SSIM window touches the mask")
    return float(similarity[windows].mean())


def ssim_map(reference: Image, test: Image, *, data_range: float) -> NDArray[np.float64]:
    """[H - 10, W - 10, C] similarity of each window that lies inside the image."""
    x, y = np.asarray(reference, dtype=np.float64), np.asarray(test, dtype=np.float64)
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x, variance_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    c1, c2 = (SSIM_K1 * data_range) ** 2, (SSIM_K2 * data_range) ** 2
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return likeness / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))


def _windowed(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian mean of each 11x11 window inside the image."""
    border = SSIM_WINDOW // 2
    offsets = np.arange(-border, border + 1)
    weights = np.exp(-0.5 * (offsets / SSIM_SIGMA) ** 2)
    weights /= weights.sum()
    smooth = correlate1d(correlate1d(image, weights, axis=0), weights, axis=1)
    return smooth[border:-border, border:-border]


def flip(reference: Image, test: Image, *, mask: Mask | None = None) -> float:
    """Mean of ``flip_map``."""
    _check(reference, test, mask)
    error = flip_map(reference, test)
    return float(error.mean() if mask is None else error[mask].mean())


def flip_map(reference: Image, test: Image) -> NDArray[np.float32]:
    """[H, W] how strongly a person who flips between two images in [0, 1] sees them differ, in [0, 1].

    Source: Andersson et al., "FLIP: A Difference Evaluator for Alternating Images", HPG 2020, in the authors' own
    implementation; 67 pixels per degree of the visual field.
    """
    import flip_evaluator

    truth, seen = (np.ascontiguousarray(image, dtype=np.float32) for image in (reference, test))
    viewing = {"ppd": FLIP_PIXELS_PER_DEGREE}
    error = flip_evaluator.evaluate(truth, seen, "LDR", True, False, False, viewing)[0]  # sRGB, no colours, no mean
    return np.asarray(error, dtype=np.float32).reshape(reference.shape[:2])


def _check(reference: Image, test: Image, mask: Mask | None) -> None:
    if reference.shape != test.shape or reference.ndim != 3:
        raise ValueError(f"two images [H, W, C] of one shape are compared, got {reference.shape} and {test.shape}")
    if mask is None:
        return
    if mask.shape != reference.shape[:2]:
        raise ValueError(f"the mask must have shape {reference.shape[:2]}, got {mask.shape}")
    if not mask.any():
        raise ValueError("the mask leaves no pixel to compare")
