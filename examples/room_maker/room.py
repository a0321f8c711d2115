"""What a room is: named materials, meshes that wear them, openings to the sky, and where a person cannot stand."""

from dataclasses import dataclass, field

import numpy as np

from .meshes import Floats, Mesh, Point, merge


@dataclass(frozen=True)
class Material:
    """A surface: kind "matt", "gloss", "metal" or "mirror"; an image [H, W, 3] or a tint [3] (sRGB); maybe a lamp's
    radiance [3] (linear)."""

    kind: str = "matt"
    tint: Floats = field(default_factory=lambda: np.array([0.8, 0.8, 0.8]))
    image: Floats | None = None
    roughness: float = 0.15
    radiance: Floats | None = None

    def mean_colour(self) -> Floats:
        """One sRGB colour [3] that stands for the material."""
        return self.tint if self.image is None else self.image.mean(axis=(0, 1))


@dataclass(frozen=True)
class Opening:
    """A rectangle in a wall that lets the sky in; `outward` [3] is its unit normal."""

    corner: Floats
    edge_u: Floats
    edge_v: Floats
    outward: Floats

    @property
    def area(self) -> float:
        """Square metres."""
        return float(np.linalg.norm(np.cross(self.edge_u, self.edge_v)))


@dataclass(frozen=True)
class Footprint:
    """The box [low, high] (metres) that a piece of furniture fills."""

    name: str
    low: tuple[float, float, float]
    high: tuple[float, float, float]


@dataclass
class Room:
    """A furnished room under construction, and the light that falls into it."""

    width_m: float
    depth_m: float
    height_m: float
    materials: dict[str, Material] = field(default_factory=dict)
    parts: list[tuple[str, Mesh]] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    footprints: list[Footprint] = field(default_factory=list)
    panorama: Floats = field(default_factory=lambda: np.ones((2, 4, 3)))
    sun_direction: Floats = field(default_factory=lambda: np.array([0.0, 0.6, 0.8]))
    sun_irradiance: Floats = field(default_factory=lambda: np.zeros(3))
    sun_radius_rad: float = 0.012

    def add(self, material: str, *meshes: Mesh) -> None:
        """Puts meshes into the room."""
        self.parts.extend((material, mesh) for mesh in meshes)

    def occupy(self, name: str, low: Point, high: Point) -> None:
        """Marks a box as filled."""
        a, b = np.minimum(low, high), np.maximum(low, high)
        self.footprints.append(Footprint(name, (a[0], a[1], a[2]), (b[0], b[1], b[2])))

    def merged(self) -> list[tuple[str, Mesh]]:
        """One mesh per material and kind of shading, in a fixed order."""
        groups: dict[tuple[str, bool], list[Mesh]] = {}
        for name, mesh in self.parts:
            groups.setdefault((name, mesh.smooth), []).append(mesh)
        return [(name, merge(group)) for (name, _), group in sorted(groups.items())]

    def mirrored(self) -> "Room":
        """The same room with left and right (x) exchanged; texture coordinates stay with their triangles."""
        flip = np.array([-1.0, 1, 1])
        shift = np.array([self.width_m, 0, 0])
        parts = [(name, mesh.scaled(flip).moved(shift)) for name, mesh in self.parts]
        openings = [
            Opening(o.corner * flip + shift, o.edge_u * flip, o.edge_v, o.outward * flip) for o in self.openings
        ]
        room = Room(self.width_m, self.depth_m, self.height_m, self.materials, parts, openings)
        for f in self.footprints:
            room.occupy(f.name, np.array(f.low) * flip + shift, np.array(f.high) * flip + shift)
        room.panorama, room.sun_irradiance, room.sun_radius_rad = (
            self.panorama,
            self.sun_irradiance,
            self.sun_radius_rad,
        )
        room.sun_direction = self.sun_direction * flip
        return room
