"""What happens at which step of a fit. Pure functions of the step, so that a resumed fit cannot differ."""

from dataclasses import dataclass

import numpy as np

from .settings import FitSettings

_PHOTO_ORDER = 1  # names the stream of random numbers


def random_stream(seed: int, purpose: int, index: int) -> np.random.Generator:
    """A generator of its own for each purpose and step: nothing of it need be kept in a checkpoint."""
    return np.random.default_rng([seed, purpose, index])


def divisor_at(settings: FitSettings, step: int) -> int:
    """The image divisor of a step."""
    for resolution in settings.resolutions:
        if step < resolution.steps:
            return resolution.divisor
        step -= resolution.steps
    return settings.resolutions[-1].divisor


def sh_degree_at(settings: FitSettings, step: int) -> int:
    """Bands are opened one by one: early on there is nothing for the high ones to learn but noise."""
    opened = int(step / max(1.0, settings.sh_interval * settings.iterations))
    return min(settings.sh_degree, opened)


def decay_at(settings: FitSettings, step: int, end: float) -> float:
    """Exponential decay from 1 to ``end`` over the fit."""
    return end ** (step / settings.iterations)


def photo_passes_until(settings: FitSettings, step: int) -> float:
    """Photo passes made when ``step`` steps are done."""
    passes = 0.0
    for resolution in settings.resolutions:
        steps = min(step, resolution.steps)
        passes += steps / resolution.divisor**2
        step -= steps
    return passes


@dataclass(frozen=True)
class PhotoOrder:
    """Which photo a step looks at: every photo once an epoch, in an order shuffled anew.

    Attributes:
        early, late: the photos to fit before and from ``release`` on; the monitor photos join late.
        release: a step.
    """

    early: tuple[int, ...]
    late: tuple[int, ...]
    release: int
    seed: int

    def at(self, step: int) -> int:
        chosen, first, part = (self.early, 0, 0) if step < self.release else (self.late, self.release, 1)
        epoch, place = divmod(step - first, len(chosen))
        shuffled = random_stream(self.seed, _PHOTO_ORDER, 2 * epoch + part).permutation(len(chosen))
        return chosen[shuffled[place]]
