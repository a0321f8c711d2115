"""The CPU engine: Gaussians and a camera in, a picture and the gradients of a loss on it out."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cameras.camera import Camera

from ..definition import ALPHA_EPSILON
from ..gaussians import SH_TERMS, Gaussians
from . import binning, compositing, compositing_gradient, ordering, projection, projection_gradient
from .buffers import Buffers
from .jit import exclusive_if_needed, thread_count
from .records import RECORD, TILE, lens_numbers
from .scratch import aligned_zeros

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

Images = tuple[Float32, Float32, Float32 | None, Float32 | None]  # rgb, transmittance, expected and median depth

SHARES_PER_THREAD = 16  # of the projection, whose load is uneven
PAIR_MARGIN = 1.2  # more room for pairs than the last picture needed


@dataclass(frozen=True, eq=False)
class DrawnTiles:
    """What the backward pass needs of the forward pass; views into the rasterizer's buffers.

    Attributes:
        numbers: the camera, from ``lens_numbers``.
        ids: [n] the visible Gaussians in the order of their index.
        rank: [N] the place of each visible Gaussian in depth order.
        records: [n, RECORD] in depth order.
        starts, lists, order, drawn: the tiles' lists, see ``compositing.compose``.
    """

    numbers: Float32
    ids: Int32
    rank: Int32
    records: Float32
    starts: NDArray[np.int64]
    lists: Int32
    order: Int32
    drawn: Int32


@dataclass(frozen=True, eq=False)
class Raster:
    """A picture of Gaussians.

    Attributes:
        rgb: [H, W, 3] float32 over the background, not clamped.
        alpha: [H, W] float32, one minus what the background shows through.
        transmittance: [H, W] float32, 1 - alpha.
        expected_depth_z: [H, W] mean depth weighted by what each Gaussian shows, divided by max(alpha, 1e-6); None
            unless depth was asked for.
        median_depth_z: [H, W] where the ray meets the Gaussian at which the transmittance falls to 0.5, see
            ``reference.depths_on_rays``; 0 where it never does; None unless depth was asked for.
        visible: [N] bool, the Gaussians that reach the image.
        pairs: pairs of Gaussian and tile.
        vectors: rows of tiles, or their parts of LANES pixels, reached by the Gaussians drawn.
    """

    rgb: Float32
    transmittance: Float32
    expected_depth_z: Float32 | None
    median_depth_z: Float32 | None
    visible: NDArray[np.bool_]
    pairs: int
    vectors: int
    sh_degree: int
    antialiased: bool
    serial: int = field(repr=False)
    gaussians: Gaussians = field(repr=False)
    tiles: DrawnTiles = field(repr=False)

    @property
    def alpha(self) -> Float32:
        return 1 - self.transmittance


@dataclass(eq=False)
class GaussianGradients:
    """Gradients of a loss with respect to the parameters of N Gaussians.

    Only the rows of visible Gaussians are written: the others keep what was there (zeros when new).

    Attributes:
        means, quaternions_wxyz, log_scales, logit_opacities, sh: shaped as in ``Gaussians``.
        screen_gradient: [N] length of the gradient with respect to the centre on the image in normalised device
            coordinates (the image is 2 wide and high), the measure of densification in 3DGS.
        visible: [N] bool, the rows that were written last.
    """

    means: Float32
    quaternions_wxyz: Float32
    log_scales: Float32
    logit_opacities: Float32
    sh: Float32
    screen_gradient: Float32
    visible: NDArray[np.bool_]

    @classmethod
    def zeros(cls, count: int) -> "GaussianGradients":
        """For ``count`` Gaussians."""

        def zeros(*shape: int) -> Float32:
            return aligned_zeros((count, *shape))

        return cls(zeros(3), zeros(4), zeros(3), zeros(), zeros(3, SH_TERMS), zeros(), np.zeros(count, np.bool_))


class Rasterizer:
    """Draws Gaussians and differentiates the drawing; owns the buffers of both, so that none is allocated again.

    Two rasterizers are independent. One rasterizer serves one thread at a time.
    """

    def __init__(self, threads: int | None = None) -> None:
        """``threads``: how many to use, all that Numba has if None. The same count gives the same bytes."""
        self._threads = thread_count(threads)
        self._buffers = Buffers()
        self._serial = 0
        self._pair_room = 0  # of each thread, for the pairs of Gaussian and tile

    @property
    def threads(self) -> int:
        return self._threads

    def forward(
        self,
        gaussians: Gaussians,
        camera: Camera,
        *,
        sh_degree: int = 3,
        background: ArrayLike = (0.0, 0.0, 0.0),
        antialiased: bool = True,
        depth: bool = False,
    ) -> Raster:
        """Draw the Gaussians.

        Args:
            gaussians: N Gaussians; those with a parameter that is not a number are not drawn.
            camera: an ideal pinhole.
            sh_degree: degree of the spherical harmonics that count, 0 to 3.
            background: [3] colour behind everything.
            antialiased: lower the opacity by what the low-pass filter adds to the area (Mip-Splatting).
            depth: also make the depth images.

        Returns:
            The picture; it may be given to ``backward`` until the next ``forward`` of this rasterizer.

        Raises:
            SettingsError: if the lens is distorted.
            ValueError: if the degree is not 0, 1, 2 or 3.
        """
        if not 0 <= sh_degree <= 3:
            raise ValueError(f"sh_degree must be 0 to 3, got {sh_degree}")
        numbers = lens_numbers(camera)
        behind = np.ascontiguousarray(background, dtype=np.float32)
        self._serial += 1
        with exclusive_if_needed():
            ids, sorted_ids, keys = self._project_and_sort(gaussians, numbers, sh_degree, antialiased)
            tiles, pairs = self._bin(len(gaussians), numbers, ids, sorted_ids, camera.width, camera.height)
            images, vectors = self._compose(tiles, behind, (camera.height, camera.width), depth, depth)
        return Raster(*images, keys != 0, pairs, vectors, sh_degree, antialiased, self._serial, gaussians, tiles)

    def _compose(
        self, tiles: DrawnTiles, behind: Float32, shape: tuple[int, int], with_expected: bool, with_median: bool
    ) -> tuple[Images, int]:
        """The images, and how many vectors the Gaussians reached; ``with_expected`` only ``with_median``."""
        rgb, transmittance = np.empty((*shape, 3), np.float32), np.empty(shape, np.float32)
        expected = np.empty(shape, np.float32) if with_expected else None
        median = np.empty(shape, np.float32) if with_median else None
        vectors = np.zeros(self._threads, np.int64)
        arguments = (tiles.records, tiles.starts, tiles.lists, tiles.order, behind, rgb, transmittance)
        if median is None:
            compositing.compose(*arguments, tiles.drawn, vectors)
        else:
            compositing.compose_with_depth(*arguments, tiles.drawn, vectors, expected, median)
        return (rgb, transmittance, expected, median), int(vectors.sum())

    def _project_and_sort(
        self, gaussians: Gaussians, numbers: Float32, sh_degree: int, antialiased: bool
    ) -> tuple[Int32, Int32, Int32]:
        """The visible Gaussians by index and by depth, and the keys of all."""
        g, n = gaussians, len(gaussians)
        records, keys, counts = self._projected(n)
        parameters = (g.means, g.quaternions_wxyz, g.log_scales, g.logit_opacities, g.sh)
        projection.project(*parameters, sh_degree, numbers, antialiased, records, keys, counts)
        return (*self._sort(keys, counts), keys)

    def _projected(self, n: int) -> tuple[Float32, Int32, NDArray[np.int64]]:
        """Room for the records, keys and counts of a projection."""
        counts = np.zeros(self._threads * SHARES_PER_THREAD, np.int64)
        return self._buffers.get("records", (n, RECORD), np.float32), self._buffers.get("keys", (n,), np.int32), counts

    def _sort(self, keys: Int32, counts: NDArray[np.int64]) -> tuple[Int32, Int32]:
        """The visible Gaussians by index and by depth."""
        buffers, n = self._buffers, len(keys)
        names = ("ids", "sorted_ids", "spare_ids", "sorted_keys", "spare_keys")
        ids, sorted_ids, spare_ids, sorted_keys, spare_keys = (buffers.get(name, (n,), np.int32) for name in names)
        visible, least, greatest = ordering.compact(keys, counts, ids, sorted_keys)
        sorted_ids[:visible] = ids[:visible]
        if visible:
            spares = (spare_keys, spare_ids)
            ordering.sort_by_depth(sorted_keys, sorted_ids, *spares, visible, least, greatest, self._threads)
        return ids[:visible], sorted_ids[:visible]

    def _bin(
        self, n: int, numbers: Float32, ids: Int32, sorted_ids: Int32, width: int, height: int
    ) -> tuple[DrawnTiles, int]:
        """The tiles' lists, and how many entries they have."""
        buffers, visible = self._buffers, len(ids)
        tiles_x, tiles_y = -(-width // TILE), -(-height // TILE)
        tiles = tiles_x * tiles_y
        records = buffers.get("records", (n, RECORD), np.float32)
        sorted_records = buffers.get("sorted_records", (visible, RECORD), np.float32)
        rank = buffers.get("rank", (n,), np.int32)
        counts = buffers.get("counts", (self._threads, tiles), np.int64)
        listed = self._list_pairs(sorted_ids, records, rank, (tiles_x, tiles_y), sorted_records, counts)
        starts = buffers.get("starts", (tiles + 1,), np.int64)
        pairs = int(binning.count_to_offsets(counts, starts))
        lists = buffers.get("lists", (pairs,), np.int32)
        binning.scatter(*listed, counts, lists)
        order = np.argsort(starts[:-1] - starts[1:], kind="stable").astype(np.int32)
        drawn = buffers.get("drawn", (tiles,), np.int32)
        return DrawnTiles(numbers, ids, rank, sorted_records, starts, lists, order, drawn), pairs

    def _list_pairs(
        self, ids: Int32, records: Float32, rank: Int32, tiles: tuple[int, int], sorted_records: Float32,
        counts: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], Int32, Int32]:  # fmt: skip
        """Calls ``binning.gather_and_count`` with room for all pairs; their number, tiles and ranks by thread."""
        pairs = np.zeros(self._threads, np.int64)
        while True:
            room = (self._threads, self._pair_room)
            listed = self._buffers.get("pair_tiles", room, np.int32), self._buffers.get("pair_ranks", room, np.int32)
            counts.fill(0)
            binning.gather_and_count(ids, len(ids), records, rank, *tiles, sorted_records, counts, *listed, pairs)
            most = int(pairs.max())
            if most <= self._pair_room:
                return pairs, *listed
            self._pair_room = int(PAIR_MARGIN * most)

    def backward(
        self,
        raster: Raster,
        d_rgb: Float32,
        d_alpha: Float32 | None = None,
        d_expected_depth_z: Float32 | None = None,
        gradients: GaussianGradients | None = None,
    ) -> GaussianGradients:
        """The gradients of a loss on a picture.

        Args:
            raster: the result of the last ``forward`` of this rasterizer; the parameters must not have changed since.
            d_rgb: [H, W, 3] gradient of the loss with respect to ``raster.rgb``.
            d_alpha: [H, W] the same for ``raster.alpha``.
            d_expected_depth_z: [H, W] the same for ``raster.expected_depth_z``.
            gradients: to be written to; made if None or if the number of Gaussians is another.

        Raises:
            ValueError: if the raster is not of the last ``forward``, a shape is wrong, or the gradient of a depth is
                given for a picture without one.
        """
        if raster.serial != self._serial:
            raise ValueError("backward needs the raster of this rasterizer's last forward call")
        for name, array in (("d_rgb", d_rgb), ("d_alpha", d_alpha), ("d_expected_depth_z", d_expected_depth_z)):
            wanted = raster.rgb.shape if name == "d_rgb" else raster.transmittance.shape
            if array is not None and array.shape != wanted:
                raise ValueError(f"{name} must have shape {wanted}, got {array.shape}")
        n = len(raster.gaussians)
        if gradients is None or len(gradients.means) != n:
            gradients = GaussianGradients.zeros(n)
        with exclusive_if_needed():
            sums = self._differentiate_compositing(raster, d_rgb, d_alpha, d_expected_depth_z)
            self._differentiate_projection(raster, sums, gradients)
        gradients.visible[...] = raster.visible
        return gradients

    def _differentiate_compositing(
        self, raster: Raster, d_rgb: Float32, d_alpha: Float32 | None, d_expected_depth_z: Float32 | None
    ) -> Float32:
        """[threads, n, RECORD] sums over pixels, from zeros and to be left as zeros."""
        tiles = raster.tiles
        sums = self._buffers.get("sums", (self._threads, len(tiles.ids), RECORD), np.float32)
        extra = self._buffers.get("extra", raster.transmittance.shape, np.float32)
        extra.fill(0)
        if d_alpha is not None:
            np.multiply(d_alpha, -raster.transmittance, out=extra)
        d_rgb = np.ascontiguousarray(d_rgb, dtype=np.float32)
        arguments = (tiles.records, tiles.starts, tiles.lists, tiles.order, tiles.drawn, raster.rgb, d_rgb, extra, sums)
        if d_expected_depth_z is None:
            compositing_gradient.differentiate(*arguments)
            return sums
        if raster.expected_depth_z is None:
            raise ValueError("d_expected_depth_z was given for a picture that was drawn without depth")
        d_depth = self._buffers.get("d_depth", (2, *extra.shape), np.float32)
        np.divide(d_expected_depth_z, np.maximum(raster.alpha, np.float32(ALPHA_EPSILON)), out=d_depth[0])
        np.multiply(d_depth[0], -raster.expected_depth_z, out=d_depth[1])
        compositing_gradient.differentiate_with_depth(*arguments, d_depth)
        return sums

    def _differentiate_projection(self, raster: Raster, sums: Float32, gradients: GaussianGradients) -> None:
        tiles, g, d = raster.tiles, raster.gaussians, gradients
        projection_gradient.differentiate(
            self._threads * SHARES_PER_THREAD, tiles.ids, tiles.rank, tiles.records, sums,
            g.means, g.quaternions_wxyz, g.log_scales, g.logit_opacities, g.sh,
            raster.sh_degree, tiles.numbers, raster.antialiased,
            d.means, d.quaternions_wxyz, d.log_scales, d.logit_opacities, d.sh, d.screen_gradient,
        )  # fmt: skip
