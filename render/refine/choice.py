"""What was asked of a refiner, checked and made definite before any work."""

from dataclasses import replace

from cameras.errors import SettingsError

from .base import RefineChoice
from .registry import REFINERS

DEFAULT_MINUTES = 3.0
MOST_MINUTES = 600.0
AUTO = "embedded"
NEEDS_MODEL = ("diffusers", "svd")


def check_choice(choice: RefineChoice) -> None:
    """Finds what can be known to be wrong without opening a model.

    Raises:
        SettingsError: one sentence on it.
    """
    names = ("auto", "off", *REFINERS)
    if choice.name not in names:
        raise SettingsError(f"--refine should be one of {', '.join(names)}, but is '{choice.name}'.")
    if choice.name in NEEDS_MODEL and choice.model is None:
        raise SettingsError(f"--refine {choice.name} needs a model; name its folder or hub id with --refine-model.")
    if choice.name not in NEEDS_MODEL and choice.model is not None:
        raise SettingsError(f"--refine {choice.name} takes no model; leave --refine-model away.")
    if not 0 <= choice.minutes <= MOST_MINUTES:
        raise SettingsError(f"--refine-minutes should be from 0 to {MOST_MINUTES:g}, got {choice.minutes:g}.")
    if choice.steps is not None and not 1 <= choice.steps <= 100:
        raise SettingsError(f"--refine-steps should be from 1 to 100, got {choice.steps}.")
    if choice.strength is not None and not 0 < choice.strength <= 1:
        raise SettingsError(f"--refine-strength should be above 0 and at most 1, got {choice.strength:g}.")


def licence_text(choice: RefineChoice) -> str:
    """What a person should read before the model of a definite choice is used; the model is looked for.

    Raises:
        SettingsError: if ``--commercial`` is asked for and the licence does not allow it.
        InputError, MissingExtraError: if there is no such model, or what it needs is not installed.
    """
    if choice.name not in NEEDS_MODEL or choice.model is None:
        return f"{choice.name}: licence Apache-2.0, commercial use allowed"
    from .licences import check_commercial, licence_line, licence_of
    from .pipelines import find_pipeline, require_packages

    require_packages(choice.name)
    find_pipeline(choice.model)
    licence = licence_of(choice.model)
    check_commercial(choice.model, licence, choice.commercial)
    return licence_line(choice.model, licence)


def resolved(choice: RefineChoice, quality: str) -> RefineChoice:
    """``auto`` made definite: the embedded model from standard quality on, nothing for a draft, which never refines."""
    if choice.name != "auto":
        return choice
    return replace(choice, name="off" if quality == "draft" else AUTO)
