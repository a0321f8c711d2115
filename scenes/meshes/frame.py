"""What is known of a mesh file's axes and unit: told by the user, the file, or the specification of its format."""

import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cameras.errors import InputError, SettingsError

from .contents import MeshFormat, ply_header

METRES_PER_UNIT = {"mm": 0.001, "cm": 0.01, "m": 1.0, "ft": 0.3048, "in": 0.0254}
UP_AXES = ("+x", "-x", "+y", "-y", "+z", "-z")
ASSUMED_UP_AXIS = "+z"
COMMENT = "comment flythrough "
_3MF_METRES = {"micron": 1e-6, "millimeter": 0.001, "centimeter": 0.01, "inch": 0.0254, "foot": 0.3048, "meter": 1.0}


@dataclass(frozen=True)
class Frame:
    """What is known of a mesh's axes and unit: None is not known."""

    metres_per_unit: float | None = None
    up_axis: str | None = None


def check_options(units: str | None, up_axis: str | None) -> None:
    """Raises SettingsError if a unit or an axis has no such name."""
    if units is not None and units not in METRES_PER_UNIT:
        raise SettingsError(f"the units of a mesh should be one of {', '.join(METRES_PER_UNIT)}, but are '{units}'.")
    if up_axis is not None and up_axis not in UP_AXES:
        raise SettingsError(f"the up axis of a mesh should be one of {' '.join(UP_AXES)}, but is '{up_axis}'.")


def notes_of(path: Path, head: bytes) -> Mapping[str, Any]:
    """What our own writer noted in the header of a .ply mesh; empty for other files.

    Raises:
        InputError: if the note cannot be understood.
    """
    for line in ply_header(head) if head.startswith(b"ply") else ():
        if line.startswith(COMMENT):
            try:
                found = json.loads(line.removeprefix(COMMENT))
            except (ValueError, RecursionError) as error:
                raise InputError(f"{path} has a broken 'comment flythrough' line; export the mesh again.") from error
            if isinstance(found, dict):
                return cast("Mapping[str, Any]", found)
    return {}


def frame_of(path: Path, head: bytes, kind: MeshFormat) -> Frame:
    """What a file, or the specification of its format, says of its axes and unit.

    glTF 2.0, section 3.4: +y and metres. COLLADA 1.4: +y and metres unless the asset says otherwise. 3MF: +z and
    millimetres unless the model says otherwise. .ply: the comments of our writer and of nerfstudio.
    """
    if kind in ("glb", "gltf"):
        return Frame(1.0, "+y")
    if kind == "dae":
        unit = re.search(rb"<unit\b[^>]*\bmeter\s*=\s*[\"']([-+.\deE]+)[\"']", head)
        axis = re.search(rb"<up_axis>\s*([XYZ])_UP\s*</up_axis>", head)
        return Frame(_positive(float(unit[1]) if unit else 1.0), f"+{axis[1].decode().lower()}" if axis else "+y")
    if kind == "3mf":
        return Frame(_metres_of_3mf(path), "+z")
    if kind == "ply":
        world = notes_of(path, head).get("world")
        axes = [line[-1] for line in ply_header(head) if re.fullmatch(r"comment Vertical Axis: [xyz]", line)]
        known = world.get("metres_per_unit") if isinstance(world, dict) else None
        return Frame(_positive(known), f"+{axes[0]}" if axes else None)
    return Frame()


def _positive(metres: object) -> float | None:
    return float(metres) if isinstance(metres, int | float) and metres > 0 else None


def _metres_of_3mf(path: Path) -> float:
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.lower().endswith("3d/3dmodel.model"))
        with archive.open(name) as file:
            found = re.search(rb"<model\b[^>]*\bunit\s*=\s*[\"'](\w+)[\"']", file.read(65536))
    return _3MF_METRES.get(found[1].decode() if found else "millimeter", 0.001)
