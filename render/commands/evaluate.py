"""``flythrough evaluate``: how good a reconstruction is, on photos that it never saw."""

import json
import sys
from typing import Any

import click

from .options import backend_option, path_type, progress_option, quality_option, refine_poses_option, seed_option


@click.command("evaluate")
@click.argument("source", metavar="CAPTURE", type=path_type)
@click.option("--hold-out", type=int, default=None, help="Score every N-th photo; the data set's own split, or 8.")
@click.option("--iterations", type=int, default=None, help="Steps of fitting; the quality's own unless given.")
@click.option("--photo-passes", type=float, default=None, help="Pixels to fit, in photos; instead of --iterations.")
@click.option("--max-gaussians", type=int, default=None, help="The most Gaussians; memory and time follow it.")
@click.option("--long-side", type=int, default=1000, show_default=True, help="Larger photos are reduced to it.")
@refine_poses_option
@quality_option
@seed_option
@backend_option
@click.option(
    "--walk", type=path_type, default=None, help="Posed frames to score as well: a transforms.json, or its folder."
)
@click.option("--geometry", type=path_type, default=None, help="True mesh (PLY) in the world of the walk.")
@click.option("--true-cameras", type=path_type, default=None, help="The photos' true cameras in the world of the walk.")
@click.option("--pictures", type=path_type, default=None, help="Folder for photo, render and error side by side.")
@click.option("--job", "--workdir", "job", type=path_type, default=None, help="Folder that keeps poses and the fit.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@progress_option
def command(as_json: bool, progress: str, **options: Any) -> None:
    """Fits CAPTURE without some of its photos and scores the result on them.

    CAPTURE is anything that ``tour`` takes. Prints PSNR, SSIM and FLIP; nothing is fitted on photos that are scored.

    With a walk whose true depth is known (depth_z.npz beside it, depth images, or --geometry) it also prints floaters,
    holes and the share of depths within 3 %. --true-cameras joins the walk to a CAPTURE whose poses were solved.
    """
    from ..evaluation_run import EvaluationRequest, run_evaluation
    from ..progress import Progress
    from ..progress_sinks import PlainSink, jsonable, open_progress

    # Standard output is for the one object alone.
    shown = Progress(PlainSink(sys.stderr, sys.stderr)) if as_json else open_progress(progress)
    with shown:
        found = run_evaluation(EvaluationRequest(**options), shown)
    if as_json:
        click.echo(json.dumps(jsonable(found), indent=1))
    else:
        _print_table(found)


def _print_table(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for title, rows in (("Held-out photos", found["per_image"]), ("Walk", found.get("walk_per_frame"))):
        if not rows:
            continue
        table = Table(title=title, title_justify="left")
        for heading in ("photo", "PSNR dB", "SSIM", "FLIP"):
            table.add_column(heading, justify="left" if heading == "photo" else "right")
        prefix = "walk_" if title == "Walk" else ""
        mean = {"name": "mean", **{key: found[f"{prefix}{key}"] for key in ("psnr", "ssim", "flip")}}
        for row in sorted(rows, key=lambda row: row["psnr"]):
            table.add_row(*_cells(row))
        table.add_section()
        table.add_row(*_cells(mean))
        console.print(table)
    if "floaters" in found:
        console.print(
            f"Geometry of the walk: floaters {found['floaters']:.2%}, holes {found['holes']:.2%}, "
            f"depth within 3 % on {found['depth_within_3_percent']:.1%} of pixels"
        )
    console.print(
        f"{found['n_train']} photos fitted, {found['n_test']} scored at {found['width']}x{found['height']}; "
        f"{found['n_gaussians']:,} Gaussians, {found['iterations']:,} steps, "
        f"{found['photo_passes']:,.0f} photo passes, {found['fit_seconds']:.0f} s"
    )


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return row["name"], f"{row['psnr']:.2f}", f"{row['ssim']:.4f}", f"{row['flip']:.4f}"
