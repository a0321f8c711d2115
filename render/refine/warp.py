"""``warp``: the nearest photos, carried here along the depth of the render and blended. No learning; the one to beat.

Coarse colours are taken from the mean of all photos that see the surface, fine detail from nearly the best of them
alone, so that small errors of depth do not blur it (band-wise blending, Burt & Adelson 1983).
"""

import numpy as np

from .base import FloatImage, FrameBundle, Refined
from .features import photo_layers
from .guard import bands_of
from .identity import IdentityRefiner

_SURE = 0.6
"""Weight from which on a photo is believed entirely."""


class WarpRefiner(IdentityRefiner):
    """See ``base.Refiner``."""

    name = "warp"

    def refine(self, bundle: FrameBundle, seed: int) -> Refined:
        (best, weight), _ = photo_layers(bundle.references, bundle.alpha.shape)
        mean, mean_weight = weighted_mean(bundle)
        low, _ = bands_of(_toward(mean, mean_weight, bundle.rgb))
        _, high = bands_of(_toward(best, weight, bundle.rgb))
        rgb = np.clip(bundle.rgb + low + high, 0, 1)
        return Refined(rgb.astype(np.float32), np.minimum(weight / np.float32(_SURE), 1))


def weighted_mean(bundle: FrameBundle) -> tuple[FloatImage, FloatImage]:
    """The photos' mean [H, W, 3] by weight, and the largest weight [H, W]."""
    total, most = np.zeros(bundle.alpha.shape, np.float32), np.zeros(bundle.alpha.shape, np.float32)
    mean = np.zeros_like(bundle.rgb)
    for photo in bundle.references:
        mean += photo.weight[..., None] * photo.rgb
        total += photo.weight
        np.maximum(most, photo.weight, out=most)
    return np.asarray(mean / np.maximum(total, np.float32(1e-6))[..., None], np.float32), most


def _toward(photo: FloatImage, weight: FloatImage, render: FloatImage) -> FloatImage:
    share = np.minimum(weight / np.float32(_SURE), 1)[..., None]
    return np.asarray(share * (photo - render), np.float32)
