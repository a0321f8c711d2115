"""The stages of a film, each one function from files to files inside a work folder; the job publishes what they make.

Every stage reads what the one before it wrote, never what it still holds in memory: so a run that was interrupted and
one that was not see the same numbers.
"""

import math
import shutil
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cameras.formats.flythrough_json import read_path, write_path
from cameras.intrinsics import Intrinsics
from cameras.keyframe import focal_mm_from_fov_y_rad
from cameras.reporting import Report
from scenes.captures.capture import Capture
from scenes.captures.sfm_settings import PoseSettings
from scenes.scene import Scene
from scenes.splats.settings import FitSettings

from .film import FilmSettings, render_film
from .held_out import choose_held_out, score_held_out
from .job import Made
from .planning import PathChoice, sensor_height_mm
from .poster import write_contact_sheet, write_poster
from .refine_film import CHANGED_FILM, film_refined
from .refine_stage import Refinement
from .requests import FitRequest
from .sources import Source

if TYPE_CHECKING:
    from scenes.splats.scene import SplatScene

LONG_SIDE = 1600
NAMED_IN_WARNINGS = 4
WIDEST_MM, LONGEST_MM = 18.0, 50.0  # full-frame equivalents that suit a walk through a room
FULL_FRAME_DIAGONAL_MM = 43.27


@dataclass(frozen=True)
class FitChoice:
    """How a scene is fitted: the settings, the engine that computes, and what to say of it."""

    settings: FitSettings
    backend: str
    what: str
    megapixels: float

    def as_json(self) -> dict[str, object]:
        return {**self.settings.to_json(), "backend": self.backend}


def choose_fit(source: Source, asked: FitRequest) -> FitChoice:
    """Settings for what was found and what was asked.

    Raises:
        InstallationError: if the backend that was asked for is not on this machine, or the CPU engine does not work.
    """
    from scenes.splats.engine import require_fitting, resolve_backend

    require_fitting()
    width, height = working_size(source.width, source.height)
    settings = FitSettings.for_quality(asked.quality, source.n_images, width, height)
    budget = asked.max_gaussians or settings.max_gaussians
    if asked.iterations is not None:
        settings = FitSettings.for_iterations(asked.iterations)
    settings = replace(settings, max_gaussians=budget, refine_poses=asked.refine_poses)
    what = f"{settings.iterations:,} steps, at most {budget:,} Gaussians"
    megapixels = settings.photo_passes * width * height / 1e6
    return FitChoice(settings, resolve_backend(asked.backend), what, megapixels)


def working_size(width: int, height: int) -> tuple[int, int]:
    """The size at which photos are fitted: their own, or ``LONG_SIDE`` along the longer side."""
    shrink = min(1.0, LONG_SIDE / max(width, height))
    return round(width * shrink), round(height * shrink)


def make_capture(work: Path, source: Path, poses: PoseSettings, seed: int, report: Report) -> Made:
    """Finds the cameras of whatever ``source`` is and writes a capture folder."""
    from scenes.captures.folder import write_capture
    from scenes.captures.source import open_capture

    capture = open_capture(source, work / "poses", seed=seed, poses=poses, report=report)
    shutil.rmtree(work / "capture", ignore_errors=True)  # of a run that ended before it was published
    written = write_capture(capture, work / "capture", long_side=LONG_SIDE, report=report)
    return Made({"capture": work / "capture"}, capture_figures(written))


def read_capture(folder: Path) -> Capture:
    """The capture that ``make_capture`` wrote; nothing is written or found anew."""
    from scenes.captures.nerfstudio import read_nerfstudio

    return read_nerfstudio(folder)


def capture_figures(capture: Capture) -> dict[str, object]:
    """What is known of a capture, JSON-able."""
    lens = capture.images[0].camera.intrinsics
    return {
        "images": len(capture.images),
        "points": len(capture.points.positions_world),
        "width": lens.width,
        "height": lens.height,
        "focal_mm_full_frame": round(full_frame_mm(lens), 1),
        "up_known": capture.world.up_known,
        "metres_per_unit": capture.world.metres_per_unit,
        "provenance": dict(capture.provenance),
        "warnings": left_out_warnings(capture.provenance),
    }


def left_out_warnings(provenance: Mapping[str, object]) -> list[str]:
    """A sentence on photos that could not be read, and one on photos that could not be placed."""
    said: list[str] = []
    for key, what in (("skipped", "could not be used"), ("left_out", "could not be placed")):
        found = provenance.get(key)
        if isinstance(found, Mapping) and found:
            shown = "; ".join(f"{name}: {reason}" for name, reason in list(found.items())[:NAMED_IN_WARNINGS])
            more = (
                f"; and {len(found) - NAMED_IN_WARNINGS} more, in the report" if len(found) > NAMED_IN_WARNINGS else ""
            )
            said.append(f"{len(found)} of the photos {what} ({shown}{more}).")
    return said


def full_frame_mm(lens: Intrinsics) -> float:
    """The focal length of a full-frame camera with the same diagonal field of view."""
    return lens.fx * FULL_FRAME_DIAGONAL_MM / (lens.width**2 + lens.height**2) ** 0.5


def film_lens(capture: Capture, width: int, height: int) -> Intrinsics:
    """The lens of the film, with square pixels, within what suits a room.

    Between two lenses (their geometric mean): one as wide across the diagonal as the photos, and one whose picture lies
    inside a photo's. For photos of the film's own shape both are the same; an upright photo would leave the sides of a
    wide picture unseen with the first, and too little of the place with the second.
    """
    lenses = [image.camera.intrinsics for image in capture.images]
    diagonal = math.hypot(width, height)
    across = statistics.median(full_frame_mm(lens) for lens in lenses) * diagonal / FULL_FRAME_DIAGONAL_MM
    inside = statistics.median(max(lens.fx * width / lens.width, lens.fy * height / lens.height) for lens in lenses)
    mm = math.sqrt(across * inside) * FULL_FRAME_DIAGONAL_MM / diagonal
    focal = min(max(mm, WIDEST_MM), LONGEST_MM) * diagonal / FULL_FRAME_DIAGONAL_MM
    return Intrinsics(width, height, focal, focal, width / 2, height / 2)


def make_scene(work: Path, capture_folder: Path, choice: FitChoice, seed: int, report: Report) -> Made:
    """Fits a scene to all photos but a few, and scores it on those."""
    from scenes.splats.fit import fit
    from scenes.splats.scene import SplatScene
    from scenes.splats.warmup import FITTING, warmup

    capture = read_capture(capture_folder)
    if choice.backend != "reference":
        warmup(choice.backend, report, FITTING)
    hold_out = choose_held_out([image.name for image in capture.images if not image.is_generated])
    fitted = fit(
        capture,
        choice.settings,
        workdir=work / "fit",
        report=report,
        seed=seed,
        hold_out=hold_out,
        backend=choice.backend,
    )
    fitted.save(work / "scene.ply")
    scene = replace(SplatScene.load(work / "scene.ply"), backend=choice.backend)
    figures = {
        "photos": len(capture.images) - len(hold_out),
        "gaussians": len(scene.gaussians),
        "iterations": choice.settings.iterations,
        "photo_passes": round(choice.settings.photo_passes, 1),
        "held_out": score_held_out(scene, capture, hold_out, report),
    }
    return Made({"scene": work / "scene.ply"}, figures)


def open_fitted(scene_file: Path, backend: str) -> "SplatScene":
    """A scene that ``make_scene`` wrote, to be drawn with a backend."""
    from scenes.splats.scene import SplatScene

    return replace(SplatScene.load(scene_file), backend=backend)


def make_path(
    work: Path, capture_folder: Path, scene_file: Path, choice: PathChoice, backend: str, seed: int, report: Report
) -> Made:
    """Plans the tour, and writes it as a list of shots too, to edit and plan again."""
    from scenes.splats.scene import SplatScene
    from scenes.splats.warmup import FILMING, warmup

    from .planning import plan_capture
    from .shot_planning import write_as_shots

    warmup(backend, report, FILMING)
    report("plan", 0.0, {})
    capture = read_capture(capture_folder)
    scene = replace(SplatScene.load(scene_file), backend=backend)
    lens = film_lens(capture, choice.width, choice.height)
    planned = plan_capture(scene, capture, choice, lens, seed=seed, report=report)
    write_path(planned.shots, work / "path.json", planned.world)
    write_as_shots(planned, work / "shots.yaml", lens)
    report("plan", 1.0, {})
    fov_y_rad = planned.shots.shots[0].path.keyframes[0].fov_y_rad
    focal_mm = round(focal_mm_from_fov_y_rad(fov_y_rad, sensor_height_mm(choice.width, choice.height)), 1)
    figures = {**planned.figures, "focal_mm_full_frame": focal_mm, "warnings": list(planned.warnings)}
    return Made({"path": work / "path.json", "shots": work / "shots.yaml"}, figures)


def make_film(
    work: Path,
    scene_file: Path,
    path_file: Path,
    settings: FilmSettings,
    backend: str,
    report: Report,
    shot: str | None = None,
    refine: Callable[[Scene], Refinement | None] | None = None,
    keep_changed: bool = True,
) -> Made:
    """Renders the path, or one shot of it, through the scene, and makes the poster and the contact sheet.

    Args:
        refine: what the frames are refined with, if they are.
        keep_changed: publish the film of what was changed as well.
    """
    from scenes.formats.identify import open_scene
    from scenes.splats.scene import SplatScene
    from scenes.splats.warmup import FILMING, warmup

    scene = open_scene(scene_file)
    if isinstance(scene, SplatScene):
        warmup(backend, report, FILMING)
    path = read_path(path_file)
    output = work / f"film{settings.video.codec.suffix}"
    flown = path if shot is None else path.alone(shot)
    refinement = None if refine is None else refine(scene)
    if refinement is None:
        result = render_film(scene, flown, settings, work / "segments", output, report=report)
        refined: dict[str, object] = {}
        made: dict[str, Path] = {}
    else:
        result, refined = film_refined(flown, settings, refinement, work, output, report)
        made = {"changed": work / CHANGED_FILM} if keep_changed else {}
    poster, sheet = work / "poster.png", work / "contact_sheet.png"
    report("pictures", 0.0, {})
    poster_frame = write_poster(output, poster)
    write_contact_sheet(output, sheet, settings.fps)
    report("pictures", 1.0, {})
    figures = {
        "frames": result.n_frames,
        "seconds": float(result.duration_s),
        "bytes": result.size_bytes,
        "poster_frame": poster_frame,
        **refined,
    }
    return Made({"film": output, "poster": poster, "contact_sheet": sheet, **made}, figures)
