"""A refiner is made ready for a scene: honest pairs, learning if it learns, and the guard's gains."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cameras.reporting import Report, silent
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto
from scenes.scene import Scene
from scenes.splats.settings import FitSettings

from .base import Pair, RefineChoice, Refiner
from .crossfit import Fitter, cross_fitted, deal
from .guard import Gains, Trial, calibrate, trial_of
from .tiles import refine_in_tiles

FEWEST_PHOTOS = 6
"""With fewer no photo can be spared to measure on."""
MOST_PAIRS = 64
LONG_SIDE = 640
STEP_MEGAPIXELS = 0.75
"""A step of learning takes as long as fitting so many pixels; measured on 2 cores."""
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
    """

    folds: int = 4
    photo_passes: float = 160.0
    max_gaussians: int = 60_000
    steps: int = 300
    long_side: int = LONG_SIDE

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    def megapixels(self, width: int, height: int) -> float:
        """What it costs, in pixels of fitting."""
        return self.folds * self.photo_passes * width * height / 1e6 + self.steps * STEP_MEGAPIXELS


@dataclass(frozen=True, eq=False)
class Prepared:
    """A refiner that is ready for a scene.

    Attributes:
        refiner: prepared.
        gains: how much of it is kept.
        pairs: that the guard measured on, for other refiners to be measured on as well.
        figures: JSON-able.
    """

    refiner: Refiner
    gains: Gains
    pairs: Sequence[Pair]
    figures: Mapping[str, object]


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
    *,
    invent: bool = False,
    seed: int = 0,
    workdir: Path | None = None,
    report: Report = silent,
) -> Prepared:
    """Makes a refiner ready for the scene that these photos show.

    Args:
        photos: those that the scene was fitted on, and no others, at most ``settings.long_side`` large.
        workdir: keeps checkpoints; an interrupted call goes on from them.
        report: told of ``"fit without fold"`` and its number, ``"learn"`` and ``"measure"``.
    """
    if len(photos) < FEWEST_PHOTOS:
        gains = Gains.none(f"{len(photos)} photos are too few to spare one to measure on")
        return Prepared(refiner, gains, (), {"gains": gains.as_json()})
    folds = deal([photo.name for photo in photos], settings.folds)
    learnt = refiner.capabilities >= {"learns"} and settings.steps > 0
    pairs: list[list[Pair]] = []
    for index, fold in enumerate(folds):
        chosen = _thinned(fold, MOST_PAIRS // len(folds))
        place = None if workdir is None else workdir / f"fold{index}"
        told = _part_of(report, f"fit without fold {index + 1} of {len(folds)}")
        found = cross_fitted(
            capture, photos, fold, fitter, workdir=place, report=told, noise_channels=refiner.noise_channels
        )
        pairs.append([pair for pair in found if pair.name in chosen])
    measured = pairs[-1] if learnt else [pair for fold in pairs for pair in fold]
    figures: dict[str, object] = {"settings": settings.as_json()}
    if learnt:
        lessons = [pair for fold in pairs[:-1] for pair in fold]
        figures["learnt"] = refiner.prepare(lessons, settings.steps, seed, workdir, report)
    gains = calibrate(trials(refiner, measured, seed, report), invent=invent, seed=seed)
    figures["gains"] = gains.as_json()
    return Prepared(refiner, gains, measured, figures)


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
