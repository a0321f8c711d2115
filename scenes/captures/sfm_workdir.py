"""The working folder of pose estimation: photos at working size, and stages that a kill leaves whole or not at all."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cameras.reporting import Report

from .photoset import Photo, PhotoSet
from .sfm_settings import MAX_SIDE_PX
from .stills import load_mask, load_oriented, reduced_size


@dataclass(frozen=True)
class WorkingCopy:
    """A photo as pose estimation and fitting see it: upright, at most 1600 pixels long, free of metadata.

    Attributes:
        name: of the photo.
        path, mask_path: the copies.
        width, height: in pixels.
        focal_px: focal length at that size from EXIF; None if unknown.
        camera_key: equal for photos that share a lens and a size.
    """

    name: str
    path: Path
    width: int
    height: int
    focal_px: float | None
    camera_key: str
    mask_path: Path | None = None


class Workdir:
    """Where the stages keep what they made; everything in it belongs to one ``fingerprint`` of the input."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        stamp = path / "fingerprint.txt"
        if not stamp.is_file() or stamp.read_text() != fingerprint:
            for old in sorted(path.iterdir()):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
            write_whole(stamp, fingerprint.encode())

    @property
    def images(self) -> Path:
        return self.path / "images"

    @property
    def masks(self) -> Path:
        return self.path / "masks"

    @property
    def features(self) -> Path:
        return self.path / "features.db"

    @property
    def matches(self) -> Path:
        return self.path / "matches.db"

    @property
    def model(self) -> Path:
        return self.path / "model"


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file under a temporary name and renames it, so that it is there whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def working_copies(photo_set: PhotoSet, workdir: Workdir, report: Report) -> list[WorkingCopy]:
    """Makes the working copies that are missing, one photo at a time, and returns all in the set's order.

    Raises:
        InputError: if a photo cannot be read.
    """
    workdir.images.mkdir(exist_ok=True)
    copies: list[WorkingCopy] = []
    for index, photo in enumerate(photo_set.photos):
        copies.append(_working_copy(photo, f"{index:05d}.jpg", workdir))
        report("prepare photos", (index + 1) / len(photo_set.photos), {"photos": index + 1})
    return copies


def _working_copy(photo: Photo, file_name: str, workdir: Workdir) -> WorkingCopy:
    width, height = reduced_size(photo.width, photo.height, MAX_SIDE_PX)
    path = workdir.images / file_name
    if not path.is_file():
        _copy_photo(photo.path, path)
    mask_path = None
    if photo.mask_path is not None:
        workdir.masks.mkdir(exist_ok=True)
        mask_path = workdir.masks / f"{file_name}.png"
        if not mask_path.is_file():
            _copy_mask(photo, photo.mask_path, mask_path, (width, height))
    focal = None if photo.focal_px is None else photo.focal_px * width / photo.width
    return WorkingCopy(photo.name, path, width, height, focal, f"{photo.camera_key}|{width}x{height}", mask_path)


def _copy_photo(source: Path, target: Path) -> None:
    """What is transparent becomes white."""
    pixels = load_oriented(source, MAX_SIDE_PX)
    if pixels.shape[2] == 4:
        alpha = pixels[..., 3:] / np.float32(255)
        pixels = (pixels[..., :3] * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)
    _save(Image.fromarray(pixels), target, format="JPEG", quality=98, subsampling=0)


def _copy_mask(photo: Photo, source: Path, target: Path, size: tuple[int, int]) -> None:
    mask = Image.fromarray(load_mask(source, photo.width, photo.height).astype(np.uint8) * 255)
    _save(mask.resize(size, Image.Resampling.NEAREST), target, format="PNG")


def _save(image: Image.Image, target: Path, **options: Any) -> None:
    temporary = target.with_name(target.name + ".tmp")
    image.save(temporary, **options)
    os.replace(temporary, target)
