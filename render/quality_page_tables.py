"""Tiles and tables of a quality page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from .quality_report import QualityReport, mean_of
from .quality_results import PhotoResult

MINUS = "\N{MINUS SIGN}"
LEVELS = 255

BeforeAfter = tuple[float | None, float | None]
"""A figure before refining, and after."""


@dataclass(frozen=True)
class Figure:
    """How a figure is written.

    Attributes:
        name, unit: for people.
        digits: after the point.
        up_is_better: which way is good; None if nearer to 1 is.
        from_change: a smaller change than this is neither good nor bad.
    """

    name: str
    unit: str
    digits: int
    up_is_better: bool | None
    from_change: float

    def text(self, value: float | None) -> str:
        """The value; an infinite one has its sign, an unknown one is a dash."""
        if value is None:
            return "–"
        return "∞" if value == float("inf") else f"{value:.{self.digits}f}".replace("-", MINUS)

    def change(self, before: float | None, after: float | None) -> str:
        """The change, in green or red; empty if unknown."""
        if before is None or after is None:
            return ""
        by = 0.0 if before == after else after - before
        is_better = abs(after - 1) < abs(before - 1) if self.up_is_better is None else (by > 0) == self.up_is_better
        better = "same" if abs(by) < self.from_change else "up" if is_better else "down"
        sign = "+" if by >= 0 else ""
        return f'<span class="{better}">{sign}{self.text(by)}</span>'


FIGURES: Mapping[str, Figure] = {
    "psnr": Figure("PSNR", "dB", 2, True, 0.05),
    "ssim": Figure("SSIM", "", 3, True, 0.001),
    "flip": Figure("FLIP", "", 3, False, 0.001),
}
SHARPNESS = Figure("Sharpness", "×", 2, None, 0.01)
WARP_ERROR = Figure("Warp error", "/ 255", 2, False, 0.01)


def tiles(report: QualityReport) -> str:
    """The figures of the whole at one glance."""
    found = report.summary()
    shown: list[str] = []
    for name, figure in FIGURES.items():
        better = "higher is better" if figure.up_is_better else "lower is better"
        shown.append(_tile(figure, _number(found[name]), _number(found[f"refined_{name}"]), better))
    if report.photos:
        before = mean_of(photo.sharpness for photo in report.photos)
        after = mean_of(photo.refined_sharpness for photo in report.photos)
        shown.append(_tile(SHARPNESS, before, after, "the photos' fine detail; 1 is equal"))
    if report.gaps:
        first = report.gaps[0]
        after = None if first.refined_warp_error is None else LEVELS * first.refined_warp_error
        shown.append(
            _tile(WARP_ERROR, LEVELS * first.warp_error, after, "flicker from frame to frame; lower is better")
        )
    return f'<dl class="tiles">{"".join(shown)}</dl>' if any(shown) else ""


def _tile(figure: Figure, before: float | None, after: float | None, better: str) -> str:
    if before is None:
        return ""
    value = f"{figure.text(before if after is None else after)} <small>{figure.unit}</small>"
    was = "" if after is None else f"was {figure.text(before)}, {figure.change(before, after)}<br>"
    more = f'<dd class="more">{was}{better}</dd>'
    return f'<div class="tile"><dt>{figure.name}</dt><dd class="value">{value}</dd>{more}</div>'


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def photo_table(report: QualityReport) -> str:
    """Scores of each held-out photo, before and after, with the worst marked, and their means."""
    heads = ["Photo", *(f"{figure.name}{f', {figure.unit}' if figure.unit else ''}" for figure in FIGURES.values())]
    head = "".join(f'<th scope="col">{text}</th>' for text in [*heads, SHARPNESS.name])
    rows = [_photo_row(index, photo, photo is report.worst) for index, photo in enumerate(report.photos)]
    foot = ""
    if len(rows) > 1:
        all_cells = [_pairs(photo) for photo in report.photos]
        means = [
            (mean_of(b for b, _ in column), mean_of(a for _, a in column)) for column in zip(*all_cells, strict=True)
        ]
        foot = f'<tfoot><tr><th scope="row">Mean</th>{_cells(means)}</tr></tfoot>'
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Scores"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody>{foot}</table></div>"
    )


def _photo_row(index: int, photo: PhotoResult, is_worst: bool) -> str:
    badge = '<span class="badge">worst</span>' if is_worst else ""
    name = f'<a href="#photo-{index}">{escape(photo.name)}</a>{badge}'
    mark = ' class="worst"' if is_worst else ""
    return f'<tr{mark}><th scope="row">{name}</th>{_cells(_pairs(photo))}</tr>'


def _pairs(photo: PhotoResult) -> list[BeforeAfter]:
    """Each figure before and after, in the order of the columns."""
    after = photo.refined
    pairs = [(getattr(photo.render, name), None if after is None else getattr(after, name)) for name in FIGURES]
    return [*pairs, (photo.sharpness, photo.refined_sharpness)]


def _cells(pairs: Sequence[BeforeAfter]) -> str:
    cells: list[str] = []
    for figure, (before, after) in zip([*FIGURES.values(), SHARPNESS], pairs, strict=True):
        was = "" if after is None else f" {figure.change(before, after)}<small>was {figure.text(before)}</small>"
        cells.append(f"<td>{figure.text(before if after is None else after)}{was}</td>")
    return "".join(cells)


def words(said: Mapping[str, object]) -> str:
    """A table of names and what is said of them; mappings within are written out."""
    rows = [f'<tr><th scope="row">{escape(str(name))}</th><td>{_said(value)}</td></tr>' for name, value in said.items()]
    return f'<table class="words"><tbody>{"".join(rows)}</tbody></table>' if rows else ""


def _said(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{escape(str(name))} {_said(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_said(item) for item in value)
    return escape(f"{value:.4g}" if isinstance(value, float) else str(value))
