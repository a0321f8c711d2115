"""Whether a scene holds when the camera moves four times as far or as close: Mip-Splatting's test.

Source: Yu et al. 2024, "Mip-Splatting: Alias-free 3D Gaussian Splatting", section 6: a scene fitted at one resolution
is drawn at others, and compared with photos that were reduced by a box filter.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from scenes.captures.capture import Capture
from scenes.captures.pixels import PosedPhoto, load_photos
from scenes.scene import FloatImage, Scene

from .frames import BLACK, composite
from .quality import psnr

FACTOR = 4


def opaque(photo: PosedPhoto) -> FloatImage:
    """[H, W, 3] the photo in [0, 1], over its background, or black, where it is transparent."""
    rgb = photo.rgb.astype(np.float32) / np.float32(255)
    if photo.alpha is None:
        return rgb
    alpha = photo.alpha[..., None].astype(np.float32) / np.float32(255)
    behind = np.asarray(photo.background or BLACK, dtype=np.float32)
    return np.asarray(rgb * alpha + behind * (1 - alpha), dtype=np.float32)


def far_psnr(scene: Scene, photos: Sequence[PosedPhoto]) -> float | None:
    """Mean PSNR of views at a quarter of the photos' size against the photos' means over blocks of 4x4 pixels.

    Photos with a mask are left out; None if none is left.
    """
    whole = [
        photo for photo in photos if photo.valid is None and min(photo.camera.width, photo.camera.height) >= FACTOR
    ]
    views = scene.views([smaller(photo.camera) for photo in whole])
    scores = [
        psnr(box_filtered(opaque(photo)), composite(view, photo.background or BLACK), data_range=1.0)
        for photo, view in zip(whole, views, strict=True)
    ]
    return float(np.mean(scores)) if scores else None


def near_psnr(scene: Scene, capture: Capture, photos: Sequence[PosedPhoto]) -> float | None:
    """Mean PSNR at four times the size of ``photos``, against the photos as stored.

    None unless each is stored at four times its size or more.
    """
    names = {photo.name: photo.camera.width for photo in photos}
    images = tuple(image for image in capture.images if image.name in names)
    if any(image.camera.width < FACTOR * names[image.name] for image in images):
        return None
    long_side = FACTOR * max(max(photo.camera.width, photo.camera.height) for photo in photos)
    large = load_photos(replace(capture, images=images), long_side=long_side)
    views = scene.views([photo.camera for photo in large])
    scores = [
        psnr(opaque(photo), composite(view, photo.background or BLACK), data_range=1.0, mask=photo.valid)
        for photo, view in zip(large, views, strict=True)
    ]
    return float(np.mean(scores))


def smaller(camera: Camera) -> Camera:
    """The camera whose pixels are blocks of 4x4 pixels; a rest at the right and at the bottom is left out."""
    lens = camera.intrinsics
    width, height = lens.width // FACTOR, lens.height // FACTOR
    small = Intrinsics(width, height, lens.fx / FACTOR, lens.fy / FACTOR, lens.cx / FACTOR, lens.cy / FACTOR)
    return replace(camera, intrinsics=small)


def box_filtered(image: FloatImage) -> FloatImage:
    """[H // 4, W // 4, 3] means over blocks of 4x4 pixels."""
    height, width = image.shape[0] // FACTOR, image.shape[1] // FACTOR
    blocks = image[: height * FACTOR, : width * FACTOR].reshape(height, FACTOR, width, FACTOR, 3)
    return blocks.mean(axis=(1, 3), dtype=np.float32)
