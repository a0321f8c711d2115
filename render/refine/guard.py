"""Never worse than the render: how much of what a refiner changes is kept, measured on photos that it never saw.

What it changes, d = refined - render, is split into two bands, and pixels into three groups by how many photos saw
their surface. For each of the six a gain w in [0, 1] is found by least squares, min |photo - render - sum w d|^2, over
the calibration pairs together; it is lowered by its uncertainty over the pairs (bootstrap, Efron 1979). Where no photo
saw the surface the gain is 0 unless inventing is asked for. A band in which the refined pictures are not more like the
photos than the renders (by correlation, which blur cannot raise by hiding noise) is not touched. If photos do not get
better with these gains, all are 0, which is the render itself.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter, uniform_filter, zoom

from ..quality import psnr
from .base import FloatImage, FrameBundle, Mask

GROUPS = ("unseen", "seen by 1 or 2", "seen by 3 or more")
BANDS = ("low", "high")
_BLOCK_SHARE = 1 / 60  # of the width: the low band holds what is larger
_FADE_SHARE = 0.01  # of the longer side: over it one gain fades into another
_MOST_CHANGE = 0.5
_BOOTSTRAPS = 200
_DOUBT = 1.0  # standard deviations by which a gain is lowered
LEAST_GAIN_DB = 0.02
"""Less than this on the calibration photos is not worth changing a film for."""
WORSE_DB = 0.1
"""A photo that loses more than this counts as worse."""
_BEST_DB = 100.0
_LEAST_LIKER = 1e-3  # by which a band's correlation with the photos has to rise
_LEAST_KEPT = 0.15  # a change of which less is right is noise that happens to cancel noise
MOST_WORSE = 0.12
"""Share of the calibration photos that may get worse."""


@dataclass(frozen=True)
class Gains:
    """How much of a change is kept.

    Attributes:
        kept: [3][2] by group and band, in [0, 1].
        reason: why it is the render, if it is; else empty.
        figures: of the calibration, JSON-able.
    """

    kept: tuple[tuple[float, float], ...]
    reason: str = ""
    figures: Mapping[str, object] = field(default_factory=dict[str, object])

    @property
    def is_identity(self) -> bool:
        return all(gain == 0 for row in self.kept for gain in row)

    @classmethod
    def none(cls, reason: str, figures: Mapping[str, object] | None = None) -> "Gains":
        return cls(((0.0, 0.0),) * len(GROUPS), reason, figures or {})

    @classmethod
    def all(cls) -> "Gains":
        """Everything is kept: for looking at what a refiner does, not for films."""
        return cls(((1.0, 1.0),) * len(GROUPS))

    def as_json(self) -> dict[str, object]:
        return {
            "kept": {
                group: dict(zip(BANDS, (round(gain, 4) for gain in row), strict=True))
                for group, row in zip(GROUPS, self.kept, strict=True)
            },
            "reason": self.reason,
            **self.figures,
        }


@dataclass(frozen=True, eq=False)
class Trial:
    """A refined picture beside the photo that it should be.

    Attributes:
        render, refined, photo: [H, W, 3] in [0, 1].
        support: [H, W] uint8.
        valid: [H, W] where the photo counts.
    """

    render: FloatImage
    refined: FloatImage
    photo: FloatImage
    support: NDArray[np.uint8]
    valid: Mask


def change(bundle_rgb: FloatImage, refined: FloatImage, seen: Mask) -> FloatImage:
    """[H, W, 3] what a refiner changed, without what no refiner may do: nothing where a number is not finite, no more
    than half the range, and no tint of the whole picture (its mean over seen pixels is 0)."""
    if refined.shape != bundle_rgb.shape or not np.isfinite(refined).all():
        return np.zeros_like(bundle_rgb)
    found = np.clip(refined - bundle_rgb, -_MOST_CHANGE, _MOST_CHANGE)
    if seen.any():
        found = found - np.asarray(found[seen].mean(axis=0, dtype=np.float64), dtype=np.float32)
    return found.astype(np.float32)


def bands_of(image: FloatImage) -> tuple[FloatImage, FloatImage]:
    """Low and high band [H, W, 3]; their sum is the image.

    The low band is the means over blocks, interpolated: a Laplacian pyramid of one level (Burt & Adelson 1983).
    """
    height, width = image.shape[:2]
    block = max(2, round(_BLOCK_SHARE * max(height, width)))
    padded = np.pad(image, ((0, -height % block), (0, -width % block), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // block, padded.shape[1] // block
    means = padded.reshape(rows, block, columns, block, 3).mean(axis=(1, 3))
    low = _enlarged(means, block)[:height, :width]
    return low, image - low


def _enlarged(means: FloatImage, block: int) -> FloatImage:
    """Bilinear, each mean at the middle of its block."""
    found = zoom(means, (block, block, 1), order=1, mode="nearest", grid_mode=True)
    return np.asarray(found, dtype=np.float32)


def group_of(support: NDArray[np.uint8]) -> NDArray[np.intp]:
    """[H, W] index into ``GROUPS``."""
    return np.where(support == 0, 0, np.where(support < 3, 1, 2))


def kept_change(difference: FloatImage, support: NDArray[np.uint8], gains: Gains) -> FloatImage:
    """[H, W, 3] what is added to the render."""
    if gains.is_identity:
        return np.zeros_like(difference)
    bands, groups = bands_of(difference), group_of(support)
    width = 2 * round(_FADE_SHARE * max(support.shape)) + 1
    found = np.zeros_like(difference)
    for which, band in enumerate(bands):
        share = np.array([row[which] for row in gains.kept], np.float32)[groups]
        # Fades towards groups of which less is kept, and stays within its own: no border shows, none leaks.
        found += uniform_filter(minimum_filter(share, width), width)[..., None] * band
    return found


def calibrate(trials: Sequence[Trial], *, invent: bool = False, seed: int = 0) -> Gains:
    """The gains for a refiner, from pictures that it was not prepared with.

    Args:
        invent: give surfaces that no photo saw their gain too.
    """
    if not trials:
        return Gains.none("there is no photo left to measure the refiner on")
    sums = [_normal_equations(trial) for trial in trials]
    free = np.tile(_likelier_bands(trials), 3)
    if not invent:
        free[:2] = False
    if not free.any():
        return Gains.none("what it makes is no more like the photos than the render is")
    solved = _solved(sums, np.arange(len(sums)), free)
    rng = np.random.default_rng([seed, 20])
    again = np.array([_solved(sums, rng.integers(len(sums), size=len(sums)), free) for _ in range(_BOOTSTRAPS)])
    careful = np.clip(solved - _DOUBT * again.std(axis=0) * math.sqrt(len(sums) / max(1, len(sums) - 1)), 0, 1)
    return _verified(trials, np.where(careful < _LEAST_KEPT, 0, careful))


def _likelier_bands(trials: Sequence[Trial]) -> Mask:
    """[2] in which bands the refined pictures are more like the photos than the renders are."""
    sums = np.zeros((2, 2, 3))  # band; render or refined; with the photo, with itself, the photo with itself
    for trial in trials:
        refined = trial.render + change(trial.render, trial.refined, trial.support > 0)
        photo = bands_of(trial.photo)
        for which, picture in enumerate((trial.render, refined)):
            for band, (own, true) in enumerate(zip(bands_of(picture), photo, strict=True)):
                a, b = (part[trial.valid] - part[trial.valid].mean(axis=0) for part in (own, true))
                sums[band, which] += np.array([(a * b).mean(), (a * a).mean(), (b * b).mean()], dtype=np.float64)
    likeness = sums[..., 0] / np.sqrt(np.maximum(sums[..., 1] * sums[..., 2], 1e-20))
    return likeness[:, 1] > likeness[:, 0] + _LEAST_LIKER


def _verified(trials: Sequence[Trial], kept: NDArray[np.float64]) -> Gains:
    """The gains, halved until photos get better and hardly one gets worse."""
    for halving in (1.0, 0.5, 0.25):
        rows = tuple((float(low), float(high)) for low, high in (halving * kept).reshape(3, 2))
        gains = Gains(rows)
        steps = np.array([psnr_step(trial, gains) for trial in trials])
        figures = {
            "calibration_photos": len(trials),
            "calibration_gain_db": round(float(steps.mean()), 3),
            "calibration_worst_db": round(float(steps.min()), 3),
        }
        if steps.mean() < LEAST_GAIN_DB:
            return Gains.none("the photos kept for measuring did not get better", figures)
        if (steps < -WORSE_DB).mean() <= MOST_WORSE:
            return Gains(rows, "", figures)
    return Gains.none("too many of the photos kept for measuring got worse", figures)


def psnr_step(trial: Trial, gains: Gains) -> float:
    """In dB, how much nearer the photo is with these gains."""
    return psnr_after(trial, gains) - picture_psnr(trial.render, trial)


def psnr_after(trial: Trial, gains: Gains) -> float:
    """PSNR in dB of what these gains make of the render."""
    added = kept_change(change(trial.render, trial.refined, trial.support > 0), trial.support, gains)
    return picture_psnr(np.clip(trial.render + added, 0, 1), trial)


def picture_psnr(picture: FloatImage, trial: Trial) -> float:
    """PSNR in dB of a picture against a trial's photo; finite, so that differences are."""
    return min(_BEST_DB, psnr(trial.photo, picture, data_range=1.0, mask=trial.valid))


def _normal_equations(trial: Trial) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A [6, 6] and b [6] of the least squares over one photo, per pixel."""
    bands = bands_of(change(trial.render, trial.refined, trial.support > 0))
    wanted = (trial.photo - trial.render)[trial.valid].astype(np.float64)
    groups = group_of(trial.support)[trial.valid]
    shown = [band[trial.valid].astype(np.float64) for band in bands]
    matrix, vector = np.zeros((6, 6)), np.zeros(6)
    for group in range(3):
        inside = groups == group
        rows = np.stack([band[inside].ravel() for band in shown])
        part = slice(2 * group, 2 * group + 2)
        matrix[part, part] = rows @ rows.T
        vector[part] = rows @ wanted[inside].ravel()
    count = max(1, wanted.size)
    return matrix / count, vector / count


def _solved(
    sums: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]], chosen: NDArray[np.intp], free: Mask
) -> NDArray[np.float64]:
    """Gains in [0, 1] of least error over the chosen photos; 0 where not free."""
    from scipy.optimize import lsq_linear

    matrix = sum(sums[index][0] for index in chosen) + 1e-9 * np.eye(6)
    vector = sum(sums[index][1] for index in chosen)
    # |L^T w - L^-1 b|^2 with matrix = L L^T is the same least squares.
    lower = np.linalg.cholesky(matrix)
    upper = np.where(free, 1.0, 1e-12)
    found = lsq_linear(lower.T, np.linalg.solve(lower, vector), (np.zeros(6), upper)).x
    return np.where(free, found, 0.0)


def trial_of(bundle: FrameBundle, refined: FloatImage, photo: FloatImage, valid: Mask) -> Trial:
    return Trial(bundle.rgb, refined, photo, bundle.support, valid)
