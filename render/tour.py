"""One command from photos to film: checks what is cheap to check, says the plan, then runs the stages of the job."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from cameras.tour import TourWish
from scenes.captures.sfm_settings import PoseSettings
from scenes.captures.stills import reduced_size

from . import requests
from .cli import Session
from .estimates import capture_seconds, film_seconds, fit_seconds, plan_seconds, refining_seconds
from .film import FilmSettings, check_output
from .job import Job, check_job_folder, check_replaceable
from .pipeline import STAGES, Pipeline, Wanted, check_force
from .planning import PathChoice
from .progress import Plan, PlannedStage, Progress
from .refine.choice import check_choice, licence_text, resolved
from .refine_stage import RefinePlan
from .requests import TourRequest
from .sources import Source, inspect_source
from .stages import FitChoice, choose_fit
from .tour_report import report_beside, result_text, write_report


@dataclass(frozen=True)
class CheckedTour:
    """A request that nothing cheap speaks against."""

    request: TourRequest
    source: Source
    fit: FitChoice
    path: PathChoice
    film: FilmSettings
    folder: Path
    refine: RefinePlan | None = None
    refiner_text: str = ""

    @property
    def wanted(self) -> Wanted:
        places = {"film": self.request.output}
        asked = self.request.fit
        poses = PoseSettings.for_quality(asked.quality)
        return Wanted(self.source, places, asked.seed, poses, self.fit, self.path, self.film, self.refine)

    @property
    def n_frames(self) -> int:
        return round(self.request.seconds * self.film.fps)


def check_tour(request: TourRequest) -> CheckedTour:
    """Finds everything that can be known to be wrong before the long work begins.

    Raises:
        FlythroughError: one sentence on the first thing that is wrong.
    """
    film = check_film(request.output, request.size, request.fps, request.codec)
    requests.check_seconds(request.seconds, film.fps)
    request.fit.check()
    check_choice(request.refine)
    check_force(request.force)
    folder = requests.job_folder(request.output, request.job)
    check_places(request.source, request.output, folder)
    n_frames = round(request.seconds * film.fps)
    requests.check_disk(folder, film.width, film.height, n_frames, film.codec)
    source = inspect_source(request.source)
    fit = choose_fit(source, request.fit)
    refine = RefinePlan.of(resolved(request.refine, request.fit.quality), request.fit.quality)
    text = "" if refine is None else licence_text(refine.choice)
    return CheckedTour(request, source, fit, path_choice(request, film), film, folder, refine, text)


def path_choice(request: TourRequest, film: FilmSettings) -> PathChoice:
    """What is asked of the path."""
    wish = TourWish(seconds=request.seconds)
    return PathChoice(film.width, film.height, wish)


def check_film(output: Path, size: str, fps: str, codec: str | None) -> FilmSettings:
    """The film's settings, if its name, place, size, rate and codec go together.

    Raises:
        SettingsError, InputError, InstallationError: if not.
    """
    chosen = requests.choose_codec(output, codec)
    width, height = requests.parse_size(size)
    film = FilmSettings(width, height, requests.parse_fps(fps), chosen)  # pyright: ignore[reportArgumentType]
    requests.check_output_place(output, is_folder=chosen == "png")
    check_output(output, film)
    return film


def check_places(source: Path, output: Path, folder: Path) -> None:
    """Raises unless input, output and job folder keep out of each other's way."""
    requests.check_exists(source)
    check_job_folder(folder)
    requests.check_outside(output, source)
    requests.check_outside(folder, source)
    check_replaceable(folder, output.absolute())


def make_tour(request: TourRequest, progress: Progress, session: Session) -> dict[str, object]:
    """Makes the film that is asked for, or goes on making it, and returns its report.

    Raises:
        FlythroughError: if the request, the input or the machine will not do.
    """
    tour = check_tour(request)
    beside = report_beside(request.output).absolute()
    with Job(tour.folder, str(request.source)) as job:
        session.log_folder = job.folder
        job.claim(beside)
        if job.earlier_source not in ("", job.source):
            progress.warning(f"{job.folder} was last used for {job.earlier_source}: what differs is made again.")
        if request.force is not None:
            job.forget(STAGES[STAGES.index(request.force) :])
        pipeline = Pipeline(tour.wanted, job, progress, ignore=[beside])
        progress.plan(plan_of(tour, pipeline.n_done()))
        for name in pipeline.names():
            pipeline.run(name)
        with progress.stage("report"):
            report = write_report(job, tour.source, tour.film, request)
            shutil.copyfile(job.folder / "report.json", beside)
        places = {name: str(path) for name, path in pipeline.places.items()}
        done = {**places, "report": str(beside), "job": str(job.folder), "figures": report}
        progress.done(done, result_text(report, job.folder, request.output))
        return report


def plan_of(tour: CheckedTour, n_done: int) -> Plan:
    """What is going to happen."""
    request, film, source = tour.request, tour.film, tour.source
    rows = [
        ("capture", *capture_row(source, tour.wanted.poses)),
        ("fit", tour.fit.what, fit_seconds(tour.fit.megapixels)),
        ("plan", f"plan a tour of {request.seconds:g} s", plan_seconds()),
        *refine_rows(tour),
        (
            "film",
            f"render {tour.n_frames} frames of {film.width}x{film.height} as {film.codec}",
            film_seconds(tour.n_frames, film.width, film.height) + refined_film_seconds(tour),
        ),
        ("report", "write down every figure", 0.0),
    ]
    planned = tuple(
        PlannedStage(name, what, 0.0 if index < n_done else seconds, index < n_done)
        for index, (name, what, seconds) in enumerate(rows)
    )
    facts = {} if tour.refine is None else {"refiner": tour.refiner_text}
    facts |= {
        "settings": f"quality {request.fit.quality}, seed {request.fit.seed}, {tour.fit.backend} engine",
        "output": str(request.output),
        "job": str(tour.folder),
    }
    return Plan(source.text, planned, facts)


def refine_rows(tour: CheckedTour) -> list[tuple[str, str, float]]:
    """The stage that prepares the refiner, if there is one."""
    plan = tour.refine
    if plan is None:
        return []
    settings = plan.settings
    small = reduced_size(tour.source.width, tour.source.height, settings.long_side)
    what = f"prepare the refiner {plan.choice.name}: {settings.folds} quick fits"
    what += f", {steps} steps of learning" if (steps := settings.steps_for(tour.source.n_images)) else ""
    what += "" if settings.distill is None else ", and the splats taught if that helps"
    return [("refine", what, fit_seconds(settings.megapixels(*small, tour.source.n_images)))]


def refined_film_seconds(tour: CheckedTour) -> float:
    """Time that refining adds to the film."""
    if tour.refine is None:
        return 0.0
    width, height = reduced_size(tour.film.width, tour.film.height, tour.refine.long_side)
    return refining_seconds(tour.n_frames, width, height)


def capture_row(source: Source, poses: PoseSettings) -> tuple[str, float]:
    """What the capture stage will do, and how long it takes."""
    if source.is_capture:
        return "read the capture where it is", 0.0
    what = "read the posed images" if source.is_posed else f"find the cameras of {source.n_images} photos"
    return what, capture_seconds(source.n_images, source.is_posed, source.is_sequence, poses)
