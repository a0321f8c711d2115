"""Flies a shot file: each shot becomes a path, joined to the one before as the file says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from .arrays import unit
from .camera import Camera
from .intrinsics import FULL_FRAME_HEIGHT_MM
from .keyframe import fov_y_rad_from_focal_mm
from .moves.joins import are_one, blend, comfortable_seconds
from .moves.manner import Triple, triple
from .moves.shake import Shake, hand_held
from .path import CameraPath
from .shot_compile_moves import path_of
from .shot_compile_world import Before, World
from .shot_file import ShotEntry, ShotFile
from .shot_file_schema import HandHeld
from .shot_list import Shot, ShotList

USUAL_LENS_MM = 24.0
"""Of shots that name no lens, where nothing suggests another."""


@dataclass(frozen=True, eq=False)
class ShotContext:
    """What a shot file does not say.

    Attributes:
        cameras: the captured views in the order of the capture, in world units; may be empty.
        metres_per_unit: of the world.
        up_known: +z is up; otherwise up is where the captured views have it, on average.
        fov_y_rad: vertical field of view of shots that name no lens.
        sensor_height_mm: of the part of a full-frame sensor that the film uses: a wide film uses less than 24 mm.
    """

    cameras: Sequence[Camera] = ()
    metres_per_unit: float = 1.0
    up_known: bool = True
    fov_y_rad: float = fov_y_rad_from_focal_mm(USUAL_LENS_MM)
    sensor_height_mm: float = FULL_FRAME_HEIGHT_MM

    @property
    def up_world(self) -> Triple:
        if self.up_known or not self.cameras:
            return (0.0, 0.0, 1.0)
        mean = unit(np.sum([camera.up_world for camera in self.cameras], axis=0))
        return triple(mean) if mean.any() else (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class _Flown:
    """A shot with the unrest that it will get."""

    shot: Shot
    unrest: HandHeld | None


def compile_shots(content: ShotFile, context: ShotContext | None = None) -> ShotList:
    """The film of a shot file, in the units of the world.

    Where shots are joined by a blend, or continue each other from another pose, a shot of its own flies between them;
    it is named after both ("kitchen to hall"). Lengths add up.

    Raises:
        InputError: if a shot cannot be flown; the message has its line.
    """
    context = context or ShotContext()
    world = World(
        content.places,
        context.cameras,
        context.metres_per_unit,
        context.up_world,
        context.fov_y_rad,
        context.sensor_height_mm,
    )
    found: list[_Flown] = []
    for entry in content.shots:
        before = Before.of(found[-1].shot.path) if found and entry.shot.join.kind == "continue" else None
        path = path_of(entry, world, before)
        if found:
            found.extend(_transition(content, entry, found[-1], path, context.metres_per_unit))
        shot = Shot(entry.shot.name, path, entry.shot.join.kind != "cut")
        found.append(_Flown(shot, entry.shot.hand_held))
    return ShotList(_with_unrest(found, context.metres_per_unit), content.note)


def _transition(
    content: ShotFile, entry: ShotEntry, last: _Flown, path: CameraPath, metres_per_unit: float
) -> list[_Flown]:
    """The move between two shots, if they need one."""
    join = entry.shot.join
    if join.kind == "continue":
        if content.shots[entry.number - 2].shot.kind == "whip":
            raise entry.error("wanted cut or a blend after a whip, which ends at full speed; correct it", "join")
        if are_one(last.shot.path, path):
            return []
        seconds = comfortable_seconds(last.shot.path, path, metres_per_unit)
    elif join.kind == "blend":
        seconds = join.seconds
    else:
        return []
    shot = Shot(f"{last.shot.name} to {entry.shot.name}", blend(last.shot.path, path, seconds), is_continued=True)
    return [_Flown(shot, last.unrest if last.unrest == entry.shot.hand_held else None)]


def _with_unrest(found: list[_Flown], metres_per_unit: float) -> tuple[Shot, ...]:
    """Unrest goes on from shot to shot where it is the same, and fades where an unbroken move leads to a steady one."""
    starts = np.cumsum([0.0, *(flown.shot.path.duration_s for flown in found)])
    differs = [a.unrest != b.unrest and b.shot.is_continued for a, b in pairwise(found)]
    shots: list[Shot] = []
    for i, flown in enumerate(found):
        path = flown.shot.path
        if flown.unrest is not None:
            shake = _shake(flown.unrest, metres_per_unit)
            fades_in, fades_out = i > 0 and differs[i - 1], i < len(differs) and differs[i]
            path = hand_held(path, shake, start_s=float(starts[i]), fades_in=fades_in, fades_out=fades_out)
        shots.append(replace(flown.shot, path=path))
    return tuple(shots)


def _shake(unrest: HandHeld, metres_per_unit: float) -> Shake:
    angle, roll = math.radians(unrest.degrees), math.radians(unrest.roll)
    return Shake(unrest.metres / metres_per_unit, angle, roll, unrest.hz, unrest.seed)
