"""What a film is asked to be, and every check that is cheap enough to make before the long work begins."""

import os
import re
import shutil
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from cameras.errors import InstallationError, SettingsError

ENGINES = ("splats",)
BACKENDS = ("auto", "cpu", "cuda")
QUALITIES = ("draft", "standard", "high")
STAGES = ("capture", "fit", "plan", "film", "report")
MIN_SIDE, MAX_SIDE = 16, 7680
MAX_FPS = 240
MAX_SECONDS = 3600.0
FREE_BYTES_FOR_WORK = 400_000_000
BITS_PER_PIXEL = {"h264": 0.5, "h265": 0.4, "av1": 0.4, "prores": 6.0, "png": 16.0}


@dataclass(frozen=True)
class Size:
    """Of a film's frames, in pixels."""

    width: int
    height: int


def parse_size(text: str) -> Size:
    """``1280x720`` as a size.

    Raises:
        SettingsError: if it is not two even numbers in bounds.
    """
    match = re.fullmatch(r"\s*(\d+)\s*[xX]\s*(\d+)\s*", text)
    if not match:
        raise SettingsError(f"--size should be WIDTHxHEIGHT in pixels, such as 1280x720, but is '{text}'.")
    width, height = int(match[1]), int(match[2])
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise SettingsError(
            f"--size should have sides from {MIN_SIDE} to {MAX_SIDE} pixels, but is {width}x{height}; try 1280x720."
        )
    if width % 2 or height % 2:
        even = f"{width - width % 2}x{height - height % 2}"
        raise SettingsError(f"--size should have even sides for video, but is {width}x{height}; try {even}.")
    return Size(width, height)


def parse_fps(text: str) -> Fraction:
    """``30``, ``29.97``, ``30000/1001`` as an exact frame rate.

    Raises:
        SettingsError: if it is not a rate from 1 to 240.
    """
    broadcast = {"23.976": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}
    try:
        fps = broadcast.get(text.strip()) or Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise SettingsError(f"--fps should be frames a second, such as 30 or 30000/1001, but is '{text}'.") from None
    if not 1 <= fps <= MAX_FPS:
        raise SettingsError(f"--fps should be from 1 to {MAX_FPS} frames a second, but is {text}; try 30.")
    return fps.limit_denominator(1001)


def check_seconds(seconds: float, fps: Fraction) -> None:
    """Raises SettingsError unless the film has at least two frames and at most an hour."""
    if not 2 / fps <= seconds <= MAX_SECONDS:  # also false for NaN
        raise SettingsError(
            f"--seconds should be the film's length, at least two frames and at most {MAX_SECONDS:.0f} s, "
            f"but is {seconds:g}; try 12."
        )


def check_at_least(option: str, value: int | None, least: int, most: int) -> None:
    """Raises SettingsError if a number is given and out of bounds."""
    if value is not None and not least <= value <= most:
        raise SettingsError(f"{option} should be from {least:,} to {most:,}, but is {value:,}.")


def check_engine(engine: str) -> None:
    """Raises SettingsError on an engine that does not exist."""
    if engine not in ENGINES:
        raise SettingsError(f"--engine should be one of {', '.join(ENGINES)}, but is '{engine}'.")


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


def check_disk(folder: Path, size: Size, frames: int, codec: str) -> None:
    """Raises InstallationError if the disk has too little room for the work and the film (twice: segments, film)."""
    film = size.width * size.height * frames * BITS_PER_PIXEL.get(codec, 16.0) / 8
    wanted = FREE_BYTES_FOR_WORK + 2 * film
    place = folder if folder.exists() else folder.absolute().parent
    free = shutil.disk_usage(place).free
    if free < wanted:
        raise InstallationError(
            f"about {wanted / 1e9:.1f} GB of free disk are needed for the film and its job, but {place} has "
            f"{free / 1e9:.1f} GB; free some, or choose another disk with -o and --job."
        )


def job_folder(output: Path, chosen: Path | None = None) -> Path:
    """Where the job of an output lives: ``tour.mp4`` has ``tour.flythrough`` beside it."""
    return chosen if chosen is not None else output.absolute().with_suffix(".flythrough")
