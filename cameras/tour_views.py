"""What can be seen from where, and which views a tour should show: surface that no other view shows, first."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats, unit
from .freespace import FreeSpace, Mask, is_unseen
from .intrinsics import Intrinsics
from .rotations import look_rotation
from .untyped import spatial

REACH_M = 4.0
"""A surface is worth seeing from no farther than this,"""
SLANT_COSINE = float(np.cos(np.radians(75)))
"""and at no greater slant."""
_SAMPLES = 6000
_YAWS = 16
# Directions are kept this much inside the picture, so that what a view is chosen for does not touch its edge.
_INSIDE = 0.92
# Where photos looked elsewhere by this angle a view is worth 1/e.
_PHOTO_ANGLE_RAD = np.radians(50)
_NEAREST_PHOTOS = 6
_COLUMNS, _ROWS = 16, 9
_LEAST_KNOWN_WORTH = 0.1
# A view that is itself near to the limit has neighbours beyond it.
_UNSEEN_PART, _SHUNNED = 0.9, 0.05


@dataclass(frozen=True, eq=False)
class Surface:
    """Points on all surfaces, thinned out evenly.

    Attributes:
        points_world, normals_world: [n, 3].
        seen: [n] by the capture.
    """

    points_world: NDArray[np.float32]
    normals_world: NDArray[np.float32]
    seen: Mask

    @classmethod
    def of(cls, space: FreeSpace, places_world: Floats, rng: np.random.Generator) -> "Surface":
        """Of the surfaces within 4 m of some place [p, 3]."""
        far = spatial.KDTree(places_world).query(space.surface_world)[0]
        near = np.flatnonzero(far <= REACH_M / space.metres_per_unit)
        rows = np.sort(rng.permutation(near)[:_SAMPLES])
        return cls(space.surface_world[rows], space.surface_normals_world[rows], space.surface_seen[rows])


def visible(space: FreeSpace, surface: Surface, point_world: Floats, reach: float) -> Mask:
    """[n] what nothing hides from a point, within reach, at a slant of at most 75 degrees."""
    to = point_world - surface.points_world
    far = np.linalg.norm(to, axis=1)
    facing = np.abs(np.sum(to * surface.normals_world, axis=1)) >= SLANT_COSINE * far
    near = np.flatnonzero(facing & (far <= reach) & surface.seen)
    found = np.zeros(len(surface.points_world), dtype=np.bool_)
    found[near] = space.are_visible(surface.points_world[near], surface.normals_world[near], point_world, reach)
    return found


def in_picture(
    points_world: NDArray[np.float32], eye_world: Floats, yaw_rad: float, lens: Intrinsics, part: float = 1.0
) -> Mask:
    """[n] which points lie in that middle part of the picture of a level camera that looks along a yaw (+x to +y)."""
    to = points_world - eye_world
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    ahead, left = to[:, 0] * c + to[:, 1] * s, to[:, 1] * c - to[:, 0] * s
    half_x, half_y = part * 0.5 * lens.width / lens.fx, part * 0.5 * lens.height / lens.fy
    return np.asarray((ahead > 0) & (np.abs(left) < half_x * ahead) & (np.abs(to[:, 2]) < half_y * ahead))


@dataclass(frozen=True, eq=False)
class Views:
    """Views that a tour may choose from: places, a few directions at each, and what each shows.

    Attributes:
        stands: [v] row of the place of each view.
        points_world: [v, 3].
        yaws_rad: [v].
        shows: [v, n] which surface points.
        worth: [v] from 0 to 1, low where photos looked elsewhere, or much of the picture is unknown.
        places_world: [p, 3] all places.
        seen: [p, n] what can be seen from each, in any direction.
    """

    stands: NDArray[np.int64]
    points_world: Floats
    yaws_rad: Floats
    shows: Mask
    worth: Floats
    places_world: Floats
    seen: Mask

    @property
    def possible(self) -> Mask:
        """[n] surface points that some place shows, in any direction."""
        return np.asarray(self.seen.any(axis=0))


def candidate_views(
    space: FreeSpace,
    surface: Surface,
    places: NDArray[np.int64],
    points_world: Floats,
    lens: Intrinsics,
    unseen_share: float,
) -> Views:
    """Sixteen directions at each place.

    Args:
        places: [p] rows of stands.
        points_world: [p, 3] where they are.
        unseen_share: views that show more of what no photo saw are shunned.
    """
    reach = REACH_M / space.metres_per_unit
    yaws: Floats = np.arange(float(_YAWS)) * (2 * np.pi / _YAWS)
    seen = np.zeros((len(places), len(surface.points_world)), dtype=np.bool_)
    shows = np.zeros((len(places), _YAWS, len(surface.points_world)), dtype=np.bool_)
    for place, point in enumerate(points_world):
        seen[place] = visible(space, surface, point, reach)
        for k, yaw in enumerate(yaws):
            shows[place, k] = seen[place] & in_picture(surface.points_world, point, float(yaw), lens, _INSIDE)
    count = len(places) * _YAWS
    at = np.repeat(points_world, _YAWS, axis=0)
    directions: Floats = np.tile(yaws, len(places))
    return Views(
        np.repeat(places, _YAWS),
        at,
        directions,
        shows.reshape(count, -1),
        photo_worth(space, at, directions) * known_worth(space, at, directions, lens, unseen_share),
        points_world,
        seen,
    )


def known_worth(
    space: FreeSpace, points_world: Floats, yaws_rad: Floats, lens: Intrinsics, unseen_share: float
) -> Floats:
    """[v] the square of the part of a level view's picture that shows a surface in photos, and not less than 0.1; next
    to nothing where more than ``unseen_share`` of it is what no photo saw."""
    x = (np.arange(_COLUMNS) + 0.5) * lens.width / _COLUMNS
    y = (np.arange(_ROWS) + 0.5) * lens.height / _ROWS
    rays = lens.rays(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    forwards = np.stack([np.cos(yaws_rad), np.sin(yaws_rad), np.zeros(len(yaws_rad))], axis=-1)
    directions = np.einsum("vij,rj->vri", look_rotation(forwards, (0, 0, 1)), rays).reshape(-1, 3)
    _, kinds, seen = space.meet(np.repeat(points_world, len(rays), axis=0), directions)
    known: Floats = seen.reshape(len(yaws_rad), -1).mean(axis=1)
    unseen: Floats = is_unseen(kinds, seen).reshape(len(yaws_rad), -1).mean(axis=1)
    return np.maximum(known**2, _LEAST_KNOWN_WORTH) * np.where(unseen > _UNSEEN_PART * unseen_share, _SHUNNED, 1.0)


def photo_worth(space: FreeSpace, points_world: Floats, yaws_rad: Floats) -> Floats:
    """[v] how well photos near by looked in a view's direction: 1 along a photo's, 1/e at 50 degrees from all."""
    if len(space.views_position_world) == 0:
        return np.ones(len(points_world))
    views = unit(space.views_forward_world * (1.0, 1.0, 0.0))
    forwards = np.stack([np.cos(yaws_rad), np.sin(yaws_rad), np.zeros(len(yaws_rad))], axis=-1)
    far = np.linalg.norm(points_world[:, None] - space.views_position_world, axis=-1)
    nearest = np.argsort(far, axis=1)[:, :_NEAREST_PHOTOS]
    cosines = np.einsum("vd,vkd->vk", forwards, views[nearest])
    angles = np.arccos(np.clip(cosines, -1, 1)).min(axis=1)
    return np.exp(-((angles / _PHOTO_ANGLE_RAD) ** 2))
