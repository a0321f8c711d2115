"""The first Gaussians of a fit: on the sparse points and on the surfaces between them, and far behind all.

Sparse points are rare where a window looks out, and a Gaussian does not travel far while it is fitted. Without some
that begin out there, the garden is painted on the air before the window.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from scenes.captures.capture import SparsePoints
from scenes.captures.pixels import PosedPhoto

from .gaussians import SH_TERMS, Gaussians
from .initialize_surface import surface_points
from .schedule import random_stream

Float64 = NDArray[np.float64]

SH_BAND_0 = 0.28209479177387814  # the constant basis function, 1 / (2 sqrt(pi))
_SEEDS = 4  # names the stream of random numbers
_FIRST_OPACITY = 0.1
_NEIGHBOURS = 3
_LARGEST_ANGLE = 0.1  # scale over distance from the middle of the cameras
_FARTHEST = 20.0  # in depths of what the points show
_FEWEST_POINTS = 50  # below this the points say nothing about how deep the scene is


def camera_extent(photos: Sequence[PosedPhoto], points: SparsePoints) -> float:
    """The size of the scene in scene units: the radius of the cameras, or a share of the depth if they stand still."""
    positions = np.array([photo.camera.position_world for photo in photos])
    radius = 1.1 * float(np.linalg.norm(positions - positions.mean(axis=0), axis=1).max())
    if len(points.positions_world) == 0:
        return max(radius, 1e-3)
    distances = np.linalg.norm(points.positions_world - positions.mean(axis=0), axis=1)
    return max(radius, 0.1 * float(np.median(distances)), 1e-6)


def initial_gaussians(
    points: SparsePoints,
    photos: Sequence[PosedPhoto],
    *,
    seed_gaussians: int,
    surface_gaussians: int,
    far_gaussians: int,
    max_gaussians: int,
    seed: int,
) -> Gaussians:
    """Round, faint Gaussians as wide as their neighbours are far.

    Args:
        points: may be empty.
        photos: at least one; their cameras and colours make the points in front of the cameras.
        seed_gaussians: how many there should be at least; what is missing begins anywhere before the cameras.
        surface_gaussians: how many more are tried on the surfaces between the points.
        far_gaussians: how many more begin behind what the points show.
        max_gaussians: and at most.
        seed: of the random choices.
    """
    rng = random_stream(seed, _SEEDS, 0)
    positions, colors = points.positions_world, points.colors / 255
    finite = np.isfinite(positions).all(axis=1)
    positions, colors = positions[finite], colors[finite]
    near, far = _depth_range(photos, positions, camera_extent(photos, points))

    def uniform_in_volume(n: int) -> Float64:
        # And not in depth: what lies just before one camera blinds another (13 dB instead of 27 on a room).
        return np.cbrt(near**3 + (far**3 - near**3) * rng.random(n))

    def far_away(n: int) -> Float64:
        return far * _FARTHEST ** rng.random(n)

    between, seen_there = surface_points(positions, photos, min(surface_gaussians, max_gaussians // 4), rng)
    missing = max(0, min(seed_gaussians, max_gaussians) - len(positions))
    for count, depths in ((missing, uniform_in_volume), (far_gaussians, far_away)):
        seeds, seed_colors = _points_before_cameras(photos, count, depths, rng)
        positions, colors = np.concatenate([positions, seeds]), np.concatenate([colors, seed_colors])
    positions, colors = np.concatenate([positions, between]), np.concatenate([colors, seen_there])
    if len(positions) > max_gaussians:
        chosen = np.sort(rng.choice(len(positions), max_gaussians, replace=False))
        positions, colors = positions[chosen], colors[chosen]
    middle = np.mean([photo.camera.position_world for photo in photos], axis=0)
    return _round_gaussians(positions, colors, middle)


def _points_before_cameras(
    photos: Sequence[PosedPhoto], count: int, depths: Callable[[int], Float64], rng: np.random.Generator
) -> tuple[Float64, Float64]:
    """Random pixels of random photos, at the depths that ``depths`` draws, with the colours seen there."""
    shares = np.bincount(rng.integers(0, len(photos), count), minlength=len(photos))
    found: list[Float64] = []
    colors: list[Float64] = []
    for photo, share in zip(photos, shares, strict=True):
        pixels = rng.random((share, 2)) * (photo.camera.width, photo.camera.height)
        found.append(photo.camera.unproject(pixels, depths(int(share))))
        x, y = pixels.astype(np.intp).T
        colors.append(photo.rgb[y, x] / 255)
    return np.concatenate(found), np.concatenate(colors)


def _depth_range(photos: Sequence[PosedPhoto], positions: Float64, extent: float) -> tuple[float, float]:
    if len(positions) < _FEWEST_POINTS:
        return 0.2 * extent, 3 * extent
    depths = np.concatenate([photo.camera.project(positions)[1] for photo in photos])
    near, far = np.percentile(depths[depths > 1e-6 * extent], (5, 95))
    return float(near), float(1.2 * far)


def _round_gaussians(positions: Float64, colors: Float64, middle: Float64) -> Gaussians:
    from scipy.spatial import KDTree

    count = len(positions)
    distance_to_middle = np.linalg.norm(positions - middle, axis=1)
    largest = _LARGEST_ANGLE * np.maximum(distance_to_middle, np.median(distance_to_middle)) + 1e-9
    scales = largest
    if count > _NEIGHBOURS:
        distances = np.asarray(KDTree(positions).query(positions, k=_NEIGHBOURS + 1)[0])[:, 1:]
        scales = np.clip(np.sqrt((distances**2).mean(axis=1)), 1e-4 * largest, largest)
    sh = np.zeros((count, 3, SH_TERMS), np.float32)
    sh[:, :, 0] = (colors - 0.5) / SH_BAND_0
    return Gaussians(
        means=positions.astype(np.float32),
        quaternions_wxyz=np.tile(np.array([1, 0, 0, 0], np.float32), (count, 1)),
        log_scales=np.repeat(np.log(scales)[:, None], 3, axis=1).astype(np.float32),
        logit_opacities=np.full(count, math.log(_FIRST_OPACITY / (1 - _FIRST_OPACITY)), np.float32),
        sh=sh,
    )
