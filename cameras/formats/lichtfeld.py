"""The timeline of LichtFeld Studio's sequencer: version 4 is written, versions 1 to 4 are read.

Facts from ``src/sequencer/timeline.cpp``, ``keyframe.hpp``, ``interpolation.cpp`` and pull requests 1390 and 2051 of
MrNeRF/LichtFeld-Studio. Between keys positions follow a Catmull-Rom curve whose parameter is not the time but the eased
part of the piece, rotations the shorter great arc, and the focal length a straight line; so a key is written for every
frame. The vertical field of view is 2 atan(12 / focal_length_mm).

Keys live in the world of LichtFeld's viewer, whose +y is up: the point (x, y, z) of the splat file is at (x, -y, -z).
``rotation`` (w, x, y, z) is ``world_from_camera`` with OpenGL camera axes. Its window works so since April 2026, its
``--render-camera-path`` since September 2026 (pull request 2051); before, both axes were taken otherwise.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ..arrays import Floats
from ..conventions import OPENCV_FROM_OPENGL
from ..errors import InputError, SettingsError
from ..intrinsics import FULL_FRAME_HEIGHT_MM
from ..rotations import quaternion_from_matrix, slerp
from ..shot_list import ShotList
from ..splines import with_continuous_signs
from .exchange import (
    MAX_COORDINATE,
    MAX_FRAMES,
    Flight,
    FrameSettings,
    PathFrames,
    bake,
    shot_of,
    unit_quaternions,
)
from .files import Loose, Opening, as_object, first_of, json_bytes, read_bytes, refusal, validated, write_bytes
from .losses import common_losses

_WHAT = "a timeline of LichtFeld Studio"
_VERSION = 4
_MAX_KEYS, _MAX_TIMELINE_BYTES = 100_000, 16 * 2**20
_FOCAL_RANGE_MM = (10.0, 200.0)
_TIME_TOLERANCE_FRAMES = 1e-4
# The same turn of the world and of the camera's axes: (x, y, z) to (x, -y, -z).
_VIEWER_FROM_WORLD = OPENCV_FROM_OPENGL


class _Key(Loose):
    time: Annotated[float, Field(ge=-1e6, le=1e6)]
    position: Annotated[list[float], Field(min_length=3, max_length=3)]
    rotation: Annotated[list[float], Field(min_length=4, max_length=4)]
    focal_length_mm: Annotated[float, Field(gt=0)]
    easing: Annotated[int, Field(ge=0, le=3)]


class _Timeline(Loose):
    version: Annotated[int, Field(ge=1)] = 1
    keyframes: Annotated[list[_Key], Field(min_length=1, max_length=_MAX_KEYS)]
    animation_clip: object = None


def recognizes(opening: Opening) -> bool:
    """By its keyframes, which have a focal length."""
    return "focal_length_mm" in as_object(first_of(opening.mapping.get("keyframes")))


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes a key a frame; see `exchange.PathModule`."""
    frames = bake(flight, settings)
    n = len(frames)
    positions = frames.positions_world @ _VIEWER_FROM_WORLD
    rotations = _VIEWER_FROM_WORLD @ frames.rotations @ OPENCV_FROM_OPENGL
    quaternions = with_continuous_signs(quaternion_from_matrix(rotations))
    focals = 0.5 * FULL_FRAME_HEIGHT_MM / np.tan(0.5 * frames.fovs_y_rad)
    rows = zip(frames.times_s.tolist(), positions.tolist(), quaternions.tolist(), focals.tolist(), strict=True)
    keys = [
        {"time": time, "position": position, "rotation": rotation, "focal_length_mm": focal, "easing": 0}
        for time, position, rotation, focal in rows
    ]
    clip_duration = float(max(n - 1, 1) / frames.fps)
    data = json_bytes({"version": _VERSION, "clip_duration": clip_duration, "keyframes": keys})
    if n > _MAX_KEYS or len(data) > _MAX_TIMELINE_BYTES:
        raise SettingsError(
            f"LichtFeld Studio reads at most {_MAX_KEYS:,} keys and {_MAX_TIMELINE_BYTES // 2**20} MiB, but the path's "
            f"{n:,} frames make {len(data) / 2**20:.1f} MiB; ask for a lower --fps."
        )
    write_bytes(file, data)
    losses = list(common_losses(flight, frames))
    low, high = _FOCAL_RANGE_MM
    if focals.min() < low or focals.max() > high:
        losses.append(f"fields of view outside 6.9 to 100.4 degrees (its lenses are {low:g} to {high:g} mm)")
    return tuple(losses)


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads the timeline as LichtFeld plays it, at the rate of ``settings``; see `exchange.PathModule`."""
    found = validated(_Timeline, read_bytes(file), file, _WHAT)
    if found.version > _VERSION:
        raise InputError(
            f"{file} is version {found.version} of {_WHAT}, but versions 1 to {_VERSION} can be read; update flythrough"
        )
    try:
        frames = _frames(sorted(found.keyframes, key=lambda key: key.time), settings)
        shot = shot_of(frames)
    except ValueError as error:
        raise refusal(file, _WHAT, error) from error
    losses = () if found.animation_clip is None else ("its animation clip",)
    return Flight(ShotList((shot,)), losses=losses)


def _frames(keys: list[_Key], settings: FrameSettings) -> PathFrames:
    """The keys as LichtFeld plays them, in our world."""
    times = np.array([key.time for key in keys])
    length = (times[-1] - times[0]) * float(settings.fps)
    if length > MAX_FRAMES:
        raise ValueError(f"it lasts more than {MAX_FRAMES:,} frames")
    points = np.array([key.position for key in keys])
    if not (np.abs(points) <= MAX_COORDINATE).all():
        raise ValueError(f"its positions must be within {MAX_COORDINATE:g}")
    quaternions = quaternion_from_matrix(unit_quaternions(np.array([key.rotation for key in keys])))
    focals, easings = np.array([key.focal_length_mm for key in keys]), np.array([key.easing for key in keys])
    n = int(length + _TIME_TOLERANCE_FRAMES) + 1
    at = times[0] + np.array([float(i / settings.fps) for i in range(n)])
    last = max(len(keys) - 2, 0)
    piece = np.clip(np.asarray(np.searchsorted(times, at, side="right"), dtype=np.int64) - 1, 0, last)
    end = np.minimum(piece + 1, len(keys) - 1)
    spans = times[end] - times[piece]
    parts = np.clip(np.divide(at - times[piece], spans, out=np.zeros(n), where=spans > 0), 0.0, 1.0)
    t = _eased(parts, easings[piece])
    positions = _catmull_rom(
        points[np.maximum(piece - 1, 0)],
        points[piece],
        points[end],
        points[np.minimum(end + 1, len(keys) - 1)],
        t[:, None],
    )
    turned = unit_quaternions(slerp(quaternions[piece], quaternions[end], t))
    focal = focals[piece] + (focals[end] - focals[piece]) * t
    rotations = _VIEWER_FROM_WORLD @ turned @ OPENCV_FROM_OPENGL
    fovs = 2 * np.arctan(0.5 * FULL_FRAME_HEIGHT_MM / focal)
    return PathFrames(settings.fps, positions @ _VIEWER_FROM_WORLD, rotations, fovs)


def _catmull_rom(before: Floats, start: Floats, end: Floats, after: Floats, t: Floats) -> Floats:
    """The uniform Catmull-Rom curve [n, 3] from ``start`` to ``end`` (Catmull & Rom 1974) at t [n, 1]."""
    slope_start, slope_end = 0.5 * (end - before), 0.5 * (after - start)
    rise = end - start
    return start + t * (
        slope_start + t * (3 * rise - 2 * slope_start - slope_end + t * (slope_start + slope_end - 2 * rise))
    )


def _eased(t: Floats, easings: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """LichtFeld's four easings of [0, 1]: none, and cubes at the start, at the end, at both."""
    ease_in, ease_out = t**3, 1 - (1 - t) ** 3
    both = np.where(t < 0.5, 4 * t**3, 1 - 0.5 * (2 - 2 * t) ** 3)
    return np.choose(easings, [t, ease_in, ease_out, both])
