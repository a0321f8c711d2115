"""``flythrough capture``: photos in, a folder of posed images out."""

from pathlib import Path

import click

from ..cli import Session
from .options import job_option, path_type, progress_option, quality_option, seed_option


@click.command("capture")
@click.argument("source", metavar="INPUT", type=path_type)
@click.option("-o", "--output", type=path_type, required=True, help="The folder that is made.")
@quality_option
@seed_option
@job_option
@progress_option
@click.pass_obj
def command(
    session: Session, source: Path, output: Path, quality: str, seed: int, job: Path | None, progress: str
) -> None:
    """Finds the cameras of INPUT and writes a folder that nerfstudio and COLMAP tools open.

    The folder holds images/, transforms.json and sparse/.
    """
    from ..alone import Places, run_capture
    from ..progress_sinks import open_progress

    with open_progress(progress) as shown:
        run_capture(Places(source, output, job), quality, seed, shown, session)
