"""The refiner of a finished job, as a quality report wants it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cameras.camera import Camera
from cameras.reporting import Report
from scenes.captures.capture import Capture
from scenes.scene import FloatImage, Scene

from .fingerprint import content_digest
from .quality_results import RefinerNote
from .refine.frames import RefinedFrames, alone
from .refine_stage import Refinement, load_refinement
from .report_job import FinishedJob
from .report_measures import FilmFrame, UsedRefiner


def refiner_of(job: FinishedJob, scene: Scene, capture: Capture, report: Report) -> UsedRefiner | None:
    """The refiner that a job's film was made with; None if it was not refined, or the refiner is gone.

    Raises:
        InputError: if the refiner is damaged.
    """
    folder = job.folder / "refiner"
    if not job.is_refined or not folder.is_dir():
        return None
    refinement = load_refinement(folder, capture, scene, content_digest(folder), report)
    if refinement is None:
        return None
    note = _note(job, refinement)

    def photo(camera: Camera) -> FloatImage:
        return alone(refinement.frames(()), refinement.scene.view(camera, ("rgb", "depth_z")), camera)

    def frames(cameras: Sequence[Camera], run: range) -> Iterator[FilmFrame]:
        film = refinement.frames(cameras)
        for number, frame in zip(run, film.run(run), strict=True):
            view = refinement.scene.view(cameras[number], ("rgb", "depth_z"))
            by_itself = alone(film, view, cameras[number], number)
            changed, generated = (float(np.mean(mask)) for mask in (frame.changed, frame.generated))
            yield FilmFrame(frame.rgb, by_itself, changed, generated, mean_gain(film))

    return UsedRefiner(replace(note, seconds_per_frame=_seconds(refinement)), photo, frames)


def mean_gain(frames: RefinedFrames) -> float:
    """Of the surfaces that photos saw, over both bands."""
    return float(np.mean(frames.gains.kept[1:]))


def _note(job: FinishedJob, refinement: Refinement) -> RefinerNote:
    figures = job.stage("refine").figures
    refiner = refinement.refiner
    return RefinerNote(
        refiner.name,
        refiner.licence.name,
        refiner.licence.commercial,
        dict(refiner.provenance),
        refinement.gains.as_json() | _mapping(figures.get("gains")),
        adapt_seconds=job.stage("refine").seconds,
    )


def _mapping(value: object) -> dict[str, object]:
    return {str(key): each for key, each in value.items()} if isinstance(value, dict) else {}


def _seconds(refinement: Refinement) -> float:
    """Time to refine one frame by itself, drawing excluded."""
    camera = refinement.photos.photos[0].camera
    frames = refinement.frames((camera,))
    view = refinement.scene.view(camera, ("rgb", "depth_z"))
    alone(frames, view, camera)
    began = time.perf_counter()
    alone(frames, view, camera)
    return round(time.perf_counter() - began, 3)
