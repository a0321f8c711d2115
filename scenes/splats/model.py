"""The Gaussians of a running fit, in arrays of a fixed size, with the moments of their optimiser."""

import numpy as np
from numpy.typing import NDArray

from .cpu.adam import Moments
from .cpu.scratch import aligned_zeros
from .gaussians import Gaussians

Float32 = NDArray[np.float32]

PARAMETERS = ("means", "quaternions_wxyz", "log_scales", "logit_opacities", "sh")


class SplatModel:
    """Room for ``capacity`` Gaussians, of which the first ``count`` are alive.

    Attributes:
        scores: [capacity] how much each Gaussian was pulled about on the screen since the last densification.
    """

    def __init__(self, gaussians: Gaussians, capacity: int) -> None:
        if len(gaussians) > capacity:
            raise ValueError(f"{len(gaussians)} Gaussians do not fit into a budget of {capacity}")
        self.capacity = capacity
        self.count = len(gaussians)
        self._values: dict[str, Float32] = {}
        self._moments: dict[str, Moments] = {}
        for name in PARAMETERS:
            source: Float32 = getattr(gaussians, name)
            room = aligned_zeros((capacity, *source.shape[1:]))
            room[: self.count] = source
            self._values[name] = room
            self._moments[name] = Moments.zeros_like(room)
        self.scores = np.zeros(capacity, np.float32)

    @property
    def gaussians(self) -> Gaussians:
        """The living Gaussians, as views: changing them changes the model."""
        return Gaussians(**{name: room[: self.count] for name, room in self._values.items()})

    def moments(self, name: str) -> Moments:
        """The optimiser's moments of a parameter of the living Gaussians, as views."""
        both = self._moments[name]
        return Moments(both.first[: self.count], both.second[: self.count])

    def overwrite(self, places: NDArray[np.intp], gaussians: Gaussians) -> None:
        """Puts new Gaussians at ``places``, which may lie just past the living; their moments start at zero.

        Raises:
            ValueError: if a place is past the budget.
        """
        if len(places) == 0:
            return
        if places.max() >= self.capacity:
            raise ValueError(f"place {places.max()} is past the budget of {self.capacity} Gaussians")
        self.count = max(self.count, int(places.max()) + 1)
        for name in PARAMETERS:
            self._values[name][places] = getattr(gaussians, name)
            self._moments[name].first[places] = 0
            self._moments[name].second[places] = 0

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """All that must be kept to go on later."""
        kept = {"scores": self.scores[: self.count]}
        gaussians = self.gaussians
        for name in PARAMETERS:
            moments = self.moments(name)
            kept |= {name: getattr(gaussians, name), f"{name}.first": moments.first, f"{name}.second": moments.second}
        return kept

    def restore(self, kept: dict[str, NDArray[np.float32]]) -> None:
        """The inverse of ``arrays``.

        Raises:
            KeyError, ValueError: if an array is missing or has another shape.
        """
        self.count = len(kept["means"])
        self.scores[: self.count] = kept["scores"]
        for name in PARAMETERS:
            moments = self.moments(name)
            self._values[name][: self.count] = kept[name]
            moments.first[...] = kept[f"{name}.first"]
            moments.second[...] = kept[f"{name}.second"]
