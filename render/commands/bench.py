"""``flythrough bench``: how fast the CPU engine is on this machine, beside what the machine could do."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from .options import path_type, progress_option


@click.command("bench")
@click.option("--case", "name", default=None, help="forward, train_step or path_frame; all unless given.")
@click.option("--gaussians", type=int, default=None, help="How many; 50,000, 200,000 and 1,000,000 unless given.")
@click.option("--size", default=None, help="Of the picture in pixels, WIDTHxHEIGHT; several unless given.")
@click.option(
    "--scene",
    "scene_file",
    type=path_type,
    default=None,
    help="A splat .ply to draw; a stand-in made from examples/room if not.",
)
@click.option("--threads", type=int, default=None, help="All that there are unless given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@progress_option
def command(
    name: str | None,
    gaussians: int | None,
    size: str | None,
    scene_file: Path | None,
    threads: int | None,
    as_json: bool,
    progress: str,
) -> None:
    """Measures drawing, steps of a fit and frames of a film. Let the machine do nothing else meanwhile."""
    from ..bench import DEFAULT_CASES, run_bench
    from ..bench_cases import check_threads, choose_cases
    from ..job import versions
    from ..progress import Progress
    from ..progress_sinks import PlainSink, jsonable, open_progress

    cases = choose_cases(DEFAULT_CASES, name, gaussians, size)
    check_threads(threads)
    # Standard output is for the one object alone.
    shown = Progress(PlainSink(sys.stderr, sys.stderr)) if as_json else open_progress(progress)
    with shown, shown.stage("bench"):
        found = run_bench(cases, scene_file, threads=threads, report=shown)
    if as_json:
        click.echo(json.dumps(jsonable({**found, "versions": versions()}), indent=1))
    else:
        _print_table(found)


def _print_table(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Scene: {found['scene']}", title_justify="left")
    for heading in ("case", "Gaussians", "size", "ms", "per second", "share of peak", "memory MB"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    for row in found["cases"]:
        table.add_row(
            row["name"],
            f"{row['gaussians']:,}",
            f"{row['width']}x{row['height']}",
            f"{row['ms_median']:.1f}",
            f"{row['per_second']:.2f}",
            f"{100 * row['share_of_peak']:.0f} %",
            f"{row['peak_rss_mb']:,}",
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"This machine: {found['threads']} threads, {found['fma_peak_gflops']:,} Gflop/s of multiply-add, "
        f"{found['copy_gb_per_s']} GB/s of copying"
    )
