"""The refiner in a job: one stage makes it ready for the scene, the film's stage draws with it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.reporting import Report
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto, load_photos
from scenes.scene import Scene
from scenes.splats.scene import SplatScene

from .held_out import choose_held_out
from .job import Made
from .manifest import write_json
from .quality import Scores
from .refine.base import LearningRefiner, RefineChoice, Refiner
from .refine.distill import splat_refit
from .refine.frames import RefinedFrames
from .refine.guard import WORSE_DB, Gains
from .refine.photos import PhotoSet
from .refine.preparation import (
    LONG_SIDE,
    PreparationSettings,
    Prepared,
    prepare,
    settings_for,
    splat_fitter,
    taught_scene,
)
from .refine.registry import make_refiner
from .refine_scores import refined_photos

NOTE_FILE = "refiner.json"
TAUGHT_FILE = "scene.ply"
FULL_SIZE_QUALITY = "high"


@dataclass(frozen=True)
class RefinePlan:
    """What the job does to refine, JSON-able: it decides the film's bytes.

    Attributes:
        choice: definite, never ``auto``.
        long_side: frames are refined at this size; None is the film's own.
    """

    choice: RefineChoice
    long_side: int | None = LONG_SIDE

    @classmethod
    def of(cls, choice: RefineChoice, quality: str) -> "RefinePlan | None":
        """The plan of a resolved choice; None if nothing is refined."""
        if choice.name == "off":
            return None
        return cls(choice, None if quality == FULL_SIZE_QUALITY else LONG_SIDE)

    @property
    def settings(self) -> PreparationSettings:
        return settings_for(self.choice)

    def as_json(self) -> dict[str, object]:
        return {"choice": asdict(self.choice), "long_side": self.long_side, "preparation": self.settings.as_json()}


def make_prepared(
    work: Path,
    capture: Capture,
    scene: Scene,
    plan: RefinePlan,
    backend: str,
    seed: int,
    report: Report,
) -> Made:
    """Prepares the refiner on the photos that the scene was fitted on, and scores it on those that it was not."""
    hold_out = choose_held_out([image.name for image in capture.images if not image.is_generated])
    photos = load_photos(capture, long_side=plan.settings.long_side, report=report)
    fitted = [photo for photo in photos if photo.name not in hold_out]
    refit = splat_refit(seed, backend)
    prepared = prepare(
        make_refiner(plan.choice),
        capture,
        fitted,
        plan.settings,
        splat_fitter(plan.settings, seed, backend),
        refit,
        invent=plan.choice.invent,
        seed=seed,
        workdir=work / "prepare",
        report=report,
    )
    folder = work / "refiner"
    folder.mkdir(exist_ok=True)
    if "learns" in prepared.refiner.capabilities:
        cast(LearningRefiner, prepared.refiner).keep(folder)
    shown = scene
    if prepared.distill is not None:
        full = [photo for photo in load_photos(capture, report=report) if photo.name not in hold_out]
        place = work / "prepare" / "distill"
        shown = taught_scene(prepared, scene, capture, full, fitted, refit, seed, place, report)
    if isinstance(shown, SplatScene) and shown is not scene:
        shown.save(folder / TAUGHT_FILE)
    gains = {"kept": prepared.gains.kept, "reason": prepared.gains.reason}
    note = {"gains": gains, "choice": asdict(plan.choice), "long_side": plan.long_side, "seed": seed}
    write_json(folder / NOTE_FILE, {**note, "taught": shown is not scene})
    unseen = [photo for photo in photos if photo.name in hold_out]
    frames = RefinedFrames(shown, PhotoSet.of(shown, fitted, report), prepared.refiner, prepared.gains, (), seed=seed)
    figures = {
        "refiner": prepared.refiner.name,
        "licence": asdict(prepared.refiner.licence),
        "provenance": dict(prepared.refiner.provenance),
        "used": prepared.is_used,
        **prepared.figures,
        "held_out": held_out_figures(scene, frames, unseen, report),
        "warnings": warnings_of(prepared, plan.choice.name),
    }
    return Made({"refiner": folder}, figures)


def warnings_of(prepared: Prepared, name: str) -> list[str]:
    """What has to be said aloud: that the film is not refined after all."""
    if prepared.is_used:
        return []
    reason = prepared.gains.reason
    return [f"The frames stay as they were rendered: the refiner {name} was not used, because {reason}."]


def held_out_figures(
    scene: Scene, frames: RefinedFrames, photos: Sequence[PosedPhoto], report: Report
) -> dict[str, object]:
    """Mean scores of held-out photos in the scene and refined, at the size that is refined."""
    if not photos:
        return {"photos": [], "reason": "too few photos to hold one out"}
    scored = [(each.before, each.after) for each in refined_photos(scene, frames, photos, report)]
    before, after = zip(*scored, strict=True)
    steps = [b.psnr - a.psnr for a, b in zip(before, after, strict=True)]
    return {
        "photos": [photo.name for photo in photos],
        "before": asdict(Scores.mean(before)),
        "after": asdict(Scores.mean(after)),
        "share_worse": float(np.mean([step < -WORSE_DB for step in steps])),
        "worst_step_db": round(min(steps), 3),
    }


@dataclass(frozen=True, eq=False)
class Refinement:
    """A refiner that a stage made ready, for the film.

    Attributes:
        scene: that is refined: the film's own, or the same taught by the refiner.
        photos: those that the scene was fitted on.
        digest: of everything that decides what it does.
    """

    scene: Scene
    refiner: Refiner
    gains: Gains
    photos: PhotoSet
    plan: RefinePlan
    seed: int
    digest: str

    def frames(self, cameras: Sequence[Camera]) -> RefinedFrames:
        return RefinedFrames(
            self.scene,
            self.photos,
            self.refiner,
            self.gains,
            cameras,
            seed=self.seed,
            long_side=self.plan.long_side,
        )


def load_refinement(folder: Path, capture: Capture, scene: Scene, digest: str, report: Report) -> Refinement | None:
    """What ``make_prepared`` wrote; None if its guard keeps nothing and the scene was not taught.

    Args:
        digest: of the folder's content.

    Raises:
        InputError: if the folder holds something else.
    """
    try:
        note: Any = json.loads((folder / NOTE_FILE).read_text(encoding="utf-8"))
        gains = Gains(tuple((float(low), float(high)) for low, high in note["gains"]["kept"]), note["gains"]["reason"])
        plan, seed = RefinePlan(RefineChoice(**note["choice"]), note["long_side"]), int(note["seed"])
        taught = bool(note["taught"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"a prepared refiner was expected in {folder}, but {NOTE_FILE} cannot be read; make it again with "
            "--force refine."
        ) from error
    if gains.is_identity and not taught:
        return None
    refiner = make_refiner(plan.choice)
    if "learns" in refiner.capabilities:
        cast(LearningRefiner, refiner).recall(folder)
    shown = scene
    if taught:
        loaded = SplatScene.load(folder / TAUGHT_FILE)
        shown = replace(loaded, backend=scene.backend) if isinstance(scene, SplatScene) else loaded
    hold_out = choose_held_out([image.name for image in capture.images if not image.is_generated])
    fitted = replace(capture, images=tuple(image for image in capture.images if image.name not in hold_out))
    photos = PhotoSet.of(shown, load_photos(fitted, long_side=plan.long_side, report=report), report)
    return Refinement(shown, refiner, gains, photos, plan, seed, digest)
