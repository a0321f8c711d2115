"""``flythrough tour``: photos in, film out."""

from pathlib import Path
from typing import Any

import click

from ..cli import Session
from .options import (
    backend_option,
    film_options,
    fit_options,
    job_option,
    path_type,
    progress_option,
    refine_choice,
    refine_options,
    seconds_option,
    seed_option,
)


@click.command("tour")
@click.argument("source", metavar="INPUT", type=path_type)
@click.option("-o", "--output", type=path_type, required=True, help="The film, for example tour.mp4.")
@film_options
@seconds_option
@fit_options
@refine_options
@seed_option
@backend_option
@job_option
@click.option("--force", default=None, metavar="STAGE", help="Do this stage and those after it again.")
@progress_option
@click.pass_obj
def command(
    session: Session,
    source: Path,
    output: Path,
    size: str,
    fps: str,
    seconds: float,
    codec: str | None,
    job: Path | None,
    force: str | None,
    progress: str,
    **rest: Any,
) -> None:
    """Makes a fly-through film of INPUT: a folder of photos, a video, or a posed data set.

    Interrupt it at any moment; the same command continues where it was.
    """
    from ..progress_sinks import open_progress
    from ..requests import FitRequest, TourRequest
    from ..tour import make_tour

    with open_progress(progress) as shown:
        refine = refine_choice(rest)
        request = TourRequest(source, output, size, fps, seconds, codec, job, force, FitRequest(**rest), refine)
        make_tour(request, shown, session)
