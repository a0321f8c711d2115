"""Which views a tour shows and in which order: the most new surface for each second of the film.

A budgeted tour of views is an orienteering problem; views go in one by one where they cost least (cheapest insertion),
by gain per second, and the order is then made shorter by turning parts of it round (2-opt; Croes 1958).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats
from .limits import Limits
from .tour_stands import Stands
from .tour_views import Views
from .untyped import njit

# Between views the camera neither always flies nor always turns as fast as it may.
_CRUISE = 0.75
# A second view from one place makes the camera wait there.
_SAME_PLACE_S = 1.5
# Flying backwards is dearer by this part, sideways by half of it.
_BACKWARDS = 1.0
_LEAST_GAIN = 0.002


@dataclass(eq=False)
class Costs:
    """Seconds from view to view, found as they are asked for.

    Attributes:
        metres: world units times this are metres.
    """

    stands: Stands
    views: Views
    limits: Limits
    metres: float
    _seconds: dict[int, Floats] = field(default_factory=dict[int, Floats])

    def from_view(self, view: int) -> Floats:
        """[v] seconds from one view to every other."""
        if view not in self._seconds:
            self._seconds[view] = self._all_from(view)
        return self._seconds[view]

    def _all_from(self, view: int) -> Floats:
        v = self.views
        stand = int(v.stands[view])
        far = self.stands.routes_from(stand)[0][v.stands] * self.metres
        turn = np.abs(np.mod(v.yaws_rad - v.yaws_rad[view] + np.pi, 2 * np.pi) - np.pi)
        moving = far / (_CRUISE * self.limits.speed_m_s)
        turning = turn / (_CRUISE * self.limits.turn_rate_rad_s)
        heading = v.points_world - v.points_world[view]
        course = np.arctan2(heading[:, 1], heading[:, 0])
        looks = 0.5 * (np.cos(course - v.yaws_rad) + np.cos(course - v.yaws_rad[view]))
        moving = moving * (1 + 0.5 * _BACKWARDS * (1 - np.clip(looks, -1, 1)))
        return np.hypot(moving, turning) + np.where(v.stands == stand, _SAME_PLACE_S, 0.0)


@dataclass(frozen=True)
class Choice:
    """Rows of the chosen views in flying order, and what it takes."""

    order: tuple[int, ...]
    seconds: float


def choose_views(
    views: Views,
    costs: Costs,
    seconds: float,
    *,
    required: Sequence[int] = (),
    first: int | None = None,
    last: int | None = None,
    is_loop: bool = False,
) -> Choice:
    """The views of a tour of at most so many seconds.

    Args:
        required: rows of views that are shown whatever they cost.
        first, last: rows of views with which the tour begins and ends.
    """
    fixed = [first] if first is not None else []
    order: list[int] = [*fixed, *([last] if last is not None else [])]
    for view in required:
        order = _insert(order, view, costs, first, last, is_loop)
    covered = views.shows[order].any(axis=0) if order else np.zeros(views.shows.shape[1], dtype=np.bool_)
    total, shows = max(1, int(views.possible.sum())), views.shows.astype(np.float32)
    while True:
        gains = (shows @ (~covered).astype(np.float32)) * views.worth / total
        if order:
            extra, places = _insertion(order, costs, first, last, is_loop)
            left = seconds - seconds_of(order, costs, is_loop)
        else:
            extra, places, left = np.zeros(len(gains)), np.zeros(len(gains), dtype=np.int64), seconds
        scores = np.where((extra <= left) & (gains > _LEAST_GAIN), gains / (extra + 1.0), 0.0)
        best = int(np.argmax(scores))
        if scores[best] <= 0:
            break
        order.insert(int(places[best]), best)
        covered = covered | views.shows[best]
        order = in_order(order, costs, first, last, is_loop)
    if not order:
        order = [int(np.argmax(gains))]
    return Choice(tuple(order), seconds_of(order, costs, is_loop))


def _insert(order: list[int], view: int, costs: Costs, first: int | None, last: int | None, is_loop: bool) -> list[int]:
    if not order:
        return [view]
    _, places = _insertion(order, costs, first, last, is_loop)
    at = int(places[view])
    return in_order([*order[:at], view, *order[at:]], costs, first, last, is_loop)


def _insertion(
    order: list[int], costs: Costs, first: int | None, last: int | None, is_loop: bool
) -> tuple[Floats, NDArray[np.int64]]:
    """[v] the fewest seconds that each view adds, and before which row of the order it then goes."""
    away = np.stack([costs.from_view(view) for view in order])
    options = [away[i] + away[i + 1] - away[i][order[i + 1]] for i in range(len(order) - 1)]
    places = list(range(1, len(order)))
    if is_loop:
        options.append(away[-1] + away[0] - away[-1][order[0]])
        places.append(len(order))
    else:
        if first is None:
            options.append(away[0])
            places.append(0)
        if last is None:
            options.append(away[-1])
            places.append(len(order))
    if not options:
        count = len(costs.views.yaws_rad)
        return np.full(count, np.inf, dtype=np.float64), np.zeros(count, dtype=np.int64)
    table: Floats = np.stack(options)
    cheapest = np.asarray(table.argmin(axis=0), dtype=np.int64)
    before = np.asarray(places, dtype=np.int64)
    return np.asarray(table.min(axis=0), dtype=np.float64), np.asarray(before.take(cheapest), dtype=np.int64)


def seconds_of(order: Sequence[int], costs: Costs, is_loop: bool) -> float:
    """About how long it takes to fly views in this order."""
    following = [*order[1:], order[0]] if is_loop and len(order) > 1 else order[1:]
    return float(sum(costs.from_view(a)[b] for a, b in zip(order, following, strict=False)))


def in_order(order: list[int], costs: Costs, first: int | None, last: int | None, is_loop: bool) -> list[int]:
    """The same views in an order that takes less time; the first and the last stay at the ends."""
    low, high = (0 if first is None else 1), len(order) - (0 if last is None else 1)
    table = np.stack([costs.from_view(view)[order] for view in order])
    rows = np.arange(len(order))
    _turn_parts_round(rows, table, low, high, is_loop)
    return [order[int(row)] for row in rows]


@njit(cache=True)
def _length(rows: NDArray[np.int64], table: Floats, is_loop: bool) -> float:
    total = 0.0
    for i in range(len(rows) - 1):
        total += float(table[rows[i], rows[i + 1]])
    if is_loop:
        total += float(table[rows[-1], rows[0]])
    return total


@njit(cache=True)
def _turn_parts_round(rows: NDArray[np.int64], table: Floats, low: int, high: int, is_loop: bool) -> None:
    """2-opt in place; costs there and back may differ, so that a turned part is measured anew."""
    best, improved = _length(rows, table, is_loop), True
    while improved:
        improved = False
        for i in range(low, high - 1):
            for j in range(i + 2, high + 1):
                rows[i:j] = rows[i:j][::-1].copy()
                found = _length(rows, table, is_loop)
                if found < best - 1e-9:
                    best, improved = found, True
                else:
                    rows[i:j] = rows[i:j][::-1].copy()
