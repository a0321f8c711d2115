"""How steady a film is along its surfaces, and how sharp: warp error, excess ratio, revisit error, Laplacian energy.

Pictures are [H, W, 3] display sRGB in [0, 1]; errors are in that unit, or its square. Where a surface point of one
frame lies in another is known exactly from depth and poses; so what differs there is flicker, plus what bilinear
sampling, mixed pixels and shine that moves with the camera add. That floor is in the unrefined film too, and ratios
take it out.

Blur lowers every one of these errors: never show them without ``sharpness_ratio``.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from cameras.camera import Camera

from .frames import LUMA_BLUE, LUMA_GREEN, LUMA_RED
from .quality import Image, flip_map
from .refine.reproject import Reprojection, reproject

FloatImage = NDArray[np.float32]
Mask = NDArray[np.bool_]
Flow = Callable[[int, int], Reprojection]

SOLID_ALPHA = 0.9
EDGE_STEP = 0.05
"""A pixel lies on a depth edge if depths beside it differ by more than this part; on walls of splats it is 1 or 2 %."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What a frame shows, without its colours.

    Attributes:
        camera: an ideal pinhole.
        depth_z: [H, W] along the axis, 0 where nothing is seen.
        alpha: [H, W] in [0, 1].
    """

    camera: Camera
    depth_z: FloatImage
    alpha: FloatImage

    def flow_to(self, later: "Seen") -> Reprojection:
        """Where the pixels of this frame are found in another; valid where both are solid and neither is an edge.

        Solid means alpha above 0.9. ``reproject`` leaves out what is hidden, and edges of the other frame.
        """
        flow = reproject(self.camera, self.depth_z, later.camera, later.depth_z)
        alpha = flow.sample(later.alpha[..., None])[..., 0]
        solid = (self.alpha > SOLID_ALPHA) & (alpha > SOLID_ALPHA)
        return Reprojection(flow.pixels, flow.valid & solid & ~depth_edges(self.depth_z))


def depth_edges(depth_z: FloatImage) -> Mask:
    """[H, W] where the depths of the 3x3 pixels around differ by more than 5 % of the nearest of them."""
    near, far = minimum_filter(depth_z, 3, mode="nearest"), maximum_filter(depth_z, 3, mode="nearest")
    return far - near > EDGE_STEP * near


def squared_warp_error(earlier: Image, later: Image, flow: Reprojection) -> tuple[float, int]:
    """Sum over valid pixels of the mean squared difference of the channels, and the number of these pixels.

    Args:
        flow: where the pixels of ``earlier`` are found in ``later``.
    """
    difference = (earlier - flow.sample(later.astype(np.float32, copy=False)))[flow.valid].astype(np.float64)
    return float(np.square(difference).mean(axis=-1).sum()), int(flow.valid.sum())


def warp_error(frames: Sequence[Image], flow: Flow, gap: int) -> float | None:
    """E_k, the mean squared difference between surface points in frames t and in frames t + k; None without any.

    E_k = sum over t and p of M (I_t(p) - I_t+k(q))^2 / sum of M, over pixels p with M = 1 and the mean of the channels;
    q is where the point seen at p lies in frame t + k. Its root is the RMS warp error; noise of variance v that is
    independent from frame to frame gives 2 v.

    Args:
        flow: where the pixels of frame i are found in frame j, as ``Seen.flow_to`` gives it.
        gap: k in frames; 1 for flicker, 10 for drift.

    Source: Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, section 4.2 (there with an estimated
    flow and the sum of channels, averaged frame by frame; here with the exact flow, pooled over pixels).

    Raises:
        ValueError: if gap is below 1.
    """
    if gap < 1:
        raise ValueError(f"gap must be at least 1 frame, got {gap}")
    pairs = [squared_warp_error(frames[i], frames[i + gap], flow(i, i + gap)) for i in range(len(frames) - gap)]
    count = sum(number for _, number in pairs)
    return sum(total for total, _ in pairs) / count if count else None


def excess_ratio(unrefined: float, per_frame: float, film: float) -> float | None:
    """sqrt(max(E(film) - E(unrefined), 0)) / sqrt(max(E(per-frame) - E(unrefined), 0)): flicker that is left.

    1 if the film flickers as much as frames that are refined one by one, 0 if no more than the unrefined film. Fusing
    independent residuals with weight a brings (1 - a) / sqrt(1 + a), see ``refine.fusion``.

    Args:
        unrefined, per_frame, film: ``warp_error`` over the same pixels.

    Returns:
        None if refining frame by frame adds no flicker, so that there is none to take away.
    """
    added = per_frame - unrefined
    return None if added <= 0 else math.sqrt(max(film - unrefined, 0.0) / added)


def warp_error_ratio(unrefined: float, film: float) -> float | None:
    """E(film) / E(unrefined) of two ``warp_error`` over the same pixels; None if the unrefined film has none."""
    return None if unrefined <= 0 else film / unrefined


def warped_flip(earlier: Image, later: Image, flow: Reprojection) -> float | None:
    """Mean FLIP over valid pixels between a frame and a later one carried back along the flow; None without any."""
    if not flow.valid.any():
        return None
    # FLIP looks at a neighbourhood: where nothing is known nothing may differ.
    carried = np.where(flow.valid[..., None], flow.sample(later.astype(np.float32, copy=False)), earlier)
    return float(flip_map(earlier, carried)[flow.valid].mean())


def revisit_error(first: Image, again: Image, mask: Mask | None = None) -> float:
    """RMS difference of two frames of one pose at different times of the film: of a static scene it should be 0."""
    difference = first.astype(np.float64) - again
    return float(np.sqrt(np.square(difference if mask is None else difference[mask]).mean()))


def laplacian_energy(picture: Image, mask: Mask | None = None) -> float:
    """Mean squared Laplacian of the luma, over inner pixels that lie in the mask with their four neighbours.

    Source: the "energy of Laplacian" focus measure, Pertuz, Puig, Garcia, "Analysis of focus measure operators for
    shape-from-focus", Pattern Recognition 2013, with the four-neighbour kernel; luma of ITU-R BT.709.

    Raises:
        ValueError: if no pixel is left.
    """
    luma = (LUMA_RED * picture[..., 0] + LUMA_GREEN * picture[..., 1] + LUMA_BLUE * picture[..., 2]).astype(np.float64)
    kept = np.ones(luma.shape, np.bool_) if mask is None else mask
    found = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    inside = kept[:-2, 1:-1] & kept[2:, 1:-1] & kept[1:-1, :-2] & kept[1:-1, 2:] & kept[1:-1, 1:-1]
    if not inside.any():
        raise ValueError("the mask leaves no pixel with its neighbours to measure sharpness at")
    return float(np.square(found[inside]).mean())


def sharpness_ratio(picture: Image, photo: Image, mask: Mask | None = None) -> float | None:
    """``laplacian_energy`` of a picture over that of a photo on the same pixels; None if the photo has none.

    1 is as sharp as the photo; less is blur; more is noise, or false detail.
    """
    energy = laplacian_energy(photo, mask)
    return None if energy <= 0 else laplacian_energy(picture, mask) / energy
