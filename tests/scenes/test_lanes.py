"""The engine at every vector width: which one a machine gets, and that the narrower ones give the same numbers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cameras.errors import SettingsError
from scenes.splats import engine
from scenes.splats.cpu import jit, vec_width

TESTS = Path(__file__).parent
WHOLE_ENGINE = (
    "test_vec.py",
    "test_cpu_assembly.py",
    "test_cpu_rasterizer.py::test_depths_are_the_references",
    "test_cpu_rasterizer.py::test_the_picture_is_the_references",
    "test_cpu_rasterizer.py::test_gradients_are_the_references",
    "test_cpu_rasterizer.py::test_the_same_call_gives_the_same_bytes",
    "test_cpu_path.py::test_every_frame_is_within_the_bound_of_a_single_picture",
    "test_ssim_loss.py::test_loss_and_gradient_are_those_of_the_definition",
    "test_adam_step.py::test_steps_are_those_of_the_paper",
)
VECTORS = ("test_vec.py", "test_ssim_loss.py::test_bytes_are_compared_as_fractions")


@pytest.mark.parametrize(
    ("features", "lanes"),
    [
        ({"sse", "avx", "avx2", "fma", "avx512f"}, 16),
        ({"sse", "avx", "avx2", "fma"}, 8),
        ({"sse", "avx"}, 8),
        ({"sse", "sse4.2"}, 4),
        ({"neon", "fp-armv8"}, 4),
        (set(), 4),
    ],
)
def test_the_width_is_that_of_the_registers(features: set[str], lanes: int) -> None:
    assert vec_width.lanes_for(frozenset(features)) == lanes


@pytest.mark.parametrize("lanes", vec_width.WIDTHS)
def test_the_environment_may_ask_for_a_width(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(vec_width.VARIABLE, str(lanes))
    assert vec_width.choose_lanes() == lanes


def test_without_a_wish_the_width_follows_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(vec_width.VARIABLE, raising=False)
    assert vec_width.choose_lanes() == vec_width.lanes_for(vec_width.enabled_features())


@pytest.mark.parametrize("asked", ["12", "", "wide"])
def test_another_width_is_refused(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(vec_width.VARIABLE, asked)
    with pytest.raises(SettingsError, match=r"FLYTHROUGH_LANES should be 4, 8 or 16 .* is '"):
        vec_width.choose_lanes()


def test_a_wrong_width_is_no_reason_to_fall_back_to_the_reference() -> None:
    program = "from scenes.splats.engine import resolve_backend; resolve_backend('cpu')"
    environment = {**os.environ, vec_width.VARIABLE: "5"}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert "SettingsError: The environment variable FLYTHROUGH_LANES should be 4, 8 or 16" in run.stderr
    assert engine.cpu_engine_trouble() is None  # here nothing was asked wrongly


def test_kernels_of_different_widths_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(jit.__file__)
    folders: list[str] = []
    for lanes in vec_width.WIDTHS:
        monkeypatch.setattr(jit, "LANES", lanes)
        jit._fingerprint.cache_clear()
        folders.append(jit._fingerprint(source))
    jit._fingerprint.cache_clear()
    assert len(set(folders)) == len(vec_width.WIDTHS)


@pytest.mark.parametrize(("lanes", "checks"), [(8, WHOLE_ENGINE), (4, VECTORS)])
def test_narrower_vectors_pass_the_tests_of_the_engine(lanes: int, checks: tuple[str, ...]) -> None:
    """Runs the tests of the engine again in a process where it has fewer lanes."""
    environment = {**os.environ, vec_width.VARIABLE: str(lanes)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(TESTS / name) for name in checks)]
    run = subprocess.run(command, env=environment, cwd=TESTS.parents[1], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
