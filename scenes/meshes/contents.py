"""Which mesh format a file has, told by its bytes; names lie, and phones rename."""

import json
import re
import struct
import zipfile
from pathlib import Path
from typing import Literal

MeshFormat = Literal["glb", "gltf", "obj", "ply", "stl", "off", "3mf", "dae"]

_HEAD_BYTES = 1 << 16
_STL_HEADER, _STL_TRIANGLE = 84, 50
_OFF_NAMES = re.compile(rb"\A(?:ST)?C?N?4?n?OFF(?: BINARY)?\s")
_OBJ_VERTEX = re.compile(rb"^v[ \t]+[-+.\d]", re.MULTILINE)
_OBJ_OTHER = re.compile(rb"^(?:f[ \t]+-?\d|vn[ \t]|vt[ \t]|usemtl\b|mtllib\b|[og][ \t])", re.MULTILINE)


def read_head(path: Path) -> bytes:
    """The first 64 kB of a file.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def mesh_format(path: Path, head: bytes) -> MeshFormat | None:
    """The format of a mesh file that begins with ``head``; None if it is no mesh file.

    A .ply is a mesh if it promises faces; what else it may be is asked of ``ply_elements``.
    """
    if head.startswith(b"glTF") and head[4:8] == b"\2\0\0\0":
        return "glb" if _may_hold_meshes(path) else None
    if head.startswith((b"ply\n", b"ply\r")):
        return "ply" if ply_elements(head).get("face", 0) > 0 else None
    if head.startswith(b"PK\3\4"):
        return "3mf" if _is_3mf(path) else None
    if is_binary_stl(head, path.stat().st_size):
        return "stl"
    return _text_format(path, head.removeprefix(b"\xef\xbb\xbf").lstrip())


def _text_format(path: Path, text: bytes) -> MeshFormat | None:
    if text.startswith(b"{"):
        return "gltf" if _is_gltf(path) else None
    if text.startswith(b"<"):
        return "dae" if b"<COLLADA" in text else None
    if text[:6].lower() in (b"solid ", b"solid\n", b"solid\r") and re.search(rb"\bfacet\s+normal\b", text):
        return "stl"
    if _OFF_NAMES.match(text):
        return "off"
    if b"\0" not in text and _OBJ_VERTEX.search(text) and (_OBJ_OTHER.search(text) or _all_vertices(text)):
        return "obj"
    return None


def _all_vertices(text: bytes) -> bool:
    """Whether every whole line of the head that is no comment is a vertex: the faces follow far below."""
    lines = [line for line in text.splitlines()[:-1] if line.strip() and not line.startswith(b"#")]
    return len(lines) > 100 and all(line.startswith(b"v ") for line in lines)


def _may_hold_meshes(path: Path) -> bool:
    """Whether the JSON chunk of a binary glTF 2.0 names meshes, or is cut off or damaged, which its reader will say."""
    try:
        with path.open("rb") as file:
            length = struct.unpack_from("<I", file.read(20), 12)[0]
            return bool(json.loads(file.read(length)).get("meshes"))
    except (ValueError, RecursionError, struct.error, AttributeError):
        return True


def _is_gltf(path: Path) -> bool:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    asset = found.get("asset") if isinstance(found, dict) else None
    return isinstance(asset, dict) and "version" in asset and bool(found.get("meshes"))


def _is_3mf(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith("3d/3dmodel.model") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def stl_triangles(head: bytes) -> int:
    """How many triangles a file promises if it is a binary STL: the number after 80 bytes of anything."""
    return struct.unpack_from("<I", head, 80)[0] if len(head) >= _STL_HEADER else 0


def is_binary_stl(head: bytes, size: int) -> bool:
    """Whether a file has exactly the bytes that a binary STL of its number of triangles has."""
    count = stl_triangles(head)
    return count > 0 and size == _STL_HEADER + _STL_TRIANGLE * count


def broken_mesh(path: Path, head: bytes) -> str | None:
    """What is wrong with a file that its name or its first bytes take for a mesh; None if it is none at all."""
    size = path.stat().st_size
    if path.suffix.lower() == ".stl" and b"\0" in head:
        return (
            f"promises {stl_triangles(head):,} triangles as a binary STL, but its {size:,} bytes hold another number; "
            "copy it again, it is cut off or damaged"
        )
    if head.startswith(b"glTF") and head[4:8] != b"\2\0\0\0":
        return "is binary glTF of another version than 2; export it again as glTF 2.0"
    return None


def ply_elements(head: bytes) -> dict[str, int]:
    """Names and counts of the elements in the header of a .ply; what makes no sense is left out."""
    lines = (line.split() for line in ply_header(head))
    return {
        words[1]: int(words[2]) for words in lines if len(words) == 3 and words[0] == "element" and words[2].isdigit()
    }


def ply_properties(head: bytes) -> set[str]:
    """Names of all properties in the header of a .ply."""
    return {words[-1] for words in (line.split() for line in ply_header(head)) if words[:1] == ["property"]}


def ply_header(head: bytes) -> list[str]:
    """The lines of the header of a .ply; empty where it does not end within the head."""
    end = head.find(b"end_header")
    return [line.strip() for line in head[: max(end, 0)].decode("ascii", "replace").splitlines()]
