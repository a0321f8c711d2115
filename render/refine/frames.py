"""The one wrapper around every refiner: frames of a film, refined, guarded, steadied along the surface, in order.

Constant memory: frames lie in a buffer of ``WINDOW`` and leave it when those after them have been looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cameras.camera import Camera
from scenes.scene import Scene, View

from ..frames import composite
from .base import ChunkRefiner, FloatImage, FrameBundle, Mask, Refined, Refiner
from .fusion import KEPT, blended
from .guard import Gains, change, kept_change
from .photos import PhotoSet, bundle_of
from .reproject import Reprojection, reproject
from .sizes import enlarged, reduced_view, working_camera
from .tiles import refine_in_tiles

WINDOW = 16
"""Frames that are steadied backward together."""
MARGIN = 6
"""Frames before and after a run that are refined too, so that its ends are as steady as its middle."""
SAME_SURFACE = 0.03
"""Depths of neighbouring frames that differ by less are of one surface: the median depth of splats is rough, and with
1 % only half of the pixels of a frame would find themselves in the next."""
CHANGED = 2 / 255
"""A pixel that moves by more than this counts as changed."""


@dataclass(frozen=True, eq=False)
class RefinedFrame:
    """A frame of a film.

    Attributes:
        rgb: [H, W, 3] in [0, 1], opaque: what is shown.
        render: [H, W, 3] what it was before.
        changed: [h, w] at the working size, where it moved by more than ``CHANGED``.
        generated: [h, w] drawn by the model where no photo saw the surface.
        figures: shares of changed and generated pixels, JSON-able.
    """

    rgb: FloatImage
    render: FloatImage
    changed: Mask
    generated: Mask
    figures: Mapping[str, object]


@dataclass(frozen=True, eq=False)
class _Seen:
    """A rendered frame at the working size, and the render at the film's size."""

    bundle: FrameBundle
    picture: FloatImage


@dataclass(eq=False)
class _Pending:
    """A frame in the buffer."""

    index: int
    camera: Camera
    depth_z: FloatImage
    picture: FloatImage  # the render at the film's size; all others are at the working size
    render: FloatImage
    residual: FloatImage
    forward: FloatImage
    generated: Mask


class RefinedFrames:
    """Refined frames of a path through a scene.

    The frames of a run depend on up to ``MARGIN`` frames before and after it, never on how a film is cut into runs
    elsewhere: so a film that was interrupted ends with the same bytes.
    """

    def __init__(
        self,
        scene: Scene,
        photos: PhotoSet,
        refiner: Refiner,
        gains: Gains,
        cameras: Sequence[Camera],
        *,
        seed: int = 0,
        kept: float = KEPT,
        long_side: int | None = None,
    ) -> None:
        """Takes a prepared refiner.

        Args:
            gains: from ``guard.calibrate``.
            cameras: of all frames of the film.
            kept: see ``fusion``.
            long_side: frames are refined at this size, and what that changes is enlarged and added to the frame, which
                keeps its own detail; None refines at the full size.
        """
        self.scene, self.photos, self.refiner, self.gains = scene, photos, refiner, gains
        self.cameras, self.seed, self.kept, self.long_side = cameras, seed, kept, long_side

    def run(self, numbers: range) -> Iterator[RefinedFrame]:
        """The frames of a run of frame numbers, in order."""
        first, last = max(0, numbers.start - MARGIN), min(len(self.cameras), numbers.stop + MARGIN)
        buffer: list[_Pending] = []
        shown = numbers.start
        for pending in self._forward(range(first, last)):
            buffer.append(pending)
            if len(buffer) == WINDOW + MARGIN or pending.index == last - 1:
                until = numbers.stop if pending.index == last - 1 else buffer[-1].index + 1 - MARGIN
                for index, backward in self._backward(buffer):
                    if shown <= index < until:
                        buffer[index - buffer[0].index].residual = backward
                for held in [held for held in buffer if held.index < until]:
                    if shown <= held.index:
                        yield self._finished(held)
                shown = max(shown, until)
                buffer = [held for held in buffer if held.index >= until]

    def _forward(self, numbers: range) -> Iterator[_Pending]:
        """Every frame refined and steadied by those before it."""
        if isinstance(self.refiner, ChunkRefiner):
            yield from self._in_chunks(self.refiner, numbers)
            return
        before: _Pending | None = None
        for seen in self._seen(numbers):
            flow: Reprojection | None = None
            bundle = seen.bundle
            if before is not None:
                flow = self._flow(bundle, before)
                shown = np.clip(before.render + before.forward, 0, 1)
                bundle = replace(bundle, previous=flow.sample(shown), previous_valid=flow.valid)
            residual, generated = self.residual(bundle)
            before = self._steadied(seen, residual, generated, before, flow)
            yield before

    def _in_chunks(self, refiner: ChunkRefiner, numbers: range) -> Iterator[_Pending]:
        """The same for a video model: chunks begin at the same frames however the film is cut into runs."""
        size = refiner.chunk_frames
        before: _Pending | None = None
        for start in range(numbers.start - numbers.start % size, numbers.stop, size):
            chunk = list(self._seen(range(start, min(start + size, len(self.cameras)))))
            together: list[Refined | None] = [None] * len(chunk)
            if not self.gains.is_identity:
                together = [*refiner.refine_chunk([seen.bundle for seen in chunk], self.seed)]
            for seen, refined in zip(chunk, together, strict=True):
                if seen.bundle.frame_index in numbers:
                    residual, generated = self.residual(seen.bundle, refined)
                    flow = None if before is None else self._flow(seen.bundle, before)
                    before = self._steadied(seen, residual, generated, before, flow)
                    yield before

    def _seen(self, numbers: range) -> Iterator[_Seen]:
        """The rendered frames, and what is known of them."""
        views = self.scene.views([self.cameras[index] for index in numbers], ("rgb", "depth_z"))
        for index, view in zip(numbers, views, strict=True):
            camera = working_camera(self.cameras[index], self.long_side)
            small = reduced_view(view, camera.width, camera.height)
            bundle = bundle_of(self.photos, small, camera, self.refiner.noise_channels, index)
            yield _Seen(bundle, bundle.rgb if small is view else composite(view))

    def _flow(self, bundle: FrameBundle, before: _Pending) -> Reprojection:
        return reproject(bundle.camera, bundle.depth_z, before.camera, before.depth_z, SAME_SURFACE)

    def _steadied(
        self, seen: _Seen, residual: FloatImage, generated: Mask, before: _Pending | None, flow: Reprojection | None
    ) -> _Pending:
        forward, bundle = residual, seen.bundle
        if before is not None and flow is not None:
            forward = blended(residual, flow, before.forward, self.kept)
        place = bundle.frame_index, bundle.camera, bundle.depth_z
        return _Pending(*place, seen.picture, bundle.rgb, residual, forward, generated)

    def residual(self, bundle: FrameBundle, refined: Refined | None = None) -> tuple[FloatImage, Mask]:
        """What is added to one frame by itself [H, W, 3], and where that was made up [H, W].

        Args:
            refined: by the model already, with the frames beside it.
        """
        if self.gains.is_identity:
            return np.zeros_like(bundle.rgb), np.zeros(bundle.alpha.shape, np.bool_)
        found = refined or refine_in_tiles(self.refiner, bundle, self.seed)
        added = kept_change(change(bundle.rgb, found.rgb, bundle.support > 0), bundle.support, self.gains)
        made_up = bundle.support == 0 if found.generated is None else found.generated
        return added, made_up & (np.abs(added).max(axis=-1) > CHANGED)

    def _backward(self, buffer: Sequence[_Pending]) -> Iterator[tuple[int, FloatImage]]:
        """The mean of both directions for every frame of the buffer, last first."""
        after: FloatImage | None = None
        for place in range(len(buffer) - 1, -1, -1):
            held = buffer[place]
            found = held.residual
            if after is not None:
                later = buffer[place + 1]
                flow = reproject(held.camera, held.depth_z, later.camera, later.depth_z, SAME_SURFACE)
                found = blended(held.residual, flow, after, self.kept)
            after = found
            yield held.index, (0.5 * (held.forward + found)).astype(np.float32)

    def _finished(self, held: _Pending) -> RefinedFrame:
        height, width = held.picture.shape[:2]
        rgb = np.clip(held.picture + enlarged(held.residual, height, width), 0, 1).astype(np.float32)
        changed = np.abs(held.residual).max(axis=-1) > CHANGED
        figures = {"changed": round(float(changed.mean()), 4), "generated": round(float(held.generated.mean()), 4)}
        return RefinedFrame(rgb, held.picture, changed, held.generated, figures)


def alone(frames: RefinedFrames, view: View, camera: Camera, index: int = 0) -> FloatImage:
    """[H, W, 3] one view of the frames' scene, with its depth, refined by itself: no frame beside it is looked at."""
    small = working_camera(camera, frames.long_side)
    reduced = reduced_view(view, small.width, small.height)
    bundle = bundle_of(frames.photos, reduced, small, frames.refiner.noise_channels, index)
    added, _ = frames.residual(bundle)
    render = composite(view)
    return np.clip(render + enlarged(added, *render.shape[:2]), 0, 1).astype(np.float32)
