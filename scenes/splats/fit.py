"""Fits Gaussian splats to a capture: coarse to fine, within a budget, resumable to the byte."""

import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cameras.errors import InputError, SettingsError
from cameras.reporting import Report, silent
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto, load_photos

from . import densify as densification
from .background import backdrop_color, mean_color, random_color
from .checkpoint import Arrays, fit_identity, load_checkpoint, save_checkpoint
from .cpu_fit import CpuStepper
from .engine import BACKENDS
from .exposure import Exposures
from .gaussians import SH_TERMS, Gaussians
from .initialize import camera_extent, initial_gaussians
from .pose_refinement import PoseCorrections, pose_gradient
from .scene import SplatScene
from .schedule import PhotoOrder, decay_at, divisor_at, photo_passes_until, sh_degree_at
from .settings import FitSettings
from .steps import Look, Rates, Stepper
from .targets import Targets

CHECKPOINT_EVERY_S = 60.0
_REPORTS = 200  # of a whole fit
_MONITOR_REPORTS = 20  # of these, how many come with a PSNR measured anew
_MOST_MONITORS = 4


def fit(
    capture: Capture,
    settings: FitSettings,
    *,
    start: SplatScene | None = None,
    workdir: Path | None = None,
    report: Report = silent,
    seed: int = 0,
    photos: Sequence[PosedPhoto] | None = None,
    hold_out: Collection[str] = (),
    backend: str = "auto",
    threads: int | None = None,
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
) -> SplatScene:
    """Fits Gaussians to the photos of a capture.

    On the CPU the same capture, settings, seed, number of threads and kind of machine give the same bytes, however
    often the fit was interrupted and continued. On CUDA they do not, see ``cuda_fit``.

    Args:
        capture: posed images; its sparse points are where the Gaussians begin.
        settings: budgets and methods.
        start: a scene to go on from, in the same world; the points are then not used.
        workdir: where the checkpoint is kept, about every minute and on SIGINT; a second call goes on from it.
        report: told ``"fit"`` with ``step``, ``gaussians``, ``photo_passes``, ``loss`` and ``psnr`` of photos that are
            not fitted, or ``train_psnr`` where all are. An exception that it raises ends the fit.
        seed: of all random choices.
        photos: the pixels, if they were already loaded (possibly at a reduced size).
        hold_out: names of photos that are never fitted, their exposure included.
        backend: one of ``BACKENDS``; ``"auto"`` is CUDA where it works, and the CPU engine fits for ``"reference"``.
            What a fit made can be drawn with any.
        threads: of the CPU, how many to use; None for all.
        checkpoint_every_s: seconds of work between two checkpoints.

    Raises:
        InputError: if there is no photo to fit, or a photo cannot be read.
        SettingsError: if a name in ``hold_out`` is not in the capture, or there is no such backend.
        MissingExtraError, InstallationError: if CUDA is asked for and does not work here, or has too little memory.
    """
    chosen = _fitting_backend(backend)
    loaded = load_photos(capture) if photos is None else photos
    fitting = _Fitting(capture, settings, loaded, hold_out, seed, start, chosen, threads)
    step = fitting.resume(workdir)
    saved = time.monotonic()
    total = settings.iterations
    with _deferred_interrupt() as interrupted:
        while step < total:
            fitting.step(step)
            step += 1
            due = workdir is not None and time.monotonic() - saved >= checkpoint_every_s
            if workdir is not None and (due or step == total or interrupted()):
                save_checkpoint(workdir, fitting.arrays(), fitting.identity, step)
                saved = time.monotonic()
            if interrupted():
                raise KeyboardInterrupt
            if step % max(1, total // _REPORTS) == 0 or step == total:
                report("fit", step / total, fitting.figures(step))
    return fitting.scene()


def _fitting_backend(name: str) -> str:
    """What fits where ``name`` draws: the reference would take weeks, so the CPU engine does it."""
    from . import cuda

    if name not in BACKENDS:
        raise SettingsError(f"The backend should be one of {', '.join(BACKENDS)}, but is '{name}'.")
    if name == "cuda":
        cuda.require()
    return "cuda" if name == "cuda" or (name == "auto" and cuda.is_available()) else "cpu"


def _stepper(backend: str, first: Gaussians, settings: FitSettings, extent: float, threads: int | None) -> Stepper:
    if backend == "cpu":
        return CpuStepper(first, settings, extent, threads)
    from .cuda_fit import CudaStepper

    return CudaStepper(first, settings, extent)


@contextmanager
def _deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Lets a SIGINT wait until a step is whole; yields a function that tells whether one came."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: bool(came)
        return
    outer = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGINT, outer)


@dataclass(frozen=True)
class _Split:
    """Which photos are fitted when, and which are watched; indices into the photos."""

    order: PhotoOrder
    watched: tuple[int, ...]
    honest_until: int  # the step until which the watched photos are not fitted


def _split_photos(photos: Sequence[PosedPhoto], hold_out: Collection[str], settings: FitSettings, seed: int) -> _Split:
    unknown = sorted(set(hold_out) - {photo.name for photo in photos})
    if unknown:
        raise SettingsError(f"The photos to hold out must be in the capture, but {', '.join(unknown)} are not.")
    fitted = [i for i, photo in enumerate(photos) if photo.name not in hold_out and photo.weight > 0]
    if not fitted:
        raise InputError(f"A fit needs at least one photo, but none of {len(photos)} is left after holding out.")
    total = settings.iterations
    if hold_out:
        held = [i for i, photo in enumerate(photos) if photo.name in hold_out]
        watched = tuple(held[:: -(-len(held) // _MOST_MONITORS)])
        return _Split(PhotoOrder(tuple(fitted), tuple(fitted), total, seed), watched, total)
    kept_out = tuple(fitted[settings.monitor_every // 2 :: settings.monitor_every])[:_MOST_MONITORS]
    if not kept_out:
        return _Split(PhotoOrder(tuple(fitted), tuple(fitted), total, seed), (fitted[0],), 0)
    early = tuple(i for i in fitted if i not in kept_out)
    release = int(settings.monitor_until * total)
    return _Split(PhotoOrder(early, tuple(fitted), release, seed), kept_out, release)


class _Fitting:
    """The state of a fit between two steps."""

    def __init__(
        self,
        capture: Capture,
        settings: FitSettings,
        photos: Sequence[PosedPhoto],
        hold_out: Collection[str],
        seed: int,
        start: SplatScene | None,
        backend: str,
        threads: int | None,
    ) -> None:
        self._capture, self._settings, self._seed = capture, settings, seed
        self._split = _split_photos(photos, hold_out, settings, seed)
        fitted = [photos[i] for i in self._split.order.late]
        self._extent = camera_extent(fitted, capture.points)
        self._backdrop = backdrop_color(fitted)
        self._color_behind = mean_color(fitted) if self._backdrop is None else self._backdrop
        self._has_alpha = any(photo.alpha is not None for photo in fitted)
        first = self._first_gaussians(fitted, start)
        self._initial_count = len(first)
        self._stepper = _stepper(backend, first, settings, self._extent, threads)
        self._targets = Targets(photos)
        self._exposures = Exposures(len(photos))
        self._poses = PoseCorrections(len(photos), self._extent)
        self._rounds = {step: index for index, step in enumerate(densification.rounds(settings))}
        self._loss = 0.0
        self._psnr = float("nan")
        self.identity = fit_identity(
            settings,
            seed,
            self._stepper.made_by,
            photos,
            sorted(hold_out),
            capture.points,
            None if start is None else start.gaussians,
        )

    def _first_gaussians(self, fitted: Sequence[PosedPhoto], start: SplatScene | None) -> Gaussians:
        settings = self._settings
        full = self._backdrop is None and not self._has_alpha  # the picture shows something everywhere
        if start is None:
            return initial_gaussians(
                self._capture.points,
                fitted,
                seed_gaussians=settings.seed_gaussians,
                surface_gaussians=settings.surface_gaussians if full else 0,
                far_gaussians=settings.far_gaussians if full else 0,
                max_gaussians=settings.max_gaussians,
                seed=self._seed,
            )
        strongest = np.argsort(-start.gaussians.logit_opacities, kind="stable")[: settings.max_gaussians]
        return start.gaussians.select(np.sort(strongest))

    def step(self, step: int) -> None:
        """One photo: render, compare, move; and a round of densification where one is due."""
        settings = self._settings
        photo = self._split.order.at(step)
        target = self._targets.at(photo, divisor_at(settings, step))
        refining = settings.refine_poses and step >= settings.poses_from * settings.iterations
        target = replace(target, camera=self._poses.apply(photo, target.camera)) if refining else target
        look = Look(
            target,
            random_color(self._seed, step) if self._backdrop is None or target.alpha is not None else self._backdrop,
            sh_degree_at(settings, step),
            self._exposures.of(photo) if settings.exposure else None,
            pose_moves=refining,
        )
        compared = self._stepper.compare(look)
        self._loss = compared.loss
        decay = decay_at(settings, step, settings.rates.end)
        if compared.best_gains is not None and step >= settings.exposure_from * settings.iterations:
            self._exposures.learn(photo, compared.best_gains)
        if compared.rigid is not None:
            self._poses.move(photo, pose_gradient(compared.rigid, target.camera), settings.rates.poses * decay)
        self._stepper.move(self._rates(step), step + 1)
        if step + 1 in self._rounds:
            goal = densification.count_after(settings, self._initial_count, self._rounds[step + 1])
            densification.densify(self._stepper.to_host(), settings, goal, self._seed, step)
            self._stepper.to_device()

    def _rates(self, step: int) -> Rates:
        settings, rates = self._settings, self._settings.rates
        boost = settings.rate_boost
        decay = boost * decay_at(settings, step, rates.end)
        sh_rates = np.full((3, SH_TERMS), rates.sh / rates.sh_rest_divisor, np.float32)
        sh_rates[:, 0] = rates.sh
        return {
            "means": boost * rates.means * self._extent * decay_at(settings, step, rates.means_end),
            "quaternions_wxyz": rates.quaternions * decay,
            "log_scales": rates.log_scales * decay,
            "logit_opacities": rates.logit_opacities * decay,
            "sh": sh_rates * np.float32(decay),
        }

    def figures(self, step: int) -> dict[str, object]:
        """What the progress line shows; measuring changes nothing."""
        settings = self._settings
        every = max(1, settings.iterations // _MONITOR_REPORTS)
        due = step % every < max(1, settings.iterations // _REPORTS) or step == settings.iterations
        if due or np.isnan(self._psnr):
            self._psnr = float(np.mean([self._psnr_of(photo) for photo in self._split.watched]))
        name = "psnr" if step <= self._split.honest_until else "train_psnr"
        return {
            "step": step,
            name: round(self._psnr, 2),
            "gaussians": self._stepper.count,
            "photo_passes": round(photo_passes_until(settings, step), 1),
            "loss": self._loss,
        }

    def _psnr_of(self, photo: int) -> float:
        target = self._targets.at(photo, 1)
        rgb = self._stepper.draw(target.camera, self._color_behind)
        wanted = target.over(self._color_behind)
        wanted = wanted.astype(np.float32) / np.float32(255) if wanted.dtype == np.uint8 else wanted
        squared = (np.clip(rgb, 0, 1) - wanted) ** 2
        error = float(squared.mean() if target.valid is None else squared[target.valid].mean())
        return -10 * float(np.log10(max(error, 1e-10)))

    def arrays(self) -> Arrays:
        """All that must be kept to go on later."""
        last = {"loss": np.array([self._loss]), "psnr": np.array([self._psnr])}
        return {
            **self._stepper.to_host().arrays(),
            **self._exposures.arrays(),
            **self._poses.arrays(),
            **last,
        }

    def resume(self, workdir: Path | None) -> int:
        """Takes up the checkpoint of this very fit, if there is one; returns how many steps are already made."""
        found = None if workdir is None else load_checkpoint(workdir, self.identity)
        if found is None:
            return 0
        arrays, step = found
        self._stepper.to_host().restore(arrays)  # type: ignore[arg-type]
        self._stepper.to_device()
        self._exposures.restore(arrays)
        self._poses.restore(arrays)
        self._loss, self._psnr = float(arrays["loss"][0]), float(arrays["psnr"][0])
        return step

    def scene(self) -> SplatScene:
        """What was fitted, so far."""
        settings, gaussians = self._settings, self._stepper.to_host().gaussians
        red, green, blue = (float(value) for value in self._color_behind)
        provenance = {
            "engine": "splats",
            "backend": self._stepper.name,
            "seed": self._seed,
            "iterations": settings.iterations,
            "photo_passes": settings.photo_passes,
            "settings": settings.to_json(),
        }
        return SplatScene(
            gaussians.select(np.arange(len(gaussians))),
            self._capture.world,
            settings.antialiased,
            None if self._has_alpha else (red, green, blue),
            provenance,
        )
