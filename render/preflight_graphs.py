"""One small graph over time for each rule of preflight."""

import numpy as np

from cameras.preflight import Preflight, Track

from .preflight_canvas import BEYOND, FAINT, FAR, INK, Box, Canvas, Color, Point, fitted_text

OK: Color = (0, 110, 90)
_TITLE_PX = 19
_MOST_POINTS = 1500
# Values far from their limit are cut off at so many times it, so that the limit stays to be seen.
_MOST_LIMITS = 8.0


def draw_graphs(canvas: Canvas, found: Preflight, box: Box) -> None:
    """Draws the graphs under each other into a box, with the time below the last."""
    height = (box[3] - box[1] - 20) / max(1, len(found.tracks))
    for number, (name, track) in enumerate(found.tracks.items()):
        top = box[1] + number * height
        _draw(canvas, found, name, track, (box[0], top, box[2], top + height))
    for part in np.linspace(0, 1, 5):
        at = (box[0] + float(part) * (box[2] - box[0]), box[3] - 16)
        anchor = "la" if part == 0 else "ra" if part == 1 else "ma"
        canvas.text(at, f"{part * found.shots.duration_s:.3g} s", 12, FAINT, anchor=anchor)


def _draw(canvas: Canvas, found: Preflight, name: str, track: Track, box: Box) -> None:
    rule, (value, _) = track.rule, track.worst
    is_broken = name in found.broken
    limit = f"{'at least' if rule.is_least else 'at most'} {track.limit * rule.shown:.3g} {rule.unit}"
    shown = value * rule.shown
    canvas.text((box[0], box[1] + 2), name, 14)
    worst = f"{0 if abs(shown) < 5e-4 else shown:.3g} {rule.unit}, {limit}"
    verdict = "BROKEN" if is_broken else "ok"
    canvas.text((box[2], box[1] + 2), verdict, 14, BEYOND if is_broken else OK, anchor="ra")
    room = box[2] - box[0] - 160 - canvas.text_size(verdict, 14)[0] - 12
    canvas.text((box[0] + 160, box[1] + 2), fitted_text(canvas, worst, 14, room), 14, BEYOND if is_broken else INK)
    plot = (box[0], box[1] + _TITLE_PX + 2, box[2], box[3] - 7)
    canvas.box(plot, fill=(255, 255, 255), outline=(222, 224, 226))
    _draw_curve(canvas, found, track, plot)


def _draw_curve(canvas: Canvas, found: Preflight, track: Track, plot: Box) -> None:
    top = max(1.25 * track.limit, min(1.08 * float(track.values.max()), _MOST_LIMITS * track.limit), 1e-9)

    def at(time: float, value: float) -> Point:
        x = plot[0] + (plot[2] - plot[0]) * time / found.shots.duration_s
        return x, plot[3] - (plot[3] - plot[1]) * min(1.0, value / top)

    for start in found.shots.starts_s[1:]:
        canvas.line([at(start, 0.0), at(start, top)], (205, 208, 212), 1)
    rows = _kept(track)
    times, values = track.time_s[rows], track.values[rows]
    points = [at(float(t), float(v)) for t, v in zip(times, values, strict=True)]
    bound = at(0.0, track.limit)[1]
    # What is beyond the limit is filled up to it, as one shape.
    cut = [(x, max(y, bound) if track.rule.is_least else min(y, bound)) for x, y in points]
    if track.broken.any() and len(cut) > 1:
        canvas.polygon([(cut[0][0], bound), *cut, (cut[-1][0], bound)], BEYOND, alpha=150)
    canvas.line(points if len(points) > 1 else [points[0], points[0]], FAR, 1.4)
    canvas.dashed((plot[0], bound), (plot[2], bound), BEYOND, 1.2)


def _kept(track: Track) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Rows of a track that are drawn: the worst of each group where there are many."""
    count = len(track.values)
    if count <= _MOST_POINTS:
        return np.arange(count)
    groups = np.array_split(np.arange(count), _MOST_POINTS)
    pick = np.argmin if track.rule.is_least else np.argmax
    return np.array([group[int(pick(track.values[group]))] for group in groups])
