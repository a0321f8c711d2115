"""``flythrough fit``: a capture in, a splat scene out."""

from pathlib import Path
from typing import Any

import click

from ..cli import Session
from .options import backend_option, fit_options, job_option, path_type, progress_option, seed_option


@click.command("fit")
@click.argument("source", metavar="CAPTURE", type=path_type)
@click.option("-o", "--output", type=path_type, required=True, help="The scene, for example scene.ply.")
@fit_options
@seed_option
@backend_option
@job_option
@progress_option
@click.pass_obj
def command(session: Session, source: Path, output: Path, job: Path | None, progress: str, **options: Any) -> None:
    """Fits a splat scene to CAPTURE: a capture folder, a job folder, or anything that ``tour`` takes."""
    from ..alone import Places, run_fit
    from ..progress_sinks import open_progress
    from ..requests import FitRequest

    with open_progress(progress) as shown:
        run_fit(Places(source, output, job), FitRequest(**options), shown, session)
