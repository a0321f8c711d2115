"""``flythrough preflight``: does a camera path keep every limit?"""

import json
import sys
from pathlib import Path
from typing import Any

import click

from .options import path_type, progress_option

BROKEN_EXIT_CODE = 3


@click.command("preflight")
@click.argument("source", metavar="SCENE", type=path_type)
@click.argument("path", metavar="PATH", type=path_type)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option("--picture", type=path_type, default=None, help="Draw what was found: a .png.")
@click.option("--limit", multiple=True, help="Another limit: NAME=VALUE, such as speed=0.8; again for more.")
@click.option("--fix", is_flag=True, help="Repair what can be repaired, in a new file.")
@click.option("-o", "--output", type=path_type, default=None, help="The repaired path; PATH's name with .fixed.json.")
@click.option("--capture", type=path_type, default=None, help="The capture folder of a splat file.")
@click.option("--fps", default=None, help="Frames a second; the path's own, or 30, unless given.")
@click.option("--size", default=None, help="Of the film in pixels; the path's own, or 1280x720, unless given.")
@click.option("--scale-from", default=None, help="A known distance: 'PHOTO x1,y1 x2,y2 2.03m'.")
@click.option("--camera-height", default=None, help="How high the photographer held the camera, such as 1.5m.")
@click.option("--units", default=None, help="Of the scene's numbers: mm, cm, m, in or ft.")
@click.option("--up", default=None, help="The axis that is up: +x, -x, +y, -y, +z or -z.")
@progress_option
@click.pass_context
def command(context: click.Context, source: Path, path: Path, as_json: bool, progress: str, **options: Any) -> None:
    """Measures the camera path in the file PATH in SCENE: a job folder, a splat file or a mesh.

    Exit code 3 says that a limit is broken.
    """
    from ..preflight_run import PreflightRequest, run_preflight
    from ..preflight_text import print_checked
    from ..progress import Progress
    from ..progress_sinks import PlainSink, jsonable, open_progress

    # Standard output is for the one object alone.
    shown = Progress(PlainSink(sys.stderr, sys.stderr)) if as_json else open_progress(progress)
    with shown, shown.stage("preflight"):
        checked = run_preflight(source, path, PreflightRequest(**options), shown)
    if as_json:
        click.echo(json.dumps(jsonable(checked.as_json()), indent=1))
    else:
        print_checked(checked, path)
    if not checked.found.passed:
        context.exit(BROKEN_EXIT_CODE)
