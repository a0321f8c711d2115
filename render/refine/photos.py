"""The photos of a capture beside the scene that was made of them: which one shows what a frame shows, and how."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.reporting import Report, silent
from scenes.captures.pixels import PosedPhoto
from scenes.scene import Scene, View

from ..frames import composite
from .base import FrameBundle, WarpedPhoto
from .noise import surface_noise
from .warping import FloatImage, numbers_of, warp_photo, weights_of, world_points

MOST_REFERENCES = 4
MOST_SUPPORT = 8
_COARSE = 6  # every so many pixels are asked which photos see them
_NO_DEPTH_ALPHA = 0.5


@dataclass(frozen=True, eq=False)
class ReferencePhoto:
    """A photo with what the scene knows of it.

    Attributes:
        rgb: [h, w, 3] uint8.
        depth_z: [h, w] of the scene at the photo's camera, 0 where it shows nothing or the photo says nothing.
        gain: [3] what the photo is multiplied by to have the scene's exposure.
    """

    name: str
    camera: Camera
    rgb: NDArray[np.uint8]
    depth_z: FloatImage
    gain: FloatImage
    numbers: NDArray[np.float64]


class PhotoSet:
    """Photos that can be carried into any camera."""

    def __init__(self, photos: Sequence[ReferencePhoto]) -> None:
        self.photos = tuple(photos)

    @classmethod
    def of(cls, scene: Scene, photos: Sequence[PosedPhoto], report: Report = silent) -> "PhotoSet":
        """Photos that the scene was fitted on; draws the scene once at each.

        Args:
            report: told ``"see photos"``.
        """
        found: list[ReferencePhoto] = []
        for photo in photos:
            view = scene.view(photo.camera, ("rgb", "depth_z"))
            depth = known_depth(view)
            if photo.valid is not None:
                depth = np.where(photo.valid, depth, np.float32(0))
            gain = exposure_gain(composite(view), photo.rgb.astype(np.float32) / np.float32(255), depth > 0)
            found.append(ReferencePhoto(photo.name, photo.camera, photo.rgb, depth, gain, numbers_of(photo.camera)))
            report("see photos", len(found) / len(photos), {})
        return cls(found)

    def references(
        self, camera: Camera, depth_z: FloatImage, count: int = MOST_REFERENCES
    ) -> tuple[tuple[WarpedPhoto, ...], NDArray[np.uint8]]:
        """The ``count`` photos that together say most of a frame, best first, and the support [H, W] of all."""
        points = world_points(camera, depth_z, _COARSE)
        weights, seen = self._weights(points, camera)
        support = _widened(np.minimum(seen, MOST_SUPPORT), depth_z.shape)
        support[depth_z <= 0] = 0
        chosen = _best(weights.reshape(len(weights), points.shape[0] * points.shape[1]), count)
        full, place = world_points(camera, depth_z), camera.position_world.astype(np.float64)
        return tuple(_warped(self.photos[index], full, place) for index in chosen), support

    def _weights(self, points: FloatImage, camera: Camera) -> tuple[FloatImage, NDArray[np.uint8]]:
        """[N, h, w] of each photo, and [h, w] how many saw the surface (at most 255)."""
        found = np.zeros((len(self.photos), *points.shape[:2]), np.float32)
        seen = np.zeros(points.shape[:2], np.uint8)
        place = camera.position_world.astype(np.float64)
        for index, photo in enumerate(self.photos):
            weights_of(points, place, photo.numbers, photo.depth_z, found[index], seen)
        return found, seen


def bundle_of(
    photos: PhotoSet, view: View, camera: Camera, noise_channels: int = 1, frame_index: int = 0
) -> FrameBundle:
    """All that is known of a rendered view with the pass ``depth_z``; nothing of the frame before."""
    depth = known_depth(view)
    references, support = photos.references(camera, depth)
    return FrameBundle(
        composite(view),
        view.alpha,
        depth,
        camera,
        references,
        support,
        _noise(camera, depth, noise_channels),
        frame_index=frame_index,
    )


def known_depth(view: View) -> FloatImage:
    """[H, W] the view's depth, 0 where hardly anything is seen."""
    return np.where(view.alpha > _NO_DEPTH_ALPHA, view.depth_z, np.float32(0))


def exposure_gain(render: FloatImage, photo: FloatImage, valid: NDArray[np.bool_]) -> FloatImage:
    """[3] the gains by which a photo comes nearest to a render in least squares, over pixels that are not clipped."""
    usable = valid & (photo.max(axis=-1) < 0.98) & (photo.min(axis=-1) > 0.02)
    if usable.sum() < 64:
        return np.ones(3, np.float32)
    seen, shown = photo[usable].astype(np.float64), render[usable].astype(np.float64)
    return np.clip((seen * shown).sum(axis=0) / (seen * seen).sum(axis=0), 0.5, 2.0).astype(np.float32)


def _warped(photo: ReferencePhoto, points: FloatImage, place: NDArray[np.float64]) -> WarpedPhoto:
    rgb, weight = np.empty_like(points), np.empty(points.shape[:2], np.float32)
    warp_photo(points, place, photo.numbers, photo.depth_z, photo.rgb, photo.gain, rgb, weight)
    return WarpedPhoto(photo.name, rgb, weight)


def _best(weights: FloatImage, count: int) -> list[int]:
    """Greedy choice of rows of [N, P]: each adds most to the sum over points of the largest weight so far."""
    chosen: list[int] = []
    so_far = np.zeros(weights.shape[1], np.float32)
    while len(chosen) < min(count, len(weights)):
        # A second view of what is seen already counts a little, so that the rest of the places are not wasted.
        gains = np.maximum(weights - so_far, 0).sum(axis=1) + 0.25 * weights.sum(axis=1)
        gains[chosen] = -1
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            break
        chosen.append(best)
        so_far = np.maximum(so_far, weights[best])
    return chosen


def _widened(coarse: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    rows = np.minimum(np.arange(shape[0]) // _COARSE, coarse.shape[0] - 1)
    columns = np.minimum(np.arange(shape[1]) // _COARSE, coarse.shape[1] - 1)
    return np.ascontiguousarray(coarse[rows[:, None], columns[None]])


def _noise(camera: Camera, depth_z: FloatImage, channels: int) -> FloatImage:
    if channels == 0:
        return np.zeros((*depth_z.shape, 0), np.float32)
    points = world_points(camera, depth_z).astype(np.float64) + camera.position_world
    return surface_noise(points, (depth_z / camera.intrinsics.fy).astype(np.float64), channels)
