"""Epipolar geometry of two cameras whose poses are known (Hartley & Zisserman 2004, chapters 9 and 11)."""

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera

Floats = NDArray[np.float64]


def essential_matrix(first: Camera, second: Camera) -> Floats:
    """[3, 3] E with ``ray_second @ E @ ray_first == 0`` for rays through the same point, in camera axes."""
    relative = second.camera_from_world @ first.world_from_camera
    t = relative.translation / max(float(np.linalg.norm(relative.translation)), 1e-12)
    return np.array([[0, -t[2], t[1]], [t[2], 0, -t[0]], [-t[1], t[0], 0]]) @ relative.rotation


def sampson_px(first: Camera, second: Camera, pixels_first: Floats, pixels_second: Floats) -> Floats:
    """[M] distance in pixels from exact agreement, to first order (Sampson), of matches [M, 2] and [M, 2].

    The cameras must be ideal pinholes with nearly square pixels.
    """
    essential = essential_matrix(first, second)
    rays_first = first.intrinsics.rays(pixels_first)
    rays_second = second.intrinsics.rays(pixels_second)
    lines_second, lines_first = rays_first @ essential.T, rays_second @ essential
    residual = np.abs(np.sum(rays_second * lines_second, axis=-1))
    slope_first = np.sum(lines_first[..., :2] ** 2, axis=-1) / first.intrinsics.fx**2
    slope_second = np.sum(lines_second[..., :2] ** 2, axis=-1) / second.intrinsics.fx**2
    return residual / np.sqrt(np.maximum(slope_first + slope_second, 1e-30))
