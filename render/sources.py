"""What an input is, said before any long work: its kind, how many photos, how large."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cameras.errors import InputError
from scenes.formats.identify import kind_of_scene_file

UNPOSED_KINDS = ("photos", "video")


@dataclass(frozen=True)
class Source:
    """An input that can be read.

    Attributes:
        path: as given, or the capture inside it if it is a job folder.
        contents: the files and folders whose bytes decide what is made of it.
        kind: as ``scenes.captures.source.identify`` says.
        text: what was found, for people.
        n_images, width, height: how many images, and the size in pixels of the first.
        is_posed: the cameras are known already.
        is_sequence: consecutive images overlap.
        is_video: it is a video.
        is_capture: it is a capture folder of ours, which is read where it is.
        facts: everything that is known of it, JSON-able.
    """

    path: Path
    contents: tuple[Path, ...]
    kind: str
    text: str
    n_images: int
    width: int
    height: int
    is_posed: bool
    is_sequence: bool
    is_video: bool
    is_capture: bool
    facts: Mapping[str, object]


def inspect_source(path: Path) -> Source:
    """Finds out what an input is without long work.

    Raises:
        InputError: if nothing is there, it is nothing that we can read, or no film can be planned from it.
    """
    if (path / "manifest.json").is_file() and (path / "capture").is_dir():
        path = path / "capture"
    kind = kind_of_scene_file(path) if path.is_file() else None
    if kind is not None:
        raise InputError(
            f"a scene is fitted to photos, but {path} is a {kind} already; plan a path in it with `flythrough plan` "
            "and film that with `flythrough render`."
        )
    from scenes.captures.source import describe

    return source_of(path, describe(path))


def source_of(path: Path, facts: Mapping[str, object]) -> Source:
    """An input from what ``scenes.captures.source.describe`` says of it."""
    kind = str(facts["kind"])
    n_images, width, height = (_whole(facts.get(name)) for name in ("images", "width", "height"))
    is_video = kind == "video"
    posed = "" if kind in UNPOSED_KINDS else f", with known cameras ({kind})"
    return Source(
        path,
        contents_of(path, kind),
        kind,
        f"{n_images} {'frames of a video' if is_video else 'photos'}, {width}x{height}{camera_text(facts)}{posed}",
        n_images,
        width,
        height,
        is_posed=bool(posed),
        is_sequence=is_video,
        is_video=is_video,
        is_capture=is_capture_folder(path),
        facts=facts,
    )


def camera_text(facts: Mapping[str, object]) -> str:
    """What is known of the lenses, for example ``, one camera, 24 mm``."""
    sizes, cameras, focal = facts.get("sizes"), facts.get("cameras"), facts.get("focal_mm_full_frame")
    text = f" and {len(sizes) - 1} other sizes" if isinstance(sizes, list) and len(sizes) > 1 else ""
    if isinstance(cameras, int):
        text += ", one camera" if cameras == 1 else f", {cameras} cameras"
    return text + (
        f", {focal:g} mm" if isinstance(focal, int | float) else ", focal length not known" if cameras else ""
    )


def contents_of(path: Path, kind: str) -> tuple[Path, ...]:
    """The files and folders that are read for an input: a data set's whole folder, what lies beside it."""
    if path.is_file():
        return (path if kind == "video" else path.parent,)
    beside: list[Path] = []
    if kind == "photos":
        beside = [path.parent / name for name in ("mask", "masks")]
    elif kind == "colmap" and not (path / "images").is_dir():
        beside = [parent / "images" for parent in (path.parent, path.parent.parent)]
    return (path, *(folder for folder in beside if folder.is_dir()))


def is_capture_folder(path: Path) -> bool:
    """Whether ``flythrough capture`` wrote this folder."""
    file = path / "transforms.json"
    try:
        return file.is_file() and "flythrough" in json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return False


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
