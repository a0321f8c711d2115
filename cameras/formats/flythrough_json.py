"""Our own path file: one JSON object with strict keys, exact in both directions.

    {"format": "flythrough-path", "version": 3,
     "world": {"up_known": true, "metres_per_unit": 1.0},
     "shots": [{"name": "through the door", "is_continued": false,
                "duration_s": 12.0, "is_loop": false, "no_overshoot": false, "is_sampled": false,
                "ease_s": 1.0, "ease_out_s": null, "level_up_world": [0, 0, 1], "look_at_world": null,
                "keyframes": [{"position_world": [x, y, z], "quaternion_wxyz": [w, x, y, z], "fov_y_rad": 0.8,
                               "time_s": null, "focus_distance": null}]}],
     "note": {}}

The world is ours (+z up once ``up_known``, OpenCV camera axes; see `cameras.conventions`); all keys must be there and
no others may be, ``note`` is free. A file is read whole or refused in one sentence.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from ..errors import InputError
from ..keyframe import Keyframe
from ..path import CameraPath
from ..shot_list import Shot, ShotList

FORMAT = "flythrough-path"
VERSION = 3
# A path of a day's film is far smaller; a larger file is not a path.
MAX_BYTES = 64 * 1024 * 1024

_Vector = tuple[float, float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class _World(_Strict):
    up_known: bool
    metres_per_unit: Annotated[float, Field(gt=0)] | None


class _Key(_Strict):
    position_world: _Vector
    quaternion_wxyz: tuple[float, float, float, float]
    fov_y_rad: float
    time_s: float | None
    focus_distance: float | None


class _Shot(_Strict):
    name: str
    is_continued: bool
    duration_s: float
    is_loop: bool
    no_overshoot: bool
    is_sampled: bool
    ease_s: float
    ease_out_s: float | None
    level_up_world: _Vector | None
    look_at_world: _Vector | None
    keyframes: Annotated[tuple[_Key, ...], Field(min_length=1)]


class _File(_Strict):
    format: Literal["flythrough-path"]
    version: Literal[3]
    world: _World
    shots: Annotated[tuple[_Shot, ...], Field(min_length=1)]
    note: dict[str, JsonValue]


@dataclass(frozen=True)
class WorldNote:
    """What a path file says about the world that its numbers live in.

    Attributes:
        up_known: +z is up.
        metres_per_unit: None while the scale is not known.
    """

    up_known: bool = False
    metres_per_unit: float | None = None


def write_path(shots: ShotList, file: Path, world: WorldNote | None = None) -> None:
    """Writes a path; the file appears under its name when it is whole.

    Raises:
        InputError: if the path's note does not fit into JSON.
        OSError: if the file cannot be written.
    """
    world = world or WorldNote()
    content = {
        "format": FORMAT,
        "version": VERSION,
        "world": {"up_known": world.up_known, "metres_per_unit": world.metres_per_unit},
        "shots": [_shot_content(shot) for shot in shots.shots],
        "note": dict(shots.note),
    }
    try:
        text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the note of a path must be plain JSON to be written to {file}: {error}; leave out what is not"
        ) from error
    temporary = file.with_name(file.name + ".partial")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, file)


def _shot_content(shot: Shot) -> dict[str, object]:
    path = shot.path
    return {
        "name": shot.name,
        "is_continued": shot.is_continued,
        "duration_s": path.duration_s,
        "is_loop": path.is_loop,
        "no_overshoot": path.no_overshoot,
        "is_sampled": path.is_sampled,
        "ease_s": path.ease_s,
        "ease_out_s": path.ease_out_s,
        "level_up_world": path.level_up_world,
        "look_at_world": path.look_at_world,
        "keyframes": [
            {
                "position_world": key.position_world,
                "quaternion_wxyz": key.quaternion_wxyz,
                "fov_y_rad": key.fov_y_rad,
                "time_s": key.time_s,
                "focus_distance": key.focus_distance,
            }
            for key in path.keyframes
        ],
    }


def read_path(file: Path) -> ShotList:
    """Reads a path; see `read_path_and_world`."""
    return read_path_and_world(file)[0]


def read_path_and_world(file: Path) -> tuple[ShotList, WorldNote]:
    """Reads a path and what it says about its world.

    Raises:
        InputError: if the file is missing, too large, no JSON, or any key is missing, unknown or wrong.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InputError(f"{file} has over {MAX_BYTES // 2**20} MiB, too much for a camera path; give a path file")
        text = file.read_text(encoding="utf-8")
        parsed: object = json.loads(text)
    except OSError as error:
        raise InputError(f"the camera path {file} cannot be read ({error.strerror}); check its name") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the camera path {file} is no JSON: {error}; write it again or repair it there") from error
    _check_version(parsed, file)
    try:
        content = _File.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "(the whole file)"
        more = f" ({error.error_count() - 1} more such)" if error.error_count() > 1 else ""
        raise InputError(
            f"the camera path {file} is wrong at {key}: {_advice(first['type'], first['msg'])}{more}"
        ) from error
    return _shot_list(content, file), WorldNote(content.world.up_known, content.world.metres_per_unit)


def _check_version(parsed: object, file: Path) -> None:
    """A file of another kind or version is named as that, not by its first unknown key."""
    found = cast(dict[str, object], parsed) if isinstance(parsed, dict) else {}
    if found.get("format") != FORMAT:
        raise InputError(
            f'{file} is no flythrough path: its key "format" must be "{FORMAT}"; give a file that plan wrote'
        )
    version = found.get("version")
    if version != VERSION or isinstance(version, bool):
        raise InputError(
            f"the camera path {file} has version {version!r}, and this flythrough reads version {VERSION}; "
            f"update flythrough or plan the path again"
        )


def _advice(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "this key is unknown; remove it or correct its spelling"
    if kind == "missing":
        return "this key is missing; add it"
    return f"{message[:1].lower()}{message[1:]}; correct the value"


def _shot_list(content: _File, file: Path) -> ShotList:
    shots = tuple(
        Shot(shot.name, _path(shot, f"shots.{number}", file), shot.is_continued)
        for number, shot in enumerate(content.shots)
    )
    try:
        return ShotList(shots, content.note)
    except ValueError as error:
        raise InputError(f"the camera path {file} cannot be flown: {error}; correct the file") from error


def _path(content: _Shot, where: str, file: Path) -> CameraPath:
    keys: list[Keyframe] = []
    for index, key in enumerate(content.keyframes):
        try:
            keys.append(
                Keyframe(key.position_world, key.quaternion_wxyz, key.fov_y_rad, key.time_s, key.focus_distance)
            )
        except ValueError as error:
            raise InputError(
                f"the camera path {file} is wrong at {where}.keyframes.{index}: {error}; correct the value"
            ) from error
    try:
        return CameraPath(
            tuple(keys),
            content.duration_s,
            is_loop=content.is_loop,
            no_overshoot=content.no_overshoot,
            is_sampled=content.is_sampled,
            ease_s=content.ease_s,
            ease_out_s=content.ease_out_s,
            level_up_world=content.level_up_world,
            look_at_world=content.look_at_world,
        )
    except ValueError as error:
        raise InputError(f"the camera path {file} cannot be flown at {where}: {error}; correct the file") from error
