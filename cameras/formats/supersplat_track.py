"""How SuperSplat animates its camera: its world, its poses without roll, and its spline.

Facts from ``supersplat/src/camera-poses.ts``, ``src/anim/spline.ts`` and ``supersplat-viewer/src/animation``.

World: +y up, the camera looks along -z. Splats are shown turned by 180 degrees about z, so that a scene with +z up lies
on its side. A user stands it up with the rotation (90, 0, 180), which is how SuperSplat itself shows data with +z up,
or with ``splat-transform --rotate=-90,0,0`` (version 2). Then the point (x, y, z) of our world is at (-x, z, y).

A pose is a position, a target and a field of view in degrees along the larger side of the image; the picture is always
level. Between keys each of the seven numbers follows a cubic Hermite curve whose tangents are central differences times
``smoothness``: 1 is a Catmull-Rom spline, 0 stops at every key.
"""

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats, norms, unit
from ..conventions import OPENCV_FROM_OPENGL
from ..shot_list import Shot
from ..similarity import Similarity
from .exchange import MAX_COORDINATE, FrameSettings, PathFrames, shot_of

ENGINE_FROM_WORLD = Similarity(1.0, np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]]), np.zeros(3))
"""From our world with +z up to SuperSplat's, for splats that were stood up."""

ROLL_LOSS = "the roll (SuperSplat's camera is always level)"
# A camera turned by more than this from the level one of the same direction is one with roll.
_ROLL_RAD = 1e-5
# The target lies so far in front of the camera; the picture does not depend on it.
_TARGET_DISTANCE = 1.0


@dataclass(frozen=True, eq=False)
class Track:
    """Keys of a camera.

    Attributes:
        frames: [k] frame numbers of the keys, increasing.
        values: [k, 7] position, target, field of view in degrees.
        smoothness: as above.
        period: frames after which the first key comes again; None if the ends are open.

    Raises:
        ValueError: on no keys, other shapes, values that are not finite or too large, frames that do not increase, a
            period that is not longer than them.
    """

    frames: Floats
    values: Floats
    smoothness: float
    period: float | None = None

    def __post_init__(self) -> None:
        k = len(self.frames)
        if k < 1 or self.values.shape != (k, 7):
            raise ValueError(f"every key needs a position, a target and a field of view, and {k} keys were found")
        if not (np.abs(self.values) <= MAX_COORDINATE).all() or not (np.abs(self.frames) <= MAX_COORDINATE).all():
            raise ValueError(f"its keys must be finite and within {MAX_COORDINATE:g}")
        if (np.diff(self.frames) <= 0).any():
            raise ValueError("its keys must be at frames that increase")
        if self.period is not None and self.frames[-1] - self.frames[0] >= self.period:
            raise ValueError("its keys must be within its duration")

    def at(self, frames: Floats) -> Floats:
        """The seven numbers [n, 7] at frames [n]; open ends are held."""
        times, points = self.frames, self.values
        if len(times) == 1:
            return np.repeat(points, len(frames), axis=0)
        if self.period is not None:
            times = np.concatenate([times[-2:] - self.period, times, times[:2] + self.period])
            points = np.concatenate([points[-2:], points, points[:2]])
        tangents = np.empty_like(points)
        tangents[1:-1] = (points[2:] - points[:-2]) / (times[2:] - times[:-2])[:, None]
        tangents[0] = (points[1] - points[0]) / (times[1] - times[0])
        tangents[-1] = (points[-1] - points[-2]) / (times[-1] - times[-2])
        wanted = np.clip(frames, times[0], times[-1])
        piece = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(times) - 2)
        length = (times[piece + 1] - times[piece])[:, None]
        t = (wanted - times[piece])[:, None] / length
        slopes = length * self.smoothness
        start, end = points[piece], points[piece + 1]
        return (
            start * ((1 + 2 * t) * (1 - t) ** 2)
            + end * (t * t * (3 - 2 * t))
            + slopes * (tangents[piece] * (t * (1 - t) ** 2) + tangents[piece + 1] * (t * t * (t - 1)))
        )


def poses_of(frames: PathFrames, width: int, height: int) -> tuple[Floats, Floats, Floats]:
    """Positions [n, 3], targets [n, 3] and fields of view [n] in SuperSplat's terms."""
    positions = ENGINE_FROM_WORLD.apply(frames.positions_world)
    forward = frames.rotations[:, :, 2] @ ENGINE_FROM_WORLD.rotation.T
    halves = np.tan(0.5 * frames.fovs_y_rad) * max(1.0, width / height)
    return positions, positions + _TARGET_DISTANCE * forward, np.degrees(2 * np.arctan(halves))


def pose_losses(frames: PathFrames) -> tuple[str, ...]:
    """What of the frames' own poses SuperSplat cannot show."""
    shown = _world_rotations(frames.rotations[:, :, 2] @ ENGINE_FROM_WORLD.rotation.T, ENGINE_FROM_WORLD)
    # |A - B| in the Frobenius norm is 2 sqrt(2) sin(angle / 2).
    off = np.sqrt(np.sum((shown - frames.rotations) ** 2, axis=(1, 2))) / np.sqrt(2)
    return (ROLL_LOSS,) if (off > _ROLL_RAD).any() else ()


def shots_of(
    track: Track,
    n_frames: int,
    settings: FrameSettings,
    engine_from_world: Similarity = ENGINE_FROM_WORLD,
    *,
    is_step: bool = False,
) -> tuple[Shot, ...]:
    """The film of a track at the frame rate of its frames, ``settings.fps``, in our world.

    Args:
        engine_from_world: where the splats, and our world with them, are in SuperSplat's.
        is_step: every key holds until the next and is a shot of its own, with a cut before it.

    Raises:
        ValueError: if a target is at its camera, or a frame cannot be.
    """
    at = track.frames if is_step else np.arange(float(n_frames))
    values = track.at(at)
    directions = values[:, 3:6] - values[:, :3]
    if (norms(directions) <= 1e-9 * (1 + norms(values[:, :3]))).any():
        raise ValueError("its camera must look at a target away from itself")
    if not ((values[:, 6] > 0) & (values[:, 6] < 180)).all():
        raise ValueError("its field of view must stay between 0 and 180 degrees")
    halves = np.tan(0.5 * np.radians(values[:, 6])) / max(1.0, settings.width / settings.height)
    positions = engine_from_world.inverse().apply(values[:, :3])
    rotations, fovs = _world_rotations(unit(directions), engine_from_world), 2 * np.arctan(halves)
    if not is_step:
        frames = PathFrames(settings.fps, positions, rotations, fovs, None, track.period is not None)
        return (shot_of(frames),)
    starts = np.clip(np.ceil(track.frames), 0, n_frames).astype(int)
    lengths = np.diff([0, *starts[1:], n_frames])
    held = [
        PathFrames(settings.fps / length, positions[i : i + 1], rotations[i : i + 1], fovs[i : i + 1])
        for i, length in enumerate(lengths.tolist())
        if length > 0
    ]
    return tuple(shot_of(frames, f"key {i}") for i, frames in enumerate(held, 1))


def _world_rotations(directions_engine: Floats, engine_from_world: Similarity) -> Floats:
    """The level camera in each direction: turned about +y, then raised, as SuperSplat does even straight up."""
    x, y, z = directions_engine.T
    yaw, pitch = np.arctan2(-x, -z), np.arctan2(y, np.hypot(x, z))
    zeros = np.zeros_like(yaw)
    right = np.stack([np.cos(yaw), zeros, -np.sin(yaw)], axis=1)
    back = np.stack([np.sin(yaw) * np.cos(pitch), -np.sin(pitch), np.cos(yaw) * np.cos(pitch)], axis=1)
    engine_from_opengl = np.stack([right, np.cross(back, right), back], axis=2)
    return engine_from_world.rotation.T @ engine_from_opengl @ OPENCV_FROM_OPENGL
