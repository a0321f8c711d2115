"""The synthetic NeRF sets rendered with Blender: ``transforms_train.json``, ``_val`` and ``_test``.

Source: Mildenhall et al. 2020 (NeRF), the data set's ``load_blender.py`` convention.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat

from cameras.camera import Camera
from cameras.conventions import opencv_from_opengl_pose
from cameras.distortion import BrownConrady
from cameras.errors import InputError
from cameras.intrinsics import Intrinsics
from scenes.scene import World

from .capture import Capture, CaptureImage, SparsePoints
from .posed import capture_bounds, inside, keep_readable, pose_from_matrix, read_json_model
from .stills import UnreadableImageError, oriented_size

Split = Literal["train", "val", "test"]

_SPLIT_OF: dict[str, Split] = {
    "transforms_train.json": "train",
    "transforms_val.json": "val",
    "transforms_test.json": "test",
}
WHITE = (1.0, 1.0, 1.0)
"""The usual ground behind these sets' transparent images; published figures assume it."""

_SUFFIXES = (".png", ".jpg", ".jpeg")

Pixels = Annotated[int, Field(gt=0, le=100_000)]


class _Frame(BaseModel):
    file_path: str
    transform_matrix: list[list[FiniteFloat]]


class _Transforms(BaseModel):
    """The angle is enough; some writers add the lens in pixels."""

    frames: list[_Frame]
    camera_angle_x: Annotated[float, Field(gt=0, lt=math.pi)]
    w: Pixels | None = None
    h: Pixels | None = None
    fl_x: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    fl_y: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    cx: FiniteFloat | None = None
    cy: FiniteFloat | None = None
    k1: FiniteFloat = 0.0
    k2: FiniteFloat = 0.0
    p1: FiniteFloat = 0.0
    p2: FiniteFloat = 0.0


def find_blender_files(folder: Path) -> list[Path]:
    """The ``transforms_{train,val,test}.json`` in ``folder`` that are there, in this order."""
    return [folder / name for name in _SPLIT_OF if (folder / name).is_file()]


def read_blender(path: Path) -> Capture:
    """The capture that a folder of these files, or one of them, describes.

    Camera axes are OpenGL's and +z is up, as in Blender. Transparent images stand before white. Images that are missing
    or broken are skipped and named in ``provenance["skipped"]``. There are no points.

    Raises:
        InputError: if there is no such file, one is malformed, or fewer than two images can be read.
    """
    files = find_blender_files(path) if path.is_dir() else [path]
    if not files:
        raise InputError(
            f"a file transforms_train.json, transforms_val.json or transforms_test.json was expected in {path}, "
            "but there is none; give the folder of a synthetic NeRF set."
        )
    images: list[CaptureImage] = []
    frames: dict[str, int] = {}
    for file in files:
        data = read_json_model(file, _Transforms)
        frames[file.name] = len(data.frames)
        images += [_image(frame, data, file) for frame in data.frames]
    skipped: dict[str, str] = {}
    kept = keep_readable(images, path, skipped)
    low, high = capture_bounds(kept, SparsePoints.empty())
    provenance: dict[str, object] = {
        "kind": "blender",
        "files": frames,
        "frames": sum(frames.values()),
        "undone": {"camera_axes": "opengl"},
        "background": list(WHITE),
        "skipped": skipped,
    }
    return Capture(kept, SparsePoints.empty(), World(low, high, up_known=True), provenance)


def _image(frame: _Frame, data: _Transforms, file: Path) -> CaptureImage:
    place = f"frame {frame.file_path} in {file}"
    path = _image_file(inside(file.parent, frame.file_path, file))
    rows = frame.transform_matrix
    matrix = np.array(rows) if len({len(row) for row in rows}) == 1 else np.zeros((0, 0))
    camera = Camera(_intrinsics(data, path, place), opencv_from_opengl_pose(pose_from_matrix(matrix, place)))
    plain = frame.file_path.replace("\\", "/").removeprefix("./")
    name = plain if plain.endswith(path.suffix) else plain + path.suffix
    return CaptureImage(name, path, camera, background=WHITE, split=_SPLIT_OF.get(file.name))


def _image_file(named: Path) -> Path:
    """These files name images without their ending; a dot in such a name is part of it."""
    candidates = [named.with_name(named.name + suffix) for suffix in _SUFFIXES]
    if named.suffix.lower() in _SUFFIXES:
        candidates.insert(0, named)
    return next((path for path in candidates if path.is_file()), candidates[0])


def _intrinsics(data: _Transforms, image_path: Path, place: str) -> Intrinsics:
    try:
        width, height = (data.w, data.h) if data.w and data.h else oriented_size(image_path)
    except UnreadableImageError:
        width, height = 1, 1  # such an image is skipped later
    focal_x = data.fl_x or 0.5 * width / math.tan(0.5 * data.camera_angle_x)
    cx = width / 2 if data.cx is None else data.cx
    cy = height / 2 if data.cy is None else data.cy
    bent = any((data.k1, data.k2, data.p1, data.p2))
    try:
        distortion = BrownConrady(data.k1, data.k2, data.p1, data.p2) if bent else None
        return Intrinsics(width, height, focal_x, data.fl_y or focal_x, cx, cy, distortion)
    except ValueError as error:
        raise InputError(f"{place} has an impossible lens: {error}") from error
