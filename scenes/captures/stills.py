"""Still images from disk: upright, 8-bit sRGB, at most as large as asked for. Every photo is read here."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from cameras.errors import InputError

MAX_PIXELS = 256_000_000
"""Larger images are refused: no phone takes them, and a small file can claim any size."""

# Only these decoders are tried, so that a hostile file cannot reach the rare ones.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "HEIF", "AVIF")
_HEIF_SUFFIXES = {".heic", ".heif", ".hif", ".avif"}
# 16-bit grey modes; Pillow turns 16-bit colour into 8-bit by itself.
_WIDE_GREY = ("I", "I;16", "I;16B", "I;16L")

# What makes an image upright, by EXIF orientation (EXIF 2.32, tag 0x0112).
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


class UnreadableImageError(InputError):
    """An image cannot be used; ``reason`` completes the sentence "this file ..."."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"a readable photo was expected, but {path} {reason}")
        self.reason = reason


@contextlib.contextmanager
def open_still(path: Path) -> Iterator[Image.Image]:
    """The image as Pillow opens it: not decoded, not turned.

    Raises:
        UnreadableImageError: if it is missing, empty, no image, absurdly large or fails to decode inside the block.
    """
    if path.suffix.lower() in _HEIF_SUFFIXES:
        import pillow_heif

        pillow_heif.register_heif_opener()
    try:
        if path.stat().st_size == 0:
            raise UnreadableImageError(path, "is empty")
        formats = [name for name in _FORMATS if name in Image.OPEN or name in ("JPEG", "PNG", "WEBP", "TIFF")]
        with Image.open(path, formats=formats) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            yield image
    except UnreadableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError(path, f"claims more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except FileNotFoundError as error:
        raise UnreadableImageError(path, "does not exist") from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImageError(path, "is not an image that we can read") from error
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        broken = "is truncated" if "truncated" in str(error) else "is damaged"
        raise UnreadableImageError(path, broken) from error


def load_oriented(path: Path, max_long_side: int | None = None) -> NDArray[np.uint8]:
    """An image turned upright as its EXIF orientation says, in display sRGB.

    JPEGs are decoded near the wanted size, so that many 12-megapixel photos cost little memory and time; what remains
    is reduced with an antialiasing filter.

    Args:
        path: any format that we read.
        max_long_side: pixels; a larger image is reduced to this long side, a smaller one is left as it is.

    Returns:
        [H, W, 3] uint8, or [H, W, 4] with straight alpha if the image has transparency.

    Raises:
        UnreadableImageError: with the reason.
    """
    with open_still(path) as opened:
        size = reduced_size(opened.width, opened.height, max_long_side)
        jpeg = size != opened.size and opened.format in ("JPEG", "MPO")
        drafted = opened.draft(None, size) if jpeg else None
        profile = opened.info.get("icc_profile")
        image = _eight_bit(opened, path)
        if image.size != size:
            # Odd sides are decoded to halves rounded up: only this box of the decoded image is the photo.
            image = image.resize(size, Image.Resampling.BICUBIC, box=drafted[1] if drafted else None)
        image = _to_srgb(image, profile)
        turn = _TURNS.get(orientation(opened))
        return np.array(image if turn is None else image.transpose(turn))


def reduced_size(width: int, height: int, max_long_side: int | None) -> tuple[int, int]:
    """(width, height) with the longer side at most ``max_long_side``; the rule that every reader of photos follows."""
    long_side = max(width, height)
    if max_long_side is None or long_side <= max_long_side:
        return width, height
    scale = max_long_side / long_side
    return max(1, round(width * scale)), max(1, round(height * scale))


def oriented_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels of the upright image, without decoding it.

    Raises:
        UnreadableImageError: with the reason.
    """
    with open_still(path) as image:
        width, height = image.size
        return (height, width) if orientation(image) in SIDEWAYS else (width, height)


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 if there is none."""
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in _TURNS else 1


def load_mask(path: Path, width: int, height: int) -> NDArray[np.bool_]:
    """[H, W] bool of a mask: False where it is black.

    Raises:
        InputError: if it cannot be read or is not ``width`` x ``height``.
    """
    pixels = load_oriented(path)
    if pixels.shape[:2] != (height, width):
        raise InputError(
            f"the mask {path} is {pixels.shape[1]}x{pixels.shape[0]} but its photo is {width}x{height}: "
            "make the mask exactly as large as the photo"
        )
    return np.asarray(pixels[..., :3].max(axis=2) > 0)


def load_steps(path: Path) -> NDArray[np.float32]:
    """[H, W] float32 of the integers in a single-channel 16- or 32-bit image, such as depth in millimetres.

    Raises:
        InputError: if it cannot be read or has more than one channel.
    """
    with open_still(path) as image:
        steps = np.array(image)
    if steps.ndim != 2:
        raise InputError(f"a depth image needs one channel of 16 or 32 bits, but {path} has {steps.shape[-1]}")
    return steps.astype(np.float32)


def _eight_bit(image: Image.Image, path: Path) -> Image.Image:
    """RGB, or RGBA if anything may be transparent."""
    if image.mode in _WIDE_GREY:
        grey = np.asarray(image).astype(np.int64)
        if grey.min() < 0 or grey.max() > 65535:
            raise UnreadableImageError(path, "is a 32-bit image, which is no photo")
        return Image.fromarray(((grey + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise UnreadableImageError(path, "holds floating-point values, which is no photo")
    has_alpha = "A" in image.mode or "a" in image.mode or "transparency" in image.info
    converted = image.convert("RGBA" if has_alpha else "RGB")
    return converted.copy() if converted is image else converted


def _to_srgb(image: Image.Image, icc_profile: object) -> Image.Image:
    """Converts from the embedded colour profile (phones write Display P3); a broken profile is ignored."""
    if not isinstance(icc_profile, bytes):
        return image
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        if (
            str(getattr(source.profile, "xcolor_space", "")).strip() != "RGB"
            or "srgb" in ImageCms.getProfileDescription(source).lower()
        ):
            return image
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=image.mode)
        return image if converted is None else converted
    return image
