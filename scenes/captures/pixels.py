"""The pixels of a capture, as engines want them: an ideal pinhole, a mask, alpha and depth."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.intrinsics import Intrinsics
from cameras.reporting import Report, silent

from .capture import Capture, CaptureImage
from .resample import PixelMap, ideal_pinhole, pixel_map, sample_cubic, sample_mask, sample_nearest
from .stills import load_mask, load_oriented, load_steps, reduced_size

# Two photos at a time: a laptop's memory holds a few large photos, and decoding leaves the interpreter free.
_WORKERS = 2


@dataclass(frozen=True, eq=False)
class PosedPhoto:
    """One image ready for fitting or scoring.

    Attributes:
        name: as in the capture.
        camera: an ideal pinhole of exactly the size of ``rgb``.
        rgb: [H, W, 3] uint8 display sRGB; straight, not premultiplied.
        valid: [H, W] bool, False where the mask is black or the undistorted lens saw nothing; None means all valid.
        alpha: [H, W] uint8 of a transparent image, None if opaque.
        depth_z: [H, W] float32 in scene units, 0 unknown; None if there is none.
        weight: how much it counts in fitting.
        split: the data set's own split, if any.
        background: colour in [0, 1] that belongs behind ``alpha`` when the photo is looked at or scored, if any.
    """

    name: str
    camera: Camera
    rgb: NDArray[np.uint8]
    valid: NDArray[np.bool_] | None = None
    alpha: NDArray[np.uint8] | None = None
    depth_z: NDArray[np.float32] | None = None
    weight: float = 1.0
    split: str | None = None
    background: tuple[float, float, float] | None = None


def load_photos(capture: Capture, *, long_side: int | None = None, report: Report = silent) -> list[PosedPhoto]:
    """All images of a capture, undistorted, in its order; the same capture gives the same bytes.

    Args:
        capture: posed images on disk.
        long_side: pixels; larger images are reduced to it, smaller ones stay as they are.
        report: told ``"read photos"``.

    Raises:
        InputError: if an image, mask or depth image cannot be read or has another size than it should.
    """
    return list(iterate_photos(capture, long_side=long_side, report=report))


def iterate_photos(capture: Capture, *, long_side: int | None = None, report: Report = silent) -> Iterator[PosedPhoto]:
    """`load_photos` one by one, for captures that are larger than memory."""
    images = list(capture.images)
    with ThreadPoolExecutor(_WORKERS) as pool:
        # A window of jobs, not all of them: finished photos would pile up behind a slow consumer.
        jobs = [pool.submit(load_photo, image, long_side) for image in images[: _WORKERS + 1]]
        for done in range(len(images)):
            photo = jobs.pop(0).result()
            if done + _WORKERS + 1 < len(images):
                jobs.append(pool.submit(load_photo, images[done + _WORKERS + 1], long_side))
            report("read photos", (done + 1) / len(images), {"photo": photo.name})
            yield photo


def load_photo(image: CaptureImage, long_side: int | None = None) -> PosedPhoto:
    """One image of a capture; see `load_photos`."""
    lens = image.camera.intrinsics
    pinhole = ideal_pinhole(lens)
    target = pinhole.resized(*reduced_size(lens.width, lens.height, long_side))
    if lens.distortion is None:
        pixels, at = load_oriented(image.path, long_side), None
        _check_size(pixels, target, image)
    else:
        pixels, at = _undistorted(image, lens, target)
    return PosedPhoto(
        image.name,
        Camera(target, image.camera.world_from_camera, image.camera.time_s),
        np.ascontiguousarray(pixels[..., :3]),
        valid=_valid(image, lens, target, at),
        alpha=_alpha(pixels),
        depth_z=_depth(image, lens, target),
        weight=image.weight,
        split=image.split,
        background=image.background,
    )


def _undistorted(image: CaptureImage, lens: Intrinsics, target: Intrinsics) -> tuple[NDArray[np.uint8], PixelMap]:
    """The pixels of ``target`` from a photo that was first reduced to the same scale, so that nothing aliases."""
    shrink = min(1.0, target.fx / lens.fx)
    source = load_oriented(image.path, max(1, round(max(lens.width, lens.height) * shrink)))
    height, width = source.shape[:2]
    if abs(width * lens.height / lens.width - height) > 1.0 or width > lens.width:
        _check_size(source, lens, image)
    at = pixel_map(lens.resized(width, height), target)
    return sample_cubic(source, at), at


def _check_size(pixels: NDArray[np.uint8], wanted: Intrinsics, image: CaptureImage) -> None:
    height, width = pixels.shape[:2]
    if (width, height) != (wanted.width, wanted.height):
        raise InputError(
            f"the photo {image.path} should be {wanted.width}x{wanted.height} for its camera, but it is "
            f"{width}x{height}: it was changed since its pose was found"
        )


def _valid(image: CaptureImage, lens: Intrinsics, target: Intrinsics, at: PixelMap | None) -> NDArray[np.bool_] | None:
    seen = None if at is None or at.valid.all() else at.valid
    if image.mask_path is None:
        return seen
    mask = load_mask(image.mask_path, lens.width, lens.height)
    full = pixel_map(lens, target)
    allowed = sample_mask(mask, full, lens)
    return allowed if seen is None else allowed & seen


def _alpha(pixels: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    if pixels.shape[2] == 3 or bool((pixels[..., 3] == 255).all()):
        return None
    return np.ascontiguousarray(pixels[..., 3])


def _depth(image: CaptureImage, lens: Intrinsics, target: Intrinsics) -> NDArray[np.float32] | None:
    """Depth is never mixed between pixels: the nearest one counts. Its image may be coarser than the photo."""
    if image.depth_path is None:
        return None
    steps = load_steps(image.depth_path)
    height, width = steps.shape
    if abs(width * lens.height / lens.width - height) > 1.0:
        raise InputError(
            f"the depth image {image.depth_path} is {width}x{height}, not the shape of its photo "
            f"({lens.width}x{lens.height})"
        )
    return sample_nearest(steps * np.float32(image.depth_step), pixel_map(lens, target), lens)
