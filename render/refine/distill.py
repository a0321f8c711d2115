"""What a refiner says, taught to the splats: the scene is fitted on, to its photos and to refined views between them.

As in Difix3D+ (Wu et al. 2025, section 4.2) and GSFix3D the refined views are photos that nobody took; because many
must agree, what a refiner says of a single view fades, and what it says again and again stays. The scene is then right
by itself, whatever path is flown through it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cameras.camera import Camera
from cameras.reporting import Report, renamed, silent
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto
from scenes.splats.scene import SplatScene
from scenes.splats.settings import Densification, FitSettings, LearningRates, Resolution

from .frames import RefinedFrames, alone
from .photos import known_depth

Refit = Callable[
    ["DistillSettings", Capture, SplatScene, Sequence[PosedPhoto], Path | None, Report],
    SplatScene,
]
"""Fits a scene on, to these photos; the folder keeps a checkpoint."""

_BETWEEN = (0.3, 0.7)  # of the way from one photo to the next: at the photos themselves nothing is new
_TURN_WEIGHT = 0.3  # of the extent of the cameras, that a turn by a radian counts as


@dataclass(frozen=True)
class DistillSettings:
    """How much is taught, JSON-able; counts of work, never seconds.

    Attributes:
        steps: of fitting on, one photo or refined view each.
        views_a_photo: refined views for each photo, between it and its nearest.
        most_views: and in all.
        weight: how much a refined view counts beside a photo.
        boost: of the learning rates at the start, see ``LearningRates``; they fall to a tenth.
    """

    steps: int = 240
    views_a_photo: int = 3
    most_views: int = 60
    weight: float = 0.5
    boost: float = 6.0

    def n_views(self, n_photos: int) -> int:
        return min(self.most_views, self.views_a_photo * n_photos) if n_photos > 1 else 0

    def fit_settings(self, max_gaussians: int) -> FitSettings:
        """One resolution and no new Gaussians: what is there is put right."""
        never = Densification(start=2.0, stop=2.0)
        return FitSettings(
            (Resolution(1, self.steps),),
            max_gaussians=max_gaussians,
            sh_interval=1e-9,
            monitor_every=1_000_000,
            rates=LearningRates(most_boost=self.boost),
            densification=never,
        )


def splat_refit(seed: int, backend: str = "auto") -> Refit:
    """Fits splats on, as many as there are."""
    from scenes.splats.fit import fit

    def refit(
        settings: DistillSettings,
        capture: Capture,
        scene: SplatScene,
        photos: Sequence[PosedPhoto],
        workdir: Path | None,
        report: Report,
    ) -> SplatScene:
        wanted = replace(settings.fit_settings(len(scene.gaussians)), antialiased=scene.antialiased)
        taught = fit(
            capture, wanted, start=scene, photos=photos, seed=seed, workdir=workdir, report=report, backend=backend
        )
        return replace(taught, backend=scene.backend)

    return refit


def cameras_between(cameras: Sequence[Camera], count: int, seed: int = 0) -> list[Camera]:
    """About ``count`` cameras between neighbouring ones; the same cameras, count and seed give the same.

    They lie on the way from a camera to one of its nearest (in place and direction), with its lens.
    """
    if len(cameras) < 2 or count < 1:
        return []
    places = np.array([camera.position_world for camera in cameras])
    forward = np.array([camera.forward_world for camera in cameras])
    extent = float(np.linalg.norm(places - places.mean(axis=0), axis=1).max()) or 1.0
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)
    apart += _TURN_WEIGHT * extent * np.arccos(np.clip(forward @ forward.T, -1, 1))
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1, kind="stable")
    rng = np.random.default_rng([seed, 21])
    found: list[Camera] = []
    for index in range(count):
        own, rank = index % len(cameras), index // len(cameras)
        other = cameras[int(nearest[own, rank % (len(cameras) - 1)])]
        pose = cameras[own].world_from_camera.toward(other.world_from_camera, float(rng.uniform(*_BETWEEN)))
        found.append(replace(cameras[own], world_from_camera=pose))
    return found


def refined_views(frames: RefinedFrames, cameras: Sequence[Camera], weight: float, report: Report) -> list[PosedPhoto]:
    """Refined views as photos; what the scene does not show there is not valid in them."""
    found: list[PosedPhoto] = []
    for index, camera in enumerate(cameras):
        view = frames.scene.view(camera, ("rgb", "depth_z"))
        rgb = np.rint(255 * alone(frames, view, camera, index)).astype(np.uint8)
        name = f"refined view {index:04d}"
        found.append(PosedPhoto(name, camera, rgb, valid=known_depth(view) > 0, weight=weight))
        report("refine views", len(found) / len(cameras), {})
    return found


def distilled(
    frames: RefinedFrames,
    scene: SplatScene,
    capture: Capture,
    photos: Sequence[PosedPhoto],
    refit: Refit,
    settings: DistillSettings,
    *,
    workdir: Path | None = None,
    report: Report = silent,
) -> SplatScene:
    """The scene, fitted on to its photos and to refined views between them.

    Args:
        frames: of the scene, with its photos at the size that is refined.
        photos: those that the scene was fitted on, at the size at which it was.
        workdir: keeps the checkpoint.
        report: told of ``"refine views"`` and ``"teach"``.
    """
    places = [photo.camera for photo in frames.photos.photos]
    cameras = cameras_between(places, settings.n_views(len(places)), frames.seed)
    views = refined_views(frames, cameras, settings.weight, report)
    return refit(settings, capture, scene, [*photos, *views], workdir, renamed(report, "teach"))
