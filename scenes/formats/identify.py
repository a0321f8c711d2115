"""What a file or a folder is, told by its content, and the one way from a file to a ``Scene``."""

import json
from pathlib import Path
from typing import Literal

from cameras.errors import InputError, SettingsError
from scenes.meshes.contents import broken_mesh, mesh_format, ply_elements, ply_properties, read_head
from scenes.scene import Scene

SceneKind = Literal["job", "capture", "splat", "mesh"]
_SPLAT_PROPERTIES = {"f_dc_0", "opacity", "scale_0", "rot_0"}
_PACKED_SPLAT = "packed_position"


def identify_scene(path: Path) -> SceneKind:
    """What a scene is, or can be made of. The ending of a name decides nothing.

    Returns:
        ``"job"`` for a job folder; ``"capture"`` for photos, a video or a posed data set, which
        ``scenes.captures.source.identify`` tells apart; ``"splat"`` for Gaussians; ``"mesh"`` for triangles.

    Raises:
        InputError: if nothing is there, or it is something else; the message says what.
    """
    if not path.exists():
        raise InputError(f"a scene was expected at {path}, but nothing is there; check the path.")
    if path.is_dir():
        return "job" if (path / "manifest.json").is_file() else _of_capture(path)
    kind, head = _kind_and_head(path)
    if kind is not None:
        return kind
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _identify_json(path)
    other = broken_mesh(path, head) or _something_else(head)
    if other is not None:
        raise InputError(
            f"photos, a video, a posed data set, a splat .ply or a mesh were expected, but {path} {other}."
        )
    return _of_capture(path)


def kind_of_scene_file(path: Path) -> Literal["splat", "mesh"] | None:
    """Whether a file holds Gaussians or triangles; None if neither, whatever it is.

    Raises:
        InputError: if it cannot be read.
    """
    return _kind_and_head(path)[0]


def open_scene(path: Path, *, units: str | None = None, up_axis: str | None = None) -> Scene:
    """The scene in a splat file or a mesh.

    Args:
        units: of a mesh, ``mm``, ``cm``, ``m``, ``ft`` or ``in``; what the file or its format says if None.
        up_axis: of a mesh, ``+x -x +y -y +z`` or ``-z``; what the file or its format says if None.

    Raises:
        InputError: if it is neither, or cannot be read.
        SettingsError: if units or an up axis are given for splats, or have no such name.
        MissingExtraError: if what reads it is not installed.
    """
    kind = identify_scene(path)
    if kind == "mesh":
        from scenes.meshes.scene import MeshScene

        return MeshScene.load(path, units=units, up_axis=up_axis)
    if kind != "splat":
        raise InputError(
            f"a splat file or a mesh was expected, but {path} is a {kind}; give the scene.ply that was made of it."
        )
    if units is not None or up_axis is not None:
        raise SettingsError(f"units and an up axis can be told of a mesh, but {path} holds splats; leave them out.")
    from scenes.splats.scene import SplatScene

    return SplatScene.load(path)


def _kind_and_head(path: Path) -> tuple[Literal["splat", "mesh"] | None, bytes]:
    try:
        head = read_head(path)
        if head.startswith((b"ply\n", b"ply\r")):
            names = ply_properties(head)
            if names >= _SPLAT_PROPERTIES or _PACKED_SPLAT in names:
                return "splat", head
        return ("mesh" if mesh_format(path, head) is not None else None), head
    except OSError as error:
        raise InputError(
            f"{path} was to be read, but that failed ({error.strerror}); check its permissions."
        ) from error


def _identify_json(path: Path) -> SceneKind:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} should be JSON, but it cannot be parsed; export it again.") from error
    if isinstance(content, dict) and isinstance(content.get("frames"), list):
        return "capture"
    ours = str(content.get("format", "")) if isinstance(content, dict) else ""
    what = {"flythrough-path": "a camera path", "flythrough report": "a report"}.get(ours, "JSON of some other kind")
    raise InputError(
        f"cameras of photos (transforms.json) or a glTF mesh were expected, but {path} is {what}; give a scene."
    )


def _something_else(head: bytes) -> str | None:
    """What a file is that is plainly neither a picture nor a video; None if it may be one."""
    if not head:
        return "is empty; copy it again"
    if head.startswith((b"ply\n", b"ply\r")):
        points = ply_elements(head).get("vertex", 0)
        what = f"a cloud of {points:,} points" if points else "a .ply with neither points nor faces"
        return f"is {what}; fit a scene to photos, or reconstruct a mesh from the points"
    if head.startswith(b"glTF"):
        return "is glTF without a mesh; export the model with its geometry"
    if head.startswith((b"PK\3\4", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")):
        return "is an archive; unpack it, and give what is in it"
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return f"is text that begins with {head[:40].decode('utf-8', 'replace')!r}; give the scene itself"
    return None


def _of_capture(path: Path) -> SceneKind:
    from scenes.captures.source import identify

    identify(path)
    return "capture"
