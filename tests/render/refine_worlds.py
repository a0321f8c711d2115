"""A wall with a pattern on it, seen exactly; and refiners that do one simple thing. For the tests of the refiner."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.reporting import Report, silent
from cameras.rigid import Rigid
from cameras.rotations import rotation_exp
from render.refine.base import Capability, FrameBundle, Licence, Pair, Refined
from render.refine.photos import PhotoSet, bundle_of
from scenes.captures.pixels import PosedPhoto
from scenes.scene import View, World

WIDTH, HEIGHT, DISTANCE = 96, 64, 3.0
LENS = Intrinsics.from_fov(WIDTH, HEIGHT, 0.9)
Image = NDArray[np.float32]


def camera(x: float = 0.0, y: float = 0.0, z: float = 0.0, turn: float = 0.0) -> Camera:
    return Camera(LENS, Rigid(rotation_exp(np.array([0, turn, 0.0])), np.array([x, y, z])))


def pattern(points: NDArray[np.float64]) -> Image:
    """[..., 3] a smooth pattern with fine and coarse parts, in [0.1, 0.9]."""
    x, y = points[..., 0], points[..., 1]
    fine = np.sin(23 * x) * np.cos(19 * y)
    coarse = np.stack([np.sin(2 * x + k) * np.cos(1.5 * y - k) for k in range(3)], axis=-1)
    return (0.5 + 0.2 * coarse + 0.15 * fine[..., None]).astype(np.float32)


def dull(points: NDArray[np.float64]) -> Image:
    """[..., 3] what a poor fit would show: without the fine part, the coarse one too pale."""
    x, y = points[..., 0], points[..., 1]
    coarse = np.stack([np.sin(2 * x + k) * np.cos(1.5 * y - k) for k in range(3)], axis=-1)
    return (0.5 + 0.14 * coarse).astype(np.float32)


@dataclass
class Wall:
    """A scene: the plane z = 3 with a pattern on it; ``flicker`` adds noise that changes with each drawing."""

    shown: Callable[[NDArray[np.float64]], Image] = pattern
    flicker: float = 0.0
    world: World = field(default_factory=lambda: World(-np.ones(3), np.ones(3)))

    def views(self, cameras: Iterable[Camera], passes: tuple[str, ...] = ("rgb",)) -> Iterator[View]:
        for each in cameras:
            yield self.view(each, passes)

    def view(self, camera: Camera, passes: tuple[str, ...] = ("rgb",)) -> View:
        pixels = np.stack(np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5), axis=-1)
        rays = camera.intrinsics.rays(pixels) @ camera.world_from_camera.rotation.T
        depth = ((DISTANCE - camera.position_world[2]) / rays[..., 2]).astype(np.float32)
        rgb = self.shown(camera.unproject(pixels, depth))
        if self.flicker:
            seed = abs(hash((round(float(camera.position_world[0]) * 1e6), camera.time_s))) % 2**32
            rgb = rgb + np.random.default_rng(seed).normal(0, self.flicker, rgb.shape).astype(np.float32)
        return View(np.clip(rgb, 0, 1).astype(np.float32), np.ones(depth.shape, np.float32), {"depth_z": depth})

    def save(self, path: Path) -> None:
        raise NotImplementedError


def photo(name: str, at: Camera, gain: float = 1.0) -> PosedPhoto:
    rgb = np.clip(gain * Wall().view(at).rgb, 0, 1)
    return PosedPhoto(name, at, np.rint(255 * rgb).astype(np.uint8))


def row_of_photos(count: int = 6, step: float = 0.15) -> list[PosedPhoto]:
    return [photo(f"{index:02}.png", camera(x=(index - count / 2) * step)) for index in range(count)]


def wall_pairs(scene: Wall | None = None, count: int = 6) -> list[Pair]:
    """Views of a dull wall beside photos of the true one; references are the other photos."""
    scene = scene or Wall(dull)
    photos = row_of_photos(count)
    found: list[Pair] = []
    for index, each in enumerate(photos):
        others = PhotoSet.of(scene, photos[:index] + photos[index + 1 :])
        bundle = bundle_of(others, scene.view(each.camera, ("rgb", "depth_z")), each.camera, 1, index)
        truth = each.rgb.astype(np.float32) / np.float32(255)
        found.append(Pair(each.name, bundle, truth, np.ones(truth.shape[:2], np.bool_)))
    return found


@dataclass
class Fake:
    """A refiner that does what a function says."""

    answer: Callable[[FrameBundle, np.random.Generator], Image]
    name: str = "fake"
    capabilities: frozenset[Capability] = frozenset()
    licence: Licence = field(default_factory=lambda: Licence("Apache-2.0", True))
    noise_channels: int = 1

    @property
    def provenance(self) -> Mapping[str, object]:
        return {}

    def prepare(
        self, pairs: Sequence[Pair], steps: int, seed: int, workdir: Path | None, report: Report = silent
    ) -> Mapping[str, object]:
        return {}

    def refine(self, bundle: FrameBundle, seed: int) -> Refined:
        return Refined(self.answer(bundle, np.random.default_rng([seed, bundle.frame_index])))


def _shifted(bundle: FrameBundle, rng: np.random.Generator) -> Image:
    return np.roll(bundle.rgb, 3, axis=1)


HOSTILE: Mapping[str, Callable[[FrameBundle, np.random.Generator], Image]] = {
    "noise": lambda bundle, rng: rng.random(bundle.rgb.shape, dtype=np.float32),
    "noise on top": lambda bundle, rng: bundle.rgb + rng.normal(0, 0.1, bundle.rgb.shape).astype(np.float32),
    "another colour": lambda bundle, rng: bundle.rgb + np.array([0.1, 0, -0.1], np.float32),
    "three pixels aside": _shifted,
    "grey": lambda bundle, rng: np.full_like(bundle.rgb, 0.5),
    "not a number": lambda bundle, rng: np.full_like(bundle.rgb, np.nan),
    "infinite in one place": lambda bundle, rng: np.where(
        np.arange(bundle.width)[None, :, None] == 5, np.inf, bundle.rgb
    ),
    "another size": lambda bundle, rng: bundle.rgb[:-2],
}
