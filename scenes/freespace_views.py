"""Free space from what a scene looks like: depth drawn from many cameras and fused."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.freespace import FreeSpace
from cameras.freespace_fusion import Fusion
from cameras.reporting import Report, silent
from cameras.tour_stands import EYE_HEIGHT_M
from scenes.scene import FloatImage, Scene

VOXEL_M = 0.05
"""Edge of a cube where metres are known or assumed."""
_DEPTH_SIDE = 400
# Around each photo there was room for a camera and the hand that held it.
_BODY_M = 0.4
_MOST_CUBES = 12_000_000
_LEAST_ALPHA = 0.6
# Around the photos, as a part of the median depth that they see: farther away a tour never flies.
_AROUND = 1.0
_COARSE_CUBES = 1_000_000
_FLAT = 0.85
# The floor is the lowest level with this part of the surface of the largest one.
_FLOOR_PART = 0.4
_FLOOR_STEPS = 60
# Depth of a floor is right within this part of the camera's height.
_FLOOR_NOISE = 0.03


def depth_views(scene: Scene, cameras: Sequence[Camera], report: Report = silent) -> list[tuple[Camera, FloatImage]]:
    """Depth [h, w] along the axis as each camera sees the scene, at most 400 pixels long; 0 where it is transparent."""
    small = [_small_pinhole(camera) for camera in cameras]
    found: list[tuple[Camera, FloatImage]] = []
    for number, (camera, view) in enumerate(zip(small, scene.views(small, ("depth_z",)), strict=True)):
        found.append((camera, np.where(view.alpha >= _LEAST_ALPHA, view.depth_z, 0).astype(np.float32)))
        report("space", 0.7 * (number + 1) / len(small), {"views": number + 1})
    return found


def free_space_of_views(
    views: Sequence[tuple[Camera, FloatImage]],
    *,
    metres_per_unit: float | None,
    camera_height_m: float | None = None,
    report: Report = silent,
) -> FreeSpace:
    """The space that photos cover, from their depth images.

    Args:
        metres_per_unit: of the world, None if unknown: then the floor is looked for, and the photographer is taken to
            have held the camera ``camera_height_m`` above it (1.5 m if None).

    Raises:
        InputError: if hardly any depth is known, or no floor is found where the scale hangs on it.
    """
    positions = np.array([camera.position_world for camera, _ in views]).reshape(-1, 3)
    forwards = np.array([camera.forward_world for camera, _ in views]).reshape(-1, 3)
    low, high = _bounds(views, positions)
    if metres_per_unit is None:
        coarse = _fused(views, low, high, _voxel_of(low, high, 0.0, _COARSE_CUBES))
        height = camera_height(coarse.free_space(positions, positions, forwards), views)
        metres_per_unit = (EYE_HEIGHT_M if camera_height_m is None else camera_height_m) / height
    report("space", 0.8, {})
    voxel = _voxel_of(low, high, VOXEL_M / metres_per_unit, _MOST_CUBES)
    space = _fused(views, low, high, voxel).free_space(
        positions, positions, forwards, metres_per_unit=metres_per_unit, body_radius=_BODY_M / metres_per_unit
    )
    report("space", 1.0, {"cubes": space.cells.size})
    return space


def camera_height(space: FreeSpace, views: Sequence[tuple[Camera, FloatImage]]) -> float:
    """Median height of cameras above the floor, in world units.

    The floor is the lowest large level surface beneath the cameras, seen from above: found in the grid, and then
    placed by the points of the depth images, whose commonest height is right to a part of a cube.

    Raises:
        InputError: if there is none.
    """
    positions = space.views_position_world
    low, high = positions.min(axis=0), positions.max(axis=0)
    middle = float(np.median(positions[:, 2]))
    reach = 0.5 * float(np.linalg.norm(high - low)) + 4 * space.voxel
    at, up = space.surface_world, space.surface_normals_world[:, 2]
    near = (at[:, :2] >= low[:2] - reach).all(axis=1) & (at[:, :2] <= high[:2] + reach).all(axis=1)
    level = at[near & (up > _FLAT) & (at[:, 2] < middle), 2]
    if len(level) == 0:
        raise InputError(
            "the scale of the scene hangs on the height of the camera above the floor, but the photos show no floor; "
            "give a known distance with --scale-from, or the scale with --metres-per-unit."
        )
    edges = np.arange(level.min(), level.max() + 3 * space.voxel, 2 * space.voxel)
    counts, _ = np.histogram(level, edges)
    first = int(np.flatnonzero(counts >= _FLOOR_PART * counts.max())[0])
    points, _ = _points(views, 4)
    lowest, highest = edges[first] - space.voxel, edges[first] + 3 * space.voxel
    heights = points[(points[:, 2] > lowest) & (points[:, 2] < highest), 2]
    fine, steps = np.histogram(heights, np.linspace(lowest, highest, _FLOOR_STEPS + 1))
    smooth = np.convolve(fine, np.ones(3), mode="same")
    commonest = 0.5 * float(steps[int(np.argmax(smooth))] + steps[int(np.argmax(smooth)) + 1])
    near_floor = np.abs(heights - commonest) <= _FLOOR_NOISE * (middle - commonest)
    return max(middle - float(np.median(heights[near_floor])), space.voxel)


def _points(views: Sequence[tuple[Camera, FloatImage]], step: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """[n, 3] what is seen at every ``step``-th pixel of the depth images, and [n] at what depth."""
    points: list[NDArray[np.float64]] = []
    depths: list[NDArray[np.float32]] = []
    for camera, depth_z in views:
        thin = depth_z[::step, ::step]
        rows, columns = np.nonzero(thin)
        points.append(camera.unproject(np.stack([columns * step + 0.5, rows * step + 0.5], -1), thin[rows, columns]))
        depths.append(thin[rows, columns])
    return np.concatenate(points), np.concatenate(depths)


def _small_pinhole(camera: Camera) -> Camera:
    shrink = min(1.0, _DEPTH_SIDE / max(camera.width, camera.height))
    small = camera.resized(max(1, round(camera.width * shrink)), max(1, round(camera.height * shrink)))
    return Camera(small.intrinsics.ideal(), small.world_from_camera)


def _bounds(
    views: Sequence[tuple[Camera, FloatImage]], positions: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners of the box around what the photos see near by."""
    every, far = _points(views, 8)
    if len(far) < 100:
        raise InputError(
            "the depth of the scene should be seen in its photos, but hardly anything opaque is in them; fit the scene "
            "for longer."
        )
    around = _AROUND * float(np.median(far))
    low = np.maximum(np.percentile(every, 4, axis=0), positions.min(axis=0) - around)
    high = np.minimum(np.percentile(every, 96, axis=0), positions.max(axis=0) + around)
    margin = 0.05 * float(np.linalg.norm(high - low))
    return np.minimum(low, positions.min(axis=0)) - margin, np.maximum(high, positions.max(axis=0)) + margin


def _voxel_of(low: NDArray[np.float64], high: NDArray[np.float64], wanted: float, most: int) -> float:
    """The wanted edge of a cube, or the least one with which so many cubes fill the box."""
    return max(wanted, float((np.prod(high - low) / most) ** (1 / 3)))


def _fused(
    views: Sequence[tuple[Camera, FloatImage]], low: NDArray[np.float64], high: NDArray[np.float64], voxel: float
) -> Fusion:
    nx, ny, nz = (int(n) for n in np.ceil((high - low) / voxel))
    fusion = Fusion(low, voxel, (nx, ny, nz))
    fusion.add_all(views)
    return fusion
