"""Photos that no scene was fitted on, beside what a scene shows and what a refiner makes of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cameras.reporting import Report, silent
from scenes.captures.pixels import PosedPhoto
from scenes.scene import FloatImage, Scene

from .evaluation_scales import opaque
from .frames import composite
from .quality import Scores, score
from .refine.base import Mask
from .refine.frames import RefinedFrames, alone


@dataclass(frozen=True, eq=False)
class RefinedPhoto:
    """A held-out photo beside its render and the refined render.

    Attributes:
        truth, render, refined: [H, W, 3] in [0, 1].
        valid: [H, W] where the photo counts, None if everywhere.
    """

    name: str
    truth: FloatImage
    render: FloatImage
    refined: FloatImage
    valid: Mask | None
    before: Scores
    after: Scores


def refined_photos(
    scene: Scene, frames: RefinedFrames, photos: Sequence[PosedPhoto], report: Report = silent
) -> Iterator[RefinedPhoto]:
    """One by one: photos are many and large.

    Args:
        scene: what is shown before.
        frames: what is shown after; their scene may be another.
        report: told ``"score refined photos"``.
    """
    for index, photo in enumerate(photos):
        truth, render = opaque(photo), composite(scene.view(photo.camera))
        refined = alone(frames, frames.scene.view(photo.camera, ("rgb", "depth_z")), photo.camera)
        before, after = (score(truth, picture, photo.valid) for picture in (render, refined))
        report("score refined photos", (index + 1) / len(photos), {})
        yield RefinedPhoto(photo.name, truth, render, refined, photo.valid, before, after)
