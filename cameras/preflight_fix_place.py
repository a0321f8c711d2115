"""Repairs of where a camera is: rows of places evenly in time, [M, 3] in world units."""

import numpy as np

from .arrays import Floats, norms
from .errors import SettingsError
from .freespace import FreeSpace, Mask
from .freespace_routes import Router
from .limits import Limits
from .path import CameraPath
from .preflight import swept_times
from .shot_list import ShotList
from .take import takes_of
from .tour_route import ROWS_PER_S, inside, smoothed
from .untyped import ndimage

_PART = 0.95
_SIGMA_S = 0.6


class PlaceFixer:
    """Moves rows of one take in one space."""

    def __init__(self, space: FreeSpace, limits: Limits, is_loop: bool) -> None:
        self._space = space
        self._limits = limits
        self._is_loop = is_loop

    def nearer(self, rows: Floats) -> Floats:
        """Rows drawn towards the nearest captured view until that is near enough."""
        views = self._space.views_position_world
        most = _PART * self._limits.view_distance_m / self._space.metres_per_unit
        far = norms(views - rows[:, None])[..., 0]
        nearest = views[np.argmin(far, axis=1)]
        part = np.minimum(1.0, most / np.maximum(far.min(axis=1), 1e-12))[:, None]
        moved = nearest + part * (rows - nearest)
        return self._softened(moved, (part < 1)[:, 0])

    def cleared(self, rows: Floats, clearance_m: float, spare_cubes: float) -> tuple[Floats, Floats]:
        """Rows that keep away from everything, by that and so many cubes more; and [k] their old row numbers.

        Where a wall lies between two rows a way around it is put in, so that there may be more rows.

        Raises:
            SettingsError: if there is no such place, or no such way.
        """
        space = self._space
        radius = clearance_m / space.metres_per_unit + spare_cubes * space.voxel
        allowed = space.reachable(radius)
        if not allowed.any():
            raise SettingsError(
                f"no place in this scene keeps {clearance_m:g} m away from everything, so the path cannot be moved "
                "there; give a smaller --limit clearance, or check the scale."
            )
        near, moved = _nearest(space, allowed, rows)
        raw, at = self._routed(near, allowed, radius)
        changed = np.interp(at, np.arange(len(rows)), moved.astype(np.float64)) > 0
        changed |= at % 1 > 0
        soft = self._softened(raw, changed)
        return inside(space, raw, soft, radius - 0.25 * space.voxel, self._is_loop), at

    def least_clearance(self, path: CameraPath) -> float:
        """In metres, over the swept path."""
        take = takes_of(ShotList.of(path))[0]
        places = path.positions_world(swept_times(take, 0.5 * self._space.voxel))
        return float(self._space.clearance(places).min()) * self._space.metres_per_unit

    def _routed(self, rows: Floats, allowed: Mask, radius: float) -> tuple[Floats, Floats]:
        """Rows with ways around walls put in, and their old row numbers."""
        blocked = np.flatnonzero(self._space.segment_clearance(rows[:-1], rows[1:]) < radius - self._space.voxel)
        if len(blocked) == 0:
            return rows, np.arange(len(rows), dtype=np.float64)
        router = Router(self._space, allowed)
        parts: list[Floats] = []
        numbers: list[Floats] = []
        for i, row in enumerate(rows):
            parts.append(row[None])
            numbers.append(np.array([float(i)]))
            if i in set(blocked.tolist()):
                way = router.route(row, rows[i + 1])
                if way is None:
                    x, y, z = row * self._space.metres_per_unit
                    raise SettingsError(
                        f"the path should be moved around what it flies through near ({x:.1f}, {y:.1f}, {z:.1f}) m, "
                        "but no way leads around that; move its keyframes."
                    )
                parts.append(way[1:-1])
                numbers.append(i + np.arange(1, len(way) - 1) / (len(way) - 1))
        return np.concatenate(parts), np.concatenate(numbers)

    def _softened(self, rows: Floats, changed: Mask) -> Floats:
        """Rows smoothed where they changed, and less and less beside that."""
        if not changed.any():
            return rows
        sigma = _SIGMA_S * ROWS_PER_S
        weight = np.minimum(1.0, 2 * smoothed(changed[:, None].astype(np.float64), sigma, self._is_loop))
        return rows + weight * (smoothed(rows, sigma, self._is_loop) - rows)


def _nearest(space: FreeSpace, allowed: Mask, rows: Floats) -> tuple[Floats, Mask]:
    """[M, 3] rows moved to the nearest allowed cube; and [M] which were moved."""
    cubes = np.floor((rows - space.origin_world) / space.voxel).astype(int)
    clipped = np.clip(cubes, 0, np.array(allowed.shape) - 1)
    is_good = (cubes == clipped).all(axis=1) & allowed[tuple(clipped.T)]
    nearest = ndimage.distance_transform_edt(~allowed, return_distances=False, return_indices=True)
    at = np.stack([axis[tuple(clipped.T)] for axis in nearest], axis=-1)
    centres = space.origin_world + (at + 0.5) * space.voxel
    return np.where(is_good[:, None], rows, centres), ~is_good
