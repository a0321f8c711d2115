"""A gain per photo and channel: cameras change their exposure from photo to photo, the scene does not.

A gain is found in closed form each time its photo is looked at, as the one that brings the render closest to the photo.
The mean over the fitted photos is held at no change, so that the scene keeps the colours of the capture as a whole; a
photo that is not fitted has none of its own and is compared as it is. Differences below a few percent are left to the
scene: a gain for each of them would explain away what differs from view to view.
"""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

THINNED = (slice(None, None, 4), slice(None, None, 4))  # the gains are taken from one pixel of 16
LEAST_SHOWN, MOST_SHOWN = 0.02, 0.98  # darker and brighter pixels may be clipped
FEWEST_PIXELS = 200
_LEAST_SHARE = 0.3  # of the newest look in a photo's gain
_SCENES_OWN = 0.03  # differences up to this are dropped, those far above it kept


def best_gains(rgb: Float32, photo: NDArray[np.uint8] | Float32, valid: NDArray[np.bool_] | None) -> Float64 | None:
    """[3] what the render must be multiplied by to be closest to the photo, in the sense of least squares.

    Args:
        rgb: [h, w, 3] the render, ``THINNED``, as the others.
        photo: [h, w, 3] bytes, or float32 in [0, 1].
        valid: [h, w] the pixels that count; all if None.

    Returns:
        None if too few pixels of the photo are neither black nor clipped.
    """
    shown, wanted = rgb.astype(np.float64), photo.astype(np.float64)
    if photo.dtype == np.uint8:
        wanted /= 255
    kept = ((wanted > LEAST_SHOWN) & (wanted < MOST_SHOWN)).all(axis=2)
    if valid is not None:
        kept &= valid
    if kept.sum() < FEWEST_PIXELS:
        return None
    shown, wanted = shown[kept], wanted[kept]
    return (shown * wanted).sum(axis=0) / np.maximum((shown * shown).sum(axis=0), 1e-9)


class Exposures:
    """Attributes:
    log_gains: [P, 3] of red, green and blue, as they are applied.
    """

    def __init__(self, n_photos: int) -> None:
        self.log_gains = np.zeros((n_photos, 3))
        self._found = np.zeros((n_photos, 3))
        self._looks = np.zeros(n_photos, np.int32)

    def of(self, photo: int) -> Float32:
        """[3] the gains of a photo as they are now."""
        return np.exp(self.log_gains[photo]).astype(np.float32)

    def learn(self, photo: int, gains: Float64) -> None:
        """Takes up what ``best_gains`` found for a photo."""
        self._looks[photo] += 1
        share = max(_LEAST_SHARE, 1 / int(self._looks[photo]))
        self._found[photo] += share * (np.log(np.clip(gains, 0.1, 10)) - self._found[photo])
        seen = self._looks > 0
        apart = self._found[seen] - self._found[seen].mean(axis=0)
        kept = np.maximum(0, 1 - (_SCENES_OWN / np.maximum(np.abs(apart), 1e-9)) ** 2)
        self.log_gains[seen] = apart * kept
        self.log_gains[seen] -= self.log_gains[seen].mean(axis=0)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All that must be kept to go on later."""
        return {"exposure": self.log_gains, "exposure.found": self._found, "exposure.looks": self._looks}

    def restore(self, kept: dict[str, NDArray[np.generic]]) -> None:
        """The inverse of ``arrays``."""
        self.log_gains[...] = kept["exposure"]
        self._found[...] = kept["exposure.found"]
        self._looks[...] = kept["exposure.looks"]
