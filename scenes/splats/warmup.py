"""Compiles the kernels of the engines ahead, so that no step begins with an unexplained pause."""

import time
from collections.abc import Callable

import numpy as np

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.reporting import Report, silent
from cameras.rigid import Rigid

from .engine import Engine, resolve_backend
from .gaussians import Gaussians

FITTING = ("drawing", "gradients", "loss and optimiser")
SCORING = ("drawing", "depth", "paths")
FILMING = ("paths",)
ALL = ("drawing", "gradients", "loss and optimiser", "depth", "paths")

_SILENT_SECONDS = 1.0  # kernels that lie on disk are loaded in less


def warmup(backend: str = "auto", report: Report = silent, parts: tuple[str, ...] = ALL) -> None:
    """Run kernels of a backend once on next to nothing; compiled ones are kept on disk.

    Args:
        backend: as in ``Engine``; the reference has no kernels.
        report: told ``"compile the engine"`` where that takes long enough to be seen, else nothing.
        parts: of the CPU engine, some of ``ALL``.

    Raises:
        SettingsError, MissingExtraError, InstallationError: as ``resolve_backend``.
    """
    chosen = resolve_backend(backend)
    told, began = False, time.monotonic()
    steps = _cpu_steps() if chosen == "cpu" else {part: _draw_one(chosen) for part in parts[:1]}
    names = [part for part in parts if part in steps]
    for done, name in enumerate(names):
        if told or time.monotonic() - began > _SILENT_SECONDS:
            report("compile the engine", done / len(names), {"kernels": name})
            told = True
        steps[name]()
    if told or time.monotonic() - began > _SILENT_SECONDS:
        report("compile the engine", 1.0, {})


def _draw_one(backend: str) -> Callable[[], object]:
    return lambda: Engine(backend).render(*sample_scene())


def _cpu_steps() -> dict[str, Callable[[], object]]:
    from .cpu.path import PathRasterizer
    from .cpu.rasterizer import Rasterizer

    gaussians, camera = sample_scene()
    ones = np.ones((camera.height, camera.width), np.float32)
    d_rgb = np.ones((*ones.shape, 3), np.float32)
    rasterizer = Rasterizer()

    def depth() -> None:
        raster = rasterizer.forward(gaussians, camera, depth=True)
        rasterizer.backward(raster, d_rgb, ones, ones)

    def paths() -> None:
        path = PathRasterizer(gaussians)
        for with_depth in (False, True):
            path.frame(camera, depth=with_depth)

    return {
        "drawing": lambda: rasterizer.forward(gaussians, camera),
        "gradients": lambda: rasterizer.backward(rasterizer.forward(gaussians, camera), d_rgb),
        "loss and optimiser": _loss_and_optimiser,
        "depth": depth,
        "paths": paths,
    }


def _loss_and_optimiser() -> None:
    from .cpu.adam import Moments, adam_step
    from .cpu.ssim import PhotoLossWorkspace

    compare = PhotoLossWorkspace(4, 3)
    image = np.zeros((3, 4, 3), np.float32)
    compare(image, image)
    compare(image, np.zeros((3, 4, 3), np.uint8))
    parameters = np.zeros((1, 3), np.float32)
    adam_step(parameters, parameters, Moments.zeros_like(parameters), np.ones(1, np.bool_), 0.1, 1)


def sample_scene() -> tuple[Gaussians, Camera]:
    """A few Gaussians before a small camera."""
    n = 64
    rng = np.random.default_rng(0)
    means = rng.uniform((-1, -1, 2), (1, 1, 4), (n, 3)).astype(np.float32)
    quaternions = np.tile(np.array([1, 0, 0, 0], np.float32), (n, 1))
    log_scales, logits = np.full((n, 3), -2.0, np.float32), np.zeros(n, np.float32)
    gaussians = Gaussians(means, quaternions, log_scales, logits, np.zeros((n, 3, 16), np.float32))
    return gaussians, Camera(Intrinsics.from_fov(40, 24, 0.8), Rigid.identity())
