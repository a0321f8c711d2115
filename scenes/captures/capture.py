"""A capture: posed images, a sparse point cloud and where they came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from scenes.scene import World


@dataclass(frozen=True, eq=False)
class CaptureImage:
    """One posed image on disk.

    Attributes:
        name: unique within the capture; a relative POSIX path, used in reports and for sorting.
        path: the image file.
        camera: pose and lens of the file as stored (after EXIF orientation), distortion included.
        mask_path: single-channel image of the same size, black is ignored.
        depth_path: single-channel 16- or 32-bit image of depth_z in steps of ``depth_step``, 0 unknown.
        depth_step: scene units per step of the depth image; 0.001 is nerfstudio's convention (millimetres).
        weight: how much this image counts in fitting.
        exposure_ev: exposure relative to the capture's mean in stops, None if unknown.
        background: colour in [0, 1] behind a transparent image; None means alpha is used as a mask of the object.
        split: the data set's own split, if it has one.
        is_generated: made by a model, not by a camera.
    """

    name: str
    path: Path
    camera: Camera
    mask_path: Path | None = None
    depth_path: Path | None = None
    depth_step: float = 1e-3
    weight: float = 1.0
    exposure_ev: float | None = None
    background: tuple[float, float, float] | None = None
    split: Literal["train", "val", "test"] | None = None
    is_generated: bool = False


@dataclass(frozen=True, eq=False)
class SparsePoints:
    """Points that several images agree on.

    Attributes:
        positions_world: [P, 3] float64.
        colors: [P, 3] uint8 sRGB.
        errors_px: [P] float32 mean reprojection error in pixels, 0 if unknown.
    """

    positions_world: NDArray[np.float64]
    colors: NDArray[np.uint8]
    errors_px: NDArray[np.float32]

    @classmethod
    def empty(cls) -> "SparsePoints":
        return cls(np.zeros((0, 3)), np.zeros((0, 3), np.uint8), np.zeros(0, np.float32))


@dataclass(frozen=True, eq=False)
class Capture:
    """Posed images in one world.

    Attributes:
        images: sorted by name.
        points: sparse points in the same world; may be empty.
        world: bounds, up and scale of the world.
        provenance: what was read, what was skipped and why, which transforms were undone; JSON-able.
    """

    images: tuple[CaptureImage, ...]
    points: SparsePoints
    world: World
    provenance: Mapping[str, object] = field(default_factory=dict[str, object])
