"""Writes a capture as a folder that nerfstudio and COLMAP tools open, and that ``read_nerfstudio`` reads back."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from cameras.conventions import opengl_from_opencv_pose
from cameras.errors import InputError
from cameras.reporting import Report, silent

from .capture import Capture, CaptureImage
from .colmap_model import write_colmap_model
from .nerfstudio import MILLIMETRE, FolderFacts, ImageFacts, read_nerfstudio
from .pixels import PosedPhoto, iterate_photos
from .point_file import write_points_ply

LONG_SIDE_PX = 1600
JPEG_QUALITY = 98
_LOSSLESS_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp"})
_MOST_STEPS = 65535  # of a 16-bit depth image


def write_capture(
    capture: Capture, out_dir: Path, *, long_side: int = LONG_SIDE_PX, report: Report = silent
) -> Capture:
    """Writes ``images/``, ``masks/``, ``depth/``, ``transforms.json``, ``sparse_pc.ply`` and ``sparse/0``.

    Images are undistorted to an ideal pinhole and at most ``long_side`` long. All are encoded anew, so that nothing of
    their metadata (positions above all) gets out: PNG where the source is lossless or transparent, else JPEG of
    quality 98 with full colour resolution. The folder appears under its name when it is whole.

    Args:
        capture: what to write.
        out_dir: must not exist, or be empty.
        long_side: pixels.
        report: told ``"write capture"``.

    Returns:
        The capture as read back from ``out_dir``.

    Raises:
        InputError: if ``out_dir`` is in the way, or an image cannot be read.
    """
    if out_dir.exists() and (not out_dir.is_dir() or any(out_dir.iterdir())):
        raise InputError(f"A new or empty folder was wanted for the capture, but {out_dir} has content; name another.")
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    temporary = out_dir.with_name(f".{out_dir.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    taken: set[str] = set()
    frames: list[dict[str, object]] = []
    facts: dict[str, ImageFacts] = {}
    photos: list[tuple[str, PosedPhoto]] = []
    for image, photo in zip(capture.images, iterate_photos(capture, long_side=long_side), strict=True):
        file = _file_name(image, photo, taken)
        frame, facts[f"images/{file}"] = _write_image(image, photo, file, temporary)
        frames.append(frame)
        photos.append((file, _without_pixels(photo)))
        report("write capture", len(frames) / len(capture.images), {"images": len(frames)})
    if len(capture.points.positions_world):
        write_points_ply(capture.points, temporary / "sparse_pc.ply")
    write_colmap_model(photos, capture.points, temporary / "sparse" / "0")
    _write_transforms(capture, frames, facts, temporary / "transforms.json")
    if out_dir.exists():
        out_dir.rmdir()
    os.replace(temporary, out_dir)
    return read_nerfstudio(out_dir)


def _file_name(image: CaptureImage, photo: PosedPhoto, taken: set[str]) -> str:
    """A new file name under ``images/``: the image's own, with the suffix of the format that keeps it as it is."""
    lossless = photo.alpha is not None or image.path.suffix.lower() in _LOSSLESS_SUFFIXES
    suffix = ".png" if lossless else ".jpg"
    parts = [part for part in PurePosixPath(image.name).with_suffix("").parts if part not in ("..", "/")]
    base = "/".join(parts) or "image"
    file, number = base + suffix, 1
    while file.lower() in taken:
        number += 1
        file = f"{base}_{number}{suffix}"
    taken.add(file.lower())
    return file


def _write_image(
    image: CaptureImage, photo: PosedPhoto, file: str, folder: Path
) -> tuple[dict[str, object], ImageFacts]:
    """Writes pixels, mask and depth; returns the frame of ``transforms.json`` and what only we keep."""
    path = folder / "images" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    if photo.alpha is not None:
        pixels = Image.fromarray(np.dstack([photo.rgb, photo.alpha]))
    else:
        pixels = Image.fromarray(photo.rgb)
    if path.suffix == ".png":
        pixels.save(path)
    else:
        pixels.save(path, quality=JPEG_QUALITY, subsampling=0)
    lens = photo.camera.intrinsics
    frame: dict[str, object] = {
        "file_path": f"images/{file}",
        "transform_matrix": opengl_from_opencv_pose(photo.camera.world_from_camera).matrix().tolist(),
        "fl_x": lens.fx,
        "fl_y": lens.fy,
        "cx": lens.cx,
        "cy": lens.cy,
        "w": lens.width,
        "h": lens.height,
    }
    if photo.valid is not None:
        frame["mask_path"] = _write_png(photo.valid.astype(np.uint8) * np.uint8(255), folder, f"masks/{file}.png")
    step = MILLIMETRE
    if photo.depth_z is not None:
        step = max(float(photo.depth_z.max()) / _MOST_STEPS, 1e-9)
        steps = np.round(photo.depth_z / step).astype(np.uint16)
        frame["depth_file_path"] = _write_png(steps, folder, f"depth/{file}.png")
    facts = ImageFacts(
        name=image.name,
        weight=image.weight,
        exposure_ev=image.exposure_ev,
        background=image.background,
        is_generated=image.is_generated,
        depth_step=step,
    )
    return frame, facts


def _write_png(pixels: np.ndarray, folder: Path, name: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return name


def _without_pixels(photo: PosedPhoto) -> PosedPhoto:
    """Only the camera is needed later: the pixels of all photos would fill the memory."""
    return PosedPhoto(photo.name, photo.camera, np.zeros((0, 0, 3), np.uint8))


def _write_transforms(
    capture: Capture, frames: list[dict[str, object]], facts: Mapping[str, ImageFacts], file: Path
) -> None:
    """nerfstudio's keys, and one object of ours. All or no frames have a mask, as nerfstudio demands."""
    for key, folder in (("mask_path", "masks"), ("depth_file_path", "depth")):
        _complete(frames, key, folder, file.parent)
    world = capture.world
    ours = FolderFacts(
        version=1,
        up_known=world.up_known,
        metres_per_unit=world.metres_per_unit,
        bounds_min=tuple(float(value) for value in world.bounds_min),  # type: ignore[arg-type]
        bounds_max=tuple(float(value) for value in world.bounds_max),  # type: ignore[arg-type]
        world_provenance=dict(world.provenance),
        provenance=dict(capture.provenance),
        images=dict(facts),
    )
    content: dict[str, object] = {"camera_model": "PINHOLE", "frames": frames}
    for split in ("train", "val", "test"):
        members = [f["file_path"] for f, image in zip(frames, capture.images, strict=True) if image.split == split]
        if members:
            content[f"{split}_filenames"] = members
    if len(capture.points.positions_world):
        content["ply_file_path"] = "sparse_pc.ply"
    content["flythrough"] = ours.model_dump(mode="json")
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _complete(frames: list[dict[str, object]], key: str, folder: str, root: Path) -> None:
    """If some frames have a mask (or depth), gives the others one that masks nothing (or knows nothing)."""
    if not any(key in frame for frame in frames):
        return
    for frame in frames:
        if key not in frame:
            shape = (int(str(frame["h"])), int(str(frame["w"])))
            blank = np.full(shape, 255, np.uint8) if key == "mask_path" else np.zeros(shape, np.uint16)
            name = f"{folder}/{PurePosixPath(str(frame['file_path'])).relative_to('images')}.png"
            frame[key] = _write_png(blank, root, name)
