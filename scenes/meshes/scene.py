"""A mesh as a ``Scene``."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from cameras.camera import Camera
from scenes.scene import View, World

from .draw import MeshDrawer, check
from .frame import ASSUMED_UP_AXIS, COMMENT, notes_of
from .mesh import Mesh
from .read import head_of, read_mesh


@dataclass(frozen=True, eq=False)
class MeshScene:
    """Triangles in a world whose +z is up, in the file's own unit.

    Attributes:
        mesh: what is seen, from either side.
        world: bounds, and what is known of up and of the unit.
        provenance: where it came from; JSON-able.
    """

    mesh: Mesh
    world: World
    provenance: Mapping[str, object] = field(default_factory=dict[str, object])

    @classmethod
    def load(cls, path: Path, *, units: str | None = None, up_axis: str | None = None) -> "MeshScene":
        """Reads glb, gltf, obj, ply, stl, off, 3mf or dae, told apart by content.

        Args:
            units: ``mm``, ``cm``, ``m``, ``ft`` or ``in``; what the file or its format says if None.
            up_axis: ``+x -x +y -y +z`` or ``-z``; what the file or its format says (glTF: +y) if None, else +z is
                assumed and ``world.up_known`` is false.

        Raises:
            InputError, SettingsError, MissingExtraError: as ``scenes.meshes.read.read_mesh``.
        """
        mesh, frame, kind = read_mesh(path, units=units, up_axis=up_axis)
        provenance: dict[str, object] = {
            "file": path.name,
            "format": kind,
            "up_axis": frame.up_axis or f"{ASSUMED_UP_AXIS} (assumed)",
        }
        made = notes_of(path, head_of(path)).get("provenance")
        world = World(*mesh.bounds, frame.up_axis is not None, frame.metres_per_unit, provenance)
        return cls(mesh, world, made if isinstance(made, dict) else provenance)

    def views(self, cameras: Iterable[Camera], passes: tuple[str, ...] = ("rgb",)) -> Iterator[View]:
        """One view a camera; passes are ``rgb``, ``depth_z`` and ``normals``, both of which are 0 where nothing is.

        Raises:
            SettingsError: if a camera is not an ideal pinhole, or a pass is not offered.
            MissingExtraError: if embreex is not installed.
        """
        for camera in cameras:
            check(camera.intrinsics, passes)
            yield self._drawer.view(camera, passes)

    def view(self, camera: Camera, passes: tuple[str, ...] = ("rgb",)) -> View:
        """The view of one camera."""
        return next(self.views([camera], passes))

    @cached_property
    def _drawer(self) -> MeshDrawer:
        return MeshDrawer(self.mesh)

    def save(self, path: Path) -> None:
        """Writes a binary .ply with a colour for each face, under a temporary name that is renamed when whole."""
        mesh, world = self.mesh, self.world
        vertices = mesh.vertices_world.astype("<f8")
        faces = np.zeros(len(mesh.faces), [("count", "u1"), ("rows", "<i4", 3), ("color", "u1", 3)])
        faces["count"], faces["rows"], faces["color"] = 3, mesh.faces, mesh.face_colors
        notes = {
            "world": {"up_known": world.up_known, "metres_per_unit": world.metres_per_unit},
            "provenance": dict(self.provenance),
        }
        header = [
            *("ply", "format binary_little_endian 1.0", f"{COMMENT}{json.dumps(notes, sort_keys=True)}"),
            *(["comment Vertical Axis: z"] if world.up_known else []),
            f"element vertex {len(vertices)}",
            *(f"property double {axis}" for axis in "xyz"),
            f"element face {len(faces)}",
            "property list uchar int vertex_indices",
            *(f"property uchar {name}" for name in ("red", "green", "blue")),
            *("end_header", ""),
        ]
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with open(temporary, "wb") as file:
                file.write("\n".join(header).encode("ascii"))
                vertices.tofile(file)
                faces.tofile(file)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
