"""A tiny posed capture for end-to-end tests: photos of a painted cube, seen from inside."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

WIDTH, HEIGHT, FOCAL = 64, 48, 44.0


def paint(points_world: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., 3] smooth colours in [0, 1] for points on the walls of the cube of side 4."""
    x, y, z = np.moveaxis(points_world, -1, 0)
    waves = [np.sin(2.2 * x + 1.3 * y), np.sin(1.9 * y - 1.1 * z + 1), np.sin(1.6 * z + 2.0 * x + 2)]
    return 0.5 + 0.35 * np.stack(waves, axis=-1)


def photograph(world_from_camera: NDArray[np.float64]) -> NDArray[np.uint8]:
    """[H, W, 3] what an OpenCV camera inside the cube sees."""
    x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
    rays = np.stack([(x - WIDTH / 2) / FOCAL, (y - HEIGHT / 2) / FOCAL, np.ones_like(x)], axis=-1)
    rays = rays @ world_from_camera[:3, :3].T
    origin = world_from_camera[:3, 3]
    with np.errstate(divide="ignore"):
        distance = np.where(rays > 0, (2 - origin) / rays, (-2 - origin) / rays).min(axis=-1)
    return np.rint(255 * paint(origin + rays * distance[..., None])).astype(np.uint8)


def pose_towards(angle_rad: float) -> NDArray[np.float64]:
    """[4, 4] an OpenCV camera on a circle of radius 0.6 that looks outwards, +z up."""
    forward = np.array([np.cos(angle_rad), np.sin(angle_rad), -0.1])
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = 0.6 * forward
    return pose


def write_points(path: Path, rng: np.random.Generator) -> None:
    points = rng.uniform(-2, 2, (600, 3))
    points[np.arange(600), rng.integers(0, 3, 600)] = rng.choice([-2.0, 2.0], 600)
    colors = np.rint(255 * paint(points)).astype(int)
    lines = [f"{x:.4f} {y:.4f} {z:.4f} {r} {g} {b}" for (x, y, z), (r, g, b) in zip(points, colors, strict=True)]
    names = [f"property float {axis}" for axis in "xyz"] + [f"property uchar {c}" for c in ("red", "green", "blue")]
    header = ["ply", "format ascii 1.0", "element vertex 600", *names, "end_header"]
    path.write_text("\n".join([*header, *lines, ""]), encoding="ascii")


@pytest.fixture(scope="session")
def tiny_room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A nerfstudio data set of 14 photos of 64x48 with points; no test writes into it."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("tiny_room")
    (folder / "images").mkdir()
    frames: list[dict[str, object]] = []
    for index in range(14):
        pose = pose_towards(2 * np.pi * index / 14)
        name = f"images/{index:03d}.png"
        Image.fromarray(photograph(pose)).save(folder / name)
        opengl = pose @ np.diag([1.0, -1.0, -1.0, 1.0])
        frames.append({"file_path": name, "transform_matrix": opengl.tolist()})
    write_points(folder / "points.ply", np.random.default_rng(0))
    lens = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": WIDTH / 2, "cy": HEIGHT / 2, "w": WIDTH, "h": HEIGHT}
    transforms = {**lens, "frames": frames, "ply_file_path": "points.ply"}
    (folder / "transforms.json").write_text(json.dumps(transforms), encoding="utf-8")
    return folder
