"""Kernels are compiled in a process of their own, so that the first process rounds like all later ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scenes.splats.cpu import kernel_compiler
from scenes.splats.cpu.kernel_compiler import KernelCompiler

_LOSS = """
import hashlib
import numpy as np
from scenes.splats.cpu import ssim
rng = np.random.default_rng(0)
compare = ssim.PhotoLossWorkspace(44, 36)
compare(rng.random((36, 44, 3), np.float32), rng.random((36, 44, 3), np.float32))
print(hashlib.sha256(compare._partials.tobytes()).hexdigest())
print(sum(sum(kernel.stats.cache_hits.values()) for kernel in (ssim._to_planes, ssim._ssim_partials)))
"""


def test_the_process_that_finds_no_kernels_rounds_like_one_that_does(tmp_path: Path) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", _LOSS]
    first, second = (subprocess.check_output(command, env=environment, text=True).split() for _ in range(2))
    assert first == second
    assert first[1] == "2"  # both kernels came from disk, also where there were none


def test_without_a_child_the_caller_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    assert not KernelCompiler().compile("scenes.splats.cpu.ssim", "_to_planes", ())


def test_a_kernel_that_does_not_compile_is_left_to_the_caller() -> None:
    compiler = KernelCompiler()
    try:
        assert not compiler.compile("scenes.splats.cpu.ssim", "no_such_kernel", ())
        assert compiler._child is not None
        assert compiler._child.poll() is None
        compiler._child.kill()
        compiler._child.wait()
        assert not compiler.compile("scenes.splats.cpu.ssim", "no_such_kernel", ())  # a new child answered
    finally:
        compiler._end()


def test_the_child_asks_no_grandchild(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_compiler, "_serving", True)
    assert not KernelCompiler().compile("scenes.splats.cpu.ssim", "_to_planes", ())
