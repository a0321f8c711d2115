"""Labels beside points, placed where they hide nothing."""

import math
from collections.abc import Sequence

import numpy as np

from cameras.arrays import Floats

from .preflight_canvas import INK, Box, Canvas, Color, Point

_ANGLES = tuple(math.radians(a) for a in (0, 180, 90, 270, 30, 330, 150, 210, 60, 300, 120, 240))
_DISTANCES_PX = (11.0, 18.0, 28.0, 42.0, 60.0, 85.0, 115.0)
# A line leads to a label that is farther than this from its point.
_LEADER_PX = 22.0
_GAP_PX = 3.0
# Of two places that are as good, that of the earlier angle: as bad as to stand so many pixels farther away.
_ANGLE_COST = 0.6
# That of a leading line which is all over other labels and marks, and how much of it a point's own mark hides.
_CROSSING_COST, _OWN_MARK_PX = 300.0, 11.0
# More than this of a label, and of the line to it, may not be over others.
_MOST_OVERLAP_PX2, _MOST_CROSSING = 4.0, 0.1


class Labels:
    """Puts labels where they hide neither each other nor what should be seen.

    Args:
        bounds: which no label leaves.
        paper: the colour of the rim around letters.
    """

    def __init__(self, canvas: Canvas, bounds: Box, paper: Color) -> None:
        self._canvas = canvas
        self._bounds = bounds
        self._paper = paper
        self._taken = np.zeros((0, 4))
        self._points = np.zeros((0, 3))

    def keep_free(self, points: Sequence[Point], cost: float) -> None:
        """Points that labels should rather not hide: to hide one is as bad as to stand so many pixels farther away."""
        costly = np.column_stack([np.array(points, dtype=np.float64).reshape(-1, 2), np.full(len(points), cost)])
        self._points = np.concatenate([self._points, costly])

    def take(self, box: Box) -> None:
        """A place where no label may be."""
        self._taken = np.concatenate([self._taken, np.array([box])])

    def put(self, at: Point, texts: Sequence[str], size: float, color: Color) -> Box | None:
        """Draws the first of the texts that finds room beside a point; returns its box, or None if none does."""
        for text in texts:
            width, height = self._canvas.text_size(text, size)
            width, height = width + 2 * _GAP_PX, max(height, size) + 2 * _GAP_PX
            boxes = self._places(at, width, height)
            overlaps, costs = self._costs(boxes)
            crossings = self._crossings(at, boxes)
            costs += _CROSSING_COST * crossings
            best = int(np.argmin(costs))
            if overlaps[best] <= _MOST_OVERLAP_PX2 and crossings[best] <= _MOST_CROSSING:
                x0, y0, x1, y1 = (float(value) for value in boxes[best])
                self._draw_leader(at, (x0, y0, x1, y1), color)
                middle = (x0 + _GAP_PX, 0.5 * (y0 + y1))
                self._canvas.text(middle, text, size, color, anchor="lm", halo=self._paper)
                self.take((x0 - _GAP_PX, y0, x1 + _GAP_PX, y1))
                return x0, y0, x1, y1
        return None

    def _places(self, at: Point, width: float, height: float) -> Floats:
        """[n, 4] boxes around a point, those farther away last."""
        half = np.array([0.5 * width, 0.5 * height])
        found: list[Floats] = []
        for distance in _DISTANCES_PX:
            for angle in _ANGLES:
                way = np.array([math.cos(angle), math.sin(angle)])
                # The box's rim, not its middle, stands that far from the point.
                middle = np.array(at) + way * distance + np.sign(np.round(way, 6)) * half * np.abs(way) ** 0.25
                low = np.clip(middle - half, self._bounds[:2], np.array(self._bounds[2:]) - 2 * half)
                found.append(np.concatenate([low, low + 2 * half]))
        return np.array(found)

    def _costs(self, boxes: Floats) -> tuple[Floats, Floats]:
        """[n] square pixels that a box shares with what is taken, and [n] what its place costs in all."""
        low, high = boxes[:, None, :2], boxes[:, None, 2:]
        shared = np.minimum(high, self._taken[:, 2:]) - np.maximum(low, self._taken[:, :2])
        overlaps = np.prod(np.maximum(shared, 0), axis=2).sum(axis=1)
        hidden = ((self._points[:, :2] >= low) & (self._points[:, :2] <= high)).all(axis=2) @ self._points[:, 2]
        away = np.add.outer(_DISTANCES_PX, _ANGLE_COST * np.arange(len(_ANGLES))).ravel()
        return overlaps, 1e3 * overlaps + hidden + away

    def _crossings(self, at: Point, boxes: Floats) -> Floats:
        """[n] how much of the lines that lead to boxes is over what is taken, from 0 to 1."""
        ends = np.clip(at, boxes[:, :2], boxes[:, 2:])
        ways = np.linalg.norm(ends - at, axis=1)[:, None]
        parts = np.linspace(np.minimum(1.0, _OWN_MARK_PX / np.maximum(ways, 1e-9)), 1.0, 12)
        places = (at + parts * (ends - at))[:, :, None, :]
        inside = ((places >= self._taken[:, :2]) & (places <= self._taken[:, 2:])).all(axis=3).any(axis=2)
        return np.asarray(np.where(ways[:, 0] > _LEADER_PX, inside.mean(axis=0), 0.0), dtype=np.float64)

    def _draw_leader(self, at: Point, box: Box, color: Color) -> None:
        x, y = min(max(at[0], box[0]), box[2]), min(max(at[1], box[1]), box[3])
        way = math.hypot(x - at[0], y - at[1])
        if way > _LEADER_PX:
            start = (at[0] + _OWN_MARK_PX * (x - at[0]) / way, at[1] + _OWN_MARK_PX * (y - at[1]) / way)
            self._canvas.line([start, (x, y)], color if color != INK else (120, 126, 132), 0.8)


def around(at: Point, half: float) -> Box:
    """A square around a point."""
    return at[0] - half, at[1] - half, at[0] + half, at[1] + half
