"""Masks that lie beside photos: ``masks/NAME.png`` or ``masks/NAME.jpg.png``, black is ignored."""

from pathlib import Path

from cameras.errors import InputError

from .stills import oriented_size

MASK_FOLDERS = ("masks", "mask")
_MASK_SUFFIXES = (".png", ".jpg", ".jpeg")


def find_mask(folder: Path, photo: Path) -> Path | None:
    """The mask of a photo: in a ``masks`` folder in the photos' folder, beside it, or beside the photo itself.

    Args:
        folder: the folder that was named as holding the photos.
        photo: a photo somewhere below it.
    """
    inner = photo.relative_to(folder)
    places = [(folder, inner), (folder.parent, inner), (photo.parent, Path(photo.name))]
    for base, name in places:
        for mask_folder in MASK_FOLDERS:
            place = base / mask_folder
            if not place.is_dir():
                continue
            for stem in (name.with_suffix(""), name):
                for suffix in _MASK_SUFFIXES:
                    candidate = place / stem.with_name(stem.name + suffix)
                    if candidate.is_file():
                        return candidate
    return None


def check_mask(mask: Path, width: int, height: int) -> None:
    """Checks that a mask is as large as its photo.

    Raises:
        InputError: if it is not, or cannot be read.
    """
    size = oriented_size(mask)
    if size != (width, height):
        raise InputError(
            f"the mask {mask} is {size[0]}x{size[1]} but its photo is {width}x{height}: "
            "make the mask exactly as large as the photo"
        )
