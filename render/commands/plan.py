"""``flythrough plan``: a capture in, a camera path out."""

from pathlib import Path

import click

from ..cli import Session
from .options import job_option, path_type, progress_option, seconds_option, seed_option, size_option


@click.command("plan")
@click.argument("source", metavar="CAPTURE", type=path_type)
@click.option("-o", "--output", type=path_type, required=True, help="The path file, for example path.json.")
@seconds_option
@size_option
@seed_option
@job_option
@progress_option
@click.pass_obj
def command(
    session: Session,
    source: Path,
    output: Path,
    seconds: float,
    size: str,
    seed: int,
    job: Path | None,
    progress: str,
) -> None:
    """Plans a camera path through CAPTURE: a capture folder, a job folder, or anything that ``tour`` takes."""
    from ..alone import Places, run_plan
    from ..progress_sinks import open_progress

    with open_progress(progress) as shown:
        run_plan(Places(source, output, job), seconds, size, seed, shown, session)
