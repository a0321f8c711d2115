"""Preflight: measures a finished path, between its frames too, against every limit of a comfortable and honest flight.

What a space cannot tell (whether a renderer finds anything to draw) comes as arrays per frame.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from .arrays import Floats, norms
from .camera import Camera
from .freespace import FreeSpace, Mask, is_unseen
from .freespace_rays import OUTSIDE, SURFACE
from .limits import Limits
from .motion import measure_motion
from .preflight_rules import RULES, Rule
from .shot_list import ShotList
from .take import Take, takes_of

PICTURE_ROWS, PICTURE_COLUMNS = 27, 48
"""Size of the pictures in which unseen and near pixels are counted."""
_MOST_PICTURES = 600
_SAMPLES_PER_S = 60.0
_MOST_SAMPLES = 400_000
# No photo sees the air at its own lens, and it hides nothing.
_BLIND_M = 0.5
# A view near by stands within this many of the limits of distance to one: a step aside changes little in a room.
NEAR_BY = 3.0
# Values of paths that were planned at a limit are rounded.
_ROUNDING = 1e-6
_MOTION = ("speed", "acceleration", "jerk", "turn-rate", "turn-acceleration", "zoom-rate", "roll", "tilt")


@dataclass(frozen=True, eq=False)
class Track:
    """What one rule measured over a film.

    Attributes:
        time_s: [n] seconds of the film, rising.
        values: [n] in the unit of the rule's field of `Limits`, never negative.
        limit: likewise.
    """

    rule: Rule
    time_s: Floats
    values: Floats
    limit: float

    @property
    def margins(self) -> Floats:
        """[n] how much of the limit is left: 1 is far from it, 0 is at it, below 0 is beyond it."""
        ratio = self.values / max(self.limit, 1e-9)
        return np.asarray(np.minimum(ratio - 1, 1) if self.rule.is_least else 1 - ratio, dtype=np.float64)

    @property
    def broken(self) -> Mask:
        """[n] where the limit is broken."""
        room = _ROUNDING * max(1.0, self.limit)
        if self.rule.is_least:
            return self.values < self.limit - room
        return self.values > self.limit + room

    @property
    def worst(self) -> tuple[float, float]:
        """The worst value and its time."""
        at = int(np.argmin(self.values) if self.rule.is_least else np.argmax(self.values))
        return float(self.values[at]), float(self.time_s[at])


@dataclass(frozen=True, eq=False)
class Preflight:
    """A film's measurements.

    Attributes:
        tracks: by the rule's name, in the rules' order; rules that could not be measured are missing.
        not_measured: why, by the rule's name.
        fps: of the film.
        shots: that were measured.
        aspect: width of the picture over its height.
    """

    tracks: dict[str, Track]
    not_measured: dict[str, str]
    limits: Limits
    fps: Fraction
    shots: ShotList
    aspect: float

    @property
    def broken(self) -> list[str]:
        """Names of the rules that are broken."""
        return [name for name, track in self.tracks.items() if track.broken.any()]

    @property
    def passed(self) -> bool:
        return not self.broken

    def as_json(self) -> dict[str, object]:
        """``limits``, ``worst`` by rule (value, unit, limit, frame, time, shot), and ``passed``; in people's units."""
        worst: dict[str, object] = {}
        for name, track in self.tracks.items():
            value, time = track.worst
            worst[name] = {
                "value": value * track.rule.shown,
                "unit": track.rule.unit,
                "limit": track.limit * track.rule.shown,
                "frame": self.frame_at(time),
                "time_s": time,
                "shot": self.shot_at(time),
                "passed": name not in self.broken,
            }
        return {
            "passed": self.passed,
            "broken": self.broken,
            "limits": {rule.name: rule.limit(self.limits) * rule.shown for rule in RULES},
            "units": {rule.name: rule.unit for rule in RULES},
            "worst": worst,
            "not_measured": self.not_measured,
            "seconds": self.shots.duration_s,
            "fps": str(self.fps),
            "frames": len(self.shots.times_s(self.fps)),
        }

    def frame_at(self, time_s: float) -> int:
        """Number from 0 of the frame that is shown at a time."""
        return min(int(time_s * self.fps + _ROUNDING), len(self.shots.times_s(self.fps)) - 1)

    def shot_at(self, time_s: float) -> str:
        return self.shots.shots[int(self.shots.shot_numbers(np.array([time_s]))[0])].name

    def margins(self, times_s: Floats) -> Floats:
        """[n] the worst margin of all rules around each of these times, which rise evenly."""
        half = 0.5 * (float(times_s[1] - times_s[0]) if len(times_s) > 1 else self.shots.duration_s)
        found = np.ones(len(times_s))
        for track in self.tracks.values():
            margins = track.margins
            found = np.minimum(found, np.interp(times_s, track.time_s, margins))
            cells: Floats = np.clip((track.time_s - times_s[0] + half) / (2 * half), 0, len(times_s) - 1)
            near = cells.astype(np.int64)
            close = np.abs(track.time_s - times_s[near]) <= half
            np.minimum.at(found, near[close], margins[close])
        return found


def preflight(
    shots: ShotList,
    space: FreeSpace,
    limits: Limits | None = None,
    *,
    fps: Fraction | float = 30,
    aspect: float = 16 / 9,
    transparent: Mask | None = None,
) -> Preflight:
    """Measures a film in a space.

    Args:
        shots: in the space's world.
        aspect: width of the picture over its height.
        transparent: [n, 27, 48] where the renderer draws nothing in the pictures of `picture_cameras`; None if the
            space knows all that it draws: then a picture from inside is empty where it shows no surface.

    Raises:
        ValueError: if the transparent pixels are of other pictures.
    """
    limits = limits or Limits()
    rate = Fraction(fps).limit_denominator(1_000_000)
    cameras = picture_cameras(shots, rate, aspect)
    if transparent is not None and transparent.shape != (len(cameras), PICTURE_ROWS, PICTURE_COLUMNS):
        raise ValueError(f"{len(cameras)} pictures cannot have transparent pixels of {transparent.shape}")
    measured = {**_moves(shots, space.metres_per_unit), **_pictures(cameras, space, transparent)}
    measured["clearance"] = _clearances(shots, space)
    missing: dict[str, str] = {}
    if len(space.views_position_world):
        measured |= _views(shots, space, limits, rate)
    else:
        missing = dict.fromkeys(("view-distance", "view-angle"), "no photos were taken of this scene")
    tracks = {
        rule.name: Track(rule, *measured[rule.name], rule.limit(limits)) for rule in RULES if rule.name in measured
    }
    return Preflight(tracks, missing, limits, rate, shots, aspect)


def picture_cameras(shots: ShotList, fps: Fraction | float, aspect: float) -> list[Camera]:
    """Small cameras at the film's frames, evenly chosen where there are more than 600."""
    cameras = shots.cameras(fps, PICTURE_COLUMNS, PICTURE_ROWS)
    stretch = aspect * PICTURE_ROWS / PICTURE_COLUMNS
    chosen = np.unique(np.linspace(0, len(cameras) - 1, min(len(cameras), _MOST_PICTURES)).round())
    return [_stretched(cameras[int(i)], stretch) for i in chosen]


def _stretched(camera: Camera, stretch: float) -> Camera:
    """The same picture squeezed sideways, where the film's shape is not that of the small picture."""
    return replace(camera, intrinsics=replace(camera.intrinsics, fx=camera.intrinsics.fx / stretch))


def _moves(shots: ShotList, metres: float) -> dict[str, tuple[Floats, Floats]]:
    """Times and sizes of the motion of all takes, by rule."""
    parts: list[list[Floats]] = []
    for take in takes_of(shots):
        motion = measure_motion(take, metres, samples_per_s=_SAMPLES_PER_S)
        parts.append(
            [
                motion.time_s + take.start_s,
                motion.speed_m_s,
                motion.acceleration_m_s2,
                motion.jerk_m_s3,
                motion.turn_rate_rad_s,
                motion.turn_acceleration_rad_s2,
                motion.zoom_rate_per_s,
                np.abs(motion.roll_rad),
                np.abs(motion.tilt_rad),
            ]
        )
    time, *values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return {name: (time, column) for name, column in zip(_MOTION, values, strict=True)}


def _clearances(shots: ShotList, space: FreeSpace) -> tuple[Floats, Floats]:
    """Times and clearances in metres of the swept path: from one sample to the next it is half a cube at most."""
    times: list[Floats] = []
    values: list[Floats] = []
    for take in takes_of(shots):
        time = swept_times(take, 0.5 * space.voxel)
        times.append(time + take.start_s)
        values.append(space.clearance(take.positions_world(time)) * space.metres_per_unit)
    return np.concatenate(times), np.concatenate(values)


def swept_times(take: Take, step_world: float) -> Floats:
    """[n] times of a take, ends among them, between which the camera flies no farther than a step."""
    count = 1 + max(1, round(take.duration_s * _SAMPLES_PER_S))
    time = np.linspace(0, take.duration_s, count)
    ways = norms(np.diff(take.positions_world(time), axis=0))[:, 0]
    wanted: Floats = np.maximum(1, np.ceil(1.1 * ways / step_world))
    finer = np.maximum(1, wanted * min(1.0, _MOST_SAMPLES / float(wanted.sum()))).astype(np.int64)
    starts = np.repeat(time[:-1], finer)
    within: Floats = np.arange(float(finer.sum())) - np.repeat(np.cumsum(finer) - finer, finer)
    steps: Floats = np.repeat(np.diff(time) / finer, finer)
    return np.append(starts + within * steps, take.duration_s)


def _views(shots: ShotList, space: FreeSpace, limits: Limits, fps: Fraction) -> dict[str, tuple[Floats, Floats]]:
    """Distance to the nearest captured view, and the angle to the best one near by (or to the nearest), by frame."""
    times = shots.times_s(fps)
    cameras = shots.cameras(fps, PICTURE_COLUMNS, PICTURE_ROWS)
    metres = np.array([_distances(camera.position_world, space) for camera in cameras])
    forwards = np.array([camera.forward_world for camera in cameras])
    angles = np.arccos(np.clip(forwards @ space.views_forward_world.T, -1, 1))
    nearest = metres.min(axis=1, keepdims=True)
    angles = np.where(metres <= np.maximum(nearest, NEAR_BY * limits.view_distance_m), angles, np.inf)
    return {"view-distance": (times, nearest[:, 0]), "view-angle": (times, angles.min(axis=1))}


def _distances(position: Floats, space: FreeSpace) -> Floats:
    """[k] metres to where photos were taken."""
    return norms(space.views_position_world - position)[:, 0] * space.metres_per_unit


def _pictures(cameras: list[Camera], space: FreeSpace, transparent: Mask | None) -> dict[str, tuple[Floats, Floats]]:
    """The depth of the nearest thing and the share of unseen or empty pixels, by picture."""
    times, blind = np.array([camera.time_s for camera in cameras]), _BLIND_M / space.metres_per_unit
    nearest, unseen = np.empty(len(cameras)), np.empty(len(cameras))
    pixels = np.stack(np.meshgrid(np.arange(PICTURE_COLUMNS) + 0.5, np.arange(PICTURE_ROWS) + 0.5), axis=-1)
    for i, camera in enumerate(cameras):
        rays = camera.intrinsics.rays(pixels.reshape(-1, 2))
        rays = rays @ camera.world_from_camera.rotation.T  # one long along the axis: what comes back is depth_z
        depth_z, kinds, seen = space.meet(np.broadcast_to(camera.position_world, rays.shape), rays, blind)
        nearest[i] = depth_z[kinds == SURFACE].min(initial=np.inf) * space.metres_per_unit
        bad = is_unseen(kinds, seen)
        if transparent is not None:
            bad |= transparent[i].ravel()
        elif space.is_interior:
            bad |= kinds == OUTSIDE
        unseen[i] = bad.mean()
    # Nothing in the picture is as good as far away.
    far = float(np.linalg.norm(space.size_world)) * space.metres_per_unit
    return {"near": (times, np.minimum(nearest, far)), "unseen": (times, unseen)}
