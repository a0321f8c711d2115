"""Plans the camera's path of a capture or a scene: the tour, or a calmer run where a tour makes no sense."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cameras.arrays import angles_between_rad
from cameras.camera import Camera
from cameras.errors import InputError, SettingsError
from cameras.formats.flythrough_json import WorldNote
from cameras.freespace import FreeSpace
from cameras.intrinsics import Intrinsics
from cameras.keyframe import fov_y_rad_from_focal_mm
from cameras.limits import Limits
from cameras.preflight import PICTURE_COLUMNS, PICTURE_ROWS, Preflight, picture_cameras, preflight
from cameras.reporting import Report, silent
from cameras.rigid import Rigid
from cameras.shot_list import ShotList
from cameras.tour import TourWish, plan_tour
from scenes.captures.capture import Capture
from scenes.freespace import ScaleWish, Surveyed, survey_capture
from scenes.scene import Scene

INTERIOR_MM = 18.0
"""Longest full-frame focal length of a tour indoors unless asked: rooms are filmed with 16 to 24 mm."""
OUTDOOR_MM = 28.0
_MODEL_UNSEEN = 0.25
PREFLIGHT_FPS = 30
"""Frames a second at which a plan is checked."""
# Photos that moved less than this part of the depth they see have too little parallax for a tour,
_PARALLAX = 0.35
# if they all look the same way within this angle; a panorama turns farther.
_SAME_WAY_RAD = np.radians(55)
# Photos of one thing have it this near to the middle, nearly all of them.
_AT_ONE_THING_RAD, _MOST_PHOTOS = np.radians(20), 0.9


@dataclass(frozen=True)
class PathChoice:
    """What is asked of a path.

    Attributes:
        width, height: of the film in pixels.
        lens_mm: full-frame focal length; None is the tour's own.
    """

    width: int
    height: int
    wish: TourWish = field(default_factory=TourWish)
    scale: ScaleWish = field(default_factory=ScaleWish)
    lens_mm: float | None = None

    @property
    def seconds(self) -> float:
        return self.wish.seconds or 0.0

    def as_json(self) -> dict[str, object]:
        """All that decides the path, JSON-able."""
        from dataclasses import asdict

        return asdict(self)


@dataclass(frozen=True)
class Planned:
    """A path, its world, and what to say of it.

    Attributes:
        space: the free space that it was planned in, None if it was planned without.
        warnings: one sentence each.
        space_from_world: the turn to the axes of the space, in which people give places.
    """

    shots: ShotList
    world: WorldNote
    figures: dict[str, object]
    space: FreeSpace | None
    warnings: tuple[str, ...] = ()
    space_from_world: Rigid = field(default_factory=Rigid.identity)


def plan_capture(
    scene: Scene, capture: Capture, choice: PathChoice, lens: Intrinsics, *, seed: int = 0, report: Report = silent
) -> Planned:
    """A tour of what photos cover; where they have too little parallax or leave no room for it, a calm run along them.

    Args:
        lens: as wide as the photos suggest; a tour indoors takes a wider one if ``choice`` names none.

    Raises:
        SettingsError: if what is asked for cannot be done; see `cameras.tour.plan_tour`.
    """
    wish = choice.wish
    cameras = [image.camera for image in capture.images]
    why = _why_no_tour(cameras, capture)
    if why is None:
        try:
            surveyed = survey_capture(scene, capture, choice.scale, report)
            tour_lens = lens_of(choice, min(lens_mm(lens), INTERIOR_MM))
            return with_scale(plan_tour(surveyed.space, tour_lens, wish, seed=seed), surveyed, tour_lens)
        except (SettingsError, InputError) as error:
            if wish.visit or wish.look_at or wish.start or wish.end or choice.scale != ScaleWish():
                raise
            why = f"no tour fits into what the photos cover ({str(error).split(';')[0]})"
    told = f"{why[:1].upper()}{why[1:]}, so the camera flies calmly along the photos instead."
    shots = _calm_run(cameras, capture, choice, lens, seed)
    world = WorldNote(capture.world.up_known, capture.world.metres_per_unit)
    figures = {**shots.note, "metres_per_unit": capture.world.metres_per_unit, "scale_is_assumed": False}
    return Planned(shots, world, figures, None, (told,))


def lens_mm(lens: Intrinsics) -> float:
    """The full-frame focal length with the same vertical field of view on a sensor of the film's shape."""
    return lens.fy / lens.height * sensor_height_mm(lens.width, lens.height)


def lens_of(choice: PathChoice, otherwise_mm: float) -> Intrinsics:
    """The film's lens: as asked, or of that focal length."""
    mm = otherwise_mm if choice.lens_mm is None else choice.lens_mm
    height_mm = sensor_height_mm(choice.width, choice.height)
    return Intrinsics.from_fov(choice.width, choice.height, fov_y_rad_from_focal_mm(mm, height_mm))


def sensor_height_mm(width: int, height: int) -> float:
    """Height of the part of a 36x24 mm sensor that a film of this shape uses."""
    return min(24.0, 36.0 * height / width)


def with_scale(shots: ShotList, surveyed: Surveyed, lens: Intrinsics) -> Planned:
    """Shots in the world of a space, with what is known of it, and a sentence on each limit that they break."""
    space = surveyed.space
    found = _preflight(shots, space, lens.width / lens.height)
    figures = {
        **shots.note,
        "smallest_clearance_m": round(found.tracks["clearance"].worst[0], 4),
        "broken_limits": found.broken,
        "metres_per_unit": space.metres_per_unit,
        "scale_is_assumed": surveyed.scale_is_assumed,
        "scale_from": surveyed.scale_from,
    }
    turn = surveyed.space_from_world.inverse()
    up_known = bool(np.allclose(turn.rotation, np.eye(3)))
    world = WorldNote(up_known, space.metres_per_unit)
    made = ShotList(shots.shots, figures).moved(turn)
    return Planned(made, world, figures, space, tuple(_broken(found)), surveyed.space_from_world)


def usual_limits(space: FreeSpace) -> Limits:
    """Of a comfortable flight. A model without photos shows nothing behind its windows, and that is no fault."""
    return Limits() if len(space.views_position_world) else Limits(unseen_share=_MODEL_UNSEEN)


def _preflight(shots: ShotList, space: FreeSpace, aspect: float) -> Preflight:
    """Without rendering: the picture is taken to be full."""
    count = len(picture_cameras(shots, PREFLIGHT_FPS, aspect))
    full = np.zeros((count, PICTURE_ROWS, PICTURE_COLUMNS), dtype=np.bool_)
    return preflight(shots, space, usual_limits(space), fps=PREFLIGHT_FPS, aspect=aspect, transparent=full)


def _broken(found: Preflight) -> list[str]:
    """One sentence for each broken limit, with its worst value and place."""
    said: list[str] = []
    for name in found.broken:
        track = found.tracks[name]
        rule, (value, time) = track.rule, track.worst
        bound = "at least" if rule.is_least else "at most"
        said.append(
            f"The shot {found.shot_at(time)!r} breaks a limit at {time:.1f} s: {name} is {value * rule.shown:.3g} "
            f"{rule.unit}, but should be {bound} {track.limit * rule.shown:.3g}."
        )
    if said:
        said.append("`flythrough preflight SCENE PATH --fix` repairs what can be repaired.")
    return said


def _why_no_tour(cameras: Sequence[Camera], capture: Capture) -> str | None:
    """Why photos like these make no tour; None if they may."""
    if len(cameras) < 4:
        return f"{len(cameras)} photos are too few for a tour"
    positions = np.array([camera.position_world for camera in cameras])
    forwards = np.array([camera.forward_world for camera in cameras])
    if _one_thing(cameras) is not None:
        return "the photos all look at one thing"
    depth = _median_depth(cameras, capture)
    moved = float(np.linalg.norm(np.ptp(positions, axis=0)))
    if depth is None or moved >= _PARALLAX * depth:
        return None
    if float(angles_between_rad(forwards, forwards.mean(axis=0)).max()) < _SAME_WAY_RAD:
        return f"the photos all look one way and moved only {moved / depth:.0%} of the distance that they see"
    return f"the photos were all taken from nearly one place ({moved / depth:.0%} of the distance that they see)"


def _one_thing(cameras: Sequence[Camera]) -> NDArray[np.float64] | None:
    """[3] the point that most photos have near the middle; None if there is none."""
    positions = np.array([camera.position_world for camera in cameras])
    forwards = np.array([camera.forward_world for camera in cameras])
    across = np.eye(3) - forwards[:, :, None] * forwards[:, None, :]
    try:
        point = np.linalg.solve(across.sum(axis=0), np.einsum("nij,nj->i", across, positions))
    except np.linalg.LinAlgError:
        return None
    off = angles_between_rad(point - positions, forwards)
    return point if float(np.mean(off < _AT_ONE_THING_RAD)) >= _MOST_PHOTOS else None


def _median_depth(cameras: Sequence[Camera], capture: Capture) -> float | None:
    points = capture.points.positions_world
    if len(points) == 0:
        return None
    depths: list[float] = []
    for camera in cameras:
        pixels, depth_z = camera.project(points)
        inside = (depth_z > 0) & (pixels >= 0).all(axis=1) & (pixels < (camera.width, camera.height)).all(axis=1)
        if inside.any():
            depths.append(float(np.median(depth_z[inside])))
    return float(np.median(depths)) if depths else None


def _calm_run(cameras: Sequence[Camera], capture: Capture, choice: PathChoice, lens: Intrinsics, seed: int) -> ShotList:
    """Along the photos; towards the one thing that they show, if that is so."""
    from cameras.walk import plan_walk

    shots = plan_walk(
        cameras,
        capture.points.positions_world,
        seconds=choice.seconds or 12.0,
        up_known=capture.world.up_known,
        film_intrinsics=lens_of(choice, lens_mm(lens)),
        metres_per_unit=capture.world.metres_per_unit,
        seed=seed,
    )
    thing = _one_thing(cameras)
    if thing is None:
        return shots
    x, y, z = (float(value) for value in thing)
    return replace(shots, shots=tuple(replace(s, path=replace(s.path, look_at_world=(x, y, z))) for s in shots.shots))
