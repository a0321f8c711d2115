"""From one path format to another."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..errors import SettingsError
from ..similarity import Similarity
from . import FORMATS, load_format, recognize
from .exchange import MAX_FPS, Flight, FrameSettings

MAX_SIDE = 100_000
_MOVED_WORLDS = ("nerfstudio",)


@dataclass(frozen=True, eq=False)
class Wanted:
    """What the caller wants; what is None comes from the file that is read, or is as usual where it does not say.

    Attributes:
        to: the format that is written, a name from `FORMATS`.
        given: the format that is read; None to tell it by content.
        fps: frames a second.
        size: image size (width, height) in pixels.
        scene_from_world: for the formats that live in a world of their own.

    Raises:
        SettingsError: if a rate or a size is out of bounds.
    """

    to: str
    given: str | None = None
    fps: Fraction | None = None
    size: tuple[int, int] | None = None
    scene_from_world: Similarity | None = None

    def __post_init__(self) -> None:
        if self.fps is not None and not 0 < self.fps <= MAX_FPS:
            raise SettingsError(f"--fps should be above 0 and at most {MAX_FPS}, but is {self.fps}.")
        if self.size is not None and not all(1 <= side <= MAX_SIDE for side in self.size):
            raise SettingsError(f"--size should be from 1 to {MAX_SIDE} pixels a side, but is {self.size}.")

    def settings(self, fps: Fraction | None = None, size: tuple[int, int] | None = None) -> FrameSettings:
        """What is wanted, else what is given here, else the usual."""
        usual = FrameSettings()
        width, height = self.size or size or (usual.width, usual.height)
        return FrameSettings(self.fps or fps or usual.fps, width, height, self.scene_from_world)


@dataclass(frozen=True)
class Conversion:
    """What was done.

    Attributes:
        given, to: the formats.
        seconds: the length of the path.
        fps: the frame rate that was written.
        not_read: items of the input that a path of ours cannot hold.
        not_written: items of the path that the output's format cannot.
    """

    given: str
    to: str
    seconds: float
    fps: Fraction
    not_read: tuple[str, ...]
    not_written: tuple[str, ...]


def read_flight(file: Path, settings: FrameSettings | None = None, given: str | None = None) -> tuple[str, Flight]:
    """The format of a file and the path in it; ``settings`` say what the file leaves open.

    Raises:
        InputError: if the file is no path of a known format, or of ``given``, or is damaged.
        MissingExtraError: if its format needs a package that is not installed.
    """
    name = given or recognize(file)
    # Numbers beyond any camera are refused by what comes of them, not by a warning on the way.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        return name, load_format(name).read(file, settings or FrameSettings())


def convert(source: Path, output: Path, wanted: Wanted) -> Conversion:
    """Writes the path in ``source`` to ``output``, which appears when it is whole.

    Raises:
        InputError: as `read_flight`.
        SettingsError: if the output's name or the path does not fit the format.
        MissingExtraError: if a format needs a package that is not installed.
    """
    suffixes = FORMATS[wanted.to].suffixes
    if output.suffix.lower() not in suffixes:
        raise SettingsError(
            f"{FORMATS[wanted.to].what} needs a name that ends in {' or '.join(suffixes)}, but the output is "
            f"{output.name}; rename it."
        )
    given, flight = read_flight(source, wanted.settings(), wanted.given)
    if wanted.scene_from_world is not None and not {given, wanted.to} & set(_MOVED_WORLDS):
        raise SettingsError(
            f"--dataparser is for nerfstudio's paths, but this is from {given} to {wanted.to}; leave it out."
        )
    settings = wanted.settings(flight.fps, flight.size)
    lost = load_format(wanted.to).write(flight, output, settings)
    return Conversion(given, wanted.to, flight.shots.duration_s, settings.fps, flight.losses, lost)
