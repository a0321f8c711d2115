"""What a film is asked to be, and every check that is cheap enough to make before the long work begins."""

import os
import re
import shutil
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from cameras.errors import InputError, InstallationError, SettingsError
from scenes.splats.settings import Quality

from .refine.base import RefineChoice

ENGINES = ("splats",)
BACKENDS = ("auto", "cpu", "cuda")
QUALITIES = ("draft", "standard", "high")
MAX_SECONDS = 3600.0
FREE_BYTES_FOR_WORK = 400_000_000
BITS_PER_PIXEL = {"h264": 0.5, "h265": 0.4, "av1": 0.4, "prores": 6.0, "png": 16.0}


@dataclass(frozen=True)
class FitRequest:
    """What the user asked of a fit, as typed. Fields are the options of ``flythrough fit``."""

    quality: Quality = "standard"
    engine: str = "splats"
    iterations: int | None = None
    max_gaussians: int | None = None
    refine_poses: bool = False
    seed: int = 0
    backend: str = "auto"

    def check(self) -> None:
        """Raises SettingsError if an engine does not exist or a number is out of bounds."""
        if self.engine not in ENGINES:
            raise SettingsError(f"--engine should be one of {', '.join(ENGINES)}, but is '{self.engine}'.")
        _check_number("--iterations", self.iterations, 1, 1_000_000)
        _check_number("--max-gaussians", self.max_gaussians, 100, 10_000_000)
        check_seed(self.seed)


@dataclass(frozen=True)
class TourRequest:
    """What the user asked ``tour`` for, as typed; ``render.tour`` checks it."""

    source: Path
    output: Path
    size: str = "1280x720"
    fps: str = "30"
    seconds: float = 12.0
    codec: str | None = None
    job: Path | None = None
    force: str | None = None
    fit: FitRequest = field(default_factory=FitRequest)
    refine: RefineChoice = field(default_factory=RefineChoice)


def parse_size(text: str) -> tuple[int, int]:
    """``1280x720`` as (width, height).

    Raises:
        SettingsError: if it is not two whole numbers; ``FilmSettings`` checks what a codec can take.
    """
    match = re.fullmatch(r"\s*(\d+)\s*[xX]\s*(\d+)\s*", text)
    if not match:
        raise SettingsError(f"--size should be WIDTHxHEIGHT in pixels, such as 1280x720, but is '{text}'.")
    return int(match[1]), int(match[2])


def parse_fps(text: str) -> Fraction:
    """``30``, ``29.97``, ``30000/1001`` as an exact frame rate.

    Raises:
        SettingsError: if it is not a number; ``FilmSettings`` checks its range.
    """
    broadcast = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
    try:
        fps = broadcast.get(text.strip()) or Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise SettingsError(f"--fps should be frames a second, such as 30 or 30000/1001, but is '{text}'.") from None
    return fps.limit_denominator(1001)


def check_seconds(seconds: float, fps: Fraction = Fraction(30)) -> None:
    """Raises SettingsError unless the film has at least two frames and at most an hour."""
    if not 2 <= seconds * fps <= MAX_SECONDS * fps:  # also false for NaN
        raise SettingsError(
            f"--seconds should be the film's length, at least two frames and at most {MAX_SECONDS:.0f} s, "
            f"but is {seconds:g}; try 12."
        )


def check_seed(seed: int) -> None:
    """Raises SettingsError if a seed is negative or too large for every library."""
    _check_number("--seed", seed, 0, 2**31 - 1)


def _check_number(option: str, value: int | None, least: int, most: int) -> None:
    if value is not None and not least <= value <= most:
        raise SettingsError(f"{option} should be from {least:,} to {most:,}, but is {value:,}.")


def check_exists(path: Path) -> None:
    """Raises InputError if nothing is there."""
    if not path.exists():
        raise InputError(f"an input was expected at {path}, but nothing is there; check the path.")


def check_suffix(output: Path, suffix: str) -> None:
    """Raises SettingsError unless a file's name ends as its format wants."""
    if output.suffix.lower() != suffix:
        raise SettingsError(f"the output's name should end in {suffix}, but is {output.name}; rename it.")


def check_output_place(output: Path, *, is_folder: bool = False) -> None:
    """Raises SettingsError unless the output can be made at its place: an existing folder that may be written.

    Args:
        output: the file, or the folder if ``is_folder``, that will be made.
        is_folder: a folder is wanted.
    """
    parent = output.absolute().parent
    if not parent.is_dir():
        raise SettingsError(f"the output {output} needs the folder {parent}, which does not exist; make it first.")
    if output.is_dir() and not is_folder:
        raise SettingsError(
            f"the output should be a file, but {output} is a folder; "
            f"give a file name, such as {output / ('tour' + (output.suffix or '.mp4'))}."
        )
    if is_folder and output.is_file():
        raise SettingsError(f"the output should be a folder, but {output} is a file; choose another name.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise SettingsError(
            f"the output {output} cannot be written, since the folder {parent} is not writable; choose another place."
        )


def check_outside(output: Path, source: Path) -> None:
    """Raises SettingsError if the output would be written into the input's folder, which is never touched."""
    folder = source if source.is_dir() else None
    if folder is not None and output.resolve().is_relative_to(folder.resolve()):
        raise SettingsError(
            f"the output {output} lies inside the input folder {folder}, which is never written to; "
            f"choose a place outside it, such as {folder.resolve().parent / output.name}."
        )
    if output.resolve() == source.resolve():
        raise SettingsError(f"the output {output} is the input itself; choose another name.")


def check_disk(folder: Path, width: int, height: int, n_frames: int, codec: str) -> None:
    """Raises InstallationError if the disk has too little room for the work and the film (twice: segments, film)."""
    film = width * height * n_frames * BITS_PER_PIXEL.get(codec, 16.0) / 8
    wanted = FREE_BYTES_FOR_WORK + 2 * film
    place = folder if folder.exists() else folder.absolute().parent
    free = shutil.disk_usage(place).free
    if free < wanted:
        raise InstallationError(
            f"about {wanted / 1e9:.1f} GB of free disk are needed for the film and its job, but {place} has "
            f"{free / 1e9:.1f} GB; free some, or choose another disk with -o and --job."
        )


def job_folder(output: Path, chosen: Path | None = None) -> Path:
    """Where the job of an output lives: ``tour.mp4`` has ``tour.flythrough`` beside it; absolute."""
    return (chosen if chosen is not None else output.with_suffix(".flythrough")).absolute()


def choose_codec(output: Path, chosen: str | None) -> str:
    """The codec that was chosen, or the one that the film's name asks for.

    Raises:
        SettingsError: if no codec was chosen and the name's ending is none that we write.
    """
    by_suffix = {".mp4": "h264", ".mov": "prores"}
    if chosen is not None:
        return chosen
    if output.suffix.lower() not in by_suffix:
        raise SettingsError(
            f"the film's name should end in .mp4 (or .mov for prores), but is {output}; "
            "rename it, or ask for a folder of images with --codec png."
        )
    return by_suffix[output.suffix.lower()]
