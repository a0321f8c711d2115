"""An armillary sphere: a painted globe within brass rings on a turned wooden foot. Thin, glossy and matt parts."""

import numpy as np
from room_maker.meshes import Floats, Mesh, Point, blob, cylinder, grid, lathe
from room_maker.noise import colour, fractal_noise, mix, shaded, smoothstep
from room_maker.room import Material
from room_maker.surfaces import wood_panel

Parts = list[tuple[Material, Mesh]]

BRASS, STEEL = colour(226, 178, 92), colour(196, 200, 206)
RING_SIDES, RING_STEPS = 14, 200


def ring(radius: float, width: float, thickness: float) -> Mesh:
    """A band about z: an ellipse `width` high and `thickness` deep, swept along a circle of `radius`."""

    def surface(u: Floats, v: Floats) -> Floats:
        around, across = 2 * np.pi * u, 2 * np.pi * v
        r = radius + thickness / 2 * np.cos(across)
        return np.stack([r * np.cos(around), r * np.sin(around), width / 2 * np.sin(across)], axis=-1)

    return grid(RING_SIDES, RING_STEPS, surface)


def tube(points: Floats, radius: float, sides: int = 8) -> Mesh:
    """A wire of `radius` along a smooth line of points [N, 3]; its frame is carried along without twist."""
    tangents = np.gradient(points, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    side = np.cross(tangents[0], (0.3, 0.5, 0.81))
    frames = []
    for tangent in tangents:
        side = side - tangent * (side @ tangent)
        side /= np.linalg.norm(side)
        frames.append((side, np.cross(tangent, side)))
    a, b = (np.array([frame[k] for frame in frames]) for k in range(2))
    angle = np.linspace(0, -2 * np.pi, sides + 1)[:, None, None]
    wall = points + radius * (np.cos(angle) * a + np.sin(angle) * b)
    return grid(sides, len(points) - 1, lambda u, v: wall)


def tilted(mesh: Mesh, tilt_rad: float, heading_rad: float) -> Mesh:
    """Leaned over about x, then turned about z."""
    return mesh.turned(tilt_rad, 0).turned(heading_rad, 2)


def globe_map(rng: np.random.Generator, height: int = 512) -> Floats:
    """An invented world [H, 2 H, 3]: seas, lands, ice and a grid of meridians and parallels."""
    width = 2 * height
    relief = fractal_noise(rng, height, width, 4, 7, 6, 0.55)
    seam = smoothstep(0, 1, np.clip(np.abs(np.linspace(-1, 1, width)) * 8 - 7, 0, 1))  # both ends alike
    relief = relief * (1 - seam) - 0.6 * seam
    sea = shaded(colour(38, 92, 128), 0.12 * relief)
    land = mix(np.broadcast_to(colour(196, 176, 112), sea.shape), np.broadcast_to(colour(96, 122, 64), sea.shape),
               smoothstep(0.1, 0.9, relief))  # fmt: skip
    image = mix(sea, shaded(np.array([1.0, 1, 1]), 0.05 * relief) * land, smoothstep(0.02, 0.06, relief))
    latitude = np.abs(np.linspace(-90, 90, height))[:, None]
    image = mix(image, np.broadcast_to(colour(238, 240, 240), image.shape), smoothstep(66, 70, latitude + 4 * relief))
    lines = np.zeros((height, width))
    lines[:, :: width // 24], lines[:: height // 12] = 1, 1
    lines[:, 1 :: width // 24], lines[1 :: height // 12] = 1, 1
    return np.clip(mix(image, np.broadcast_to(colour(60, 42, 30), image.shape), 0.6 * lines), 0, 1)


def foot() -> Mesh:
    """The turned foot, from the floor to the fork that holds the rings."""
    knots = [(0.001, -1.2), (0.56, -1.2), (0.58, -1.16), (0.55, -1.11), (0.4, -1.09), (0.36, -1.05), (0.16, -1.0)]
    knots += [(0.09, -0.93), (0.13, -0.88), (0.08, -0.83), (0.055, -0.76), (0.001, -0.75)]
    radius, height = np.array(knots).T
    at = np.linspace(0, len(knots) - 1, 90)
    profile = np.stack([np.interp(at, np.arange(len(knots)), column) for column in (radius, height)], axis=1)
    return lathe([(float(r), float(h)) for r, h in profile], 96)


def stars(rng: np.random.Generator, count: int, radius: float) -> list[Mesh]:
    """Small balls at the ends of thin pins that stand on a sphere of 0.4 of `radius`."""
    parts = []
    for k in range(count):
        z = 1 - 2 * (k + 0.5) / count
        angle = k * np.pi * (3 - 5**0.5) + rng.uniform(-0.2, 0.2)
        direction = np.array([np.cos(angle) * (1 - z * z) ** 0.5, np.sin(angle) * (1 - z * z) ** 0.5, z])
        end = radius * direction
        parts += [cylinder(0.4 * end, end, 0.006, 8), blob(end, (0.024, 0.024, 0.024), 20)]
    return parts


def make_instrument(seed: int) -> Parts:
    """All parts, within a ball of radius 1.4 about the origin; +z is up."""
    rng = np.random.default_rng([20263, seed])
    brass = Material("metal", BRASS, roughness=0.28)
    steel = Material("metal", STEEL, roughness=0.2)
    red = Material("gloss", colour(168, 34, 38), roughness=0.12)
    parts: Parts = [
        (Material("gloss", image=globe_map(rng), roughness=0.1), tilted(blob((0, 0, 0), (0.36,) * 3, 96), 0.41, 0.7)),
        (Material("gloss", image=wood_panel(rng, "walnut", 512), roughness=0.2), foot()),
    ]
    lean = rng.uniform(0, 2 * np.pi)
    for radius, width, thickness, tilt, heading in (
        (0.98, 0.09, 0.02, np.pi / 2, lean),
        (0.95, 0.09, 0.02, np.pi / 2, lean + np.pi / 2),
        (1.02, 0.16, 0.02, 0.0, 0.0),
        (0.90, 0.05, 0.018, 0.41, lean),
        (0.86, 0.03, 0.03, 1.1, lean + 0.8),
    ):
        parts.append((brass, tilted(ring(radius, width, thickness), tilt, heading)))
    parts += [(steel, mesh) for mesh in stars(rng, 26, 0.72)]
    axis: Point = np.array([np.sin(0.41) * np.sin(0.7), -np.sin(0.41) * np.cos(0.7), np.cos(0.41)])
    parts.append((steel, cylinder(-0.9 * axis, 0.9 * axis, 0.012, 16)))
    turns = np.linspace(0, 1, 500)
    coil = np.stack([0.30 * np.cos(turns * 14 * np.pi), 0.30 * np.sin(turns * 14 * np.pi), -1.04 + 0.06 * turns], 1)
    parts.append((red, tube(coil, 0.009)))
    for angle in np.arange(4) * np.pi / 2 + lean:
        bend = np.linspace(0, 1, 60)
        reach = 0.06 + 0.95 * np.sin(bend * np.pi / 2)
        arm = np.stack([reach * np.cos(angle), reach * np.sin(angle), -0.8 + 0.8 * (1 - np.cos(bend * np.pi / 2))], 1)
        parts.append((red, tube(arm, 0.018, 12)))
    return parts


def count_triangles(parts: Parts) -> int:
    """Of all parts together."""
    return sum(len(mesh.faces) for _, mesh in parts)
