"""nerfstudio's ``transforms.json`` (docs/quickstart/data_conventions.md), and instant-ngp's, which it grew from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, FiniteFloat

from cameras.camera import Camera
from cameras.conventions import opencv_from_opengl_pose
from cameras.distortion import BrownConrady, Distortion, KannalaBrandt
from cameras.errors import InputError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.scene import World

from .capture import Capture, CaptureImage, SparsePoints
from .point_file import read_points_ply
from .posed import as_mapping, capture_bounds, inside, keep_readable, pose_from_matrix, read_json_model
from .stills import UnreadableImageError, oriented_size

MILLIMETRE = 1e-3
"""nerfstudio's depth images count thousandths of a unit of the file."""

_PERSPECTIVE = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV")
_FISHEYE = ("OPENCV_FISHEYE",)
_RADIAL_KEYS = ("k1", "k2", "k3", "k4", "p1", "p2")

Pixels = Annotated[int, Field(gt=0, le=100_000)]
Matrix = list[list[FiniteFloat]]


class _Lens(BaseModel):
    """Keys that may stand at the top or in a frame."""

    fl_x: FiniteFloat | None = None
    fl_y: FiniteFloat | None = None
    cx: FiniteFloat | None = None
    cy: FiniteFloat | None = None
    w: Pixels | None = None
    h: Pixels | None = None
    camera_angle_x: FiniteFloat | None = None
    camera_angle_y: FiniteFloat | None = None
    k1: FiniteFloat | None = None
    k2: FiniteFloat | None = None
    k3: FiniteFloat | None = None
    k4: FiniteFloat | None = None
    p1: FiniteFloat | None = None
    p2: FiniteFloat | None = None
    distortion_params: list[FiniteFloat] | None = None


class _Frame(_Lens):
    file_path: str
    transform_matrix: Matrix
    mask_path: str | None = None
    depth_file_path: str | None = None


class _Transforms(_Lens):
    frames: list[_Frame]
    camera_model: str | None = None
    is_fisheye: bool = False
    applied_transform: Matrix | None = None
    applied_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    ply_file_path: str | None = None
    train_filenames: list[str] | None = None
    val_filenames: list[str] | None = None
    test_filenames: list[str] | None = None
    units_per_metre: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    flythrough: dict[str, object] | None = None


class ImageFacts(BaseModel):
    """What our own capture folders keep about an image beyond nerfstudio's keys."""

    name: str
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    exposure_ev: FiniteFloat | None = None
    background: tuple[FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    is_generated: bool = False
    depth_step: Annotated[float, Field(gt=0, allow_inf_nan=False)] = MILLIMETRE


class FolderFacts(BaseModel):
    """The ``flythrough`` object in the ``transforms.json`` of our own capture folders."""

    version: Literal[1]
    up_known: bool = False
    metres_per_unit: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    bounds_min: tuple[FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    bounds_max: tuple[FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    world_provenance: dict[str, object] = {}
    provenance: dict[str, object] = {}
    images: dict[str, ImageFacts] = {}


@dataclass(frozen=True)
class _Applied:
    """What the file's writer did to the world: ``file = scale * (rigid * original)``."""

    rigid: Rigid
    scale: float

    def undo_pose(self, file_from_camera: Rigid) -> Rigid:
        return self.rigid.inverse() @ Rigid(file_from_camera.rotation, file_from_camera.translation / self.scale)

    def undo_points(self, points_file: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.rigid.inverse().apply(points_file / self.scale)


def read_nerfstudio(path: Path) -> Capture:
    """The capture that a ``transforms.json`` (or the folder that holds one) describes.

    ``applied_transform`` and ``applied_scale`` are undone, so that the world is the one that the poses were first
    found in; both are recorded in the provenance. Axes are the file's own unless its ``flythrough`` object says that
    +z is up. Frames whose image is missing or broken are skipped and named in ``provenance["skipped"]``. Paths may
    point at most one folder above the file's own.

    Raises:
        InputError: if the file is malformed, its camera model is not one of ours, or fewer than two images can be read.
    """
    file = path / "transforms.json" if path.is_dir() else path
    data = read_json_model(file, _Transforms)
    facts = _our_facts(file, data.flythrough)
    applied = _applied(data, file)
    skipped: dict[str, str] = {}
    splits = _splits(data)
    names = _names(data)
    images = [
        _image(frame, data, file, names[frame.file_path], applied, facts, splits.get(_plain(frame.file_path)))
        for frame in data.frames
    ]
    kept = keep_readable([image for image in images if image is not None], file, skipped)
    points = _points(data, file, applied, skipped)
    return Capture(kept, points, _world(kept, points, data, facts), _provenance(data, file, facts, skipped))


def _our_facts(file: Path, stored: Mapping[str, object] | None) -> FolderFacts | None:
    if stored is None:
        return None
    try:
        return FolderFacts.model_validate(stored)
    except ValueError as error:
        detail = " ".join(str(error).split())[:160]
        raise InputError(
            f"the flythrough object in {file} was changed by hand or is newer than this version: {detail}"
        ) from error


def _applied(data: _Transforms, file: Path) -> _Applied:
    rigid = Rigid.identity()
    if data.applied_transform is not None:
        rigid = pose_from_matrix(_matrix(data.applied_transform), f"applied_transform in {file}")
    return _Applied(rigid, data.applied_scale or 1.0)


def _matrix(rows: Matrix) -> NDArray[np.float64]:
    if len({len(row) for row in rows}) != 1:
        return np.zeros((0, 0))
    return np.array(rows, dtype=np.float64)


def _plain(file_path: str) -> str:
    return file_path.replace("\\", "/").removeprefix("./")


def _names(data: _Transforms) -> dict[str, str]:
    """Image names by file path: relative to ``images/`` when all are there, as COLMAP and photo folders name them."""
    plain = {frame.file_path: _plain(frame.file_path) for frame in data.frames}
    if all(name.startswith("images/") for name in plain.values()):
        return {path: name.removeprefix("images/") for path, name in plain.items()}
    return plain


def _splits(data: _Transforms) -> dict[str, Literal["train", "val", "test"]]:
    splits: dict[str, Literal["train", "val", "test"]] = {}
    for name in data.train_filenames or ():
        splits[_plain(name)] = "train"
    for name in data.val_filenames or ():
        splits[_plain(name)] = "val"
    for name in data.test_filenames or ():
        splits[_plain(name)] = "test"
    return splits


def _image(
    frame: _Frame,
    data: _Transforms,
    file: Path,
    name: str,
    applied: _Applied,
    facts: FolderFacts | None,
    split: Literal["train", "val", "test"] | None,
) -> CaptureImage:
    place = f"frame {frame.file_path} in {file}"
    pose = pose_from_matrix(_matrix(frame.transform_matrix), place)
    path = inside(file.parent, frame.file_path, file)
    camera = Camera(_intrinsics(frame, data, path, place), applied.undo_pose(opencv_from_opengl_pose(pose)))
    known = facts.images.get(_plain(frame.file_path)) if facts else None
    known = known or ImageFacts(name=name)
    return CaptureImage(
        known.name,
        path,
        camera,
        mask_path=_companion(frame.mask_path, "mask", file, place),
        depth_path=_companion(frame.depth_file_path, "depth image", file, place),
        depth_step=known.depth_step / applied.scale,
        weight=known.weight,
        exposure_ev=known.exposure_ev,
        background=known.background,
        split=split,
        is_generated=known.is_generated,
    )


def _companion(named: str | None, what: str, file: Path, place: str) -> Path | None:
    if named is None:
        return None
    path = inside(file.parent, named, file)
    if not path.is_file():
        raise InputError(f"{place} names the {what} {named}, which is not there: add it or remove the entry")
    return path


def _intrinsics(frame: _Frame, data: _Transforms, image_path: Path, place: str) -> Intrinsics:
    """The lens of a frame: its own keys first, then the file's; a missing size is that of the image."""
    merged = _Lens.model_validate({key: _own_or_top(frame, data, key) for key in _Lens.model_fields})
    width, height = merged.w, merged.h
    if width is None or height is None:
        width, height = _size_on_disk(image_path)
    fx = merged.fl_x or _focal_from_angle(merged.camera_angle_x, width)
    fy = merged.fl_y or _focal_from_angle(merged.camera_angle_y, height) or fx
    fx = fx or fy
    if fx is None or fy is None:
        raise InputError(f"{place} has no focal length: fl_x (pixels) or camera_angle_x (radians) is needed")
    cx = width / 2 if merged.cx is None else merged.cx
    cy = height / 2 if merged.cy is None else merged.cy
    try:
        return Intrinsics(width, height, fx, fy, cx, cy, _distortion(frame, data, place))
    except ValueError as error:
        raise InputError(f"{place} has an impossible lens: {error}") from error


def _size_on_disk(path: Path) -> tuple[int, int]:
    """An unreadable image is skipped later; until then any size will do."""
    try:
        return oriented_size(path)
    except UnreadableImageError:
        return 1, 1


def _own_or_top(frame: _Frame, data: _Transforms, key: str) -> object:
    own = getattr(frame, key)
    return getattr(data, key) if own is None else own


def _focal_from_angle(angle_rad: float | None, pixels: int) -> float | None:
    if angle_rad is None or not 0 < angle_rad < math.pi:
        return None
    return 0.5 * pixels / math.tan(0.5 * angle_rad)


def _distortion(frame: _Frame, data: _Transforms, place: str) -> Distortion | None:
    """From the top of the file if any coefficient stands there, else from the frame."""
    top = _coefficients(data)
    k1, k2, k3, k4, p1, p2 = top if top is not None else _coefficients(frame) or (0.0,) * 6
    model = data.camera_model or ("OPENCV_FISHEYE" if data.is_fisheye else "OPENCV")
    if model in _FISHEYE:
        return KannalaBrandt(k1, k2, k3, k4)
    if model not in _PERSPECTIVE:
        raise InputError(
            f"{place} uses the camera model {model}, but only {', '.join(_PERSPECTIVE + _FISHEYE)} can be used: "
            "undistort the images to one of them first"
        )
    if k4 != 0:
        raise InputError(f"{place} has k4 = {k4:g}, which the camera model {model} does not have: remove it")
    return BrownConrady(k1, k2, p1, p2, k3) if any((k1, k2, k3, p1, p2)) else None


def _coefficients(lens: _Lens) -> tuple[float, ...] | None:
    """(k1, k2, k3, k4, p1, p2), or None if none is given."""
    if lens.distortion_params is not None:
        return tuple((lens.distortion_params + [0.0] * 6)[:6])
    if all(getattr(lens, key) is None for key in _RADIAL_KEYS):
        return None
    return tuple(getattr(lens, key) or 0.0 for key in _RADIAL_KEYS)


def _points(data: _Transforms, file: Path, applied: _Applied, skipped: dict[str, str]) -> SparsePoints:
    if data.ply_file_path is None:
        return SparsePoints.empty()
    path = inside(file.parent, data.ply_file_path, file)
    if not path.is_file():
        skipped[data.ply_file_path] = "does not exist"
        return SparsePoints.empty()
    points = read_points_ply(path)
    return SparsePoints(applied.undo_points(points.positions_world), points.colors, points.errors_px)


def _world(
    images: tuple[CaptureImage, ...], points: SparsePoints, data: _Transforms, facts: FolderFacts | None
) -> World:
    low, high = capture_bounds(images, points)
    if facts is None:
        metres = None if data.units_per_metre is None else (data.applied_scale or 1.0) / data.units_per_metre
        return World(low, high, up_known=False, metres_per_unit=metres)
    if facts.bounds_min is not None and facts.bounds_max is not None:
        low, high = np.array(facts.bounds_min), np.array(facts.bounds_max)
    return World(low, high, facts.up_known, facts.metres_per_unit, facts.world_provenance)


def _provenance(
    data: _Transforms, file: Path, facts: FolderFacts | None, skipped: Mapping[str, str]
) -> dict[str, object]:
    if facts is not None:
        earlier = as_mapping(facts.provenance.get("skipped"))
        return {**facts.provenance, **({"skipped": {**earlier, **skipped}} if earlier or skipped else {})}
    undone: dict[str, object] = {"camera_axes": "opengl"}
    if data.applied_transform is not None:
        undone["applied_transform"] = data.applied_transform
    if data.applied_scale is not None:
        undone["applied_scale"] = data.applied_scale
    return {
        "kind": "nerfstudio",
        "file": file.name,
        "frames": len(data.frames),
        "undone": undone,
        "skipped": dict(skipped),
    }
