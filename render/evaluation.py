"""How good a reconstruction is: scores on photos that it never saw, and on a posed walk through the same world.

Where the true depth of the walk is known, its geometry is measured as well; see ``evaluation_geometry``.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from cameras.errors import SettingsError
from cameras.reporting import Report, silent
from scenes.captures.capture import Capture, CaptureImage
from scenes.captures.pixels import PosedPhoto, load_photos
from scenes.scene import FloatImage, Scene
from scenes.splats.settings import FitSettings

from .evaluation_geometry import DepthComparison, GeometryFigures, measure
from .evaluation_refine import RefineWish, Subject, evaluate_refiner
from .evaluation_scales import far_psnr, near_psnr, opaque
from .evaluation_walk import Walk, placed, true_frames, world_from_walk
from .frames import BLACK, composite
from .quality import Mask, Scores, score

DEFAULT_HOLD_OUT = 8
LEAST_TRAIN = 2


@dataclass(frozen=True, eq=False)
class Comparison:
    """A held-out photo beside its render.

    Attributes:
        name: of the photo.
        truth, render: [H, W, 3] float32 in [0, 1].
        mask: [H, W], False where the photo says nothing; None if all counts.
        scores: of the render.
    """

    name: str
    truth: FloatImage
    render: FloatImage
    mask: Mask | None
    scores: Scores


@dataclass(frozen=True)
class Split:
    """Names of the photos that are fitted, and of those that are scored; others are in neither."""

    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """What ``flythrough evaluate`` prints.

    Attributes:
        scores: means over the held-out photos.
        per_image: (name, scores) of each.
        walk: (name, scores) of each frame of the walk, None without one.
        geometry: (name, figures) of each frame of the walk whose true depth is known.
        psnr_quarter: mean PSNR of the held-out photos drawn at a quarter of their size, which is what a camera four
            times as far would see, against the photos' means over 4x4 pixels; None where they are too small or masked.
        psnr_4x: mean PSNR of the held-out photos at four times the size that was fitted, None where the stored photos
            are smaller than that.
        split: which photos were fitted and which scored.
        n_gaussians, iterations, photo_passes: of the fit; a photo pass is pixels fitted / pixels of one photo.
        fit_seconds: time that this run spent fitting; if ``is_resumed``, an earlier run spent some as well.
        width, height: of the first scored photo; they may differ from photo to photo.
        refined: what refining is worth, see ``evaluation_refine``; empty if nothing was refined.
    """

    scores: Scores
    per_image: Sequence[tuple[str, Scores]]
    walk: Sequence[tuple[str, Scores]] | None
    geometry: Sequence[tuple[str, GeometryFigures]]
    psnr_quarter: float | None
    psnr_4x: float | None
    split: Split
    n_gaussians: int
    iterations: int
    photo_passes: float
    fit_seconds: float
    is_resumed: bool
    width: int
    height: int
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    refined: Mapping[str, object] = field(default_factory=dict[str, object])

    def as_json(self) -> dict[str, object]:
        """Flat, as other programs want it."""
        found: dict[str, object] = {
            **asdict(self.scores),
            "n_train": len(self.split.train),
            "n_test": len(self.split.test),
            "n_gaussians": self.n_gaussians,
            "iterations": self.iterations,
            "photo_passes": self.photo_passes,
            "fit_seconds": round(self.fit_seconds, 2),
            "fit_resumed": self.is_resumed,
            "width": self.width,
            "height": self.height,
            "per_image": [{"name": name, **asdict(scores)} for name, scores in self.per_image],
            "settings": dict(self.settings),
        }
        scales = {"psnr_quarter": self.psnr_quarter, "psnr_4x": self.psnr_4x}
        found |= {name: value for name, value in scales.items() if value is not None}
        if self.geometry:
            found |= GeometryFigures.over([figures for _, figures in self.geometry]).shares()
            found["geometry_per_frame"] = [{"name": name, **figures.shares()} for name, figures in self.geometry]
        if self.walk is not None:
            mean = asdict(Scores.mean([scores for _, scores in self.walk]))
            found |= {f"walk_{name}": value for name, value in mean.items()}
            found["walk_per_frame"] = [{"name": name, **asdict(scores)} for name, scores in self.walk]
        return found | dict(self.refined)


def choose_split(capture: Capture, hold_out: int | None, train_every: int = 1) -> Split:
    """Every ``hold_out``-th photo by name (the first among them) is scored; None takes the data set's own split.

    Of the others every ``train_every``-th is fitted, so that the same photos score sparse captures of the same place.

    A data set's own split is fitted on ``train`` and scored on ``test``, or on ``val`` if it has no ``test``; without
    one, every 8th photo is scored. Photos made by a model are never scored.

    Raises:
        SettingsError: if too few photos are left to fit, or none to score.
    """
    if train_every < 1:
        raise SettingsError(f"--train-every must be 1 or more, got {train_every}.")
    images = sorted(capture.images, key=lambda image: image.name)
    if hold_out is None and any(image.split in ("test", "val") for image in images):
        return _thinned(_own_split(images), train_every)
    every = DEFAULT_HOLD_OUT if hold_out is None else hold_out
    if every < 2:
        raise SettingsError(f"--hold-out must be 2 or more, so that photos are left to fit, got {every}.")
    held = {image.name for image in images[::every] if not image.is_generated}
    split = Split(tuple(i.name for i in images if i.name not in held), tuple(i.name for i in images if i.name in held))
    return _thinned(split, train_every)


def _thinned(split: Split, train_every: int) -> Split:
    return _checked(Split(split.train[::train_every], split.test))


def _own_split(images: Sequence[CaptureImage]) -> Split:
    wanted = "test" if any(image.split == "test" for image in images) else "val"
    train = tuple(image.name for image in images if image.split in ("train", None))
    test = tuple(image.name for image in images if image.split == wanted and not image.is_generated)
    return Split(train, test)


def _checked(split: Split) -> Split:
    if len(split.train) < LEAST_TRAIN or not split.test:
        raise SettingsError(
            f"an evaluation needs at least {LEAST_TRAIN} photos to fit and one to score, but there are "
            f"{len(split.train)} and {len(split.test)}; add photos or choose another --hold-out."
        )
    return split


def evaluate(
    capture: Capture,
    split: Split,
    settings: FitSettings,
    *,
    seed: int = 0,
    backend: str = "auto",
    long_side: int | None = None,
    walk: Walk | None = None,
    refine: RefineWish | None = None,
    workdir: Path | None = None,
    report: Report = silent,
    on_comparison: Callable[[str, Comparison | DepthComparison], None] | None = None,
) -> Evaluation:
    """Fits splats to the split's training photos and scores them on the others.

    Nothing is fitted on the photos that are scored, their exposure included; only their poses come with the capture.

    Args:
        backend: what fits and draws.
        long_side: photos are reduced to it before fitting and scoring; the scores are of that size.
        walk: posed frames that are scored as well, at their own size, and their truth.
        refine: a refiner to be measured as well.
        workdir: keeps the fit's checkpoint.
        on_comparison: is shown every photo (``"photo"``), frame (``"walk"``) and depth (``"depth"``) with its render.

    Raises:
        InputError: if the walk's world cannot be joined to the capture's.
    """
    from scenes.splats.fit import fit
    from scenes.splats.warmup import ALL, FITTING, warmup

    if backend != "reference":
        warmup(backend, report, FITTING if walk is None else ALL)
    to_world = None if walk is None else world_from_walk(walk, capture)
    photos = load_photos(capture, long_side=long_side, report=report)
    chosen = set(split.train) | set(split.test)
    photos = [photo for photo in photos if photo.name in chosen]
    heard = _Heard(settings, report)
    began = time.perf_counter()
    scene = fit(
        capture, settings, workdir=workdir, report=heard, seed=seed, photos=photos, hold_out=split.test, backend=backend
    )
    fit_seconds = time.perf_counter() - began
    scene = replace(scene, backend=backend)
    test = [photo for photo in photos if photo.name in set(split.test)]
    per_image = _scored(compare(scene, test), "photo", len(test), report, on_comparison)
    per_frame, geometry = None, list[tuple[str, GeometryFigures]]()
    if walk is not None and to_world is not None:
        steps = load_photos(placed(walk.frames, to_world))
        per_frame = _scored(compare(scene, steps), "walk", len(steps), report, on_comparison)
        train = [photo for photo in photos if photo.name in set(split.train)]
        truth = true_frames(walk, steps, train, to_world)
        geometry = measure(scene, truth, report=report, on_comparison=on_comparison)
    refined: Mapping[str, object] = {}
    if refine is not None:
        subject = Subject(capture, scene, settings, photos, split.train, split.test)
        refined = evaluate_refiner(subject, refine, seed=seed, backend=backend, workdir=workdir, report=report)
    return Evaluation(
        Scores.mean([scores for _, scores in per_image]),
        per_image,
        per_frame,
        geometry,
        far_psnr(scene, test),
        near_psnr(scene, capture, test),
        split,
        len(scene.gaussians),
        settings.iterations,
        heard.photo_passes,
        fit_seconds,
        heard.is_resumed,
        test[0].camera.width,
        test[0].camera.height,
        settings.to_json(),
        refined,
    )


class _Heard:
    """Passes a fit's reports on and keeps what an evaluation wants of them."""

    def __init__(self, settings: FitSettings, report: Report) -> None:
        self.photo_passes = settings.photo_passes
        self._iterations, self._report = settings.iterations, report
        self._first_step: float | None = None

    def __call__(self, stage: str, fraction: float, figures: Mapping[str, object]) -> None:
        if self._first_step is None:
            self._first_step = fraction * self._iterations
        self.photo_passes = float(str(figures.get("photo_passes", self.photo_passes)))
        self._report(stage, fraction, figures)

    @property
    def is_resumed(self) -> bool:
        """A fit that begins reports within its first fiftieth; one that was finished before reports nothing."""
        return self._first_step is None or self._first_step > max(1.5, 0.02 * self._iterations)


def compare(scene: Scene, photos: Sequence[PosedPhoto]) -> Iterator[Comparison]:
    """Each photo beside the scene's view of it, over the photo's background, or black."""
    # One by one: a score must not hang on which view was drawn before it, as the frames of a path do a little.
    views = (scene.view(photo.camera) for photo in photos)
    for photo, view in zip(photos, views, strict=True):
        truth, render = opaque(photo), composite(view, photo.background or BLACK)
        yield Comparison(photo.name, truth, render, photo.valid, score(truth, render, photo.valid))


def _scored(
    comparisons: Iterable[Comparison],
    kind: str,
    n_expected: int,
    report: Report,
    on_comparison: Callable[[str, Comparison | DepthComparison], None] | None,
) -> list[tuple[str, Scores]]:
    scored: list[tuple[str, Scores]] = []
    for comparison in comparisons:
        scored.append((comparison.name, comparison.scores))
        if on_comparison is not None:
            on_comparison(kind, comparison)
        report(f"score {kind}s" if kind == "photo" else "score the walk", len(scored) / n_expected, {})
    return scored
