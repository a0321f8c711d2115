"""A COLMAP model and its photos as a capture; the world keeps the model's axes and scale."""

import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.formats.colmap_models import intrinsics_from_colmap
from cameras.intrinsics import Intrinsics
from cameras.rotations import matrix_from_quaternion
from scenes.scene import World

from .capture import Capture, CaptureImage, SparsePoints
from .colmap_files import FileCamera, FileImage, has_model, read_cameras, read_images, read_points
from .posed import MIN_POSED_IMAGES, capture_bounds, inside, keep_readable, pose_from_matrix

_PLACES = ("sparse/0", "sparse", "colmap/sparse/0", "colmap/sparse", "0", ".")
_SUFFIXES = (".bin", ".txt")
_MAX_SIDE_PX = 100_000
_LEVELS_ABOVE = 3  # from colmap/sparse/0 to the folder of the set


def find_colmap_model(folder: Path) -> Path | None:
    """The folder with the cameras and images of a COLMAP model in or under ``folder``, or None.

    Looked for in ``sparse/0``, ``sparse``, ``colmap/sparse/0``, ``colmap/sparse``, ``0`` and the folder itself.
    """
    for place in _PLACES:
        if any(has_model(folder / place, suffix) for suffix in _SUFFIXES):
            return folder / place if place != "." else folder
    return None


def read_colmap(path: Path) -> Capture:
    """The capture that a COLMAP model describes, binary (preferred) or text.

    The photos are looked for in ``images/`` in the model's folder and up to three above it.
    Up is unknown: the axes are the model's own.
    Images that are missing or broken are skipped and named in ``provenance["skipped"]``.

    Args:
        path: a folder in which `find_colmap_model` finds a model.

    Raises:
        InputError: if there is no model, it is cut off or damaged, a camera model is not one of ours, the folder of
            photos is not found, or fewer than two photos can be read.
    """
    model = find_colmap_model(path) if path.is_dir() else None
    if model is None:
        raise InputError(
            f"a COLMAP model (cameras and images, .bin or .txt) was expected in {path}, but there is none in it or in "
            f"{', '.join(_PLACES[:-1])}; give the folder that holds sparse/ and images/."
        )
    suffix = next(suffix for suffix in _SUFFIXES if has_model(model, suffix))
    cameras, entries = read_cameras(model / f"cameras{suffix}"), read_images(model / f"images{suffix}")
    if len(entries) < MIN_POSED_IMAGES:
        raise InputError(
            f"at least {MIN_POSED_IMAGES} posed images are needed, but the COLMAP model {model} has {len(entries)}; "
            "map the photos again, or give a model that holds more of them."
        )
    lenses = {camera_id: _lens(camera, camera_id, model) for camera_id, camera in cameras.items()}
    photos = _photo_folder(model, entries)
    skipped: dict[str, str] = {}
    images = keep_readable([_image(entry, lenses, photos, model) for entry in entries], model, skipped)
    points_file = model / f"points3D{suffix}"
    points = read_points(points_file) if points_file.is_file() else SparsePoints.empty()
    low, high = capture_bounds(images, points)
    return Capture(
        images, points, World(low, high, up_known=False), _provenance(path, model, suffix, cameras, entries, skipped)
    )


def _lens(camera: FileCamera, camera_id: int, model: Path) -> Intrinsics:
    try:
        if not (0 < camera.width <= _MAX_SIDE_PX and 0 < camera.height <= _MAX_SIDE_PX):
            raise InputError(f"an image size of {camera.width}x{camera.height} is none; export the model again")
        if not np.isfinite(camera.params).all():
            raise InputError("its parameters should be finite numbers; export the model again")
        return intrinsics_from_colmap(camera.model, camera.width, camera.height, camera.params)
    except InputError as error:
        raise InputError(f"camera {camera_id} of the COLMAP model {model} cannot be used: {error}") from error


def _image(entry: FileImage, lenses: Mapping[int, Intrinsics], photos: Path, model: Path) -> CaptureImage:
    place = f"image {entry.name} of the COLMAP model {model}"
    if entry.camera_id not in lenses:
        raise InputError(f"{place} names camera {entry.camera_id}, which the model does not have; export it again.")
    length = math.hypot(*entry.quaternion_wxyz)
    if not 0.9 < length < 1.1:
        raise InputError(f"{place} should have a unit quaternion, but its length is {length:.3g}; export it again.")
    matrix = np.eye(4)
    matrix[:3, :3] = matrix_from_quaternion(np.array(entry.quaternion_wxyz) / length)
    matrix[:3, 3] = entry.translation
    camera_from_world = pose_from_matrix(matrix, place)
    camera = Camera(lenses[entry.camera_id], camera_from_world.inverse())
    return CaptureImage(entry.name.replace("\\", "/"), inside(photos, entry.name, model), camera)


def _photo_folder(model: Path, entries: list[FileImage]) -> Path:
    """The nearest folder that holds one of the photos, else the nearest that is there at all."""
    inner = Path(os.path.abspath(model))
    candidates = [folder / "images" for folder in (inner, *inner.parents[:_LEVELS_ABOVE])]
    there = [folder for folder in candidates if folder.is_dir()]
    for folder in there:
        if any((folder / entry.name).is_file() for entry in entries[:100]):
            return folder
    if there:
        return there[0]
    raise InputError(
        f"the photos of the COLMAP model {model} were expected in a folder images, but there is none at "
        f"{', '.join(map(str, candidates))}; put the photos there."
    )


def _provenance(
    path: Path,
    model: Path,
    suffix: str,
    cameras: Mapping[int, FileCamera],
    entries: list[FileImage],
    skipped: Mapping[str, str],
) -> dict[str, object]:
    return {
        "kind": "colmap",
        "model": model.relative_to(path).as_posix(),
        "format": "binary" if suffix == ".bin" else "text",
        "camera_models": sorted({camera.model for camera in cameras.values()}),
        "frames": len(entries),
        "skipped": dict(skipped),
    }
