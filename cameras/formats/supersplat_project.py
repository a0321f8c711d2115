"""The camera animation of a SuperSplat project, ``.ssproj``: a zip archive with ``document.json`` and splats.

Facts from ``supersplat/src/doc.ts``, ``camera-poses.ts``, ``timeline.ts`` and ``splat.ts``; the camera is explained in
`supersplat_track`. A project without splats is valid (SuperSplat saves one when its scene is empty), so one is written
with the animation alone; open it, add the splats, and stand them up. Every frame has a key.

A project that is read says where its splats stand in SuperSplat's world: with one splat, the path is given in the world
of that splat's file. Without one, or where several stand differently, it is that of splats with +z up, stood up.
"""

import io
import json
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ..errors import InputError
from ..rotations import matrix_from_quaternion
from ..shot_list import ShotList
from ..similarity import Similarity
from .exchange import MAX_FRAMES, Flight, FrameSettings, bake, exact_rate
from .files import MAX_BYTES, Loose, Opening, refusal, validated, write_bytes
from .flythrough_json import WorldNote
from .losses import common_losses
from .supersplat_track import ENGINE_FROM_WORLD, Track, pose_losses, poses_of, shots_of

_WHAT = "a SuperSplat project"
_DOCUMENT = "document.json"
_DEFAULT_FOV_DEG = 60.0
# Splats further apart than this stand differently.
_SAME_PLACE = 1e-6

_Vector = Annotated[list[float], Field(min_length=3, max_length=3)]


class _Pose(Loose):
    position: _Vector
    target: _Vector
    frame: Annotated[float, Field(ge=0)] | None = None
    fov: float | None = None


class _PoseSet(Loose):
    poses: tuple[_Pose, ...] = ()


class _Timeline(Loose):
    frames: Annotated[int, Field(ge=1, le=MAX_FRAMES)] = 180
    frameRate: Annotated[float, Field(gt=0)] = 30.0
    smoothness: Annotated[float, Field(ge=0, le=10)] = 1.0
    loop: bool = True


class _Camera(Loose):
    fov: float | None = None


class _Splat(Loose):
    position: _Vector
    rotation: Annotated[list[float], Field(min_length=4, max_length=4)]
    scale: _Vector


class _Document(Loose):
    version: int
    camera: _Camera = _Camera()
    poseSets: tuple[_PoseSet, ...] = ()
    timeline: _Timeline = _Timeline()
    splats: tuple[_Splat, ...] = ()


def recognizes(opening: Opening) -> bool:
    """By the archive's list of files."""
    if not opening.head.startswith(b"PK"):
        return False
    try:
        with zipfile.ZipFile(opening.file) as archive:
            return _DOCUMENT in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes a project without splats and with a key a frame; see `exchange.PathModule`."""
    frames = bake(flight, settings)
    positions, targets, fovs = poses_of(frames, settings.width, settings.height)
    poses = [
        {"name": f"camera_{i}", "frame": i, "position": position, "target": target, "fov": fov}
        for i, (position, target, fov) in enumerate(
            zip(positions.tolist(), targets.tolist(), fovs.tolist(), strict=True)
        )
    ]
    rate = float(frames.fps)
    document = {
        "version": 0,
        "camera": {
            "focalPoint": targets[0].tolist(),
            "azim": -45,
            "elev": -10,
            "distance": 1,
            "fov": float(fovs[0]),
            "tonemapping": "linear",
        },
        "view": _view(),
        "poseSets": [{"name": "set0", "poses": poses}],
        "timeline": {
            "frames": len(frames),
            "frameRate": int(rate) if rate.is_integer() else rate,
            "frame": 0,
            "smoothness": 1,
            "loop": frames.is_loop,
        },
        "splats": [],
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        # A fixed date: the same path makes the same bytes.
        written.writestr(zipfile.ZipInfo(_DOCUMENT), json.dumps(document, allow_nan=False), zipfile.ZIP_DEFLATED)
    write_bytes(file, archive.getvalue())
    return (*pose_losses(frames), *common_losses(flight, frames, {"loop", "rate"}))


def _view() -> dict[str, object]:
    """How the editor looks; it wants the colours."""
    return {
        "bgColor": [0, 0, 0, 1],
        "selectedColor": [1, 1, 0, 1],
        "unselectedColor": [0, 0, 1, 0.5],
        "lockedColor": [0, 0, 0, 0.05],
        "shBands": 3,
        "centersSize": 2,
        "outlineSelection": False,
        "showGrid": True,
        "showBound": True,
        "showCameraPoses": False,
        "flySpeed": 1,
    }


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads the animation as the editor plays it, at its own frame rate; see `exchange.PathModule`."""
    document = validated(_Document, _read_document(file), file, _WHAT)
    if document.version != 0:
        raise InputError(
            f"{file} is version {document.version} of {_WHAT}, but version 0 can be read; update flythrough"
        )
    timeline = document.timeline
    try:
        rate = exact_rate(timeline.frameRate)
        track, n_late = _track(document, float(rate))
        engine_from_world = _engine_from_world(document.splats)
        shots = shots_of(track, timeline.frames, replace(settings, fps=rate), engine_from_world)
    except ValueError as error:
        raise refusal(file, _WHAT, error) from error
    losses = [f"{n_late} keys after the end of the timeline"] if n_late else []
    losses += ["all sets of poses but the first"] if len(document.poseSets) > 1 else []
    up = engine_from_world.rotation.T @ (0.0, 1.0, 0.0)
    world = WorldNote(up_known=bool(np.abs(up - (0.0, 0.0, 1.0)).max() < _SAME_PLACE))
    return Flight(ShotList(shots), world, rate, losses=tuple(losses))


def _read_document(file: Path) -> bytes:
    """``document.json``; an archive that unpacks to more than a path may have is refused while it is unpacked."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(_DOCUMENT) as packed:
            data = packed.read(MAX_BYTES + 1)
    except (KeyError, EOFError, RuntimeError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{file} should be {_WHAT}, but its {_DOCUMENT} cannot be unpacked; save it again in SuperSplat"
        ) from error
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); check its name") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{_DOCUMENT} in {file} has over {MAX_BYTES // 2**20} MiB, too much for a project")
    return data


def _track(document: _Document, rate: float) -> tuple[Track, int]:
    """The keys that play, and how many do not because they come after the end."""
    timeline = document.timeline
    poses = document.poseSets[0].poses if document.poseSets else ()
    fov_of_none = document.camera.fov or _DEFAULT_FOV_DEG
    keys = sorted(
        (i * rate if pose.frame is None else pose.frame, *pose.position, *pose.target, pose.fov or fov_of_none)
        for i, pose in enumerate(poses)
    )
    playing = np.array([key for key in keys if key[0] < timeline.frames]).reshape(-1, 8)
    if not len(playing):
        raise ValueError("it has no keys on its timeline")
    period = float(timeline.frames) if timeline.loop else None
    return Track(playing[:, 0], playing[:, 1:], timeline.smoothness, period), len(keys) - len(playing)


def _engine_from_world(splats: tuple[_Splat, ...]) -> Similarity:
    """Where the splats stand, if all stand alike."""
    if not splats:
        return ENGINE_FROM_WORLD
    first = splats[0]
    for splat in splats[1:]:
        off = np.abs(
            np.array([*splat.position, *splat.rotation, *splat.scale])
            - np.array([*first.position, *first.rotation, *first.scale])
        )
        if not off.max() < _SAME_PLACE:
            return ENGINE_FROM_WORLD
    x, y, z, w = first.rotation
    scale = first.scale[0]
    if not np.abs(np.array(first.scale) - scale).max() <= _SAME_PLACE * abs(scale):
        raise ValueError("its splats must not be stretched to different scales along their axes")
    return Similarity(scale, matrix_from_quaternion([w, x, y, z]), np.array(first.position))
