"""``transforms.json``: lenses, poses and transforms come back as they were, and hostile files end in one sentence."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cameras.conventions import opengl_from_opencv_pose
from cameras.distortion import BrownConrady, KannalaBrandt
from cameras.errors import InputError
from cameras.rigid import Rigid
from cameras.rotations import rotation_exp
from scenes.captures.capture import SparsePoints
from scenes.captures.nerfstudio import read_nerfstudio
from scenes.captures.pixels import load_photos
from scenes.captures.point_file import read_points_ply, write_points_ply

WIDTH, HEIGHT = 48, 32


def data_set(folder: Path, count: int = 3, **top: object) -> dict[str, Any]:
    """The content of a valid file whose images lie in ``folder``; keys of ``top`` are added, None removes one."""
    (folder / "images").mkdir(exist_ok=True)
    frames: list[dict[str, Any]] = []
    for index in range(count):
        Image.new("RGB", (WIDTH, HEIGHT), (index * 20, 90, 120)).save(folder / "images" / f"{index}.png")
        frames.append({"file_path": f"images/{index}.png", "transform_matrix": pose(index).matrix().tolist()})
    content = {"fl_x": 40.0, "fl_y": 41.0, "cx": 24.5, "cy": 15.5, "w": WIDTH, "h": HEIGHT, "frames": frames, **top}
    return {key: value for key, value in content.items() if value is not None}


def pose(seed: int) -> Rigid:
    rng = np.random.default_rng(seed)
    return Rigid(rotation_exp(rng.normal(size=3)), rng.normal(size=3))


def write(folder: Path, content: object) -> Path:
    path = folder / "transforms.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_folder_and_its_file_read_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, data_set(tmp_path))
    for capture in (read_nerfstudio(path), read_nerfstudio(tmp_path)):
        assert [image.name for image in capture.images] == ["0.png", "1.png", "2.png"]
        lens = capture.images[0].camera.intrinsics
        assert (lens.fx, lens.fy, lens.cx, lens.cy, lens.distortion) == (40.0, 41.0, 24.5, 15.5, None)
        assert not capture.world.up_known
        assert capture.world.metres_per_unit is None


def test_opengl_cameras_become_ours(tmp_path: Path) -> None:
    """Looking along -z of the file's camera is looking along +z of ours, and its up is our -y."""
    image = read_nerfstudio(write(tmp_path, data_set(tmp_path))).images[1]
    stored = pose(1).rotation
    np.testing.assert_allclose(image.camera.forward_world, -stored[:, 2], atol=1e-12)
    np.testing.assert_allclose(image.camera.up_world, stored[:, 1], atol=1e-12)
    np.testing.assert_allclose(image.camera.position_world, pose(1).translation, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.05, 20.0))
def test_applied_transform_and_scale_are_undone(
    tmp_path_factory: pytest.TempPathFactory, seed: int, scale: float
) -> None:
    folder = tmp_path_factory.mktemp("data")
    applied, content = pose(seed + 500), data_set(folder)
    for index, frame in enumerate(content["frames"]):
        moved = applied @ opengl_from_opencv_pose(pose(seed + index))
        frame["transform_matrix"] = Rigid(moved.rotation, moved.translation * scale).matrix().tolist()
    points = np.random.default_rng(seed).normal(size=(12, 3))
    stored = SparsePoints(applied.apply(points) * scale, np.full((12, 3), 7, np.uint8), np.zeros(12, np.float32))
    write_points_ply(stored, folder / "points.ply")
    more = {
        "applied_transform": applied.matrix()[:3].tolist(),
        "applied_scale": scale,
        "ply_file_path": "points.ply",
    }
    capture = read_nerfstudio(write(folder, content | more))
    for index, image in enumerate(capture.images):
        np.testing.assert_allclose(image.camera.world_from_camera.matrix(), pose(seed + index).matrix(), atol=1e-9)
    np.testing.assert_allclose(capture.points.positions_world, points, atol=1e-9)
    assert (capture.points.colors == 7).all()
    undone = capture.provenance["undone"]
    assert isinstance(undone, dict)
    assert undone["applied_scale"] == scale


def test_a_frame_overrides_the_lens_of_the_file(tmp_path: Path) -> None:
    content = data_set(tmp_path)
    content["frames"][1] |= {"fl_x": 50.0, "cx": 20.0}
    images = read_nerfstudio(write(tmp_path, content)).images
    assert (images[1].camera.intrinsics.fx, images[1].camera.intrinsics.cx) == (50.0, 20.0)
    assert images[0].camera.intrinsics.fx == 40.0


def test_distortion_at_the_top_beats_that_of_frames(tmp_path: Path) -> None:
    content = data_set(tmp_path)
    content["frames"][0]["k1"] = 0.2
    images = read_nerfstudio(write(tmp_path, content)).images
    assert images[0].camera.intrinsics.distortion == BrownConrady(k1=0.2)
    assert images[1].camera.intrinsics.distortion is None
    images = read_nerfstudio(write(tmp_path, content | {"k1": 0.1, "k2": 0.02, "p1": 0.003, "p2": 0.004})).images
    assert images[0].camera.intrinsics.distortion == BrownConrady(0.1, 0.02, 0.003, 0.004)


@pytest.mark.parametrize("keys", [{"camera_model": "OPENCV_FISHEYE"}, {"is_fisheye": True}])
def test_fisheyes_are_recognised(tmp_path: Path, keys: dict[str, object]) -> None:
    content = data_set(tmp_path, distortion_params=[0.1, 0.02, 0.003, 0.004]) | keys
    lens = read_nerfstudio(write(tmp_path, content)).images[0].camera.intrinsics
    assert lens.distortion == KannalaBrandt(0.1, 0.02, 0.003, 0.004)


def test_an_angle_of_view_is_enough(tmp_path: Path) -> None:
    keys = ("fl_x", "fl_y", "cx", "cy", "w", "h")
    content = {k: v for k, v in data_set(tmp_path, camera_angle_x=math.pi / 2).items() if k not in keys}
    lens = read_nerfstudio(write(tmp_path, content)).images[0].camera.intrinsics
    assert (lens.fx, lens.fy, lens.cx, lens.cy) == pytest.approx((24, 24, 24, 16))


def test_a_scaled_copy_of_an_image_scales_its_lens(tmp_path: Path) -> None:
    content = data_set(tmp_path, w=2 * WIDTH, h=2 * HEIGHT)
    lens = read_nerfstudio(write(tmp_path, content)).images[0].camera.intrinsics
    assert (lens.width, lens.height, lens.fx, lens.cy) == (WIDTH, HEIGHT, 20.0, 7.75)


def test_splits_masks_and_depth_are_kept(tmp_path: Path) -> None:
    content = data_set(tmp_path, train_filenames=["images/0.png", "./images/2.png"], test_filenames=["images/1.png"])
    Image.fromarray(np.full((HEIGHT, WIDTH), 1500, np.uint16)).save(tmp_path / "depth.png")
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:10] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    for frame in content["frames"]:
        frame |= {"depth_file_path": "depth.png", "mask_path": "mask.png"}
    capture = read_nerfstudio(write(tmp_path, content | {"applied_scale": 0.5}))
    assert [image.split for image in capture.images] == ["train", "test", "train"]
    photo = load_photos(capture)[0]
    assert photo.depth_z is not None
    np.testing.assert_allclose(photo.depth_z, 3.0, rtol=1e-6)
    assert photo.valid is not None
    np.testing.assert_array_equal(photo.valid, mask > 0)


def test_missing_and_broken_images_are_named_and_left_out(tmp_path: Path) -> None:
    content = data_set(tmp_path, 5)
    (tmp_path / "images" / "1.png").unlink()
    (tmp_path / "images" / "3.png").write_bytes(b"no image")
    content["ply_file_path"] = "gone.ply"
    capture = read_nerfstudio(write(tmp_path, content))
    assert [image.name for image in capture.images] == ["0.png", "2.png", "4.png"]
    skipped = capture.provenance["skipped"]
    assert skipped == {
        "1.png": "does not exist",
        "3.png": "is not an image that we can read",
        "gone.ply": "does not exist",
    }


def test_units_per_metre_and_our_own_object_set_the_world(tmp_path: Path) -> None:
    assert read_nerfstudio(write(tmp_path, data_set(tmp_path, units_per_metre=2.0))).world.metres_per_unit == 0.5
    ours = {"version": 1, "up_known": True, "metres_per_unit": 0.25, "provenance": {"kind": "video"}}
    capture = read_nerfstudio(write(tmp_path, data_set(tmp_path, flythrough=ours)))
    assert capture.world.up_known
    assert capture.world.metres_per_unit == 0.25
    assert capture.provenance == {"kind": "video"}


def first_frame(**changes: object) -> Any:
    """A change of a valid content: the first frame gets ``changes``."""

    def change(content: dict[str, Any]) -> dict[str, Any]:
        content["frames"][0] |= changes
        return content

    return change


def top(**changes: object) -> Any:
    return lambda content: content | changes


NAN_POSE = np.full((4, 4), np.nan).tolist()
STRETCHED = np.diag([2.0, 1.0, 1.0, 1.0]).tolist()
MIRRORED = np.diag([-1.0, 1.0, 1.0, 1.0]).tolist()
FAR_AWAY = [[1, 0, 0, 1e12], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
PROJECTIVE = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: [1, 2], "JSON object with frames, but it holds a list"),
        (top(frames="none"), "not a camera file .* at frames"),
        (top(frames=[]), "at least 2 posed images are needed"),
        (top(fl_x="wide"), "at fl_x"),
        (top(w=0), "at w"),
        (top(w=10**9), "at w"),
        (top(camera_model="EQUIRECTANGULAR"), "camera model EQUIRECTANGULAR, but only"),
        (top(camera_model="VR180_L"), "camera model VR180_L"),
        (top(k4=0.5), "k4 = 0.5"),
        (top(fl_x=-3.0), "impossible lens"),
        (top(w=WIDTH, h=HEIGHT * 2), "says that 0.png is 48x64, but the file is 48x32"),
        (top(applied_scale=0.0), "at applied_scale"),
        (top(applied_transform=STRETCHED), "applied_transform .* not a rotation"),
        (top(applied_transform=[[1.0, 0.0], [0.0]]), "applied_transform .* 4x4 camera matrix"),
        (top(ply_file_path="images/0.png"), "cannot be read as PLY"),
        (top(flythrough={"version": 99}), "flythrough object .* newer than this version"),
        (first_frame(transform_matrix=NAN_POSE), r"at frames\[0\]\.transform_matrix"),
        (first_frame(transform_matrix=STRETCHED), r"frame images/0\.png .* not a rotation"),
        (first_frame(transform_matrix=MIRRORED), "not a rotation"),
        (first_frame(transform_matrix=FAR_AWAY), "that is no scene"),
        (first_frame(transform_matrix=PROJECTIVE), "last row"),
        (first_frame(file_path="../../secret.png"), "outside its data folder"),
        (first_frame(file_path="/etc/passwd"), "outside its data folder"),
        (first_frame(file_path=""), "empty or impossible path"),
        (first_frame(file_path="images/1.png"), "lists the image 1.png more than once"),
        (first_frame(mask_path="masks/gone.png"), "names the mask masks/gone.png, which is not there"),
    ],
)
def test_hostile_files_end_in_one_sentence(tmp_path: Path, change: Any, message: str) -> None:
    path = write(tmp_path, change(data_set(tmp_path)))
    with pytest.raises(InputError, match=message) as caught:
        read_nerfstudio(path)
    assert "\n" not in str(caught.value)


def test_no_focal_length_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no focal length"):
        read_nerfstudio(write(tmp_path, data_set(tmp_path, fl_x=None, fl_y=None)))


def test_no_json_and_no_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="camera file was expected at"):
        read_nerfstudio(tmp_path)
    (tmp_path / "transforms.json").write_text("{ not json")
    with pytest.raises(InputError, match="not valid JSON"):
        read_nerfstudio(tmp_path)


def test_points_survive_a_ply_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = SparsePoints(rng.normal(size=(5, 3)), rng.integers(0, 255, (5, 3), np.uint8), np.ones(5, np.float32))
    write_points_ply(points, tmp_path / "points.ply")
    again = read_points_ply(tmp_path / "points.ply")
    np.testing.assert_array_equal(again.positions_world, points.positions_world)
    np.testing.assert_array_equal(again.colors, points.colors)
    np.testing.assert_array_equal(again.errors_px, points.errors_px)


def test_the_real_sets_are_read(shared_data: Path) -> None:
    fox = read_nerfstudio(shared_data / "fox")
    assert len(fox.images) == 67
    assert isinstance(fox.images[0].camera.intrinsics.distortion, BrownConrady)
    room = read_nerfstudio(shared_data / "white-room" / "transforms.json")
    assert len(room.images) == 72
    assert room.world.metres_per_unit == 1.0
