"""A gain and an offset per photo and channel: cameras change their exposure from photo to photo, the scene does not.

The mean over the fitted photos is held at no change, so that the scene keeps the colours of the capture as a whole; a
photo that is not fitted has none of its own and is compared as it is.
"""

import numpy as np
from numpy.typing import NDArray

from .cpu.adam import Moments, adam_step

Float32 = NDArray[np.float32]


class Exposures:
    """Attributes:
    values: [P, 6] logarithms of the gains, then offsets, of red, green and blue.
    """

    def __init__(self, n_photos: int) -> None:
        self.values = np.zeros((n_photos, 6), np.float32)
        self._moments = Moments.zeros_like(self.values)
        self._steps = np.zeros(n_photos, np.int32)

    def apply(self, photo: int, rgb: Float32) -> Float32:
        """The render [H, W, 3] as this photo would show it."""
        return rgb * np.exp(self.values[photo, :3]) + self.values[photo, 3:]

    def backward(self, photo: int, rgb: Float32, d_image: Float32, rate: float) -> Float32:
        """Takes a step on the photo's exposure and returns the derivative by the render.

        Args:
            rgb: [H, W, 3] what ``apply`` was given.
            d_image: [H, W, 3] derivative by what it returned.
            rate: step size.
        """
        gains = np.exp(self.values[photo, :3])
        gradient = np.empty((1, 6), np.float32)
        gradient[0, :3] = np.einsum("hwc,hwc->c", d_image, rgb) * gains
        gradient[0, 3:] = d_image.sum(axis=(0, 1))
        row = slice(photo, photo + 1)
        moments = Moments(self._moments.first[row], self._moments.second[row])
        self._steps[photo] += 1
        adam_step(self.values[row], gradient, moments, np.ones(1, np.bool_), rate, int(self._steps[photo]))
        seen = self._steps > 0
        self.values[seen] -= self.values[seen].mean(axis=0)
        return d_image * gains

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
