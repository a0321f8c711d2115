"""A canvas for pictures with lines and text: drawn twice as large, so that the lines come out smooth."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

Color: TypeAlias = tuple[int, int, int]
Point: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[float, float, float, float]

FINER = 2
PAPER: Color = (250, 250, 248)
INK: Color = (38, 42, 48)
FAINT: Color = (135, 141, 147)
# Far from a limit, near it, beyond it: apart for every kind of colour vision (after Okabe & Ito 2008).
FAR: Color = (0, 133, 108)
NEAR: Color = (236, 176, 31)
BEYOND: Color = (206, 52, 16)
_HALO_PX = 2.5
_STEPS = tuple(step * 10.0**power for power in range(-3, 5) for step in (1, 2, 5))


class Canvas:
    """Draws in pixels of the finished picture."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height = width, height
        self.image = Image.new("RGB", (width * FINER, height * FINER), PAPER)
        self._draw = ImageDraw.Draw(self.image, "RGBA")

    def line(self, points: Sequence[Point], color: Color, width: float = 1.0, alpha: int = 255) -> None:
        """Thick opaque lines have round ends."""
        scaled, wide = [(x * FINER, y * FINER) for x, y in points], max(1, round(width * FINER))
        self._draw.line(scaled, fill=(*color, alpha), width=wide, joint="curve")
        if width >= 2 and alpha == 255:
            r = 0.5 * (wide - 1)
            for x, y in (scaled[0], scaled[-1]):
                self._draw.ellipse((x - r, y - r, x + r, y + r), fill=color)

    def dashed(self, start: Point, end: Point, color: Color, width: float = 1.0, dash: float = 5.0) -> None:
        a, b = np.array(start), np.array(end)
        length = float(np.linalg.norm(b - a))
        for at in np.arange(0, length, 2 * dash):
            p, q = a + (b - a) * at / length, a + (b - a) * min(1.0, (at + dash) / length)
            self.line([(float(p[0]), float(p[1])), (float(q[0]), float(q[1]))], color, width)

    def polygon(self, points: Sequence[Point], color: Color, alpha: int = 255) -> None:
        self._draw.polygon([(x * FINER, y * FINER) for x, y in points], fill=(*color, alpha))

    def circle(
        self, at: Point, radius: float, fill: Color | None, outline: Color | None = None, width: float = 1
    ) -> None:
        x, y = at
        box = [(x - radius) * FINER, (y - radius) * FINER, (x + radius) * FINER, (y + radius) * FINER]
        self._draw.ellipse(box, fill=fill, outline=outline, width=max(1, round(width * FINER)))

    def box(self, box: Box, fill: Color | None = None, outline: Color | None = None) -> None:
        self._draw.rectangle([value * FINER for value in box], fill=fill, outline=outline, width=FINER)

    def text_size(self, text: str, size: float) -> Point:
        left, top, right, bottom = self._draw.textbbox((0, 0), drawable(text), font=_font(size * FINER))
        return (right - left) / FINER, (bottom - top) / FINER

    def text(
        self, at: Point, text: str, size: float, color: Color = INK, anchor: str = "la", halo: Color | None = None
    ) -> None:
        """Anchors are Pillow's: the first letter across (l, m, r), the second along the line (a, m, s, d).

        Args:
            halo: a rim around the letters that sets them off from what is behind.
        """
        rim = 0 if halo is None else round(_HALO_PX * FINER)
        where, font = (at[0] * FINER, at[1] * FINER), _font(size * FINER)
        self._draw.text(where, drawable(text), color, font, anchor, stroke_width=rim, stroke_fill=halo)
        if rim:
            self._draw.text(where, drawable(text), color, font, anchor)

    def paste(self, rgb: NDArray[np.uint8], box: Box) -> None:
        """An image [h, w, 3], which should have ``FINER`` pixels for one of the box, with its corner at the box's."""
        from PIL import Image

        self.image.paste(Image.fromarray(rgb), (round(box[0] * FINER), round(box[1] * FINER)))

    def finished(self) -> "Image":
        from PIL import Image

        return self.image.resize((self.width, self.height), Image.Resampling.BOX)


def fitted_text(canvas: Canvas, text: str, size: float, width: float) -> str:
    """The text, or as much of it as fits into a width, with an ellipsis."""
    if canvas.text_size(text, size)[0] <= width:
        return text
    while text and canvas.text_size(text + "...", size)[0] > width:
        text = text[:-1]
    return text.rstrip() + "..."


def nice_step(length: float, most: float) -> float:
    """The least of 1, 2, 5, 10, ... (and 0.1, ...) that a length holds at most so many times."""
    return next((step for step in _STEPS if length / step <= most), length / most)


def short_number(value: float) -> str:
    """Three digits, and never an exponent."""
    if abs(value) < 5e-4:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@lru_cache(maxsize=4096)
def drawable(text: str) -> str:
    """The text in the letters that Pillow's own font has: others lose their accents, or become question marks."""
    text = unicodedata.normalize("NFC", text).replace("ß", "ss").replace("\u00a0", " ")
    return "".join(letter if _is_known(letter) else _plain(letter) for letter in text)


def _plain(letter: str) -> str:
    plain = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return plain if plain and all(_is_known(part) for part in plain) else "?"


@lru_cache(maxsize=4096)
def _is_known(letter: str) -> bool:
    """Letters that the font lacks are all drawn as one and the same box."""
    font = _font(20)
    return letter == " " or (letter.isprintable() and bytes(font.getmask(letter)) != bytes(font.getmask("\uffff")))


@lru_cache(maxsize=64)
def _font(size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
