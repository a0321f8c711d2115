"""``flythrough render``: a scene and a path in, a film out."""

from pathlib import Path
from typing import Any

import click

from ..cli import Session
from .options import backend_option, film_options, job_option, path_type, progress_option


@click.command("render")
@click.argument("scene", metavar="SCENE", type=path_type)
@click.option("--path", "path_file", type=path_type, required=True, help="The camera path, as `plan` writes it.")
@click.option("--shot", default=None, help="Only this shot of the path, by name or number.")
@click.option("-o", "--output", type=path_type, required=True, help="The film, for example tour.mp4.")
@click.option(
    "--refine",
    type=click.Choice(["auto", "on", "off"]),
    default="auto",
    show_default=True,
    help="With the refiner that the job's tour prepared; auto: if there is one.",
)
@film_options
@backend_option
@job_option
@progress_option
@click.pass_obj
def command(
    session: Session, scene: Path, path_file: Path, output: Path, job: Path | None, progress: str, **options: Any
) -> None:
    """Renders SCENE, a job folder, a splat file or a mesh, along a camera path into a film."""
    from ..alone import Places, RenderRequest, run_render
    from ..progress_sinks import open_progress

    with open_progress(progress) as shown:
        run_render(Places(scene, output, job), RenderRequest(path_file, **options), shown, session)
