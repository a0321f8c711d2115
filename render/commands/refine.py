"""``flythrough refine``: what there is to refine with, and how the weights in the package are made."""

from pathlib import Path

import click

from .options import path_type, progress_option, seed_option


@click.group("refine")
def command() -> None:
    """The models that make rendered frames look like photographs."""


@command.command("train-base")
@click.argument("rooms", metavar="ROOM...", nargs=-1, required=True, type=path_type)
@click.option("--work", type=path_type, required=True, help="Folder that keeps samples and the checkpoint.")
@click.option("-o", "--output", type=path_type, required=True, help="The weights, a .safetensors file.")
@click.option("--steps", type=click.IntRange(1), default=None, help="Of training, in all.")
@click.option("--minutes", type=float, default=60.0, show_default=True, help="Stop after; run again to go on.")
@click.option("--start", type=path_type, default=None, help="Weights to go on from.")
@seed_option
@progress_option
def train_base_command(
    rooms: tuple[Path, ...],
    work: Path,
    output: Path,
    steps: int | None,
    minutes: float,
    start: Path | None,
    seed: int,
    progress: str,
) -> None:
    """Trains the base weights of the embedded refiner on ROOMs made by examples/make_room.py --draft.

    Interrupt it at any moment, or let the minutes end; the same command goes on. A model card is written beside the
    weights.
    """
    from ..progress_sinks import open_progress
    from ..refine.bridge_training import TrainingSettings
    from ..refine.train_base import STEPS, BaseWish, check_rooms, train_base

    check_rooms(rooms)
    wish = BaseWish(rooms, work, output, TrainingSettings(steps or STEPS), seed, minutes, start)
    with open_progress(progress) as shown:
        with shown.stage("train"):
            figures = train_base(wish, shown)
        whole = figures["steps"] == figures["of"]
        text = f"{output} is written" if whole else "not done yet: run the same command again"
        shown.done(figures, [f"{figures['steps']} of {figures['of']} steps; {text}."])
