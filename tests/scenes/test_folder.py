"""Capture folders: what is written is what is read back, by us and by pycolmap, and no position gets out."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from cameras.camera import Camera
from cameras.distortion import BrownConrady
from cameras.errors import InputError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import rotation_exp
from scenes.captures.capture import Capture, CaptureImage, SparsePoints
from scenes.captures.folder import write_capture
from scenes.scene import World

WIDTH, HEIGHT = 64, 48


def made_capture(folder: Path, *, suffix: str = ".jpg", lens: Intrinsics | None = None, alpha: bool = False) -> Capture:
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    lens = lens or Intrinsics(WIDTH, HEIGHT, 50.0, 50.0, WIDTH / 2, HEIGHT / 2)
    images: list[CaptureImage] = []
    for index in range(3):
        path = folder / f"photo{index}{suffix}"
        channels = 4 if alpha else 3
        Image.fromarray(rng.integers(0, 255, (HEIGHT, WIDTH, channels), dtype=np.uint8)).save(path, exif=gps_exif())
        pose = Rigid(rotation_exp(rng.normal(size=3)), rng.normal(size=3))
        images.append(CaptureImage(path.name, path, Camera(lens, pose), split="train" if index else "test"))
    points = SparsePoints(
        rng.normal(size=(20, 3)), rng.integers(0, 255, (20, 3), dtype=np.uint8), rng.random(20).astype(np.float32)
    )
    world = World(np.full(3, -1.0), np.full(3, 2.0), True, 0.5, {"levelled": "yes"})
    return Capture(tuple(images), points, world, {"kind": "test"})


def pixels(path: Path | None) -> NDArray[Any]:
    assert path is not None
    with Image.open(path) as image:
        return np.array(image)


def gps_exif() -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (47.0, 11.0, 22.0)
    return exif


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str) -> None:
    capture = made_capture(tmp_path / "in", suffix=suffix)
    read = write_capture(capture, tmp_path / "out")
    assert [image.name for image in read.images] == [image.name for image in capture.images]
    assert [image.split for image in read.images] == ["test", "train", "train"]
    for ours, theirs in zip(capture.images, read.images, strict=True):
        np.testing.assert_allclose(
            ours.camera.world_from_camera.matrix(), theirs.camera.world_from_camera.matrix(), atol=1e-9
        )
        assert ours.camera.intrinsics == theirs.camera.intrinsics
        if suffix == ".png":
            np.testing.assert_array_equal(pixels(ours.path), pixels(theirs.path))
    np.testing.assert_allclose(read.points.positions_world, capture.points.positions_world)
    np.testing.assert_array_equal(read.points.colors, capture.points.colors)
    assert (read.world.up_known, read.world.metres_per_unit) == (True, 0.5)
    np.testing.assert_array_equal(read.world.bounds_max, capture.world.bounds_max)
    assert read.provenance["kind"] == "test"


def test_colmap_opens_it(tmp_path: Path) -> None:
    capture = made_capture(tmp_path / "in")
    write_capture(capture, tmp_path / "out")
    model = pycolmap.Reconstruction(str(tmp_path / "out" / "sparse" / "0"))
    assert model.num_points3D() == 20
    for image in model.images.values():
        ours = next(i for i in capture.images if i.name == image.name)
        pose = image.cam_from_world().matrix()
        np.testing.assert_allclose(pose, ours.camera.camera_from_world.matrix()[:3], atol=1e-9)
        assert (tmp_path / "out" / "images" / image.name).is_file()


def test_a_distorted_lens_becomes_a_pinhole(tmp_path: Path) -> None:
    lens = Intrinsics(WIDTH, HEIGHT, 50.0, 50.0, 31.0, 25.0, BrownConrady(-0.1, 0.02, 0.001, 0.0))
    read = write_capture(made_capture(tmp_path / "in", lens=lens), tmp_path / "out")
    assert all(image.camera.intrinsics.distortion is None for image in read.images)


def test_masks_alpha_and_depth_survive(tmp_path: Path) -> None:
    capture = made_capture(tmp_path / "in", suffix=".png", alpha=True)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, :20] = 255
    depth = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(depth).save(tmp_path / "depth.png")
    first = replace(capture.images[0], mask_path=tmp_path / "mask.png", depth_path=tmp_path / "depth.png")
    capture = replace(capture, images=(first, *capture.images[1:]))
    read = write_capture(capture, tmp_path / "out")
    assert read.images[1].mask_path is not None, "nerfstudio wants a mask for all frames or for none"
    written_mask = pixels(read.images[0].mask_path)
    np.testing.assert_array_equal(written_mask > 0, mask > 0)
    written_depth = pixels(read.images[0].depth_path) * read.images[0].depth_step
    np.testing.assert_allclose(written_depth, depth * 1e-3, atol=1e-4)
    assert pixels(read.images[0].path).shape == (HEIGHT, WIDTH, 4)


def test_no_position_gets_out(tmp_path: Path) -> None:
    write_capture(made_capture(tmp_path / "in"), tmp_path / "out")
    for path in (tmp_path / "out" / "images").iterdir():
        with Image.open(path) as image:
            assert not dict(image.getexif())


def test_names_that_collide_or_climb_stay_apart_and_inside(tmp_path: Path) -> None:
    capture = made_capture(tmp_path / "in")
    names = ("../a.jpg", "a.png", "b/A.jpg")
    images = tuple(replace(image, name=name) for image, name in zip(capture.images, names, strict=True))
    read = write_capture(replace(capture, images=images), tmp_path / "out")
    assert sorted(image.name for image in read.images) == sorted(names)
    assert all((tmp_path / "out") in image.path.parents for image in read.images)
    content = json.loads((tmp_path / "out" / "transforms.json").read_text())
    assert len({frame["file_path"] for frame in content["frames"]}) == 3


def test_a_folder_with_content_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "keep.txt").write_text("mine")
    with pytest.raises(InputError, match="has content"):
        write_capture(made_capture(tmp_path / "in"), tmp_path / "out")
    assert (tmp_path / "out" / "keep.txt").read_text() == "mine"
