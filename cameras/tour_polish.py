"""What a whole tour shows, on the way from view to view too, and changes to its views that make it show more."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats
from .intrinsics import Intrinsics
from .tour_choice import Choice, Costs, in_order, seconds_of
from .tour_views import Surface, Views
from .untyped import njit, spatial

_Frames: TypeAlias = tuple[NDArray[np.int64], Floats, Floats, Floats]

_FRAMES_PER_S = 1.5
# Each try looks through the whole tour: long ones get fewer.
_TRIED_SECONDS, _LEAST_TRIES, _MOST_TRIES = 8000.0, 100, 400


@dataclass(frozen=True, eq=False)
class Sweep:
    """Finds what is shown between views: as seen from the nearest place of which that is known."""

    surface: Surface
    lens: Intrinsics
    views: Views
    costs: Costs

    def shown(self, order: Sequence[int], is_loop: bool) -> Floats:
        """[n] how well each surface point is shown in the whole tour: 0, or the worth of the best frame with it."""
        frames = self.frames(order, is_loop)
        best = np.zeros(len(self.surface.points_world))
        half = (0.5 * self.lens.width / self.lens.fx, 0.5 * self.lens.height / self.lens.fy)
        _show_all(self.surface.points_world, self.views.seen, *frames, *half, best)
        return best

    def frames(self, order: Sequence[int], is_loop: bool) -> "_Frames":
        """Frames of the tour: [f] the nearest place whose sights are known, [f, 3] eyes, [f] yaws, [f] worths."""
        v = self.views
        rows = [*order, *(order[:1] if is_loop else ())]
        eyes: list[Floats] = []
        turned: list[Floats] = []
        worths: list[Floats] = []
        for a, b in zip(rows, rows[1:] or rows, strict=False):
            turn = np.mod(v.yaws_rad[b] - v.yaws_rad[a] + np.pi, 2 * np.pi) - np.pi
            count = 1 + round(float(self.costs.from_view(a)[b]) * _FRAMES_PER_S)
            part: Floats = np.arange(count + 1.0) / count
            eyes.append((1 - part)[:, None] * v.points_world[a] + part[:, None] * v.points_world[b])
            turned.append(v.yaws_rad[a] + part * turn)
            worths.append((1 - part) * v.worth[a] + part * v.worth[b])
        eye = np.concatenate(eyes)
        places = self._places.query(eye)[1]
        return np.asarray(places, dtype=np.int64), eye, np.concatenate(turned), np.concatenate(worths)

    @cached_property
    def _places(self) -> Any:
        return spatial.KDTree(self.views.places_world)

    def score(self, order: Sequence[int], is_loop: bool) -> float:
        return float(self.shown(order, is_loop).sum())


def polish(
    sweep: Sweep,
    choice: Choice,
    seconds: float,
    rng: np.random.Generator,
    *,
    kept: Sequence[int] = (),
    first: int | None = None,
    last: int | None = None,
    is_loop: bool = False,
) -> Choice:
    """Tries to leave views out, to turn them, to move them and to add others; keeps what shows more in the time.

    Args:
        kept: rows of views that stay.
    """
    order, best = list(choice.order), sweep.score(choice.order, is_loop)
    fixed = {*kept, first, last}
    views, places = sweep.views, _by_place(sweep.views)
    for _ in range(int(np.clip(_TRIED_SECONDS / seconds, _LEAST_TRIES, _MOST_TRIES))):
        tried = list(order)
        free = [i for i, view in enumerate(order) if view not in fixed]
        move = rng.integers(3)
        if move < 2 and free:
            i = int(rng.choice(free))
            if move == 0:
                tried[i] = _turned(views, places, order[i], rng)
            else:
                tried[i] = int(rng.integers(len(views.yaws_rad)))
        else:
            tried.append(int(rng.integers(len(views.yaws_rad))))
            if free and rng.random() < 0.5:
                tried.pop(int(rng.choice(free)))
        if len(set(tried)) < len(tried):
            continue
        tried = in_order(tried, sweep.costs, first, last, is_loop)
        if seconds_of(tried, sweep.costs, is_loop) > seconds:
            continue
        if (found := sweep.score(tried, is_loop)) > best:
            order, best = tried, found
    return Choice(tuple(order), seconds_of(order, sweep.costs, is_loop))


def _by_place(views: Views) -> dict[int, NDArray[np.int64]]:
    return {int(stand): np.flatnonzero(views.stands == stand) for stand in np.unique(views.stands)}


def _turned(views: Views, places: dict[int, NDArray[np.int64]], view: int, rng: np.random.Generator) -> int:
    """The same place, one or two directions to the side."""
    rows = places[int(views.stands[view])]
    at = int(np.flatnonzero(rows == view)[0])
    return int(rows[(at + int(rng.choice([-2, -1, 1, 2]))) % len(rows)])


@njit(cache=True)
def _show_all(
    points: NDArray[np.float32],
    seen: NDArray[np.bool_],
    places: NDArray[np.int64],
    eyes: Floats,
    yaws: Floats,
    worths: Floats,
    half_x: float,
    half_y: float,
    best: Floats,
) -> None:
    """Raises ``best`` [n] to the worth of each level frame that has a point [n, 3] in its picture; see `in_picture`."""
    for f in range(len(places)):
        c, s, place = math.cos(yaws[f]), math.sin(yaws[f]), places[f]
        for i in range(len(points)):
            if not seen[place, i] or best[i] >= worths[f]:
                continue
            x, y, z = points[i, 0] - eyes[f, 0], points[i, 1] - eyes[f, 1], points[i, 2] - eyes[f, 2]
            ahead, left = x * c + y * s, y * c - x * s
            if ahead > 0 and abs(left) < half_x * ahead and abs(z) < half_y * ahead:
                best[i] = worths[f]
