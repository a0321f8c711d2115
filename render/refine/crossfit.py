"""Honest pairs: every photo beside the view of a scene that never saw it.

The photos are dealt into folds; for each fold a scene is fitted quickly to the other photos and drawn at the fold's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cameras.reporting import Report, silent
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto
from scenes.scene import Scene

from ..evaluation_scales import opaque
from ..frames import composite
from .base import FrameBundle, Pair
from .photos import PhotoSet, bundle_of, exposure_gain

Fitter = Callable[[Capture, Sequence[PosedPhoto], frozenset[str], Path | None, Report], Scene]
"""Fits a scene to all photos but those named; the folder keeps a checkpoint."""


def deal(names: Sequence[str], folds: int) -> list[frozenset[str]]:
    """Names in turn to so many folds, so that each is spread over the whole capture; none is empty."""
    folds = max(1, min(folds, len(names)))
    return [frozenset(names[first::folds]) for first in range(folds)]


@dataclass(frozen=True, eq=False)
class Fold:
    """A scene that was fitted to all photos but a few.

    Attributes:
        fitted, unseen: the photos.
    """

    scene: Scene
    fitted: Sequence[PosedPhoto]
    unseen: Sequence[PosedPhoto]

    def pairs(self, noise_channels: int = 1) -> Iterator[Pair]:
        """The photos that the scene never saw, beside its views."""
        return pairs_of(self.scene, self.fitted, self.unseen, noise_channels=noise_channels)


def cross_fitted(
    capture: Capture,
    photos: Sequence[PosedPhoto],
    fold: frozenset[str],
    fitter: Fitter,
    *,
    shown: frozenset[str],
    workdir: Path | None = None,
    report: Report = silent,
) -> Fold:
    """One fold.

    Args:
        photos: of the capture; those of ``fold`` are not fitted, and ``shown`` of them are looked at.
        workdir: keeps the fit's checkpoint.
    """
    scene = fitter(capture, photos, fold, workdir, report)
    fitted = [photo for photo in photos if photo.name not in fold]
    return Fold(scene, fitted, [photo for photo in photos if photo.name in fold & shown])


def pairs_of(
    scene: Scene, fitted: Sequence[PosedPhoto], unseen: Sequence[PosedPhoto], *, noise_channels: int = 1
) -> Iterator[Pair]:
    """Photos that a scene never saw beside its views, with the photos that it was fitted on as references."""
    references = PhotoSet.of(scene, fitted)
    for index, photo in enumerate(unseen):
        # One by one: see ``evaluation.compare``.
        view = scene.view(photo.camera, ("rgb", "depth_z"))
        bundle = bundle_of(references, view, photo.camera, noise_channels, index)
        if photo.background is not None:
            bundle = replace(bundle, rgb=composite(view, photo.background))
        yield pair_of(photo, bundle)


def pair_of(photo: PosedPhoto, bundle: FrameBundle) -> Pair:
    """A photo, brought to the exposure of the scene, beside what the scene shows."""
    truth = opaque(photo)
    valid = np.ones(truth.shape[:2], np.bool_) if photo.valid is None else photo.valid
    gain = exposure_gain(bundle.rgb, truth, valid & (bundle.alpha > 0.9))
    return Pair(photo.name, bundle, np.clip(truth * gain, 0, 1).astype(np.float32), valid)
