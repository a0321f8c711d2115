"""What a quality report measures: held-out photos beside their renders, and runs of frames of the film."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.reporting import Report
from cameras.shot_list import ShotList
from scenes.captures.pixels import PosedPhoto
from scenes.scene import FloatImage, Scene

from .evaluation import Comparison, compare
from .evaluation_pictures import error_colors
from .frames import composite
from .quality import score
from .quality_results import FrameResult, GapResult, PhotoResult, RefinerNote
from .steadiness import Seen, excess_ratio, sharpness_ratio, warp_error_ratio
from .steadiness_meter import PairErrors, SteadinessMeter

PICTURE_LONG_SIDE = 1200
JPEG_QUALITY = 85
RENDER, FILM, PER_FRAME = "render", "film", "per-frame"


@dataclass(frozen=True, eq=False)
class FilmFrame:
    """A refined frame.

    Attributes:
        film: [H, W, 3] in [0, 1], as it is in the film.
        per_frame: [H, W, 3] refined by itself, before it was steadied; None if that is not known.
        changed, generated, gain: see ``FrameResult``.
    """

    film: FloatImage
    per_frame: FloatImage | None = None
    changed: float | None = None
    generated: float | None = None
    gain: float | None = None


@dataclass(frozen=True, eq=False)
class UsedRefiner:
    """A refiner that is ready, and what to say of it.

    Attributes:
        refine_photo: the refined view [H, W, 3] of a camera by itself.
        refine_frames: the refined frames of a run of frame numbers of the film with these cameras, in order.
    """

    note: RefinerNote
    refine_photo: Callable[[Camera], FloatImage]
    refine_frames: Callable[[Sequence[Camera], range], Iterator[FilmFrame]]


@dataclass(frozen=True)
class FilmSample:
    """Which part of a film is measured: so many runs of so many frames, evenly spread, at most so large."""

    runs: int = 4
    frames: int = 12
    long_side: int = 640

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The film's size, reduced."""
        shrink = min(1.0, self.long_side / max(width, height))
        return max(1, round(width * shrink)), max(1, round(height * shrink))

    def choose(self, n_frames: int) -> list[range]:
        """The frame numbers of each run; one run of all frames if the film is that short."""
        if n_frames <= self.runs * self.frames:
            return [range(n_frames)]
        middles = [(2 * index + 1) * n_frames / (2 * self.runs) for index in range(self.runs)]
        starts = [round(middle - self.frames / 2) for middle in middles]
        return [range(start, start + self.frames) for start in starts]


def measure_photos(
    scene: Scene, photos: Sequence[PosedPhoto], refiner: UsedRefiner | None, report: Report
) -> tuple[list[PhotoResult], dict[str, bytes]]:
    """Scores of each photo, and its pictures as JPEG files by name.

    Args:
        photos: that the scene was not fitted on.
        report: told ``"score held-out photos"``.
    """
    results: list[PhotoResult] = []
    pictures: dict[str, bytes] = {}
    for photo, found in zip(photos, compare(scene, photos), strict=True):
        truth, render, mask = found.truth, found.render, found.mask
        height, width = truth.shape[:2]
        result = PhotoResult(found.name, width, height, found.scores, sharpness=sharpness_ratio(render, truth, mask))
        shown = {"photo": _bytes(truth), "render": _bytes(render), "error": error_colors(found)}
        if refiner is not None:
            after = refiner.refine_photo(photo.camera)
            refined = Comparison(found.name, truth, after, mask, score(truth, after, mask))
            sharpness = sharpness_ratio(after, truth, mask)
            result = replace(result, refined=refined.scores, refined_sharpness=sharpness)
            shown |= {"refined": _bytes(after), "refined_error": error_colors(refined)}
        names = {kind: f"photo_{len(results):02}_{kind}.jpg" for kind in shown}
        pictures |= {names[kind]: jpeg(picture) for kind, picture in shown.items()}
        results.append(replace(result, pictures=names))
        report("score held-out photos", len(results) / len(photos), {"psnr": round(found.scores.psnr, 2)})
    return results, pictures


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    """A JPEG file of a picture [H, W, 3], reduced to 1200 pixels along its longer side."""
    from PIL import Image

    image, out = Image.fromarray(picture), BytesIO()
    image.thumbnail((PICTURE_LONG_SIDE, PICTURE_LONG_SIDE), Image.Resampling.LANCZOS)
    image.save(out, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return out.getvalue()


def _bytes(image: FloatImage) -> NDArray[np.uint8]:
    return np.rint(np.clip(image, 0, 1) * np.float32(255)).astype(np.uint8)


def measure_film(
    scene: Scene,
    shots: ShotList,
    fps: Fraction,
    size: tuple[int, int],
    sample: FilmSample,
    refiner: UsedRefiner | None,
    report: Report,
) -> tuple[list[GapResult], list[FrameResult]]:
    """The steadiness of runs of frames, drawn anew.

    Args:
        size: (width, height) of the film.
        report: told ``"measure steadiness"``.
    """
    cameras = shots.cameras(fps, *sample.size(*size))
    after_cut = cuts(shots, fps)
    runs = sample.choose(len(cameras))
    meter, frames = SteadinessMeter(), list[FrameResult]()
    for number, run in enumerate(runs):
        meter.cut()
        views = scene.views([cameras[index] for index in run], ("rgb", "depth_z"))
        refined = [None] * len(run) if refiner is None else refiner.refine_frames(cameras, run)
        for index, view, after in zip(run, views, refined, strict=True):
            if index in after_cut:
                meter.cut()
            versions = {RENDER: composite(view), **_versions(after)}
            pairs = meter.add(Seen(cameras[index], view.depth_z, view.alpha), versions)
            frames.append(_frame(index, cameras[index].time_s, number, pairs, after))
            report("measure steadiness", len(frames) / sum(map(len, runs)), {"frame": index})
    return [gap for gap in (_gap(meter, gap) for gap in meter.gaps) if gap is not None], frames


def cuts(shots: ShotList, fps: Fraction) -> set[int]:
    """The frames before which the film cuts to another place."""
    numbers = shots.shot_numbers(shots.times_s(fps))
    starts = np.flatnonzero(np.diff(numbers)) + 1
    return {int(frame) for frame in starts if not shots.shots[numbers[frame]].is_continued}


def _versions(after: FilmFrame | None) -> dict[str, FloatImage]:
    if after is None:
        return {}
    return {FILM: after.film} | ({} if after.per_frame is None else {PER_FRAME: after.per_frame})


def _frame(index: int, time_s: float, run: int, pairs: Sequence[PairErrors], after: FilmFrame | None) -> FrameResult:
    next_to = [pair.squared for pair in pairs if pair.gap == 1]
    squared = next_to[0] if next_to else {}
    rms = {name: float(np.sqrt(value)) for name, value in squared.items()}
    shares = () if after is None else (after.changed, after.generated, after.gain)
    return FrameResult(index, time_s, run, rms.get(RENDER), rms.get(FILM), *shares)


def _gap(meter: SteadinessMeter, gap: int) -> GapResult | None:
    errors = meter.errors(gap)
    if RENDER not in errors:
        return None
    before, film, alone = errors[RENDER], errors.get(FILM), errors.get(PER_FRAME)
    return GapResult(
        gap,
        float(np.sqrt(before)),
        None if film is None else float(np.sqrt(film)),
        None if film is None else warp_error_ratio(before, film),
        None if film is None or alone is None else excess_ratio(before, alone, film),
        meter.share(gap),
    )
