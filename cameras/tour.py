"""An automatic tour: stand where much can be seen that no other place shows, fly between, and look at it.

The order of work: places to stand, what each shows, which views to choose and in which order, a smooth run inside the
free space, and its clock. Nothing of the scene is known but its free space.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from .arrays import Floats
from .errors import SettingsError
from .freespace import FreeSpace, Mask
from .intrinsics import Intrinsics
from .keyframe import Keyframe
from .limits import Limits
from .path import CameraPath
from .rigid import Rigid
from .rotations import look_rotation
from .shot_list import Shot, ShotList
from .thinning import thinned
from .timing import time_path
from .tour_choice import Choice, Costs, choose_views
from .tour_polish import Sweep, polish
from .tour_route import Run, make_run
from .tour_stands import Stands, join, standing_cubes
from .tour_views import Surface, Views, candidate_views, in_picture, visible

_PLACES = 140
_ROUNDS = 6
# A tour that uses this much of its time is long enough; the rest is flown a little slower.
_FULL = 0.93
_NEAR_PLACE_M = 1.0
# A kept distance is measured in cubes, and paths are rounded between them.
_SPARE_CUBES = 1.0
# Corners are cut when a path is smoothed.
_NEAR_VIEWS = 0.93


@dataclass(frozen=True)
class Place:
    """A place by name, in metres along the axes of the world."""

    name: str
    point_m: tuple[float, float, float]

    def in_world(self, space: FreeSpace) -> Floats:
        """[3] in the units of a space's world."""
        return np.array(self.point_m) / space.metres_per_unit


@dataclass(frozen=True)
class TourWish:
    """What is asked of a tour.

    Attributes:
        seconds: exact length of the film; None if ``metres`` says it, or if it is as long as it takes.
        metres: about how far the camera flies.
        eye_height_m: above the floor; None is that of the photos, or 1.5 m.
        is_drone: fly high: at two thirds of the height of rooms, or of what stands outdoors.
        start, end: where it begins and ends.
        is_loop: it ends where it began, as it began.
        visit: places that must be flown through.
        look_at: things that must be shown.
        stay_away_m: distance kept from every surface.
        limits: of a comfortable flight.
    """

    seconds: float | None = 30.0
    metres: float | None = None
    eye_height_m: float | None = None
    is_drone: bool = False
    start: Place | None = None
    end: Place | None = None
    is_loop: bool = False
    visit: tuple[Place, ...] = ()
    look_at: tuple[Place, ...] = ()
    stay_away_m: float = 0.3
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name, value in (("seconds", self.seconds), ("metres", self.metres), ("eye height", self.eye_height_m)):
            if value is not None and not 0 < value < math.inf:
                raise SettingsError(f"the {name} of a tour must be positive, but is {value:g}; give another.")
        if self.stay_away_m < self.limits.clearance_m:
            raise SettingsError(
                f"a tour keeps at least {self.limits.clearance_m:g} m away from everything, but --stay-away is "
                f"{self.stay_away_m:g} m; give more."
            )
        if self.is_loop and self.end is not None:
            raise SettingsError("a loop ends where it begins, but an end was given too; leave out --end or --loop.")


def plan_tour(space: FreeSpace, lens: Intrinsics, wish: TourWish | None = None, *, seed: int = 0) -> ShotList:
    """A tour of the space that its starts are in; figures are in the note.

    Args:
        lens: of the film; its vertical field of view is kept.
        seed: of the choice among places.

    Raises:
        SettingsError: if there is no room for a camera, a place cannot be reached or seen, or the time is too short.
    """
    wish = wish or TourWish()
    rng = np.random.default_rng(seed)
    stands = find_stands(space, wish)
    surface = Surface.of(space, stands.points_world, rng)
    fixed = [*wish.visit, *(place for place in (wish.start, wish.end) if place is not None)]
    rows = [_stand_of(place, stands, space) for place in fixed]
    places = np.unique(np.concatenate([stands.spread(_PLACES, rng), np.array(rows, dtype=np.int64)]))
    views = candidate_views(space, surface, places, stands.points_world[places], lens, wish.limits.unseen_share)
    plan = _Plan(space, lens, wish, stands, surface, views)
    path, choice = plan.timed(rng)
    note = {
        "made_by": "tour",
        "seed": seed,
        "seconds": path.duration_s,
        "length_m": round(path.length * space.metres_per_unit, 3),
        "views": len(choice.order),
        "shown": round(plan.shown(path), 4),
        "smallest_clearance_m": round(plan.smallest_clearance(path) * space.metres_per_unit, 4),
    }
    return ShotList((Shot("tour", path),), note)


def find_stands(space: FreeSpace, wish: TourWish) -> Stands:
    """Where the tour's camera may be.

    Raises:
        SettingsError: if that is nowhere.
    """
    radius = wish.stay_away_m / space.metres_per_unit + _SPARE_CUBES * space.voxel
    starts = space.starts_world if wish.start is None else wish.start.in_world(space)[None]
    reachable: Mask = space.reachable(radius, starts)
    cubes = standing_cubes(
        space, reachable, wish.eye_height_m, _NEAR_VIEWS * wish.limits.view_distance_m, is_drone=wish.is_drone
    )
    stands = join(space, cubes, radius, starts)
    if stands is None:
        raise SettingsError(
            f"no place was found where a camera at eye height stays {wish.stay_away_m:g} m away from everything; give "
            "a smaller --stay-away, another --eye-height, or check the scale."
        )
    return stands


def _stand_of(place: Place, stands: Stands, space: FreeSpace) -> int:
    point = place.in_world(space)
    row, _ = stands.nearest(point)
    flat = float(np.linalg.norm((stands.points_world[row] - point)[:2])) * space.metres_per_unit
    if flat > _NEAR_PLACE_M:
        x, y, z = place.point_m
        raise SettingsError(
            f"the tour should reach {place.name} at ({x:g}, {y:g}, {z:g}) m, but no route with "
            f"{stands.radius * space.metres_per_unit:.2f} m of room leads nearer to it than {flat:.1f} m; move it, "
            "leave it out, or give a smaller --stay-away."
        )
    return row


@dataclass(frozen=True, eq=False)
class _Plan:
    """All that is known before views are chosen."""

    space: FreeSpace
    lens: Intrinsics
    wish: TourWish
    stands: Stands
    surface: Surface
    views: Views

    def timed(self, rng: np.random.Generator) -> tuple[CameraPath, Choice]:
        """The fullest tour that fits into the time."""
        wish, limits = self.wish, self.wish.limits
        wanted = wish.seconds or (wish.metres or 15.0) / (0.8 * limits.speed_m_s)
        costs = Costs(self.stands, self.views, limits, self.space.metres_per_unit)
        required, first, last = self._required()
        sweep = Sweep(self.surface, self.lens, self.views, costs)
        budget, best, least = wanted, None, math.inf
        for _ in range(_ROUNDS):
            choice = choose_views(
                self.views, costs, budget, required=required, first=first, last=last, is_loop=wish.is_loop
            )
            choice = polish(sweep, choice, budget, rng, kept=required, first=first, last=last, is_loop=wish.is_loop)
            run = make_run(self.space, self.stands, self.views, choice.order, limits, is_loop=wish.is_loop)
            path = self._time(run, None)
            least = min(least, path.duration_s)
            if path.duration_s <= wanted and (best is None or path.duration_s > best[0]):
                best = (path.duration_s, run, choice)
            if _FULL * wanted <= path.duration_s <= wanted:
                break
            budget *= min(1.6, max(0.5, 0.97 * wanted / path.duration_s))
        if best is None:
            raise SettingsError(
                f"what the tour must show takes at least {least:.1f} s at a comfortable speed, but it should "
                f"last {wanted:g} s; give it more time, or ask for less."
            )
        _, run, choice = best
        path = self._time(run, wish.seconds)
        return thinned(path, limits, self.space.metres_per_unit), choice

    def _required(self) -> tuple[list[int], int | None, int | None]:
        """Rows of the views at places to visit and of things to look at, and the first and the last view."""
        v, wish = self.views, self.wish
        worth = v.shows.sum(axis=1) * v.worth

        def best_at(place: Place) -> int:
            rows = np.flatnonzero(v.stands == _stand_of(place, self.stands, self.space))
            return int(rows[np.argmax(worth[rows])])

        required = [best_at(place) for place in wish.visit]
        required += [self._view_of(thing) for thing in wish.look_at]
        first = None if wish.start is None else best_at(wish.start)
        last = None if wish.end is None else best_at(wish.end)
        return [row for row in dict.fromkeys(required) if row not in (first, last)], first, last

    def _view_of(self, thing: Place) -> int:
        """The view that shows a thing best: free sight, near the middle, from 1.5 to 4 m."""
        v, target = self.views, thing.in_world(self.space)
        to = target - v.points_world
        far = np.linalg.norm(to, axis=1)
        steps = far * (1 - 2 * self.space.voxel / np.maximum(far, 1e-9))
        reached, _ = self.space.cast(v.points_world, to / np.maximum(far, 1e-9)[:, None], float(far.max()) + 1)
        point = target[None].astype(np.float32)
        framed = np.array(
            [
                in_picture(point, eye, float(yaw), self.lens)[0]
                for eye, yaw in zip(v.points_world, v.yaws_rad, strict=True)
            ]
        )
        usable = framed & (reached >= steps)
        if not usable.any():
            x, y, z = thing.point_m
            raise SettingsError(
                f"the tour should show {thing.name} at ({x:g}, {y:g}, {z:g}) m, but it cannot be seen from anywhere "
                "that the camera may be; check the place, or leave it out."
            )
        off = np.abs(np.mod(np.arctan2(to[:, 1], to[:, 0]) - v.yaws_rad + np.pi, 2 * np.pi) - np.pi)
        metres = far * self.space.metres_per_unit
        badness = off + np.maximum(0, 1.5 - metres) + 0.5 * np.maximum(0, metres - 4.0)
        return int(np.argmin(np.where(usable, badness, np.inf)))

    def _time(self, run: Run, seconds: float | None) -> CameraPath:
        if len(run.yaws_rad) == 1:
            return self._still(run, seconds)
        forwards = np.stack([np.cos(run.yaws_rad), np.sin(run.yaws_rad), np.zeros(len(run.yaws_rad))], axis=-1)
        return time_path(
            run.positions_world,
            look_rotation(forwards, (0, 0, 1)),
            np.full(len(forwards), self.lens.fov_y_rad),
            limits=self.wish.limits,
            metres_per_unit=self.space.metres_per_unit,
            duration_s=seconds,
            is_loop=self.wish.is_loop,
        )

    def _still(self, run: Run, seconds: float | None) -> CameraPath:
        rotation = look_rotation((math.cos(run.yaws_rad[0]), math.sin(run.yaws_rad[0]), 0.0), (0, 0, 1))
        key = Keyframe.from_pose(Rigid(rotation, run.positions_world[0]), self.lens.fov_y_rad)
        return CameraPath((key,), seconds or 1.0, level_up_world=(0, 0, 1))

    def shown(self, path: CameraPath) -> float:
        """The part of all that could be shown well which the film shows, sampled four times a second."""
        found = np.zeros_like(self.views.possible)
        for time in np.arange(0, path.duration_s, 0.25):
            eye, forward = path.positions_world(time), path.rotations(time)[:, 2]
            framed = in_picture(self.surface.points_world, eye, float(np.arctan2(forward[1], forward[0])), self.lens)
            if (framed & ~found).any():
                found |= framed & visible(self.space, self.surface, eye, np.inf)
        return float((found & self.views.possible).sum() / max(1, int(self.views.possible.sum())))

    def smallest_clearance(self, path: CameraPath) -> float:
        """Over the swept path, in world units."""
        places = path.positions_world(np.linspace(0, path.duration_s, 2 + int(30 * path.duration_s)))
        return float(self.space.clearance(places).min())


__all__ = ["Place", "TourWish", "find_stands", "plan_tour"]
