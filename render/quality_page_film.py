"""The film's steadiness on a quality page: figures by gap, and curves over its frames."""

from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby

from .quality_curves import Curve, Point, chart
from .quality_page_tables import LEVELS
from .quality_report import QualityReport
from .quality_results import FrameResult, GapResult


def film_section(report: QualityReport) -> str:
    """Figures and curves; empty if the film was not measured."""
    if not report.gaps:
        return ""
    told = (
        "Each surface point of a frame is looked up in a later frame, along the exact depth and camera; what differs "
        "there is flicker. Points that are hidden, on an edge or not solid are left out. Blur would lower these "
        "figures too, so read them beside the sharpness."
    )
    curves = film_curves(report.frames)
    charts = f'<div class="charts">{"".join(curves)}</div>' if any(curves) else ""
    note = f'<p class="soft">{escape(report.film_note)}</p>' if report.film_note else ""
    return f"<section><h2>Steadiness of the film</h2><p>{told}</p>{_gap_table(report)}{charts}{note}</section>"


def _gap_table(report: QualityReport) -> str:
    is_refined = report.refiner is not None
    heads = ["Between frames", "Warp error", *(("after", "ratio", "excess ratio") if is_refined else ()), "Compared"]
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    rows = "".join(_gap_row(gap, is_refined) for gap in report.gaps)
    unit = "Warp error: RMS difference in levels of 255."
    if is_refined:
        unit += (
            " Ratio: squared, after over before. Excess ratio: the flicker that is left of what refining each frame "
            "alone would add; 0 is none, 1 is all of it."
        )
    return (
        f'<p class="soft">{unit}</p><div class="scroll" tabindex="0" role="region" aria-label="Steadiness"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _gap_row(gap: GapResult, is_refined: bool) -> str:
    cells = [_levels(gap.warp_error)]
    if is_refined:
        cells += [_levels(gap.refined_warp_error), _plain(gap.ratio), _plain(gap.excess_ratio)]
    cells.append(f"{gap.compared:.0%} of pixels")
    name = "one apart" if gap.gap == 1 else f"{gap.gap} apart"
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _levels(value: float | None) -> str:
    return "–" if value is None else f"{LEVELS * value:.2f}"


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def film_curves(frames: Sequence[FrameResult]) -> list[str]:
    """Charts of the warp error, of what refining changed, and of how much of it was kept."""
    return [
        chart(
            "Warp error from frame to frame",
            "RMS, in levels of 255",
            [
                Curve("render", "before", _runs(frames, lambda frame: _scaled(frame.warp_error, LEVELS))),
                Curve("refined", "after", _runs(frames, lambda frame: _scaled(frame.refined_warp_error, LEVELS))),
            ],
        ),
        chart(
            "What refining touched",
            "percent of the pixels",
            [
                Curve("changed", "after", _runs(frames, lambda frame: _scaled(frame.changed, 100))),
                Curve("made up by the model", "before", _runs(frames, lambda frame: _scaled(frame.generated, 100))),
            ],
        ),
        chart(
            "Gain",
            "share of the proposed change that was kept",
            [Curve("gain", "after", _runs(frames, lambda frame: frame.gain))],
        ),
    ]


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else by * value


def _runs(frames: Sequence[FrameResult], value: Callable[[FrameResult], float | None]) -> list[list[Point]]:
    """(seconds, value) of the frames of each run where the value is known; empty for a run without any."""
    found: list[list[Point]] = []
    for _, run in groupby(frames, key=lambda frame: frame.run):
        known = [(frame.time_s, value(frame)) for frame in run]
        found.append([(time, each) for time, each in known if each is not None])
    return found
