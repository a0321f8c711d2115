"""Path files made by hand, and what is read from them, for the tests of other tools' formats."""

import json
from fractions import Fraction
from pathlib import Path

from cameras.formats import recognize
from cameras.formats.convert import read_flight
from cameras.formats.exchange import Flight, FrameSettings, PathFrames, bake

SETTINGS = FrameSettings(Fraction(10), 1600, 900)


def put(file: Path, content: object) -> Path:
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def read(file: Path) -> tuple[Flight, PathFrames]:
    name, flight = read_flight(file, SETTINGS)
    assert name == recognize(file)
    return flight, bake(flight, FrameSettings(flight.fps or SETTINGS.fps, 1600, 900))
