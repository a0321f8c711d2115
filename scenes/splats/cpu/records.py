"""What the stages of the engine hand to one another: the lens as plain numbers, and one record per drawn Gaussian."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import SettingsError

from .jit import kernel
from .vec import LANES, vload, vstore

TILE = 16  # pixels a tile is wide and high; a row of a tile is one vector or a few

# Fields of a record: 16 float32, one cache line.
PIXEL_X = 0  # centre
PIXEL_Y = 1
POWER_XX = 2  # log2(alpha) / 8 = POWER_0 + XX dx dx + XY dx dy + YY dy dy, with d = pixel - centre
POWER_XY = 3
POWER_YY = 4
POWER_0 = 5
RED = 6
GREEN = 7
BLUE = 8
EXTENT_Y = 9  # half the size of the box outside of which alpha < 1/255, in pixels
EXTENT_X = 10
OPACITY = 11  # after the compensation of the low-pass filter
SLOPE_X = 12  # how the depth of its densest point along a ray changes from pixel to pixel
SLOPE_Y = 13
DEPTH_Z = 15
RECORD = 16

# Fields of a record of gradients: sums over pixels of g = d loss / d log(alpha), and of weights times d loss / d rgb.
SUM_G = 0
SUM_G_DX = 1
SUM_G_DY = 2
SUM_G_DXDX = 3
SUM_G_DXDY = 4
SUM_G_DYDY = 5
SUM_RED = 6
SUM_GREEN = 7
SUM_BLUE = 8
SUM_DEPTH = 9


class Lens(NamedTuple):
    """A camera as float32 numbers: camera_from_world (rotation r, translation t), its centre c, a pinhole, a size."""

    r00: np.float32
    r01: np.float32
    r02: np.float32
    r10: np.float32
    r11: np.float32
    r12: np.float32
    r20: np.float32
    r21: np.float32
    r22: np.float32
    t0: np.float32
    t1: np.float32
    t2: np.float32
    c0: np.float32
    c1: np.float32
    c2: np.float32
    fx: np.float32
    fy: np.float32
    cx: np.float32
    cy: np.float32
    width: np.float32
    height: np.float32


def lens_numbers(camera: Camera) -> NDArray[np.float32]:
    """[21] the fields of ``Lens`` in order.

    Raises:
        SettingsError: if the lens is distorted.
    """
    check_pinhole(camera)
    lens, pose = camera.intrinsics, camera.camera_from_world
    numbers = [*pose.rotation.ravel(), *pose.translation, *camera.position_world]
    return np.array([*numbers, lens.fx, lens.fy, lens.cx, lens.cy, lens.width, lens.height], dtype=np.float32)


def check_pinhole(camera: Camera) -> None:
    """Raises SettingsError if the lens of the camera is distorted: splats are drawn through an ideal pinhole."""
    if camera.intrinsics.distortion is not None:
        raise SettingsError(
            "splats are drawn through an ideal pinhole, but this camera's lens has a distortion "
            f"({type(camera.intrinsics.distortion).__name__}): render without it and resample the picture"
        )


@kernel(inline=True)
def lens_of(n):
    """The fields of ``lens_numbers`` by name, inside a kernel."""
    return Lens(
        n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10],
        n[11], n[12], n[13], n[14], n[15], n[16], n[17], n[18], n[19], n[20],
    )  # fmt: skip


@kernel(inline=True)
def copy_record(target, to, source, at):
    """Copy a record between flat arrays; to and at are offsets."""
    for part in range(0, RECORD, LANES):
        vstore(target, to + part, vload(source, at + part))
