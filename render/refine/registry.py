"""The table of refiners: a new one is one file and one line here."""

from collections.abc import Callable, Mapping

from cameras.errors import SettingsError

from .base import RefineChoice, Refiner


def _identity(_: RefineChoice) -> Refiner:
    from .identity import IdentityRefiner

    return IdentityRefiner()


def _warp(_: RefineChoice) -> Refiner:
    from .warp import WarpRefiner

    return WarpRefiner()


def _embedded(choice: RefineChoice) -> Refiner:
    from .embedded import EmbeddedRefiner

    return EmbeddedRefiner(choice.steps or 1)


def _diffusers(choice: RefineChoice) -> Refiner:
    from .diffusers_image import make_image_refiner

    return make_image_refiner(choice)


def _svd(choice: RefineChoice) -> Refiner:
    from .diffusers_video import make_svd_refiner

    return make_svd_refiner(choice)


REFINERS: Mapping[str, Callable[[RefineChoice], Refiner]] = {
    "identity": _identity,
    "warp": _warp,
    "embedded": _embedded,
    "diffusers": _diffusers,
    "svd": _svd,
}


def make_refiner(choice: RefineChoice) -> Refiner:
    """The refiner of a name.

    Raises:
        SettingsError: if there is none of that name, or it does not fit the rest of what was asked.
        InputError, MissingExtraError, InstallationError: if its model cannot be used.
    """
    if choice.name not in REFINERS:
        raise SettingsError(f"--refine should be one of auto, off, {', '.join(REFINERS)}, but is '{choice.name}'.")
    return REFINERS[choice.name](choice)
