"""Points from given poses: right in a room whose cameras are known, the same after a kill, and never an error."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.reporting import Report
from cameras.rigid import Rigid
from scenes.captures.capture import Capture, CaptureImage, SparsePoints
from scenes.captures.epipolar import sampson_px
from scenes.captures.overlap import overlapping_pairs
from scenes.captures.posed import as_mapping
from scenes.captures.triangulate import with_points
from scenes.scene import World

LENS = Intrinsics.from_fov(240, 180, np.radians(60))
WALL_Y = 2.0


def heard(stages: list[str]) -> Report:
    def report(stage: str, fraction: float, figures: Mapping[str, object]) -> None:
        stages.append(stage)

    return report


def facts(capture: Capture) -> Mapping[str, object]:
    return as_mapping(capture.provenance["triangulated"])


def looking(x: float, yaw_rad: float) -> Camera:
    """A level camera at (x, 0, 0) that looks along +y, turned to the left by ``yaw_rad``."""
    forward = np.array([-np.sin(yaw_rad), np.cos(yaw_rad), 0.0])
    right = np.array([np.cos(yaw_rad), np.sin(yaw_rad), 0.0])
    return Camera(LENS, Rigid(np.column_stack([right, [0, 0, -1.0], forward]), np.array([x, 0.1 * np.sin(9 * x), 0.0])))


def wallpaper(seed: int) -> NDArray[np.float64]:
    """[512, 512, 3] smooth noise of many sizes."""
    rng = np.random.default_rng(seed)
    paper = np.zeros((512, 512, 3))
    for size in (16, 32, 64, 128):
        for channel in range(3):
            coarse = Image.fromarray(rng.normal(size=(size, size)).astype(np.float32))
            paper[..., channel] += np.asarray(coarse.resize((512, 512), Image.Resampling.BICUBIC))
    return np.clip(0.5 + 0.14 * paper, 0, 1)


def photograph(camera: Camera, paper: NDArray[np.float64]) -> Image.Image:
    """The wall y = 2 with an alcove 0.6 deep in the middle third, seen without its sides."""
    x, y = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    rays = camera.intrinsics.rays(np.stack([x, y], axis=-1)) @ camera.world_from_camera.rotation.T
    front = camera.position_world + rays * ((WALL_Y - camera.position_world[1]) / rays[..., 1])[..., None]
    back = camera.position_world + rays * ((WALL_Y + 0.6 - camera.position_world[1]) / rays[..., 1])[..., None]
    in_alcove = np.abs(back[..., :1]) < 0.5
    hit = np.where(in_alcove, back, front)
    pixel = np.clip((hit[..., [0, 2]] / 6 + 0.5) * 512, 0, 511).astype(int)
    colors = paper[(pixel[..., 1] + 256 * in_alcove[..., 0]) % 512, pixel[..., 0]]
    return Image.fromarray((colors * 255).round().astype(np.uint8))


def posed(folder: Path, cameras: list[Camera]) -> Capture:
    folder.mkdir(parents=True, exist_ok=True)
    paper, images = wallpaper(0), []
    for index, camera in enumerate(cameras):
        path = folder / f"{index:02d}.png"
        photograph(camera, paper).save(path)
        images.append(CaptureImage(path.name, path, camera))
    return Capture(tuple(images), SparsePoints.empty(), World(np.full(3, -9.0), np.full(3, 9.0)), {"kind": "test"})


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """Six photos of the wall, and one of the test split that is not there."""
    folder = tmp_path_factory.mktemp("bare")
    capture = posed(folder, [looking(x, 0.25 * np.sin(5 * x)) for x in np.linspace(-0.8, 0.8, 6)])
    held = CaptureImage("held.png", folder / "held.png", looking(0.1, 0.0), split="test")
    return replace(capture, images=(*capture.images, held))


@pytest.fixture(scope="module")
def pointed(bare: Capture, tmp_path_factory: pytest.TempPathFactory) -> tuple[Capture, Path]:
    workdir = tmp_path_factory.mktemp("points") / "here"
    return with_points(bare, workdir, seed=1), workdir


def test_points_lie_on_what_was_photographed(pointed: tuple[Capture, Path]) -> None:
    points = pointed[0].points
    off = np.minimum(np.abs(points.positions_world[:, 1] - 2.0), np.abs(points.positions_world[:, 1] - 2.6))
    assert len(points.positions_world) >= 200
    assert np.median(off) < 0.01
    assert np.mean(off < 0.05) > 0.95
    assert (points.errors_px <= 2).all()


def test_points_have_the_colours_of_the_photos(bare: Capture, pointed: tuple[Capture, Path]) -> None:
    points, image = pointed[0].points, bare.images[2]
    pixels, depth_z = image.camera.project(points.positions_world)
    inside = (pixels > 2).all(axis=-1) & (pixels < (LENS.width - 2, LENS.height - 2)).all(axis=-1) & (depth_z > 0)
    x, y = pixels[inside].astype(int).T
    seen = np.asarray(Image.open(image.path), dtype=np.float64)[y, x]
    assert np.median(np.abs(seen - points.colors[inside])) < 12


def test_poses_lenses_and_what_is_known_stay(bare: Capture, pointed: tuple[Capture, Path]) -> None:
    found = pointed[0]
    assert found.images is bare.images
    assert found.provenance["kind"] == "test"
    assert found.world.up_known is False
    assert (found.world.bounds_max < 9).all()


def test_a_finished_call_does_no_work(bare: Capture, pointed: tuple[Capture, Path]) -> None:
    found, workdir = pointed
    stages: list[str] = []
    again = with_points(bare, workdir, seed=1, report=heard(stages))
    assert again.points.positions_world.tobytes() == found.points.positions_world.tobytes()
    assert not stages


def test_a_call_that_was_interrupted_goes_on_to_the_same_points(
    bare: Capture, pointed: tuple[Capture, Path], tmp_path: Path
) -> None:
    class Stop(BaseException):
        pass

    def until_matching(stage: str, fraction: float, figures: object) -> None:
        if stage == "match photos":
            raise Stop

    with pytest.raises(Stop):
        with_points(bare, tmp_path, seed=1, report=until_matching)
    stages: list[str] = []
    again = with_points(bare, tmp_path, seed=1, report=heard(stages))
    assert "find features" not in stages
    assert again.points.positions_world.tobytes() == pointed[0].points.positions_world.tobytes()
    assert again.points.colors.tobytes() == pointed[0].points.colors.tobytes()


def test_enough_points_are_kept(bare: Capture, tmp_path: Path) -> None:
    own = SparsePoints(np.zeros((200, 3)), np.zeros((200, 3), np.uint8), np.zeros(200, np.float32))
    capture = replace(bare, points=own)
    assert with_points(capture, tmp_path / "none") is capture
    assert not (tmp_path / "none").exists()


def test_blank_photos_end_in_a_note(bare: Capture, tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("RGB", (LENS.width, LENS.height), "gray").save(blank)
    capture = replace(bare, images=tuple(replace(image, path=blank) for image in bare.images))
    found = with_points(capture, tmp_path / "work")
    assert found.points is capture.points
    assert found.world is capture.world
    assert facts(found)["points"] == 0


def test_broken_photos_and_a_tripod_end_in_a_note(bare: Capture, tmp_path: Path) -> None:
    gone = replace(bare, images=tuple(replace(image, path=tmp_path / "gone.png") for image in bare.images))
    assert "failed" in facts(with_points(gone, tmp_path / "a"))
    still = replace(bare, images=tuple(replace(image, camera=looking(0.0, 0.1)) for image in bare.images))
    assert "two places" in str(facts(with_points(still, tmp_path / "b"))["failed"])


def test_photos_of_the_test_split_are_not_looked_at(bare: Capture, pointed: tuple[Capture, Path]) -> None:
    assert pointed[0].images is bare.images
    assert facts(pointed[0])["photos"] == len(bare.images) - 1


def test_exact_matches_lie_on_their_epipolar_lines_and_shifted_ones_beside() -> None:
    first, second = looking(-0.5, 0.1), looking(0.6, -0.2)
    points = np.random.default_rng(0).uniform((-1, 1.5, -0.5), (1, 3, 0.5), (50, 3))
    a, b = first.project(points)[0], second.project(points)[0]
    assert sampson_px(first, second, a, b).max() < 1e-9
    shifted = sampson_px(first, second, a, b + np.array([0.0, 3.0]))
    assert np.all((shifted > 1.5) & (shifted < 3.01))


def test_cameras_that_look_apart_are_no_pair() -> None:
    cameras = [looking(-0.5, 0.0), looking(0.5, 0.0), looking(0.0, np.pi)]
    assert overlapping_pairs(cameras) == [(0, 1)]


def test_many_cameras_have_few_neighbours_near_and_far() -> None:
    cameras = [looking(x, 0.0) for x in np.linspace(-1, 1, 40)]
    pairs = overlapping_pairs(cameras, exhaustive=20, neighbours=6)
    assert pairs == sorted(set(pairs))
    assert all(i < j for i, j in pairs)
    assert 40 * 3 <= len(pairs) <= 40 * 6
    assert max(j - i for i, j in pairs) > 10 > min(j - i for i, j in pairs)
