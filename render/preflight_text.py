"""What `flythrough preflight` says on the screen."""

from pathlib import Path
from typing import TYPE_CHECKING

from cameras.preflight import Preflight
from cameras.preflight_rules import RULE_OF

from .preflight_run import Checked

if TYPE_CHECKING:
    from rich.table import Table

_NOTHING = 5e-4


def print_checked(checked: Checked, path: Path) -> None:
    """A table of the rules, and what was repaired."""
    from rich.console import Console

    console = Console(highlight=False)
    if checked.before is not None:
        console.print(_table(checked.before, f"{path}"))
        console.print("\n".join(f"Repaired: {sentence}" for sentence in checked.repairs), markup=False)
        console.print(_table(checked.found, f"{checked.output}"))
    else:
        console.print(_table(checked.found, f"{path}"))
    for name, why in checked.found.not_measured.items():
        console.print(f"Not measured: {name}, since {why}.", markup=False)
    for what, file in checked.files.items():
        console.print(f"Written: {file} ({'the repaired path' if what == 'output' else what})", markup=False)
    console.print(f"The scale is {checked.scale}.", markup=False)
    broken = checked.found.broken
    for name in broken:
        console.print(f"{name} is the {RULE_OF[name].what}.", markup=False)
    verdict = f"Broken: {', '.join(broken)}." if broken else "Every limit is kept."
    console.print(verdict, style="bold red" if broken else "bold green", markup=False)


def _table(found: Preflight, title: str) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for heading in ("rule", "worst", "limit", "", "at", "frame", "shot"):
        table.add_column(heading, justify="right" if heading in ("worst", "limit", "at", "frame") else "left")
    for name, track in found.tracks.items():
        rule, (value, time) = track.rule, track.worst
        is_broken = name in found.broken
        bound = f"{'>=' if rule.is_least else '<='} {track.limit * rule.shown:.3g} {rule.unit}"
        table.add_row(
            Text(name),
            f"{_number(value * rule.shown)} {rule.unit}",
            bound,
            Text("BROKEN", style="bold red") if is_broken else Text("ok", style="green"),
            f"{time:.2f} s",
            str(found.frame_at(time)),
            Text(found.shot_at(time)),
        )
    return table


def _number(value: float) -> str:
    return "0" if abs(value) < _NOTHING else f"{value:.3g}"
