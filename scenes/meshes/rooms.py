"""Rooms made by numbers, for tests and benches: vertices [V, 3] float64 in metres, +z up, and faces [F, 3]."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mesh = tuple[NDArray[np.float64], NDArray[np.int64]]
Corner = tuple[float, float, float]

ROOM_SIZE: Corner = (5.0, 4.0, 2.6)
DOOR_WIDTH, DOOR_HEIGHT = 0.9, 2.0
"""Of the one door between the two rooms, in metres."""
WALL = 0.12
"""Thickness of the wall that it is in."""
GAP = 0.05
"""Between furniture and walls."""


def joined(meshes: Iterable[Mesh]) -> Mesh:
    """Several meshes as one."""
    vertices, faces, first = [], [], 0
    for points, rows in meshes:
        vertices.append(points)
        faces.append(rows + first)
        first += len(points)
    return np.concatenate(vertices), np.concatenate(faces)


def quad(corner: Corner, side: Corner, other: Corner) -> Mesh:
    """A single-sided parallelogram without thickness."""
    a, u, v = (np.array(x, dtype=np.float64) for x in (corner, side, other))
    return np.stack([a, a + u, a + u + v, a + v]), np.array([[0, 1, 2], [0, 2, 3]])


def box(low: Corner, high: Corner) -> Mesh:
    """A closed box between two corners."""
    (x, y, z), (u, v, w) = low, (high[k] - low[k] for k in range(3))
    return joined(
        [
            *(quad((x, y, z + h), (u, 0, 0), (0, v, 0)) for h in (0, w)),
            *(quad((x, y + h, z), (u, 0, 0), (0, 0, w)) for h in (0, v)),
            *(quad((x + h, y, z), (0, v, 0), (0, 0, w)) for h in (0, u)),
        ]
    )


def shell(low: Corner, high: Corner, without: str = "") -> Mesh:
    """The six sides of a room as quads without thickness.

    Args:
        without: sides that are left out, of ``"x"``, ``"X"``, ``"y"``, ``"Y"`` (walls at the least and greatest x and
            y), ``"z"`` (floor) and ``"Z"`` (ceiling).
    """
    (x, y, z), (u, v, w) = low, (high[k] - low[k] for k in range(3))
    sides = {
        "x": quad((x, y, z), (0, v, 0), (0, 0, w)),
        "X": quad((x + u, y, z), (0, v, 0), (0, 0, w)),
        "y": quad((x, y, z), (u, 0, 0), (0, 0, w)),
        "Y": quad((x, y + v, z), (u, 0, 0), (0, 0, w)),
        "z": quad((x, y, z), (u, 0, 0), (0, v, 0)),
        "Z": quad((x, y, z + w), (u, 0, 0), (0, v, 0)),
    }
    return joined(side for name, side in sides.items() if name not in without)


def wall_with_hole(x: float, width: float, height: float, low: tuple[float, float], high: tuple[float, float]) -> Mesh:
    """A wall without thickness at x, over y in [0, width] and z in [0, height], with a hole from (y, z) to (y, z)."""
    (y0, z0), (y1, z1) = low, high
    parts = [(0.0, y0, 0.0, height), (y1, width, 0.0, height), (y0, y1, 0.0, z0), (y0, y1, z1, height)]
    return joined(
        quad((x, a, c), (0, b - a, 0), (0, 0, d - c)) for a, b, c, d in parts if b - a > 1e-9 and d - c > 1e-9
    )


def furniture(rng: np.random.Generator, low: Corner, high: Corner, keep_clear: NDArray[np.float64], count: int) -> Mesh:
    """Boxes against the walls of a room, which leave its middle, and a metre around a point [2], clear."""
    near, far = np.array(low), np.array(high)
    boxes: list[Mesh] = []
    while len(boxes) < count:
        length, depth, height = rng.uniform((0.5, 0.4, 0.4), (1.6, 0.9, 1.1))
        across = int(rng.integers(2))  # the axis that points into the wall
        size = np.array([length, length, height])
        size[across] = depth
        corner = rng.uniform(near + GAP, far - size - GAP)
        corner[across] = near[across] + GAP if rng.integers(2) else (far - size)[across] - GAP
        corner[2] = near[2]
        nearest = np.clip(keep_clear, corner[:2], (corner + size)[:2])
        if np.linalg.norm(nearest - keep_clear) > 1.0:
            boxes.append(box(_corner(corner), _corner(corner + size)))
    return joined(boxes)


def _corner(point: NDArray[np.float64]) -> Corner:
    x, y, z = (float(value) for value in point)
    return x, y, z


def one_room(seed: int = 0, pieces: int = 4, without: str = "", size: Corner = ROOM_SIZE) -> Mesh:
    """A furnished room with a corner at the origin; ``without`` as in `shell`."""
    rng = np.random.default_rng(seed)
    walls = shell((0, 0, 0), size, without)
    return joined([walls, furniture(rng, (0, 0, 0), size, np.array(size[:2]) / 2, pieces)])


@dataclass(frozen=True, eq=False)
class TwoRooms:
    """Two rooms side by side along x, joined by one door.

    Attributes:
        vertices, faces: the mesh.
        door_world: [3] the middle of the door's opening.
        centres_world: [2, 3] the middles of the rooms, at eye height.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    door_world: NDArray[np.float64]
    centres_world: NDArray[np.float64]


def two_rooms(seed: int = 0, pieces: int = 3, *, door: bool = True) -> TwoRooms:
    """Two furnished rooms of 5 x 4 x 2.6 m and the wall between them, with one door 0.9 m wide and 2 m high in it.

    Args:
        seed: of where the door and the furniture are.
        pieces: boxes of furniture in each room.
        door: whether there is an opening at all.
    """
    rng = np.random.default_rng(seed)
    u, v, w = ROOM_SIZE
    left = float(rng.uniform(0.3, v - 0.3 - DOOR_WIDTH))
    middle = left + DOOR_WIDTH / 2
    second = u + WALL
    parts = [shell((0, 0, 0), (u, v, w), "X"), shell((second, 0, 0), (second + u, v, w), "x")]
    if door:
        parts += [wall_with_hole(x, v, w, (left, 0.0), (left + DOOR_WIDTH, DOOR_HEIGHT)) for x in (u, second)]
        parts += [quad((u, y, 0), (WALL, 0, 0), (0, 0, DOOR_HEIGHT)) for y in (left, left + DOOR_WIDTH)]
        parts += [quad((u, left, z), (WALL, 0, 0), (0, DOOR_WIDTH, 0)) for z in (0.0, DOOR_HEIGHT)]
    else:
        parts += [quad((x, 0, 0), (0, v, 0), (0, 0, w)) for x in (u, second)]
    for x in (0.0, second):
        clear = np.array([u if x == 0 else second, middle])
        parts.append(furniture(rng, (x, 0, 0), (x + u, v, w), clear, pieces))
    vertices, faces = joined(parts)
    centres = np.array([[u / 2, v / 2, 1.5], [second + u / 2, v / 2, 1.5]])
    return TwoRooms(vertices, faces, np.array([u + WALL / 2, middle, DOOR_HEIGHT / 2]), centres)


def three_rooms(seed: int = 0) -> TwoRooms:
    """`two_rooms`, and behind them (at y beyond 4.3 m) a smaller sealed room of 3 x 2.5 x 2.6 m."""
    two = two_rooms(seed)
    mesh = joined([(two.vertices, two.faces), shell((1.0, 4.3, 0.0), (4.0, 6.8, 2.6))])
    return TwoRooms(*mesh, two.door_world, two.centres_world)


def object_outdoors(*, ground: bool = False) -> Mesh:
    """A closed box of 1.2 x 0.8 x 1 m with a smaller one on top, on a ground of 6 x 6 m if asked for."""
    parts = [box((-0.6, -0.4, 0), (0.6, 0.4, 1)), box((-0.2, -0.2, 1), (0.2, 0.2, 1.4))]
    return joined([*parts, quad((-3, -3, 0), (6, 0, 0), (0, 6, 0))] if ground else parts)
