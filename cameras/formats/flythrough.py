"""Our own path file in the company of the others; the format itself is in `flythrough_json`."""

from pathlib import Path

from .exchange import Flight, FrameSettings
from .files import Opening
from .flythrough_json import FORMAT, read_path_and_world, write_path


def recognizes(opening: Opening) -> bool:
    """By its key ``format``."""
    return opening.mapping.get("format") == FORMAT


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads a path exactly; see `exchange.PathModule`."""
    shots, world = read_path_and_world(file)
    return Flight(shots, world)


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes a path exactly; nothing is lost. See `exchange.PathModule`."""
    write_path(flight.shots, file, flight.world)
    return ()
