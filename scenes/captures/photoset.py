"""Photos before their poses are known: what a folder or a video gives, and what pose estimation takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Photo:
    """One readable photo.

    Attributes:
        name: unique within the set; a relative POSIX path.
        path: the image file; any format that we read.
        width, height: pixels after EXIF orientation.
        focal_px: focal length in pixels of the oriented image at that size, from EXIF; None if unknown.
        camera_key: photos with equal keys were taken by one camera at one focal length and size.
        mask_path: single-channel image of the same size, black is ignored.
    """

    name: str
    path: Path
    width: int
    height: int
    focal_px: float | None
    camera_key: str
    mask_path: Path | None = None


@dataclass(frozen=True)
class PhotoSet:
    """Readable photos, sorted by name.

    Attributes:
        photos: at least two.
        is_sequence: consecutive photos overlap (frames of a video).
        skipped: name of what could not be used, and why.
        provenance: where they came from; JSON-able; never holds GPS positions.
    """

    photos: tuple[Photo, ...]
    is_sequence: bool = False
    skipped: Mapping[str, str] = field(default_factory=dict[str, str])
    provenance: Mapping[str, object] = field(default_factory=dict[str, object])
