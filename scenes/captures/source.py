"""What an input is, told by its content, and the one way from any input to a capture."""

import math
from collections.abc import Mapping
from pathlib import Path

from cameras.errors import InputError
from cameras.reporting import Report, silent

from .capture import Capture
from .exif import FULL_FRAME_DIAGONAL_MM
from .levelled import levelled
from .photos import find_photos, list_photo_files, read_photo
from .photoset import Photo
from .sfm_settings import PoseSettings
from .stills import UnreadableImageError
from .triangulate import with_points

POSED_KINDS = ("nerfstudio", "colmap", "blender")
_HEAD_BYTES = 4096


def identify(path: Path) -> str:
    """The kind of an input: ``"photos"``, ``"video"``, ``"nerfstudio"``, ``"colmap"`` or ``"blender"``.

    A folder that holds photos and their known cameras is a posed data set; where several descriptions of cameras lie
    side by side, the first of nerfstudio, Blender and COLMAP counts.

    Raises:
        InputError: if nothing is there, or it is nothing that a capture can be made of.
    """
    if not path.exists():
        raise InputError(
            f"Photos, a video or a posed data set were expected at {path}, but nothing is there; check the path."
        )
    return _identify_folder(path) if path.is_dir() else _identify_file(path)


def _identify_folder(folder: Path) -> str:
    from .blender import find_blender_files
    from .colmap import find_colmap_model

    if (folder / "transforms.json").is_file():
        return "nerfstudio"
    if find_blender_files(folder):
        return "blender"
    if find_colmap_model(folder) is not None:
        return "colmap"
    if list_photo_files(folder):
        return "photos"
    held = sum(1 for _ in folder.iterdir())
    what = "is empty" if held == 0 else f"holds none of them among its {held} entries"
    raise InputError(
        f"Photos (JPEG, PNG, WebP, TIFF, HEIC), transforms.json or a COLMAP model were expected in {folder}, "
        f"but it {what}; give the folder that holds the photos."
    )


def _identify_file(path: Path) -> str:
    if path.suffix.lower() == ".json":
        split = path.stem.removeprefix("transforms_") if path.stem.startswith("transforms_") else ""
        return "blender" if split in ("train", "val", "test") else "nerfstudio"
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(
            f"{path} was to be read, but that failed ({error.strerror}); check its permissions."
        ) from error
    if head.startswith(b"ply"):
        raise InputError(
            f"Photos, a video or a posed data set were expected, but {path} is a PLY file; give the photos."
        )
    try:
        photo = read_photo(path)
    except UnreadableImageError:
        from .video import describe_video

        describe_video(path)
        return "video"
    raise InputError(
        f"A folder of at least 3 photos was expected, but {path} is one photo ({photo.width}x{photo.height}); "
        "give the folder that holds it."
    )


def read_posed(path: Path, kind: str) -> Capture:
    """A capture whose poses are known, in the axes of its file.

    Raises:
        InputError: if it cannot be read.
    """
    if kind == "nerfstudio":
        from .nerfstudio import read_nerfstudio

        return read_nerfstudio(path)
    if kind == "blender":
        from .blender import read_blender

        return read_blender(path)
    from .colmap import read_colmap

    return read_colmap(path)


def open_capture(
    path: Path, workdir: Path, *, seed: int = 0, poses: PoseSettings | None = None, report: Report = silent
) -> Capture:
    """A capture of whatever ``path`` is: poses are found where they are not known, +z is up where up can be found.

    Args:
        path: photos, a video, ``transforms.json``, a COLMAP model, a Blender data set, or one of our capture folders.
        workdir: kept between calls: an interrupted call goes on from it. The capture's images may lie in it.
        seed: of everything random.
        poses: how hard to try where poses have to be found; None for the measured defaults.
        report: told of every stage.

    Raises:
        InputError: if the input cannot be read.
        PoseError: if the cameras of the photos cannot be found.
    """
    kind = identify(path)
    if kind in POSED_KINDS:
        return levelled(with_points(read_posed(path, kind), workdir / "points", seed=seed, report=report))
    from .sfm import solve_poses

    if kind == "video":
        from .video import extract_frames

        photo_set = extract_frames(path, workdir / "frames", report=report)
    else:
        photo_set = find_photos(path, report=report)
    return solve_poses(photo_set, workdir / "poses", seed=seed, settings=poses, report=report)


def describe(path: Path) -> Mapping[str, object]:
    """What an input is, without long work: ``kind``, ``images``, ``width``, ``height`` and more where known.

    Raises:
        InputError: as ``identify``, or if too few images can be read.
    """
    kind = identify(path)
    if kind == "video":
        from .video import describe_video

        return {"kind": kind, **describe_video(path)}
    if kind == "photos":
        return _describe_photos(path)
    capture = read_posed(path, kind)
    lens = capture.images[0].camera.intrinsics
    return {
        "kind": kind,
        "images": len(capture.images),
        "width": lens.width,
        "height": lens.height,
        "distorted": lens.distortion is not None,
        "points": len(capture.points.positions_world),
        "skipped": capture.provenance.get("skipped") or {},
    }


def _describe_photos(folder: Path) -> dict[str, object]:
    photo_set = find_photos(folder)
    first = photo_set.photos[0]
    return {
        "kind": "photos",
        "images": len(photo_set.photos),
        "width": first.width,
        "height": first.height,
        "focal_mm_full_frame": _full_frame_mm(first),
        "sizes": sorted({f"{photo.width}x{photo.height}" for photo in photo_set.photos}),
        "cameras": len({photo.camera_key for photo in photo_set.photos}),
        "masks": sum(photo.mask_path is not None for photo in photo_set.photos),
        "skipped": dict(photo_set.skipped),
    }


def _full_frame_mm(photo: Photo) -> float | None:
    """The 35-mm equivalent of a photo's focal length, by diagonals."""
    if photo.focal_px is None:
        return None
    return round(photo.focal_px * FULL_FRAME_DIAGONAL_MM / math.hypot(photo.width, photo.height), 1)
