"""Mesh files, read by trimesh into one mesh in our axes."""

import importlib.util
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cameras.conventions import z_up_from_axis_up
from cameras.errors import FlythroughError, InputError, MissingExtraError

from .colors import face_colors
from .contents import (
    MeshFormat,
    broken_mesh,
    is_binary_stl,
    mesh_format,
    ply_elements,
    read_head,
    stl_triangles,
)
from .frame import ASSUMED_UP_AXIS, METRES_PER_UNIT, Frame, check_options, frame_of
from .mesh import Mesh, check_count, checked_mesh

_NEEDED = {"3mf": "lxml", "dae": "collada"}
# An archive that unpacks to more than this is taken for a trap.
_MOST_UNPACKED_BYTES = 8_000_000_000


def read_mesh(path: Path, *, units: str | None = None, up_axis: str | None = None) -> tuple[Mesh, Frame, MeshFormat]:
    """The triangles of a mesh file, turned so that +z is up, in the file's own unit.

    Args:
        units: ``mm``, ``cm``, ``m``, ``ft`` or ``in``; what the file says itself if None.
        up_axis: ``+x -x +y -y +z`` or ``-z``; what the file or its format says, else +z, if None.

    Returns:
        The mesh, what is known of its frame (before the turn), and the format.

    Raises:
        InputError: if the file is missing, no mesh, cut off, or holds no usable triangle.
        SettingsError: if a unit or an axis has no such name.
        MissingExtraError: if trimesh, or what it needs for this format, is not installed.
    """
    check_options(units, up_axis)
    head = head_of(path)
    kind = mesh_format(path, head)
    if kind is None:
        raise InputError(_no_mesh(path, head))
    with _guarded(path, kind):
        _check_promises(path, head, kind)
        _require(kind)
        frame = frame_of(path, head, kind)
        vertices, faces, colors = _load(path, kind)
    if units is not None:
        frame = replace(frame, metres_per_unit=METRES_PER_UNIT[units])
    if up_axis is not None:
        frame = replace(frame, up_axis=up_axis)
    mesh = checked_mesh(path, vertices, faces, colors)
    turn = z_up_from_axis_up(frame.up_axis or ASSUMED_UP_AXIS)
    return replace(mesh, vertices_world=np.ascontiguousarray(turn.apply(mesh.vertices_world))), frame, kind


def head_of(path: Path) -> bytes:
    """The first bytes of a file.

    Raises:
        InputError: if there is none, or it cannot be read.
    """
    if path.is_dir() or not path.exists():
        what = "it is a folder" if path.is_dir() else "there is no such file"
        raise InputError(f"a mesh file was expected at {path}, but {what}; check the path.")
    try:
        return read_head(path)
    except OSError as error:
        raise InputError(
            f"{path} was to be read, but that failed ({error.strerror}); check its permissions."
        ) from error


def _no_mesh(path: Path, head: bytes) -> str:
    if not head:
        return f"a mesh was expected in {path}, but the file is empty; export it again."
    if head.startswith(b"ply"):
        what = ", ".join(f"{count:,} x {name}" for name, count in ply_elements(head).items()) or "no elements"
        return f"a mesh was expected in {path}, but this .ply has no faces ({what}); export the mesh with its faces."
    broken = broken_mesh(path, head)
    if broken is not None:
        return f"a mesh was expected, but {path} {broken}."
    return (
        f"a mesh (glb, gltf, obj, ply, stl, off, 3mf, dae) was expected in {path}, but its content is none of them; "
        "export it again as glb."
    )


def _check_promises(path: Path, head: bytes, kind: MeshFormat) -> None:
    """Refuses what is too large before it is read."""
    if kind == "ply":
        check_count(path, ply_elements(head)["face"])
    if kind == "stl" and is_binary_stl(head, path.stat().st_size):
        check_count(path, stl_triangles(head))
    if kind == "3mf":
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > _MOST_UNPACKED_BYTES:
            raise InputError(
                f"a 3MF file of at most {_MOST_UNPACKED_BYTES / 1e9:.0f} GB unpacked was expected, but {path} "
                f"unpacks to {unpacked / 1e9:.0f} GB; simplify it."
            )


def _require(kind: MeshFormat) -> None:
    for package in ("trimesh", *([_NEEDED[kind]] if kind in _NEEDED else [])):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(
                f"reading {kind} meshes needs {package}, which is not installed: "
                'install the extra with `pip install "flythrough[mesh]"`.'
            )


@contextmanager
def _guarded(path: Path, kind: MeshFormat) -> Iterator[None]:
    """Turns whatever parsers raise on a broken file into one sentence, and silences what they warn of."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except FlythroughError:
        raise
    except Exception as error:
        raise InputError(
            f"{path} should be a mesh of the format {kind}, but it is cut off, damaged, or written in a way that is "
            "not read; copy it again, or export it as glb."
        ) from error


def _load(path: Path, kind: MeshFormat) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.uint8]]:
    """Vertices, faces and colours of all meshes in a file, each at its place in the file's scene."""
    import trimesh

    scene = trimesh.load_scene(path, file_type=kind, process=False)
    return _joined(path, scene, is_gltf=kind in ("glb", "gltf"))


def _joined(path: Path, scene: Any, *, is_gltf: bool) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.uint8]]:
    import trimesh

    meshes = {name: mesh for name, mesh in scene.geometry.items() if isinstance(mesh, trimesh.Trimesh)}
    nodes = [scene.graph.get(node) for node in scene.graph.nodes_geometry]
    placed = [(matrix, name) for matrix, name in nodes if name in meshes]
    check_count(path, sum(len(meshes[name].faces) for _, name in placed))
    colors = {name: face_colors(meshes[name], is_gltf=is_gltf) for _, name in placed}
    corners, rows, shown, first = [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)], [np.zeros((0, 3), np.uint8)], 0
    for matrix, name in placed:
        vertices = np.asarray(meshes[name].vertices, np.float64)
        corners.append(vertices @ matrix[:3, :3].T + matrix[:3, 3])
        rows.append(np.asarray(meshes[name].faces, np.int64) + first)
        shown.append(colors[name])
        first += len(vertices)
    return np.concatenate(corners), np.concatenate(rows), np.concatenate(shown)
