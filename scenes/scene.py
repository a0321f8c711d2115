"""Everything that can be looked at is a ``Scene``: splats, a NeRF and a mesh are three engines behind it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera

FloatImage = NDArray[np.float32]


@dataclass(frozen=True)
class World:
    """What is known of the world's frame: right-handed, +z up and metres once gravity and scale are known.

    Attributes:
        bounds_min, bounds_max: [3] corners of the box that holds what was captured, in scene units.
        up_known: whether +z was found to be up; if not, the axes are the input's own.
        metres_per_unit: length of one scene unit in metres, None until it is known.
        provenance: where this world came from, JSON-able.
    """

    bounds_min: NDArray[np.float64]
    bounds_max: NDArray[np.float64]
    up_known: bool = False
    metres_per_unit: float | None = None
    provenance: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class View:
    """What a camera sees.

    Attributes:
        rgb: [H, W, 3] float32, display sRGB premultiplied by alpha.
        alpha: [H, W] float32 in [0, 1].
        passes: further images by name that were asked for (``depth_z``, ``expected_depth_z``, ``normals``, ...).
    """

    rgb: FloatImage
    alpha: FloatImage
    passes: Mapping[str, FloatImage] = field(default_factory=dict[str, FloatImage])

    @property
    def depth_z(self) -> FloatImage:
        """[H, W] float32 median depth along the optical axis in scene units; 0 where nothing is seen.

        Raises:
            KeyError: if the pass ``depth_z`` was not asked for.
        """
        return self.passes["depth_z"]


class Scene(Protocol):
    """Something that can be looked at. Engines render an ideal pinhole only."""

    @property
    def world(self) -> World: ...

    def views(self, cameras: Iterable[Camera], passes: tuple[str, ...] = ("rgb",)) -> Iterator[View]:
        """One view a camera, in order; may keep state from one frame to the next.

        Raises:
            SettingsError: if a camera is not an ideal pinhole, or a pass is not offered.
        """
        ...

    def view(self, camera: Camera, passes: tuple[str, ...] = ("rgb",)) -> View: ...

    def save(self, path: Path) -> None: ...
