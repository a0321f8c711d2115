"""A folder of photos becomes a set of readable photos; what cannot be used is named."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cameras.errors import InputError
from cameras.reporting import Report, silent

from .exif import lens_facts
from .masks import MASK_FOLDERS, check_mask, find_mask
from .photoset import Photo, PhotoSet
from .stills import SIDEWAYS, UnreadableImageError, load_oriented, open_still, orientation

__all__ = ["PHOTO_SUFFIXES", "find_photos", "list_photo_files", "load_oriented", "read_photo"]

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".hif", ".avif"}
)
_RAW_SUFFIXES = frozenset({".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2"})
_SYSTEM_FILES = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})
_OTHER_FOLDERS = frozenset({*MASK_FOLDERS, "depth", "depths", "__macosx", "@eadir"})

MIN_SIDE = 32
"""Pixels; smaller pictures are icons."""

# Decoding to this size finds damage anywhere in a JPEG at an eighth of the cost.
_CHECK_LONG_SIDE = 256
_NAMED_IN_ERROR = 5


def find_photos(folder: Path, *, min_photos: int = 3, report: Report = silent) -> PhotoSet:
    """All readable photos in a folder and the folders in it, sorted by name.

    Every file is decoded once, so that a truncated one is found here and not hours later. Hidden files, masks and
    depth images are not photos; of files with the same bytes the first by name is kept.

    Raises:
        InputError: if the folder is missing or holds fewer than ``min_photos`` readable photos, or a mask is not as
            large as its photo.
    """
    if not folder.is_dir():
        raise InputError(f"a folder of photos was expected at {folder}, but there is none")
    skipped: dict[str, str] = {}
    files = list_photo_files(folder, skipped)
    _drop_duplicates(folder, files, skipped)
    photos: list[Photo] = []
    with ThreadPoolExecutor(2) as pool:
        for done, (file, result) in enumerate(zip(files, pool.map(_photo_or_reason, files), strict=True)):
            name = file.relative_to(folder).as_posix()
            if isinstance(result, str):
                skipped[name] = result
            else:
                photos.append(_with_mask(folder, name, result))
            report("find photos", (done + 1) / len(files), {"photos": len(photos), "skipped": len(skipped)})
    if len(photos) < min_photos:
        raise InputError(_too_few(folder, len(photos), min_photos, skipped))
    provenance = {"kind": "photos", "folder": folder.name, "photos": len(photos), "skipped": dict(skipped)}
    return PhotoSet(tuple(photos), skipped=skipped, provenance=provenance)


def read_photo(path: Path, name: str | None = None) -> Photo:
    """One photo, decoded once to find damage; without a mask.

    Raises:
        UnreadableImageError: with the reason.
    """
    with open_still(path) as image:
        facts = lens_facts(image)
        width, height = image.size
        if orientation(image) in SIDEWAYS:
            width, height = height, width
    if min(width, height) < MIN_SIDE:
        raise UnreadableImageError(path, f"is only {width}x{height} pixels")
    load_oriented(path, _CHECK_LONG_SIDE)
    key = f"{facts.body or 'unknown camera'}, {width}x{height}"
    return Photo(name or path.name, path, width, height, facts.focal_px, key)


def list_photo_files(folder: Path, skipped: dict[str, str] | None = None) -> list[Path]:
    """Files that by their name may be photos, sorted by name; other files are named in ``skipped``."""
    found: list[Path] = []
    for path in _walk(folder):
        suffix = path.suffix.lower()
        if suffix in PHOTO_SUFFIXES:
            found.append(path)
        elif skipped is not None:
            reason = "is a camera raw file: export it as JPEG" if suffix in _RAW_SUFFIXES else "is not a photo"
            skipped[path.relative_to(folder).as_posix()] = reason
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _walk(folder: Path) -> Iterator[Path]:
    """Visible files, without those of operating systems and the folders that hold something else than photos."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f.lower() not in _OTHER_FOLDERS)
        for name in sorted(files):
            if not name.startswith(".") and name.lower() not in _SYSTEM_FILES:
                yield Path(where) / name


def _photo_or_reason(path: Path) -> Photo | str:
    try:
        return read_photo(path)
    except UnreadableImageError as error:
        return error.reason


def _with_mask(folder: Path, name: str, photo: Photo) -> Photo:
    mask = find_mask(folder, photo.path)
    if mask is not None:
        check_mask(mask, photo.width, photo.height)
    return Photo(name, photo.path, photo.width, photo.height, photo.focal_px, photo.camera_key, mask)


def _drop_duplicates(folder: Path, files: list[Path], skipped: dict[str, str]) -> None:
    """Removes files with the bytes of an earlier one; only files of equal length are read."""
    by_length: dict[int, list[Path]] = {}
    for path in files:
        length = path.stat().st_size if path.is_file() else 0
        by_length.setdefault(length, []).append(path)
    for length, equals in by_length.items():
        first_of: dict[str, Path] = {}
        for path in equals if len(equals) > 1 and length > 0 else ():
            with path.open("rb") as stream:
                first = first_of.setdefault(hashlib.file_digest(stream, "sha256").hexdigest(), path)
            if first is not path:
                files.remove(path)
                skipped[path.relative_to(folder).as_posix()] = (
                    f"has the same bytes as {first.relative_to(folder).as_posix()}"
                )


def _too_few(folder: Path, found: int, wanted: int, skipped: dict[str, str]) -> str:
    sentence = f"at least {wanted} photos are needed, but {folder} holds {found} that can be read"
    if not skipped:
        return f"{sentence}: name a folder with JPEG, PNG, WebP, TIFF or HEIC photos"
    named = [f"{name} {reason}" for name, reason in list(skipped.items())[:_NAMED_IN_ERROR]]
    more = f" and {len(skipped) - len(named)} more" if len(skipped) > len(named) else ""
    return f"{sentence} (skipped: {'; '.join(named)}{more})"
