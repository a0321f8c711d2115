"""The held-out photos of a quality page: scores, and a slider between render, refined picture and photo."""

from collections.abc import Callable, Sequence
from html import escape

from .evaluation_pictures import ERROR_RAMP
from .quality_page_tables import FIGURES, photo_table
from .quality_report import QualityReport
from .quality_results import PhotoResult

SHOWN_AS = {"render": "Render", "refined": "Refined", "photo": "Photo"}
ARROWS = "\N{LEFT RIGHT ARROW}"
PAIRS = (("refined", "photo"), ("render", "refined"), ("render", "photo"))


def photos_section(report: QualityReport, source: Callable[[str], str]) -> str:
    """Scores and pictures, or why there are none."""
    if not report.photos:
        why = report.no_photos_because or "No photo was held out."
        return f"<section><h2>Held-out photos</h2><p>{escape(why)}</p></section>"
    worst = report.worst
    count = len(report.photos)
    told = (
        f"{count} photo{'s were' if count > 1 else ' was'} kept out of everything that was fitted; the figures say how "
        "near the scene comes to them. Where exposure differs from photo to photo, that difference counts too."
    )
    figures = [_figure(index, photo, photo is worst, source) for index, photo in enumerate(report.photos)]
    return f"<section><h2>Held-out photos</h2><p>{told}</p>{photo_table(report)}{''.join(figures)}</section>"


def _figure(index: int, photo: PhotoResult, is_worst: bool, source: Callable[[str], str]) -> str:
    pairs = [pair for pair in PAIRS if all(kind in photo.pictures for kind in pair)]
    if not pairs:
        return ""
    left, right = pairs[0]
    images = [
        f'<img class="{kind}" src="{source(photo.pictures[kind])}" alt="{text} of {escape(photo.name)}">'
        for kind, text in SHOWN_AS.items()
        if kind in photo.pictures
    ]
    badge = '<span class="badge">worst</span>' if is_worst else ""
    scores = photo.refined or photo.render
    said = ", ".join(f"{f.name} {f.text(getattr(scores, name))} {f.unit}".strip() for name, f in FIGURES.items())
    width, height = photo.width, photo.height
    return (
        f'<figure class="compare" id="photo-{index}"><figcaption><b>{escape(photo.name)}</b>{badge}'
        f'<span class="soft">{said}</span></figcaption>{_choices(index, pairs)}'
        f'<div class="stage" data-left="{left}" data-right="{right}" style="aspect-ratio: {width} / {height}">'
        f'{"".join(images)}<span class="tag left">{SHOWN_AS[left]}</span>'
        f'<span class="tag right">{SHOWN_AS[right]}</span><span class="knob" aria-hidden="true">{ARROWS}</span>'
        f'<input type="range" min="0" max="100" value="50" aria-label="How much of each picture of '
        f'{escape(photo.name)} is shown"></div>{_error_maps(photo, source)}</figure>'
    )


def _choices(index: int, pairs: Sequence[tuple[str, str]]) -> str:
    if len(pairs) < 2:
        return ""
    labels: list[str] = []
    for number, (left, right) in enumerate(pairs):
        tags = f"{SHOWN_AS[left]}|{SHOWN_AS[right]}"
        checked = " checked" if number == 0 else ""
        labels.append(
            f'<label><input type="radio" name="pair-{index}" value="{left} {right}" data-tags="{tags}"{checked}>'
            f"{SHOWN_AS[left]} and {SHOWN_AS[right].lower()}</label>"
        )
    return f'<fieldset aria-label="Which pictures">{"".join(labels)}</fieldset>'


def _error_maps(photo: PhotoResult, source: Callable[[str], str]) -> str:
    shown = [
        (kind, text) for kind, text in (("error", "Render"), ("refined_error", "Refined")) if kind in photo.pictures
    ]
    if not shown:
        return ""
    maps = [
        f'<div><img loading="lazy" src="{source(photo.pictures[kind])}" alt="Error of the {text.lower()} picture">'
        f'<p class="soft">{text} against photo</p></div>'
        for kind, text in shown
    ]
    stops = ", ".join(f"rgb({r} {g} {b})" for r, g, b in ERROR_RAMP)
    legend = (
        f'<div class="ramp" style="background: linear-gradient(90deg, {stops})"></div>'
        '<div class="ends"><span>no visible difference</span><span>greatest</span></div>'
    )
    return (
        f'<details><summary>Where they differ (FLIP)</summary><div class="maps">{"".join(maps)}</div>{legend}</details>'
    )
