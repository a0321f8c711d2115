"""Where the object is photographed: soft boxes all around, cameras on a sphere, Mitsuba's path tracer, alpha."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from room_maker.meshes import Floats
from room_maker.tracing import Guides, Image32, denoised, load_mitsuba, mesh_of

from .instrument import Parts

DISTANCE = 4.0
FOV_X_RAD = 0.72
LOWEST_RAD, HIGHEST_RAD = np.radians(-18), np.radians(78)
BOUNCES = 4
LEAST_ALPHA = 1e-3


def look_at_origin(position: Floats) -> Floats:
    """world_from_camera [4, 4] with OpenCV axes of a level camera that faces the origin."""
    forward = -position / np.linalg.norm(position)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, np.cross(forward, right), forward, position
    return pose


def poses(count: int, phase: float) -> list[Floats]:
    """Cameras all around, evenly spread over the heights by area (a Fibonacci spiral); `phase` turns the spiral."""
    found = []
    for k in range(count):
        z = np.sin(LOWEST_RAD) + (np.sin(HIGHEST_RAD) - np.sin(LOWEST_RAD)) * (k + 0.5) / count
        angle = k * np.pi * (3 - 5**0.5) + phase
        level = (1 - z * z) ** 0.5
        found.append(look_at_origin(DISTANCE * np.array([level * np.cos(angle), level * np.sin(angle), z])))
    return found


def surroundings(height: int = 128) -> Image32:
    """Radiance [H, 2 H, 3] of the studio: a pale ceiling, a dim floor and three soft boxes."""
    elevation = np.linspace(np.pi / 2, -np.pi / 2, height)[:, None]
    azimuth = np.linspace(-np.pi, np.pi, 2 * height)[None, :]
    light = 0.25 + 0.35 / (1 + np.exp(-4 * np.sin(elevation))) + 0 * azimuth
    image = light[..., None] * np.array([0.96, 0.98, 1.0])
    for at, up, strength, tint in (
        (-2.0, 0.7, 6.0, (1.0, 0.94, 0.86)),
        (0.6, 0.9, 3.5, (0.9, 0.95, 1.0)),
        (2.5, 0.3, 2.5, (1.0, 1.0, 1.0)),
    ):
        along = (azimuth - at + np.pi) % (2 * np.pi) - np.pi
        inside = np.exp(-((along / 0.42) ** 6) - ((elevation - up) / 0.3) ** 6)
        image = image + strength * inside[..., None] * np.array(tint)
    return image.astype(np.float32)


class Studio:
    """Photographs an object; the kernel is compiled once and the camera is moved between pictures."""

    def __init__(self, parts: Parts, size: int, samples: int) -> None:
        self.mi = mi = load_mitsuba()
        self.samples = samples
        shapes = {f"part{k}": mesh_of(mi, f"part{k}", mesh, material) for k, (material, mesh) in enumerate(parts)}
        light = {"type": "envmap", "bitmap": mi.Bitmap(surroundings())}
        # Mitsuba's environment has +y up.
        light["to_world"] = mi.ScalarTransform4f().rotate([1, 0, 0], 90)
        self.scene = mi.load_dict({"type": "scene", "light": light, **shapes})
        path = {"type": "path", "max_depth": BOUNCES, "hide_emitters": True}
        self.integrator = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal", "inner": path})
        film: dict[str, Any] = {"type": "hdrfilm", "width": size, "height": size, "rfilter": {"type": "box"}}
        film |= {"pixel_format": "rgba", "component_format": "float32"}
        sampler = {"type": "multijitter", "sample_count": samples}
        sensor = {"type": "perspective", "fov": float(np.degrees(FOV_X_RAD)), "fov_axis": "x"}
        self.sensor = mi.load_dict({**sensor, "film": film, "sampler": sampler})
        self.parameters = mi.traverse(self.sensor)

    def photograph(self, world_from_camera: Floats, seed: int) -> NDArray[np.uint8]:
        """[H, W, 4] display sRGB, straight (not premultiplied), and alpha; `world_from_camera` has OpenCV axes."""
        # Mitsuba's camera looks along +z with +x to the left and +y up.
        self.parameters["to_world"] = self.mi.Transform4f(world_from_camera @ np.diag([-1.0, -1.0, 1.0, 1.0]))
        self.parameters.update()
        layers = self.mi.render(self.scene, sensor=self.sensor, integrator=self.integrator, spp=self.samples, seed=seed)
        layers = np.asarray(np.array(layers), np.float32)
        alpha = np.clip(layers[..., 3], 0, 1)
        guides = Guides(np.clip(layers[..., 4:7], 0, 1), np.clip(layers[..., 7:10], -1, 1))
        rgb_linear = denoised(np.maximum(layers[..., :3], 0), guides)
        straight = rgb_linear / np.maximum(alpha, LEAST_ALPHA)[..., None]
        seen = alpha[..., None] > LEAST_ALPHA
        return to_bytes(np.concatenate([np.where(seen, to_srgb(straight), 0), alpha[..., None]], axis=-1))


def to_srgb(rgb_linear: NDArray[np.floating]) -> Image32:
    """IEC 61966-2-1, clamped to [0, 1]."""
    x = np.clip(rgb_linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-8) ** (1 / 2.4) - 0.055).astype(np.float32)


def to_bytes(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """[0, 1] to 0..255."""
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
