"""The space that a camera may fly in: all that the planner ever knows of a scene.

A grid of cubes over the scene. A cube holds a surface, or is known to be empty, or nobody knows: unknown space is
never free. What lies outside the grid is unknown.
"""

import zipfile
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Floats
from .camera import Camera
from .errors import InputError
from .freespace_rays import HIDDEN, OUTSIDE, SURFACE, cast_rays, visible_points
from .untyped import ndimage

Mask = NDArray[np.bool_]
Cells = NDArray[np.uint8]

UNKNOWN, FREE, OCCUPIED = 0, 1, 2
"""What a cube of ``FreeSpace.cells`` holds."""
FORMAT = "flythrough-freespace-1"
_FRAME_ROWS, _FRAME_COLUMNS = 27, 48


@dataclass(frozen=True, eq=False)
class FreeSpace:
    """Where a camera may be, in world coordinates (+z up).

    Attributes:
        origin_world: [3] the corner of the grid with the least coordinates.
        voxel: edge of a cube in world units.
        cells: [X, Y, Z] uint8, UNKNOWN, FREE or OCCUPIED.
        distance: [X, Y, Z] float32 world units from each cube's centre to the nearest surface or unknown cube; 0 in
            cubes that are not free.
        surface_world: [n, 3] float32 points on the surface, one for each OCCUPIED cube in C order.
        surface_normals_world: [n, 3] float32 unit normals there, to either side.
        surface_seen: [n] which of them the capture really saw.
        views_position_world, views_forward_world: [k, 3] where photos were taken, and along which unit directions;
            k may be 0.
        starts_world: [m, 3] places known to be good to stand in; reachable space is what is joined to one of them.
        metres_per_unit: of the world, as known or assumed.
        is_interior: the starts are enclosed by walls.

    Raises:
        ValueError: if shapes do not fit together.
    """

    origin_world: Floats
    voxel: float
    cells: Cells
    distance: NDArray[np.float32]
    surface_world: NDArray[np.float32]
    surface_normals_world: NDArray[np.float32]
    surface_seen: Mask
    views_position_world: Floats
    views_forward_world: Floats
    starts_world: Floats
    metres_per_unit: float = 1.0
    is_interior: bool = True

    def __post_init__(self) -> None:
        n = int(np.count_nonzero(self.cells == OCCUPIED))
        shapes = (self.surface_world.shape, self.surface_normals_world.shape, self.surface_seen.shape)
        if self.cells.shape != self.distance.shape or shapes != ((n, 3), (n, 3), (n,)):
            raise ValueError(f"{n} occupied cubes of {self.cells.shape} do not fit {self.distance.shape} and {shapes}")
        if not (self.voxel > 0 and self.metres_per_unit > 0):
            raise ValueError(f"voxel and metres_per_unit must be positive, got {self.voxel}, {self.metres_per_unit}")

    def clearance(self, points_world: ArrayLike) -> Floats:
        """Distances [...] from points [..., 3] to the nearest surface or unknown space, in world units; 0 outside.

        Trilinear between the centres of cubes, which is right to a fraction of a cube.
        """
        points = np.asarray(points_world, dtype=np.float64)
        at = (points.reshape(-1, 3) - self.origin_world) / self.voxel - 0.5
        found = ndimage.map_coordinates(self.distance, at.T, order=1, mode="constant", cval=0.0)
        return np.asarray(found, dtype=np.float64).reshape(points.shape[:-1])

    def segment_is_free(self, start_world: ArrayLike, end_world: ArrayLike, radius: float) -> Mask:
        """[...] whether a ball of that radius can be pushed along segments from [..., 3] to [..., 3]."""
        return self.segment_clearance(start_world, end_world) >= radius

    def segment_clearance(self, start_world: ArrayLike, end_world: ArrayLike) -> Floats:
        """Least clearance [...] along segments from [..., 3] to [..., 3], felt at every half cube."""
        start, end = np.broadcast_arrays(np.asarray(start_world, np.float64), np.asarray(end_world, np.float64))
        longest = float(np.linalg.norm(end - start, axis=-1).max(initial=0.0))
        parts = np.linspace(0.0, 1.0, 2 + int(2 * longest / self.voxel))[:, None]
        points = start[..., None, :] * (1 - parts) + end[..., None, :] * parts
        return np.asarray(self.clearance(points).min(axis=-1), dtype=np.float64)

    def reachable(self, radius: float, starts_world: ArrayLike | None = None) -> Mask:
        """[X, Y, Z] cubes at which a ball of that radius can arrive from one of the starts (all, if None).

        A start that is nearer than that to something counts from the roomiest cube within two radii of it.
        """
        roomy = self.distance >= radius
        labels, _ = ndimage.label(roomy)
        starts = self.starts_world if starts_world is None else np.asarray(starts_world, dtype=np.float64)
        wanted = {int(labels[self._roomiest(start, radius)]) for start in starts.reshape(-1, 3)} - {0}
        return np.asarray(np.isin(labels, sorted(wanted)), dtype=np.bool_)

    def _roomiest(self, point: Floats, radius: float) -> tuple[int, int, int]:
        here = np.floor((point - self.origin_world) / self.voxel).astype(int)
        reach = int(np.ceil(2 * radius / self.voxel))
        low = np.clip(here - reach, 0, np.array(self.cells.shape) - 1)
        high = np.clip(here + reach + 1, 1, self.cells.shape)
        if (here >= 0).all() and (here < self.cells.shape).all() and self.distance[tuple(here)] >= radius:
            return tuple(here)
        block = self.distance[low[0] : high[0], low[1] : high[1], low[2] : high[2]]
        best = np.unravel_index(int(np.argmax(block)), block.shape)
        return tuple(int(a + b) for a, b in zip(low, best, strict=True))  # type: ignore[return-value]

    def centres_world(self, mask: Mask) -> Floats:
        """[n, 3] centres of the cubes in a mask, in C order."""
        return self.origin_world + (np.argwhere(mask) + 0.5) * self.voxel

    def cast(self, origins_world: ArrayLike, directions_world: ArrayLike, reach: float) -> tuple[Floats, Cells]:
        """How far rays [n, 3] go, and what stops them.

        Returns:
            [n] distances in units of the directions' length, at most ``reach``; [n] uint8, one of
            ``freespace_rays.SURFACE, HIDDEN, OUTSIDE, NOTHING``.
        """
        return cast_rays(
            np.ascontiguousarray(origins_world, dtype=np.float64),
            np.ascontiguousarray(directions_world, dtype=np.float64),
            float(reach),
            self.origin_world,
            self.voxel,
            self.cells,
        )[:2]

    def visible_from(self, point_world: ArrayLike, reach: float = np.inf) -> Mask:
        """[n] which points of ``surface_world`` can be seen from a point, in any direction, within ``reach``."""
        return self.are_visible(self.surface_world, self.surface_normals_world, point_world, reach)

    def are_visible(
        self,
        targets_world: NDArray[np.float32],
        normals_world: NDArray[np.float32],
        point_world: ArrayLike,
        reach: float = np.inf,
    ) -> Mask:
        """[n] which points on the surface, with unit normals to either side, nothing hides from a point."""
        point = np.asarray(point_world, dtype=np.float64)
        # A ray that grazes a wall runs through the cubes of the wall: one cube above its target it is clear of them.
        side = np.sign(np.sum((point - targets_world) * normals_world, axis=1, keepdims=True))
        above = (targets_world + side * self.voxel * normals_world).astype(np.float32)
        return visible_points(point, above, float(reach), self.origin_world, self.voxel, self.cells)

    def seen_fraction(self, camera: Camera) -> float:
        """The part of a camera's picture that shows surface which the capture saw, from 0 to 1."""
        x = (np.arange(_FRAME_COLUMNS) + 0.5) * camera.width / _FRAME_COLUMNS
        y = (np.arange(_FRAME_ROWS) + 0.5) * camera.height / _FRAME_ROWS
        pixels = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        rays = camera.intrinsics.rays(pixels) @ camera.world_from_camera.rotation.T
        return float(np.mean(self.meet_seen_surface(np.broadcast_to(camera.position_world, rays.shape), rays)))

    def meet_seen_surface(self, origins_world: ArrayLike, directions_world: ArrayLike) -> Mask:
        """[n] whether rays [n, 3] first meet a surface that the capture saw, and nothing unknown before it."""
        return self.meet(origins_world, directions_world)[2]

    def meet(
        self, origins_world: ArrayLike, directions_world: ArrayLike, blind: float = 0.0
    ) -> tuple[Floats, Cells, Mask]:
        """What rays [n, 3] meet first, however far.

        Args:
            blind: unknown space nearer than this, in lengths of the directions, stops nothing.

        Returns:
            [n] distances in lengths of the directions; [n] what stops them, as `cast` has it; [n] whether that is a
            surface that the capture saw.
        """
        origins = np.ascontiguousarray(origins_world, dtype=np.float64)
        rays = np.ascontiguousarray(directions_world, dtype=np.float64)
        shortest = max(1e-9, float(np.linalg.norm(rays, axis=1).min(initial=1)))
        reach = 2 * float(np.linalg.norm(self.size_world)) / shortest
        far, kinds, cells = cast_rays(origins, rays, reach, self.origin_world, self.voxel, self.cells, blind)
        seen = (kinds == SURFACE) & self._seen_or_no[self.surface_numbers[cells]]
        return far, kinds, np.asarray(seen, dtype=np.bool_)

    @property
    def size_world(self) -> Floats:
        """[3] edges of the grid."""
        return np.array(self.cells.shape) * self.voxel

    @cached_property
    def surface_numbers(self) -> NDArray[np.int64]:
        """[X * Y * Z] the row in ``surface_world`` of each cube, -1 where it holds no surface."""
        occupied = (self.cells == OCCUPIED).ravel()
        return np.where(occupied, np.cumsum(occupied) - 1, -1)

    @cached_property
    def _seen_or_no(self) -> Mask:
        return np.append(self.surface_seen, False)

    def save(self, path: Path) -> None:
        """Writes an ``.npz``."""
        arrays = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        with path.open("wb") as file:
            np.savez_compressed(file, format=np.array(FORMAT), **cast(Any, arrays))

    @classmethod
    def load(cls, path: Path) -> "FreeSpace":
        """Reads what `save` wrote.

        Raises:
            InputError: if the file is missing, no such file, or damaged.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                if str(archive["format"]) != FORMAT:
                    raise ValueError("another format")
                found: dict[str, Any] = {field.name: archive[field.name] for field in fields(cls)}
            found |= {name: found[name].item() for name in ("voxel", "metres_per_unit", "is_interior")}
            return cls(**found)
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"the free space of a scene was expected in {path}, but it cannot be read ({error}); plan it again."
            ) from error


def is_unseen(kinds: Cells, seen: Mask) -> Mask:
    """[n] which rays of `FreeSpace.meet` end where no photo saw. What leaves the grid goes through space that is known
    to be free, so photos looked there too, at sky or at what is too far away or too dim for its depth to be known."""
    return np.asarray(((kinds == SURFACE) & ~seen) | (kinds == HIDDEN), dtype=np.bool_)


__all__ = ["FREE", "OCCUPIED", "OUTSIDE", "SURFACE", "UNKNOWN", "FreeSpace", "is_unseen"]
