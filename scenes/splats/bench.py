"""Measure the CPU engine, with the machine's own limits beside it, so that another machine can be compared."""

import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import InputError, SettingsError
from cameras.intrinsics import Intrinsics
from cameras.reporting import Report, silent
from cameras.rigid import Rigid

from .cpu import peak
from .cpu.rasterizer import Raster, Rasterizer
from .cpu.vec import LANES
from .gaussians import SH_TERMS, Gaussians

CASE_NAMES = ("forward", "train_step")
FORWARD_FLOPS_PER_LANE = (
    29  # additions and multiplications of compositing, per lane of a vector that a Gaussian reaches
)
BACKWARD_FLOPS_PER_LANE = 55
REPETITIONS = 3


@dataclass(frozen=True)
class BenchCase:
    """One row of the bench: ``forward`` draws, ``train_step`` also takes the gradient of all parameters."""

    name: str
    gaussians: int
    width: int
    height: int


@dataclass(frozen=True)
class BenchScene:
    """Gaussians, cameras that look at them, and a note of where they came from."""

    gaussians: Gaussians
    cameras: tuple[Camera, ...]
    source: str


DEFAULT_CASES = tuple(
    BenchCase(name, gaussians, width, height)
    for gaussians in (50_000, 200_000, 1_000_000)
    for width, height in ((360, 640), (540, 960), (1080, 1920))
    for name in CASE_NAMES
)


def run_bench(
    cases: Iterable[BenchCase] = DEFAULT_CASES,
    scene_file: Path | None = None,
    *,
    threads: int | None = None,
    report: Report = silent,
) -> dict[str, Any]:
    """Run the cases and give their medians, JSON-able.

    Args:
        cases: what to run.
        scene_file: a splat ``.ply``, or an ``.npz`` with means, quaternions_wxyz, log_scales, logit_opacities,
            sh [N, 16, 3], camera_from_world [C, 4, 4], fx_fy_cx_cy and size_wh; a made-up room if None.
        threads: all that there are if None.
        report: told after every case.

    Raises:
        InputError: if the scene file cannot be used.
        SettingsError: if a case has an unknown name or no size.
    """
    cases = tuple(cases)
    for case in cases:
        _check(case)
    scene = made_up_scene() if scene_file is None else read_scene(scene_file)
    rasterizer = Rasterizer(threads)
    peak_gflops = peak.fma_gflops(rasterizer.threads)
    results: list[dict[str, Any]] = []
    for done, case in enumerate(cases, start=1):
        results.append(_run_case(case, scene, rasterizer, peak_gflops))
        report("bench", done / len(cases), results[-1])
    return {
        "fma_peak_gflops": round(peak_gflops, 1),
        "copy_gb_per_s": round(peak.copy_gb_per_s(), 2),
        "threads": rasterizer.threads,
        "lanes": LANES,
        "scene": scene.source,
        "cases": results,
    }


def _check(case: BenchCase) -> None:
    if case.name not in CASE_NAMES:
        raise SettingsError(f"The bench has the cases {', '.join(CASE_NAMES)}, but '{case.name}' was asked for.")
    if min(case.gaussians, case.width, case.height) < 1:
        raise SettingsError(
            f"A case of the bench needs at least one Gaussian and one pixel, but {case.gaussians} Gaussians at "
            f"{case.width}x{case.height} were asked for."
        )


def _run_case(case: BenchCase, scene: BenchScene, rasterizer: Rasterizer, peak_gflops: float) -> dict[str, Any]:
    """Median over the cameras and the repetitions; the first round is not counted."""
    gaussians = resampled(scene.gaussians, case.gaussians)
    cameras = [camera.resized(case.width, case.height) for camera in scene.cameras]
    d_rgb = np.full((case.height, case.width, 3), 1 / (3 * case.width * case.height), np.float32)
    gradients = None
    seconds: list[float] = []
    rasters: list[Raster] = []
    for repetition in range(REPETITIONS + 1):
        for camera in cameras:
            started = time.perf_counter()
            raster = rasterizer.forward(gaussians, camera)
            if case.name == "train_step":
                gradients = rasterizer.backward(raster, d_rgb, gradients=gradients)
            if repetition:
                seconds.append(time.perf_counter() - started)
            else:
                rasters.append(raster)
    median = statistics.median(seconds)
    lanes = LANES * statistics.median(raster.vectors for raster in rasters)
    flops = FORWARD_FLOPS_PER_LANE + (BACKWARD_FLOPS_PER_LANE if case.name == "train_step" else 0)
    return {
        **asdict(case),
        "ms_median": round(median * 1e3, 2),
        "per_second": round(1 / median, 2),
        "share_of_peak": round(lanes * flops / median / 1e9 / peak_gflops, 4),
        "pairs": int(statistics.median(raster.pairs for raster in rasters)),
        "lanes_per_pixel": round(lanes / (case.width * case.height), 2),
        "peak_rss_mb": round(_peak_rss_mb()),
    }


def _peak_rss_mb() -> float:
    """The most memory that this process has held, in MB; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / 1e6 if sys.platform == "darwin" else held / 1e3  # bytes there, KiB here


def resampled(gaussians: Gaussians, count: int, seed: int = 0) -> Gaussians:
    """About the same scene with another number of Gaussians.

    Fewer: a random choice, larger by the square root of the ratio. More: copies, moved by 0.7 of a random step within
    the Gaussian, and smaller by the square root of the ratio.
    """
    n = len(gaussians)
    rng = np.random.default_rng(seed)
    if count <= n:
        chosen = gaussians.select(rng.choice(n, count, replace=False))
    else:
        index = np.concatenate([np.tile(np.arange(n), count // n), rng.choice(n, count % n, replace=False)])
        chosen = gaussians.select(index)
        steps = 0.7 * rng.normal(size=(count, 3)).astype(np.float32)
        chosen = replace(chosen, means=chosen.means + steps * chosen.scales)
    return replace(chosen, log_scales=chosen.log_scales + np.float32(0.5 * np.log(n / count)))


def made_up_scene(count: int = 100_000, seed: int = 0) -> BenchScene:
    """Flat Gaussians on the six walls of a room, seen from inside: a stand-in where there is no scene at hand."""
    rng = np.random.default_rng(seed)
    half_size = np.array([3.0, 4.0, 1.4])
    means = rng.uniform(-half_size, half_size, (count, 3))
    wall = rng.integers(0, 3, count)
    means[np.arange(count), wall] = rng.choice([-1, 1], count) * half_size[wall]
    log_scales = np.log(rng.uniform(0.01, 0.06, (count, 3)))
    log_scales[np.arange(count), wall] = np.log(0.005)
    quaternions = np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)) + rng.normal(0, 0.1, (count, 4))
    sh = rng.normal(0, 0.1, (count, 3, SH_TERMS))
    parameters = (means, quaternions, log_scales, rng.normal(0.5, 1.5, count), sh)
    gaussians = Gaussians(*(array.astype(np.float32) for array in parameters))
    return BenchScene(gaussians, _cameras_around(np.zeros(3)), "made up: no scene file was given")


def read_scene(path: Path) -> BenchScene:
    """A scene from a file, see ``run_bench``.

    Raises:
        InputError: if it cannot be used.
    """
    if path.suffix == ".ply":
        from scenes.formats.ply import read_splat_ply

        gaussians = read_splat_ply(path).gaussians
        if not len(gaussians):
            raise InputError(f"The bench needs a scene with Gaussians, but {path} has none.")
        middle = np.median(gaussians.means, axis=0).astype(np.float64)
        return BenchScene(gaussians, _cameras_around(middle), f"{path.name}, seen from its middle")
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        return _scene_of(arrays, path.name)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"The bench needs a splat .ply or an .npz with parameters and cameras, but {path} cannot be used: {error}."
        ) from error


def _scene_of(arrays: dict[str, NDArray[Any]], name: str) -> BenchScene:
    sh = np.swapaxes(arrays["sh"], 1, 2)
    parameters = (arrays[key] for key in ("means", "quaternions_wxyz", "log_scales", "logit_opacities"))
    means, quaternions, log_scales, logits = parameters
    width, height = (int(v) for v in arrays["size_wh"])
    fx, fy, cx, cy = (float(v) for v in arrays["fx_fy_cx_cy"])
    lens = Intrinsics(width, height, fx, fy, cx, cy)
    cameras = tuple(Camera(lens, _rigid(matrix).inverse()) for matrix in arrays["camera_from_world"])
    return BenchScene(Gaussians(means, quaternions, log_scales, logits, sh), cameras, name)


def _rigid(matrix: NDArray[Any]) -> Rigid:
    """A pose whose rotation may have lost digits in float32."""
    u, _, v = np.linalg.svd(matrix[:3, :3].astype(np.float64))
    return Rigid(u @ v, matrix[:3, 3].astype(np.float64))


def _cameras_around(position: NDArray[np.float64], count: int = 5) -> tuple[Camera, ...]:
    """Level cameras at one place, looking around; +z is up."""
    cameras: list[Camera] = []
    for angle in np.arange(count) * 2 * np.pi / count:
        forward = np.array([np.cos(angle), np.sin(angle), 0.0])
        right = np.array([np.sin(angle), -np.cos(angle), 0.0])
        rotation = np.stack([right, np.array([0.0, 0.0, -1.0]), forward], axis=1)
        cameras.append(Camera(Intrinsics.from_fov(540, 960, 1.1), Rigid(rotation, position)))
    return tuple(cameras)
