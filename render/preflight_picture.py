"""The picture of a preflight: the plan view of the flight beside one graph for each limit."""

import os
from pathlib import Path

from cameras.freespace import FreeSpace
from cameras.preflight import Preflight

from .preflight_canvas import BEYOND, FAINT, FAR, INK, NEAR, PAPER, Box, Canvas, fitted_text, short_number
from .preflight_graphs import OK, draw_graphs
from .preflight_picture_path import CONE, PHOTO
from .preflight_plan import FURNITURE, NOBODY_KNOWS, WALL, draw_plan, paint_unknown

WIDTH, HEIGHT = 1600, 1080
_MARGIN, _TITLE, _LEGEND = 28.0, 92.0, 52.0
_GRAPHS_WIDTH = 560.0
_LEGEND_PX = 14.0


def write_preflight_picture(found: Preflight, space: FreeSpace, file: Path) -> None:
    """Draws what preflight found as a .png, which appears when it is whole.

    Args:
        found: of a film in the space's world.

    Raises:
        OSError: if the file cannot be written.
    """
    canvas = Canvas(WIDTH, HEIGHT)
    split = WIDTH - _GRAPHS_WIDTH - _MARGIN
    panel = (_MARGIN, _TITLE, split - _MARGIN, HEIGHT - _LEGEND)
    draw_plan(canvas, found, space, panel)
    _cut_off(canvas, panel)
    _draw_title(canvas, found)
    _draw_legend(canvas, panel, has_photos=len(space.views_position_world) > 0)
    draw_graphs(canvas, found, (split, _TITLE - 2, WIDTH - _MARGIN, HEIGHT - 14))
    temporary = file.with_name(f".{file.name}.partial")
    try:
        canvas.finished().save(temporary, format="PNG")
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def _cut_off(canvas: Canvas, panel: Box) -> None:
    """What the plan view drew beyond its panel."""
    x0, y0, x1, y1 = panel
    for box in ((0, 0, WIDTH, y0), (0, y1, WIDTH, HEIGHT), (0, 0, x0, HEIGHT), (x1, 0, WIDTH, HEIGHT)):
        canvas.box(box, fill=PAPER)
    canvas.box(panel, outline=FAINT)


def _draw_title(canvas: Canvas, found: Preflight) -> None:
    count, total = len(found.broken), len(found.tracks)
    are = "is" if count == 1 else "are"
    text = f"Passed: all {total} limits are kept" if found.passed else f"{count} of {total} limits {are} broken"
    canvas.circle((_MARGIN + 10, 34), 10, OK if found.passed else BEYOND)
    canvas.text((_MARGIN + 32, 34), text, 27, anchor="lm")
    frames, shots = len(found.shots.times_s(found.fps)), len(found.shots.shots)
    seconds = short_number(found.shots.duration_s)
    facts = f"{shots} shot{'s' * (shots > 1)}, {seconds} s, {frames:,} frame{'s' * (frames > 1)}"
    canvas.text((WIDTH - _MARGIN, 34), facts, 16, FAINT, anchor="rm")
    more, color = (_nearest(found), FAINT) if found.passed else (", ".join(found.broken), BEYOND)
    more = fitted_text(canvas, more, 16, WIDTH - 2 * _MARGIN - 32)
    canvas.text((_MARGIN + 32, 67), more, 16, color, anchor="lm")


def _nearest(found: Preflight) -> str:
    """What comes nearest to its limit, in words."""
    track = min(found.tracks.values(), key=lambda track: float(track.margins.min()))
    rule, (value, time) = track.rule, track.worst
    most = "at least" if rule.is_least else "at most"
    shown, limit = short_number(value * rule.shown), short_number(track.limit * rule.shown)
    return f"nearest to its limit: {rule.name}, {shown} {rule.unit} at {short_number(time)} s ({most} {limit})"


def _draw_legend(canvas: Canvas, panel: Box, *, has_photos: bool) -> None:
    """A line under the plan: the colours of the path, and those of the space."""
    x, y = panel[0], HEIGHT - 26.0

    def name(text: str, symbol_px: float) -> None:
        nonlocal x
        canvas.text((x + symbol_px + 7, y), text, _LEGEND_PX, INK, anchor="lm")
        x += symbol_px + 25 + canvas.text_size(text, _LEGEND_PX)[0]

    for color, width, text in ((FAR, 3.2, "far from limits"), (NEAR, 3.2, "near one"), (BEYOND, 5.5, "beyond one")):
        canvas.line([(x + 3, y), (x + 21, y)], color, width)
        name(text, 24)
    canvas.polygon([(x, y + 6), (x + 3, y - 8), (x + 15, y)], CONE, alpha=70)
    name("view", 14)
    if has_photos:
        canvas.line([(x + 3, y), (x + 14, y)], PHOTO, 1.4)
        canvas.circle((x + 3, y), 2.4, PHOTO)
        name("photo", 14)
    for color, text in ((WALL, "wall"), (FURNITURE, "furniture below"), (NOBODY_KNOWS, "unknown")):
        box = (x, y - 7, x + 14, y + 7)
        if color == NOBODY_KNOWS:
            paint_unknown(canvas, box)
        else:
            canvas.box(box, fill=color)
        canvas.box(box, outline=FAINT)
        name(text, 14)
