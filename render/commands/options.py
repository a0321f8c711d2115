"""Options that several commands share, spelled once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..progress_sinks import MODES
from ..refine.base import RefineChoice
from ..requests import BACKENDS, QUALITIES

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

path_type = click.Path(path_type=Path, readable=False)  # what cannot be read is named by who reads it
progress_option: Decorator = click.option(
    "--progress", type=click.Choice(MODES), default="auto", show_default=True, help="How progress is shown."
)
seed_option: Decorator = click.option("--seed", type=int, default=0, show_default=True, help="Of all randomness.")
job_option: Decorator = click.option(
    "--job", type=path_type, default=None, help="Folder for the work; beside the output unless given."
)
backend_option: Decorator = click.option(
    "--backend", type=click.Choice(BACKENDS), default="auto", show_default=True, help="What does the computing."
)
quality_option: Decorator = click.option(
    "--quality", type=click.Choice(QUALITIES), default="standard", show_default=True, help="Time against sharpness."
)
size_option: Decorator = click.option(
    "--size", default="1280x720", show_default=True, help="Of the film in pixels, WIDTHxHEIGHT."
)
fps_option: Decorator = click.option("--fps", default="30", show_default=True, help="Frames a second.")
seconds_option: Decorator = click.option(
    "--seconds", type=float, default=12.0, show_default=True, help="Length of the film."
)
codec_option: Decorator = click.option(
    "--codec", default=None, help="h264, h265, av1, prores or png; from the film's name unless given."
)
refine_poses_option: Decorator = click.option(
    "--refine-poses", is_flag=True, help="Let each photo's pose move a little while fitting; for poses that are rough."
)


def fit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of fitting a scene."""
    for option in (
        click.option("--max-gaussians", type=int, default=None, help="The most Gaussians; memory and time follow it."),
        click.option("--iterations", type=int, default=None, help="Steps of fitting; the quality's own unless given."),
        click.option("--engine", default="splats", show_default=True, help="What kind of scene is fitted."),
        refine_poses_option,
        quality_option,
    ):
        command = option(command)
    return command


def film_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of writing a film."""
    for option in (codec_option, fps_option, size_option):
        command = option(command)
    return command


def refine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of refining frames; ``refine_choice`` reads them."""
    for option in (
        click.option("--refine", default="auto", show_default=True, metavar="NAME",
                     help="embedded, warp, diffusers, svd, or off; auto refines from standard quality on."),
        click.option("--refine-model", default=None, help="Folder or hub id of a model, for diffusers and svd."),
        click.option("--refine-prompt", default="", help="Words for a model that takes them."),
        click.option("--refine-steps", type=int, default=None, help="Of the model for a frame."),
        click.option("--refine-strength", type=float, default=None, help="How far from the render it may go, to 1."),
        click.option("--refine-minutes", type=float, default=3.0, show_default=True,
                     help="For learning the scene's own photos; turned into steps."),
        click.option("--commercial", is_flag=True, help="Refuse models whose licence does not allow selling films."),
        click.option("--invent", is_flag=True, help="Let the model draw what no photo ever saw."),
    )[::-1]:  # fmt: skip
        command = option(command)
    return command


def refine_choice(options: dict[str, Any]) -> RefineChoice:
    """Takes the options of ``refine_options`` out of those of a command."""
    names = ("model", "prompt", "steps", "strength", "minutes")
    given = {name: options.pop(f"refine_{name}") for name in names}
    switches = {name: options.pop(name) for name in ("commercial", "invent")}
    return RefineChoice(options.pop("refine"), **given, **switches)


def plan_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of planning a tour."""
    for option in (
        click.option("--metres", type=float, default=None, help="About how far to fly, instead of --seconds."),
        click.option("--eye-height", default=None, help="Of the camera above the floor, such as 1.5m."),
        click.option("--drone", is_flag=True, help="Fly high: at two thirds of the rooms' height."),
        click.option("--start", default=None, help="Where to begin: x,y,z in metres."),
        click.option("--end", default=None, help="Where to end: x,y,z in metres."),
        click.option("--loop", is_flag=True, help="End where it begins, as it begins."),
        click.option("--visit", multiple=True, help="A place to fly through: name=x,y,z in metres; again for more."),
        click.option("--look-at", multiple=True, help="A thing to show: name=x,y,z in metres; again for more."),
        click.option("--stay-away", default="0.3m", show_default=True, help="Distance kept from everything."),
        click.option("--lens", type=float, default=None, help="Full-frame focal length in mm."),
        click.option("--scale-from", default=None, help="A known distance: 'PHOTO x1,y1 x2,y2 2.03m'."),
        click.option("--camera-height", default=None, help="How high the photographer held the camera, such as 1.5m."),
        click.option("--units", default=None, help="Of the scene's numbers: mm, cm, m, in or ft."),
        click.option("--up", default=None, help="The axis that is up: +x, -x, +y, -y, +z or -z."),
    )[::-1]:
        command = option(command)
    return command
