"""More Gaussians where the picture asks for them, within a fixed budget.

The number grows geometrically on a fixed schedule, so that time and memory are known beforehand. In each round, sources
are drawn with a probability proportional to how strongly the loss pulled them about on the screen (the error-driven
choice of Kerbl 2023, without a threshold); each is shared out among its copies so that the picture hardly changes
(relocation, Kheradmand 2024, "3D Gaussian Splatting as Markov Chain Monte Carlo", equation 9); Gaussians that have
become transparent are the first to be reused.
"""

from math import comb

import numpy as np
from numpy.typing import NDArray

from .gaussians import Gaussians
from .model import SplatModel
from .schedule import random_stream
from .settings import FitSettings

Float64 = NDArray[np.float64]

_DENSIFY = 2  # names the stream of random numbers
_MOST_COPIES = 51
_LEAST_OPACITY = 0.005
_MOST_OPACITY = 1 - 1e-6


def rounds(settings: FitSettings) -> list[int]:
    """The steps after which a round of densification is made."""
    plan = settings.densification
    first, last = plan.start * settings.iterations, plan.stop * settings.iterations
    return [step for step in range(plan.interval, int(last) + 1, plan.interval) if step >= first]


def count_after(settings: FitSettings, initial: int, round_index: int) -> int:
    """How many Gaussians there are after a round: geometric growth from ``initial`` to the budget."""
    fraction = (round_index + 1) / max(1, len(rounds(settings)))
    return round(initial * (settings.max_gaussians / initial) ** min(1.0, fraction))


def shared_out(opacities: Float64, copies: NDArray[np.intp]) -> tuple[Float64, Float64]:
    """Opacity and factor of the scales of each of ``copies`` Gaussians [N] that together look like one.

    Kheradmand 2024, equation 9.
    """
    opacities = np.clip(opacities, 1e-6, _MOST_OPACITY)
    each = 1 - (1 - opacities) ** (1 / copies)
    widened = np.zeros_like(opacities)
    for i in range(1, int(copies.max(initial=1)) + 1):
        counted = copies >= i
        for k in range(i):
            widened[counted] += comb(i - 1, k) * (-1) ** k / np.sqrt(k + 1) * each[counted] ** (k + 1)
    return each, opacities / widened


def densify(model: SplatModel, settings: FitSettings, target: int, seed: int, step: int) -> None:
    """One round: moves the transparent and adds until there are ``target`` Gaussians; clears the scores."""
    rng = random_stream(seed, _DENSIFY, step)
    gaussians = model.gaussians
    faint = gaussians.opacities < settings.densification.least_opacity
    new = np.arange(model.count, max(model.count, min(target, model.capacity)))
    places = np.concatenate([np.flatnonzero(faint), new])
    chances = np.where(faint, 0.0, model.scores[: model.count].astype(np.float64))
    if len(places) and chances.sum() > 0:
        sources = rng.choice(model.count, len(places), p=chances / chances.sum())
        model.overwrite(places, _copies(gaussians, sources, settings.densification.spread, rng))
    model.scores[:] = 0


def _copies(gaussians: Gaussians, sources: NDArray[np.intp], spread: float, rng: np.random.Generator) -> Gaussians:
    """Shares each source out, in place, and returns its copies, thrown ``spread`` standard deviations about it."""
    chosen, times = np.unique(sources, return_counts=True)
    opacities, factors = shared_out(gaussians.opacities[chosen].astype(np.float64), np.minimum(times + 1, _MOST_COPIES))
    opacities = np.clip(opacities, _LEAST_OPACITY, _MOST_OPACITY)
    gaussians.logit_opacities[chosen] = np.log(opacities / (1 - opacities))
    gaussians.log_scales[chosen] += np.log(factors)[:, None].astype(np.float32)
    copies = gaussians.select(sources)
    thrown = rng.standard_normal((len(sources), 3)).astype(np.float32) * copies.scales * np.float32(spread)
    copies.means += rotate(copies.quaternions_wxyz, thrown)
    return copies


def rotate(quaternions_wxyz: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turns vectors [N, 3] by quaternions [N, 4] of any length."""
    q = quaternions_wxyz / np.linalg.norm(quaternions_wxyz, axis=1, keepdims=True)
    w, xyz = q[:, :1], q[:, 1:]
    twice = 2 * np.cross(xyz, vectors)
    return (vectors + w * twice + np.cross(xyz, twice)).astype(np.float32)
