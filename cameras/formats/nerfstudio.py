"""nerfstudio's ``camera_path.json`` and ``dataparser_transforms.json``.

Format as read by ``nerfstudio/scripts/render.py`` and ``nerfstudio/cameras/camera_paths.py: get_path_from_json`` and
written by ``nerfstudio/viewer/render_panel.py`` (nerfstudio 1.1.5) and by its Blender add-on. Camera axes are OpenGL's,
matrices row by row; a matrix in a string is the Blender add-on's and column by column. ``fov`` is vertical, in degrees.
The film's frame rate is the number of frames over ``seconds``, whatever ``fps`` says. What is rendered is
``camera_path``; the viewer opens only ``keyframes``, so there is one for every second of the film.

The world is the one that nerfstudio trains in, moved and scaled from the data set's by its
``dataparser_transforms.json``: ``X_scene = scale * (transform @ (X_data, 1))``. Where that file is given the path is
converted, and our world is the data set's.
"""

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, JsonValue

from ..arrays import Floats
from ..conventions import OPENCV_FROM_OPENGL
from ..errors import InputError
from ..keyframe import Keyframe
from ..path import CameraPath
from ..rigid import Rigid
from ..rotations import quaternion_from_matrix
from ..shot_list import ShotList
from ..similarity import Similarity
from .exchange import MAX_FRAMES, Flight, FrameSettings, PathFrames, bake, exact_rate, shot_of
from .files import Loose, Opening, read_bytes, refusal, rigid_blocks, validated, write_json
from .flythrough_json import WorldNote
from .losses import common_losses

_WHAT = "nerfstudio's camera_path.json"
# A frame without a field of view is rendered by nerfstudio with this focal length in pixels.
_FOCAL_OF_NONE_PX = 50.0
_DEFAULT_TRANSITION_S = 2.0
_DEFAULT_FOV_DEG = 75.0

_Positive = Annotated[float, Field(gt=0)]


class _Frame(Loose):
    camera_to_world: JsonValue
    fov: float | None = None


class _Key(Loose):
    matrix: JsonValue
    fov: float | None = None
    override_transition_enabled: bool | None = None
    override_transition_sec: float | None = None


class _File(Loose):
    camera_path: tuple[_Frame, ...] = ()
    keyframes: tuple[_Key, ...] = ()
    camera_type: str = "perspective"
    render_height: Annotated[int, Field(gt=0)]
    render_width: Annotated[int, Field(gt=0)]
    seconds: _Positive | None = None
    fps: _Positive | None = None
    is_cycle: bool = False
    default_fov: float = _DEFAULT_FOV_DEG
    default_transition_sec: _Positive = _DEFAULT_TRANSITION_S
    crop: JsonValue = None


class _Transforms(Loose):
    transform: list[list[float]]
    scale: _Positive


def recognizes(opening: Opening) -> bool:
    """By its key ``camera_path`` or by keyframes with matrices."""
    content = opening.mapping
    return "camera_path" in content or ("keyframes" in content and "render_height" in content)


def read_dataparser_transforms(file: Path) -> Similarity:
    """``scene_from_world`` of a ``dataparser_transforms.json``.

    Raises:
        InputError: if the file is not one, or its transform is no rotation and translation.
    """
    what = "nerfstudio's dataparser_transforms.json"
    found = validated(_Transforms, read_bytes(file), file, what)
    try:
        matrix = np.array(found.transform, dtype=np.float64)
        if matrix.shape != (3, 4):
            raise ValueError("its transform must have 3 rows of 4 numbers")
        return Similarity(found.scale, rigid_blocks(matrix[:, :3]), found.scale * matrix[:, 3])
    except ValueError as error:
        raise refusal(file, what, error) from error


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes ``camera_path`` with every frame and a keyframe a second; see `exchange.PathModule`."""
    frames = bake(flight, settings)
    matrices = np.tile(np.eye(4), (len(frames), 1, 1))
    matrices[:, :3, :3], matrices[:, :3, 3] = frames.rotations @ OPENCV_FROM_OPENGL, frames.positions_world
    if settings.scene_from_world is not None:
        matrices[:, :3, 3] = settings.scene_from_world.apply(matrices[:, :3, 3])
        matrices[:, :3, :3] = settings.scene_from_world.rotation @ matrices[:, :3, :3]
    rows = matrices.reshape(-1, 16).tolist()
    fovs = np.degrees(frames.fovs_y_rad).tolist()
    aspect = settings.width / settings.height
    content = {
        "default_fov": fovs[0],
        "default_transition_sec": 1.0,
        "keyframes": _keyframes(frames, rows, fovs, aspect),
        "camera_type": "perspective",
        "render_height": settings.height,
        "render_width": settings.width,
        "fps": float(frames.fps),
        "seconds": float(len(frames) / frames.fps),
        "is_cycle": frames.is_loop,
        "smoothness_value": 0.0,
        "camera_path": [
            {"camera_to_world": row, "fov": fov, "aspect": aspect} for row, fov in zip(rows, fovs, strict=True)
        ],
    }
    write_json(file, content)
    return common_losses(flight, frames, {"loop", "rate"})


def _keyframes(
    frames: PathFrames, rows: list[list[float]], fovs: list[float], aspect: float
) -> list[dict[str, object]]:
    """A keyframe for every second, and for the last frame of what is no loop; each says how long the way to it is."""
    step, n = max(1, round(frames.fps)), len(frames)
    numbers = list(range(0, n, step))
    if not frames.is_loop and numbers[-1] != n - 1:
        numbers.append(n - 1)
    before = [numbers[-1] - n, *numbers[:-1]] if frames.is_loop else [numbers[0] - step, *numbers[:-1]]
    return [
        {
            "matrix": rows[number],
            "fov": fovs[number],
            "aspect": aspect,
            "override_transition_enabled": True,
            "override_transition_sec": float((number - earlier) / frames.fps),
        }
        for number, earlier in zip(numbers, before, strict=True)
    ]


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads every frame of ``camera_path``, or, where there is none, the keyframes; see `exchange.PathModule`."""
    found = validated(_File, read_bytes(file), file, _WHAT)
    if found.camera_type.lower() != "perspective":
        raise InputError(
            f"{file} is a path for a camera of type {found.camera_type}, but only perspective ones can be read; "
            f"choose that type in nerfstudio and export it again"
        )
    losses: list[str] = []
    if found.crop is not None:
        losses.append("the crop box")
    poses = found.camera_path or found.keyframes
    if any(pose.fov is None for pose in poses) and found.camera_path:
        losses.append(f"frames without a field of view (a focal length of {_FOCAL_OF_NONE_PX:g} pixels is taken)")
    if not found.camera_path:
        losses.append("the viewer's spline (ours goes through the same keyframes)")
    world = WorldNote(up_known=settings.scene_from_world is None)
    size = (found.render_width, found.render_height)
    try:
        path_read = _film(found, settings) if found.camera_path else _keyed(found, settings)
        shots, fps = path_read
    except ValueError as error:
        raise refusal(file, _WHAT, error) from error
    return Flight(shots, world, fps, size, tuple(losses))


def _film(found: _File, settings: FrameSettings) -> tuple[ShotList, Fraction]:
    poses = [_pose(frame.camera_to_world, f"camera_path.{i}", settings) for i, frame in enumerate(found.camera_path)]
    n = len(poses)
    if found.seconds is not None:
        fps = exact_rate(n / found.seconds)
    else:
        fps = settings.fps if found.fps is None else exact_rate(found.fps)
    of_none = math.degrees(2 * math.atan(0.5 * found.render_height / _FOCAL_OF_NONE_PX))
    fovs = np.radians([of_none if frame.fov is None else frame.fov for frame in found.camera_path])
    positions, rotations = np.array([pose[1] for pose in poses]), np.array([pose[0] for pose in poses])
    return ShotList((shot_of(PathFrames(fps, positions, rotations, fovs, None, found.is_cycle)),)), fps


def _keyed(found: _File, settings: FrameSettings) -> tuple[ShotList, Fraction | None]:
    """Our own curve through the keyframes, at the times that their transitions make."""
    if not found.keyframes:
        raise ValueError("it has neither frames in camera_path nor keyframes")
    transitions = [
        found.default_transition_sec
        if not key.override_transition_enabled or key.override_transition_sec is None
        else key.override_transition_sec
        for key in found.keyframes
    ]
    times = [0.0]
    for transition in transitions[1:]:
        times.append(times[-1] + transition)
    is_loop = found.is_cycle and len(times) > 1
    duration_s = times[-1] + (transitions[0] if is_loop or len(times) == 1 else 0.0)
    if not duration_s * float(settings.fps) <= MAX_FRAMES:
        raise ValueError(f"it lasts more than {MAX_FRAMES:,} frames")
    keys: list[Keyframe] = []
    for i, key in enumerate(found.keyframes):
        rotation, position = _pose(key.matrix, f"keyframes.{i}", settings)
        x, y, z = position.tolist()
        w, a, b, c = quaternion_from_matrix(rotation).tolist()
        fov = math.radians(found.default_fov if key.fov is None else key.fov)
        keys.append(Keyframe((x, y, z), (w, a, b, c), fov, times[i]))
    fps = None if found.fps is None else exact_rate(found.fps)
    return ShotList.of(CameraPath(tuple(keys), duration_s, is_loop=is_loop)), fps


def _pose(value: JsonValue, place: str, settings: FrameSettings) -> tuple[Floats, Floats]:
    """Rotation [3, 3] (OpenCV camera axes) and position [3] in our world."""
    matrix = _matrix(value, place)
    try:
        pose = Rigid(rigid_blocks(matrix[:3, :3]), matrix[:3, 3])
        if not np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-6):
            raise ValueError("the last row of a camera's matrix must be (0, 0, 0, 1)")
    except ValueError as error:
        raise ValueError(f"{place} is wrong: {error}") from error
    if settings.scene_from_world is not None:
        pose = settings.scene_from_world.inverse().apply_pose(pose)
    return pose.rotation @ OPENCV_FROM_OPENGL, pose.translation


def _matrix(value: JsonValue, place: str) -> Floats:
    """[4, 4] of 16 numbers in a list (row by row) or in a string (column by column)."""
    is_string = isinstance(value, str)
    try:
        numbers = np.array(json.loads(value) if isinstance(value, str) else value, dtype=np.float64)
    except (ValueError, TypeError, RecursionError, OverflowError):
        numbers = np.empty(0)
    if numbers.size != 16 or not np.isfinite(numbers).all():
        raise ValueError(f"{place} must be 16 finite numbers")
    matrix = numbers.reshape(4, 4)
    return matrix.T if is_string else matrix
