"""The command line as a user meets it: quick help, one sentence for every error, honest exit codes."""

import errno
import importlib
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from cameras.errors import FlythroughError, InputError
from render import cli


def run(*arguments: str) -> int:
    return cli.main(arguments)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> "type[Failing]":
    """A command ``fail`` that raises whatever the test puts into it."""
    monkeypatch.setitem(cli.COMMANDS, "fail", "Fails.")

    @click.command("fail")
    @click.pass_obj
    def command(session: cli.Session) -> None:
        session.log_folder = Failing.log_folder
        raise Failing.error

    real = importlib.import_module
    module = type("module", (), {"command": command})
    monkeypatch.setattr(
        importlib, "import_module", lambda name, package=None: module if name.endswith(".fail") else real(name, package)
    )
    return Failing


class Failing:
    error: BaseException = RuntimeError()
    log_folder: Path | None = None


def test_help_lists_every_command_and_imports_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)
    heavy = ["numpy", "torch", "numba", "av", "pycolmap", "rich", "pydantic", "PIL", "scipy"]
    script = f"import sys, render.cli; render.cli.main(['--help']); sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_command_has_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    assert name in capsys.readouterr().out


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert "0." in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["dance"], ["tour", "--dance"], ["tour"], ["warmup", "--backend", "abacus"]])
def test_a_wrong_command_line_ends_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_error_of_the_user_is_one_sentence(failing: type[Failing], capsys: pytest.CaptureFixture[str]) -> None:
    failing.error = InputError("photos were expected,\n but none were found")
    assert run("fail") == 2
    assert capsys.readouterr().err == "Error: photos were expected, but none were found.\n"


def test_an_interrupt_says_how_to_go_on(failing: type[Failing], capsys: pytest.CaptureFixture[str]) -> None:
    failing.error = KeyboardInterrupt()
    assert run("fail") == 130
    assert "run the same command again to continue" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "said"),
    [(errno.ENOSPC, "the disk is full at /films/a.mp4"), (errno.EACCES, "/films/a.mp4 may not be opened")],
)
def test_what_the_machine_refuses_is_one_sentence(
    failing: type[Failing], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing.error = OSError(code, "refused", "/films/a.mp4")
    assert run("fail") == 2
    assert capsys.readouterr().err.startswith(f"Error: {said}")


def test_an_error_of_ours_saves_its_traceback(
    failing: type[Failing], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing.error, failing.log_folder = ZeroDivisionError("by zero"), tmp_path
    assert run("fail") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "ZeroDivisionError: by zero" in said
    assert "ZeroDivisionError" in (tmp_path / "flythrough-error.log").read_text(encoding="utf-8")


def test_a_warning_is_a_sentence_without_a_place_in_the_code() -> None:
    script = (
        "import click, warnings; from render import cli\n"
        "cli.cli.callback = lambda: warnings.warn('it is slow', stacklevel=1)\n"
        "cli.main(['warmup', '--help'])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stderr == "Warning: it is slow.\n"


@pytest.mark.parametrize("on_interrupt", [signal.default_int_handler, signal.SIG_IGN])
def test_a_polite_request_to_end_is_an_interrupt(on_interrupt: Any) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run("--version") == 0
    assert signal.getsignal(signal.SIGTERM) is before
    outer = signal.signal(signal.SIGINT, on_interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            cli.interrupt(signal.SIGTERM, None)
    finally:
        signal.signal(signal.SIGINT, outer)


def test_a_foreign_owner_stops_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise FlythroughError("flythrough needs the Python package 'render' to itself")

    monkeypatch.setattr(cli, "check_ownership", refuse)
    assert run("--help") == 2
    assert "to itself" in capsys.readouterr().err
