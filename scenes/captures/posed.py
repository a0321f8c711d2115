"""What the readers of posed data share: safe paths, strict JSON, tolerant rotations, sizes that agree."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import nearest_rotation

from .capture import CaptureImage, SparsePoints
from .stills import UnreadableImageError, oriented_size

MIN_POSED_IMAGES = 2

# Files written with few digits are off by up to 1e-4; anything beyond this is another kind of matrix.
_ROTATION_SLACK = 1e-3
_MAX_JSON_BYTES = 512 * 2**20
_MAX_COORDINATE = 1e9

Model = TypeVar("Model", bound=BaseModel)


def read_json_model(path: Path, model: type[Model]) -> Model:
    """The JSON file as ``model``.

    Raises:
        InputError: if it is missing, too large, no JSON or of another shape; the sentence says where.
    """
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise InputError(f"{path} is larger than {_MAX_JSON_BYTES // 2**20} MB, which no camera file is")
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"a camera file was expected at {path}, but it cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON ({_one_line(error)}); export it again") from error
    if not isinstance(data, dict):
        raise InputError(f"{path} should hold a JSON object with frames, but it holds a {type(data).__name__}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        problem = first["msg"][:1].lower() + first["msg"][1:]
        raise InputError(f"{path} is not a camera file that we can read: at {place}, {problem}") from error


def inside(folder: Path, named: str, source: Path) -> Path:
    """The file that ``source`` names, which must lie under the folder above ``folder`` (some sets share images).

    The check is on the path as written; links inside a data set may point anywhere.

    Raises:
        InputError: if it leads elsewhere or is no path.
    """
    if not named or "\x00" in named:
        raise InputError(f"{source} names a file with an empty or impossible path {named!r}")
    base = Path(os.path.abspath(folder))
    path = Path(os.path.normpath(base / named.replace("\\", "/")))
    if not path.is_relative_to(base.parent):
        raise InputError(f"{source} names {named!r}, which lies outside its data folder: move the file into {base}")
    return path


def pose_from_matrix(matrix: NDArray[np.float64], place: str) -> Rigid:
    """The rigid transform of a [3 or 4, 4] matrix whose rotation may be rounded (off by 1e-3 at most).

    Raises:
        InputError: naming ``place``, if it is not finite, not rigid or absurdly far away.
    """
    if matrix.shape not in ((3, 4), (4, 4)) or not np.isfinite(matrix).all():
        raise InputError(f"{place} should hold a 4x4 camera matrix of finite numbers, got shape {matrix.shape}")
    if matrix.shape == (4, 4) and not np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-6):
        raise InputError(f"{place} should hold a rigid camera matrix, but its last row is {matrix[3].tolist()}")
    rotation = nearest_rotation(matrix[:3, :3])
    if float(np.abs(rotation - matrix[:3, :3]).max()) > _ROTATION_SLACK:
        raise InputError(f"{place} should hold a rigid camera matrix, but its 3x3 block is not a rotation")
    if float(np.abs(matrix[:3, 3]).max()) > _MAX_COORDINATE:
        raise InputError(f"{place} puts the camera {np.abs(matrix[:3, 3]).max():.3g} units away: that is no scene")
    return Rigid(rotation, matrix[:3, 3])


def lens_of_file(lens: Intrinsics, path: Path, place: str) -> Intrinsics:
    """``lens`` for the image as it is on disk: resized if the file is a smaller or larger copy of the same picture.

    Raises:
        InputError: if the proportions differ by more than one pixel.
        UnreadableImageError: if the image cannot be opened.
    """
    width, height = oriented_size(path)
    if (width, height) == (lens.width, lens.height):
        return lens
    if abs(width * lens.height / lens.width - height) > 1.0:
        raise InputError(
            f"{place} says that {path.name} is {lens.width}x{lens.height}, but the file is {width}x{height} "
            "and not a scaled copy (if only its EXIF orientation turns it, save it upright)"
        )
    return lens.resized(width, height)


def keep_readable(images: list[CaptureImage], source: Path, skipped: dict[str, str]) -> tuple[CaptureImage, ...]:
    """Images whose file is there, sorted by name, with the lens of the file; the others are named in ``skipped``.

    Raises:
        InputError: if fewer than two remain, a size contradicts the file, or a name is there twice.
    """
    kept: list[CaptureImage] = []
    for image in images:
        try:
            lens = lens_of_file(image.camera.intrinsics, image.path, str(source))
        except UnreadableImageError as error:
            skipped[image.name] = error.reason
            continue
        kept.append(replace(image, camera=Camera(lens, image.camera.world_from_camera, image.camera.time_s)))
    if len(kept) < MIN_POSED_IMAGES:
        example = next((f"; {name} {reason}" for name, reason in skipped.items()), "")
        raise InputError(
            f"at least {MIN_POSED_IMAGES} posed images are needed, but {source} has {len(kept)} of {len(images)} "
            f"that can be read{example}"
        )
    names = [image.name for image in kept]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{source} lists the image {twice} more than once: remove one of the entries")
    return tuple(sorted(kept, key=lambda image: image.name))


def capture_bounds(
    images: tuple[CaptureImage, ...], points: SparsePoints
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Corners [3], [3] of a box around the cameras and the middle 98 % of the points.

    Without points the cameras' box grows by its diagonal on each side: what they saw lies around them.
    """
    positions = np.array([image.camera.position_world for image in images])
    low, high = positions.min(axis=0), positions.max(axis=0)
    if len(points.positions_world) >= 10:
        near, far = np.percentile(points.positions_world, [1, 99], axis=0)
        return np.minimum(low, near), np.maximum(high, far)
    margin = max(float(np.linalg.norm(high - low)), 1e-3)
    return low - margin, high + margin


def as_mapping(value: object) -> Mapping[str, object]:
    """``value`` if it is a JSON object, else an empty one."""
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:120]
