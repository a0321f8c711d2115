"""kill -9 at any moment, then the same command again: the film is that of an undisturbed run, byte for byte."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TINY = ("--size", "96x64", "--fps", "24", "--seconds", "6", "--iterations", "120", "--max-gaussians", "1500")
TINY += ("--refine", "warp", "--refine-minutes", "0")
Moment = Callable[[dict[str, Any]], bool]


# Quick fits of the folds: how long they are changes nothing of what is tested here.
START = """
import sys
from render import cli, refine_stage
from render.refine.preparation import PreparationSettings
refine_stage.settings_for = lambda _: PreparationSettings(folds=2, photo_passes=30.0, max_gaussians=1500, distill=None)
sys.exit(cli.main())
"""


def command(source: Path, output: Path) -> list[str]:
    return [sys.executable, "-c", START, "tour", str(source), "-o", str(output), *TINY, "--progress", "json"]


def run_until(source: Path, output: Path, moment: Moment, number: int) -> int:
    """Runs the command, sends a signal at the first event that the moment accepts; returns the exit code."""
    with subprocess.Popen(command(source, output), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if moment(json.loads(line)):
                process.send_signal(number)
                break
        process.stdout.read()
    return process.returncode


def during(stage: str, fraction: float) -> Moment:
    def is_now(event: dict[str, Any]) -> bool:
        return event["event"] == "progress" and event["stage"] == stage and event["fraction"] >= fraction

    return is_now


@pytest.fixture(scope="module")
def undisturbed(tiny_room: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    output = tmp_path_factory.mktemp("undisturbed") / "room.mp4"
    assert run_until(tiny_room, output, lambda event: False, signal.SIGKILL) == 0
    return output.read_bytes()


def test_interrupted_in_every_long_stage(tiny_room: Path, tmp_path: Path, undisturbed: bytes) -> None:
    output = tmp_path / "room.mp4"
    interruptions = [
        (during("fit", 0.3), signal.SIGKILL, -signal.SIGKILL),
        (during("fit", 0.4), signal.SIGTERM, 130),
        (during("fit", 0.8), signal.SIGINT, 130),
        (during("refine", 0.4), signal.SIGKILL, -signal.SIGKILL),
        (during("film", 0.5), signal.SIGKILL, -signal.SIGKILL),
    ]
    for moment, number, code in interruptions:
        assert run_until(tiny_room, output, moment, number) == code
        assert not output.exists()
    assert run_until(tiny_room, output, lambda event: False, signal.SIGKILL) == 0
    assert output.read_bytes() == undisturbed
    report = json.loads((tmp_path / "room.report.json").read_text(encoding="utf-8"))
    assert report["continued_after_interruption"] == ["fit", "refine", "film"]
