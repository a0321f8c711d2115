"""What the diffusers backends share: sizes that a model takes, how far to start, and noise for its latents."""

import math
from typing import TYPE_CHECKING

import numpy as np

from .base import FloatImage

if TYPE_CHECKING:
    import torch


def padded(image: FloatImage, multiple: int) -> FloatImage:
    """The image [H, W, ...] continued at the bottom and on the right as in a mirror, to multiples of ``multiple``."""
    return np.pad(image, _margins(image, multiple), mode="reflect" if min(image.shape[:2]) > 1 else "edge")


def _margins(image: FloatImage, multiple: int) -> list[tuple[int, int]]:
    height, width = image.shape[:2]
    return [(0, -height % multiple), (0, -width % multiple), *[(0, 0)] * (image.ndim - 2)]


def schedule_length(steps: int, strength: float) -> int:
    """How long a schedule must be so that the part of it that ``strength`` leaves has exactly ``steps`` steps.

    A pipeline that starts from an image runs the last ``int(length * strength)`` steps of its schedule (SDEdit,
    Meng et al. 2022): one step at strength 0.2 is the last of five, which starts at a fifth of the way to noise.
    """
    length = math.ceil(steps / strength)
    while int(length * strength) < steps:
        length += 1
    return length


def generator(seed: int, frame_index: int) -> "torch.Generator":
    """Random numbers of one frame, drawn on the CPU so that every device gets the same."""
    import torch

    state = np.random.SeedSequence((seed % 2**64, frame_index)).generate_state(1, np.uint64)[0]
    return torch.Generator(device="cpu").manual_seed(int(state))


def latent_noise(noise: FloatImage, scale: int, seed: int, frame_index: int) -> FloatImage:
    """Gaussian noise of variance 1 for latents, made of the noise that belongs to the surface.

    Each latent cell gets the sum of its pixels' noise over the square root of their number, which keeps the variance;
    what neighbouring pixels have in common makes it too large, so the whole is brought back to 1. The seed turns the
    channels into each other, the same way in every frame: another seed is other noise, but it still stays on the
    surface. Cells that show no surface get noise of their own.

    Args:
        noise: [H, W, C], 0 where nothing is seen.
        scale: pixels of a latent cell along one side.

    Returns:
        [C, ceil(H / scale), ceil(W / scale)]
    """
    import torch

    whole = np.pad(noise, _margins(noise, scale))
    height, width, channels = whole.shape
    cells = whole.reshape(height // scale, scale, width // scale, scale, channels).astype(np.float64)
    seen = np.any(cells != 0, axis=-1).sum(axis=(1, 3))
    pooled = cells.sum(axis=(1, 3)) / np.sqrt(np.maximum(seen, 1))[..., None]
    if np.any(seen):
        pooled /= math.sqrt(float(np.mean(pooled[seen > 0] ** 2)))
    turned, _ = np.linalg.qr(np.random.default_rng(seed % 2**64).normal(size=(channels, channels)))
    fresh = torch.randn((*seen.shape, channels), generator=generator(seed, frame_index)).numpy()
    found = np.where(seen[..., None] > 0, pooled @ turned, fresh)
    return np.ascontiguousarray(found.transpose(2, 0, 1), dtype=np.float32)
