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
@click.option("--train-every", type=int, default=1, show_default=True, help="Fit only every K-th of the other photos.")
@click.option("--refine", default=None, metavar="NAME", help="A refiner to measure: embedded, warp, identity, ...")
@click.option("--refine-model", default=None, help="Folder or hub id of the model, for refiners that take one.")
@click.option("--refine-minutes", type=float, default=3.0, show_default=True, help="For learning the scene's photos.")
@click.option("--controls/--no-controls", default=True, help="Measure warp and a longer fit beside the refiner.")
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
        print_table(found)


def print_table(found: dict[str, Any]) -> None:
    """What an evaluation found, as tables for people."""
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
    if "refined_psnr" in found:
        _print_refined(console, found)
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


def _print_refined(console: Any, found: dict[str, Any]) -> None:
    from rich.table import Table

    rows = {
        "render": found,
        found["refiner"]: {key[8:]: value for key, value in found.items() if key[:8] == "refined_"},
    }
    table = Table(title="Refined", title_justify="left")
    for heading in ("held-out photos", "PSNR dB", "SSIM", "FLIP"):
        table.add_column(heading, justify="left" if heading == "held-out photos" else "right")
    for name, row in (rows | found["controls"]).items():
        table.add_row(*_cells({"name": name.replace("_", " "), **row}))
    console.print(table)
    console.print(
        f"{found['share_frames_worse']:.0%} of the photos got worse, worst step {found['worst_step_db']:+.2f} dB; "
        f"sharpness {found['sharpness_ratio']:.2f} of the photos' (render {found['sharpness_ratio_render']:.2f}); "
        f"prepared in {found['adapt_seconds']:.0f} s, {found['seconds_per_frame']:.2f} s a frame"
    )
    if found["warp_error_ratio"] is not None:
        excess = found.get("warp_excess_ratio")
        console.print(
            f"Warp error {found['warp_error_ratio']:.3f} of the unrefined film's"
            + (f", {excess:.2f} of the excess of refining frame by frame" if excess is not None else "")
        )


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return row["name"], f"{row['psnr']:.2f}", f"{row['ssim']:.4f}", f"{row['flip']:.4f}"
