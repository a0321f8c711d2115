"""How right a scene's geometry is: floaters, holes and depth on views of which the true depth is known.

The depth of a scene is its median depth (``View.depth_z``): that of the surface at which the opacity collected along
the ray first reaches 0.5, where the ray meets it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.reporting import Report, silent
from scenes.scene import FloatImage, Scene

Mask = NDArray[np.bool_]

FLOATER_BEFORE = 0.05
"""A ray meets a floater if half of its opacity comes this share of the distance before the true surface."""

HOLE_BELOW_ALPHA = 0.95
DEPTH_WITHIN = 0.03


@dataclass(frozen=True, eq=False)
class TrueFrame:
    """A view and its truth, on every ``step``-th pixel: entry [i, j] is the centre of pixel (step j, step i).

    Attributes:
        name: of the view.
        camera: an ideal pinhole in the world of the scene, in free space.
        depth_z: [h, w] of the first surface in scene units, 0 where there is none or it is unknown.
        seen: [h, w] whether the fitted photos saw that surface.
        step: pixels from entry to entry.
    """

    name: str
    camera: Camera
    depth_z: FloatImage
    seen: Mask
    step: int = 1


@dataclass(frozen=True)
class GeometryFigures:
    """Shares of the pixels of one view or several.

    Attributes:
        floaters: of the rays whose true surface is known, those that collect opacity 0.5 more than 5 % before it.
        holes: of the pixels where a surface is that a fitted photo saw, those with alpha below 0.95.
        depth_within_3_percent: of the pixels whose true depth is known, those with a median depth within 3 % of it.
        rays, surfaces: how many pixels the first and last, and the second, are shares of.
    """

    floaters: float
    holes: float
    depth_within_3_percent: float
    rays: int
    surfaces: int

    @classmethod
    def over(cls, figures: Sequence["GeometryFigures"]) -> "GeometryFigures":
        """Of several views together: each pixel counts the same."""
        rays, surfaces = sum(f.rays for f in figures), sum(f.surfaces for f in figures)
        return cls(
            sum(f.floaters * f.rays for f in figures) / max(rays, 1),
            sum(f.holes * f.surfaces for f in figures) / max(surfaces, 1),
            sum(f.depth_within_3_percent * f.rays for f in figures) / max(rays, 1),
            rays,
            surfaces,
        )

    def shares(self) -> dict[str, float]:
        """The three figures by name."""
        names = ("floaters", "holes", "depth_within_3_percent")
        return {name: float(getattr(self, name)) for name in names}


@dataclass(frozen=True, eq=False)
class DepthComparison:
    """True and rendered depth of a view, for pictures; arrays are [h, w], as of its ``TrueFrame``.

    Attributes:
        name: of the view.
        true_depth_z, depth_z: in scene units, 0 where nothing is.
        is_floater, is_hole, is_right: the pixels that the figures count.
        figures: of the view.
    """

    name: str
    true_depth_z: FloatImage
    depth_z: FloatImage
    is_floater: Mask
    is_hole: Mask
    is_right: Mask
    figures: GeometryFigures


def compare_depth(frame: TrueFrame, depth_z: FloatImage, alpha: FloatImage) -> DepthComparison:
    """Judges a view's median depth_z and alpha, both [h, w] on the pixels of the truth."""
    truth = frame.depth_z
    known = truth > 0
    # A ray that never collects 0.5 has no depth: it is no floater, and not right either.
    is_floater = known & (depth_z > 0) & (depth_z < (1 - FLOATER_BEFORE) * truth)
    is_right = known & (np.abs(depth_z - truth) <= DEPTH_WITHIN * truth)
    surface = known & frame.seen
    is_hole = surface & (alpha < HOLE_BELOW_ALPHA)
    rays, surfaces = int(known.sum()), int(surface.sum())
    figures = GeometryFigures(
        int(is_floater.sum()) / max(rays, 1),
        int(is_hole.sum()) / max(surfaces, 1),
        int(is_right.sum()) / max(rays, 1),
        rays,
        surfaces,
    )
    return DepthComparison(frame.name, truth, depth_z, is_floater, is_hole, is_right, figures)


def compare_depths(scene: Scene, frames: Sequence[TrueFrame]) -> Iterator[DepthComparison]:
    """Each frame's truth beside the scene's view of it.

    Alpha is the scene's own, without the colour that may stand behind it (the pass ``coverage``).
    """
    views = scene.views((frame.camera for frame in frames), ("rgb", "depth_z", "coverage"))
    for frame, view in zip(frames, views, strict=True):
        every = (slice(None, None, frame.step), slice(None, None, frame.step))
        yield compare_depth(frame, view.depth_z[every], view.passes["coverage"][every])


def measure(
    scene: Scene,
    frames: Sequence[TrueFrame],
    *,
    report: Report = silent,
    on_comparison: Callable[[str, DepthComparison], None] | None = None,
) -> list[tuple[str, GeometryFigures]]:
    """(name, figures) of each frame.

    Args:
        report: told ``"measure the geometry"``.
        on_comparison: is shown every frame, as ``"depth"``.
    """
    found: list[tuple[str, GeometryFigures]] = []
    for comparison in compare_depths(scene, frames):
        found.append((comparison.name, comparison.figures))
        if on_comparison is not None:
            on_comparison("depth", comparison)
        report("measure the geometry", len(found) / len(frames), {})
    return found
