"""The path of each kind of shot in a shot file."""

import math
from dataclasses import dataclass

import numpy as np

from .arrays import Floats
from .moves import circles, lines, turns
from .moves.aim import aimed
from .moves.follow import follow_capture
from .moves.manner import Manner, Stance, horizontal, roll_rad
from .path import CameraPath
from .shot_compile_keys import keyframes_path
from .shot_compile_world import Before, World, ends, radians
from .shot_file import ShotEntry
from .shot_file_schema import (
    Around,
    Circle,
    Crane,
    DollyZoom,
    Follow,
    Hold,
    Keyframes,
    Line,
    Pan,
    Push,
    Spiral,
    StandingShot,
    Turn,
)

# A camera that follows the capture turns by one radian in the time in which it flies this far.
_METRES_PER_RAD = 1.0
_NO_ROLL_RAD = 1e-9


def path_of(entry: ShotEntry, world: World, before: Before | None) -> CameraPath:
    """The path of a shot, without the unrest of a hand.

    Args:
        before: where the shot before ended, if this one continues it.

    Raises:
        InputError: if it cannot be flown.
    """
    shot = entry.shot
    try:
        if isinstance(shot, Keyframes):
            return keyframes_path(entry, shot, world, before)
        if isinstance(shot, Follow):
            return _follow(entry, shot, world, before)
        return _Standing.of(entry, shot, world, before).path()
    except ValueError as error:
        raise entry.error(f"this shot cannot be flown: {error}; correct it") from error


def _follow(entry: ShotEntry, shot: Follow, world: World, before: Before | None) -> CameraPath:
    first, last = shot.views or (1, len(world.cameras))
    if max(first, last) > len(world.cameras):
        raise entry.error(f"wanted numbers of captured views, of which there are {len(world.cameras)}", "views")
    numbers = range(first - 1, last) if first <= last else range(first - 1, last - 2, -1)
    if shot.focus == "subject":
        raise entry.error("wanted a distance, because a shot that follows the capture has no subject", "focus")
    return follow_capture(
        [world.cameras[number] for number in numbers],
        _manner(entry, shot, world, before, (0.0, 0.0)),
        smoothing=world.length(shot.smoothing),
        length_per_rad=world.length(_METRES_PER_RAD),
        is_level=shot.level,
    )


def _manner(
    entry: ShotEntry,
    shot: StandingShot | Follow,
    world: World,
    before: Before | None,
    rolls_rad: tuple[float, float],
) -> Manner:
    """The manner that a shot asks for; an unbroken move keeps the lens and the focus that it has."""
    usual = before.fov_y_rad if before is not None else world.fov_y_rad
    lenses = None if shot.lens is None else ends(shot.lens)
    focus = None if before is None or before.focus is None else ends(before.focus)
    if shot.focus is not None and shot.focus != "subject":
        near, far = ends(shot.focus)
        focus = (world.length(near), world.length(far))
    return Manner(
        shot.seconds,
        ends(usual) if lenses is None else (world.fov_y_rad_of(lenses[0]), world.fov_y_rad_of(lenses[1])),
        shot.easing,
        "subject" if shot.focus == "subject" else focus,
        rolls_rad if shot.roll is None else radians(ends(shot.roll)),
        world.up_world,
    )


@dataclass(frozen=True, eq=False)
class _Standing:
    """A shot that begins where the camera stands and looks."""

    entry: ShotEntry
    shot: StandingShot
    world: World
    stance: Stance
    manner: Manner
    subject: Floats | None

    @classmethod
    def of(cls, entry: ShotEntry, shot: StandingShot, world: World, before: Before | None) -> "_Standing":
        subject = None if shot.subject is None else world.point(entry, shot.subject, "subject")
        if shot.focus == "subject" and subject is None:
            raise entry.error("wanted a subject for the focus to be on; add one, or give a distance", "focus")
        position = _start(entry, shot, world, before, subject)
        forward, kept = _aim(entry, shot, before, position, subject)
        roll = 0.0 if kept is None else float(roll_rad(kept, world.up_world))
        # Rounding is no roll.
        manner = _manner(entry, shot, world, before, ends(roll if abs(roll) > _NO_ROLL_RAD else 0.0))
        return cls(entry, shot, world, Stance(position, forward), manner, subject)

    def path(self) -> CameraPath:
        shot, world = self.shot, self.world
        if isinstance(shot, Hold):
            return lines.hold(self.stance, self.still)
        if isinstance(shot, Pan):
            return self._pan(shot)
        if isinstance(shot, Turn):
            turn = turns.tilt if shot.kind == "tilt" else turns.roll
            return turn(self.stance, math.radians(shot.angle), self.still)
        if isinstance(shot, Line):
            move = {"dolly": lines.dolly, "truck": lines.truck, "pedestal": lines.pedestal}[shot.kind]
            return move(self.stance, world.length(shot.distance), self.manner, self.subject)
        if isinstance(shot, Crane):
            rise, distance = world.length(shot.rise), world.length(shot.distance)
            return lines.crane(self.stance, rise, distance, self.manner, self.subject)
        if isinstance(shot, Push):
            return lines.push_in(self.stance, self._push(shot), self.manner, self.subject)
        if isinstance(shot, DollyZoom):
            return lines.dolly_zoom(self.stance, self._zoom(shot), self.manner, self.wanted_subject)
        return self._around(shot)

    @property
    def still(self) -> Manner:
        """The manner of a camera that stays where it is, so that its subject stays as far away."""
        if self.subject is None:
            return self.manner
        return lines.standing(self.manner, float(np.linalg.norm(self.subject - self.stance.position_world)))

    @property
    def wanted_subject(self) -> Floats:
        if self.subject is None:
            raise self.entry.error(f"wanted a subject for this {self.shot.kind}, found none; add it")
        return self.subject

    def _pan(self, shot: Pan) -> CameraPath:
        if (shot.angle is None) == (shot.onto is None):
            raise self.entry.error(f"wanted one of angle and onto for this {shot.kind}; correct it")
        is_whip = shot.kind == "whip"
        if is_whip and "easing" in self.entry.own:
            raise self.entry.error("wanted no easing: a whip gets faster until its cut; leave it out", "easing")
        if shot.angle is not None:
            return (turns.whip if is_whip else turns.pan)(self.stance, math.radians(shot.angle), self.still)
        there = self.world.point(self.entry, shot.onto or "", "onto") - self.stance.position_world
        return (turns.whip_onto if is_whip else turns.pan_onto)(self.stance, there, self.still)

    def _push(self, shot: Push) -> float:
        """How far the camera flies towards its subject."""
        if (shot.distance is None) == (shot.end_distance is None):
            raise self.entry.error(f"wanted one of distance and end_distance for this {shot.kind}; correct it")
        sign = 1 if shot.kind == "push-in" else -1
        if shot.distance is not None:
            return sign * self.world.length(shot.distance)
        far = float(np.linalg.norm(self.wanted_subject - self.stance.position_world))
        way = far - self.world.length(shot.end_distance or 0.0)
        if sign * way <= 0:
            found = far * self.world.metres_per_unit
            side = "below" if sign > 0 else "above"
            raise self.entry.error(
                f"wanted a distance {side} the {found:.3g} m at the start; correct it", "end_distance"
            )
        return way

    def _zoom(self, shot: DollyZoom) -> float:
        """How far the camera flies towards its subject, which a second lens may tell."""
        is_zoom = isinstance(shot.lens, tuple)
        if is_zoom + (shot.distance is not None) + (shot.end_distance is not None) != 1:
            raise self.entry.error(
                "wanted one of distance, end_distance and two lenses for this dolly-zoom; correct it"
            )
        if shot.distance is not None:
            return self.world.length(shot.distance)
        far = float(np.linalg.norm(self.wanted_subject - self.stance.position_world))
        if shot.end_distance is not None:
            return far - self.world.length(shot.end_distance)
        before, after = (math.tan(0.5 * fov) for fov in self.manner.fovs_y_rad)
        return far - far * before / after

    def _around(self, shot: Circle | Spiral) -> CameraPath:
        angle = shot.angle
        if angle is None:
            if shot.kind != "orbit":
                raise self.entry.error(f"wanted an angle for this {shot.kind}, found none; add it")
            angle = 360.0
        start, subject = self.stance.position_world, self.wanted_subject
        if not isinstance(shot, Spiral):
            return circles.arc(start, subject, math.radians(angle), self.manner)
        offset = start - subject
        radius = float(np.linalg.norm(horizontal(offset, self.world.up_world)))
        height = float(offset @ np.array(self.world.up_world))
        end_radius = radius if shot.end_radius is None else self.world.length(shot.end_radius)
        end_height = height if shot.end_height is None else self.world.length(shot.end_height)
        return circles.spiral(start, subject, math.radians(angle), end_radius, end_height, self.manner)


def _start(entry: ShotEntry, shot: StandingShot, world: World, before: Before | None, subject: Floats | None) -> Floats:
    """[3] where the camera stands first."""
    if isinstance(shot, Around) and shot.radius is not None:
        if subject is None:
            raise entry.error(f"wanted a subject for this {shot.kind}, found none; add it")
        if shot.from_ is not None:
            raise entry.error("wanted one of from and radius, found both; leave one out", "radius")
        height, bearing = world.length(shot.height or 0.0), math.radians(shot.bearing or 0.0)
        return circles.stand_around(subject, world.length(shot.radius), height, bearing, np.array(world.up_world))
    if isinstance(shot, Around) and (shot.height is not None or shot.bearing is not None):
        key = "bearing" if shot.height is None else "height"
        raise entry.error(f"wanted a radius beside the {key}, found none; add it", key)
    if shot.from_ is not None:
        return world.point(entry, shot.from_, "from")
    if before is not None:
        return before.position_world
    raise entry.error(
        'wanted the key "from", where the camera stands, found none; add it (only a shot with join: continue goes on '
        "from where the last one ended)"
    )


def _aim(
    entry: ShotEntry, shot: StandingShot, before: Before | None, position: Floats, subject: Floats | None
) -> tuple[Floats, Floats | None]:
    """[3] where the camera looks first; and the rotation that it keeps from the shot before, if it does."""
    if subject is not None:
        if shot.heading is not None or shot.tilt is not None:
            raise entry.error("wanted a subject, or heading with tilt, found both; leave one out", "subject")
        if not np.linalg.norm(subject - position) > 0:
            raise entry.error("wanted a camera beside its subject, found it there; move it")
        return subject - position, None
    if shot.heading is not None:
        return aimed(math.radians(shot.heading), math.radians(shot.tilt or 0.0))[:, 2], None
    if shot.tilt is not None:
        raise entry.error("wanted a heading beside the tilt, found none; add it", "tilt")
    if before is not None:
        return before.rotation[:, 2], before.rotation
    raise entry.error("wanted a subject or a heading, found none, so the camera does not know where to look; add one")
