"""A table of one row a frame, for spreadsheets and scripts.

    frame,time_s,x,y,z,qw,qx,qy,qz,fov_y_deg,focus_distance

``frame`` counts from 0 and ``time_s`` is frame / fps; x, y, z are in world units, the quaternion is
``world_from_camera``'s with OpenCV camera axes (+x right, +y down, +z forward), ``fov_y_deg`` is vertical, and
``focus_distance`` is empty where all is sharp. The world is ours (see `cameras.conventions`).
"""

import csv
import io
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..arrays import Floats
from ..shot_list import ShotList
from .exchange import (
    MAX_FRAMES,
    Flight,
    FrameSettings,
    PathFrames,
    bake,
    exact_rate,
    shot_of,
    unit_quaternions,
)
from .files import Opening, read_text, refusal, write_bytes
from .losses import common_losses

COLUMNS = ("frame", "time_s", "x", "y", "z", "qw", "qx", "qy", "qz", "fov_y_deg", "focus_distance")
_WHAT = "a camera path of one row a frame"
# Times may be rounded to this part of a frame.
_ON_FRAME = 1e-2


def recognizes(opening: Opening) -> bool:
    """By its first row, the names of the columns."""
    return opening.text.partition("\n")[0].strip().replace(" ", "") == ",".join(COLUMNS)


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes every frame with all digits; see `exchange.PathModule`."""
    frames = bake(flight, settings)
    table = [
        frames.times_s[:, None],
        frames.positions_world,
        frames.quaternions_wxyz,
        np.degrees(frames.fovs_y_rad)[:, None],
    ]
    if frames.focus_distances is not None:
        table.append(frames.focus_distances[:, None])
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for i, values in enumerate(np.concatenate(table, axis=1).tolist()):
        rows.writerow([i, *map(repr, values), *([] if frames.focus_distances is not None else [""])])
    write_bytes(file, out.getvalue().encode())
    return common_losses(flight, frames, {"focus", "rate"})


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads every frame; one alone is at the rate of ``settings``. See `exchange.PathModule`."""
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(file)), skipinitialspace=True, strict=True))
        if not 1 <= len(rows) <= MAX_FRAMES:
            raise ValueError(f"it must have 1 to {MAX_FRAMES:,} rows below the names of its columns")
        table = np.array([_numbers(row, number) for number, row in enumerate(rows, 2)])
        fps = settings.fps if len(table) == 1 else _rate(table[:, 0])
        focus = table[:, 9]
        if np.isnan(focus).any() and not np.isnan(focus).all():
            raise ValueError("focus_distance must stand in all rows or in none")
        frames = PathFrames(
            fps,
            table[:, 1:4],
            unit_quaternions(table[:, 4:8]),
            np.radians(table[:, 8]),
            None if np.isnan(focus).all() else focus,
        )
        shot = shot_of(frames)
    except (ValueError, csv.Error) as error:
        raise refusal(file, _WHAT, error) from error
    return Flight(ShotList((shot,)), fps=fps if len(table) > 1 else None)


def _numbers(row: dict[str, str | None], line: int) -> list[float]:
    """All columns but the frame's number; an empty focus is NaN."""
    numbers: list[float] = []
    for name in COLUMNS[1:]:
        text = row.get(name)
        try:
            is_unset = name == COLUMNS[-1] and not (text or "").strip()
            numbers.append(float("nan") if is_unset else float(text or ""))
        except ValueError:
            raise ValueError(f"line {line} has no number in the column {name}") from None
        if not is_unset and not np.isfinite(numbers[-1]):
            raise ValueError(f"line {line} must have a finite number in the column {name}")
    return numbers


def _rate(times_s: Floats) -> Fraction:
    """The frame rate of even times that begin at 0."""
    span = float(times_s[-1] - times_s[0])
    if not span > 0:
        raise ValueError("time_s must increase from row to row")
    fps = exact_rate((len(times_s) - 1) / span)
    if not np.abs(times_s * float(fps) - np.arange(len(times_s))).max() <= _ON_FRAME:
        raise ValueError("time_s must start at 0 and have the same step from row to row")
    return fps
