"""What a refiner is worth on photos that nothing was tuned on, and whether a film of it is steady.

Two controls stand beside it: ``warp``, which learns nothing, and a fit that was given the same work to go on fitting.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from cameras.reporting import Report, silent
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto, load_photos
from scenes.captures.stills import reduced_size
from scenes.scene import Scene
from scenes.splats.settings import FitSettings

from .frames import composite
from .quality import Scores
from .refine.base import RefineChoice
from .refine.distill import splat_refit
from .refine.frames import RefinedFrames, alone
from .refine.guard import WORSE_DB, calibrate
from .refine.photos import PhotoSet
from .refine.preparation import (
    LONG_SIDE,
    PreparationSettings,
    Prepared,
    prepare,
    settings_for,
    splat_fitter,
    taught_scene,
    trials,
)
from .refine.registry import make_refiner
from .refine.runs import runs_between
from .refine_scores import RefinedPhoto, refined_photos
from .steadiness import Seen, excess_ratio, sharpness_ratio, warp_error_ratio
from .steadiness_meter import SteadinessMeter

RUNS = 4


@dataclass(frozen=True)
class RefineEvaluation:
    """What ``flythrough evaluate --refine`` adds.

    Attributes:
        name: of the refiner.
        per_image: (name, scores before, scores after) of each held-out photo.
        sharpness: Laplacian energy of renders and of refined pictures against the photos', means.
        steadiness: of runs between the photos: see ``steadiness``.
        seconds_per_frame: of a film's frame of at most 640 pixels, warps and fusion included, drawing excluded.
        adapt_seconds: to prepare, honest pairs included.
        controls: mean scores of ``warp`` and of ``longer_fit``.
        preparation: figures of it.
    """

    name: str
    per_image: Sequence[tuple[str, Scores, Scores]]
    sharpness: tuple[float, float]
    steadiness: Mapping[str, float | None]
    seconds_per_frame: float
    adapt_seconds: float
    controls: Mapping[str, Scores] = field(default_factory=dict[str, Scores])
    preparation: Mapping[str, object] = field(default_factory=dict[str, object])

    def as_json(self) -> dict[str, object]:
        after = Scores.mean([each for _, _, each in self.per_image])
        worse = [before.psnr - after.psnr > WORSE_DB for _, before, after in self.per_image]
        steps = [after.psnr - before.psnr for _, before, after in self.per_image]
        return {
            "refiner": self.name,
            **{f"refined_{name}": value for name, value in asdict(after).items()},
            "share_frames_worse": float(np.mean(worse)),
            "worst_step_db": round(float(min(steps)), 3),
            "sharpness_ratio_render": round(self.sharpness[0], 4),
            "sharpness_ratio": round(self.sharpness[1], 4),
            **{key: None if value is None else round(value, 5) for key, value in self.steadiness.items()},
            "seconds_per_frame": round(self.seconds_per_frame, 3),
            "adapt_seconds": round(self.adapt_seconds, 1),
            "controls": {name: asdict(scores) for name, scores in self.controls.items()},
            "refined_per_image": [{"name": name, **asdict(each)} for name, _, each in self.per_image],
            "refine_preparation": dict(self.preparation),
        }


@dataclass(frozen=True, eq=False)
class Subject:
    """What is refined: a scene, and the photos that it was fitted on and that it was not.

    Attributes:
        photos: loaded at the size that is scored.
        settings: of the scene's fit.
    """

    capture: Capture
    scene: Scene
    settings: FitSettings
    photos: Sequence[PosedPhoto]
    train: tuple[str, ...]
    test: tuple[str, ...]

    def named(self, names: Sequence[str]) -> list[PosedPhoto]:
        chosen = set(names)
        return [photo for photo in self.photos if photo.name in chosen]


@dataclass(frozen=True, eq=False)
class RefineWish:
    """What is measured.

    Attributes:
        choice: the refiner.
        controls: measure ``warp`` and a longer fit as well.
        on_photo: is shown every held-out photo.
    """

    choice: RefineChoice
    controls: bool = True
    on_photo: Callable[[RefinedPhoto], None] | None = None


def evaluate_refiner(
    subject: Subject,
    wish: RefineWish,
    *,
    seed: int = 0,
    backend: str = "auto",
    workdir: Path | None = None,
    report: Report = silent,
) -> dict[str, object]:
    """Prepares a refiner on the training photos and scores it on the others; ``RefineEvaluation.as_json``.

    Raises:
        FlythroughError: if the refiner cannot be used.
    """
    choice, settings = wish.choice, settings_for(wish.choice)
    began = time.perf_counter()
    prepared, scene = _prepared(subject, choice, settings, seed, backend, workdir, report)
    adapt_seconds = time.perf_counter() - began
    references = PhotoSet.of(scene, subject.named(subject.train), report)
    frames = RefinedFrames(scene, references, prepared.refiner, prepared.gains, (), seed=seed, long_side=LONG_SIDE)
    per_image: list[tuple[str, Scores, Scores]] = []
    sharpness: list[tuple[float, float]] = []
    for photo in refined_photos(subject.scene, frames, subject.named(subject.test), report):
        per_image.append((photo.name, photo.before, photo.after))
        ratios = _sharpness(photo)
        sharpness += [] if ratios is None else [ratios]
        if wish.on_photo is not None:
            wish.on_photo(photo)
    steady, seconds = film_steadiness(subject, scene, prepared, seed, report)
    found: dict[str, Scores] = {}
    if wish.controls:
        found = {
            "warp": _warp_scores(subject, prepared, seed),
            "longer_fit": _longer_fit(subject, settings, seed, backend, workdir, report),
        }
    measured = RefineEvaluation(
        prepared.refiner.name,
        per_image,
        _mean_pair(sharpness),
        steady,
        seconds,
        adapt_seconds,
        found,
        prepared.figures,
    )
    return measured.as_json()


def _prepared(
    subject: Subject,
    choice: RefineChoice,
    settings: PreparationSettings,
    seed: int,
    backend: str,
    workdir: Path | None,
    report: Report,
) -> tuple[Prepared, Scene]:
    """The refiner, and the scene that it refines."""
    chosen = set(subject.train)
    photos = [
        photo
        for photo in load_photos(subject.capture, long_side=settings.long_side, report=report)
        if photo.name in chosen
    ]
    refit = splat_refit(seed, backend)
    prepared = prepare(
        make_refiner(choice),
        subject.capture,
        photos,
        settings,
        splat_fitter(settings, seed, backend),
        refit,
        invent=choice.invent,
        seed=seed,
        workdir=workdir,
        report=report,
    )
    place, full = None if workdir is None else workdir / "distill", subject.named(subject.train)
    scene = taught_scene(prepared, subject.scene, subject.capture, full, photos, refit, seed, place, report)
    return prepared, scene


def _sharpness(photo: RefinedPhoto) -> tuple[float, float] | None:
    """Of the render and of the refined render, against the photo; None where there is nothing to measure."""
    before, after = (sharpness_ratio(picture, photo.truth, photo.valid) for picture in (photo.render, photo.refined))
    return None if before is None or after is None else (before, after)


def _mean_pair(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return (1.0, 1.0) if not pairs else (float(np.mean([a for a, _ in pairs])), float(np.mean([b for _, b in pairs])))


def film_steadiness(
    subject: Subject, scene: Scene, prepared: Prepared, seed: int, report: Report = silent
) -> tuple[dict[str, float | None], float]:
    """How steady runs of frames between the photos are, and seconds of refining a frame.

    Args:
        scene: that is refined; its films are held against those of the subject's.
    """
    photos = [_reduced(photo) for photo in subject.named(subject.train)]
    references = PhotoSet.of(scene, photos, report)
    depths = [float(np.median(photo.depth_z[photo.depth_z > 0])) for photo in references.photos]
    meter = SteadinessMeter()
    seconds, count = 0.0, 0
    for run in runs_between([photo.camera for photo in photos], depths, RUNS):
        meter.cut()
        frames = RefinedFrames(scene, references, prepared.refiner, prepared.gains, run, seed=seed)
        began = time.perf_counter()
        views = list(scene.views(run, ("rgb", "depth_z")))
        drawn = time.perf_counter()
        film = list(frames.run(range(len(run))))
        seconds += time.perf_counter() - drawn - (drawn - began)
        count += len(run)
        before = subject.scene.views(run, ("rgb", "depth_z"))
        for index, (view, old, camera, frame) in enumerate(zip(views, before, run, film, strict=True)):
            render, by_itself = composite(old), alone(frames, view, camera, index)
            meter.add(Seen(camera, view.depth_z, view.alpha), {"render": render, "alone": by_itself, "film": frame.rgb})
        report("measure steadiness", count / (RUNS * len(run)), {})
    return _ratios(meter), max(0.0, seconds) / max(1, count)


def _ratios(meter: SteadinessMeter) -> dict[str, float | None]:
    """The headline figures at a gap of one frame, and the same at ten."""
    found: dict[str, float | None] = {"warp_error_ratio": None, "warp_excess_ratio": None}
    for gap, ending in zip(meter.gaps, ("", "_10"), strict=True):
        errors = meter.errors(gap)
        if not errors:
            continue
        found[f"warp_error_ratio{ending}"] = warp_error_ratio(errors["render"], errors["film"])
        found[f"warp_excess_ratio{ending}"] = excess_ratio(errors["render"], errors["alone"], errors["film"])
        found[f"warp_error_rms{ending}"] = float(np.sqrt(errors["render"]))
        found[f"warp_error_rms_refined{ending}"] = float(np.sqrt(errors["film"]))
        found[f"warp_error_rms_per_frame{ending}"] = float(np.sqrt(errors["alone"]))
    return found


def _reduced(photo: PosedPhoto) -> PosedPhoto:
    from PIL import Image

    width, height = reduced_size(photo.camera.width, photo.camera.height, LONG_SIDE)
    if (width, height) == (photo.camera.width, photo.camera.height):
        return photo
    rgb = np.asarray(Image.fromarray(photo.rgb).resize((width, height), Image.Resampling.BOX))
    valid = photo.valid
    if valid is not None:
        valid = np.asarray(Image.fromarray(valid).resize((width, height), Image.Resampling.NEAREST))
    return replace(photo, camera=photo.camera.resized(width, height), rgb=rgb, valid=valid, alpha=None, depth_z=None)


def _warp_scores(subject: Subject, prepared: Prepared, seed: int) -> Scores:
    """The control that learns nothing and teaches nothing, behind a guard of its own on the same photos."""
    refiner = make_refiner(RefineChoice("warp"))
    references = PhotoSet.of(subject.scene, subject.named(subject.train))
    gains = calibrate(trials(refiner, prepared.untaught, seed), seed=seed)
    frames = RefinedFrames(subject.scene, references, refiner, gains, (), seed=seed, long_side=LONG_SIDE)
    return Scores.mean([photo.after for photo in refined_photos(subject.scene, frames, subject.named(subject.test))])


def _longer_fit(
    subject: Subject, settings: PreparationSettings, seed: int, backend: str, workdir: Path | None, report: Report
) -> Scores:
    """The control that spends the preparation's work on fitting: a longer schedule from the start."""
    from scenes.splats.fit import fit

    from .evaluation import compare

    photo = subject.photos[0].camera
    small = reduced_size(photo.width, photo.height, settings.long_side)
    more = settings.megapixels(*small, len(subject.train)) / (photo.width * photo.height / 1e6)
    longer = FitSettings.for_photo_passes(subject.settings.photo_passes + more)
    longer = replace(subject.settings, resolutions=longer.resolutions)
    scene = fit(
        subject.capture,
        longer,
        photos=subject.photos,
        hold_out=subject.test,
        seed=seed,
        workdir=None if workdir is None else workdir / "longer_fit",
        backend=backend,
        report=report,
    )
    scene = replace(scene, backend=backend)
    return Scores.mean([each.scores for each in compare(scene, subject.named(subject.test))])
