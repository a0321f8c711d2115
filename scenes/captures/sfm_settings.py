"""What pose estimation may be told, and the values that were measured to pay."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from .photoset import PhotoSet

MAX_SIDE_PX = 1600
# Raised when the method changes, so that no stage of an older one is taken up.
_METHOD = 4


@dataclass(frozen=True)
class PoseSettings:
    """Settings of pose estimation from photos.

    Attributes:
        max_features: SIFT features a photo, the strongest kept.
        peak_threshold: least contrast of a feature; low, because bare walls hold nothing strong.
        doubled_below_pixels: photos smaller than this (the set's median) are searched at twice their size too.
        max_ratio: Lowe's ratio between the best and the second best match.
        verification_trials: most RANSAC trials a pair; a tenth of COLMAP's finds 1977 of 1980 inliers in half the time.
        exhaustive_photos: up to so many photos every pair is matched.
        neighbours: beyond that, how many of the most similar photos each one is matched with.
        sequence_neighbours: the same for a sequence, beside the frames that follow.
        sequence_overlap: in a sequence, how many of the following frames each one is matched with.
        threads: of extraction and matching; the mapper runs on one, because the sums of several differ from run to run.
    """

    max_features: int = 8192
    peak_threshold: float = 0.002
    doubled_below_pixels: int = 480_000
    max_ratio: float = 0.8
    verification_trials: int = 1000
    exhaustive_photos: int = 120
    neighbours: int = 40
    sequence_neighbours: int = 8
    sequence_overlap: int = 10
    threads: int = 2

    @classmethod
    def for_quality(cls, quality: str) -> "PoseSettings":
        """A draft compares each photo with the 16 most like it: fox in 80 s instead of 137, the same poses."""
        return cls(exhaustive_photos=20, neighbours=16, verification_trials=300) if quality == "draft" else cls()


def fingerprint(photo_set: PhotoSet, settings: PoseSettings, seed: int) -> str:
    """Changes whenever anything does that the poses depend on: photos, masks, settings, seed, library."""
    import pycolmap

    digest = hashlib.sha256()
    facts = {
        "settings": asdict(settings),
        "seed": seed,
        "is_sequence": photo_set.is_sequence,
        "pycolmap": pycolmap.__version__,
        "max_side_px": MAX_SIDE_PX,
        "method": _METHOD,
    }
    digest.update(json.dumps(facts, sort_keys=True).encode())
    for photo in photo_set.photos:
        row = (photo.name, photo.width, photo.height, photo.focal_px, photo.camera_key)
        digest.update(json.dumps(row).encode())
        digest.update(file_hash(photo.path))
        if photo.mask_path is not None:
            digest.update(file_hash(photo.mask_path))
    return digest.hexdigest()


def file_hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
