"""The pixels of a capture, as engines want them: an ideal pinhole, a mask, alpha and depth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera


@dataclass(frozen=True, eq=False)
class PosedPhoto:
    """One image ready for fitting or scoring.

    Attributes:
        name: as in the capture.
        camera: an ideal pinhole of exactly the size of ``rgb``.
        rgb: [H, W, 3] uint8 display sRGB; straight, not premultiplied.
        valid: [H, W] bool, False where the mask is black or the undistorted lens saw nothing; None means all valid.
        alpha: [H, W] uint8 of a transparent image, None if opaque.
        depth_z: [H, W] float32 in scene units, 0 unknown; None if there is none.
        weight: how much it counts in fitting.
        split: the data set's own split, if any.
    """

    name: str
    camera: Camera
    rgb: NDArray[np.uint8]
    valid: NDArray[np.bool_] | None = None
    alpha: NDArray[np.uint8] | None = None
    depth_z: NDArray[np.float32] | None = None
    weight: float = 1.0
    split: str | None = None
