"""A quality report as one page of HTML that needs no network; its pictures lie in it, or many in a folder beside it."""

import base64
import os
from collections.abc import Callable, Mapping
from html import escape
from importlib.resources import files
from pathlib import Path

from cameras.errors import SettingsError

from .quality_page_film import film_section
from .quality_page_photos import photos_section
from .quality_page_tables import tiles, words
from .quality_report import QualityReport

MARK = '<meta name="generator" content="flythrough quality report">'
EMBEDDED_BYTES = 4_000_000
"""Pictures of up to so many bytes together lie in the page itself."""


def write_page(report: QualityReport, pictures: Mapping[str, bytes], output: Path) -> Path | None:
    """Writes the page, whole or not at all; returns the folder of its pictures, None if they lie in the page.

    Args:
        pictures: JPEG files by the names that the report's photos use.
        output: the page; an earlier page is replaced, and so are its pictures in ``STEM_files`` beside it.

    Raises:
        SettingsError: if something else is in the place of the page or of its pictures.
    """
    check_page_place(output)
    folder = picture_folder(output)
    embedded = sum(len(data) for data in pictures.values()) <= EMBEDDED_BYTES
    if folder.is_dir():
        for old in folder.glob("*.jpg"):
            old.unlink()
    if not embedded:
        folder.mkdir(exist_ok=True)
        for name, data in pictures.items():
            (folder / name).write_bytes(data)
    elif folder.is_dir():
        folder.rmdir()

    def source(name: str) -> str:
        if not embedded:
            return f"{escape(folder.name)}/{escape(name)}"
        return f"data:image/jpeg;base64,{base64.b64encode(pictures[name]).decode()}"

    partial = output.with_name(f".{output.name}.partial")
    partial.write_text(page(report, source), encoding="utf-8")
    os.replace(partial, output)
    return None if embedded else folder


def picture_folder(output: Path) -> Path:
    """Where the pictures of a page go that are too many to lie in it."""
    return output.with_name(f"{output.stem}_files")


def check_page_place(output: Path) -> None:
    """Raises SettingsError unless a page can be written there without touching anything but an earlier page."""
    if output.exists() and MARK not in output.read_text(encoding="utf-8", errors="replace")[:1000]:
        raise SettingsError(
            f"the report should be written to {output}, but something else is there; move it away, or choose another "
            "name with -o."
        )
    folder = picture_folder(output)
    others = [folder] if folder.is_file() else []
    if folder.is_dir():
        others = [path for path in folder.iterdir() if path.suffix != ".jpg"]
    if others:
        raise SettingsError(
            f"the report's pictures may need the folder {folder}, but {others[0].name} is there; move it away, or "
            "choose another name with -o."
        )


def page(report: QualityReport, source: Callable[[str], str]) -> str:
    """The HTML.

    Args:
        source: the address of a picture by its name, safe in an attribute.
    """
    style, script = (files("render").joinpath(f"quality_page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    # The policy is a promise to the reader: whatever a name or a label holds, nothing is fetched.
    policy = "default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{MARK}
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quality of {escape(report.title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header>
<p class="kind">Quality report</p>
<h1>{escape(report.title)}</h1>
<p class="label">{escape(report.label)}</p>
</header>
{tiles(report)}
{photos_section(report, source)}
{film_section(report)}
{_refiner_section(report)}
<footer>
{words(report.facts)}
</footer>
</main>
<script>
{script}</script>
</body>
</html>
"""


def _refiner_section(report: QualityReport) -> str:
    """What refined the film, under which licence, how fast; and what else the same time would have brought."""
    refiner = report.refiner
    if refiner is None:
        return ""
    allowed = {True: "films for customers allowed", False: "not for films for customers", None: "use not stated"}
    said: dict[str, object] = {
        "Refiner": refiner.name,
        "Licence": f"{refiner.licence} ({allowed[refiner.commercial]})",
    }
    if refiner.seconds_per_frame is not None:
        said["Time per frame"] = f"{refiner.seconds_per_frame:.2f} s"
    if refiner.adapt_seconds is not None:
        said["Learning the photos"] = f"{refiner.adapt_seconds:.0f} s"
    said |= {str(name): value for name, value in refiner.provenance.items()}
    gains = f"<h3>What the guard let through</h3>{words(refiner.gains)}" if refiner.gains else ""
    controls = f"<h3>Other ways to spend the time</h3>{words(refiner.controls)}" if refiner.controls else ""
    return f"<section><h2>Refiner</h2>{words(said)}{gains}{controls}</section>"
