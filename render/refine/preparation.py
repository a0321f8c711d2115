"""A refiner is made ready for a scene: honest pairs, learning if it learns, and the guard's gains."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from cameras.reporting import Report, silent
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto
from scenes.scene import Scene
from scenes.splats.scene import SplatScene
from scenes.splats.settings import FitSettings

from .base import ChunkRefiner, Pair, RefineChoice, Refiner
from .crossfit import Fitter, Fold, cross_fitted, deal
from .distill import DistillSettings, Refit, distilled
from .guard import LEAST_GAIN_DB, MOST_WORSE, WORSE_DB, Gains, Trial, calibrate, picture_psnr, psnr_after, trial_of
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

    def teach(scene: Scene, of: Sequence[PosedPhoto]) -> Scene:
        place = None if workdir is None else workdir / "distill_fold"
        return taught_scene(
            replace(found, distill=settings.distill), scene, capture, of, of, refit, seed, place, report
        )

    return _with_distillation(found, last, tried, settings.distill, teach, invent, seed, report)


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
    """The scene that is refined: taught, if that was found to be better; see ``distilled``."""
    if prepared.distill is None or not isinstance(scene, SplatScene):
        return scene
    return distilled(
        scene,
        capture,
        photos,
        small,
        prepared.refiner,
        prepared.taught,
        refit,
        prepared.distill,
        seed=seed,
        workdir=workdir,
        report=report,
    )


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
        told = _part_of(report, f"fit without fold {index + 1} of {len(folds)}")
        last = cross_fitted(capture, photos, names, fitter, shown=shown, workdir=place, report=told)
        pairs.append(list(last.pairs(refiner.noise_channels)))
    assert last is not None  # there is a fold if there is a photo
    return pairs, last


def _with_distillation(
    found: Prepared,
    fold: Fold,
    tried: Sequence[Trial],
    distill: DistillSettings,
    teach: Callable[[Scene, Sequence[PosedPhoto]], Scene],
    invent: bool,
    seed: int,
    report: Report,
) -> Prepared:
    """The same with a scene that is taught, if the photos of a fold say that this is better.

    The scene of the fold is taught and refined; its photos have to be nearer to it than to the refined untaught one,
    and hardly one of them farther from the taught scene than from the scene.

    Args:
        fold: the last.
        tried: what the gains were measured on; the photos of the fold are its last.
    """
    scene = teach(fold.scene, fold.fitted)
    if scene is fold.scene:
        return found
    again = list(Fold(scene, fold.fitted, fold.unseen).pairs(found.refiner.noise_channels))
    trials_before, trials_after = tried[-len(again) :], trials(found.refiner, again, seed, report)
    gains = calibrate([*tried[: -len(again)], *trials_after], invent=invent, seed=seed)
    before = np.array([picture_psnr(trial.render, trial) for trial in trials_before])
    taught = np.array([picture_psnr(trial.render, trial) for trial in trials_after])
    refined = np.array([psnr_after(trial, found.gains) for trial in trials_before])
    both = np.array([psnr_after(trial, gains) for trial in trials_after])
    accepted = bool(
        (both - refined).mean() > LEAST_GAIN_DB
        and (taught - before).mean() > LEAST_GAIN_DB
        and (taught - before < -WORSE_DB).mean() <= MOST_WORSE
    )
    steps = {"render": before, "taught": taught, "refined": refined, "taught_and_refined": both}
    figures = {
        **found.figures,
        "distilled": {"used": accepted, **{name: round(float(psnr.mean()), 3) for name, psnr in steps.items()}},
    }
    if not accepted:
        return replace(found, figures=figures)
    return replace(found, gains=gains, distill=distill, figures={**figures, "gains": gains.as_json()})


def _part_of(report: Report, name: str) -> Report:
    """A report under another name."""

    def told(stage: str, fraction: float, figures: Mapping[str, object]) -> None:
        report(name, fraction, figures)

    return told


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
