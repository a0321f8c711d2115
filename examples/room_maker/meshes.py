"""Triangle meshes with texture coordinates, and the few shapes that furniture is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Point = Sequence[float] | Floats


@dataclass(frozen=True)
class Mesh:
    """Triangles: vertices [V, 3] in metres, uv [V, 2], faces [F, 3]; `smooth` asks for interpolated normals."""

    vertices: Floats
    uv: Floats
    faces: Ints
    smooth: bool = False

    def moved(self, offset: Point) -> "Mesh":
        """The mesh shifted by `offset` [3]."""
        return Mesh(self.vertices + np.asarray(offset, float), self.uv, self.faces, self.smooth)

    def turned(self, angle_rad: float, axis: int = 2) -> "Mesh":
        """The mesh rotated about a coordinate axis through the origin (right-handed)."""
        c, s = np.cos(angle_rad), np.sin(angle_rad)
        a, b = (axis + 1) % 3, (axis + 2) % 3
        rotation = np.eye(3)
        rotation[a, a], rotation[a, b], rotation[b, a], rotation[b, b] = c, -s, s, c
        return Mesh(self.vertices @ rotation.T, self.uv, self.faces, self.smooth)

    def scaled(self, factors: Point) -> "Mesh":
        """The mesh scaled per axis; a mirroring scale also flips the faces."""
        factors = np.asarray(factors, float)
        faces = self.faces[:, ::-1] if np.prod(factors) < 0 else self.faces
        return Mesh(self.vertices * factors, self.uv, faces, self.smooth)

    def mapped(self, uv: Floats) -> "Mesh":
        """The mesh with other texture coordinates [V, 2]."""
        return Mesh(self.vertices, uv, self.faces, self.smooth)

    def bounds(self) -> tuple[Floats, Floats]:
        """Lower and upper corner [3]."""
        return self.vertices.min(axis=0), self.vertices.max(axis=0)


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh holding all; flat-shaded members keep hard edges because they share no vertices."""
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.uv for mesh in meshes]),
        np.concatenate([mesh.faces + offset for mesh, offset in zip(meshes, offsets[:-1], strict=True)]),
        meshes[0].smooth,
    )


def quad(corner: Point, edge_u: Point, edge_v: Point, uv_size: tuple[float, float] = (1.0, 1.0)) -> Mesh:
    """A parallelogram facing edge_u x edge_v; uv runs from (0, 0) to `uv_size`."""
    corner, edge_u, edge_v = (np.asarray(value, float) for value in (corner, edge_u, edge_v))
    vertices = np.stack([corner, corner + edge_u, corner + edge_u + edge_v, corner + edge_v])
    u, v = uv_size
    return Mesh(vertices, np.array([[0, 0], [u, 0], [u, v], [0, v]], float), np.array([[0, 1, 2], [0, 2, 3]]))


def grid(rows: int, columns: int, surface: Callable[[Floats, Floats], Floats], smooth: bool = True) -> Mesh:
    """A sheet: `surface(u, v)` maps parameters in [0, 1] (arrays) to points [..., 3]."""
    v, u = np.meshgrid(np.linspace(0, 1, rows + 1), np.linspace(0, 1, columns + 1), indexing="ij")
    vertices = surface(u, v).reshape(-1, 3)
    first = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    right, up = first + 1, first + columns + 1
    faces = np.concatenate([np.stack([first, right, up + 1], 1), np.stack([first, up + 1, up], 1)])
    return Mesh(vertices, np.stack([u.ravel(), v.ravel()], 1), faces, smooth)


def box(low: Point, high: Point, bevel: float = 0.0, metres_per_uv: float = 1.0) -> Mesh:
    """A box between two corners; `bevel` cuts its edges (metres). uv is metres / `metres_per_uv` on every face."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    bevel = min(bevel, float((high - low).min()) * 0.49)
    if bevel > 0:
        return rounded_box(low, high, bevel, segments=1, metres_per_uv=metres_per_uv)
    size = high - low
    parts = []
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        edge_a, edge_b = np.eye(3)[a] * size[a], np.eye(3)[b] * size[b]
        parts.append(quad(low + np.eye(3)[axis] * size[axis], edge_a, edge_b))
        parts.append(quad(low, edge_b, edge_a))
    mesh = merge(parts)
    return mesh.mapped(box_uv(mesh, metres_per_uv))


def face_normals(mesh: Mesh) -> Floats:
    """Unit normals per face [F, 3]."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def vertex_normals(mesh: Mesh) -> Floats:
    """Area-weighted unit normals per vertex [V, 3]."""
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    normals = np.zeros_like(mesh.vertices)
    for k in range(3):
        np.add.at(normals, mesh.faces[:, k], np.cross(b - a, c - a))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def box_uv(mesh: Mesh, metres_per_uv: float = 1.0) -> Floats:
    """Texture coordinates [V, 2] projected along the strongest normal axis; the long side runs along u."""
    strongest = np.abs(vertex_normals(mesh)).argmax(axis=1)
    x, y, z = (mesh.vertices / metres_per_uv).T
    return np.stack(
        [np.choose(strongest, [y + 0.37, x + 0.61, x]), np.choose(strongest, [z + 0.13, z, y + 0.71])], axis=1
    )


def rounded_box(
    low: Point, high: Point, radius: float, segments: int = 4, puff: float = 0.0, metres_per_uv: float = 1.0
) -> Mesh:
    """A box with round edges; `puff` (metres) swells its faces like a cushion's."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    half = (high - low) / 2
    radius = min(radius, float(half.min()) * 0.999)
    inner = half - radius
    corner = np.tan(np.linspace(-np.pi / 4, np.pi / 4, 2 * segments + 1)) if segments > 1 else np.array([-1.0, 0, 1.0])
    ticks = np.concatenate([corner[corner < 0], np.zeros(2 + (3 if puff > 0 else 0)), corner[corner > 0]])
    n_flat = 2 + (3 if puff > 0 else 0)
    slide = np.concatenate([-np.ones(segments), np.linspace(-1, 1, n_flat), np.ones(segments)])
    parts = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            parts.append(_rounded_face(axis, sign, ticks, slide, inner, radius, puff, half))
    mesh = merge(parts)
    mesh = Mesh(mesh.vertices + (low + high) / 2, mesh.uv, mesh.faces, smooth=True)
    return mesh.mapped(box_uv(mesh, metres_per_uv))


def _rounded_face(
    axis: int, sign: float, ticks: Floats, slide: Floats, inner: Floats, radius: float, puff: float, half: Floats
) -> Mesh:
    """One of the six sides of a rounded box, each a grid bent onto the corner spheres."""
    a, b = (axis + 1) % 3, (axis + 2) % 3
    grid_a, grid_b = np.meshgrid(np.arange(len(ticks)), np.arange(len(ticks)), indexing="ij")
    direction = np.zeros((*grid_a.shape, 3))
    direction[..., axis], direction[..., a], direction[..., b] = sign, ticks[grid_a], ticks[grid_b]
    direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
    centre = np.zeros_like(direction)
    centre[..., axis] = sign * inner[axis]
    centre[..., a], centre[..., b] = slide[grid_a] * inner[a], slide[grid_b] * inner[b]
    points = centre + radius * direction
    if puff > 0:
        bulge = (1 - (points[..., a] / half[a]) ** 2) * (1 - (points[..., b] / half[b]) ** 2)
        points[..., axis] += sign * puff * bulge
    count = len(ticks)
    first = (np.arange(count - 1)[:, None] * count + np.arange(count - 1)).ravel()
    faces = np.concatenate(
        [np.stack([first, first + count, first + count + 1], 1), np.stack([first, first + count + 1, first + 1], 1)]
    )
    vertices = points.reshape(-1, 3)
    return Mesh(vertices, np.zeros((len(vertices), 2)), faces if sign > 0 else faces[:, ::-1], True)


def lathe(profile: Sequence[tuple[float, float]], segments: int = 28) -> Mesh:
    """A solid of revolution about z: `profile` is (radius, height) from bottom to top."""
    radii, heights = np.array(profile, float).T
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(radii), np.diff(heights)))])

    def surface(u: Floats, v: Floats) -> Floats:
        length = v * along[-1]
        radius, height = np.interp(length, along, radii), np.interp(length, along, heights)
        return np.stack([radius * np.cos(u * 2 * np.pi), radius * np.sin(u * 2 * np.pi), height], axis=-1)

    knots = np.linspace(0, 1, len(profile))
    return grid(len(profile) - 1, segments, lambda u, v: surface(u, np.interp(v, knots, along / along[-1])))


def cylinder(base: Point, top: Point, radius: float, segments: int = 14, tip: float | None = None) -> Mesh:
    """A closed rod from `base` to `top`, tapering to radius `tip` if given."""
    base, top = np.asarray(base, float), np.asarray(top, float)
    length = float(np.linalg.norm(top - base))
    end = radius if tip is None else tip
    sides = lathe([(radius, 0.0), (end, length)], segments)
    caps = [lathe([(0.0001, 0.0), (radius, 0.0)], segments), lathe([(end, length), (0.0001, length)], segments)]
    caps[0] = Mesh(caps[0].vertices, caps[0].uv, caps[0].faces[:, ::-1], True)
    rod = merge([sides, *caps])
    axis = (top - base) / length
    helper = np.array([1.0, 0, 0]) if abs(axis[0]) < 0.9 else np.array([0, 1.0, 0])
    side = np.cross(axis, helper)
    side /= np.linalg.norm(side)
    frame = np.stack([side, np.cross(axis, side), axis])
    return Mesh(rod.vertices @ frame + base, rod.uv, rod.faces, True)


def blob(centre: Point, radii: Point, segments: int = 16) -> Mesh:
    """An ellipsoid."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)
    ball = lathe([(max(float(np.cos(a)), 1e-4), float(np.sin(a))) for a in angles], segments)
    return ball.scaled(radii).moved(centre)
