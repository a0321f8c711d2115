"""Writes any list of shots as a shot file that a person can edit, and that reads back as the same film."""

import json
import math
import os
import re
from pathlib import Path
from typing import Any, cast

import numpy as np

from .errors import InputError
from .intrinsics import FULL_FRAME_HEIGHT_MM
from .keyframe import Keyframe, focal_mm_from_fov_y_rad
from .moves.aim import aim_of
from .moves.joins import are_one
from .moves.manner import Easing
from .path import CameraPath
from .rotations import angle_rad, look_rotation
from .shot_file_yaml import is_word
from .shot_list import Shot, ShotList

# What is written is at most half of the last digit off: 5e-11 m, 1e-10 rad and 5e-11 s, where no less is asked for.
_DECIMALS, _TIME_DECIMALS, _LENS_DIGITS = 10, 10, 12
_ANGLES_FEWER = 2
_Z_UP = (0.0, 0.0, 1.0)
# Rotations that differ less need not be written down.
_SAME_RAD = 2e-10

_HEAD = """\
# The shots of a film, flown one after the other. Change what you like, then plan the film again with this file.
# Lengths are metres along the axes of the world (z is up), angles degrees, times seconds, lenses full-frame mm.
#
#   join      cut: the shot simply begins.  continue: goes on where the last one ended.
#             blend 0.8 s: a move of that length flies from the one to the other.
#   easing    linear, in, out, in-out, or with a length as in "in-out 1.5 s".
#   keys      at: where the camera is.  heading: 0 looks along +y, 90 along +x.  tilt: up is positive.
#             roll: clockwise.  look_at: a point, in place of heading and tilt.  lens, focus, time: if wished.
#   subject   a point that the camera keeps looking at.      overshoot: false stays between neighbouring keys.
#
# Other kinds of shots: hold, dolly, truck, pedestal, crane, push-in, pull-out, dolly-zoom, pan, tilt, roll, whip,
# arc, orbit, spiral, follow-capture. Names for points may be given under "places:", usual values under "defaults:".
"""


def write_shot_file(
    shots: ShotList,
    file: Path,
    *,
    metres_per_unit: float = 1.0,
    up_known: bool = True,
    sensor_height_mm: float = FULL_FRAME_HEIGHT_MM,
    decimals: int = _DECIMALS,
) -> None:
    """Writes shots as keyframes; the file appears under its name when it is whole.

    Read and compiled in the same world, it gives the same shots: positions within 1e-9 m, rotations within 1e-9 rad,
    lengths exactly.

    Args:
        metres_per_unit: of the world.
        up_known: +z is up in the world.
        sensor_height_mm: as `cameras.shot_compile.ShotContext` has it.
        decimals: of metres; of degrees two fewer. With fewer than 10 the film that reads back is as much off.

    Raises:
        InputError: if the note does not fit into JSON, or a shot is said to continue another but begins elsewhere.
        OSError: if the file cannot be written.
    """
    for before, shot in zip(shots.shots, shots.shots[1:], strict=False):
        if shot.is_continued and not are_one(before.path, shot.path):
            raise InputError(
                f"the shot {shot.name!r} should go on where {before.name!r} ends to be written to {file}, but it "
                "begins elsewhere; let it begin with a cut"
            )
    writer = _Writer(metres_per_unit, up_known, sensor_height_mm, decimals)
    lines = [_HEAD, "shots:"]
    for shot in shots.shots:
        lines += writer.shot(shot)
    if shots.note:
        try:
            note = _flow(json.loads(json.dumps(dict(shots.note), allow_nan=False)))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"the note of a film must be plain JSON to be written to {file}: {error}; leave out what is not"
            ) from error
        lines += ["", "# Where the film comes from; free text.", f"note: {note}"]
    temporary = file.with_name(file.name + ".partial")
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    os.replace(temporary, file)


class _Writer:
    def __init__(self, metres_per_unit: float, up_known: bool, sensor_height_mm: float, decimals: int) -> None:
        self._sensor = sensor_height_mm
        self._metres = metres_per_unit
        self._up_known = up_known
        self._decimals = decimals + (max(0, math.ceil(-math.log10(metres_per_unit))) if decimals == _DECIMALS else 0)
        self._angle_decimals = decimals - _ANGLES_FEWER

    def shot(self, shot: Shot) -> list[str]:
        """The lines of a shot."""
        path, keys = shot.path, shot.path.keyframes
        has_one_lens = len({key.fov_y_rad for key in keys}) == 1
        focus = {key.focus_distance for key in keys}
        one_focus = next(iter(focus)) if len(focus) == 1 else None
        entries = {
            "kind": "keyframes",
            "join": "continue" if shot.is_continued else None,
            "seconds": repr(float(path.duration_s)),
            "easing": None if path.is_timed else _easing(path),
            "lens": self._lens(keys[0].fov_y_rad) if has_one_lens else None,
            "focus": None if one_focus is None else self._length(one_focus),
            "subject": None if path.look_at_world is None else self._point(path.look_at_world),
            "loop": "true" if path.is_loop else None,
            "overshoot": self._overshoot(path),
            "sampled": "true" if path.is_sampled else None,
            "level": self._level(path),
        }
        lines = ["", f"  - name: {_text(shot.name)}"]
        lines += [f"    {key}: {value}" for key, value in entries.items() if value is not None]
        lines.append("    keys:")
        for number, key in enumerate(keys):
            row = {
                "at": self._point(key.position_world),
                **self._aim(key, path),
                **({} if has_one_lens else {"lens": self._lens(key.fov_y_rad)}),
                **({} if one_focus == key.focus_distance else {"focus": self._length(key.focus_distance or 0.0)}),
                **_time(path, number),
            }
            lines.append("      - {" + ", ".join(f"{name}: {value}" for name, value in row.items()) + "}")
        return lines

    def _aim(self, key: Keyframe, path: CameraPath) -> dict[str, str]:
        """How a key says where it looks; nothing where the subject says it."""
        rotation = key.world_from_camera.rotation
        if path.look_at_world is not None:
            forward = np.array(path.look_at_world) - np.array(key.position_world)
            usual = look_rotation(forward, _Z_UP) if forward.any() else rotation
            if self._up_known and forward.any() and float(angle_rad(rotation, usual)) < _SAME_RAD:
                return {}
        heading, tilt, roll = (_number(math.degrees(angle), self._angle_decimals) for angle in aim_of(rotation))
        return {"heading": heading, "tilt": tilt, **({} if roll == "0" else {"roll": roll})}

    @staticmethod
    def _overshoot(path: CameraPath) -> str | None:
        is_usual = path.is_sampled or (len(path.keyframes) < 3 and not path.no_overshoot)
        return None if is_usual else str(not path.no_overshoot).lower()

    def _level(self, path: CameraPath) -> str | None:
        """Needed where it is not what a reader would take for granted."""
        rolls = any("roll" in self._aim(key, path) for key in path.keyframes)
        if path.level_up_world is None:
            return None if rolls else "false"
        if self._up_known and path.level_up_world == _Z_UP:
            return "true" if rolls else None
        return "[" + ", ".join(repr(float(value)) for value in path.level_up_world) + "]"

    def _point(self, point: tuple[float, float, float]) -> str:
        return "[" + ", ".join(self._length(value) for value in point) + "]"

    def _length(self, value: float) -> str:
        return _number(value * self._metres, self._decimals)

    def _lens(self, fov_y_rad: float) -> str:
        return f"{focal_mm_from_fov_y_rad(fov_y_rad, self._sensor):.{_LENS_DIGITS}g}"


def _easing(path: CameraPath) -> str | None:
    """The easing, unless it is the usual one."""
    ease_in, ease_out = path.ease_s, path.ease_s if path.ease_out_s is None else path.ease_out_s
    if Easing(ease_in, ease_out) == Easing():
        return None
    if ease_in == ease_out:
        return "linear" if ease_in == 0 else f"in-out {ease_in!r} s"
    parts = [f"{name} {ease!r} s" for name, ease in (("in", ease_in), ("out", ease_out)) if ease > 0]
    return " ".join(parts)


def _time(path: CameraPath, number: int) -> dict[str, str]:
    """The time of a key; the last key of an open path is at its end, and needs none."""
    time = path.keyframes[number].time_s
    if time is None or (number and number == len(path.keyframes) - 1 and not path.is_loop):
        return {}
    return {"time": _number(time, _TIME_DECIMALS)}


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _text(value: str) -> str:
    """A text, in quotes where it could be taken for something else."""
    if re.fullmatch(r"[^\W\d_](?:[\w ]*\w)?", value) and is_word(value):
        return value
    # What YAML does not print, or takes for the end of a line, is written as its number.
    quoted = json.dumps(value, ensure_ascii=False)
    return re.sub(
        "[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]",
        lambda found: f"\\u{ord(found[0]):04x}",
        quoted,
    )


def _flow(value: Any) -> str:
    """JSON as YAML's flow style, which is JSON with fewer quotes."""
    if isinstance(value, dict):
        value = cast(dict[str, Any], value)
        return "{" + ", ".join(f"{_text(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in cast(list[Any], value)) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)
