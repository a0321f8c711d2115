"""The photos of a fit at the sizes it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cameras.camera import Camera
from scenes.captures.pixels import PosedPhoto

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Target:
    """A photo at one size.

    Attributes:
        camera: of the size of ``rgb``.
        rgb: [H, W, 3] uint8, premultiplied where there is alpha.
        valid: [H, W], None if all pixels are.
        alpha: [H, W] uint8, None if opaque.
        weight: how much the photo counts.
    """

    camera: Camera
    rgb: UInt8
    valid: NDArray[np.bool_] | None
    alpha: UInt8 | None
    weight: float

    def over(self, color: NDArray[np.float32]) -> NDArray[np.float32] | UInt8:
        """The image [H, W, 3] over a background colour: float32 in [0, 1], or the bytes themselves if opaque."""
        if self.alpha is None:
            return self.rgb
        through = np.float32(1) - self.alpha.astype(np.float32)[..., None] / np.float32(255)
        return (self.rgb.astype(np.float32) / np.float32(255) + through * color).astype(np.float32)

    def valid_at(self, pixels: tuple[slice, slice]) -> NDArray[np.bool_] | None:
        """Some of ``valid``."""
        return None if self.valid is None else self.valid[pixels]


class Targets:
    """Photos and their smaller copies, made when first asked for and kept."""

    def __init__(self, photos: Sequence[PosedPhoto]) -> None:
        self._photos = photos
        self._made: dict[tuple[int, int], Target] = {}

    def at(self, photo: int, divisor: int) -> Target:
        """A photo with its sides divided by ``divisor``, averaged over areas."""
        key = (photo, divisor)
        if key not in self._made:
            self._made[key] = _shrunk(self._photos[photo], divisor)
        return self._made[key]


def _shrunk(photo: PosedPhoto, divisor: int) -> Target:
    rgb = photo.rgb
    if photo.alpha is not None:
        rgb = np.rint(rgb * (photo.alpha[..., None] / np.float32(255))).astype(np.uint8)
    if divisor == 1:
        return Target(photo.camera, np.ascontiguousarray(rgb), photo.valid, photo.alpha, photo.weight)
    width, height = (max(1, round(side / divisor)) for side in (photo.camera.width, photo.camera.height))

    def shrink(image: UInt8) -> UInt8:
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))

    valid = None if photo.valid is None else shrink(photo.valid.astype(np.uint8) * 255) == 255
    alpha = None if photo.alpha is None else shrink(photo.alpha)
    return Target(photo.camera.resized(width, height), shrink(rgb), valid, alpha, photo.weight)
