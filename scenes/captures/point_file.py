"""Coloured points in a ``.ply`` file, as nerfstudio and others keep them beside their images."""

from pathlib import Path

import numpy as np

from cameras.errors import InputError

from .capture import SparsePoints


def read_points_ply(path: Path) -> SparsePoints:
    """Points with x, y, z and, if there, red, green, blue; points that are not finite are left out.

    Raises:
        InputError: if it is no PLY or has no positions.
    """
    from plyfile import PlyData, PlyParseError

    try:
        vertices = PlyData.read(path)["vertex"].data
        positions = np.stack([np.asarray(vertices[axis], dtype=np.float64) for axis in "xyz"], axis=1)
    except (PlyParseError, OSError, KeyError, ValueError, UnicodeDecodeError, MemoryError) as error:
        raise InputError(f"points with x, y and z were expected in {path}, but it cannot be read as PLY") from error
    names = vertices.dtype.names or ()
    colors = np.full(positions.shape, 128, np.uint8)
    if all(name in names for name in ("red", "green", "blue")):
        channels = np.stack([np.asarray(vertices[name]) for name in ("red", "green", "blue")], axis=1)
        scale = 255 if np.issubdtype(channels.dtype, np.floating) else 1
        colors = np.clip(np.nan_to_num(channels * scale), 0, 255).astype(np.uint8)
    errors = np.zeros(len(positions), np.float32)
    if "error_px" in names:
        errors = np.asarray(vertices["error_px"], dtype=np.float32)
    finite = np.isfinite(positions).all(axis=1)
    return SparsePoints(positions[finite], colors[finite], errors[finite])


def write_points_ply(points: SparsePoints, path: Path) -> None:
    """A binary PLY of doubles with colours and mean reprojection errors."""
    from plyfile import PlyData, PlyElement

    fields = (
        [(axis, "f8") for axis in "xyz"] + [(name, "u1") for name in ("red", "green", "blue")] + [("error_px", "f4")]
    )
    table = np.empty(len(points.positions_world), dtype=fields)
    for column, axis in enumerate("xyz"):
        table[axis] = points.positions_world[:, column]
    for column, name in enumerate(("red", "green", "blue")):
        table[name] = points.colors[:, column]
    table["error_px"] = points.errors_px
    PlyData([PlyElement.describe(table, "vertex")], byte_order="<").write(str(path))
