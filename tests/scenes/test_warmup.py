"""Compiling ahead."""

import subprocess
import sys
from collections.abc import Mapping

import pytest

from scenes.splats import warmup as module
from scenes.splats.warmup import ALL, FITTING, warmup


class Told:
    """A report that remembers."""

    def __init__(self) -> None:
        self.fractions: list[float] = []
        self.kernels: list[object] = []

    def __call__(self, stage: str, fraction: float, figures: Mapping[str, object]) -> None:
        self.fractions.append(fraction)
        self.kernels.append(figures.get("kernels"))


def test_it_says_nothing_where_kernels_are_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    warmup("cpu")
    monkeypatch.setattr(module, "_SILENT_SECONDS", 60.0)
    told = Told()
    warmup("cpu", told)
    assert not told.fractions


def test_it_reports_to_the_end_where_it_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SILENT_SECONDS", -1.0)
    told = Told()
    warmup("cpu", told)
    assert told.fractions == [k / len(ALL) for k in range(len(ALL) + 1)]
    assert told.kernels == [*ALL, None]


def test_the_reference_has_no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SILENT_SECONDS", 60.0)
    told = Told()
    warmup("reference", told, FITTING)
    assert not told.fractions


def test_a_fit_compiles_nothing_that_was_not_warmed_up() -> None:
    """Counted in a process of its own, for each kernel by how many kinds of arguments it was called with."""
    script = """
import numpy as np
from scenes.splats.cpu import adam, binning, compositing, compositing_gradient, ordering, projection
from scenes.splats.cpu import projection_gradient, ssim
from scenes.splats.cpu_fit import CpuStepper
from scenes.splats.settings import FitSettings
from scenes.splats.steps import Look
from scenes.splats.targets import Target
from scenes.splats.warmup import FITTING, sample_scene, warmup

modules = adam, binning, compositing, compositing_gradient, ordering, projection, projection_gradient, ssim
kernels = [k for m in modules for k in vars(m).values() if getattr(k, "targetoptions", {}).get("parallel")]
count = lambda: sum(len(k.signatures) for k in kernels)
warmup("cpu", parts=FITTING)
before = count()
gaussians, camera = sample_scene()
stepper = CpuStepper(gaussians, FitSettings.for_photo_passes(1, max_gaussians=100), 1.0, None)
photo = np.zeros((camera.height, camera.width, 3), np.uint8)
stepper.compare(Look(Target(camera, photo, None, None, 1.0), np.zeros(3, np.float32), 3, None, False))
rates = {"means": 1e-3, "quaternions_wxyz": 1e-3, "log_scales": 1e-3, "logit_opacities": 1e-3}
stepper.move({**rates, "sh": np.full((3, 16), 1e-3, np.float32)}, 1)
print(before, count())
"""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    before, after = map(int, ran.stdout.split())
    assert before == after > 8
