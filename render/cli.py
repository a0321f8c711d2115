"""The command line: what each command is called, and how every error ends.

Exit codes: 0 done, 2 an error that the user can mend (one sentence on stderr), 3 a path that breaks a limit, 130
interrupted, 1 an error of ours.
"""

import errno
import importlib
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType

import click

from cameras.errors import FlythroughError

from .ownership import check_ownership

COMMANDS = {
    "tour": "Make a fly-through film from photos, a video or a data set.",
    "capture": "Find the cameras of photos; write a folder that other tools open.",
    "fit": "Fit a splat scene to a capture.",
    "plan": "Plan a camera path through a capture.",
    "preflight": "Check that a camera path keeps every limit, and repair it.",
    "path": "Convert camera paths to and from other tools.",
    "render": "Render a scene along a camera path into a film.",
    "evaluate": "Score the reconstruction on photos that were held out.",
    "report": "Measure a finished tour; write a page with pictures and curves.",
    "refine": "Train the weights of the refiner.",
    "info": "Say what a file or folder is.",
    "warmup": "Compile the engine once, so that the next command starts at once.",
    "bench": "Measure the engine's speed on this machine.",
}
MACHINE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


@dataclass
class Session:
    """What a command leaves for the end of the run: the folder that a traceback of ours is saved in."""

    log_folder: Path | None = None


class LazyGroup(click.Group):
    """Commands whose modules are imported when they are called; the table above is enough for ``--help``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f".commands.{cmd_name}", __package__).command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("flythrough"), prog_name="flythrough")
def cli() -> None:
    """Photos, a phone video or a 3D scene in; a finished fly-through film out.

    \b
    flythrough tour photos/ -o tour.mp4
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code."""
    session = Session()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run(arguments, session)


def _run(arguments: Sequence[str] | None, session: Session) -> int:
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        check_ownership()
        code = cli.main(args=arguments, prog_name="flythrough", standalone_mode=False, obj=session)
    except Exception as error:
        return _explain(error, session)
    except KeyboardInterrupt:
        return _interrupted()
    finally:
        signal.signal(signal.SIGTERM, previous)
    return code if isinstance(code, int) else 0  # what `Context.exit` was given, which click returns here


def _explain(error: Exception, session: Session) -> int:
    """Says in one line what went wrong, and returns the exit code."""
    if isinstance(error, click.Abort):  # click turns Ctrl-C into it
        return _interrupted()
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.UsageError):
        error.show()
        return 2
    if isinstance(error, FlythroughError):
        click.echo(f"Error: {sentence(str(error))}", err=True)
        return 2
    if isinstance(error, BrokenPipeError):  # whoever read our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if isinstance(error, OSError) and error.errno in MACHINE_ERRORS:
        click.echo(f"Error: {machine_sentence(error)}", err=True)
        return 2
    log = _save_traceback(error, session)
    summary = " ".join(str(error).split())[:200]
    click.echo(
        f"Error: flythrough failed in a way it should not ({type(error).__name__}: {summary}); "
        f"please report it with {log}, and run the same command again to continue.",
        err=True,
    )
    return 1


def sentence(text: str) -> str:
    """The text as one sentence on one line, with its full stop."""
    text = " ".join(text.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."


def machine_sentence(error: OSError) -> str:
    """One sentence for a full disk or a folder that may not be written."""
    place = error.filename or "the job folder"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full at {place}; free some space and run the same command again to continue."
    return (
        f"{place} may not be opened ({os.strerror(error.errno or 0)}); choose another place or change its permissions."
    )


def _show_warning(message: Warning | str, *place: object) -> None:
    """A warning for users: what, without where in the code."""
    click.echo(f"Warning: {sentence(str(message))}", err=True)


def _interrupted() -> int:
    click.echo("Interrupted; run the same command again to continue.", err=True)
    return 130


def interrupt(number: int, frame: FrameType | None) -> None:
    """A polite request to end is the same as Ctrl-C."""
    if not callable(signal.getsignal(signal.SIGINT)):  # ignored, as in a job that a script put in the background
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def _save_traceback(error: Exception, session: Session) -> Path:
    folder = session.log_folder if session.log_folder and session.log_folder.is_dir() else Path(tempfile.gettempdir())
    log = folder / "flythrough-error.log"
    lines = [f"flythrough {version('flythrough')}, Python {sys.version}, {sys.platform}\n", f"{sys.argv}\n"]
    log.write_text("".join(lines + traceback.format_exception(error)), encoding="utf-8")
    return log
