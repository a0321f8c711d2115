"""The picture of a preflight: the plan view of the flight beside one graph for each limit."""

import os
from pathlib import Path

from cameras.freespace import FreeSpace
from cameras.preflight import Preflight

from .preflight_canvas import BEYOND, FAINT, FAR, INK, NEAR, Canvas, fitted_text
from .preflight_graphs import OK, draw_graphs
from .preflight_plan import FURNITURE, NOBODY_KNOWS, PHOTO, WALL, draw_plan

WIDTH, HEIGHT = 1600, 1080
_MARGIN, _TITLE, _LEGEND = 28.0, 78.0, 76.0
_GRAPHS_WIDTH = 560.0


def write_preflight_picture(found: Preflight, space: FreeSpace, file: Path) -> None:
    """Draws what preflight found as a .png, which appears when it is whole.

    Args:
        found: of a film in the space's world.
    """
    canvas = Canvas(WIDTH, HEIGHT)
    _draw_title(canvas, found)
    split = WIDTH - _GRAPHS_WIDTH - _MARGIN
    draw_plan(canvas, found, space, (_MARGIN, _TITLE, split - _MARGIN, HEIGHT - _LEGEND))
    _draw_legend(canvas, found, split, has_photos=len(space.views_position_world) > 0)
    draw_graphs(canvas, found, (split, _TITLE, WIDTH - _MARGIN, HEIGHT - 14))
    temporary = file.with_name(f".{file.name}.partial")
    try:
        canvas.finished().save(temporary, format="PNG")
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def _draw_title(canvas: Canvas, found: Preflight) -> None:
    text = "Every limit is kept" if found.passed else f"Broken: {', '.join(found.broken)}"
    canvas.circle((_MARGIN + 9, 38), 9, OK if found.passed else BEYOND)
    canvas.text((_MARGIN + 28, 38), fitted_text(canvas, text, 26, WIDTH - 460), 26, anchor="lm")
    frames = len(found.shots.times_s(found.fps))
    count = len(found.shots.shots)
    facts = f"{count} shot{'s' * (count > 1)}, {found.shots.duration_s:g} s, {frames:,} frames"
    canvas.text((WIDTH - _MARGIN, 38), facts, 16, FAINT, anchor="rm")


def _draw_legend(canvas: Canvas, found: Preflight, right: float, *, has_photos: bool) -> None:
    """Two lines at the bottom: the colours of the path, and those of the space."""
    lines = ((FAR, "far from every limit"), (NEAR, "near one"), (BEYOND, "beyond one"))
    areas = [(WALL, "wall"), (FURNITURE, "furniture below"), (NOBODY_KNOWS, "nobody knows")]
    areas += [(PHOTO, "photos")] if has_photos else []
    y = HEIGHT - 30.0
    x = _MARGIN
    for color, text in lines:
        canvas.line([(x, y), (x + 24, y)], color, 4)
        canvas.text((x + 32, y), text, 14, INK, anchor="lm")
        x += 50 + canvas.text_size(text, 14)[0]
    for color, text in areas:
        canvas.box((x, y - 7, x + 14, y + 7), fill=color, outline=FAINT)
        canvas.text((x + 22, y), text, 14, INK, anchor="lm")
        x += 38 + canvas.text_size(text, 14)[0]
    missing = ", ".join(found.not_measured)
    if missing and x + 60 < right:
        canvas.text((x, y), fitted_text(canvas, f"not measured: {missing}", 13, right - x - 30), 13, FAINT, anchor="lm")
