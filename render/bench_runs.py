"""What the bench times: drawing, steps of a fit, and frames of a film."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cameras.camera import Camera
from cameras.rigid import Rigid
from cameras.rotations import rotation_from_axis_angle
from scenes.scene import World
from scenes.splats.cpu.rasterizer import Rasterizer
from scenes.splats.cpu_fit import CpuStepper
from scenes.splats.gaussians import SH_TERMS, Gaussians
from scenes.splats.scene import SplatScene
from scenes.splats.settings import FitSettings, Resolution
from scenes.splats.steps import Look, Rates
from scenes.splats.targets import Target

from .frame_numbers import planes_of

REPETITIONS = 3  # of every camera; one more comes first and is not counted
PATH_FRAMES = 48
FRAMES_NOT_COUNTED = 4
FRAME_STEP = 1 / 180  # of the distance to what is seen: half a metre a second, three metres from a wall, at 30 frames/s
FRAME_TURN_RAD = np.radians(20 / 30)

BLACK = np.zeros(3, np.float32)


@dataclass(frozen=True)
class Work:
    """Medians over the cameras of what one picture takes.

    Attributes:
        pairs: of Gaussian and tile.
        vectors: rows of tiles that Gaussians reach.
    """

    pairs: int
    vectors: int


def work_of(gaussians: Gaussians, cameras: tuple[Camera, ...], threads: int | None) -> Work:
    """Draws every camera once."""
    rasterizer = Rasterizer(threads)
    rasters = [rasterizer.forward(gaussians, camera) for camera in cameras]
    pairs, vectors = ([getattr(raster, name) for raster in rasters] for name in ("pairs", "vectors"))
    return Work(int(np.median(pairs)), int(np.median(vectors)))


def forward_seconds(gaussians: Gaussians, cameras: tuple[Camera, ...], threads: int | None) -> list[float]:
    """Of drawing with all harmonics, without depth."""
    rasterizer = Rasterizer(threads)
    seconds: list[float] = []
    for repetition in range(REPETITIONS + 1):
        for camera in cameras:
            started = time.perf_counter()
            rasterizer.forward(gaussians, camera)
            if repetition:
                seconds.append(time.perf_counter() - started)
    return seconds


def train_seconds(gaussians: Gaussians, cameras: tuple[Camera, ...], threads: int | None) -> list[float]:
    """Of whole steps of a fit at full size: drawing, L1 and SSIM, all gradients, and Adam on what was seen.

    The photos are pictures of the Gaussians themselves, so that the scene stays what it is.
    """
    settings = FitSettings((Resolution(1, 1),), max_gaussians=len(gaussians))
    extent = float(np.median(np.abs(gaussians.means)))
    stepper = CpuStepper(gaussians, settings, extent, threads)
    looks: list[Look] = []
    for camera in cameras:
        photo = np.rint(255 * np.clip(stepper.draw(camera, BLACK), 0, 1)).astype(np.uint8)
        looks.append(Look(Target(camera, photo, None, None, 1.0), BLACK, 3, None, False))
    rates = _rates(settings, extent)
    seconds: list[float] = []
    for step in range((REPETITIONS + 1) * len(looks)):
        started = time.perf_counter()
        stepper.compare(looks[step % len(looks)])
        stepper.move(rates, step + 1)
        if step >= len(looks):
            seconds.append(time.perf_counter() - started)
    return seconds


def _rates(settings: FitSettings, extent: float) -> Rates:
    """Those of the end of a fit."""
    rates = settings.rates
    return {
        "means": rates.means * rates.means_end * extent,
        "quaternions_wxyz": rates.quaternions * rates.end,
        "log_scales": rates.log_scales * rates.end,
        "logit_opacities": rates.logit_opacities * rates.end,
        "sh": np.full((3, SH_TERMS), rates.sh * rates.end / rates.sh_rest_divisor, np.float32),
    }


def path_seconds(gaussians: Gaussians, cameras: tuple[Camera, ...], threads: int | None) -> list[float]:
    """Of the frames of a film, from the scene to 8-bit YUV as an encoder takes it; the first few are not counted."""
    low, high = (f(gaussians.means, axis=0).astype(np.float64) for f in (np.min, np.max))
    scene = SplatScene(gaussians, World(low, high), backend="cpu")
    seconds: list[float] = []
    views = scene.views(path_cameras(gaussians, cameras[0]))
    started = time.perf_counter()
    for view in views:
        planes_of(view)
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    return seconds[FRAMES_NOT_COUNTED:]


def path_cameras(gaussians: Gaussians, first: Camera) -> Iterator[Camera]:
    """A smooth walk from a camera on: forward and to the right, turning to the left, at the pace of a tour."""
    depths = first.camera_from_world.apply(gaussians.means.astype(np.float64))[:, 2]
    near = float(np.median(depths[depths > 0])) if (depths > 0).any() else 1.0
    pose = first.world_from_camera
    step = near * FRAME_STEP / np.sqrt(2)
    for _ in range(PATH_FRAMES + FRAMES_NOT_COUNTED):
        yield Camera(first.intrinsics, pose)
        pose = pose @ Rigid(rotation_from_axis_angle((0.0, 1.0, 0.0), -FRAME_TURN_RAD), np.array([step, 0.0, step]))
