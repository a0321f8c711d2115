"""How a long step tells what it does: a plain callable, so that no engine imports a progress bar."""

from collections.abc import Mapping
from typing import Protocol


class Report(Protocol):
    """Called often by a long step.

    Args of the call:
        stage: what is being done, a short phrase such as ``"fit"`` or ``"match photos"``.
        fraction: how much of the stage is done, in [0, 1].
        figures: what a person would like to see beside the bar, for example ``{"psnr": 27.1, "gaussians": 81234}``.
    """

    def __call__(self, stage: str, fraction: float, figures: Mapping[str, object]) -> None: ...


def silent(stage: str, fraction: float, figures: Mapping[str, object]) -> None:
    """A report that says nothing."""


def renamed(report: Report, name: str) -> Report:
    """A report that calls every stage ``name``."""

    def told(stage: str, fraction: float, figures: Mapping[str, object]) -> None:
        report(name, fraction, figures)

    return told
