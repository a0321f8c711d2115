"""Synthetic NeRF sets: poses, lens, splits and white ground; broken files end in one sentence."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cameras.errors import InputError
from cameras.rotations import rotation_exp
from scenes.captures.blender import find_blender_files, read_blender
from scenes.captures.pixels import load_photo

ANGLE = 0.6911112


def transform(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_exp(rng.normal(size=3))
    matrix[:3, 3] = rng.normal(size=3)
    return matrix


def write_split(folder: Path, split: str, count: int, suffix: str = ".png", **extra: object) -> Path:
    """Half-transparent red images of 40x30 pixels."""
    (folder / split).mkdir(parents=True, exist_ok=True)
    frames: list[dict[str, object]] = []
    for i in range(count):
        pixels = np.full((30, 40, 4), (255, 0, 0, 0 if i == 0 else 255), np.uint8)
        image = Image.fromarray(pixels)
        (image if suffix == ".png" else image.convert("RGB")).save(folder / split / f"r_{i}{suffix}")
        matrix = transform(100 * len(split) + i).tolist()
        frames.append({"file_path": f"./{split}/r_{i}", "rotation": 0.01, "transform_matrix": matrix})
    path = folder / f"transforms_{split}.json"
    path.write_text(json.dumps({"camera_angle_x": ANGLE, "frames": frames, **extra}))
    return path


def test_a_folder_gives_all_its_splits(tmp_path: Path) -> None:
    for split, count in (("test", 2), ("train", 3), ("val", 1)):
        write_split(tmp_path, split, count)
    assert [path.name[11:-5] for path in find_blender_files(tmp_path)] == ["train", "val", "test"]
    capture = read_blender(tmp_path)
    names = [image.name for image in capture.images]
    assert names == ["test/r_0.png", "test/r_1.png", "train/r_0.png", "train/r_1.png", "train/r_2.png", "val/r_0.png"]
    assert all(image.split == image.name.split("/")[0] for image in capture.images)
    assert all(image.background == (1.0, 1.0, 1.0) for image in capture.images)
    assert capture.world.up_known
    assert len(capture.points.positions_world) == 0
    assert capture.provenance["kind"] == "blender"
    assert capture.provenance["frames"] == 6


def test_poses_are_turned_from_opengl_and_the_angle_is_the_lens(tmp_path: Path) -> None:
    path = write_split(tmp_path, "train", 3)
    for i, image in enumerate(read_blender(path).images):
        matrix = transform(500 + i)
        camera = image.camera
        np.testing.assert_allclose(camera.position_world, matrix[:3, 3], atol=1e-12)
        np.testing.assert_allclose(camera.right_world, matrix[:3, 0], atol=1e-12)
        np.testing.assert_allclose(camera.up_world, matrix[:3, 1], atol=1e-12)
        np.testing.assert_allclose(camera.forward_world, -matrix[:3, 2], atol=1e-12)
        lens = camera.intrinsics
        assert lens.fov_x_rad == pytest.approx(ANGLE)
        assert (lens.width, lens.height, lens.cx, lens.cy, lens.fx) == (40, 30, 20.0, 15.0, lens.fy)
        assert lens.distortion is None


def test_transparent_images_stand_before_white(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 2)
    clear, solid = (load_photo(image) for image in read_blender(tmp_path).images)
    assert clear.background == solid.background == (1.0, 1.0, 1.0)
    assert clear.alpha is not None
    assert not clear.alpha.any()


def test_one_file_gives_one_split(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 2)
    path = write_split(tmp_path, "test", 2)
    assert {image.split for image in read_blender(path).images} == {"test"}
    path.rename(tmp_path / "transforms_mine.json")
    assert {image.split for image in read_blender(tmp_path / "transforms_mine.json").images} == {None}


def test_jpegs_are_found_and_a_lens_in_pixels_goes_first(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 2, ".jpg", w=40, h=30, fl_x=50.0, fl_y=51.0, cx=19.0, cy=16.0, k1=0.1)
    image = read_blender(tmp_path).images[1]
    assert image.name == "train/r_1.jpg"
    lens = image.camera.intrinsics
    assert (lens.fx, lens.fy, lens.cx, lens.cy) == (50.0, 51.0, 19.0, 16.0)
    assert lens.distortion is not None


def test_missing_images_are_named(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 3)
    (tmp_path / "train" / "r_1.png").unlink()
    capture = read_blender(tmp_path)
    assert len(capture.images) == 2
    assert capture.provenance["skipped"] == {"train/r_1.png": "does not exist"}


def broken(path: Path, **changes: object) -> None:
    data: dict[str, Any] = json.loads(path.read_text())
    for key, value in changes.items():
        if key in ("file_path", "transform_matrix"):
            data["frames"][0][key] = value
        elif value is None:
            del data[key]
        else:
            data[key] = value
    path.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"camera_angle_x": None}, "at camera_angle_x, field required"),
        ({"camera_angle_x": 4.0}, "at camera_angle_x, input should be less than 3.14"),
        ({"camera_angle_x": math.nan}, "at camera_angle_x"),
        ({"frames": None}, "at frames, field required"),
        ({"frames": []}, "at least 2 posed images .* has 0 of 0"),
        ({"w": -1}, "at w, input should be greater than 0"),
        ({"transform_matrix": [[1, 0], [0]]}, "4x4 camera matrix"),
        ({"transform_matrix": np.diag([2, 1, 1, 1]).tolist()}, "is not a rotation"),
        ({"transform_matrix": [["a"]]}, r"at frames\[0\].transform_matrix"),
        ({"file_path": "../../elsewhere/r_0"}, "lies outside its data folder"),
        ({"file_path": ""}, "empty or impossible path"),
        ({"file_path": "train/r_1"}, "train/r_1.png more than once"),
        ({"w": 40, "h": 60}, "is 40x60, but the file is 40x30"),
    ],
)
def test_broken_files_end_in_one_sentence(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = write_split(tmp_path, "train", 3)
    broken(path, **changes)
    with pytest.raises(InputError, match=message) as caught:
        read_blender(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_json_and_no_file_end_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"transforms_train\.json, .* was expected"):
        read_blender(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_blender(tmp_path / "transforms_train.json")
    path = write_split(tmp_path, "train", 2)
    path.write_text(path.read_text()[:-40])
    with pytest.raises(InputError, match="is not valid JSON"):
        read_blender(tmp_path)
