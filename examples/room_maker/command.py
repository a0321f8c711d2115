"""The command line of the makers."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Plan = TypeVar("Plan")


def run(
    make: Callable[[Path, int, Plan, float], bool],
    standard: Plan,
    draft: Plan,
    *,
    out: str,
    description: str,
    seed_help: str,
) -> None:
    """Reads the options, makes the folder, and says whether it is whole.

    Args:
        make: takes the folder, the seed, the plan and the minutes, and returns whether nothing is left to do.
        standard, draft: plans of a set.
        out: the folder unless another is named.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=0, help=seed_help)
    parser.add_argument("--out", type=Path, default=Path(out), help="folder to make")
    parser.add_argument("--draft", action="store_true", help="fewer and smaller pictures")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after this time; run again to go on")
    options = parser.parse_args()
    if options.seed < 0:
        parser.error(f"--seed wants a whole number from 0 up, got {options.seed}")
    whole = make(options.out, options.seed, draft if options.draft else standard, options.minutes)
    print(f"{options.out}: {'complete' if whole else 'not complete yet: run the same command again'}")
