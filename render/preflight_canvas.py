"""A canvas for pictures with lines and labels: drawn twice as large, so that the lines come out smooth."""

from collections.abc import Sequence
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
FAINT: Color = (150, 155, 160)
# Far from a limit, near it, beyond it: apart for every kind of colour vision (after Okabe & Ito 2008).
FAR: Color = (0, 114, 178)
NEAR: Color = (236, 176, 31)
BEYOND: Color = (206, 52, 16)


class Canvas:
    """Draws in pixels of the finished picture."""

    def __init__(self, width: int, height: int) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height = width, height
        self.image = Image.new("RGB", (width * FINER, height * FINER), PAPER)
        self._draw = ImageDraw.Draw(self.image, "RGBA")

    def line(self, points: Sequence[Point], color: Color, width: float = 1.0, alpha: int = 255) -> None:
        scaled = [(x * FINER, y * FINER) for x, y in points]
        self._draw.line(scaled, fill=(*color, alpha), width=max(1, round(width * FINER)), joint="curve")

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

    def box(self, box: Box, fill: Color | None = None, outline: Color | None = None, alpha: int = 255) -> None:
        fill_alpha = None if fill is None else (*fill, alpha)
        self._draw.rectangle([value * FINER for value in box], fill=fill_alpha, outline=outline, width=FINER)

    def text_size(self, text: str, size: float) -> Point:
        left, top, right, bottom = self._draw.textbbox((0, 0), text, font=_font(size * FINER))
        return (right - left) / FINER, (bottom - top) / FINER

    def text(self, at: Point, text: str, size: float, color: Color = INK, anchor: str = "la") -> None:
        """Anchors are Pillow's: the first letter across (l, m, r), the second along the line (a, m, s, d)."""
        self._draw.text((at[0] * FINER, at[1] * FINER), text, fill=color, font=_font(size * FINER), anchor=anchor)

    def paste(self, rgb: NDArray[np.uint8], box: Box) -> None:
        """An image [h, w, 3] stretched over a box, with hard edges."""
        from PIL import Image

        x0, y0, x1, y1 = (round(value * FINER) for value in box)
        size = (max(1, x1 - x0), max(1, y1 - y0))
        self.image.paste(Image.fromarray(rgb).resize(size, Image.Resampling.NEAREST), (x0, y0))

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


class Labels:
    """Puts labels where they hide nothing: neither each other nor what is marked as taken."""

    def __init__(self, canvas: Canvas, bounds: Box) -> None:
        self._canvas = canvas
        self._bounds = bounds
        self._taken: list[Box] = []
        self._points: list[Point] = []

    def keep_free(self, points: Sequence[Point]) -> None:
        """Points that labels should not hide."""
        self._points += points

    def put(self, at: Point, text: str, size: float, color: Color, paper: Color | None = PAPER) -> Box:
        """A label beside a point; returns its box."""
        width, height = self._canvas.text_size(text, size)
        width, height = width + 8, height + 7
        box = min(self._places(at, width, height), key=self._badness)
        if paper is not None:
            self._canvas.box(box, fill=paper, alpha=225)
        self._canvas.text((box[0] + 4, 0.5 * (box[1] + box[3])), text, size, color, anchor="lm")
        self._taken.append(box)
        return box

    def _places(self, at: Point, width: float, height: float) -> list[Box]:
        x, y = at
        found: list[Box] = []
        for far in (10.0, 22.0, 40.0, 65.0):
            for left, top in (
                (x + far, y - height / 2),
                (x - far - width, y - height / 2),
                (x - width / 2, y - far - height),
                (x - width / 2, y + far),
                (x + far, y - far - height),
                (x - far - width, y - far - height),
                (x + far, y + far),
                (x - far - width, y + far),
            ):
                left = min(max(left, self._bounds[0]), self._bounds[2] - width)
                top = min(max(top, self._bounds[1]), self._bounds[3] - height)
                found.append((left, top, left + width, top + height))
        return found

    def _badness(self, box: Box) -> float:
        """Overlaps with labels weigh more than points that are hidden."""
        x0, y0, x1, y1 = box
        labels = sum(
            max(0.0, min(x1, b[2]) - max(x0, b[0])) * max(0.0, min(y1, b[3]) - max(y0, b[1])) for b in self._taken
        )
        return labels + 10.0 * sum(x0 <= x <= x1 and y0 <= y <= y1 for x, y in self._points)


def _font(size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
