"""The compiled inner loop of `resample.sample_cubic`."""

import math

import numpy as np
from numpy.typing import NDArray

from scenes.splats.cpu.jit import kernel


@kernel()
def sample_cubic_straight(image: NDArray[np.uint8], xy: NDArray[np.float32], out: NDArray[np.uint8]) -> None:
    """Fills out [H, W, C] with image [h, w, C] at pixel positions xy [H, W, 2] (corner convention).

    Cubic convolution of Keys (1981), "Cubic convolution interpolation for digital image processing", with a = -1/2;
    the border repeats. With four channels the last is alpha, and colours are weighted by it.
    """
    height, width, channels = image.shape
    weights_x, weights_y, total = np.empty(4), np.empty(4), np.empty(4)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            x, y = xy[row, column, 0] - 0.5, xy[row, column, 1] - 0.5
            left, top = math.floor(x), math.floor(y)
            for tap in range(4):
                for axis in range(2):
                    distance = abs((x - left if axis == 0 else y - top) - (tap - 1))
                    if distance <= 1.0:
                        weight = (1.5 * distance - 2.5) * distance * distance + 1.0
                    else:
                        weight = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
                    if axis == 0:
                        weights_x[tap] = weight
                    else:
                        weights_y[tap] = weight
            total[:] = 0.0
            for down in range(4):
                source_row = min(max(int(top) - 1 + down, 0), height - 1)
                for across in range(4):
                    source_column = min(max(int(left) - 1 + across, 0), width - 1)
                    weight = weights_y[down] * weights_x[across]
                    if channels == 4:
                        total[3] += weight * image[source_row, source_column, 3]
                        weight *= image[source_row, source_column, 3] / 255.0
                    for channel in range(3):
                        total[channel] += weight * image[source_row, source_column, channel]
            scale = 1.0
            if channels == 4:
                scale = 255.0 / max(total[3], 1.0)
                out[row, column, 3] = np.uint8(min(max(total[3] + 0.5, 0.0), 255.0))
            for channel in range(3):
                out[row, column, channel] = np.uint8(min(max(total[channel] * scale + 0.5, 0.0), 255.0))
