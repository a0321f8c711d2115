"""Path files, one format a module. A new one is a module with the functions of `exchange.PathModule` and a line here.

The order matters: the first module that recognises how a file begins reads it.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import InputError

if TYPE_CHECKING:
    from .exchange import PathModule


@dataclass(frozen=True)
class PathFormat:
    """A format of path files.

    Attributes:
        module: its name in this package.
        suffixes: names of its files end in one of these.
        what: for people.
        advice: what to do with a written ``{file}``; empty where that is plain.
    """

    module: str
    suffixes: tuple[str, ...]
    what: str
    advice: str = ""


_BAKE_PAGE = "make a page of it with: splat-transform SPLATS.ply --rotate=-90,0,0 --viewer-settings {file} page.html"
_STAND_UP = "open it in SuperSplat, add the splats, and set their rotation to 90, 0, 180"

FORMATS: dict[str, PathFormat] = {
    "flythrough": PathFormat("flythrough", (".json",), "flythrough's own path file"),
    "nerfstudio": PathFormat("nerfstudio", (".json",), "nerfstudio's camera_path.json"),
    "lichtfeld": PathFormat("lichtfeld", (".json",), "a timeline of LichtFeld Studio"),
    "supersplat": PathFormat("supersplat", (".json",), "settings.json of SuperSplat's viewer", _BAKE_PAGE),
    "supersplat-project": PathFormat("supersplat_project", (".ssproj",), "a project of SuperSplat", _STAND_UP),
    "inria": PathFormat("inria", (".json",), "cameras.json of the Inria 3DGS tools"),
    "colmap": PathFormat("colmap_images", (".txt",), "COLMAP's images.txt, with cameras.txt beside it"),
    "gltf": PathFormat("gltf", (".glb", ".gltf"), "an animated camera in glTF, for Blender and others"),
    "usd": PathFormat("usd", (".usda", ".usdc", ".usd"), "an animated camera in USD"),
    "csv": PathFormat("csv", (".csv",), "a table of one row a frame"),
}


def load_format(name: str) -> "PathModule":
    """The module of a format, imported now."""
    return cast("PathModule", importlib.import_module(f".{FORMATS[name].module}", __package__))


def recognized(file: Path) -> str | None:
    """The name of a file's format, told by its content and never by its name; None if it is none of ours.

    Raises:
        InputError: if the file cannot be read, or begins like JSON and is none.
    """
    from .files import open_file

    opening = open_file(file)
    return next((name for name in FORMATS if load_format(name).recognizes(opening)), None)


def recognize(file: Path) -> str:
    """As `recognized`, but refuses what is none.

    Raises:
        InputError: as `recognized`, or if the file is no path that we know.
    """
    name = recognized(file)
    if name is None:
        known = ", ".join(FORMATS)
        raise InputError(f"{file} is no camera path of a format that is known ({known}); export it in one of them")
    return name
