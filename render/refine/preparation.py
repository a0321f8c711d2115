"""A refiner is made ready for a scene: honest pairs, learning if it learns, and the guard's gains."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from cameras.reporting import Report, renamed, silent
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto
from scenes.scene import Scene
from scenes.splats.scene import SplatScene
from scenes.splats.settings import FitSettings

from .base import ChunkRefiner, Pair, RefineChoice, Refiner
from .crossfit import Fitter, Fold, cross_fitted, deal
from .distill import DistillSettings, Refit, distilled
from .frames import RefinedFrames
from .guard import LEAST_GAIN_DB, MOST_WORSE, WORSE_DB, Gains, Trial, calibrate, picture_psnr, psnr_after, trial_of
from .photos import PhotoSet
from .tiles import refine_in_tiles

FEWEST_PHOTOS = 6
"""With fewer no photo can be spared to measure on."""
FEWEST_TO_LEARN = 24
"""With fewer, measuring on all is worth more than learning from some: two or three photos say little of gains."""
MOST_PAIRS = 64
LONG_SIDE = 640
STEP_MEGAPIXELS = 0.75
"""A step of learning takes as long as fitting so many pixels; measured on 2 cores."""
VIEW_WORK = 5.0
"""Refining a view takes as long as fitting it so many times; measured on 2 cores."""
STEPS_A_MINUTE = 120
"""Of learning; measured on 2 cores at 2.8 GHz in fp32."""


@dataclass(frozen=True)
class PreparationSettings:
    """How a refiner is prepared, JSON-able; counts of work, never seconds.

    Attributes:
        folds: the photos are dealt into so many; each is drawn by a scene fitted to the others. The last fold is never
            learnt from: on it the guard measures.
        photo_passes: length of each such fit.
        max_gaussians: of each such fit.
        steps: of learning.
        long_side: of the photos, in pixels.
        distill: how the scene itself is taught, if that makes it better; None to leave it as it is.
    """

    folds: int = 4
    photo_passes: float = 160.0
    max_gaussians: int = 60_000
    steps: int = 300
    long_side: int = LONG_SIDE
    distill: DistillSettings | None = field(default_factory=DistillSettings)

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def steps_for(self, n_photos: int) -> int:
        """Of learning, from so many photos."""
        return self.steps if n_photos >= FEWEST_TO_LEARN else 0

    def megapixels(self, width: int, height: int, n_photos: int) -> float:
        """What it costs, in pixels of fitting."""
        size = width * height / 1e6
        work = self.folds * self.photo_passes * size + self.steps_for(n_photos) * STEP_MEGAPIXELS
        if self.distill is None:
            return work
        # Once to measure on the photos of a fold, once for the scene.
        return work + 2 * size * (self.distill.steps + VIEW_WORK * self.distill.n_views(n_photos))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A refiner that is ready for a scene.

    Attributes:
        refiner: prepared.
        gains: how much of it is kept.
        distill: how the scene is to be taught before it is refined; None if that is not worth it.
        taught: how much of the refiner is kept while it is taught.
        untaught: the pairs that the guard measured on before teaching, for other refiners to be measured on.
        figures: JSON-able.
    """

    refiner: Refiner
    gains: Gains
    distill: DistillSettings | None
    taught: Gains
    untaught: Sequence[Pair]
    figures: Mapping[str, object]

    @property
    def is_used(self) -> bool:
        """Whether a film is any other for it."""
        return self.distill is not None or not self.gains.is_identity


def settings_for(choice: RefineChoice) -> PreparationSettings:
    """Minutes become steps here, before anything starts."""
    return PreparationSettings(steps=round(choice.minutes * STEPS_A_MINUTE))


def splat_fitter(settings: PreparationSettings, seed: int, backend: str = "auto") -> Fitter:
    """Fits splats for ``cross_fitted``."""
    from scenes.splats.fit import fit

    wanted = FitSettings.for_photo_passes(
        settings.photo_passes, max_gaussians=settings.max_gaussians, monitor_every=1_000_000
    )

    def fitter(
        capture: Capture, photos: Sequence[PosedPhoto], left_out: frozenset[str], workdir: Path | None, report: Report
    ) -> Scene:
        return fit(
            capture,
            wanted,
            photos=photos,
            hold_out=left_out,
            seed=seed,
            workdir=workdir,
            report=report,
            backend=backend,
        )

    return fitter


def prepare(
    refiner: Refiner,
    capture: Capture,
    photos: Sequence[PosedPhoto],
    settings: PreparationSettings,
    fitter: Fitter,
    refit: Refit | None = None,
    *,
    invent: bool = False,
    seed: int = 0,
    workdir: Path | None = None,
    report: Report = silent,
) -> Prepared:
    """Makes a refiner ready for the scene that these photos show.

    Args:
        photos: those that the scene was fitted on, and no others, at most ``settings.long_side`` large.
        refit: fits the scene on; None if it cannot be taught.
        workdir: keeps checkpoints; an interrupted call goes on from them.
        report: told of ``"fit without fold"`` and its number, ``"learn"``, ``"measure"`` and those of ``distilled``.
    """
    if len(photos) < FEWEST_PHOTOS:
        gains = Gains.none(f"{len(photos)} photos are too few to spare one to measure on")
        return Prepared(refiner, gains, None, gains, (), {"gains": gains.as_json()})
    learns = refiner.capabilities >= {"learns"} and settings.steps_for(len(photos)) > 0
    pairs, last = _honest_pairs(refiner, capture, photos, settings, fitter, workdir, report)
    figures: dict[str, object] = {"settings": settings.as_json()}
    others = [pair for fold in pairs[:-1] for pair in fold]
    if learns:
        figures["learnt"] = refiner.prepare(others, settings.steps, seed, workdir, report)
        others = []
    tried = trials(refiner, [*others, *pairs[-1]], seed, report)
    gains = calibrate(tried, invent=invent, seed=seed)
    found = Prepared(refiner, gains, None, gains, [*others, *pairs[-1]], {**figures, "gains": gains.as_json()})
    if refit is None or settings.distill is None or gains.is_identity or isinstance(refiner, ChunkRefiner):
        return found
    if not isinstance(last.scene, SplatScene):
        return found
    place = None if workdir is None else workdir / "distill_fold"
    wanted = replace(found, distill=settings.distill)
    taught = taught_scene(wanted, last.scene, capture, last.fitted, last.fitted, refit, seed, place, report)
    fold = Fold(taught, last.fitted, last.unseen)
    again = trials(refiner, list(fold.pairs(refiner.noise_channels)), seed, report)
    gains = calibrate([*tried[: -len(again)], *again], invent=invent, seed=seed)
    return _better_of(found, wanted, tried[-len(again) :], again, gains)


def taught_scene(
    prepared: Prepared,
    scene: Scene,
    capture: Capture,
    photos: Sequence[PosedPhoto],
    small: Sequence[PosedPhoto],
    refit: Refit,
    seed: int = 0,
    workdir: Path | None = None,
    report: Report = silent,
) -> Scene:
    """The scene that is refined: taught, if that was found to be better; see ``distilled``.

    Args:
        photos: those that the scene was fitted on, at the size at which it was.
        small: the same at the size that is refined.
    """
    if prepared.distill is None or not isinstance(scene, SplatScene):
        return scene
    frames = RefinedFrames(scene, PhotoSet.of(scene, small), prepared.refiner, prepared.taught, (), seed=seed)
    return distilled(frames, scene, capture, photos, refit, prepared.distill, workdir=workdir, report=report)


def _honest_pairs(
    refiner: Refiner,
    capture: Capture,
    photos: Sequence[PosedPhoto],
    settings: PreparationSettings,
    fitter: Fitter,
    workdir: Path | None,
    report: Report,
) -> tuple[list[list[Pair]], Fold]:
    """The pairs of every fold, and the last fold."""
    folds = deal([photo.name for photo in photos], settings.folds)
    pairs: list[list[Pair]] = []
    last: Fold | None = None
    for index, names in enumerate(folds):
        shown = _thinned(names, MOST_PAIRS // len(folds))
        place = None if workdir is None else workdir / f"fold{index}"
        told = renamed(report, f"fit without fold {index + 1} of {len(folds)}")
        last = cross_fitted(capture, photos, names, fitter, shown=shown, workdir=place, report=told)
        pairs.append(list(last.pairs(refiner.noise_channels)))
    assert last is not None  # there is a fold if there is a photo
    return pairs, last


def _better_of(
    untaught: Prepared, wanted: Prepared, tried: Sequence[Trial], again: Sequence[Trial], gains: Gains
) -> Prepared:
    """With a scene that is taught, if the photos of a fold say that this is better, else without.

    They have to be nearer to the fold's refined taught scene than to its refined untaught one, and hardly one of them
    farther from the taught scene than from the untaught.

    Args:
        wanted: the same as ``untaught``, but taught.
        tried: the fold's photos beside the untaught scene.
        again: and beside the taught one.
        gains: for the taught one.
    """
    before, taught = (np.array([picture_psnr(t.render, t) for t in each]) for each in (tried, again))
    refined = np.array([psnr_after(trial, untaught.gains) for trial in tried])
    both = np.array([psnr_after(trial, gains) for trial in again])
    accepted = bool(
        (both - refined).mean() > LEAST_GAIN_DB
        and (taught - before).mean() > LEAST_GAIN_DB
        and (taught - before < -WORSE_DB).mean() <= MOST_WORSE
    )
    steps = {"render": before, "taught": taught, "refined": refined, "taught_and_refined": both}
    said = {"used": accepted, **{name: round(float(psnr.mean()), 3) for name, psnr in steps.items()}}
    figures = {**untaught.figures, "distilled": said}
    if not accepted:
        return replace(untaught, figures=figures)
    return replace(wanted, gains=gains, figures={**figures, "gains": gains.as_json()})


def trials(refiner: Refiner, pairs: Sequence[Pair], seed: int = 0, report: Report = silent) -> list[Trial]:
    """What a refiner makes of pairs, for the guard."""
    found: list[Trial] = []
    for pair in pairs:
        refined = refine_in_tiles(refiner, pair.bundle, seed)
        found.append(trial_of(pair.bundle, refined.rgb, pair.photo, pair.valid))
        report("measure", len(found) / len(pairs), {})
    return found


def _thinned(names: frozenset[str], most: int) -> frozenset[str]:
    """At most so many of the names, evenly spread."""
    ordered = sorted(names)
    count = min(most, len(ordered))
    return frozenset(ordered[(2 * index + 1) * len(ordered) // (2 * count)] for index in range(count))
