"""Whatever is wrong with a path file of text, or with a dataparser's transform, one sentence says so."""

from pathlib import Path

import pytest

from cameras.errors import InputError
from cameras.formats.convert import read_flight
from cameras.formats.nerfstudio import read_dataparser_transforms

IMAGE, CAMERA = "1 1 0 0 0 0 0 0 1 a.png\n\n", "1 SIMPLE_PINHOLE 640 480 500 320 240\n"


@pytest.mark.parametrize(
    ("images", "cameras", "message"),
    [
        ("1 1 0 0 0 0 0 0 1\n", CAMERA, "line 1 is no image"),
        ("1 1 0 0 0 x 0 0 1 a.png\n", CAMERA, "line 1 is no image"),
        ("1 0 0 0 0 0 0 0 1 a.png\n", CAMERA, "of length 1"),
        ("1 nan 0 0 0 0 0 0 1 a.png\n", CAMERA, "its quaternion must be finite"),
        ("1 1 0 0 0 inf 0 0 1 a.png\n", CAMERA, "its position must be finite"),
        ("1 1 0 0 0 0 0 0 2 a.png\n", CAMERA, "uses camera 2, which"),
        ("# nothing\n", CAMERA, "1 to 200,000 frames are wanted, got 0"),
        (IMAGE, "1 SIMPLE_PINHOLE 640\n", "line 1 is no camera"),
        (IMAGE, "1 FOV 640 480 500 500 320 240 1\n", "camera model FOV cannot be used"),
        (IMAGE, "1 SIMPLE_PINHOLE 640 480 -5 320 240\n", "is no lens"),
        (IMAGE, "1 SIMPLE_PINHOLE 640 480 nan 320 240\n", "is no lens"),
        (IMAGE, "\xff", "is no camera"),
    ],
)
def test_damaged_colmap(images: str, cameras: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "images.txt").write_text(images, encoding="utf-8")
    (tmp_path / "cameras.txt").write_text(cameras, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_flight(tmp_path / "images.txt", given="colmap")


def test_colmap_needs_its_cameras(tmp_path: Path) -> None:
    (tmp_path / "images.txt").write_text(IMAGE, encoding="utf-8")
    with pytest.raises(InputError, match=r"needs cameras\.txt beside it"):
        read_flight(tmp_path / "images.txt")


HEADER = "frame,time_s,x,y,z,qw,qx,qy,qz,fov_y_deg,focus_distance\n"
ROW = "0,0,1,2,3,1,0,0,0,60,\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER, "1 to 200,000 rows"),
        (HEADER + "0,0,1,2\n", "line 2 has no number in the column z"),
        (HEADER + "0,0,1,2,nan,1,0,0,0,60,\n", "line 2 must have a finite number in the column z"),
        (HEADER + "0,0,1,2,x,1,0,0,0,60,\n", "line 2 has no number in the column z"),
        (HEADER + "0,0,1,2,3,0,0,0,0,60,\n", "of length 1"),
        (HEADER + "0,0,1,2,3,1,0,0,0,180,\n", "frame 0 cannot be: its field of view"),
        (HEADER + "0,0,1,2,3,1,0,0,0,60,-1\n", "its focus distance"),
        (HEADER + ROW + "1,0.1,1,2,3,1,0,0,0,60,5\n", "in all rows or in none"),
        (HEADER + ROW + ROW, "time_s must increase"),
        (HEADER + ROW + "1,0.1,1,2,3,1,0,0,0,60,\n2,0.3,1,2,3,1,0,0,0,60,\n", "the same step"),
        (HEADER + ROW.replace("0,0,", "0,5,", 1) + "1,5.1,1,2,3,1,0,0,0,60,\n", "must start at 0"),
        (HEADER + ROW + "1,1e9,1,2,3,1,0,0,0,60,\n", "a frame rate from"),
        (HEADER + '0,0,"1\n', "column x|unexpected end"),
    ],
)
def test_damaged_tables(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_flight(tmp_path / "a.csv")


STAGE = "#usda 1.0\n(\n startTimeCode = 0\n endTimeCode = 2\n)\n"
CAMERA_PRIM = 'def Camera "c" {{\n {}\n}}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#usda 1.0\nnonsense", "cannot be parsed"),
        (STAGE, "has no camera"),
        (STAGE + CAMERA_PRIM.format('token projection = "orthographic"'), "orthographic camera"),
        (STAGE.replace("= 2", "= 1000000000") + CAMERA_PRIM.format(""), "must have 1 to 200,000 frames"),
        (STAGE.replace("= 2", "= -2") + CAMERA_PRIM.format(""), "must have 1 to 200,000 frames"),
        (STAGE.replace("= 2", "= 2\n timeCodesPerSecond = 0") + CAMERA_PRIM.format(""), "a frame rate from|frames"),
        (STAGE + CAMERA_PRIM.format("float focalLength = 0"), "its field of view"),
        (STAGE + CAMERA_PRIM.format("float focalLength = nan"), "its field of view|cannot be parsed"),
        (
            STAGE
            + CAMERA_PRIM.format(
                'double3 xformOp:scale = (1, 1, -1)\n uniform token[] xformOpOrder = ["xformOp:scale"]'
            ),
            "mirrored",
        ),
        (STAGE.replace("= 2", "= 2\n metersPerUnit = -1") + CAMERA_PRIM.format(""), "metersPerUnit must be positive"),
    ],
)
def test_damaged_usd(text: str, message: str, tmp_path: Path) -> None:
    pytest.importorskip("pxr.Usd")
    (tmp_path / "a.usda").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_flight(tmp_path / "a.usda")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"transform": [[1,0,0,0],[0,1,0,0]], "scale": 1}', "3 rows of 4"),
        ('{"transform": [[2,0,0,0],[0,2,0,0],[0,0,2,0]], "scale": 1}', "axes must be"),
        ('{"transform": [[1,0,0,0],[0,1,0,0],[0,0,1,0]], "scale": 0}', "wrong at scale"),
        ('{"transform": [[1,0,0,0],[0,1,0,0],[0,0,1,0]]}', "wrong at scale"),
        ('{"transform": [[1,0,0],[0,1,0,0],[0,0,1,0]], "scale": 1}', "inhomogeneous|3 rows of 4"),
        ("{", "should be nerfstudio's dataparser_transforms.json"),
    ],
)
def test_damaged_dataparser_transforms(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_dataparser_transforms(tmp_path / "a.json")
