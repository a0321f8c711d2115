"""The shortest way from one cube of a free space to another."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # pyright: ignore[reportMissingTypeStubs]

from .arrays import Floats
from .freespace import FreeSpace, Mask

# Steps to 13 of the 26 neighbours; the others are these backwards.
_STEPS = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) > (0, 0, 0)]


class Router:
    """Finds ways through those cubes of a space that a mask allows."""

    def __init__(self, space: FreeSpace, allowed: Mask) -> None:
        self._space = space
        self._allowed = allowed
        self._numbers = np.where(allowed, np.cumsum(allowed).reshape(allowed.shape) - 1, -1)
        self._graph: Any = None

    def route(self, start_world: Floats, end_world: Floats) -> Floats | None:
        """[k, 3] centres of cubes on the shortest way between two points; None if there is none."""
        graph = cast(Any, sparse).csgraph
        start, end = self._number(start_world), self._number(end_world)
        if start < 0 or end < 0:
            return None
        before = graph.dijkstra(self._joined(), directed=False, indices=start, return_predecessors=True)[1]
        rows = [end]
        while rows[-1] != start:
            if before[rows[-1]] < 0:
                return None
            rows.append(int(before[rows[-1]]))
        cubes: NDArray[np.int64] = np.flatnonzero(self._allowed)[rows[::-1]]
        at = np.stack(np.unravel_index(cubes, self._allowed.shape), axis=-1)
        return np.asarray(self._space.origin_world + (at + 0.5) * self._space.voxel, dtype=np.float64)

    def _number(self, point_world: Floats) -> int:
        cube = np.floor((point_world - self._space.origin_world) / self._space.voxel).astype(int)
        return int(self._numbers[tuple(np.clip(cube, 0, np.array(self._allowed.shape) - 1))])

    def _joined(self) -> Any:
        """Lengths between neighbouring cubes, made when it is first needed."""
        if self._graph is None:
            rows: list[NDArray[np.int64]] = []
            columns: list[NDArray[np.int64]] = []
            lengths: list[Floats] = []
            for step in _STEPS:
                here = tuple(slice(max(0, -d), n - max(0, d)) for d, n in zip(step, self._allowed.shape, strict=True))
                there = tuple(slice(max(0, d), n - max(0, -d)) for d, n in zip(step, self._allowed.shape, strict=True))
                both = self._allowed[here] & self._allowed[there]
                rows.append(self._numbers[here][both])
                columns.append(self._numbers[there][both])
                lengths.append(np.full(len(rows[-1]), float(np.linalg.norm(step))))
            count = int(np.count_nonzero(self._allowed))
            entries = (np.concatenate(lengths), (np.concatenate(rows), np.concatenate(columns)))
            self._graph = cast(Any, sparse).csr_matrix(entries, shape=(count, count))
        return self._graph
