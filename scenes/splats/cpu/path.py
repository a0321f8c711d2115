"""The CPU engine for the frames of a path: no gradients, nothing computed again that did not change."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cameras.camera import Camera

from ..gaussians import Gaussians
from . import path_projection
from .jit import exclusive_if_needed
from .rasterizer import Rasterizer
from .records import lens_numbers
from .vec import LANES

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PathFrame:
    """A frame of a path, as ``Raster`` has it.

    Attributes:
        rgb: [H, W, 3] over the background, not clamped.
        transmittance: [H, W].
        expected_depth_z, median_depth_z: [H, W], None unless asked for.
    """

    rgb: Float32
    transmittance: Float32
    expected_depth_z: Float32 | None
    median_depth_z: Float32 | None


class PathRasterizer(Rasterizer):
    """Draws the same Gaussians from one camera after another, best from neighbouring places.

    The first frame is drawn as ``Rasterizer.forward`` draws it. In those behind it a colour may differ by what
    ``path_projection`` allows, less than 1 / 512, and depends on the frames before: the same cameras from the first on
    give the same bytes.
    """

    def __init__(
        self,
        gaussians: Gaussians,
        *,
        sh_degree: int = 3,
        background: ArrayLike = (0.0, 0.0, 0.0),
        antialiased: bool = True,
        threads: int | None = None,
    ) -> None:
        """The arguments of ``Rasterizer.forward``; the Gaussians must not change from now on."""
        super().__init__(threads)
        self._gaussians, self._sh_degree, self._antialiased = gaussians, sh_degree, antialiased
        self._behind = np.ascontiguousarray(background, dtype=np.float32)
        self._n_drawn = 0

    def frame(self, camera: Camera, *, depth: bool = False, expected_depth: bool = False) -> PathFrame:
        """Draw the next frame, with median depth (a quarter more time) if asked for; expected depth brings both.

        Raises:
            SettingsError: if the lens is distorted.
        """
        numbers, gaussians = lens_numbers(camera), self._gaussians
        with exclusive_if_needed():
            if self._n_drawn == 0:  # a path of one frame keeps nothing
                ids, sorted_ids, _ = self._project_and_sort(gaussians, numbers, self._sh_degree, self._antialiased)
            else:
                ids, sorted_ids = self._project_kept_and_sort(numbers)
            self._n_drawn += 1
            tiles, _ = self._bin(len(gaussians), numbers, ids, sorted_ids, camera.width, camera.height)
            shape = (camera.height, camera.width)
            with_median = depth or expected_depth
            images, _ = self._compose(tiles, self._behind, shape, expected_depth, with_median)
        return PathFrame(*images)

    def _project_kept_and_sort(self, numbers: Float32) -> tuple[Int32, Int32]:
        """The visible Gaussians by index and by depth; what is kept is made first where there is nothing yet."""
        g, degree = self._gaussians, self._sh_degree
        blocks = -(-len(g) // LANES)
        kept = self._buffers.get("kept", (blocks, path_projection.KEPT * LANES), np.float32)
        if self._n_drawn == 1:
            shapes = (g.means, g.quaternions_wxyz, g.log_scales, g.logit_opacities)
            path_projection.keep(*shapes, g.sh, degree, kept)
        records, keys, counts = self._projected(len(g))
        path_projection.project_kept(kept, g.sh, degree, numbers, self._antialiased, records, keys, counts)
        return self._sort(keys, counts)
