"""``flythrough report``: from a finished job folder to a page about its quality."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from cameras.errors import InputError
from cameras.formats.flythrough_json import read_path
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto, load_photo
from scenes.formats.identify import open_scene
from scenes.scene import Scene
from scenes.splats.scene import SplatScene

from . import requests
from .joblock import JobLock
from .manifest import write_json
from .progress import Progress
from .quality_page import check_page_place, write_page
from .quality_report import QualityReport
from .report_job import FinishedJob, facts_of
from .report_measures import FilmSample, UsedRefiner, measure_film, measure_photos
from .report_refiner import refiner_of

UNMEASURED = (
    "Not measured",
    "The frames of the film were refined; the figures and pictures here are of the renders before that.",
)
RefinerMaker = Callable[[Scene, Capture, tuple[str, ...]], UsedRefiner]
"""Makes the refiner of a job ready from its scene, its capture and the names of the photos that it may not see."""


@dataclass(frozen=True)
class ReportRequest:
    """What the user asked ``report`` for, as typed."""

    job: Path
    output: Path | None = None
    backend: str = "auto"

    @property
    def page(self) -> Path:
        """``tour.flythrough`` has ``tour.report.html`` beside it unless a name is given."""
        return self.job.absolute().with_suffix(".report.html") if self.output is None else self.output

    def check(self) -> None:
        """Raises SettingsError if the page cannot be written where it should be."""
        requests.check_suffix(self.page, ".html")
        requests.check_output_place(self.page)
        check_page_place(self.page)


def run_report(
    asked: ReportRequest,
    progress: Progress,
    *,
    sample: FilmSample | None = None,
    make_refiner: RefinerMaker | None = None,
) -> QualityReport:
    """Measures, and writes the page, and ``quality.json`` into the job folder.

    Args:
        sample: of the film.
        make_refiner: instead of the job's own.

    Raises:
        FlythroughError: one sentence on what is wrong.
    """
    from scenes.splats.engine import resolve_backend
    from scenes.splats.warmup import FILMING, warmup

    job = FinishedJob.open(asked.job)
    asked.check()
    lock = JobLock(job.folder)
    lock.acquire()
    try:
        shots = read_path(job.made("plan", "path"))
        scene = open_scene(job.made("fit", "scene"))
        if isinstance(scene, SplatScene):
            scene = replace(scene, backend=resolve_backend(asked.backend))
            warmup(scene.backend, progress, FILMING)
        capture, photos, why_none = find_photos(job)
        refiner = None
        if capture is not None and make_refiner is not None:
            refiner = make_refiner(scene, capture, job.held_out())
        elif capture is not None:
            refiner = refiner_of(job, scene, capture, progress)
        results, pictures = measure_photos(scene, photos, refiner, progress)
        film, sample = job.report["film"], sample or FilmSample()
        fps, size = Fraction(film["fps"]), (int(film["width"]), int(film["height"]))
        gaps, frames = measure_film(scene, shots, fps, size, sample, refiner, progress)
        found = QualityReport(
            title=Path(film["file"]).stem,
            label=job.report["label"],
            facts=facts_of(job) | ({UNMEASURED[0]: UNMEASURED[1]} if job.is_refined and refiner is None else {}),
            photos=tuple(results),
            no_photos_because=why_none,
            gaps=tuple(gaps),
            frames=tuple(frames),
            film_note=film_note(len(frames), len({frame.run for frame in frames}), sample.size(*size), film),
            refiner=None if refiner is None else refiner.note,
        )
        write_json(job.folder / "quality.json", found.to_json())
        write_page(found, pictures, asked.page)
    finally:
        lock.release()
    return found


def find_photos(job: FinishedJob) -> tuple[Capture | None, list[PosedPhoto], str | None]:
    """The capture if it is still there, the held-out photos, and why there are none."""
    names = set(job.held_out())
    try:
        capture = job.capture()
        photos = [load_photo(image) for image in capture.images if image.name in names]
    except InputError as error:
        return None, [], f"The photos cannot be read any more: {error}"
    if photos:
        return capture, photos, None
    if names:
        return capture, [], "The photos that were held out are no longer in the capture."
    return (
        capture,
        [],
        "No photo was held out: there were too few to spare one. How near the scene comes to a photo that it was not "
        "made from is therefore not known.",
    )


def film_note(n_frames: int, n_runs: int, size: tuple[int, int], film: Mapping[str, Any]) -> str:
    """How the film was measured."""
    runs = "one run" if n_runs == 1 else f"{n_runs} runs, evenly spread over the film"
    return (
        f"Measured on {n_frames} of {film['frames']} frames in {runs}, drawn anew at {size[0]}x{size[1]} before any "
        "encoding."
    )
