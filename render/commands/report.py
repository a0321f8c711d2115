"""``flythrough report``: how good a finished tour is, as a page to look at."""

import json
import sys
from pathlib import Path

import click

from .options import backend_option, path_type, progress_option


@click.command("report")
@click.argument("job", metavar="JOB", type=path_type)
@click.option("-o", "--output", type=path_type, default=None, help="The page, a .html; JOB.report.html unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print every figure as one JSON object.")
@backend_option
@progress_option
def command(job: Path, output: Path | None, as_json: bool, backend: str, progress: str) -> None:
    """Measures the finished tour in the job folder JOB and writes a page about it.

    The page shows held-out photos beside what was made of them, and how steady the film is. JOB gets the same figures
    as quality.json.
    """
    from ..progress import Progress
    from ..progress_sinks import PlainSink, jsonable, open_progress
    from ..report_run import ReportRequest, run_report

    # Standard output is for the one object alone.
    shown = Progress(PlainSink(sys.stderr, sys.stderr)) if as_json else open_progress(progress)
    asked = ReportRequest(job, output, backend)
    with shown:
        with shown.stage("report"):
            found = run_report(asked, shown)
        if not as_json:
            places = {"page": str(asked.page), "figures": str(job / "quality.json")}
            shown.done({**places, **found.summary()}, [f"Report: {asked.page}", f"Figures: {places['figures']}"])
    if as_json:
        click.echo(json.dumps(jsonable(found.to_json()), indent=1))
