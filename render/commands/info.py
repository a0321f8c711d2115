"""``flythrough info``: what a file or a folder is."""

import json
from collections.abc import Mapping
from pathlib import Path

import click

from .options import path_type


@click.command("info")
@click.argument("file", metavar="FILE", type=path_type)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(file: Path, as_json: bool) -> None:
    """Says what FILE is: photos, a video, a data set, a capture, a splat, a mesh, a camera path, a job."""
    from ..inspection import inspect
    from ..progress_sinks import jsonable

    facts = inspect(file)
    if as_json:
        click.echo(json.dumps(jsonable(facts), indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, title=str(file), title_justify="left")
    for name, value in rows(facts):
        table.add_row(name.replace("_", " "), Text(value))
    Console(highlight=False).print(table)


def rows(facts: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    """Names and values for people; an object in an object becomes rows of its own."""
    found: list[tuple[str, str]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            found += rows({str(key): item for key, item in value.items()}, f"{prefix}{name}: ")
        elif isinstance(value, list | tuple):
            found.append((prefix + name, ", ".join(short(item) for item in value) or "none"))
        else:
            found.append((prefix + name, short(value)))
    return found


def short(value: object) -> str:
    """A number with few digits, anything else as it is."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
