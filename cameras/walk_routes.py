"""Routes from photo to photo: short hops in place and in viewing direction together, then made smooth.

A hop is measured in seconds: how long a comfortable camera needs for it. Shortest routes in that measure keep to places
that were photographed and turn as the photographer turned, whatever order the photos are in.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats, angles_between_rad, norms, unit

_NEIGHBOURS = 8
# A hop of twice the seconds costs three times as much, so that routes take many photos along rather than jump.
_HOP_POWER = 1.6
_SOURCES = 32
_VIA_ROUTES = 1500


@dataclass(frozen=True, eq=False)
class PhotoGraph:
    """The photos and their nearest neighbours.

    Attributes:
        positions_world: [N, 3].
        forwards_world: [N, 3] unit.
        seconds: [N, N] comfortable seconds from photo to photo.
        neighbours: rows of each photo's neighbours; the graph is connected and symmetric.
    """

    positions_world: Floats
    forwards_world: Floats
    seconds: Floats
    neighbours: tuple[tuple[int, ...], ...]

    @classmethod
    def build(cls, positions: Floats, forwards: Floats, speed: float, turn_rate_rad_s: float) -> "PhotoGraph":
        """Joins each photo to its nearest ones at ``speed`` (world units per second, 0 if nothing moves)."""
        turns = angles_between_rad(forwards[:, None], forwards) / turn_rate_rad_s
        moves = norms(positions[:, None] - positions)[..., 0] / speed if speed > 0 else np.zeros_like(turns)
        seconds = np.sqrt(turns * turns + moves * moves)
        n = len(positions)
        links: list[set[int]] = [set() for _ in range(n)]
        nearest = np.argsort(seconds, axis=1, kind="stable")[:, : _NEIGHBOURS + 1]
        pairs = [(i, int(j)) for i in range(n) for j in nearest[i] if int(j) != i] + _spanning_tree(seconds)
        for i, j in pairs:
            links[i].add(j)
            links[j].add(i)
        return cls(positions, forwards, seconds, tuple(tuple(sorted(row)) for row in links))

    def routes_from(self, source: int) -> list[int]:
        """The photo before each photo on the best route from ``source`` (Dijkstra); -1 at the source."""
        costs, before, heap = {source: 0.0}, [-1] * len(self.neighbours), [(0.0, source)]
        while heap:
            cost, i = heapq.heappop(heap)
            if cost > costs[i]:
                continue
            for j in self.neighbours[i]:
                through = cost + float(self.seconds[i, j]) ** _HOP_POWER
                if through < costs.get(j, np.inf):
                    costs[j], before[j] = through, i
                    heapq.heappush(heap, (through, j))
        return before

    def spread_photos(self) -> list[int]:
        """At most 32 photos that lie far apart: the outermost one, then always the farthest from those chosen."""
        chosen = [int(np.argmax(self.seconds.sum(axis=1)))]
        while len(chosen) < min(_SOURCES, len(self.neighbours)):
            chosen.append(int(np.argmax(self.seconds[chosen].min(axis=0))))
        return chosen

    def route_seconds(self, route: list[int]) -> float:
        return float(self.seconds[route[:-1], route[1:]].sum())

    def alignment(self, route: list[int]) -> float:
        """Mean cosine, by length, between the photos' views and the way the route goes; 0 if it does not move."""
        steps = np.diff(self.positions_world[route], axis=0)
        views = unit(self.forwards_world[route[:-1]] + self.forwards_world[route[1:]])
        length = float(norms(steps).sum())
        return float(np.sum(steps * views)) / length if length > 0 else 0.0


def candidate_routes(graph: PhotoGraph, seconds: float, count: int, seed: int) -> list[list[int]]:
    """The ``count`` most promising routes for such a film: long enough, forward-looking, not doubling back."""
    sources = graph.spread_photos()
    trees = {source: graph.routes_from(source) for source in sources}
    routes = [_walk_back(trees[a], b) for a in sources for b in sources if a != b]
    rng = np.random.default_rng(seed)
    for a, via, b in rng.choice(sources, size=(_VIA_ROUTES, 3)).tolist():
        if len({a, via, b}) == 3:
            routes.append(_walk_back(trees[a], via) + _walk_back(trees[via], b)[1:])
    scores = [_promise(graph, route, seconds) for route in routes]
    order = np.argsort(-np.array(scores), kind="stable")
    return [routes[i] for i in order[:count]]


def _promise(graph: PhotoGraph, route: list[int], seconds: float) -> float:
    # Smoothing shortens a route by about a third.
    fit = abs(float(np.log(max(graph.route_seconds(route), 1e-9) / (1.4 * seconds))))
    repeated = 1 - len(set(route)) / len(route)
    return 0.7 * graph.alignment(route) - fit - 2 * repeated


def _walk_back(before: list[int], end: int) -> list[int]:
    route = [end]
    while before[route[-1]] >= 0:
        route.append(before[route[-1]])
    return route[::-1]


def _spanning_tree(seconds: Floats) -> list[tuple[int, int]]:
    """Prim's minimal spanning tree, so that every photo can be reached."""
    n = len(seconds)
    best: Floats = seconds[0]
    parent = np.zeros(n, dtype=np.int64)
    done = np.zeros(n, dtype=np.bool_)
    done[0] = True
    edges: list[tuple[int, int]] = []
    for _ in range(n - 1):
        j = int(np.argmin(np.where(done, np.inf, best)))
        edges.append((int(parent[j]), j))
        done[j] = True
        row: Floats = seconds[j]
        parent = np.where(row < best, j, parent)
        best = np.minimum(best, row)
    return edges


def smoothed(values: Floats, sigma: float, *, through_ends: bool) -> Floats:
    """Rows [M, D] averaged with a Gaussian of ``sigma`` rows.

    Args:
        through_ends: continue the rows beyond the ends by point reflection, so that the ends stay where they are and
            curves do not stall there; else the end rows are repeated.
    """
    if sigma <= 0:
        return values
    reach = max(1, min(round(3 * sigma), len(values) - 1))
    head, tail = values[1 : reach + 1][::-1], values[-reach - 1 : -1][::-1]
    if through_ends:
        head, tail = 2 * values[0] - head, 2 * values[-1] - tail
    else:
        head, tail = np.broadcast_to(values[0], head.shape), np.broadcast_to(values[-1], tail.shape)
    padded = np.concatenate([head, values, tail])
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)
    return np.asarray(windows @ kernel, dtype=np.float64)


def resampled(rows: Floats, progress: Floats, count: int) -> Floats:
    """Rows [M, D] at ``count`` even steps of an increasing ``progress`` [M]."""
    at = np.linspace(float(progress[0]), float(progress[-1]), count)
    columns: list[Floats] = [np.interp(at, progress, rows[:, i]) for i in range(rows.shape[1])]
    return np.stack(columns, axis=-1)


def increasing(steps: Floats) -> Floats:
    """[M + 1] running sum from 0 of steps [M], strictly increasing even where a step is nothing."""
    floor = 1e-9 * (float(steps.sum()) + 1e-9)
    return np.concatenate([[0.0], np.cumsum(np.maximum(steps, floor))])


def row_indices(count: int, picks: int) -> NDArray[np.int64]:
    """``picks`` even rows of ``count``, both ends among them."""
    return np.round(np.linspace(0, count - 1, picks)).astype(np.int64)
