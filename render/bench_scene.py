"""Scenes to measure the engine on: read from a file, or made from the room of the examples."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.splats.gaussians import Gaussians

LIKE_SHAPES = 0.05  # shapes that differ by less count as the same


@dataclass(frozen=True)
class BenchScene:
    """Gaussians, cameras that look at them, and a note of where they came from."""

    gaussians: Gaussians
    cameras: tuple[Camera, ...]
    source: str

    def cameras_at(self, width: int, height: int) -> tuple[Camera, ...]:
        """The cameras with pictures of another size; where its shape is another too, pixels stay square."""
        return tuple(_reframed(camera, width, height) for camera in self.cameras)


def _reframed(camera: Camera, width: int, height: int) -> Camera:
    lens = camera.intrinsics
    if abs(width * lens.height / (height * lens.width) - 1) < LIKE_SHAPES:
        return camera.resized(width, height)
    focal = np.sqrt(lens.fx * lens.fy * width * height / (lens.width * lens.height))
    square = Intrinsics(width, height, float(focal), float(focal), width / 2, height / 2)
    return replace(camera, intrinsics=square)


def resampled(gaussians: Gaussians, count: int, seed: int = 0) -> Gaussians:
    """About the same scene with another number of Gaussians.

    Fewer: a random choice, larger by the square root of the ratio. More: copies, moved by 0.7 of a random step within
    the Gaussian, and smaller by the square root of the ratio.
    """
    n = len(gaussians)
    rng = np.random.default_rng(seed)
    if count <= n:
        chosen = gaussians.select(rng.choice(n, count, replace=False))
    else:
        index = np.concatenate([np.tile(np.arange(n), count // n), rng.choice(n, count % n, replace=False)])
        chosen = gaussians.select(index)
        steps = 0.7 * rng.normal(size=(count, 3)).astype(np.float32)
        chosen = replace(chosen, means=chosen.means + steps * chosen.scales)
    return replace(chosen, log_scales=chosen.log_scales + np.float32(0.5 * np.log(n / count)))


def read_scene(path: Path) -> BenchScene:
    """A scene from a file, see ``bench.run_bench``.

    Raises:
        InputError: if it cannot be used.
    """
    if path.suffix == ".ply":
        from scenes.formats.ply import read_splat_ply

        gaussians = read_splat_ply(path).gaussians
        if not len(gaussians):
            raise InputError(f"The bench needs a scene with Gaussians, but {path} has none.")
        middle = np.median(gaussians.means, axis=0).astype(np.float64)
        return BenchScene(gaussians, _cameras_around(middle), f"{path.name}, seen from its middle")
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        return _scene_of(arrays, path.name)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(
            f"The bench needs a splat .ply or an .npz with parameters and cameras, but {path} cannot be used: {error}."
        ) from error


def _scene_of(arrays: dict[str, NDArray[Any]], name: str) -> BenchScene:
    sh = np.swapaxes(arrays["sh"], 1, 2)
    parameters = (arrays[key] for key in ("means", "quaternions_wxyz", "log_scales", "logit_opacities"))
    means, quaternions, log_scales, logits = parameters
    width, height = (int(v) for v in arrays["size_wh"])
    fx, fy, cx, cy = (float(v) for v in arrays["fx_fy_cx_cy"])
    lens = Intrinsics(width, height, fx, fy, cx, cy)
    cameras = tuple(Camera(lens, _rigid(matrix).inverse()) for matrix in arrays["camera_from_world"])
    return BenchScene(Gaussians(means, quaternions, log_scales, logits, sh), cameras, name)


def _rigid(matrix: NDArray[Any]) -> Rigid:
    """A pose whose rotation may have lost digits in float32."""
    u, _, v = np.linalg.svd(matrix[:3, :3].astype(np.float64))
    return Rigid(u @ v, matrix[:3, 3].astype(np.float64))


def _cameras_around(position: NDArray[np.float64], count: int = 5) -> tuple[Camera, ...]:
    """Level cameras at one place, looking around; +z is up."""
    cameras: list[Camera] = []
    for angle in np.arange(count) * 2 * np.pi / count:
        forward = np.array([np.cos(angle), np.sin(angle), 0.0])
        right = np.array([np.sin(angle), -np.cos(angle), 0.0])
        rotation = np.stack([right, np.array([0.0, 0.0, -1.0]), forward], axis=1)
        cameras.append(Camera(Intrinsics.from_fov(540, 960, 1.1), Rigid(rotation, position)))
    return tuple(cameras)
