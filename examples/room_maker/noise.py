"""Random fields that procedural surfaces are mixed from.

Images are float64 [H, W] or [H, W, 3], display sRGB in [0, 1]."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array

Floats = NDArray[np.float64]


def _spline_weights(cells: int, size: int) -> csr_array:
    """Uniform cubic B-spline weights [size, cells + 3] that spread `cells` intervals over `size` samples."""
    at = (np.arange(size) + 0.5) * cells / size
    first, t = at.astype(int), at - at.astype(int)
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6
    rows = np.repeat(np.arange(size), 4)
    columns = (first[:, None] + np.arange(4)).ravel()
    return csr_array((weights.ravel(), (rows, columns)), shape=(size, cells + 3))


def value_noise(rng: np.random.Generator, height: int, width: int, cells_y: int, cells_x: int) -> Floats:
    """Smooth noise with about `cells` bumps per axis, mean 0, roughly in [-1, 1]."""
    coarse = rng.uniform(-1.7, 1.7, (cells_y + 3, cells_x + 3))
    rows = np.asarray(_spline_weights(cells_y, height) @ coarse)
    return np.ascontiguousarray(np.asarray(_spline_weights(cells_x, width) @ rows.T).T)


def fractal_noise(
    rng: np.random.Generator,
    height: int,
    width: int,
    cells_y: float,
    cells_x: float,
    octaves: int = 5,
    fall: float = 0.5,
) -> Floats:
    """A sum of octaves of `value_noise`, each finer and weaker by `fall`; unit-ish amplitude."""
    total, weight, strength = np.zeros((height, width)), 0.0, 1.0
    for octave in range(octaves):
        y = int(np.clip(cells_y * 2**octave, 1, height // 2))
        x = int(np.clip(cells_x * 2**octave, 1, width // 2))
        total += strength * value_noise(rng, height, width, y, x)
        weight += strength**2
        strength *= fall
    return total / np.sqrt(weight)


def grain(rng: np.random.Generator, height: int, width: int, sigma_y: float, sigma_x: float) -> Floats:
    """White noise blurred by a Gaussian (pixels), standard deviation 1."""
    white = rng.standard_normal((height, width), dtype=np.float32)
    field = gaussian_filter(white, (sigma_y, sigma_x), mode="wrap", truncate=3.0).astype(np.float64)
    return field / field.std()


def mix(a: Floats, b: Floats, amount: Floats | float) -> Floats:
    """a where `amount` is 0, b where it is 1; `amount` [H, W] broadcasts over colours."""
    amount = np.asarray(amount, float)
    if amount.ndim == 2:
        amount = amount[..., None]
    return a + (b - a) * amount


def smoothstep(low: float, high: float, value: Floats) -> Floats:
    """0 below `low`, 1 above `high`, cubic between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def colour(red: float, green: float, blue: float) -> Floats:
    """A colour [3] from 0..255 sRGB."""
    return np.array([red, green, blue], float) / 255


def shaded(base: Floats, variation: Floats) -> Floats:
    """A flat colour [3] made lighter and darker by `variation` [H, W]."""
    return np.clip(base * (1 + variation[..., None]), 0, 1)
