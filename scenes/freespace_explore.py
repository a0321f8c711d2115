"""Free space of a splat file without photos: find where one could stand, look around there, and fuse what is seen."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.conventions import z_up_from_axis_up
from cameras.errors import InputError, SettingsError
from cameras.freespace import FreeSpace
from cameras.freespace_fusion import Fusion
from cameras.intrinsics import Intrinsics
from cameras.reporting import Report, silent
from cameras.rigid import Rigid
from cameras.rotations import look_rotation

from .freespace import ScaleWish, Surveyed
from .freespace_views import VOXEL_M, depth_views
from .meshes.enclosure import WALLED
from .splats.scene import SplatScene

Floats = NDArray[np.float64]

_FACE_PIXELS, _GLANCE_PIXELS = 240, 48
# Along x, y and z.
_LATTICE = (6, 6, 4)
_PLACES = 12
_AROUND_OBJECT = 24
_MOST_CUBES = 6_000_000
_OBJECT_CUBES = 80
_LEAST_OPACITY = 0.5
_ROOM_M = 0.35


def survey_splats(path: Path, scale: ScaleWish, up_axis: str | None = None, report: Report = silent) -> Surveyed:
    """The free space of a splat file, indoors if most of it is walled in, else around it.

    One unit is taken to be a metre where neither the file nor ``scale`` says more.

    Raises:
        SettingsError: if ``scale`` needs photos, or the file does not say which way is up and ``up_axis`` is None.
        InputError: if hardly anything in the file is opaque.
    """
    if scale.known_length is not None or scale.camera_height_m is not None:
        raise SettingsError(
            f"--scale-from and --camera-height need the photos of a scene, but {path} is a splat file without them; "
            "give --units."
        )
    scene = SplatScene.load(path)
    if up_axis is None and not scene.world.up_known:
        raise SettingsError(f"a path should know which way is up, but {path} does not say; give --up, such as --up=-y.")
    level_from_world = z_up_from_axis_up(up_axis or "+z")
    known = scale.metres_per_unit or scene.world.metres_per_unit
    metres = known or 1.0
    means = _opaque(scene, level_from_world, path)
    box = np.percentile(means, 3, axis=0), np.percentile(means, 97, axis=0)
    space = _explored(scene, level_from_world, box, metres, report)
    how = "the file or the options" if known else "nothing: one unit is taken to be a metre"
    return Surveyed(space, known is None, how, level_from_world)


def _opaque(scene: SplatScene, level_from_world: Rigid, path: Path) -> Floats:
    """[n, 3] centres of the Gaussians that are opaque."""
    opacities = 1 / (1 + np.exp(-scene.gaussians.logit_opacities.astype(np.float64).reshape(-1)))
    kept = opacities >= _LEAST_OPACITY
    if np.count_nonzero(kept) < 100:
        raise InputError(
            f"a path needs surfaces to keep away from, but only {np.count_nonzero(kept)} Gaussians of {path} are "
            "opaque; give a scene that was fitted for longer."
        )
    return level_from_world.apply(scene.gaussians.means[kept])


def _explored(
    scene: SplatScene, level_from_world: Rigid, box: tuple[Floats, Floats], metres: float, report: Report
) -> FreeSpace:
    low, high = box
    inside = _places_inside(scene, level_from_world, box, metres)
    report("space", 0.3, {"places": len(inside)})
    if len(inside):
        starts = inside[:1]
        cameras = [camera for point in _spread(inside) for camera in _all_round(point, _FACE_PIXELS, 6)]
        wanted = VOXEL_M / metres
    else:
        size = float((high - low).max())
        starts, cameras = _ring(low, high)
        low, high = low - (size, size, 0), high + size
        wanted = max(VOXEL_M / metres, size / _OBJECT_CUBES)
    voxel = max(wanted, float((np.prod(high - low) / _MOST_CUBES) ** (1 / 3)))
    views = depth_views(scene, [_moved(camera, level_from_world.inverse()) for camera in cameras], report)
    nx, ny, nz = (int(n) for n in np.ceil((high - low) / voxel) + 4)
    fusion = Fusion(low - 2 * voxel, voxel, (nx, ny, nz))
    fusion.add_all((camera, depth_z) for camera, (_, depth_z) in zip(cameras, views, strict=True))
    nowhere = np.zeros((0, 3))
    return fusion.free_space(
        starts, nowhere, nowhere, metres_per_unit=metres, is_interior=len(inside) > 0, least_views=1
    )


def _places_inside(scene: SplatScene, level_from_world: Rigid, box: tuple[Floats, Floats], metres: float) -> Floats:
    """[n, 3] places of a lattice that are walled in and have room for a camera, the roomiest first.

    Walled in is a place from which most of a panorama's horizon is opaque, and no farther than the scene is large.
    """
    low, high = box
    parts = [(np.arange(n) + 0.5) / n for n in _LATTICE]
    lattice = low + (high - low) * np.stack(np.meshgrid(*parts, indexing="ij"), axis=-1).reshape(-1, 3)
    cameras = [camera for point in lattice for camera in _all_round(point, _GLANCE_PIXELS, 4)]
    views = depth_views(scene, [_moved(camera, level_from_world.inverse()) for camera in cameras])
    middle = slice(_GLANCE_PIXELS // 3, 2 * _GLANCE_PIXELS // 3)
    around = np.stack([depth_z for _, depth_z in views]).reshape(len(lattice), -1, _GLANCE_PIXELS, _GLANCE_PIXELS)
    belt = around[:, :, middle].reshape(len(lattice), -1)
    walled = ((belt > 0) & (belt < np.linalg.norm(high - low))).mean(axis=1) >= WALLED
    seen = np.where(around > 0, around, np.inf).reshape(len(lattice), -1)
    room = np.percentile(seen, 3, axis=1)
    good = np.flatnonzero(walled & (room >= _ROOM_M / metres))
    return lattice[good[np.argsort(-room[good], kind="stable")]]


def _spread(places: Floats) -> Floats:
    """At most twelve of the places: the first, then always the one farthest from those before."""
    chosen = [places[0]]
    far = np.linalg.norm(places - places[0], axis=1)
    while len(chosen) < _PLACES and float(far.max()) > 0:
        chosen.append(places[int(np.argmax(far))])
        far = np.minimum(far, np.linalg.norm(places - chosen[-1], axis=1))
    return np.array(chosen)


def _all_round(point: Floats, pixels: int, faces: int) -> list[Camera]:
    """Square pictures of 90 degrees: four to the sides, then up and down."""
    lens = Intrinsics.from_fov(pixels, pixels, np.pi / 2)
    axes = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float64)
    return [Camera(lens, Rigid(look_rotation(axis, (0, 0, 1)), point)) for axis in axes[:faces]]


def _ring(low: Floats, high: Floats) -> tuple[Floats, list[Camera]]:
    """Places around an object, and cameras there that look at it, from its middle and from above."""
    middle, size = 0.5 * (low + high), float((high - low).max())
    azimuth = np.arange(_AROUND_OBJECT) * (2 * np.pi / _AROUND_OBJECT)
    level = np.stack([np.cos(azimuth), np.sin(azimuth), np.zeros(_AROUND_OBJECT)], axis=-1)
    lens = Intrinsics.from_fov(_FACE_PIXELS, _FACE_PIXELS, np.pi / 2)
    starts = middle + level * 1.25 * size
    raised = starts + np.where(np.arange(_AROUND_OBJECT)[:, None] % 2, (0.0, 0.0, 0.8 * size), 0.0)
    return starts, [Camera(lens, Rigid(look_rotation(middle - eye, (0, 0, 1)), eye)) for eye in raised]


def _moved(camera: Camera, new_from_old: Rigid) -> Camera:
    return Camera(camera.intrinsics, new_from_old @ camera.world_from_camera)
