"""One small graph over time for each rule of preflight."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cameras.preflight import Preflight, Track

from .preflight_canvas import (
    BEYOND,
    FAINT,
    INK,
    Box,
    Canvas,
    Color,
    Point,
    fitted_text,
    nice_step,
    short_number,
)

OK: Color = (0, 110, 90)
_CURVE: Color = (52, 84, 128)
_BROKEN_FILL, _BROKEN_TIME = (233, 150, 132), (252, 232, 226)
_CUT, _FRAME = (176, 181, 187), (222, 224, 226)
_TITLE_PX, _AXIS_PX, _NAME_PX = 19.0, 24.0, 150.0
_MISSING_PX = 44.0
_MOST_POINTS = 1500
# Values far from their limit are cut off at so many times it, so that the limit stays to be seen.
_MOST_LIMITS, _MOST_OF_LEAST = 20.0, 8.0


def draw_graphs(canvas: Canvas, found: Preflight, box: Box) -> None:
    """Draws the graphs under each other into a box, with the time below the last, and what could not be measured."""
    missing = list(found.not_measured.items())
    bottom = box[3] - _AXIS_PX - (_MISSING_PX if missing else 0.0)
    height = (bottom - box[1]) / max(1, len(found.tracks))
    for number, (name, track) in enumerate(found.tracks.items()):
        top = box[1] + number * height
        _draw_title(canvas, name, track, (box[0], top, box[2], top + height), is_broken=name in found.broken)
        _draw_curve(canvas, found, track, (box[0], top + _TITLE_PX + 2, box[2], top + height - 7))
    _draw_time(canvas, found.shots.duration_s, (box[0], bottom - 7, box[2], bottom))
    if missing:
        names = ", ".join(name for name, _ in missing)
        reasons = "; ".join(dict.fromkeys(reason for _, reason in missing))
        for text, y in ((f"not measured: {names}", 16.0), (f"because {reasons}", 0.0)):
            canvas.text((box[0], box[3] - y), fitted_text(canvas, text, 13, box[2] - box[0]), 13, FAINT, anchor="ld")


def _draw_title(canvas: Canvas, name: str, track: Track, box: Box, *, is_broken: bool) -> None:
    rule, value = track.rule, track.worst[0]
    limit = f"{'at least' if rule.is_least else 'at most'} {short_number(track.limit * rule.shown)} {rule.unit}"
    worst = f"{short_number(value * rule.shown)} {rule.unit}"
    verdict = "BROKEN" if is_broken else "ok"
    canvas.text((box[0], box[1] + 2), name, 14)
    canvas.text((box[2], box[1] + 2), verdict, 14, BEYOND if is_broken else OK, anchor="ra")
    x = box[0] + _NAME_PX
    canvas.text((x, box[1] + 2), worst, 14, BEYOND if is_broken else INK)
    x += canvas.text_size(worst, 14)[0] + 10
    room = box[2] - x - canvas.text_size(verdict, 14)[0] - 12
    canvas.text((x, box[1] + 2), fitted_text(canvas, limit, 14, room), 14, FAINT)


def _draw_curve(canvas: Canvas, found: Preflight, track: Track, plot: Box) -> None:
    most = (_MOST_OF_LEAST if track.rule.is_least else _MOST_LIMITS) * track.limit
    top = max(1.25 * track.limit, min(1.08 * float(track.values.max()), most), 1e-9)

    def at(time: float, value: float) -> Point:
        x = plot[0] + (plot[2] - plot[0]) * time / found.shots.duration_s
        return x, plot[3] - 1.5 - (plot[3] - plot[1] - 3) * min(1.0, value / top)

    canvas.box(plot, fill=(255, 255, 255))
    rows = _kept(track)
    points = [at(float(track.time_s[i]), float(track.values[i])) for i in rows]
    # The first and last samples stand for the film's ends, which are less than a sample away.
    points = [(plot[0], points[0][1]), *points, (plot[2], points[-1][1])]
    bound, broken = at(0.0, track.limit)[1], np.concatenate([[False], track.broken[rows], [False]])
    broken[[0, -1]] = broken[[1, -2]]
    for i in np.flatnonzero(broken):
        x0, x1 = points[max(i - 1, 0)][0], points[min(i + 1, len(points) - 1)][0]
        low, high = 0.5 * (x0 + points[i][0]), 0.5 * (x1 + points[i][0])
        canvas.box((min(low, points[i][0] - 1), plot[1], max(high, points[i][0] + 1), plot[3]), fill=_BROKEN_TIME)
    if broken.any():
        _fill_beyond(canvas, points, bound, is_least=track.rule.is_least)
    for start in found.shots.starts_s[1:]:
        canvas.line([at(float(start), 0.0), at(float(start), top)], _CUT, 1)
    canvas.box(plot, outline=_FRAME)
    canvas.line(points, _CURVE, 1.5)
    canvas.dashed((plot[0], bound), (plot[2], bound), BEYOND, 1.2)


def _fill_beyond(canvas: Canvas, points: list[Point], bound: float, *, is_least: bool) -> None:
    """What is beyond the limit, down (or up) to it."""
    cut = [(x, max(y, bound) if is_least else min(y, bound)) for x, y in points]
    for a, b in pairwise(cut):
        if abs(a[1] - bound) + abs(b[1] - bound) > 0:
            canvas.polygon([(a[0], bound), a, b, (b[0], bound)], _BROKEN_FILL)


def _kept(track: Track) -> NDArray[np.int64]:
    """Rows of a track that are drawn: the worst of each group where there are many."""
    count = len(track.values)
    if count <= _MOST_POINTS:
        return np.arange(count)
    groups = np.array_split(np.arange(count), _MOST_POINTS)
    pick = np.argmin if track.rule.is_least else np.argmax
    return np.array([group[int(pick(track.values[group]))] for group in groups])


def _draw_time(canvas: Canvas, seconds: float, box: Box) -> None:
    """Ticks and seconds under the last graph."""
    step = nice_step(seconds, 6)
    for at in np.arange(0, seconds * (1 + 1e-9), step):
        x = box[0] + (box[2] - box[0]) * float(at) / seconds
        canvas.line([(x, box[1]), (x, box[1] + 4)], FAINT)
        half = 0.5 * canvas.text_size(f"{at:g} s", 12)[0]
        middle = min(max(x, box[0] + half), box[2] - half)
        canvas.text((middle, box[1] + 7), f"{at:g} s", 12, FAINT, anchor="ma")
