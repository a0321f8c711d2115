"""Furniture. Every maker returns (material name, mesh) parts standing on z = 0, its back along y = 0, facing +y."""

import numpy as np

from .meshes import Floats, Mesh, blob, box, cylinder, grid, lathe, quad, rounded_box

Parts = list[tuple[str, Mesh]]


def placed(parts: Parts, x: float, y: float, angle_rad: float = 0.0, z: float = 0.0) -> Parts:
    """Parts turned about z, then moved."""
    return [(name, mesh.turned(angle_rad).moved((x, y, z))) for name, mesh in parts]


def cushion(size: float, thickness: float) -> Mesh:
    """A scatter cushion standing upright in the xz plane, centred, uv over its face."""
    mesh = rounded_box((-size / 2, -0.02, -size / 2), (size / 2, 0.02, size / 2), 0.018, 3, puff=thickness)
    return mesh.mapped(mesh.vertices[:, [0, 2]] / size + 0.5)


def sofa(rng: np.random.Generator, width: float, seats: int, cloth: str, cushions: list[str]) -> Parts:
    """A sofa 0.88 m deep on wooden feet, with seat and back cushions and scatter cushions (one per material given)."""
    depth, arm, seat_z, back_z = 0.88, 0.17, 0.43, 0.80
    parts: Parts = [
        (cloth, rounded_box((0, 0, 0.13), (width, depth - 0.03, 0.30), 0.03, 3, metres_per_uv=0.8)),
        (cloth, rounded_box((arm * 0.6, 0, 0.2), (width - arm * 0.6, 0.2, back_z - 0.04), 0.06, 4, metres_per_uv=0.8)),
    ]
    for left in (0.0, width - arm):
        parts.append((cloth, rounded_box((left, 0.01, 0.13), (left + arm, depth, 0.60), 0.065, 5, metres_per_uv=0.8)))
    each = (width - 2 * arm) / seats
    for k in range(seats):
        left, right = arm + k * each + 0.006, arm + (k + 1) * each - 0.006
        parts.append((cloth, rounded_box((left, 0.2, 0.29), (right, depth + 0.02, seat_z), 0.05, 4, 0.03, 0.8)))
        back = rounded_box((left, -0.09, 0), (right, 0.09, 0.40), 0.07, 4, 0.045, 0.8)
        parts.append((cloth, back.turned(0.2, 0).moved((0, 0.31, seat_z + 0.03))))
    for x in (0.1, width - 0.1):
        for y in (0.1, depth - 0.12):
            parts.append(("dark_wood", cylinder((x, y, 0), (x, y, 0.14), 0.018, tip=0.026)))
    for k, name in enumerate(cushions):
        x = arm + 0.26 + (width - 2 * arm - 0.52) * (k / max(len(cushions) - 1, 1))
        pillow = cushion(0.44, 0.075).turned(rng.uniform(-0.12, 0.12), 1).turned(0.38, 0).turned(rng.uniform(-0.2, 0.2))
        parts.append((name, pillow.moved((x, 0.56, seat_z + 0.25))))
    return parts


def armchair(cloth: str, cushion_name: str) -> Parts:
    """A wing-less armchair 0.8 m wide."""
    parts: Parts = [
        (cloth, rounded_box((0.08, 0.1, 0.22), (0.72, 0.78, 0.44), 0.06, 4, 0.025, 0.8)),
        (
            cloth,
            rounded_box((0.06, -0.08, 0), (0.74, 0.08, 0.55), 0.07, 5, 0.03, 0.8)
            .turned(0.22, 0)
            .moved((0, 0.14, 0.34)),
        ),
    ]
    for x in (0.0, 0.72):
        parts.append((cloth, rounded_box((x, 0.06, 0.22), (x + 0.08, 0.74, 0.6), 0.038, 4, metres_per_uv=0.8)))
    for x, y in ((0.1, 0.12), (0.7, 0.12), (0.1, 0.7), (0.7, 0.7)):
        parts.append(("dark_wood", cylinder((x * 1.05 - 0.02, y, 0), (x, y, 0.24), 0.014, tip=0.02)))
    parts.append((cushion_name, cushion(0.4, 0.07).turned(0.35, 0).moved((0.4, 0.36, 0.66))))
    return parts


def coffee_table(rng: np.random.Generator, length: float, depth: float, top: str) -> Parts:
    """A low table (0.40 m) with a shelf, books, a bowl of fruit, a cup and a vase; centred on the origin."""
    x, y = length / 2, depth / 2
    parts: Parts = [
        (top, rounded_box((-x, -y, 0.37), (x, y, 0.405), 0.012, 2)),
        ("dark_wood", box((-x + 0.08, -y + 0.08, 0.14), (x - 0.08, y - 0.08, 0.16), 0.004)),
    ]
    for sx in (-1, 1):
        for sy in (-1, 1):
            foot, head = (sx * (x - 0.04), sy * (y - 0.04), 0.0), (sx * (x - 0.09), sy * (y - 0.08), 0.375)
            parts.append(("dark_wood", cylinder(foot, head, 0.015, tip=0.024)))
    z = 0.405
    for k in range(3):
        tome = box((-0.13, -0.09, 0), (0.13, 0.09, 0.028), 0.003, 0.25).turned(rng.uniform(-0.3, 0.3))
        parts.append((f"cover{k}", tome.moved((-x * 0.55, 0.02, z + 0.029 * k))))
    parts.append(("cover3", box((-0.15, -0.1, 0.16), (0.13, 0.1, 0.2), 0.003, 0.25).moved((0.15, 0, 0))))
    bowl = lathe(
        [(0.04, 0), (0.05, 0.01), (0.10, 0.035), (0.135, 0.075), (0.128, 0.075), (0.09, 0.03), (0.001, 0.018)], 32
    )
    parts.append(("ceramic", bowl.moved((x * 0.12, 0, z))))
    for k in range(6):
        a = k * 1.05 + rng.uniform(0, 0.3)
        spot = (x * 0.12 + 0.06 * np.cos(a), 0.06 * np.sin(a), z + 0.062) if k else (x * 0.12, 0, z + 0.095)
        parts.append((("fruit_a", "fruit_b")[k % 2], blob(spot, (0.036, 0.036, 0.034), 14)))
    parts += placed(vase(rng, 0.24), x * 0.66, -y * 0.25, 0, z)
    cup = lathe([(0.025, 0), (0.038, 0.01), (0.042, 0.08), (0.037, 0.08), (0.034, 0.012), (0.001, 0.01)], 20)
    parts.append(("ceramic", cup.moved((-x * 0.12, y * 0.5, z))))
    return parts


def vase(rng: np.random.Generator, height: float) -> Parts:
    """A small vase with twigs and blossoms."""
    h = height
    body = lathe(
        [
            (0.2 * h, 0),
            (0.3 * h, 0.15 * h),
            (0.34 * h, 0.4 * h),
            (0.2 * h, 0.75 * h),
            (0.12 * h, 0.88 * h),
            (0.16 * h, h),
            (0.13 * h, h),
            (0.09 * h, 0.88 * h),
        ],
        28,
    )
    parts: Parts = [("vase", body)]
    for _ in range(7):
        a, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.5) * h
        tip = np.array([reach * np.cos(a), reach * np.sin(a), h * rng.uniform(1.5, 2.0)])
        parts.append(("stem", cylinder((0, 0, 0.8 * h), tip, 0.0025, 6)))
        for _ in range(3):
            parts.append(("blossom", blob(tip + rng.normal(0, 0.018, 3), (0.017, 0.017, 0.014), 8)))
        parts.append(("leaf", leaf(0.09, 0.035, a).moved(tip * [0.6, 0.6, 0.85])))
    return parts


def leaf(length: float, breadth: float, heading: float, droop: float = 0.7, rise: float = 0.7) -> Mesh:
    """A bent leaf growing from the origin towards `heading` (radians about z); uv along and across."""

    def surface(u: Floats, v: Floats) -> Floats:
        along = v * length
        width = breadth * np.sin(np.pi * np.clip(v, 0.02, 0.98) ** 0.75) ** 0.8
        bend = rise * along - droop * along**2 / length
        fold = 0.25 * np.abs(u - 0.5) * width
        return np.stack([along * (1 - 0.15 * v), (u - 0.5) * width, bend + fold], axis=-1)

    return grid(7, 2, surface).turned(heading)


def pot_plant(rng: np.random.Generator, height: float) -> Parts:
    """A leafy plant in a pot, standing on the floor, centred on the origin."""
    pot = lathe(
        [(0.001, 0), (0.13, 0), (0.15, 0.05), (0.185, 0.33), (0.19, 0.36), (0.172, 0.36), (0.165, 0.32), (0.001, 0.31)],
        32,
    )
    parts: Parts = [("pot", pot)]
    for _ in range(5):
        lean, a = rng.uniform(0.03, 0.16), rng.uniform(0, 2 * np.pi)
        tip = np.array([lean * np.cos(a), lean * np.sin(a), height * rng.uniform(0.6, 0.82)])
        parts.append(("stem", cylinder((0.25 * tip[0], 0.25 * tip[1], 0.3), tip, 0.011, 8, tip=0.006)))
        for k in range(11):
            at = tip * np.array([1, 1, 0]) * (k / 10) + np.array([0, 0, 0.42 + (tip[2] - 0.42) * (k + 1) / 11])
            length = rng.uniform(0.22, 0.36) * (1.1 - 0.35 * k / 10)
            blade = leaf(
                length, length * rng.uniform(0.3, 0.42), a + k * 2.4 + rng.normal(0, 0.3), rise=rng.uniform(0.4, 1.3)
            )
            parts.append(("leaf", blade.moved(at)))
    return parts


def bookshelf(rng: np.random.Generator, width: float, height: float, wood: str, spines: int) -> Parts:
    """An open bookcase 0.30 m deep, filled with books and a few ornaments."""
    depth, board = 0.30, 0.022
    parts: Parts = [
        (wood, box((0, 0, 0), (board, depth, height), 0.002)),
        (wood, box((width - board, 0, 0), (width, depth, height), 0.002)),
    ]
    parts.append((wood, quad((width, 0.012, 0), (-width, 0, 0), (0, 0, height), (1, 1))))
    shelves = max(int(height / 0.36), 3)
    step = (height - 0.08 - board) / shelves
    parts.append((wood, box((board, 0, 0), (width - board, depth - 0.01, 0.08))))
    for k in range(shelves + 1):
        z = 0.08 + k * step
        parts.append((wood, box((board, 0.0, z), (width - board, depth, z + board), 0.002)))
        if k < shelves:
            parts += _shelf_of_books(rng, board + 0.01, width - board - 0.01, z + board, step - board, spines)
    return parts


def _shelf_of_books(rng: np.random.Generator, left: float, right: float, z: float, clear: float, spines: int) -> Parts:
    """Books side by side, some lying, with a gap or an ornament now and then."""
    parts: Parts = []
    x = left
    while x < right - 0.05:
        chance = rng.random()
        if chance < 0.03 and x < right - 0.3:
            for k in range(int(rng.integers(2, 5))):
                low = np.array([x, 0.05, z + 0.035 * k])
                parts.append(_book(rng, low, low + np.array([0.21, 0.2, 0.033]), spines, lying=True))
            x += 0.24
        elif chance < 0.045 and x < right - 0.25:
            parts += placed(vase(rng, 0.55 * clear), x + 0.09, 0.17, 0, z) if clear > 0.42 else []
            ball = blob((x + 0.09, 0.17, z + 0.07), (0.07, 0.07, 0.07), 20)
            parts += [("brass" if rng.random() < 0.5 else "ceramic", ball)] if clear <= 0.42 else []
            x += 0.2
        elif chance < 0.07:
            x += rng.uniform(0.02, 0.06)
        else:
            thick = min(rng.uniform(0.018, 0.048), right - x)
            tall, deep = min(rng.uniform(0.19, 0.28), clear - 0.02), rng.uniform(0.15, 0.22)
            front = 0.27 - rng.uniform(0, 0.03)
            parts.append(
                _book(rng, np.array([x, front - deep, z]), np.array([x + thick - 0.001, front, z + tall]), spines)
            )
            x += thick
    return parts


def _book(rng: np.random.Generator, low: Floats, high: Floats, spines: int, lying: bool = False) -> tuple[str, Mesh]:
    """One book whose faces all show one strip of the atlas "spines"."""
    mesh = box(low, high, 0.003)
    relative = (mesh.vertices - low) / (high - low)
    strip = int(rng.integers(spines))
    across, along = (relative[:, 2], relative[:, 0]) if lying else (relative[:, 0], relative[:, 2])
    return "spines", mesh.mapped(np.stack([(strip + 0.1 + 0.8 * across) / spines, along], axis=1))


def sideboard(width: float, wood: str) -> Parts:
    """A low board (0.48 m) with doors, on feet."""
    parts: Parts = [(wood, box((0, 0, 0.14), (width, 0.42, 0.48), 0.006))]
    doors = 4
    each = width / doors
    for k in range(doors):
        parts.append((wood, box((k * each + 0.008, 0.42, 0.155), ((k + 1) * each - 0.008, 0.436, 0.465), 0.004, 0.9)))
        handle = k * each + (each - 0.05 if k % 2 == 0 else 0.05)
        parts.append(("brass", cylinder((handle, 0.45, 0.28), (handle, 0.45, 0.36), 0.006, 8)))
    for x in (0.08, width - 0.08):
        for y in (0.06, 0.36):
            parts.append(("dark_wood", cylinder((x, y, 0), (x, y, 0.15), 0.014, tip=0.02)))
    return parts


def television(width: float = 1.23) -> Parts:
    """A flat television; its lower edge is at z = 0, its back at y = 0."""
    height = width * 9 / 16 + 0.03
    screen = quad((width - 0.012, 0.046, 0.02), (-width + 0.024, 0, 0), (0, 0, height - 0.032))
    return [("black", box((0, 0.01, 0), (width, 0.045, height), 0.004)), ("screen", screen)]


def floor_lamp() -> Parts:
    """A lamp 1.55 m tall with a lit drum shade."""
    shade = lathe([(0.20, 1.25), (0.16, 1.55)], 40)
    return [
        ("black", lathe([(0.001, 0), (0.14, 0), (0.14, 0.015), (0.012, 0.025)], 32)),
        ("black", cylinder((0, 0, 0.02), (0, 0, 1.4), 0.010, 10)),
        ("lampshade", shade),
        ("lampshade", lathe([(0.001, 1.53), (0.162, 1.535)], 40)),
    ]


def side_table() -> Parts:
    """A round table 0.5 m high, centred."""
    top = lathe([(0.001, 0.48), (0.22, 0.48), (0.225, 0.49), (0.225, 0.5), (0.22, 0.505), (0.001, 0.505)], 36)
    legs = [
        ("black", cylinder((0.17 * np.cos(a), 0.17 * np.sin(a), 0), (0.1 * np.cos(a), 0.1 * np.sin(a), 0.48), 0.01, 8))
        for a in (0.3, 2.4, 4.5)
    ]
    return [("table_wood", top), *legs]
