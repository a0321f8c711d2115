"""Similarities (a scale and a rigid transform) and the best one between two point sets: how poses are compared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .arrays import TINY, Floats, norms
from .rigid import Rigid
from .rotations import check_rotation

# Random triples tried by the robust fit: with half of the points wrong, 1 - (1 - 0.5**3)**100 = 0.9999984.
_ROBUST_TRIPLES = 100
# Residuals within this many robust standard deviations count as agreeing (99 % of a Gaussian).
_INLIER_SIGMAS = 2.5
# The standard deviation of a Gaussian over its median absolute deviation.
_SIGMA_PER_MAD = 1.4826


@dataclass(frozen=True, eq=False)
class Similarity:
    """``points_a = scale * rotation @ points_b + translation`` for ``a_from_b``.

    Attributes:
        scale: positive.
        rotation: [3, 3] float64.
        translation: [3] float64, in the units of the target frame.

    Raises:
        ValueError: if the scale is not positive and finite, the rotation is none, or the translation is not finite.
    """

    scale: float
    rotation: Floats
    translation: Floats

    def __post_init__(self) -> None:
        translation = np.array(self.translation, dtype=np.float64)
        if not (0 < self.scale < float("inf")):
            raise ValueError(f"scale must be positive and finite, got {self.scale}")
        if translation.shape != (3,) or not np.isfinite(translation).all():
            raise ValueError(f"translation must be 3 finite numbers, got {self.translation!r}")
        object.__setattr__(self, "rotation", check_rotation(self.rotation))
        object.__setattr__(self, "translation", translation)

    def apply(self, points: ArrayLike) -> Floats:
        """Moves points [..., 3]."""
        return self.scale * (np.asarray(points, dtype=np.float64) @ self.rotation.T) + self.translation

    def apply_pose(self, b_from_camera: Rigid) -> Rigid:
        """``a_from_camera``: the same camera in the other world; a camera has no size, so its pose stays rigid."""
        return Rigid(self.rotation @ b_from_camera.rotation, self.apply(b_from_camera.translation))

    def inverse(self) -> "Similarity":
        rotation = self.rotation.T
        return Similarity(1 / self.scale, rotation, -(rotation @ self.translation) / self.scale)

    def __matmul__(self, other: "Similarity") -> "Similarity":
        """``a_from_b @ b_from_c`` is ``a_from_c``."""
        return Similarity(self.scale * other.scale, self.rotation @ other.rotation, self.apply(other.translation))


def align_sim3(points_from: ArrayLike, points_to: ArrayLike, *, robust: bool = False, seed: int = 0) -> Similarity:
    """The similarity ``to_from_from`` with the least squared distance between matching points.

    Closed form of Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns",
    equations 40-42. The robust fit takes, of 100 random triples, the one with the least median distance, and then
    fits to the points that agree with it; it bears nearly half of the points being wrong.

    Args:
        points_from: [N, 3].
        points_to: [N, 3], row by row the same points.
        robust: leave out points that do not agree.
        seed: of the random triples.

    Raises:
        ValueError: on other shapes, anything not finite, or fewer than 3 points off one line.
    """
    a, b = np.asarray(points_from, dtype=np.float64), np.asarray(points_to, dtype=np.float64)
    if a.ndim != 2 or a.shape != b.shape or a.shape[1] != 3:
        raise ValueError(f"align_sim3 needs two point sets [N, 3], got shapes {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("align_sim3 needs finite points")
    if not robust:
        return _umeyama(a, b)
    model = _least_median_triple(a, b, np.random.default_rng(seed))
    for _ in range(3):
        residuals = norms(model.apply(a) - b)[:, 0]
        limit = _INLIER_SIGMAS * _SIGMA_PER_MAD * float(np.median(residuals)) + TINY
        model = _umeyama(a[residuals <= limit], b[residuals <= limit])
    return model


def _umeyama(a: Floats, b: Floats) -> Similarity:
    if len(a) < 3:
        raise ValueError(f"align_sim3 needs at least 3 points, got {len(a)}")
    mean_a: Floats = np.mean(a, axis=0)
    mean_b: Floats = np.mean(b, axis=0)
    centred_a, centred_b = a - mean_a, b - mean_b
    variance_a = 3 * float(np.mean(centred_a * centred_a))
    u, singular, vt = np.linalg.svd(centred_b.T @ centred_a / len(a))
    if variance_a < 1e-24 or singular[1] < 1e-9 * max(float(singular[0]), 1e-300) or singular[0] < 1e-300:
        raise ValueError("align_sim3 needs at least 3 points that are not on one line")
    signs = np.array([1.0, 1.0, -1.0 if np.linalg.det(u @ vt) < 0 else 1.0])
    rotation = (u * signs) @ vt
    scale = float(np.sum(singular * signs)) / variance_a
    return Similarity(scale, rotation, mean_b - scale * (rotation @ mean_a))


def _least_median_triple(a: Floats, b: Floats, rng: np.random.Generator) -> Similarity:
    best, best_median = _umeyama(a, b), np.inf
    for _ in range(_ROBUST_TRIPLES):
        rows = rng.choice(len(a), size=3, replace=False)
        try:
            model = _umeyama(a[rows], b[rows])
        except ValueError:
            continue
        median = float(np.median(norms(model.apply(a) - b)))
        if median < best_median:
            best, best_median = model, median
    return best
