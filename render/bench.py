"""Measure the CPU engine, with the machine's own limits beside it, so that another machine can be compared."""

import statistics
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numba

from cameras.camera import Camera
from cameras.errors import SettingsError
from cameras.reporting import Report, silent
from scenes.splats.cpu import peak
from scenes.splats.cpu.jit import thread_count
from scenes.splats.cpu.vec import LANES
from scenes.splats.gaussians import Gaussians

from .bench_runs import forward_seconds, path_seconds, train_seconds, work_of
from .bench_scene import BenchScene, read_scene, resampled
from .bench_stand_in import stand_in_scene

# Additions and multiplications of compositing, per lane of a vector that a Gaussian reaches.
FORWARD_FLOPS_PER_LANE = 29
BACKWARD_FLOPS_PER_LANE = 55


@dataclass(frozen=True)
class BenchCase:
    """One row of the bench.

    Attributes:
        name: ``forward`` draws; ``train_step`` is a whole step of a fit: drawing, loss, gradients and Adam;
            ``path_frame`` is a frame of a film up to 8-bit YUV, after a frame from nearly the same place.
        gaussians: how many; the scene is resampled to it.
        width, height: of the picture.
    """

    name: str
    gaussians: int
    width: int
    height: int


Seconds = Callable[[Gaussians, tuple[Camera, ...], int | None], list[float]]

RUNS: dict[str, tuple[Seconds, int]] = {
    "forward": (forward_seconds, FORWARD_FLOPS_PER_LANE),
    "train_step": (train_seconds, FORWARD_FLOPS_PER_LANE + BACKWARD_FLOPS_PER_LANE),
    "path_frame": (path_seconds, FORWARD_FLOPS_PER_LANE),
}

_COUNTS = (50_000, 200_000, 1_000_000)
_SIZES = ((360, 640), (540, 960), (1080, 1920))
DEFAULT_CASES = (
    *(BenchCase(name, n, *size) for n in _COUNTS for size in _SIZES for name in ("forward", "train_step")),
    *(BenchCase("path_frame", n, 1280, 720) for n in _COUNTS),
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
            sh [N, 16, 3], camera_from_world [C, 4, 4], fx_fy_cx_cy and size_wh; a stand-in made from the room of the
            examples if None.
        threads: all that there are if None.
        report: told after every case.

    Raises:
        InputError: if the scene file cannot be used, or there is none and no room either.
        SettingsError: if a case has an unknown name or no size.
    """
    cases = tuple(cases)
    for case in cases:
        _check(case)
    scene = stand_in_scene() if scene_file is None else read_scene(scene_file)
    results: list[dict[str, Any]] = []
    with _threads(threads) as used:
        peak_gflops = peak.fma_gflops(used)
        for done, case in enumerate(cases, start=1):
            results.append(_run_case(case, scene, used, peak_gflops))
            report("bench", done / len(cases), results[-1])
    return {
        "fma_peak_gflops": round(peak_gflops, 1),
        "copy_gb_per_s": round(peak.copy_gb_per_s(), 2),
        "threads": used,
        "lanes": LANES,
        "scene": scene.source,
        "cases": results,
    }


@contextmanager
def _threads(asked: int | None) -> Iterator[int]:
    """Numba uses so many threads meanwhile."""
    before = numba.get_num_threads()
    used = thread_count(asked)
    numba.set_num_threads(used)
    try:
        yield used
    finally:
        numba.set_num_threads(before)


def _check(case: BenchCase) -> None:
    if case.name not in RUNS:
        raise SettingsError(f"The bench has the cases {', '.join(RUNS)}, but '{case.name}' was asked for.")
    if min(case.gaussians, case.width, case.height) < 1:
        raise SettingsError(
            f"A case of the bench needs at least one Gaussian and one pixel, but {case.gaussians} Gaussians at "
            f"{case.width}x{case.height} were asked for."
        )


def _run_case(case: BenchCase, scene: BenchScene, threads: int, peak_gflops: float) -> dict[str, Any]:
    """Medians over the cameras (for a path, its frames) and the repetitions."""
    gaussians = resampled(scene.gaussians, case.gaussians)
    cameras = scene.cameras_at(case.width, case.height)
    seconds_of, flops_per_lane = RUNS[case.name]
    work = work_of(gaussians, cameras, threads)
    median = statistics.median(seconds_of(gaussians, cameras, threads))
    lanes = LANES * work.vectors
    return {
        **asdict(case),
        "ms_median": round(median * 1e3, 2),
        "per_second": round(1 / median, 2),
        "share_of_peak": round(lanes * flops_per_lane / median / 1e9 / peak_gflops, 4),
        "pairs": work.pairs,
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
