"""Curves over a film's frames as inline SVG, in the colours of the page that they stand in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 210
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 34
GAP = 18
STEPS = 4

Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Attributes:
        name: for the key.
        style: ``before`` or ``after``, classes of the page.
        runs: (seconds, value) of each run of frames; curves of one chart have the same runs, some perhaps empty.
    """

    name: str
    style: str
    runs: Sequence[Sequence[Point]]


@dataclass(frozen=True)
class _Panel:
    """Where a run of frames is drawn: from ``left``, ``width`` wide, from its first to its last second."""

    left: float
    width: float
    first: float
    last: float

    def x(self, time_s: float) -> float:
        return self.left + (time_s - self.first) / max(self.last - self.first, 1e-9) * self.width


def chart(title: str, unit: str, curves: Sequence[Curve]) -> str:
    """A chart with its title and key; empty if no curve has a point.

    Runs of frames stand side by side, equally wide however far apart they are in the film.
    """
    curves = [curve for curve in curves if any(curve.runs)]
    if not curves:
        return ""
    ticks = nice_ticks(max(value for curve in curves for run in curve.runs for _, value in run))
    panels = _panels(curves)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / ticks[-1] * (HEIGHT - TOP - BOTTOM)

    drawn = [_level(panel, y(tick)) for panel in panels.values() for tick in ticks]
    drawn += [_tick_text(tick, ticks[1], y(tick)) for tick in ticks]
    drawn += [text for panel in panels.values() for text in _seconds(panel, len(panels))]
    for curve in curves:
        for number, run in enumerate(curve.runs):
            if run:
                drawn.append(_line(curve.style, [(panels[number].x(time), y(value)) for time, value in run]))
    key = "".join(f'<span><i class="{curve.style}"></i>{escape(curve.name)}</span>' for curve in curves)
    return (
        f'<div class="chart"><h3>{escape(title)}</h3><p class="soft">{escape(unit)}</p>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{"".join(drawn)}</svg>'
        f'<div class="key">{key}</div></div>'
    )


def nice_ticks(largest: float) -> list[float]:
    """Levels from 0 to at least ``largest``, a step of 1, 2, 2.5 or 5 times a power of ten apart."""
    wanted = max(largest, 1e-9) / STEPS
    power = 10.0 ** math.floor(math.log10(wanted))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= wanted * (1 - 1e-9))
    return [step * i for i in range(max(1, math.ceil(largest / step - 1e-9)) + 1)]


def _panels(curves: Sequence[Curve]) -> dict[int, _Panel]:
    """A panel for each run that has a point."""
    times: dict[int, list[float]] = {}
    for curve in curves:
        for number, run in enumerate(curve.runs):
            times.setdefault(number, []).extend(time for time, _ in run)
    known = {number: found for number, found in sorted(times.items()) if found}
    width = (WIDTH - LEFT - RIGHT - GAP * (len(known) - 1)) / len(known)
    return {
        number: _Panel(LEFT + place * (width + GAP), width, min(found), max(found))
        for place, (number, found) in enumerate(known.items())
    }


def _level(panel: _Panel, y: float) -> str:
    return f'<line class="grid" x1="{panel.left:.1f}" x2="{panel.left + panel.width:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _tick_text(tick: float, step: float, y: float) -> str:
    digits = next(n for n in range(12) if math.isclose(round(step, n), step, rel_tol=1e-6))
    return f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{tick:.{digits}f}</text>'


def _seconds(panel: _Panel, n_panels: int) -> list[str]:
    """When a run begins, and, if there is room, when it ends."""
    texts = [(panel.left, "start", panel.first)]
    if n_panels == 1 and panel.last > panel.first:
        texts.append((panel.left + panel.width, "end", panel.last))
    return [
        f'<text x="{x:.1f}" y="{HEIGHT - 10}" text-anchor="{anchor}">{time_s:.1f} s</text>'
        for x, anchor, time_s in texts
    ]


def _line(style: str, places: Sequence[Point]) -> str:
    if len(places) == 1:
        x, y = places[0]
        return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
    dashed = " dashed" if style == "before" else ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline class="line {style}{dashed}" points="{path}"/>'
