"""Repairs what preflight found: moves the camera away from walls, levels it, and slows it down; and says what it did.

A take with nothing broken stays as it is, to the bit. Of another, rows of poses are taken evenly in time, changed where
a limit is broken, and timed again under all limits, never faster than they were.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from .arrays import Floats, norms
from .freespace import FreeSpace
from .limits import Limits
from .path import CameraPath
from .preflight import Preflight
from .preflight_fix_aim import levelled, lowered, turned_to_views
from .preflight_fix_place import PlaceFixer
from .rotations import angle_rad, rotation_exp, rotation_log
from .shot_list import Shot, ShotList
from .splines import LEAST_SAMPLES
from .take import Take, takes_of
from .timing import time_path
from .tour_route import ROWS_PER_S

_UP = (0.0, 0.0, 1.0)
# Rows are joined by splines, which swing a little: each further try keeps this many more cubes away.
_SPARE_CUBES = (0.5, 1.0, 2.0)
_TOLD_S = 0.05
_ROUNDING_S = 1e-9
_PLACE = {"clearance", "near", "view-distance"}
_MOTION = ("speed", "acceleration", "jerk", "turn-rate", "turn-acceleration", "zoom-rate")


def fix_path(found: Preflight, space: FreeSpace) -> tuple[ShotList, list[str]]:
    """A film with fewer limits broken, and one sentence for each thing that was done or could not be.

    Args:
        found: of the film, in the space's world.
    """
    shots: list[Shot] = []
    said: list[str] = []
    for take in takes_of(found.shots):
        broken = _broken_in(found, take)
        if broken:
            repair = _Repair(take, broken, space, found.limits, _diagonal(found))
            shots.append(Shot(take.name, repair.path()))
            said += repair.said
        else:
            shots += take.shots
    return ShotList(tuple(shots), found.shots.note), said


def _diagonal(found: Preflight) -> float:
    """Half of the widest picture's diagonal in tangents: how far from the axis anything in a picture can be."""
    fovs = [key.fov_y_rad for shot in found.shots.shots for key in shot.path.keyframes]
    return math.tan(0.5 * max(fovs)) * math.hypot(1.0, found.aspect)


def _broken_in(found: Preflight, take: Take) -> dict[str, tuple[float, float]]:
    """First and last second of the take at which each limit is broken."""
    spans: dict[str, tuple[float, float]] = {}
    is_last = take.start_s + take.duration_s >= found.shots.duration_s - _ROUNDING_S
    # The moment of a cut belongs to what follows it.
    end = take.duration_s + (_ROUNDING_S if is_last else -_ROUNDING_S)
    for name, track in found.tracks.items():
        times = track.time_s[track.broken] - take.start_s
        times = times[(times >= -_ROUNDING_S) & (times <= end)]
        if len(times):
            spans[name] = (float(times[0]), float(times[-1]))
    return spans


@dataclass(eq=False)
class _Repair:
    """One take's repair; ``said`` fills up on the way."""

    take: Take
    broken: dict[str, tuple[float, float]]
    space: FreeSpace
    limits: Limits
    diagonal: float
    said: list[str] = field(default_factory=list[str])

    def path(self) -> CameraPath:
        """The repaired path, as little longer as its limits allow."""
        take = self.take
        count = max(LEAST_SAMPLES, round(take.duration_s * ROWS_PER_S)) + 1
        time = np.linspace(0, take.duration_s, count)
        raw = take.positions_world(time)
        rotations = self._aimed(raw, take.rotations(time))
        if not _PLACE & set(self.broken):
            path = self._timed(raw, rotations, time, np.arange(count, dtype=np.float64))
        else:
            path = self._moved(raw, rotations, time)
        self._say_the_rest(path)
        return path

    def _moved(self, raw: Floats, rotations: Floats, time: Floats) -> CameraPath:
        """The path with its places changed, farther and farther from everything until that is enough."""
        places = PlaceFixer(self.space, self.limits, self.take.is_loop)
        wanted = self._clearance_wanted()
        near = places.nearer(raw) if "view-distance" in self.broken else raw
        tries: list[tuple[float, Floats, CameraPath]] = []
        for spare in _SPARE_CUBES:
            moved, at = places.cleared(near, wanted, spare)
            path = self._timed(moved, rotations, time, at)
            before = np.stack([np.interp(at, np.arange(len(raw)), raw[:, k]) for k in range(3)], axis=-1)
            tries.append((places.least_clearance(path), norms(moved - before), path))
            if tries[-1][0] >= wanted:
                break
        _, ways, path = max(tries, key=lambda found: found[0])
        for rule in sorted(_PLACE & set(self.broken)):
            self._sentence(f"moved the camera by up to {float(ways.max()) * self.space.metres_per_unit:.2f} m", rule)
        return path

    def _clearance_wanted(self) -> float:
        """Metres to keep from everything: what is farther off than that cannot come nearer than the near plane, even in
        a corner of the picture."""
        wanted = self.limits.clearance_m
        return max(wanted, self.limits.near_m * math.hypot(1.0, self.diagonal)) if "near" in self.broken else wanted

    def _aimed(self, positions: Floats, rotations: Floats) -> Floats:
        limits, turned = self.limits, rotations
        if "view-angle" in self.broken:
            turned = turned_to_views(self.space, positions, turned, limits, is_loop=self.take.is_loop)
            self._told("turned the camera to where photos looked, by up to {}", "view-angle", rotations, turned)
        before = turned
        if "tilt" in self.broken:
            turned = lowered(turned, limits.tilt_rad, is_loop=self.take.is_loop)
            self._told("tilted the camera less, by up to {}", "tilt", before, turned)
        before = turned
        if "roll" in self.broken:
            turned = levelled(turned)
            self._told("levelled the horizon, which leaned by up to {}", "roll", before, turned)
        return turned

    def _told(self, what: str, rule: str, before: Floats, after: Floats) -> None:
        most = math.degrees(float(angle_rad(before, after).max()))
        self._sentence(what.format(f"{most:.1f} deg"), rule)

    def _sentence(self, what: str, rule: str) -> None:
        first, last = (self.take.start_s + end for end in self.broken[rule])
        when = f"at {first:.1f} s" if last - first < 0.05 else f"from {first:.1f} to {last:.1f} s"
        self.said.append(f"{self.take.name}: {what} ({rule} was broken {when}).")

    def _timed(self, positions: Floats, rotations: Floats, time: Floats, at: Floats) -> CameraPath:
        """Rows [k, 3] of places, at row numbers [k] of what was taken evenly in time."""
        take = self.take
        row = np.minimum(at.astype(np.int64), len(time) - 2)
        steps = rotation_log(np.swapaxes(rotations[:-1], -1, -2) @ rotations[1:])
        turned = rotations[row] @ rotation_exp((at - row)[:, None] * steps[row])
        when = np.interp(at, np.arange(len(time)), time)
        is_level = "roll" in self.broken or all(shot.path.level_up_world == _UP for shot in take.shots)
        path = self._clocked(positions, turned, when, is_level)
        subject = take.shots[0].path.look_at_world
        if len(take.shots) == 1 and subject is not None and not {"tilt", "view-angle"} & set(self.broken):
            path = replace(path, look_at_world=subject)
        return path

    def _clocked(self, positions: Floats, rotations: Floats, when: Floats, is_level: bool) -> CameraPath:
        def timed(seconds: float | None) -> CameraPath:
            return time_path(
                positions,
                rotations,
                self.take.fovs_y_rad(when),
                limits=self.limits,
                metres_per_unit=self.space.metres_per_unit,
                duration_s=seconds,
                is_loop=self.take.is_loop,
                level_up_world=_UP if is_level else None,
                focus_distances=self.take.focus_distances(when),
                most_rows_per_s=ROWS_PER_S,
            )

        path = timed(None)
        return path if path.duration_s >= self.take.duration_s else timed(self.take.duration_s)

    def _say_the_rest(self, path: CameraPath) -> None:
        """What became of the clock, and what is beyond repair."""
        motion = [rule for rule in _MOTION if rule in self.broken]
        longer = path.duration_s - self.take.duration_s
        if motion:
            self._sentence(f"slowed down, from {self.take.duration_s:.1f} to {path.duration_s:.1f} s", motion[0])
        elif longer > _TOLD_S:
            self.said.append(f"{self.take.name}: takes {longer:.1f} s longer, to stay within the limits of motion.")
        if len(self.take.shots) > 1:
            self.said.append(f"{self.take.name}: became one shot.")
        if "unseen" in self.broken:
            self._sentence("what no photo saw cannot be repaired; plan another way, or take more photos", "unseen")
