"""The path of a shot of free keyframes."""

import math
from dataclasses import replace

import numpy as np

from .arrays import Floats
from .keyframe import keyframes_of
from .moves.aim import aimed
from .moves.keys import Stop, filled_times, looking_ahead, through, with_stops
from .moves.manner import Easing, Triple, roll_rotation, triple
from .path import CameraPath
from .rotations import look_rotation
from .shot_compile_world import Before, World
from .shot_file import ShotEntry
from .shot_file_schema import Keyframes


def keyframes_path(entry: ShotEntry, shot: Keyframes, world: World, before: Before | None) -> CameraPath:
    """The path through the keys of a shot.

    Raises:
        InputError: if a key contradicts itself or others.
        ValueError: if no path goes through the keys.
    """
    subject = None if shot.subject is None else world.point(entry, shot.subject, "subject")
    positions = np.array([world.point(entry, key.at, "keys", i, "at") for i, key in enumerate(shot.keys)])
    rotations = _rotations(entry, shot, world, positions, subject)
    keys = keyframes_of(
        positions, rotations, _lenses(entry, shot, world, before), _focus(entry, shot, world, positions, subject)
    )
    is_timed = any(key.time is not None for key in shot.keys)
    if is_timed:
        if "easing" in entry.own:
            raise entry.error("wanted no easing in a shot whose keys have times; leave out one of them", "easing")
        keys = tuple(replace(key, time_s=given.time) for key, given in zip(keys, shot.keys, strict=True))
        keys = filled_times(keys, shot.seconds, shot.loop)
    easing = Easing() if is_timed else shot.easing
    path = CameraPath(
        keys,
        shot.seconds,
        is_loop=shot.loop,
        ease_s=easing.in_s,
        ease_out_s=None if easing.out_s == easing.in_s else easing.out_s,
        level_up_world=_level(shot, world),
        look_at_world=None if subject is None else triple(subject),
        is_sampled=shot.sampled,
    )
    path = through(path, shot.overshoot)
    stops = tuple(Stop(i, key.stop) for i, key in enumerate(shot.keys) if key.stop is not None)
    return with_stops(path, stops) if stops else path


def _level(shot: Keyframes, world: World) -> Triple | None:
    """A shot is level unless it says otherwise, or a key rolls."""
    if isinstance(shot.level, tuple):
        return shot.level
    wanted = all(key.roll == 0 for key in shot.keys) if shot.level is None else shot.level
    return world.up_world if wanted else None


def _rotations(entry: ShotEntry, shot: Keyframes, world: World, positions: Floats, subject: Floats | None) -> Floats:
    ahead: Floats | None = None
    found = np.empty((len(positions), 3, 3))
    for i, (key, position) in enumerate(zip(shot.keys, positions, strict=True)):
        roll = math.radians(key.roll)
        target = subject if key.look_at is None else world.point(entry, key.look_at, "keys", i, "look_at")
        if key.heading is not None or key.tilt is not None:
            if key.heading is None or key.look_at is not None:
                raise entry.error("wanted look_at, or heading with tilt, or none of them; correct it", "keys", i)
            found[i] = aimed(math.radians(key.heading), math.radians(key.tilt or 0.0), roll)
            continue
        if target is None:
            ahead = looking_ahead(positions, np.array(world.up_world), shot.loop) if ahead is None else ahead
            found[i] = ahead[i] @ roll_rotation(roll)
            continue
        if not np.linalg.norm(target - position) > 0:
            raise entry.error("wanted a key beside what the camera looks at, found it there; move it", "keys", i)
        found[i] = look_rotation(target - position, world.up_world) @ roll_rotation(roll)
    return found


def _lenses(entry: ShotEntry, shot: Keyframes, world: World, before: Before | None) -> Floats:
    if isinstance(shot.lens, tuple):
        raise entry.error("wanted one lens; for a zoom give keys a lens each", "lens")
    usual = before.fov_y_rad if before is not None else world.fov_y_rad
    usual = usual if shot.lens is None else world.fov_y_rad_of(shot.lens)
    return np.array([usual if key.lens is None else world.fov_y_rad_of(key.lens) for key in shot.keys])


def _focus(entry: ShotEntry, shot: Keyframes, world: World, positions: Floats, subject: Floats | None) -> Floats | None:
    if isinstance(shot.focus, tuple):
        raise entry.error("wanted one focus; give keys a focus each to change it", "focus")
    given = [key.focus if key.focus is not None else shot.focus for key in shot.keys]
    if all(focus is None for focus in given):
        return None
    found: list[float] = []
    for i, focus in enumerate(given):
        if focus is None:
            raise entry.error("wanted a focus for every key or for none; add it", "keys", i)
        if isinstance(focus, str):
            if subject is None:
                raise entry.error("wanted a subject for the focus to be on; add one, or give a distance", "focus")
            found.append(float(np.linalg.norm(subject - positions[i])))
        else:
            found.append(world.length(focus))
    return np.array(found)
