"""Triangles with a colour each, checked once so that nothing behind them has to doubt them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cameras.errors import InputError

MOST_FACES = 50_000_000
_LARGEST_COORDINATE = 1e12
# A triangle thinner than this part of the mesh's size has no normal in double precision.
_LEAST_HEIGHT = 1e-12


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles; which side is the front means nothing, and nothing needs to be closed.

    Attributes:
        vertices_world: [V, 3] float64.
        faces: [F, 3] int32, rows of vertices.
        face_colors: [F, 3] uint8 display sRGB.
    """

    vertices_world: NDArray[np.float64]
    faces: NDArray[np.int32]
    face_colors: NDArray[np.uint8]

    @property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[3] least and [3] greatest coordinates."""
        return self.vertices_world.min(axis=0), self.vertices_world.max(axis=0)


def check_count(path: Path, n_faces: int) -> None:
    """Raises InputError if a file has more triangles than fit."""
    if n_faces > MOST_FACES:
        raise InputError(
            f"a mesh of at most {MOST_FACES:,} triangles was expected in {path}, but it has {n_faces:,}; simplify it."
        )


def checked_mesh(path: Path, vertices: ArrayLike, faces: ArrayLike, face_colors: NDArray[np.uint8]) -> Mesh:
    """A mesh without unused vertices and without triangles that have no area.

    Args:
        path: where it came from, for the messages.
        vertices: [V, 3].
        faces: [F, 3].
        face_colors: [F, 3].

    Raises:
        InputError: if there is no triangle with an area, too many, a vertex that is not there, or no finite position.
    """
    corners, rows = np.asarray(vertices, dtype=np.float64), np.asarray(faces)
    check_count(path, len(rows))
    if len(rows) and (rows.min() < 0 or rows.max() >= len(corners)):
        raise InputError(
            f"the triangles of {path} should name its {len(corners):,} vertices, but one names number "
            f"{max(int(rows.max()), -int(rows.min())):,}; export it again."
        )
    used = np.unique(rows)
    corners, rows = corners[used], np.searchsorted(used, rows).astype(np.int32)
    with np.errstate(invalid="ignore"):
        lost = int(np.count_nonzero(~(np.abs(corners) <= _LARGEST_COORDINATE).all(axis=1)))
    if lost:
        raise InputError(
            f"the vertices of {path} should be finite numbers, but {lost:,} of {len(corners):,} are not, or are beyond "
            f"{_LARGEST_COORDINATE:g}; repair it in the tool it came from."
        )
    solid = has_area(corners, rows)
    if not solid.any():
        raise InputError(
            f"a mesh with triangles was expected in {path}, but none of its {len(rows):,} has an area; export it again."
        )
    return Mesh(corners, np.ascontiguousarray(rows[solid]), np.ascontiguousarray(face_colors[solid]))


def has_area(vertices: NDArray[np.float64], faces: NDArray[np.int32]) -> NDArray[np.bool_]:
    """[F] which triangles are more than a line, to rounding."""
    if len(faces) == 0:
        return np.zeros(0, np.bool_)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    longest = np.sqrt(np.maximum(np.sum((b - a) ** 2, axis=1), np.sum((c - a) ** 2, axis=1)))
    size = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    return area > _LEAST_HEIGHT * size * longest
