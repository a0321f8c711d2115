"""A film of refined frames, and beside it a film of what was changed in them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cameras.reporting import Report, silent
from cameras.shot_list import ShotList
from scenes.scene import FloatImage

from .film import FilmResult, FilmSettings, cameras_digest, encode_film
from .manifest import write_json
from .refine.base import Mask
from .refine.frames import RefinedFrames
from .refine.sizes import working_camera
from .refine_stage import Refinement

CHANGED_FILM = "changed.mp4"


def film_refined(
    path: ShotList,
    settings: FilmSettings,
    refinement: Refinement,
    work: Path,
    output: Path,
    report: Report = silent,
) -> tuple[FilmResult, dict[str, object]]:
    """Renders and refines a film, and makes ``CHANGED_FILM`` in the work folder; goes on where a call stopped.

    Returns:
        The film, and figures of what was changed in it.
    """
    cameras = path.cameras(settings.fps, settings.width, settings.height)
    key = f"{settings.background}|{cameras_digest(cameras)}|{refinement.digest}|{refinement.plan.long_side}"
    frames = refinement.frames(cameras)
    film = FilmOfRefined(frames, work / "changed")
    result = encode_film(film, len(cameras), settings, work / "segments", output, content_key=key, report=report)
    small = working_camera(cameras[0], refinement.plan.long_side)
    even = replace(settings, width=small.width // 2 * 2, height=small.height // 2 * 2, codec="h264", quality=None)
    masks = replace(even, metadata={"comment": "grey: changed by the refiner; white: made up by it"})
    encode_film(
        mask_frames(work / "changed", masks.width, masks.height),
        len(cameras),
        masks,
        work / "changed_segments",
        work / CHANGED_FILM,
        content_key=key,
    )
    each = frame_figures(work / "changed")
    shares = {name: [float(frame[name]) for frame in each] for name in ("changed", "generated")}
    refined = {f"mean_{name}": round(float(np.mean(values)), 4) for name, values in shares.items()}
    return result, {"refined": {"refiner": refinement.refiner.name, **refined, "per_frame": shares}}


class FilmOfRefined:
    """Makes the frames of a film, and keeps beside each segment what was changed in it."""

    def __init__(self, frames: RefinedFrames, folder: Path) -> None:
        """Args:
        folder: holds a file a segment; those of an interrupted run stay.
        """
        self.frames, self.folder = frames, folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, numbers: range) -> Iterator[FloatImage]:
        masks: list[Mask] = []
        figures: list[Mapping[str, object]] = []
        made = self.frames.run(numbers)
        for number, frame in zip(numbers, made, strict=True):
            masks.append(np.stack([frame.changed, frame.generated]))
            figures.append({"frame": number, **frame.figures})
            if number == numbers[-1]:  # before the last frame is handed over, so that no whole segment is without it
                self._keep(numbers, masks, figures)
            yield frame.rgb

    def _keep(self, numbers: range, masks: list[Mask], figures: list[Mapping[str, object]]) -> None:
        file = self.folder / f"{numbers.start:06d}.npz"
        growing = self.folder / f".{numbers.start:06d}.part.npz"
        np.savez_compressed(growing, masks=np.packbits(np.stack(masks), axis=-1), width=masks[0].shape[-1])
        growing.replace(file)
        write_json(file.with_suffix(".json"), {"frames": figures})


def mask_frames(folder: Path, width: int, height: int) -> Callable[[range], Iterator[FloatImage]]:
    """Frames of the mask film from what ``FilmOfRefined`` kept: grey where changed, white where made up.

    Args:
        width, height: of the frames, at most a pixel less than the masks'.
    """

    def make(numbers: range) -> Iterator[FloatImage]:
        for start in sorted(int(file.stem) for file in folder.glob("[0-9]*.npz")):
            with np.load(folder / f"{start:06d}.npz", allow_pickle=False) as archive:
                bits = np.unpackbits(archive["masks"], axis=-1, count=int(archive["width"]))
            for offset, (changed, generated) in enumerate(bits):
                if start + offset in numbers:
                    grey = np.where(generated, np.float32(1), np.float32(0.5) * changed)
                    yield np.repeat(grey[:height, :width, None], 3, axis=-1).astype(np.float32)

    return make


def frame_figures(folder: Path) -> list[Mapping[str, Any]]:
    """Shares of changed and of generated pixels, frame by frame."""
    found: list[Mapping[str, Any]] = []
    for file in sorted(folder.glob("[0-9]*.json")):
        found += json.loads(file.read_text(encoding="utf-8"))["frames"]
    return found
