"""How well a film's cameras stay with the photos of a capture, and how calmly they move: measured, not assumed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import KDTree  # pyright: ignore[reportMissingTypeStubs]

from .arrays import Floats, angles_between_rad, norms, unit
from .camera import Camera
from .path import CameraPath
from .rotations import angle_rad

# A sparse point is stray if its 8 nearest neighbours are farther away than usual by these many standard deviations.
_NEIGHBOURS = 8
_STRAY_SIGMAS = 2.0
# Photos come in handfuls from one standpoint; the fourth neighbour is often the next standpoint's.
_COMPANY = 4
# The film is measured this often; fast enough for the smooth paths made here.
_SAMPLES_PER_S = 30


class Nearest(Protocol):
    """A search tree: distances and rows of the k nearest points."""

    def query(self, x: Floats, k: int = 1) -> tuple[Floats, NDArray[np.int64]]: ...


def search_tree(points: Floats) -> Nearest:
    tree: Any = KDTree
    return cast(Nearest, tree(points))


@dataclass(frozen=True)
class WalkFigures:
    """Figures of a path beside the capture it was planned from; lengths in world units.

    Attributes:
        length: of the flown path.
        max_speed: per second.
        max_turn_rate_rad_s: of the camera, all axes together.
        worst_distance: the farthest that the path is from the nearest photo's position.
        distance_bound: how far apart the capture's own photos are, which sets the measure for the former.
        worst_angle_rad: the largest angle between the film's view and the most similar view of the photos nearby.
        angle_bound_rad: the same between the capture's own photos.
        smallest_clearance: distance of the path to the nearest sparse point that is not stray; None without points.
    """

    length: float
    max_speed: float
    max_turn_rate_rad_s: float
    worst_distance: float
    distance_bound: float
    worst_angle_rad: float
    angle_bound_rad: float
    smallest_clearance: float | None

    def as_note(self) -> dict[str, object]:
        """Plain JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Support:
    """Where and whither the photos of a capture looked.

    Attributes:
        positions_world: [N, 3].
        forwards_world: [N, 3] unit.
        distance_bound: 1.2 times the distance within which 9 of 10 photos have four others (0: one place).
        angle_bound_rad: 1.5 times the angle to the most similar of the photos within that distance, for 9 of 10
            photos; at least 15 degrees.
    """

    positions_world: Floats
    forwards_world: Floats
    distance_bound: float
    angle_bound_rad: float

    @classmethod
    def of(cls, cameras: Sequence[Camera]) -> "Support":
        positions = np.array([camera.position_world for camera in cameras])
        forwards = unit(np.array([camera.forward_world for camera in cameras]))
        n = len(cameras)
        if n < 3:
            return cls(positions, forwards, float(np.ptp(positions, axis=0).max()), float(np.radians(30)))
        distances = norms(positions[:, None] - positions)[..., 0]
        ranked: Floats = np.sort(distances, axis=1)
        bound = 1.2 * float(np.quantile(ranked[:, min(_COMPANY, n - 1)], 0.9))
        angles = angles_between_rad(forwards[:, None], forwards)
        others = (distances <= bound) & ~np.eye(n, dtype=np.bool_)
        nearest = np.where(others, angles, np.pi).min(axis=1)
        angle = 1.5 * float(np.quantile(nearest[others.any(axis=1)], 0.9))
        return cls(positions, forwards, bound, float(np.clip(angle, np.radians(15), np.radians(60))))

    def distances_and_angles(self, positions: Floats, forwards: Floats) -> tuple[Floats, Floats]:
        """For film views [M]: distance to the nearest photo, and angle to the most similar view among those nearby.

        Nearby is within the distance bound or, where that holds none, the nearest photo.
        """
        distances = norms(positions[:, None] - self.positions_world)[..., 0]
        nearest = distances.min(axis=1)
        nearby = distances <= np.maximum(self.distance_bound, nearest + 1e-12)[:, None]
        angles = angles_between_rad(forwards[:, None], self.forwards_world)
        return nearest, np.where(nearby, angles, np.pi).min(axis=1)


def without_strays(points_world: ArrayLike) -> Floats:
    """Points [Q, 3] that are finite and not much lonelier than the others (statistical outlier removal)."""
    points = np.asarray(points_world, dtype=np.float64).reshape(-1, 3)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) <= _NEIGHBOURS + 1:
        return points
    distances, _ = search_tree(points).query(points, k=_NEIGHBOURS + 1)
    spread = np.log(distances[:, 1:].mean(axis=1) + 1e-9)
    return points[spread <= spread.mean() + _STRAY_SIGMAS * spread.std()]


def measure_walk(path: CameraPath, cameras: Sequence[Camera], points_world: ArrayLike) -> WalkFigures:
    """Measures a path against the capture's cameras and its sparse points [P, 3] (possibly none)."""
    count = max(2, round(path.duration_s * _SAMPLES_PER_S) + 1)
    times = np.linspace(0, path.duration_s, count)
    positions, rotations = path.positions_world(times), path.rotations(times)
    step = float(times[1] - times[0])
    support = Support.of(cameras)
    distances, angles = support.distances_and_angles(positions, rotations[..., 2])
    points = without_strays(points_world)
    clearance = float(search_tree(points).query(positions)[0].min()) if len(points) else None
    return WalkFigures(
        length=path.length,
        max_speed=float(norms(np.diff(positions, axis=0)).max()) / step,
        max_turn_rate_rad_s=float(angle_rad(rotations[1:], rotations[:-1]).max()) / step,
        worst_distance=float(distances.max()),
        distance_bound=support.distance_bound,
        worst_angle_rad=float(angles.max()),
        angle_bound_rad=support.angle_bound_rad,
        smallest_clearance=clearance,
    )
