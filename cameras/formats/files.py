"""Path files on the disk: read whole within a limit, told apart by how they begin, and never left half-written."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from ..arrays import Floats
from ..errors import InputError
from ..rotations import nearest_rotation

MAX_BYTES = 64 * 1024 * 1024
"""A path of a day's film is far smaller; a larger file is not a path."""

_HEAD_BYTES = 64 * 1024
# Other tools keep matrices in single precision and print few digits; what is further off was never a rotation.
_LOOSE_ROTATION = 1e-3

Model = TypeVar("Model", bound=BaseModel)


class Loose(BaseModel):
    """Another tool's object: what we read must be right, what we do not know is left alone."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False, frozen=True)


@dataclass(frozen=True)
class Opening:
    """How a file begins.

    Attributes:
        file: its name.
        head: its first 64 KiB at most.
        content: all of it, if it is JSON of a path's size; else None.
    """

    file: Path
    head: bytes
    content: object = None

    @property
    def mapping(self) -> Mapping[str, object]:
        """The JSON object that it is; empty if it is none."""
        return as_object(self.content)

    @property
    def text(self) -> str:
        """The head as text; empty if it is none."""
        return "" if b"\0" in self.head else self.head.decode("utf-8", errors="ignore").removeprefix("\ufeff")


def as_object(value: object) -> Mapping[str, object]:
    """A JSON value as an object; empty if it is none."""
    return cast(dict[str, object], value) if isinstance(value, dict) else {}


def first_of(value: object) -> object:
    """The first entry of a JSON list; None if it is none or empty."""
    return next(iter(cast(list[object], value)), None) if isinstance(value, list) else None


def open_file(file: Path) -> Opening:
    """How a file begins; JSON is parsed.

    A file too large for a path is not parsed.

    Raises:
        InputError: if it cannot be read, or begins like JSON and is none.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(_unreadable(file, error)) from error
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] not in (b"{", b"[") or size > MAX_BYTES:
        return Opening(file, head)
    return Opening(file, head, parsed_json(read_bytes(file), file))


def read_bytes(file: Path, limit: int = MAX_BYTES) -> bytes:
    """All of a file.

    Raises:
        InputError: if it cannot be read or is larger than ``limit``.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(limit + 1)
    except OSError as error:
        raise InputError(_unreadable(file, error)) from error
    if len(data) > limit:
        raise InputError(f"{file} has over {limit // 2**20} MiB, too much for a camera path; give a path file")
    return data


def read_text(file: Path) -> str:
    """All of a text file.

    Raises:
        InputError: as `read_bytes`, or if it is no text in UTF-8.
    """
    try:
        return read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} should be text in UTF-8, but its byte {error.start} is not; export it again"
        ) from error


def parsed_json(data: bytes, file: Path) -> object:
    """The content of a JSON file.

    Raises:
        InputError: if it is no JSON.
    """
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} begins like JSON but is none ({error}); export it again") from error


def validated(model: type[Model], data: bytes, file: Path, what: str) -> Model:
    """The JSON of a file as a checked model; ``what`` names the format for the message.

    Raises:
        InputError: if it is no JSON, or a key that we need is missing or wrong.
    """
    try:
        return model.model_validate_json(data.removeprefix(b"\xef\xbb\xbf"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the start"
        reason = first["msg"][:1].lower() + first["msg"][1:]
        raise InputError(
            f"{file} should be {what}, but is wrong at {place}: {reason}; correct it or export it again"
        ) from error


def refusal(file: Path, what: str, reason: object) -> InputError:
    """The error for a file whose numbers make no path."""
    return InputError(f"{file} should be {what}, but {reason}; correct it or export it again")


def write_bytes(file: Path, data: bytes) -> None:
    """Writes a file that appears under its name when it is whole.

    Raises:
        OSError: if it cannot be written.
    """
    temporary = file.with_name(file.name + ".partial")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def json_bytes(content: object) -> bytes:
    """JSON on one line."""
    return (json.dumps(content, allow_nan=False) + "\n").encode()


def write_json(file: Path, content: object) -> None:
    """Writes JSON; see `write_bytes`."""
    write_bytes(file, json_bytes(content))


def rigid_blocks(matrices: Floats) -> Floats:
    """The rotations [..., 3, 3] of a file's camera matrices [..., 3, 3], which may be off by 1e-3.

    Raises:
        ValueError: if one is further off: scaled, mirrored, or not finite.
    """
    if not (np.abs(matrices) <= 2).all():
        raise ValueError("a camera's axes must be finite and of length 1")
    off = np.abs(matrices @ np.swapaxes(matrices, -1, -2) - np.eye(3)).max()
    if off > _LOOSE_ROTATION or (np.linalg.det(matrices) < 0).any():
        raise ValueError("a camera's axes must be square to each other, of length 1 and right-handed")
    return nearest_rotation(matrices)


def _unreadable(file: Path, error: OSError) -> str:
    kind = "it is a folder" if file.is_dir() else f"it cannot be read ({error.strerror})"
    return f"a camera path was expected at {file}, but {kind}; give the name of a file"
