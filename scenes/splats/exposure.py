"""A gain and an offset per photo and channel: cameras change their exposure from photo to photo, the scene does not.

The mean over the fitted photos is held at no change, so that the scene keeps the colours of the capture as a whole; a
photo that is not fitted has none of its own and is compared as it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cpu.adam import Moments, adam_step

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Exposure:
    """How one photo shows colours: gains [3] and offsets [3] of red, green and blue."""

    gains: Float32
    offsets: Float32

    def apply(self, rgb: Float32) -> Float32:
        """The render [H, W, 3] as this photo would show it."""
        return rgb * self.gains + self.offsets

    def gradient(self, rgb: Float32, d_image: Float32) -> Float32:
        """[6] derivative by the logarithms of the gains and by the offsets.

        Args:
            rgb: [H, W, 3] what ``apply`` was given.
            d_image: [H, W, 3] derivative by what it returned; by ``rgb`` it is ``d_image * gains``.
        """
        by_gains = np.einsum("hwc,hwc->c", d_image, rgb) * self.gains
        return np.concatenate([by_gains, d_image.sum(axis=(0, 1))]).astype(np.float32, copy=False)


class Exposures:
    """Attributes:
    values: [P, 6] logarithms of the gains, then offsets, of red, green and blue.
    """

    def __init__(self, n_photos: int) -> None:
        self.values = np.zeros((n_photos, 6), np.float32)
        self._moments = Moments.zeros_like(self.values)
        self._steps = np.zeros(n_photos, np.int32)

    def of(self, photo: int) -> Exposure:
        """The exposure of a photo as it is now."""
        return Exposure(np.exp(self.values[photo, :3]), self.values[photo, 3:].copy())

    def move(self, photo: int, gradient: Float32, rate: float) -> None:
        """Takes a step of size ``rate`` against the gradient [6] of the photo's exposure."""
        row = slice(photo, photo + 1)
        moments = Moments(self._moments.first[row], self._moments.second[row])
        self._steps[photo] += 1
        adam_step(self.values[row], gradient[None], moments, np.ones(1, np.bool_), rate, int(self._steps[photo]))
        seen = self._steps > 0
        self.values[seen] -= self.values[seen].mean(axis=0)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All that must be kept to go on later."""
        moments = {"exposure.first": self._moments.first, "exposure.second": self._moments.second}
        return {"exposure": self.values, "exposure.steps": self._steps, **moments}

    def restore(self, kept: dict[str, NDArray[np.generic]]) -> None:
        """The inverse of ``arrays``."""
        self.values[...] = kept["exposure"]
        self._steps[...] = kept["exposure.steps"]
        self._moments.first[...] = kept["exposure.first"]
        self._moments.second[...] = kept["exposure.second"]
