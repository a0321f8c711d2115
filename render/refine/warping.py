"""Photos carried into another camera along the depth of the render: one pass over the pixels, on all cores.

``reproject`` is the readable twin for where a pixel is found; here the same is done together with sampling and weights.
"""

import math

import numpy as np
from numba import prange
from numpy.typing import NDArray

from cameras.camera import Camera
from scenes.splats.cpu.jit import kernel

FloatImage = NDArray[np.float32]

DEPTH_TOLERANCE = 0.03
"""A photo whose depth differs by this part of itself counts half; the depth of a fitted scene is not exact."""
_MOST_OFF = 4.0  # in tolerances: what is farther off is another surface
SEEN_OFF = 0.08
"""A photo whose depth differs by no more than this part of itself saw the surface, from wherever."""
ANGLE_RAD = 0.5
"""A photo that looks from so far aside counts exp(-1)."""
_BORDER = 12.0  # pixels over which a photo fades out at its border, so that no seam moves through the film
NUMBERS = 19


def numbers_of(camera: Camera) -> NDArray[np.float64]:
    """[19] a pinhole camera for the kernels: camera_from_world's rotation and shift, lens, position."""
    inverse, lens = camera.camera_from_world, camera.intrinsics
    numbers = [*inverse.rotation.ravel(), *inverse.translation, lens.fx, lens.fy, lens.cx, lens.cy]
    return np.array([*numbers, *camera.position_world], dtype=np.float64)


def world_points(camera: Camera, depth_z: FloatImage, step: int = 1) -> FloatImage:
    """[h, w, 3] what every ``step``-th pixel shows, relative to the camera's place; see ``reproject.points_world``."""
    height, width = depth_z.shape
    y, x = np.arange(step // 2, height, step), np.arange(step // 2, width, step)
    lens, depth = camera.intrinsics, depth_z[step // 2 :: step, step // 2 :: step]
    rays_x = ((x + 0.5 - lens.cx) / lens.fx).astype(np.float32)
    rays_y = ((y + 0.5 - lens.cy) / lens.fy).astype(np.float32)
    rotation = camera.world_from_camera.rotation.astype(np.float32)
    found = np.empty((len(y), len(x), 3), np.float32)
    for axis in range(3):
        r = rotation[axis]
        found[..., axis] = (rays_x[None] * r[0] + rays_y[:, None] * r[1] + r[2]) * depth
    return found


@kernel(inline=True)
def _weight(
    p: tuple[float, float, float],
    own: NDArray[np.float64],
    cam: NDArray[np.float64],
    depth: FloatImage,
    tolerance: float,
    angle: float,
) -> tuple[float, float, float, float]:
    """Weight of a photo for the point ``p`` (relative to ``own``, the frame's place), the pixel that shows it, and how
    far off its depth is, as a part of itself."""
    x, y, z = p[0] + own[0], p[1] + own[1], p[2] + own[2]
    cz = cam[6] * x + cam[7] * y + cam[8] * z + cam[11]
    if cz <= 1e-9:
        return 0.0, 0.0, 0.0, 1.0
    u = cam[12] * (cam[0] * x + cam[1] * y + cam[2] * z + cam[9]) / cz + cam[14] - 0.5
    v = cam[13] * (cam[3] * x + cam[4] * y + cam[5] * z + cam[10]) / cz + cam[15] - 0.5
    h, w = depth.shape
    if not (u >= 0 and v >= 0 and u <= w - 1 and v <= h - 1):
        return 0.0, 0.0, 0.0, 1.0
    i, j = min(int(u), w - 2), min(int(v), h - 2)
    worst = 0.0
    for b in range(2):
        for a in range(2):
            worst = max(worst, abs(depth[j + b, i + a] - cz))
    off = worst / (tolerance * cz)
    if not off < _MOST_OFF:
        return 0.0, 0.0, 0.0, 1.0
    tx, ty, tz = x - cam[16], y - cam[17], z - cam[18]
    theirs = math.sqrt(tx * tx + ty * ty + tz * tz)
    mine = math.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])
    cosine = (tx * p[0] + ty * p[1] + tz * p[2]) / (theirs * mine)
    aside = math.acos(min(1.0, max(-1.0, cosine))) / angle
    nearer = min(theirs, mine) / max(theirs, mine)
    edge = min(min(u, v), min(w - 1 - u, h - 1 - v))
    fade = min(1.0, (edge + 1) / _BORDER)
    return math.exp(-aside * aside) * nearer * fade / (1 + off * off), u, v, off * tolerance


@kernel(parallel=True)
def warp_photo(
    points: FloatImage,
    own: NDArray[np.float64],
    cam: NDArray[np.float64],
    depth: FloatImage,
    photo: NDArray[np.uint8],
    gain: FloatImage,
    rgb: FloatImage,
    weight: FloatImage,
) -> None:
    """Fills rgb [H, W, 3] and weight [H, W] from a photo [h, w, 3], by Catmull-Rom's cubic."""
    height, width = weight.shape
    h, w = depth.shape
    for y in prange(height):
        for x in range(width):
            weight[y, x] = 0
            for c in range(3):
                rgb[y, x, c] = 0
            p = (float(points[y, x, 0]), float(points[y, x, 1]), float(points[y, x, 2]))
            if p[0] == 0 and p[1] == 0 and p[2] == 0:
                continue
            found, u, v, _ = _weight(p, own, cam, depth, DEPTH_TOLERANCE, ANGLE_RAD)
            if found <= 0:
                continue
            weight[y, x] = found
            i, j = int(u), int(v)
            s, t = u - i, v - j
            for c in range(3):
                total = 0.0
                for b in range(4):
                    row = min(max(j + b - 1, 0), h - 1)
                    line = 0.0
                    for a in range(4):
                        line += _cubic(a, s) * photo[row, min(max(i + a - 1, 0), w - 1), c]
                    total += _cubic(b, t) * line
                rgb[y, x, c] = min(1.0, max(0.0, total * gain[c] / 255.0))


@kernel(inline=True)
def _cubic(tap: int, t: float) -> float:
    if tap == 0:
        return ((-0.5 * t + 1.0) * t - 0.5) * t
    if tap == 1:
        return (1.5 * t - 2.5) * t * t + 1.0
    if tap == 2:
        return ((-1.5 * t + 2.0) * t + 0.5) * t
    return (0.5 * t - 0.5) * t * t


@kernel(parallel=True)
def weights_of(
    points: FloatImage,
    own: NDArray[np.float64],
    cam: NDArray[np.float64],
    depth: FloatImage,
    weight: FloatImage,
    seen: NDArray[np.uint8],
) -> None:
    """Fills weight [H, W] as ``warp_photo`` does, and adds 1 to seen [H, W] where the photo saw the surface."""
    height, width = weight.shape
    for y in prange(height):
        for x in range(width):
            p = (float(points[y, x, 0]), float(points[y, x, 1]), float(points[y, x, 2]))
            weight[y, x] = 0
            if p[0] != 0 or p[1] != 0 or p[2] != 0:
                found, _, _, off = _weight(p, own, cam, depth, DEPTH_TOLERANCE, ANGLE_RAD)
                weight[y, x] = found
                if off <= SEEN_OFF and seen[y, x] < 255:
                    seen[y, x] += 1
