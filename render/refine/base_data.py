"""What the base weights are trained on: views of quick fits of rooms that do not exist, beside true pictures of them.

Each room (``examples/make_room.py --seed N --draft``) is fitted several times, to many or few of its photos and for
longer or shorter, so that the model meets good renders and poor ones. Every picture that a fit did not see makes a
pair: the photos left out, and the frames of the walk, which are where a film's frames are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cameras.errors import InputError
from cameras.reporting import Report, silent
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto, load_photos
from scenes.splats.settings import FitSettings

from ..evaluation_walk import placed, read_walk, world_from_walk
from .base import Pair
from .crossfit import pairs_of
from .features import CHANNELS, features

MAX_GAUSSIANS = 40_000


@dataclass(frozen=True)
class Variant:
    """One fit of a room.

    Attributes:
        every: one photo in so many is fitted, from ``first`` on; or, if negative, all but one in so many.
        first: index of the first photo that is fitted (or left out).
        photo_passes: length of the fit.
    """

    every: int
    first: int
    photo_passes: float

    def fitted(self, names: Sequence[str]) -> list[str]:
        if self.every > 0:
            return list(names[self.first :: self.every])
        left_out = set(names[self.first :: -self.every])
        return [name for name in names if name not in left_out]


VARIANTS = (Variant(-6, 1, 260.0), Variant(2, 0, 160.0), Variant(4, 2, 90.0))


@dataclass(frozen=True, eq=False)
class Sample:
    """A pair as training wants it.

    Attributes:
        features: [15, H, W] float16, see ``features``.
        photo: [3, H, W] uint8.
        valid: [H, W] bool.
    """

    features: NDArray[np.float16]
    photo: NDArray[np.uint8]
    valid: NDArray[np.bool_]


def sample_of(pair: Pair) -> Sample:
    found = np.ascontiguousarray(features(pair.bundle).transpose(2, 0, 1), dtype=np.float16)
    photo = np.rint(255 * pair.photo).astype(np.uint8).transpose(2, 0, 1)
    return Sample(found, np.ascontiguousarray(photo), pair.valid)


def room_samples(
    room: Path, workdir: Path, variants: Sequence[Variant] = VARIANTS, *, seed: int = 0, report: Report = silent
) -> Iterator[Sample]:
    """All samples of a room made by ``examples/make_room.py``.

    Args:
        workdir: keeps the points that are triangulated.

    Raises:
        InputError: if the folder is not one.
    """
    from scenes.splats.fit import fit

    capture, photos, walk = _read_room(room, workdir)
    names = [photo.name for photo in photos]
    for index, variant in enumerate(variants):
        fitted = set(variant.fitted(names))
        settings = FitSettings.for_photo_passes(variant.photo_passes, max_gaussians=MAX_GAUSSIANS, monitor_every=1000)
        left_out = [name for name in names if name not in fitted]
        scene = fit(capture, settings, photos=photos, hold_out=left_out, seed=seed + index, report=report)
        shown = [photo for photo in photos if photo.name not in fitted] + walk
        for pair in pairs_of(scene, [photo for photo in photos if photo.name in fitted], shown, noise_channels=0):
            yield sample_of(pair)


def _read_room(room: Path, workdir: Path) -> tuple[Capture, list[PosedPhoto], list[PosedPhoto]]:
    from scenes.captures.source import open_capture

    file = room / "cameras.json"
    if not file.is_file():
        raise InputError(
            f"a room made by examples/make_room.py was expected in {room}, but it has no cameras.json; make one with "
            f"python examples/make_room.py --seed 101 --draft --out {room}"
        )
    capture = open_capture(file, workdir)
    walk = read_walk(room / "walk")
    frames = load_photos(placed(walk.frames, world_from_walk(walk, capture)))
    return capture, load_photos(capture), frames


def write_samples(samples: Iterator[Sample], path: Path) -> int:
    """Writes a room's samples into one file of arrays, under another name until it is whole; returns their number."""
    found = list(samples)
    growing = path.with_name(f".{path.name}.part.npz")
    np.savez(
        growing,
        features=np.stack([sample.features for sample in found]),
        photo=np.stack([sample.photo for sample in found]),
        valid=np.stack([sample.valid for sample in found]),
    )
    growing.replace(path)
    return len(found)


def read_samples(path: Path) -> list[Sample]:
    """What ``write_samples`` wrote.

    Raises:
        InputError: if the file is not one.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = [archive[name] for name in ("features", "photo", "valid")]
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise InputError(f"samples of a room were expected in {path}, but they cannot be read: delete it.") from error
    if arrays[0].shape[1] != CHANNELS:
        raise InputError(f"{path} holds samples of another version of flythrough; delete it.")
    return [Sample(*parts) for parts in zip(*arrays, strict=True)]
