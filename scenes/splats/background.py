"""What is behind all Gaussians: black, one colour that the fit finds, or, for cut-out objects, a new colour each step.

A random colour behind an object with alpha leaves the fit no way to hide in the background: only opacity explains it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .cpu.adam import Moments, adam_step
from .schedule import random_stream

Float32 = NDArray[np.float32]

_BACKGROUND = 3  # names the stream of random numbers


def random_color(seed: int, step: int) -> Float32:
    """[3] uniform in [0, 1], the same for the same step."""
    return random_stream(seed, _BACKGROUND, step).random(3).astype(np.float32)


class Background:
    """Attributes:
    color: [3] display sRGB, the given first guess if it is learned, else black.
    """

    def __init__(self, first_guess: ArrayLike | None) -> None:
        """``first_guess``: [3] where learning begins; None keeps black."""
        self._learned = first_guess is not None
        self.color = np.zeros(3, np.float32) if first_guess is None else np.array(first_guess, np.float32)
        self._moments = Moments(np.zeros((1, 3), np.float32), np.zeros((1, 3), np.float32))
        self._steps = 0

    @property
    def is_learned(self) -> bool:
        """Whether it moves at all."""
        return self._learned

    def move(self, gradient: Float32, rate: float) -> None:
        """Takes a step of size ``rate`` of a learned colour against its gradient [3]; black stays black."""
        if not self._learned:
            return
        self._steps += 1
        adam_step(self.color[None], gradient[None], self._moments, np.ones(1, np.bool_), rate, self._steps)
        np.clip(self.color, 0, 1, out=self.color)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All that must be kept to go on later."""
        moments = {"background.first": self._moments.first, "background.second": self._moments.second}
        return {"background": self.color, "background.steps": np.array([self._steps]), **moments}

    def restore(self, kept: dict[str, NDArray[np.generic]]) -> None:
        """The inverse of ``arrays``."""
        self.color[...] = kept["background"]
        self._steps = int(kept["background.steps"][0])
        self._moments.first[...] = kept["background.first"]
        self._moments.second[...] = kept["background.second"]
