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
@click.option("--planner", is_flag=True, help="The planner of tours instead of the engine.")
@click.option("--seeds", type=int, default=None, help="With --planner: how many rooms with a door; 100 unless given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@progress_option
def command(
    name: str | None,
    gaussians: int | None,
    size: str | None,
    scene_file: Path | None,
    threads: int | None,
    planner: bool,
    seeds: int | None,
    as_json: bool,
    progress: str,
) -> None:
    """Measures drawing, steps of a fit and frames of a film. Let the machine do nothing else meanwhile."""
    from ..bench import DEFAULT_CASES, run_bench
    from ..bench_cases import check_threads, choose_cases
    from ..bench_planner import run_planner_bench
    from ..job import versions
    from ..progress import Progress
    from ..progress_sinks import PlainSink, jsonable, open_progress

    cases = choose_cases(DEFAULT_CASES, name, gaussians, size)
    check_threads(threads)
    of_engine = {"case": name, "gaussians": gaussians, "size": size, "scene": scene_file, "threads": threads}
    _check_planner(planner, seeds, of_engine)
    # Standard output is for the one object alone.
    shown = Progress(PlainSink(sys.stderr, sys.stderr)) if as_json else open_progress(progress)
    with shown, shown.stage("bench"):
        if planner:
            found = run_planner_bench(100 if seeds is None else seeds, report=shown)
        else:
            found = run_bench(cases, scene_file, threads=threads, report=shown)
    if as_json:
        click.echo(json.dumps(jsonable({**found, "versions": versions()}), indent=1))
    elif planner:
        _print_planner(found)
    else:
        _print_table(found)


def _check_planner(planner: bool, seeds: int | None, of_engine: dict[str, object]) -> None:
    """Raises SettingsError if options of the one bench are given with the other."""
    from cameras.errors import SettingsError

    from ..bench_planner import check_seeds

    given = [option for option, value in of_engine.items() if value is not None]
    if planner and given:
        raise SettingsError(f"--planner measures the planner, but --{given[0]} is of the engine; leave one out.")
    if seeds is not None:
        if not planner:
            raise SettingsError("--seeds is the number of tours of --planner, which was not given; add it.")
        check_seeds(seeds)


def _print_planner(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    door, growth = found["door"], found["growth"]
    table = Table(title="Tours of 60 s in one room", title_justify="left")
    for heading in ("floor m2", "free m3", "free cubes", "survey CPU s", "wall s", "plan CPU s", "wall s"):
        table.add_column(heading, justify="right")
    for row in growth["rooms"]:
        numbers = (f"{row['floor_m2']:.0f}", f"{row['free_m3']:.1f}", f"{row['free_cubes']:,}")
        names = ("survey_cpu_s", "survey_wall_s", "plan_cpu_s", "plan_wall_s")
        table.add_row(*numbers, *(f"{row[name]:.2f}" for name in names))
    console = Console(highlight=False)
    console.print(table)
    if "exponents" in growth:
        powers = growth["exponents"]
        console.print(
            "Processor time grows as the free volume to the power of "
            f"{powers['both']:.2f} (survey {powers['survey']:.2f}, plan {powers['plan']:.2f})."
        )
    console.print(f"Two rooms and a door: {door['seeds']} tours, {len(door['failures'])} failures")
    if "smallest_clearance_m" in door:
        console.print(
            f"Smallest clearance {door['smallest_clearance_m']:.3f} m; to plan {door['median_plan_cpu_s']:.1f} CPU s "
            f"in the median ({door['median_plan_wall_s']:.1f} s by the clock), {door['most_plan_cpu_s']:.1f} at most"
        )
    for failure in door["failures"]:
        console.print(f"Seed {failure['seed']}: {failure['failure']}", markup=False)


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
