"""Three import packages have plain names: refuse to start if another distribution has put files into one of them."""

from importlib.metadata import distributions

from cameras.errors import InstallationError

OUR_DISTRIBUTION = "flythrough"
OUR_PACKAGES = ("cameras", "scenes", "render")


def foreign_owners() -> dict[str, list[str]]:
    """Our packages that other installed distributions own too, with the names of those distributions.

    Reads each distribution's list of files as text: ten times faster than
    ``importlib.metadata.packages_distributions``, which matters because every start asks. An editable install lists
    no files of ours, and so is never in the answer.
    """
    owners: dict[str, list[str]] = {}
    for distribution in distributions():
        files = distribution.read_text("RECORD") or ""
        for package in OUR_PACKAGES:
            listed = f"\n{package}/__init__.py," in files or files.startswith(f"{package}/__init__.py,")
            if listed and distribution.name.lower() != OUR_DISTRIBUTION:
                owners.setdefault(package, []).append(distribution.name)
    return owners


def check_ownership() -> None:
    """Raises InstallationError if another distribution owns ``cameras``, ``scenes`` or ``render``."""
    for package, names in foreign_owners().items():
        raise InstallationError(
            f"flythrough needs the Python package '{package}' to itself, but '{names[0]}' is installed over it in this "
            "environment; install flythrough in an environment of its own."
        )
