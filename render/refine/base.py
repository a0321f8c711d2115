"""What every refiner is: it takes a rendered frame with all that is known of it, and returns a better one.

A new model is one file with a class of this shape and one line in ``registry``. Fusion over time, the guard, tiles and
provenance are not its business: one wrapper gives them to all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.reporting import Report

FloatImage = NDArray[np.float32]
Mask = NDArray[np.bool_]

Capability = Literal["learns", "invents", "video"]
"""``learns``: ``prepare`` changes what it does. ``invents``: it draws what no photo saw. ``video``: it takes chunks."""


@dataclass(frozen=True, eq=False)
class WarpedPhoto:
    """A photo as a frame's camera would have seen it, along the depth of the render.

    Attributes:
        name: of the photo, as in the capture.
        rgb: [H, W, 3] in [0, 1], its exposure matched to the scene's; 0 where it is not valid.
        weight: [H, W] in [0, 1], how much the photo says of each pixel: less for one that looked from another side,
            from nearer or farther, or that saw the surface at a slightly other depth; 0 where it is not valid.
    """

    name: str
    rgb: FloatImage
    weight: FloatImage

    @property
    def valid(self) -> Mask:
        """[H, W] the photo shows the surface that is rendered here."""
        return self.weight > 0


@dataclass(frozen=True, eq=False)
class FrameBundle:
    """A rendered frame and what is known of it.

    Attributes:
        rgb: [H, W, 3] in [0, 1], display sRGB, opaque.
        alpha: [H, W] in [0, 1], of the render before its background was put behind it.
        depth_z: [H, W] along the optical axis in scene units, 0 where nothing is seen.
        camera: an ideal pinhole of the frame's size.
        references: the nearest photos seen from here, nearest first; may be empty.
        support: [H, W] uint8, how many photos of the capture saw the surface, counted up to a few.
        noise: [H, W, C] Gaussian of variance 1 that belongs to the surface: the same point, the same noise; C as the
            refiner asks in ``noise_channels``.
        previous: [H, W, 3] the refined frame before, warped to here; None for the first frame of a run.
        previous_valid: [H, W] where it shows the same surface; None with ``previous``.
        frame_index: on the film, from 0.
    """

    rgb: FloatImage
    alpha: FloatImage
    depth_z: FloatImage
    camera: Camera
    references: tuple[WarpedPhoto, ...]
    support: NDArray[np.uint8]
    noise: FloatImage
    previous: FloatImage | None = None
    previous_valid: Mask | None = None
    frame_index: int = 0

    @property
    def height(self) -> int:
        return self.rgb.shape[0]

    @property
    def width(self) -> int:
        return self.rgb.shape[1]

    def crop(self, top: int, bottom: int, left: int, right: int) -> "FrameBundle":
        """The part of rows ``top`` to ``bottom`` and columns ``left`` to ``right``, its camera with it."""
        rows, columns = slice(top, bottom), slice(left, right)
        lens = self.camera.intrinsics
        shifted = replace(lens, width=right - left, height=bottom - top, cx=lens.cx - left, cy=lens.cy - top)
        return replace(
            self,
            rgb=self.rgb[rows, columns],
            alpha=self.alpha[rows, columns],
            depth_z=self.depth_z[rows, columns],
            camera=replace(self.camera, intrinsics=shifted),
            references=tuple(
                replace(photo, rgb=photo.rgb[rows, columns], weight=photo.weight[rows, columns])
                for photo in self.references
            ),
            support=self.support[rows, columns],
            noise=self.noise[rows, columns],
            previous=None if self.previous is None else self.previous[rows, columns],
            previous_valid=None if self.previous_valid is None else self.previous_valid[rows, columns],
        )


@dataclass(frozen=True, eq=False)
class Refined:
    """A refined frame.

    Attributes:
        rgb: [H, W, 3] in [0, 1].
        confidence: [H, W] in [0, 1], how far the model trusts itself; None if it does not say.
        generated: [H, W] what the model made up rather than restored; None if nothing.
    """

    rgb: FloatImage
    confidence: FloatImage | None = None
    generated: Mask | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """A render that never saw a photo, and the photo: what a refiner learns from and what the guard measures on.

    Attributes:
        name: of the photo.
        bundle: the render at the photo's camera by a scene that was fitted without the photo; ``references`` are
            photos that this scene was fitted on.
        photo: [H, W, 3] in [0, 1], its exposure matched to the scene's.
        valid: [H, W] where the photo counts.
    """

    name: str
    bundle: FrameBundle
    photo: FloatImage
    valid: Mask


@dataclass(frozen=True)
class Licence:
    """Of a model's weights.

    Attributes:
        name: as the weights' owner calls it, for example ``Apache-2.0``; ``unknown`` if nothing says it.
        commercial: whether films for customers may be made with it; None if nothing says it.
    """

    name: str
    commercial: bool | None


@dataclass(frozen=True)
class RefineChoice:
    """What was asked of a refiner, as typed.

    Attributes:
        name: from ``registry``, or ``auto``.
        model: folder or hub id of a pipeline for those that take one.
        prompt: words for those that take them.
        steps: of the model for a frame; None is its own default.
        strength: how far from the render a diffusion model may go, from above 0 to 1; None is its own default.
        minutes: for learning the scene's own photos; turned into a number of steps before it starts.
        commercial: refuse weights that films for customers may not be made with.
        invent: let it draw where no photo ever saw the surface.
    """

    name: str = "auto"
    model: str | None = None
    prompt: str = ""
    steps: int | None = None
    strength: float | None = None
    minutes: float = 3.0
    commercial: bool = False
    invent: bool = False


class Refiner(Protocol):
    """A model that refines frames.

    Attributes:
        name: as in ``registry``.
        capabilities: what it can do beyond restoring.
        licence: of its weights.
        noise_channels: how many it wants.
        provenance: names, hashes and settings of what it uses, JSON-able; written into the film's report.
    """

    name: str
    capabilities: frozenset[Capability]
    licence: Licence
    noise_channels: int

    @property
    def provenance(self) -> Mapping[str, object]: ...

    def prepare(
        self, pairs: Sequence[Pair], steps: int, seed: int, workdir: Path | None, report: Report
    ) -> Mapping[str, object]:
        """Learns from the scene's own photos, if the model learns; returns figures of it, JSON-able.

        Args:
            pairs: renders beside photos that they never saw.
            steps: of learning; fixed before, so that the same call gives the same model.
            workdir: keeps a checkpoint, so that an interrupted call goes on; None for none.
        """
        ...

    def refine(self, bundle: FrameBundle, seed: int) -> Refined:
        """The frame, refined; the same bundle and seed give the same bytes.

        Raises:
            SettingsError: if the model cannot take such a frame.
        """
        ...


class LearningRefiner(Refiner, Protocol):
    """A refiner whose ``prepare`` changes it (capability ``learns``): what it learnt can be kept in a folder."""

    def keep(self, folder: Path) -> None:
        """Writes what was learnt."""
        ...

    def recall(self, folder: Path) -> None:
        """Reads what ``keep`` wrote; afterwards ``refine`` gives the same as before.

        Raises:
            InstallationError: if it cannot be read.
        """
        ...


@runtime_checkable
class ChunkRefiner(Refiner, Protocol):
    """A video model: it refines neighbouring frames together (capability ``video``)."""

    chunk_frames: int

    def refine_chunk(self, bundles: Sequence[FrameBundle], seed: int) -> list[Refined]:
        """At most ``chunk_frames`` neighbouring frames, refined together."""
        ...
