"""The stages of a tour run alone, each in a job folder beside its output, so that it can be interrupted and go on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cameras.errors import SettingsError
from scenes.captures.sfm_settings import PoseSettings
from scenes.scene import Scene

from . import requests
from .cli import Session
from .estimates import film_seconds, fit_seconds
from .fingerprint import content_digest
from .job import Job, Made, Stage
from .pipeline import Pipeline, Wanted, film_settings_json
from .progress import Plan, PlannedStage, Progress
from .refine_stage import NOTE_FILE, Refinement, load_refinement
from .requests import FitRequest
from .sources import inspect_source
from .stages import choose_fit, make_film, read_capture
from .tour import capture_row, check_film, check_places


@dataclass(frozen=True)
class Places:
    """Where one of the stages reads, writes and works."""

    source: Path
    output: Path
    job: Path | None

    def check(self, *, is_folder: bool = False, suffix: str | None = None) -> Path:
        """The job folder, if the places are good.

        Raises:
            FlythroughError: if not.
        """
        if suffix is not None:
            requests.check_suffix(self.output, suffix)
        requests.check_output_place(self.output, is_folder=is_folder)
        folder = requests.job_folder(self.output, self.job)
        check_places(self.source, self.output, folder)
        return folder


def run_capture(places: Places, quality: str, seed: int, progress: Progress, session: Session) -> None:
    """Finds the cameras of photos and writes a capture folder."""
    folder = places.check(is_folder=True)
    requests.check_seed(seed)
    wanted = Wanted(inspect_source(places.source), {"capture": places.output}, seed, PoseSettings.for_quality(quality))
    _run(wanted, places, folder, progress, session)


def run_fit(places: Places, asked: FitRequest, progress: Progress, session: Session) -> None:
    """Fits a scene to a capture, or to whatever a capture can be made of."""
    folder = places.check(suffix=".ply")
    asked.check()
    source = inspect_source(places.source)
    poses = PoseSettings.for_quality(asked.quality)
    wanted = Wanted(source, {"scene": places.output}, asked.seed, poses, fit=choose_fit(source, asked))
    _run(wanted, places, folder, progress, session)


def _run(wanted: Wanted, places: Places, folder: Path, progress: Progress, session: Session) -> None:
    with Job(folder, str(places.source)) as job:
        session.log_folder = job.folder
        pipeline = Pipeline(wanted, job, progress)
        n_done = pipeline.n_done()
        rows = {
            "capture": capture_row(wanted.source, wanted.poses),
        }
        if wanted.fit is not None:
            rows["fit"] = (wanted.fit.what, fit_seconds(wanted.fit.megapixels))
        planned = tuple(
            PlannedStage(name, rows[name][0], 0.0 if index < n_done else rows[name][1], index < n_done)
            for index, name in enumerate(pipeline.names())
        )
        progress.plan(Plan(wanted.source.text, planned, {"output": str(places.output), "job": str(folder)}))
        records = [pipeline.run(name) for name in pipeline.names()]
        progress.done({"output": str(places.output), **records[-1].figures}, [f"Written: {places.output}"])


@dataclass(frozen=True)
class RenderRequest:
    """What the user asked ``render`` for, as typed."""

    path_file: Path
    shot: str | None = None
    size: str = "1280x720"
    fps: str = "30"
    codec: str | None = None
    backend: str = "auto"
    refine: str = "auto"

    def refiner_of(self, source: Path) -> Path | None:
        """The refiner that a job made ready for its scene, if frames are to be refined with it.

        Raises:
            SettingsError: if refining is asked for and there is none.
        """
        folder = source / "refiner"
        if self.refine == "off":
            return None
        if (folder / NOTE_FILE).is_file() and (source / "capture").is_dir():
            return folder
        if self.refine == "on":
            raise SettingsError(
                f"--refine on needs a job whose tour prepared a refiner, but {source} holds none; make one with "
                "flythrough tour --refine embedded."
            )
        return None


def run_render(places: Places, asked: RenderRequest, progress: Progress, session: Session) -> None:
    """Renders the scene of a job, a splat file or a mesh along a path file, or along one of its shots, into a film."""
    from cameras.formats.flythrough_json import read_path
    from scenes.formats.identify import identify_scene
    from scenes.splats.engine import resolve_backend

    film = check_film(places.output, asked.size, asked.fps, asked.codec)
    path_file = asked.path_file
    requests.check_exists(path_file)
    folder = places.check(is_folder=film.codec == "png")
    path = read_path(path_file)
    if asked.shot is not None:
        path = path.alone(asked.shot)
    scene_file = places.source / "scene.ply" if identify_scene(places.source) == "job" else places.source
    requests.check_exists(scene_file)
    chosen = resolve_backend(asked.backend)
    n_frames = len(path.cameras(film.fps, film.width, film.height))
    requests.check_disk(folder, film.width, film.height, n_frames, film.codec)
    refiner = asked.refiner_of(places.source)
    how = "not refined" if refiner is None else "its frames refined by a model under a guard"
    label = f"Made by flythrough: a scene file rendered along a path, {how}."
    labelled = replace(film, metadata={"title": places.output.stem, "comment": label})
    inputs = {"scene": content_digest(scene_file), "path": content_digest(path_file)}
    inputs |= {} if refiner is None else {"refiner": content_digest(refiner)}
    outputs = {"film": places.output.absolute()}
    outputs |= {"poster": folder / "poster.png", "contact_sheet": folder / "contact_sheet.png"}
    stage = Stage("film", {**film_settings_json(film, chosen), "shot": asked.shot}, inputs, 0, outputs)
    with Job(folder, str(places.source)) as job:
        session.log_folder = job.folder
        was_done = job.is_done(stage)
        seconds = 0.0 if was_done else film_seconds(n_frames, film.width, film.height)
        what = f"render {n_frames} frames of {film.width}x{film.height} as {film.codec}"
        facts = {"output": str(places.output), "job": str(folder)}
        progress.plan(
            Plan(
                f"a scene and a path of {path.duration_s:g} s", (PlannedStage("film", what, seconds, was_done),), facts
            )
        )

        def make(work: Path) -> Made:
            refine = None if refiner is None else _refinement(places.source, inputs["refiner"], progress)
            return make_film(work, scene_file, path_file, labelled, chosen, progress, asked.shot, refine, False)

        with progress.stage("film", was_done):
            record = job.run(stage, make)
        progress.done({"output": str(places.output), **record.figures}, [f"Film: {places.output}"])


def _refinement(job: Path, digest: str, progress: Progress) -> Callable[[Scene], Refinement | None]:
    """What a job refines its film with."""
    return lambda scene: load_refinement(job / "refiner", read_capture(job / "capture"), scene, digest, progress)
