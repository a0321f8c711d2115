"""Gaussian splats as a ``Scene``."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from cameras.camera import Camera
from cameras.errors import InputError, SettingsError
from scenes.formats.ply import read_splat_ply, write_splat_ply
from scenes.formats.splat_file import SplatFile, visible_rows
from scenes.scene import View, World

from .gaussians import Gaussians
from .harmonics import MAX_DEGREE

Degradation = Literal["fewer", "lower_order", "displaced"]


@dataclass(frozen=True, eq=False)
class SplatScene:
    """Gaussians in a world.

    Attributes:
        gaussians: what is seen.
        world: bounds, up and scale.
        antialiased: whether they were fitted with the opacity compensation of Mip-Splatting.
        background: [3] colour in [0, 1] behind everything, which makes every view opaque; None: nothing, alpha tells.
        provenance: how they were made; JSON-able.
        backend: what draws them: ``auto``, ``cpu``, ``cuda`` or ``reference``.
    """

    gaussians: Gaussians
    world: World
    antialiased: bool = True
    background: tuple[float, float, float] | None = None
    provenance: Mapping[str, object] = field(default_factory=dict[str, object])
    backend: str = "auto"

    def views(self, cameras: Iterable[Camera], passes: tuple[str, ...] = ("rgb",)) -> Iterator[View]:
        """One view a camera; the passes are those of ``Engine.render``. A path is drawn faster than single views.

        Raises:
            SettingsError: if a camera is not an ideal pinhole, or a pass is not offered.
        """
        from .engine import Engine

        yield from Engine(self.backend).views(
            self.gaussians, cameras, background=self.background, antialiased=self.antialiased, passes=passes
        )

    def view(self, camera: Camera, passes: tuple[str, ...] = ("rgb",)) -> View:
        """The view of one camera."""
        return next(self.views([camera], passes))

    def save(self, path: Path) -> None:
        """Writes a standard splat .ply, without the Gaussians that cannot be seen (opacity below 1/255)."""
        world = self.world
        extras = {
            "antialiased": self.antialiased,
            "background": self.background,
            "world": {
                "bounds_min": [float(v) for v in world.bounds_min],
                "bounds_max": [float(v) for v in world.bounds_max],
                "up_known": world.up_known,
                "metres_per_unit": world.metres_per_unit,
                "provenance": dict(world.provenance),
            },
            "provenance": dict(self.provenance),
        }
        kept = self.gaussians.select(visible_rows(self.gaussians))
        up_axis = "+z" if world.up_known else None
        write_splat_ply(path, SplatFile(kept, MAX_DEGREE, up_axis, self.antialiased, extras))

    @classmethod
    def load(cls, path: Path) -> "SplatScene":
        """Reads a splat .ply, ours or another tool's.

        Raises:
            InputError: if it cannot be read; see ``scenes.formats.ply``.
        """
        found = read_splat_ply(path)
        gaussians, extras = found.gaussians, found.extras
        if not extras:
            return cls(gaussians, _world_of(gaussians, path), antialiased=False, provenance={"file": path.name})
        try:
            return cls(
                gaussians,
                _world_from_json(extras["world"]),
                bool(extras["antialiased"]),
                _color_from_json(extras["background"]),
                provenance=dict(_mapping(extras["provenance"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            note = json.dumps(dict(extras))[:60]
            raise InputError(f"{path} has a 'comment flythrough' that cannot be understood: {note}.") from error


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, found {value!r}")
    return cast("Mapping[str, Any]", value)


def _world_from_json(value: object) -> World:
    fields = dict(_mapping(value))
    for corner in ("bounds_min", "bounds_max"):
        fields[corner] = np.array(fields[corner], dtype=np.float64).reshape(3)
    return World(**fields)


def _color_from_json(value: object) -> tuple[float, float, float] | None:
    if value is None:
        return None
    red, green, blue = np.array(value, dtype=np.float64)
    return (float(red), float(green), float(blue))


def _world_of(gaussians: Gaussians, path: Path) -> World:
    """Bounds without the outermost Gaussians, which are often far strays."""
    low, high = np.percentile(gaussians.means.astype(np.float64), (1, 99), axis=0)
    return World(low, high, provenance={"file": path.name})


def degraded(scene: SplatScene, kind: Degradation, rng: np.random.Generator) -> SplatScene:
    """The scene as a poorer fit would have left it, to learn from pairs of worse and better views.

    Args:
        kind: ``fewer`` keeps 15 to 60 % of the Gaussians, widened to cover; ``lower_order`` takes the view-dependent
            colour away; ``displaced`` moves the centres by up to one standard deviation. For an early state of a fit,
            fit with few photo passes.
        rng: where the amounts come from.

    Raises:
        SettingsError: if the kind is not known.
    """
    gaussians = scene.gaussians
    if kind == "fewer":
        share = rng.uniform(0.15, 0.6)
        poorer = gaussians.select(rng.random(len(gaussians)) < share)
        poorer.log_scales -= np.float32(0.5 * np.log(share))
    elif kind == "lower_order":
        poorer = gaussians.select(np.arange(len(gaussians)))
        poorer.sh[:, :, 1:] = 0
    elif kind == "displaced":
        poorer = gaussians.select(np.arange(len(gaussians)))
        noise = rng.standard_normal(poorer.means.shape).astype(np.float32)
        poorer.means += noise * poorer.scales.min(axis=1, keepdims=True) * np.float32(rng.uniform(0.3, 1.0))
    else:
        raise SettingsError(f"Splats can be degraded by fewer, lower_order or displaced, not by '{kind}'.")
    return replace(scene, gaussians=poorer, provenance={**scene.provenance, "degraded": kind})
