"""``flythrough path``: camera paths to and from other tools."""

from pathlib import Path

import click

from cameras.formats import FORMATS

from .options import path_type


@click.group("path")
def command() -> None:
    """Works on camera paths."""


@command.command("convert", epilog="Formats: " + "; ".join(f"{name}: {kind.what}" for name, kind in FORMATS.items()))
@click.argument("source", metavar="A", type=path_type)
@click.argument("output", metavar="B", type=path_type)
@click.option("--to", "to", type=click.Choice(list(FORMATS)), required=True, help="The format of B.")
@click.option(
    "--from", "given", type=click.Choice(list(FORMATS)), default=None, help="The format of A; told by its content."
)
@click.option("--fps", default=None, help="Frames a second of B; those of A, or 30, unless given.")
@click.option("--size", default=None, help="Image size of B, WIDTHxHEIGHT; that of A, or 1280x720, unless given.")
@click.option(
    "--dataparser", type=path_type, default=None, help="nerfstudio's dataparser_transforms.json; undone or applied."
)
def convert(
    source: Path, output: Path, to: str, given: str | None, fps: str | None, size: str | None, dataparser: Path | None
) -> None:
    """Writes the camera path in A as B, in another tool's format, and says what that format cannot carry."""
    from cameras.formats.convert import Wanted
    from cameras.formats.convert import convert as convert_file
    from cameras.formats.nerfstudio import read_dataparser_transforms

    from ..requests import check_exists, check_output_place, check_outside, parse_fps, parse_size

    check_exists(source)
    check_output_place(output)
    check_outside(output, source)
    wanted = Wanted(
        to,
        given,
        None if fps is None else parse_fps(fps),
        None if size is None else parse_size(size),
        None if dataparser is None else read_dataparser_transforms(dataparser),
    )
    done = convert_file(source, output, wanted)
    for item in done.not_read:
        click.echo(f"Warning: {source} has what a path cannot keep: {item}.", err=True)
    for item in done.not_written:
        click.echo(f"Warning: {output} does not carry {item}.", err=True)
    advice = FORMATS[to].advice.format(file=output)
    click.echo(f"Written: {output} ({done.seconds:g} s, from {done.given} to {to})" + (f"; {advice}" if advice else ""))
