"""What EXIF says about the lens of a photo. Nothing else of it is kept: where a photo was taken stays with it."""

import math
from dataclasses import dataclass

from PIL import ExifTags, Image

_Tag = ExifTags.Base

FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)

_MM_PER_RESOLUTION_UNIT = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}

# Outside these, in long sides of the image, a focal length is a writer's mistake and not a lens.
_MIN_FOCAL, _MAX_FOCAL = 0.15, 30.0


@dataclass(frozen=True)
class LensFacts:
    """What is known of the camera of a photo.

    Attributes:
        focal_px: focal length in pixels of the image as stored; None if unknown.
        body: maker, model, lens and zoom in one line; empty without EXIF.
    """

    focal_px: float | None
    body: str


def lens_facts(image: Image.Image) -> LensFacts:
    """Reads the lens from an opened image.

    The focal length comes from the pitch of the sensor's pixels where the camera wrote it, else from the
    35-mm equivalent, which compares diagonals (CIPA DCG-001; EXIF 2.32, tags 0x920a, 0xa20e, 0xa405).
    """
    top = image.getexif()
    detail = top.get_ifd(ExifTags.IFD.Exif)
    focal_mm = _positive(detail.get(_Tag.FocalLength))
    equivalent_mm = _positive(detail.get(_Tag.FocalLengthIn35mmFilm))
    focal_px = _from_pixel_pitch(image, detail, focal_mm)
    if focal_px is None and equivalent_mm is not None:
        focal_px = equivalent_mm / FULL_FRAME_DIAGONAL_MM * math.hypot(image.width, image.height)
    long_side = max(image.size)
    if focal_px is not None and not _MIN_FOCAL * long_side <= focal_px <= _MAX_FOCAL * long_side:
        focal_px = None
    parts = [_text(top.get(_Tag.Make)), _text(top.get(_Tag.Model)), _text(detail.get(_Tag.LensModel))]
    parts += [f"{value:g} mm" for value in (focal_mm,) if value is not None]
    parts += [f"{value:g} mm equivalent" for value in (equivalent_mm,) if value is not None]
    return LensFacts(focal_px, ", ".join(part for part in parts if part))


def _from_pixel_pitch(image: Image.Image, detail: dict[int, object], focal_mm: float | None) -> float | None:
    """From the sensor's pixels per millimetre, which count the pixels of the picture as it was taken."""
    per_unit = _positive(detail.get(_Tag.FocalPlaneXResolution))
    unit = detail.get(_Tag.FocalPlaneResolutionUnit, 2)
    unit_mm = _MM_PER_RESOLUTION_UNIT.get(unit) if isinstance(unit, int) else None
    taken_width = _positive(detail.get(_Tag.ExifImageWidth))
    taken_height = _positive(detail.get(_Tag.ExifImageHeight))
    if focal_mm is None or per_unit is None or unit_mm is None:
        return None
    shrink = 1.0
    if taken_width is not None and taken_height is not None:
        # Editors that turn a photo upright leave these two as they were, so long sides are compared.
        shrink = max(image.size) / max(taken_width, taken_height)
    return focal_mm * per_unit / unit_mm * shrink


def _positive(value: object) -> float | None:
    """A positive finite number, or None: EXIF holds rationals, some of them 0/0."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _text(value: object) -> str:
    return " ".join(value.replace("\x00", " ").split())[:80] if isinstance(value, str) else ""
