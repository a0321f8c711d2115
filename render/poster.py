"""Pictures of a finished film, read back from it: a poster and a contact sheet."""

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .video import count_frames, read_frames

if TYPE_CHECKING:
    from PIL.Image import Image

MARGIN_PX = 6
PAPER, INK = (24, 24, 24), (235, 235, 235)
# The film's first and last moments are seldom its best picture.
POSTER_FROM, POSTER_TO, POSTER_CANDIDATES = 0.1, 0.9, 24


def write_poster(film: Path, output: Path) -> int:
    """Writes the frame with most detail of evenly spaced ones as an image; returns its number.

    Raises:
        InputError: if the film cannot be decoded.
    """
    n_frames = count_frames(film)
    last = n_frames - 1
    wanted = np.linspace(POSTER_FROM * last, POSTER_TO * last, POSTER_CANDIDATES).round().astype(int)
    best, best_detail, picture = 0, -1.0, None
    for number, rgb in read_frames(film, wanted.tolist()):
        amount = detail(rgb)
        if amount > best_detail:
            best, best_detail, picture = number, amount, rgb
    assert picture is not None
    _save(picture, output)
    return best


def detail(rgb: NDArray[np.uint8]) -> float:
    """How much there is to see: mean absolute difference of grey levels four pixels apart, capped at each pixel.

    The distance makes it insensitive to noise and the cap keeps one hard edge from winning over a furnished room.
    """
    grey = rgb.astype(np.float32).mean(axis=-1)
    steps = [np.abs(grey[4:] - grey[:-4]), np.abs(grey[:, 4:] - grey[:, :-4])]
    return float(sum(np.minimum(step, 32).mean() for step in steps))


def write_contact_sheet(
    film: Path, output: Path, fps: Fraction, *, n_pictures: int = 16, columns: int = 4, width: int = 1600
) -> list[int]:
    """Writes evenly spaced frames, first and last among them, with their times; returns their numbers.

    Raises:
        InputError: if the film cannot be decoded.
    """
    n_frames = count_frames(film)
    wanted = sorted(set(np.linspace(0, n_frames - 1, n_pictures).round().astype(int).tolist()))
    pictures = [(rgb, f"{float(number / fps):.2f} s") for number, rgb in read_frames(film, wanted)]
    sheet = contact_sheet(pictures, columns=min(columns, len(pictures)), width=width)
    sheet.save(output)
    return wanted


def contact_sheet(pictures: list[tuple[NDArray[np.uint8], str]], *, columns: int, width: int) -> "Image":
    """A sheet ``width`` pixels wide of pictures [H, W, 3] of one size, each with a line of text under it."""
    from PIL import Image, ImageDraw, ImageFont

    height_px, width_px = pictures[0][0].shape[:2]
    cell_width = (width - MARGIN_PX) // columns - MARGIN_PX
    cell_height = max(1, round(cell_width * height_px / width_px))
    text_px = min(22, max(10, cell_width // 26))
    row_height = cell_height + text_px + 3 * MARGIN_PX // 2
    n_rows = math.ceil(len(pictures) / columns)
    sheet = Image.new("RGB", (width, n_rows * row_height + MARGIN_PX), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(text_px)
    for index, (rgb, text) in enumerate(pictures):
        left = MARGIN_PX + (index % columns) * (cell_width + MARGIN_PX)
        top = MARGIN_PX + (index // columns) * row_height
        small = Image.fromarray(rgb).resize((cell_width, cell_height), Image.Resampling.LANCZOS)
        sheet.paste(small, (left, top))
        draw.text((left, top + cell_height + 1), text, fill=INK, font=font)
    return sheet


def _save(rgb: NDArray[np.uint8], output: Path) -> None:
    from PIL import Image

    Image.fromarray(rgb).save(output, quality=92)  # PNG does not ask for it
