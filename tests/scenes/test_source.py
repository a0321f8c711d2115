"""What an input is, told by its content, and the way from an input to a capture."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from cameras.errors import InputError
from scenes.captures.source import describe, identify, open_capture


def save_photos(folder: Path, count: int = 3, suffix: str = ".png") -> None:
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for index in range(count):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(folder / f"{index}{suffix}")


def save_transforms(folder: Path, name: str = "transforms.json") -> None:
    frames = [
        {"file_path": f"{i}.png", "transform_matrix": (np.eye(4) + np.eye(4, k=3) * i).tolist()} for i in range(3)
    ]
    (folder / name).write_text(json.dumps({"fl_x": 60, "camera_angle_x": 0.98, "w": 64, "h": 48, "frames": frames}))


def save_video(path: Path) -> None:
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(20):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (64, 96, 3), dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_photos(tmp_path: Path) -> None:
    save_photos(tmp_path / "in")
    facts = describe(tmp_path / "in")
    assert facts["kind"] == "photos"
    assert (facts["images"], facts["width"], facts["height"]) == (3, 64, 48)


def test_known_cameras_count_more_than_the_photos_beside_them(tmp_path: Path) -> None:
    save_photos(tmp_path)
    assert identify(tmp_path) == "photos"
    save_transforms(tmp_path)
    assert identify(tmp_path) == "nerfstudio"
    facts = describe(tmp_path)
    assert (facts["images"], facts["width"], facts["distorted"]) == (3, 64, False)


def test_blender_sets_are_told_by_their_split(tmp_path: Path) -> None:
    save_photos(tmp_path)
    save_transforms(tmp_path, "transforms_train.json")
    assert identify(tmp_path) == identify(tmp_path / "transforms_train.json") == "blender"


def test_a_video_is_told_by_its_content(tmp_path: Path) -> None:
    save_video(tmp_path / "clip.mp4")
    (tmp_path / "clip.mp4").rename(tmp_path / "clip.dat")
    facts = describe(tmp_path / "clip.dat")
    assert facts["kind"] == "video"
    assert (facts["images"], facts["width"], facts["height"]) == (20, 96, 64)


def test_posed_data_becomes_a_capture(tmp_path: Path) -> None:
    save_photos(tmp_path)
    save_transforms(tmp_path)
    capture = open_capture(tmp_path, tmp_path / "work")
    assert len(capture.images) == 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: None, "nothing is there"),
        (lambda p: p.mkdir(), "is empty"),
        (lambda p: save_photos(p, 1, ".txt.png") or (p / "0.txt.png").rename(p / "0.doc"), "none of them among its 1"),
        (lambda p: p.write_bytes(b"ply\nformat ascii 1.0\n"), "PLY file; give the photos"),
        (lambda p: Image.new("RGB", (100, 80)).save(p, format="PNG"), r"one photo \(100x80\)"),
    ],
)
def test_what_no_capture_can_be_made_of(tmp_path: Path, make: object, said: str) -> None:
    path = tmp_path / "input"
    make(path)  # type: ignore[operator]
    with pytest.raises(InputError, match=said):
        identify(path)


def test_bytes_of_no_kind_are_no_video(tmp_path: Path) -> None:
    (tmp_path / "noise.bin").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(InputError, match="video"):
        identify(tmp_path / "noise.bin")
