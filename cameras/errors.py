"""Every error that a user can cause. The command line prints its one sentence and exits with code 2."""


class FlythroughError(Exception):
    """Base of all errors that a user can cause.

    The message is one sentence: what was wanted, what was found, where, and what to do.
    """


class InputError(FlythroughError):
    """An input file or folder is missing, unreadable, truncated, contradictory or too large."""


class SettingsError(FlythroughError):
    """An option or a combination of options makes no sense."""


class PoseError(FlythroughError):
    """The cameras of the photos could not be found."""


class MissingExtraError(FlythroughError):
    """An optional package is needed; the message names the extra to install."""


class InstallationError(FlythroughError):
    """The installation or the machine cannot do what was asked."""
