"""Path tracing of a room with Mitsuba: windows and sun are sampled directly, the result is denoised with guides."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .meshes import Mesh, vertex_normals
from .room import Material, Room

Floats = NDArray[np.float64]
Image32 = NDArray[np.float32]

BOUNCES = 7
GUIDE_SAMPLES = 16  # albedo and normals cost little and must be clean, edges above all


@dataclass(frozen=True)
class Guides:
    """What the lens meets first: albedo and unit normals [H, W, 3]."""

    albedo: Image32
    normal: Image32


def load_mitsuba() -> Any:
    """Mitsuba with its fast CPU variant; finds Debian's libLLVM when the environment does not name one.

    Raises:
        ImportError: mitsuba or pyoidn is not installed (they are the extra `flythrough[examples]`).
    """
    found = sorted(glob("/usr/lib/*-linux-gnu/libLLVM*.so*") + glob("/usr/lib/llvm-*/lib/libLLVM.so*"))
    if found and "DRJIT_LIBLLVM_PATH" not in os.environ:
        os.environ["DRJIT_LIBLLVM_PATH"] = found[-1]
    import mitsuba as mi

    mi.set_variant("llvm_ad_rgb")
    return mi


def bsdf_of(mi: Any, material: Material) -> dict[str, Any]:
    """Mitsuba's description of a material."""
    if material.image is not None:
        pixels = np.ascontiguousarray((np.clip(material.image, 0, 1) * 255 + 0.5).astype(np.uint8))
        tint: dict[str, Any] = {"type": "bitmap", "bitmap": mi.Bitmap(pixels), "wrap_mode": "repeat"}
    else:
        tint = {"type": "rgb", "value": [float(c) ** 2.2 for c in material.tint]}
    if material.kind == "gloss":
        inner = {"type": "roughplastic", "diffuse_reflectance": tint, "alpha": material.roughness, "nonlinear": True}
    elif material.kind == "metal":
        inner = {"type": "roughconductor", "specular_reflectance": tint, "alpha": material.roughness}
    elif material.kind == "mirror":
        inner = {"type": "conductor", "specular_reflectance": {"type": "rgb", "value": 0.92}}
    else:
        inner = {"type": "diffuse", "reflectance": tint}
    return {"type": "twosided", "bsdf": inner}


def mesh_of(mi: Any, name: str, mesh: Mesh, material: Material) -> Any:
    """A Mitsuba mesh; flat meshes carry no normals, so their edges stay hard."""
    props = mi.Properties()
    props["bsdf"] = mi.load_dict(bsdf_of(mi, material))
    if material.radiance is not None:
        light = {"type": "area", "radiance": {"type": "rgb", "value": [float(c) for c in material.radiance]}}
        props["emitter"] = mi.load_dict(light)
    shape = mi.Mesh(name, len(mesh.vertices), len(mesh.faces), props, mesh.smooth, True)
    parameters = mi.traverse(shape)
    parameters["vertex_positions"] = mesh.vertices.astype(np.float32).ravel()
    parameters["faces"] = mesh.faces.astype(np.uint32).ravel()
    parameters["vertex_texcoords"] = np.ascontiguousarray(mesh.uv * [1, -1] + [0, 1]).astype(np.float32).ravel()
    if mesh.smooth:
        parameters["vertex_normals"] = vertex_normals(mesh).astype(np.float32).ravel()
    parameters.update()
    return shape


class Tracer:
    """Renders a room from given cameras; the kernel is compiled once and the camera is moved between frames."""

    def __init__(
        self, room: Room, width: int, height: int, focal_px: float, samples: int, sky_seen: float = 0.0
    ) -> None:
        self.mi = mi = load_mitsuba()
        from .integrator import WindowLight

        self.width, self.height, self.focal_px, self.samples = width, height, focal_px, samples
        shapes = {
            f"shape{k}": mesh_of(mi, f"shape{k}", mesh, room.materials[name])
            for k, (name, mesh) in enumerate(room.merged())
        }
        self.scene = mi.load_dict({"type": "scene", **shapes})
        self.integrator = WindowLight(room, sky_seen, BOUNCES)
        self.first_hits = WindowLight(room, sky_seen, 1)
        film = {"type": "hdrfilm", "width": width, "height": height, "rfilter": {"type": "box"}}
        film |= {"pixel_format": "rgb", "component_format": "float32"}
        self.sensor = mi.load_dict(
            {
                "type": "perspective",
                "fov": _fov_x_deg(width, focal_px),
                "fov_axis": "x",
                "near_clip": 0.02,
                "film": film,
                "sampler": {"type": "independent", "sample_count": samples},
            }
        )
        self.parameters = mi.traverse(self.sensor)

    def use_lens(self, focal_px: float) -> None:
        """Changes the focal length of the pictures from here on."""
        self.focal_px = focal_px
        self.parameters["x_fov"] = _fov_x_deg(self.width, focal_px)

    def trace(self, world_from_camera: Floats, seed: int) -> Image32:
        """Noisy linear radiance [H, W, 3]; `world_from_camera` [4, 4] has OpenCV axes (+x right, +y down)."""
        layers = self._render(self.integrator, world_from_camera, self.samples, seed)
        return np.maximum(layers[..., :3], 0)

    def guides(self, world_from_camera: Floats, seed: int) -> Guides:
        """Albedo and normals of the same view, nearly free of noise."""
        layers = self._render(self.first_hits, world_from_camera, GUIDE_SAMPLES, seed)
        return Guides(np.clip(layers[..., 3:6], 0, 1), np.clip(layers[..., 6:9], -1, 1))

    def _render(self, integrator: Any, world_from_camera: Floats, samples: int, seed: int) -> Image32:
        # Mitsuba's camera looks along +z with +x to the left and +y up.
        self.parameters["to_world"] = self.mi.Transform4f(world_from_camera @ np.diag([-1.0, -1.0, 1.0, 1.0]))
        self.parameters.update()
        layers = self.mi.render(self.scene, sensor=self.sensor, integrator=integrator, spp=samples, seed=seed)
        return np.asarray(np.array(layers), np.float32)

    def depth_z(self, world_from_camera: Floats) -> Image32:
        """Exact depth_z through pixel centres; 0 where the view leaves through a window."""
        mi = self.mi
        x = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal_px
        y = (np.arange(self.height) + 0.5 - self.height / 2) / self.focal_px
        rays = np.stack([*np.meshgrid(x, y), np.ones((self.height, self.width))], axis=-1).reshape(-1, 3)
        directions = (rays @ world_from_camera[:3, :3].T).T
        # Directions are left unnormalised with unit depth, so that the ray parameter is depth_z itself.
        ray = mi.Ray3f(mi.Point3f(*world_from_camera[:3, 3].tolist()), mi.Vector3f(*np.ascontiguousarray(directions)))
        hit = self.scene.ray_intersect_preliminary(ray)
        depth = np.where(np.array(hit.is_valid()), np.array(hit.t), 0)
        return depth.reshape(self.height, self.width).astype(np.float32)


def _fov_x_deg(width: int, focal_px: float) -> float:
    return float(np.degrees(2 * np.arctan(width / 2 / focal_px)))


def denoised(rgb_linear: Image32, guides: Guides) -> Image32:
    """Radiance [H, W, 3] cleaned by Open Image Denoise along the edges and textures of the guides."""
    from pyoidn.denoise import denoise

    colour, albedo, normal = (np.ascontiguousarray(a, np.float32) for a in (rgb_linear, guides.albedo, guides.normal))
    return np.asarray(denoise(colour, albedo, normal, hdr=True, clean_aux=True))


def to_display(rgb_linear: Image32, gains: Floats) -> NDArray[np.uint8]:
    """Camera-like development: exposure and white balance (`gains` [3]), a shoulder that holds the highlights, sRGB.

    Returns uint8 [H, W, 3].
    """
    x = np.maximum(rgb_linear * gains, 0)
    knee = 0.55
    shoulder = knee + (1 - knee) * (1 - np.exp(-(np.maximum(x, knee) - knee) / (1 - knee) * 0.85))
    x = np.where(x < knee, x, shoulder)
    srgb = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-8) ** (1 / 2.4) - 0.055)
    return (np.clip(srgb, 0, 1) * 255 + 0.5).astype(np.uint8)


def bracketed_sky(room: Room, gains: Floats) -> float:
    """How much the view outside is dimmed so that its sky is just below white beside a well exposed room.

    Agents bracket their exposures for this; without it every window is a white hole.
    """
    sky = float(np.median(room.panorama[: len(room.panorama) // 2]))
    return min(1.2 / (sky * float(np.mean(gains))), 1.0)


def metered_gains(frames: Sequence[Image32]) -> Floats:
    """Gains [3] that put the frames' median luminance at a comfortable grey and take most of the colour cast away."""
    pixels = np.concatenate([frame.reshape(-1, 3) for frame in frames]).astype(np.float64)
    luminance = pixels.mean(axis=1)
    middle = float(np.median(luminance))
    cast = pixels[luminance < 4 * middle].mean(axis=0)
    return 0.25 / middle * (cast.mean() / cast) ** 0.5
