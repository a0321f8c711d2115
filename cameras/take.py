"""A take: the shots between two cuts, which the camera flies as one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats
from .path import CameraPath
from .shot_list import Shot, ShotList


@dataclass(frozen=True, eq=False)
class Take:
    """Unbroken shots. It answers like a path, in seconds from its own start.

    Attributes:
        shots: at least one.
        first: number of the first in the film, from 0.
        start_s: second of the film at which it begins.
    """

    shots: tuple[Shot, ...]
    first: int
    start_s: float

    @property
    def name(self) -> str:
        return " + ".join(shot.name for shot in self.shots)

    @property
    def is_loop(self) -> bool:
        return len(self.shots) == 1 and self.shots[0].path.is_loop

    @property
    def duration_s(self) -> float:
        return float(self._bounds[-1])

    @cached_property
    def _bounds(self) -> Floats:
        """[n + 1] seconds at which shots begin, and the end."""
        return np.cumsum([0.0, *(shot.path.duration_s for shot in self.shots)])

    def positions_world(self, time_s: ArrayLike) -> Floats:
        """Positions [..., 3] at times [...]."""
        return self._of_shots(time_s, lambda path, time: path.positions_world(time))

    def rotations(self, time_s: ArrayLike) -> Floats:
        """``world_from_camera`` rotations [..., 3, 3] at times [...]."""
        return self._of_shots(time_s, lambda path, time: path.rotations(time))

    def fovs_y_rad(self, time_s: ArrayLike) -> Floats:
        """Vertical fields of view [...] at times [...]."""
        return self._of_shots(time_s, lambda path, time: path.fovs_y_rad(time))

    def focus_distances(self, time_s: ArrayLike) -> Floats | None:
        """Focus distances [...] in world units; None unless every shot has a focus."""
        if any(shot.path.keyframes[0].focus_distance is None for shot in self.shots):
            return None
        return self._of_shots(time_s, lambda path, time: cast(Floats, path.focus_distances(time)))

    def _of_shots(self, time_s: ArrayLike, value: Callable[[CameraPath, Floats], Floats]) -> Floats:
        time = np.asarray(time_s, dtype=np.float64)
        if len(self.shots) == 1:
            return value(self.shots[0].path, time)
        flat = time.ravel()
        numbers = np.clip(np.searchsorted(self._bounds, flat, side="right") - 1, 0, len(self.shots) - 1)
        parts = [value(shot.path, flat[numbers == i] - self._bounds[i]) for i, shot in enumerate(self.shots)]
        found = np.empty((flat.size, *parts[0].shape[1:]))
        for i, part in enumerate(parts):
            found[numbers == i] = part
        return found.reshape(*time.shape, *found.shape[1:])


def takes_of(film: ShotList) -> tuple[Take, ...]:
    """The takes of a film in order."""
    cuts = [i for i, shot in enumerate(film.shots) if not shot.is_continued]
    bounds = pairwise([*cuts, len(film.shots)])
    return tuple(Take(film.shots[a:b], a, float(film.starts_s[a])) for a, b in bounds)
