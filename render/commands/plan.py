"""``flythrough plan``: a scene in, a camera path out."""

from pathlib import Path
from typing import Any

import click

from .options import path_type, plan_options, progress_option, seed_option, size_option


@click.command("plan")
@click.argument("source", metavar="SCENE", type=path_type)
@click.option(
    "-o",
    "--output",
    type=path_type,
    required=True,
    help="The path, for example path.json; or path.yaml, a list of shots to edit and plan again with --shots.",
)
@click.option("--tour", is_flag=True, help="An automatic tour; the default.")
@click.option("--shots", type=path_type, default=None, help="Fly the shots of this file, for example shots.yaml.")
@click.option("--capture", type=path_type, default=None, help="The capture folder of a splat file.")
@click.option("--seconds", type=float, default=None, help="Exact length of the film; 30 unless given.")
@plan_options
@size_option
@seed_option
@progress_option
def command(source: Path, output: Path, progress: str, **options: Any) -> None:
    """Plans a camera path through SCENE: a job folder, a splat file or a mesh."""
    from ..plan_run import PlanRequest, run_plan
    from ..progress_sinks import open_progress

    with open_progress(progress) as shown:
        run_plan(source, output, PlanRequest(**options), shown)
