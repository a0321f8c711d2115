"""The shell of a room: walls with openings, windows, curtains, door, mouldings, pendant, framed pictures."""

from itertools import pairwise

import numpy as np

from .furniture import Parts
from .meshes import Floats, Mesh, Point, box, cylinder, grid, lathe, merge, quad
from .room import Opening, Room

WALL = 0.22  # thickness seen in the reveals of windows, metres


def wall(
    start: Point, direction: Point, length: float, height: float, holes: list[tuple[float, float, float, float]]
) -> Mesh:
    """A wall along `direction` (its right-hand side, seen from the room, is +direction); holes are (s0, s1, z0, z1).

    uv runs once over the whole wall, so that its texture is one image.
    """
    start, direction = np.asarray(start, float), np.asarray(direction, float)
    cuts_s = sorted({0.0, length, *(s for hole in holes for s in hole[:2])})
    cuts_z = sorted({0.0, height, *(z for hole in holes for z in hole[2:])})
    pieces = []
    for s0, s1 in pairwise(cuts_s):
        for z0, z1 in pairwise(cuts_z):
            s, z = (s0 + s1) / 2, (z0 + z1) / 2
            if any(h[0] < s < h[1] and h[2] < z < h[3] for h in holes):
                continue
            piece = quad(start + direction * s0 + [0, 0, z0], direction * (s1 - s0), [0, 0, z1 - z0])
            uv = np.array([[s0, z0], [s1, z0], [s1, z1], [s0, z1]]) / [length, height]
            pieces.append(piece.mapped(uv))
    return merge(pieces)


def window(room: Room, x0: float, x1: float, z0: float, z1: float) -> None:
    """A casement window in the wall y = depth: reveal, frame, glazing bars, sill; adds the opening for the sky."""
    y, out = room.depth_m, room.depth_m + WALL
    room.add(
        "reveal",
        quad((x0, y, z0), (0, WALL, 0), (0, 0, z1 - z0)),
        quad((x1, out, z0), (0, -WALL, 0), (0, 0, z1 - z0)),
        quad((x0, y, z1), (0, WALL, 0), (x1 - x0, 0, 0)),
        quad((x0, out, z0), (0, -WALL, 0), (x1 - x0, 0, 0)),
    )
    bar, at = 0.055, out - 0.07
    for low, high in (
        ((x0, z0), (x1, z0 + bar)),
        ((x0, z1 - bar), (x1, z1)),
        ((x0, z0), (x0 + bar, z1)),
        ((x1 - bar, z0), (x1, z1)),
        (((x0 + x1) / 2 - 0.04, z0), ((x0 + x1) / 2 + 0.04, z1)),
        ((x0, z0 + 0.7 * (z1 - z0) - 0.018), (x1, z0 + 0.7 * (z1 - z0) + 0.018)),
    ):
        room.add("white_gloss", box((low[0], at, low[1]), (high[0], at + 0.055, high[1]), 0.008))
    room.add("white_gloss", box((x0 - 0.06, y - 0.09, z0 - 0.04), (x1 + 0.06, at, z0), 0.008))
    for s in (-1, 1):
        x = (x0 + x1) / 2 + s * 0.02
        room.add("brass", box((x - 0.01, at - 0.03, z0 + 0.5), (x + 0.01, at, z0 + 0.62), 0.004))
    size = np.array([x1 - x0, 0, z1 - z0])
    corner = np.array([x0, out, z0])
    room.openings.append(Opening(corner, size * [1, 0, 0], size * [0, 0, 1], np.array([0.0, 1.0, 0.0])))


def curtains(rng: np.random.Generator, room: Room, x0: float, x1: float, top: float) -> None:
    """Two gathered curtains on a rod beside an opening between x0 and x1."""
    y = room.depth_m - 0.14
    room.add("brass", cylinder((x0 - 0.42, y, top + 0.03), (x1 + 0.42, y, top + 0.03), 0.014))
    for x in (x0 - 0.43, x1 + 0.43):
        room.add("brass", lathe([(0.001, -0.03), (0.03, 0), (0.001, 0.03)], 16).moved((x, y, top + 0.03)))
    for left, right in ((x0 - 0.36, x0 + 0.10), (x1 - 0.10, x1 + 0.36)):
        folds, phase = rng.uniform(5.2, 6.8), rng.uniform(0, 6)

        def surface(
            u: Floats, v: Floats, left: float = left, right: float = right, f: float = folds, p: float = phase
        ) -> Floats:
            middle = (left + right) / 2
            flare = 0.86 + 0.14 * (1 - v) ** 2
            depth = 0.045 * np.sin(2 * np.pi * f * u + p) + 0.012 * np.sin(4.3 * np.pi * u + 3 * v + p)
            return np.stack(
                [
                    middle + (left + (right - left) * u - middle) * flare,
                    y + depth * (0.55 + 0.45 * (1 - v)),
                    0.025 + v * (top - 0.025),
                ],
                -1,
            )

        sheet = grid(14, 64, surface)
        room.add("curtain", sheet.mapped(sheet.uv * [1.6, 2.6]))


def door(x0: float, x1: float, height: float = 2.03) -> Parts:
    """A closed panelled door with its frame, in the wall y = 0, seen from the room."""
    leaf = box((x0, -0.02, 0.004), (x1, 0.012, height), 0.003)
    parts: Parts = [("door", leaf.mapped(leaf.uv[:, ::-1]))]  # the grain runs upwards
    width = x1 - x0
    for low, high in ((0.12, 0.85), (1.02, 1.88)):
        for left, right in ((0.10, width / 2 - 0.04), (width / 2 + 0.04, width - 0.10)):
            parts.append(("door", _moulding((x0 + left, 0.012, low), (x0 + right, 0.012, high))))
    frame = 0.075
    parts.append(("white_gloss", box((x0 - frame, -0.01, 0), (x0, 0.03, height + frame), 0.006)))
    parts.append(("white_gloss", box((x1, -0.01, 0), (x1 + frame, 0.03, height + frame), 0.006)))
    parts.append(("white_gloss", box((x0, -0.01, height), (x1, 0.03, height + frame), 0.006)))
    parts.append(("brass", cylinder((x0 + 0.07, 0.01, 1.0), (x0 + 0.07, 0.06, 1.0), 0.011, 10)))
    parts.append(("brass", cylinder((x0 + 0.065, 0.06, 1.0), (x0 + 0.19, 0.06, 1.0), 0.010, 10)))
    parts.append(("brass", box((x0 + 0.045, 0.01, 0.9), (x0 + 0.095, 0.018, 1.1), 0.003)))
    return parts


def _moulding(low: tuple[float, float, float], high: tuple[float, float, float]) -> Mesh:
    """A raised rectangle of bead between two corners of a plane y = const."""
    x0, y, z0 = low
    x1, _, z1 = high
    bead = 0.022
    return merge(
        [
            box((x0, y - 0.004, z0), (x1, y + 0.012, z0 + bead), 0.006),
            box((x0, y - 0.004, z1 - bead), (x1, y + 0.012, z1), 0.006),
            box((x0, y - 0.004, z0), (x0 + bead, y + 0.012, z1), 0.006),
            box((x1 - bead, y - 0.004, z0), (x1, y + 0.012, z1), 0.006),
        ]
    )


def trim(room: Room, low: float, high: float, thickness: float, gap_x: tuple[float, float] | None = None) -> None:
    """A band around the room (skirting or cornice); `gap_x` leaves out the door in the wall y = 0."""
    w, d, t = room.width_m, room.depth_m, thickness
    room.add("white_gloss", box((0, 0, low), (t, d, high), 0.006), box((w - t, 0, low), (w, d, high), 0.006))
    room.add("white_gloss", box((0, d - t, low), (w, d, high), 0.006))
    for x0, x1 in ((0.0, w),) if gap_x is None else ((0.0, gap_x[0]), (gap_x[1], w)):
        room.add("white_gloss", box((x0, 0, low), (x1, t, high), 0.006))


def framed(material: str, width: float, height: float, frame: str) -> Parts:
    """A framed picture hanging at y = 0, facing +y, centred on the origin in x and z."""
    x, z, b = width / 2, height / 2, 0.028
    sides = [
        box((-x - b, 0, -z - b), (x + b, 0.03, -z), 0.005),
        box((-x - b, 0, z), (x + b, 0.03, z + b), 0.005),
        box((-x - b, 0, -z), (-x, 0.03, z), 0.005),
        box((x, 0, -z), (x + b, 0.03, z), 0.005),
    ]
    return [(material, quad((x, 0.012, -z), (-width, 0, 0), (0, 0, height))), *((frame, side) for side in sides)]


def pendant(height: float, drop: float) -> Parts:
    """A lit glass globe hanging from the ceiling at the origin's x, y."""
    z = height - drop
    globe = lathe(
        [
            (max(0.17 * float(np.sin(a)), 0.001), -0.17 * float(np.cos(a)) + z)
            for a in np.linspace(0.05, np.pi - 0.05, 24)
        ],
        32,
    )
    return [
        ("globe", globe),
        ("brass", cylinder((0, 0, z + 0.165), (0, 0, z + 0.20), 0.05, 20, tip=0.03)),
        ("black", cylinder((0, 0, z + 0.19), (0, 0, height), 0.004, 6)),
        ("brass", lathe([(0.055, height - 0.03), (0.06, height)], 24)),
    ]


def radiator(width: float) -> Parts:
    """A ribbed radiator, back along y = 0, facing +y."""
    parts: Parts = [("white_gloss", box((0, 0.03, 0.14), (width, 0.06, 0.60), 0.004))]
    for x in np.arange(0.03, width - 0.02, 0.05):
        parts.append(("white_gloss", box((x, 0.055, 0.155), (x + 0.034, 0.1, 0.585), 0.014)))
    parts.append(("white_gloss", cylinder((0.05, 0.05, 0), (0.05, 0.05, 0.15), 0.011, 8)))
    return parts
