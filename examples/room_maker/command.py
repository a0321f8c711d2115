"""The command line of the makers."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cameras.errors import FlythroughError

Plan = TypeVar("Plan")


def run(
    make: Callable[..., bool],
    standard: Plan,
    draft: Plan,
    *,
    out: str,
    description: str,
    seed_help: str,
    add_options: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> None:
    """Reads the options, makes the folder, and says whether it is whole.

    Args:
        make: takes the folder, the seed, the plan, the minutes and further options by name, and returns whether
            nothing is left to do.
        standard, draft: plans of a set.
        out: the folder unless another is named.
        add_options: adds the further options.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=0, help=seed_help)
    parser.add_argument("-o", "--out", type=Path, default=Path(out), help="folder to make")
    parser.add_argument("--draft", action="store_true", help="fewer and smaller pictures")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this time; run again to go on")
    add_options(parser)
    options = vars(parser.parse_args())
    folder, seed, minutes = options.pop("out"), options.pop("seed"), options.pop("minutes")
    plan = draft if options.pop("draft") else standard
    if seed < 0:
        parser.error(f"--seed wants a whole number from 0 up, got {seed}")
    try:
        whole = make(folder, seed, plan, minutes, **options)
    except FlythroughError as error:
        parser.error(str(error))
    print(f"{folder}: {'complete' if whole else 'not complete yet: run the same command again'}")
