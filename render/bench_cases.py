"""Which cases ``flythrough bench`` runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cameras.errors import SettingsError

from .requests import parse_size

if TYPE_CHECKING:
    from .bench import BenchCase

MOST_GAUSSIANS = 10_000_000
MOST_PIXELS = 8192


def choose_cases(
    known: Sequence["BenchCase"], name: str | None, gaussians: int | None, size: str | None
) -> tuple["BenchCase", ...]:
    """The known cases narrowed to what was asked; a number or size that is not among them replaces theirs.

    Raises:
        SettingsError: if there is no case of that name, or a number makes no sense.
    """
    from .bench import BenchCase

    names = list(dict.fromkeys(case.name for case in known))
    if name is not None and name not in names:
        raise SettingsError(f"--case should be one of {', '.join(names)}, but is '{name}'.")
    if gaussians is not None and not 1 <= gaussians <= MOST_GAUSSIANS:
        raise SettingsError(f"--gaussians should be from 1 to {MOST_GAUSSIANS:,}, but is {gaussians:,}.")
    asked_size = None if size is None else parse_size(size)
    if asked_size is not None and not all(1 <= side <= MOST_PIXELS for side in asked_size):
        raise SettingsError(f"--size should have sides from 1 to {MOST_PIXELS} pixels, but is '{size}'.")
    chosen: dict[BenchCase, None] = {}
    for case in known:
        if name in (None, case.name):
            width, height = asked_size or (case.width, case.height)
            chosen[BenchCase(case.name, gaussians or case.gaussians, width, height)] = None
    return tuple(chosen)


def check_threads(threads: int | None) -> None:
    """Raises SettingsError if a number of threads is below one."""
    if threads is not None and threads < 1:
        raise SettingsError(f"--threads should be 1 or more, but is {threads}.")
