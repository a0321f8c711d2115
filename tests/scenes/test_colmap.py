"""COLMAP models: what COLMAP writes is read, from every usual place; broken files end in one sentence."""

import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from PIL import Image

from cameras.distortion import BrownConrady
from cameras.errors import FlythroughError, InputError
from scenes.captures.colmap import find_colmap_model, read_colmap
from scenes.captures.colmap_files import read_cameras

WIDTH, HEIGHT = 64, 48


@pytest.fixture(scope="module")
def model() -> pycolmap.Reconstruction:
    """Four photos by two cameras, 60 coloured points."""
    options = pycolmap.SyntheticDatasetOptions()
    options.num_points3D = 60
    options.num_rigs = 2
    options.num_cameras_per_rig = 1
    options.num_frames_per_rig = 2
    options.camera_width, options.camera_height = WIDTH, HEIGHT
    options.camera_model_id = pycolmap.CameraModelId.OPENCV
    options.camera_params = [50.0, 51.0, 31.0, 25.0, 0.01, -0.02, 0.001, 0.002]
    pycolmap.set_random_seed(0)
    made = pycolmap.synthesize_dataset(options)
    for number, point in enumerate(made.points3D.values()):
        point.color = np.array([number, 2 * number, 3 * number], np.uint8)
    return made


def save_photos(model: pycolmap.Reconstruction, folder: Path, scale: int = 1) -> None:
    for image in model.images.values():
        path = folder / image.name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (scale * WIDTH, scale * HEIGHT), (9, 99, 199)).save(path)


def save_model(model: pycolmap.Reconstruction, folder: Path, kind: str = "binary") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "text":
        model.write_text(str(folder))
    else:
        model.write_binary(str(folder))
    return folder


@pytest.fixture
def dataset(model: pycolmap.Reconstruction, tmp_path: Path) -> Path:
    save_photos(model, tmp_path / "set" / "images")
    save_model(model, tmp_path / "set" / "sparse" / "0")
    return tmp_path / "set"


@pytest.mark.parametrize("kind", ["binary", "text"])
def test_what_colmap_writes_is_read(model: pycolmap.Reconstruction, tmp_path: Path, kind: str) -> None:
    save_photos(model, tmp_path / "images")
    save_model(model, tmp_path / "sparse" / "0", kind)
    capture = read_colmap(tmp_path)
    assert [image.name for image in capture.images] == sorted(image.name for image in model.images.values())
    by_name = {image.name: image for image in capture.images}
    for theirs in model.images.values():
        ours = by_name[theirs.name].camera
        np.testing.assert_allclose(ours.camera_from_world.matrix()[:3], theirs.cam_from_world().matrix(), atol=1e-12)
        assert isinstance(ours.intrinsics.distortion, BrownConrady)
        points = np.array([point.xyz for point in model.points3D.values()])
        pixels, depth_z = ours.project(points)
        for point, pixel, depth in zip(points, pixels, depth_z, strict=True):
            expected = theirs.project_point(point)
            if depth > 0 and expected is not None:
                np.testing.assert_allclose(pixel, expected, atol=1e-6)
    order = np.argsort(capture.points.positions_world[:, 0])
    theirs_by_x = sorted(model.points3D.values(), key=lambda point: point.xyz[0])
    np.testing.assert_allclose(capture.points.positions_world[order], [point.xyz for point in theirs_by_x])
    np.testing.assert_array_equal(capture.points.colors[order], [point.color for point in theirs_by_x])
    assert (capture.points.errors_px >= 0).all()
    assert not capture.world.up_known
    assert capture.provenance["kind"] == "colmap"
    assert capture.provenance["format"] == kind


@pytest.mark.parametrize("place", ["sparse/0", "sparse", "colmap/sparse/0", "colmap/sparse", "."])
def test_a_model_is_found_in_every_usual_place(model: pycolmap.Reconstruction, tmp_path: Path, place: str) -> None:
    assert find_colmap_model(tmp_path) is None
    save_photos(model, tmp_path / "images")
    save_model(model, tmp_path / place)
    assert find_colmap_model(tmp_path) == tmp_path / place
    assert len(read_colmap(tmp_path).images) == 4


@pytest.mark.parametrize("place", ["sparse", "sparse/0"])
def test_the_photos_may_lie_beside_the_folder_given(model: pycolmap.Reconstruction, tmp_path: Path, place: str) -> None:
    save_photos(model, tmp_path / "images")
    save_model(model, tmp_path / place)
    assert len(read_colmap(tmp_path / "sparse").images) == 4


def test_photos_of_another_size_scale_the_lens(model: pycolmap.Reconstruction, tmp_path: Path) -> None:
    save_photos(model, tmp_path / "images", scale=2)
    save_model(model, tmp_path)
    lens = read_colmap(tmp_path).images[0].camera.intrinsics
    assert (lens.width, lens.height, lens.fx, lens.cx) == (128, 96, 100.0, 62.0)


def test_missing_photos_are_named(dataset: Path, model: pycolmap.Reconstruction) -> None:
    lost = min(image.name for image in model.images.values())
    (dataset / "images" / lost).unlink()
    capture = read_colmap(dataset)
    assert len(capture.images) == 3
    assert capture.provenance["skipped"] == {lost: "does not exist"}


def test_a_model_without_points_is_a_capture_without_points(dataset: Path) -> None:
    (dataset / "sparse" / "0" / "points3D.bin").unlink()
    assert len(read_colmap(dataset).points.positions_world) == 0


def test_every_camera_model_of_colmap_is_known_by_name_and_size(tmp_path: Path) -> None:
    made = pycolmap.Reconstruction()
    expected: dict[int, tuple[str, int]] = {}
    for name, model_id in pycolmap.CameraModelId.__members__.items():
        if name == "INVALID":
            continue
        camera = pycolmap.Camera.create_from_model_id(int(model_id) + 1, model_id, 50.0, WIDTH, HEIGHT)
        made.add_camera(camera)
        expected[camera.camera_id] = (name, len(camera.params))
    made.write_binary(str(tmp_path))
    found = read_cameras(tmp_path / "cameras.bin")
    assert {key: (camera.model, len(camera.params)) for key, camera in found.items()} == expected


def test_a_camera_model_that_we_cannot_use_is_named(dataset: Path) -> None:
    camera = struct.pack("<QiiQQ12d", 1, 1, 10, WIDTH, HEIGHT, *range(12))
    (dataset / "sparse" / "0" / "cameras.bin").write_bytes(camera)
    with pytest.raises(InputError, match="THIN_PRISM_FISHEYE cannot be used"):
        read_colmap(dataset)


def cut(name: str, share: float) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(share * len(data))])

    return damage


def poke(name: str, offset: int, layout: str, value: float) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        struct.pack_into(layout, data, offset, value)
        (folder / name).write_bytes(data)

    return damage


def more(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.write(b"!")

    return damage


# After a count of 8 bytes: a camera's id, model and size; an image's id, quaternion, translation, camera and name.
BINARY: dict[str, tuple[Callable[[Path], None], str]] = {
    "no cameras": (cut("cameras.bin", 0), "ends too early"),
    "cameras cut": (cut("cameras.bin", 0.7), "do not fit|ends too early"),
    "images cut": (cut("images.bin", 0.9), "do not fit|ends too early"),
    "points cut": (cut("points3D.bin", 0.9), "do not fit|ends too early"),
    "images half": (cut("images.bin", 0.3), "do not fit|ends too early|does not end"),
    "too many points": (poke("points3D.bin", 0, "<Q", 1 << 60), "1152921504606846976 entries do not fit"),
    "too few images": (poke("images.bin", 0, "<Q", 3), "bytes are left over"),
    "one image": (poke("images.bin", 0, "<Q", 0), "bytes are left over"),
    "left over": (more("cameras.bin"), "1 bytes are left over"),
    "unknown model": (poke("cameras.bin", 12, "<i", 99), "unknown model number 99"),
    "absurd size": (poke("cameras.bin", 16, "<Q", 1 << 40), "image size of 1099511627776x48 is none"),
    "no focal": (poke("cameras.bin", 32, "<d", float("nan")), "should be finite numbers"),
    "negative focal": (poke("cameras.bin", 32, "<d", -5.0), "is no lens"),
    "no rotation": (poke("images.bin", 12, "<d", 7.0), "unit quaternion"),
    "nan rotation": (poke("images.bin", 12, "<d", float("nan")), "unit quaternion"),
    "far away": (poke("images.bin", 44, "<d", 1e300), "units away"),
    "no camera": (poke("images.bin", 68, "<I", 77), "names camera 77"),
    "no text": (poke("images.bin", 72, "<B", 255), "is no text"),
}


@pytest.mark.parametrize("kind", BINARY)
def test_broken_binary_models_end_in_one_sentence(dataset: Path, kind: str) -> None:
    damage, message = BINARY[kind]
    damage(dataset / "sparse" / "0")
    with pytest.raises(InputError, match=message) as caught:
        read_colmap(dataset)
    assert "\n" not in str(caught.value)


TEXT = {
    "cameras": ("cameras.txt", "1 PINHOLE sixty 48 50 50 32 24\n", "line 1 is no camera"),
    "parameters": ("cameras.txt", "1 PINHOLE 64 48 50 50 32\n2 PINHOLE 64 48 50 50 32\n", "has 4 parameters"),
    "unusable": ("cameras.txt", "1 FOV 64 48 50 50 32 24 0.5\n", "FOV cannot be used"),
    "images": ("images.txt", "\n1 1 0 0 0 0 0 0 1\n\n", "line 2 is no image"),
    "one image": ("images.txt", "1 1 0 0 0 0 0 0 1 a.png\n\n", "at least 2 posed images .* has 1"),
    "outside": (
        "images.txt",
        "1 1 0 0 0 0 0 0 1 ../../../etc/a.png\n\n2 1 0 0 0 0 0 0 1 b.png\n\n",
        "lies outside its data folder",
    ),
    "twice": ("images.txt", "1 1 0 0 0 0 0 0 1 {name}\n\n2 1 0 0 0 0 0 0 1 {name}\n\n", "more than once"),
    "points": ("points3D.txt", "1 0 0 0 9 9\n", "line 1 is no point"),
}


@pytest.mark.parametrize("kind", TEXT)
def test_broken_text_models_end_in_one_sentence(model: pycolmap.Reconstruction, tmp_path: Path, kind: str) -> None:
    save_photos(model, tmp_path / "images")
    save_model(model, tmp_path / "sparse", "text")
    file, content, message = TEXT[kind]
    (tmp_path / "sparse" / file).write_text(content.format(name=next(iter(model.images.values())).name))
    with pytest.raises(InputError, match=message):
        read_colmap(tmp_path)


def test_a_text_file_of_bytes_is_no_text(model: pycolmap.Reconstruction, tmp_path: Path) -> None:
    save_photos(model, tmp_path / "images")
    save_model(model, tmp_path / "sparse", "text")
    (tmp_path / "sparse" / "images.txt").write_bytes(b"\xff\xfe\x00\x80" * 9)
    with pytest.raises(InputError, match="it is no text"):
        read_colmap(tmp_path)


@pytest.mark.parametrize("kind", ["binary", "text"])
def test_any_cut_or_flipped_bit_is_read_or_refused(model: pycolmap.Reconstruction, tmp_path: Path, kind: str) -> None:
    """Never a crash, a hang or a traceback, whatever the files hold."""
    save_photos(model, tmp_path / "images")
    whole = save_model(model, tmp_path / "whole", kind)
    rng = random.Random(0)
    for trial in range(60):
        folder = tmp_path / "sparse"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        file = rng.choice([path for path in sorted(folder.iterdir()) if path.stem in ("cameras", "images", "points3D")])
        data = bytearray(file.read_bytes())
        if trial % 2:
            data = data[: rng.randrange(len(data))]
        else:
            for _ in range(4):
                data[rng.randrange(min(len(data), 600))] ^= 1 << rng.randrange(8)
        file.write_bytes(data)
        try:
            capture = read_colmap(tmp_path)
        except FlythroughError:
            continue
        assert np.isfinite(capture.world.bounds_min).all()


def test_without_a_model_or_photos_it_says_where_it_looked(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="sparse/0, sparse, colmap/sparse/0"):
        read_colmap(tmp_path / "empty")
    with pytest.raises(InputError, match=r"a COLMAP model .* was expected in .*nothing"):
        read_colmap(tmp_path / "nothing")
    shutil.rmtree(dataset / "images")
    with pytest.raises(InputError, match=r"expected in a folder images, .*/set/images"):
        read_colmap(dataset)
    (dataset / "images").mkdir()
    with pytest.raises(InputError, match="at least 2 posed images are needed"):
        read_colmap(dataset)
