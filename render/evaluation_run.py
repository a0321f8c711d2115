"""``flythrough evaluate`` from what the user typed to the object that is printed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cameras.errors import SettingsError
from scenes.captures.capture import Capture
from scenes.captures.sfm_settings import PoseSettings
from scenes.splats.settings import FitSettings, Quality

from . import requests
from .evaluation import Split, choose_split, evaluate
from .evaluation_pictures import PictureFolder
from .evaluation_refine import RefineWish
from .evaluation_walk import read_walk
from .joblock import JobLock
from .progress import Progress
from .refine.base import RefineChoice
from .refine.choice import DEFAULT_MINUTES, check_choice, licence_text, resolved

LEAST_LONG_SIDE = 64


@dataclass(frozen=True)
class EvaluationRequest:
    """What the user asked of an evaluation, as typed. Fields are the options of ``flythrough evaluate``."""

    source: Path
    hold_out: int | None = None
    iterations: int | None = None
    photo_passes: float | None = None
    max_gaussians: int | None = None
    refine_poses: bool = False
    long_side: int = 1000
    quality: Quality = "standard"
    seed: int = 0
    backend: str = "auto"
    walk: Path | None = None
    geometry: Path | None = None
    true_cameras: Path | None = None
    refine: str | None = None
    refine_model: str | None = None
    refine_minutes: float = DEFAULT_MINUTES
    train_every: int = 1
    controls: bool = True
    pictures: Path | None = None
    job: Path | None = None

    def check(self) -> None:
        """Raises a FlythroughError for everything that is wrong and can be known before the long work."""
        requests.check_exists(self.source)
        requests.FitRequest(self.quality, iterations=self.iterations, max_gaussians=self.max_gaussians).check()
        requests.check_seed(self.seed)
        if self.iterations is not None and self.photo_passes is not None:
            raise SettingsError("--iterations and --photo-passes both set the length of the fit; give one of them.")
        if self.walk is None and (self.geometry is not None or self.true_cameras is not None):
            raise SettingsError(
                "--geometry and --true-cameras say what is true of a walk; give its frames with --walk."
            )
        if self.train_every < 1:
            raise SettingsError(f"--train-every must be 1 or more, got {self.train_every}.")
        check_choice(self.refine_choice)
        if self.job is not None and self.job.exists() and not self.job.is_dir():
            raise SettingsError(f"--job should name a folder, but {self.job} is a file; name another place.")
        if self.long_side < LEAST_LONG_SIDE:
            raise SettingsError(f"--long-side must be at least {LEAST_LONG_SIDE} pixels, got {self.long_side}.")

    @property
    def refine_choice(self) -> RefineChoice:
        """What was asked of a refiner; ``off`` if nothing was."""
        return RefineChoice(self.refine or "off", self.refine_model, minutes=self.refine_minutes)


def run_evaluation(asked: EvaluationRequest, progress: Progress) -> dict[str, object]:
    """Does it; the result is JSON-able.

    Raises:
        FlythroughError: on bad input, before or during the work.
    """
    from scenes.captures.source import open_capture
    from scenes.splats.engine import require_fitting, resolve_backend

    from .job import versions

    asked.check()
    walk = None
    if asked.walk is not None:
        walk = read_walk(asked.walk, geometry=asked.geometry, true_cameras=asked.true_cameras)
    pictures = None if asked.pictures is None else PictureFolder(asked.pictures)
    require_fitting()
    backend = resolve_backend(asked.backend)
    with _workdir(asked.job) as work:
        poses = PoseSettings.for_quality(asked.quality)
        with progress.stage("capture"):
            capture = open_capture(asked.source, work / "poses", seed=asked.seed, poses=poses, report=progress)
        split = choose_split(capture, asked.hold_out, asked.train_every)
        with progress.stage("evaluate"):
            found = evaluate(
                capture,
                split,
                choose_settings(asked, capture, split),
                seed=asked.seed,
                backend=backend,
                long_side=asked.long_side,
                walk=walk,
                refine=_refine_wish(asked, pictures),
                workdir=work / "fit",
                report=progress,
                on_comparison=None if pictures is None else pictures.add,
            )
    if pictures is not None:
        pictures.finish()
    return {
        **found.as_json(),
        "source": asked.source.name,
        "hold_out": asked.hold_out,
        "train_every": asked.train_every,
        "long_side": asked.long_side,
        "seed": asked.seed,
        "backend": backend,
        "machine": machine(),
        "versions": versions(),
    }


def _refine_wish(asked: EvaluationRequest, pictures: PictureFolder | None) -> RefineWish | None:
    choice = resolved(asked.refine_choice, asked.quality)
    if choice.name == "off":
        return None
    licence_text(choice)  # refuses a model that is not there before the fit, not after it
    return RefineWish(choice, asked.controls, None if pictures is None else pictures.add_refined)


def choose_settings(asked: EvaluationRequest, capture: Capture, split: Split) -> FitSettings:
    """The fit's settings: its length as asked, or by quality and the number of photos that are fitted."""
    lens = capture.images[0].camera.intrinsics
    shrink = min(1.0, asked.long_side / max(lens.width, lens.height))
    size = round(lens.width * shrink), round(lens.height * shrink)
    settings = FitSettings.for_quality(asked.quality, len(split.train), *size)
    budget = asked.max_gaussians or settings.max_gaussians
    if asked.iterations is not None:
        settings = FitSettings.for_iterations(asked.iterations)
    elif asked.photo_passes is not None:
        settings = FitSettings.for_photo_passes(asked.photo_passes)
    return replace(settings, max_gaussians=budget, refine_poses=asked.refine_poses)


def machine() -> dict[str, object]:
    """What the times depend on."""
    import os
    import platform

    return {"system": platform.system(), "architecture": platform.machine(), "cores": os.cpu_count() or 1}


@contextmanager
def _workdir(chosen: Path | None) -> Iterator[Path]:
    """A folder for poses and the fit: the chosen one, which no other run may use meanwhile, or one for this run.

    Raises:
        SettingsError: if another run uses it.
    """
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        lock = JobLock(chosen)
        lock.acquire()
        try:
            yield chosen
        finally:
            lock.release()
        return
    with tempfile.TemporaryDirectory(prefix="flythrough-") as folder:
        yield Path(folder)
