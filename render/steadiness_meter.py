"""Warp errors of several versions of a film on the same pixels, measured while its frames go by."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .refine.reproject import Reprojection
from .steadiness import FloatImage, Seen, squared_warp_error

GAPS = (1, 10)
"""Frames between two that are compared: flicker, and drift."""


@dataclass(frozen=True)
class PairErrors:
    """Of two frames of a film.

    Attributes:
        gap: frames between them.
        squared: mean squared difference over valid pixels, by version of the film.
        pixels: how many were valid.
    """

    gap: int
    squared: Mapping[str, float]
    pixels: int


class SteadinessMeter:
    """``warp_error`` of several versions of a film on the same pixels, frame by frame; keeps ``max(gaps)`` frames."""

    def __init__(self, gaps: Sequence[int] = GAPS) -> None:
        self.gaps = tuple(gaps)
        self._before: deque[tuple[Seen, Mapping[str, FloatImage]]] = deque(maxlen=max(gaps))
        self._sums: dict[int, dict[str, float]] = {gap: {} for gap in gaps}
        self._pixels = dict.fromkeys(gaps, 0)
        self._all_pixels = dict.fromkeys(gaps, 0)

    def cut(self) -> None:
        """The next frame does not follow the last one."""
        self._before.clear()

    def add(self, seen: Seen, versions: Mapping[str, FloatImage]) -> list[PairErrors]:
        """Takes the next frame in all its versions; returns its errors against the frame each gap before it."""
        found: list[PairErrors] = []
        for gap in self.gaps:
            if gap <= len(self._before):
                earlier, pictures = self._before[-gap]
                found.append(self._measured(gap, earlier.flow_to(seen), pictures, versions))
        self._before.append((seen, versions))
        return found

    def _measured(
        self, gap: int, flow: Reprojection, earlier: Mapping[str, FloatImage], later: Mapping[str, FloatImage]
    ) -> PairErrors:
        pixels, sums, squared = int(flow.valid.sum()), self._sums[gap], dict[str, float]()
        for name, picture in later.items():
            total, _ = squared_warp_error(earlier[name], picture, flow)
            sums[name] = sums.get(name, 0.0) + total
            if pixels:
                squared[name] = total / pixels
        self._pixels[gap] += pixels
        self._all_pixels[gap] += flow.valid.size
        return PairErrors(gap, squared, pixels)

    def errors(self, gap: int) -> dict[str, float]:
        """E_k by version, over all pairs so far; empty if no pixel could be compared."""
        count = self._pixels[gap]
        return {name: total / count for name, total in self._sums[gap].items()} if count else {}

    def share(self, gap: int) -> float:
        """The share of pixels that could be compared, 0 before the first pair."""
        return self._pixels[gap] / max(1, self._all_pixels[gap])
