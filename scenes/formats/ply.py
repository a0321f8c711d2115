"""Gaussian splats in the .ply layout of 3D Gaussian Splatting (Kerbl 2023), which every splat tool opens.

One binary ``vertex`` element with the raw parameters as floats: ``x y z``, ``nx ny nz`` (zeros), ``f_dc_0..2``,
``f_rest_0..`` (channel-major: all of red first), ``opacity`` (logit), ``scale_0..2`` (logarithms), ``rot_0..3`` (wxyz).
What the layout cannot say stands in one comment line, ``comment flythrough {json}``.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cameras.errors import InputError
from scenes.splats.gaussians import SH_TERMS, Gaussians

from .splat_file import SplatFile, UpAxis, checked, written_whole

_MAX_HEADER_BYTES = 1 << 16
_COMMENT = "flythrough "
_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "float32": "f4", "double": "f8", "float64": "f8"},
}
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">"}
_REST_OF_DEGREE = {0: 0, 9: 1, 24: 2, 45: 3}
_REQUIRED = (
    *("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"),
    *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
)


@dataclass(frozen=True)
class _Header:
    row: np.dtype[np.void]
    count: int
    offset: int
    up_axis: UpAxis | None
    extras: Mapping[str, object]


def read_splat_ply(path: Path) -> SplatFile:
    """Reads Gaussians of any SH degree from 0 to 3, with the properties in any order.

    Raises:
        InputError: if the file is missing, truncated, not a splat .ply, or holds no usable Gaussian.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(_MAX_HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise InputError(f"Cannot read the splat file {path}: {error.strerror}.") from error
    header = _parse_header(path, head)
    needed = header.offset + header.count * header.row.itemsize
    if size < needed:
        raise InputError(
            f"{path} promises {header.count} Gaussians ({needed} bytes) but has {size}: copy it again, it is cut off."
        )
    if header.count == 0:
        raise InputError(f"{path} holds no Gaussians: its vertex count is 0.")
    rows = np.memmap(path, header.row, "r", header.offset, (header.count,))
    return _to_gaussians(path, rows, header)


def _parse_header(path: Path, head: bytes) -> _Header:
    end = head.find(b"end_header")
    newline = head.find(b"\n", end)
    if not head.startswith(b"ply") or end < 0 or newline < 0:
        raise InputError(f"{path} is not a .ply file, or its header is broken: it needs 'ply' first and 'end_header'.")
    lines = [line.strip() for line in head[:end].decode("ascii", "replace").splitlines()]
    order = next((line.split()[1] for line in lines if line.startswith("format ") and len(line.split()) > 1), "none")
    if order not in _ORDERS:
        raise InputError(f"{path} has the format '{order}', but splats are read from binary .ply files: convert it.")
    elements = _parse_elements(path, lines, _ORDERS[order])
    offset = newline + 1
    for name, count, row in elements:
        if name == "vertex":
            _check_properties(path, row)
            return _Header(row, count, offset, _parse_up_axis(lines), _parse_extras(path, lines))
        offset += count * row.itemsize
    raise InputError(f"{path} has no element 'vertex': it is not a splat file.")


def _parse_elements(path: Path, lines: list[str], order: str) -> list[tuple[str, int, np.dtype[np.void]]]:
    """Name, count and row type of the elements up to the vertices; what follows them is not looked at."""
    elements: list[tuple[str, int, list[tuple[str, str]]]] = []
    for line in lines:
        words = line.split()
        if words[:1] == ["element"]:
            if elements and elements[-1][0] == "vertex":
                break
            if len(words) != 3 or not words[2].isdigit():
                raise InputError(f"{path} has a header line that makes no sense: '{line[:80]}'.")
            elements.append((words[1], int(words[2]), []))
        elif words[:1] == ["property"]:
            if not elements or len(words) != 3 or words[1] not in _TYPES:
                raise InputError(f"{path} has a property that splat files do not have: '{line[:80]}'.")
            elements[-1][2].append((words[2], order + _TYPES[words[1]]))
    try:
        return [(name, count, np.dtype(fields)) for name, count, fields in elements]
    except ValueError as error:
        raise InputError(f"{path} names a property twice in its header: {error}.") from error


def _check_properties(path: Path, row: np.dtype[np.void]) -> None:
    names = row.names or ()
    if "packed_position" in names:
        raise InputError(f"{path} is a compressed .ply, which is another format: export it as a plain splat .ply.")
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise InputError(f"{path} is a .ply without Gaussians: the vertex properties {', '.join(missing)} are missing.")
    rest = sum(name.startswith("f_rest_") for name in names)
    if rest not in _REST_OF_DEGREE or any(f"f_rest_{i}" not in names for i in range(rest)):
        raise InputError(f"{path} has {rest} f_rest properties, but spherical harmonics have 0, 9, 24 or 45 of them.")


def _parse_extras(path: Path, lines: list[str]) -> Mapping[str, object]:
    for line in lines:
        if line.startswith(f"comment {_COMMENT}"):
            try:
                extras = json.loads(line.removeprefix(f"comment {_COMMENT}"))
            except json.JSONDecodeError as error:
                raise InputError(f"{path} has a broken 'comment flythrough' line: {error}.") from error
            if isinstance(extras, dict):
                return extras
    return {}


def _parse_up_axis(lines: list[str]) -> UpAxis | None:
    """Of nerfstudio's comment; an axis that no splats have is as good as none."""
    for line in lines:
        if line.lower().startswith("comment vertical axis:"):
            axes: dict[str, UpAxis] = {"z": "+z", "+z": "+z", "y": "+y", "+y": "+y", "-y": "-y"}
            return axes.get(line.partition(":")[2].strip().lower())
    return None


def _columns(rows: NDArray[np.void], names: tuple[str, ...]) -> NDArray[np.float32]:
    result = np.empty((len(rows), len(names)), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for k, name in enumerate(names):
            result[:, k] = rows[name]
    return result


def _numbered(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}_{k}" for k in range(count))


def _to_gaussians(path: Path, rows: NDArray[np.void], header: _Header) -> SplatFile:
    rest = sum(name.startswith("f_rest_") for name in header.row.names or ())
    sh = np.zeros((len(rows), 3, SH_TERMS), np.float32)
    sh[:, :, 0] = _columns(rows, _numbered("f_dc", 3))
    sh[:, :, 1 : 1 + rest // 3] = _columns(rows, _numbered("f_rest", rest)).reshape(len(rows), 3, rest // 3)
    gaussians = Gaussians(
        means=_columns(rows, ("x", "y", "z")),
        quaternions_wxyz=_columns(rows, _numbered("rot", 4)),
        log_scales=_columns(rows, _numbered("scale", 3)),
        logit_opacities=_columns(rows, ("opacity",))[:, 0],
        sh=sh,
    )
    antialiased = header.extras.get("antialiased")
    return checked(
        path,
        SplatFile(
            gaussians,
            _REST_OF_DEGREE[rest],
            header.up_axis,
            antialiased if isinstance(antialiased, bool) else None,
            header.extras,
        ),
    )


def write_splat_ply(path: Path, file: SplatFile) -> None:
    """Writes the standard layout with all 45 ``f_rest``, under a temporary name that is renamed when whole.

    The extras stand in a comment for our own reader, the up axis in nerfstudio's ``Vertical Axis`` comment.

    Args:
        file: its Gaussians are written as they are; choose ``visible_rows`` first to leave out what cannot be seen.
    """
    gaussians = file.gaussians
    names = ("x", "y", "z", "nx", "ny", "nz", *_numbered("f_dc", 3), *_numbered("f_rest", 45))
    names = (*names, "opacity", *_numbered("scale", 3), *_numbered("rot", 4))
    table = np.zeros((len(gaussians), len(names)), "<f4")
    table[:, 0:3] = gaussians.means
    table[:, 6:9] = gaussians.sh[:, :, 0]
    table[:, 9:54] = gaussians.sh[:, :, 1:].reshape(len(gaussians), 45)
    table[:, 54] = gaussians.logit_opacities
    table[:, 55:58] = gaussians.log_scales
    table[:, 58:62] = gaussians.quaternions_wxyz
    lines = ["ply", "format binary_little_endian 1.0"]
    if file.up_axis is not None:
        lines.append(f"comment Vertical Axis: {file.up_axis.removeprefix('+')}")
    if file.extras:
        lines.append(f"comment {_COMMENT}{json.dumps(file.extras, sort_keys=True)}")
    lines.append(f"element vertex {len(gaussians)}")
    lines += [f"property float {name}" for name in names] + ["end_header", ""]
    with written_whole(path) as temporary, open(temporary, "wb") as stream:
        stream.write("\n".join(lines).encode("ascii"))
        table.tofile(stream)
