"""Poses from photos of a small room whose cameras are known exactly."""

import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
import pytest
from numpy.typing import NDArray
from PIL import Image

from cameras.camera import Camera
from cameras.errors import PoseError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.captures import sfm, sfm_global, sfm_mapping
from scenes.captures.capture import Capture
from scenes.captures.photoset import Photo, PhotoSet
from scenes.captures.sfm import solve_poses

WIDTH, HEIGHT = 320, 240
LENS = Intrinsics.from_fov(WIDTH, HEIGHT, np.radians(55))
HALF_SIZE = np.array([2.5, 2.0, 1.3])


@dataclass
class Room:
    """A box seen from inside, papered with smooth noise of many sizes."""

    walls: NDArray[np.float64]

    @classmethod
    def papered(cls, seed: int) -> "Room":
        rng = np.random.default_rng(seed)
        walls = np.zeros((6, 512, 512, 3))
        for size in (8, 16, 32, 64, 128):
            for face in range(6):
                for channel in range(3):
                    coarse = Image.fromarray(rng.normal(size=(size, size)).astype(np.float32))
                    walls[face, :, :, channel] += np.asarray(coarse.resize((512, 512), Image.Resampling.BICUBIC))
        return cls(np.clip(0.5 + 0.14 * walls, 0, 1))

    def photograph(self, camera: Camera) -> Image.Image:
        x, y = np.meshgrid(np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5)
        rays = camera.intrinsics.rays(np.stack([x, y], axis=-1)) @ camera.world_from_camera.rotation.T
        with np.errstate(divide="ignore"):
            to_wall = (np.sign(rays) * HALF_SIZE - camera.position_world) / rays
        axis = np.argmin(to_wall, axis=-1)
        hit = camera.position_world + rays * np.take_along_axis(to_wall, axis[..., None], axis=-1)
        face = axis * 2 + (np.take_along_axis(rays, axis[..., None], axis=-1)[..., 0] > 0)
        others = np.array([[1, 2], [0, 2], [0, 1]])[axis]
        uv = np.take_along_axis(hit / HALF_SIZE, others, axis=-1)
        pixel = np.clip((uv * 0.5 + 0.5) * 512, 0, 511).astype(int)
        colors = self.walls[face, pixel[..., 1], pixel[..., 0]]
        return Image.fromarray((colors * 255).round().astype(np.uint8))


def looking(position: tuple[float, float, float], yaw_deg: float, pitch_deg: float = 0.0) -> Camera:
    """A level camera (z up) turned by ``yaw_deg`` from +x towards +y and up by ``pitch_deg``."""
    yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
    forward = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    rotation = np.column_stack([right, np.cross(forward, right), forward])
    return Camera(LENS, Rigid(rotation, np.array(position)))


def walk(n: int) -> list[Camera]:
    """A walk along one wall of the room, looking across at the other one, a little up and down."""
    return [
        looking(
            (-1.2 + 2.4 * i / (n - 1), -1.4 + 0.3 * np.sin(i), 0.15 * np.cos(1.3 * i)),
            90 + 12 * np.sin(i),
            6 * (-1) ** i,
        )
        for i in range(n)
    ]


def photo_set(folder: Path, room: Room, cameras: list[Camera], prefix: str = "photo") -> PhotoSet:
    folder.mkdir(parents=True, exist_ok=True)
    photos: list[Photo] = []
    for index, camera in enumerate(cameras):
        path = folder / f"{prefix}{index:02d}.png"
        room.photograph(camera).save(path)
        photos.append(Photo(path.name, path, WIDTH, HEIGHT, None, "phone"))
    return PhotoSet(tuple(photos))


@pytest.fixture(scope="module")
def room() -> Room:
    return Room.papered(1)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, room: Room) -> PhotoSet:
    return photo_set(tmp_path_factory.mktemp("small"), room, walk(8))


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory, small: PhotoSet) -> tuple[Capture, Path]:
    workdir = tmp_path_factory.mktemp("solved") / "poses"
    return solve_poses(small, workdir, seed=3), workdir


def as_numbers(capture: Capture) -> bytes:
    poses = [image.camera.world_from_camera.matrix() for image in capture.images]
    lenses = [[image.camera.intrinsics.fx, image.camera.intrinsics.cy] for image in capture.images]
    arrays = [np.array(poses), np.array(lenses), capture.points.positions_world, capture.points.colors]
    return b"".join(array.tobytes() for array in arrays)


def assert_poses_are_right(capture: Capture) -> None:
    """The lens, and turns and steps between photos, which do not depend on the frame of the world."""
    truth = walk(8)
    assert len(capture.images) == len(truth)
    assert capture.images[0].camera.intrinsics.fx == pytest.approx(LENS.fx, rel=0.02)
    found = [image.camera for image in capture.images]
    for a, b, true_a, true_b in zip(found[1:], found, truth[1:], truth, strict=False):
        turn = a.world_from_camera.rotation.T @ b.world_from_camera.rotation
        true_turn = true_a.world_from_camera.rotation.T @ true_b.world_from_camera.rotation
        assert np.degrees(np.arccos(np.clip((np.trace(turn.T @ true_turn) - 1) / 2, -1, 1))) < 0.5
    steps = np.linalg.norm(np.diff([camera.position_world for camera in found], axis=0), axis=1)
    true_steps = np.linalg.norm(np.diff([camera.position_world for camera in truth], axis=0), axis=1)
    np.testing.assert_allclose(steps / steps.mean(), true_steps / true_steps.mean(), rtol=0.06)


def test_poses_and_lens_of_a_room_are_found(solved: tuple[Capture, Path]) -> None:
    capture, _ = solved
    assert capture.world.up_known
    assert capture.world.metres_per_unit is None
    assert_poses_are_right(capture)
    found = [image.camera for image in capture.images]
    tilts = [np.degrees(np.arccos(camera.up_world[2])) for camera in found]
    np.testing.assert_allclose(tilts, 6, atol=2)


def test_points_lie_in_the_bounds_and_have_colours(solved: tuple[Capture, Path]) -> None:
    capture, _ = solved
    points = capture.points
    assert len(points.positions_world) > 100
    assert points.colors.dtype == np.uint8
    assert points.colors.std() > 5
    inside = (points.positions_world > capture.world.bounds_min) & (points.positions_world < capture.world.bounds_max)
    assert inside.all(axis=1).mean() > 0.9


def test_working_copies_are_what_the_cameras_describe(solved: tuple[Capture, Path]) -> None:
    for image in solved[0].images:
        with Image.open(image.path) as copy:
            assert copy.size == (image.camera.width, image.camera.height)
            assert not copy.getexif()


def test_same_photos_and_seed_give_the_same_bytes(
    solved: tuple[Capture, Path], small: PhotoSet, tmp_path: Path
) -> None:
    assert as_numbers(solve_poses(small, tmp_path / "again", seed=3)) == as_numbers(solved[0])


def test_a_killed_run_goes_on_to_the_same_result(solved: tuple[Capture, Path], small: PhotoSet, tmp_path: Path) -> None:
    """The process dies as kill -9 would make it, in the midst of features and then of matching."""
    workdir = tmp_path / "killed"
    program = """
import os, pickle, sys
from pathlib import Path
from scenes.captures.sfm import solve_poses
photos, workdir, stage = pickle.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]), sys.argv[3]
solve_poses(photos, workdir, seed=3, report=lambda name, fraction, figures: os._exit(9) if name == stage else None)
"""
    import pickle

    pickled = tmp_path / "photos.pickle"
    pickled.write_bytes(pickle.dumps(small))
    for stage in ("find features", "match photos", "place photos"):
        command = [sys.executable, "-c", program, str(pickled), str(workdir), stage]
        assert subprocess.run(command, check=False, capture_output=True).returncode == 9
    assert as_numbers(solve_poses(small, workdir, seed=3)) == as_numbers(solved[0])


def test_another_seed_starts_afresh(solved: tuple[Capture, Path], small: PhotoSet, tmp_path: Path) -> None:
    workdir = tmp_path / "copy"
    shutil.copytree(solved[1], workdir)
    seen: list[str] = []
    solve_poses(small, workdir, seed=4, report=lambda stage, fraction, figures: seen.append(stage))
    assert "find features" in seen


def test_a_photo_of_another_room_is_left_out_and_named(small: PhotoSet, tmp_path: Path) -> None:
    stranger = photo_set(tmp_path / "other", Room.papered(2), walk(8)[3:4], prefix="stranger")
    mixed = PhotoSet(tuple(sorted(small.photos + stranger.photos, key=lambda photo: photo.name)))
    capture = solve_poses(mixed, tmp_path / "poses", seed=3)
    assert "stranger00.png" not in {image.name for image in capture.images}
    left_out = capture.provenance["left_out"]
    assert isinstance(left_out, dict)
    assert list(left_out) == ["stranger00.png"]
    assert "match" in left_out["stranger00.png"]


def copy_matches(solved: tuple[Capture, Path], folder: Path) -> Path:
    """A working folder that holds everything but the model."""
    shutil.copytree(solved[1], folder)
    shutil.rmtree(folder / "model")
    return folder


def test_a_photo_that_the_mapper_may_not_place_is_placed_afterwards(
    solved: tuple[Capture, Path], small: PhotoSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_one(*given: Any) -> list[Any]:
        models = sfm_mapping.map_incrementally(*given)
        sfm_mapping.deregister(models[0], [4])
        return models

    monkeypatch.setattr(sfm, "map_incrementally", without_one)
    capture = solve_poses(small, copy_matches(solved, tmp_path / "poses"), seed=3)
    assert capture.provenance["placed_later"] == ["photo03.png"]
    assert capture.provenance["left_out"] == {}
    assert_poses_are_right(capture)


@pytest.fixture(scope="module")
def told_focal(small: PhotoSet) -> PhotoSet:
    """Eight photos do not tell their focal length by themselves well enough for global mapping."""
    return PhotoSet(tuple(replace(photo, focal_px=LENS.fx) for photo in small.photos))


@pytest.fixture(scope="module")
def mapped_globally(tmp_path_factory: pytest.TempPathFactory, told_focal: PhotoSet) -> tuple[Capture, Path]:
    workdir = tmp_path_factory.mktemp("globally") / "poses"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sfm_global, "GLOBAL_ABOVE", 7)
        return solve_poses(told_focal, workdir, seed=3), workdir


def test_a_large_set_is_mapped_at_once(
    mapped_globally: tuple[Capture, Path], told_focal: PhotoSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture, _ = mapped_globally
    assert capture.provenance["mapping"] == "global"
    assert_poses_are_right(capture)
    monkeypatch.setattr(sfm_global, "GLOBAL_ABOVE", 7)
    again = solve_poses(told_focal, copy_matches(mapped_globally, tmp_path / "again"), seed=3)
    assert as_numbers(again) == as_numbers(capture)


def test_a_wrong_global_model_is_refused_and_photos_are_placed_one_by_one(
    mapped_globally: tuple[Capture, Path], told_focal: PhotoSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def upset(*given: Any) -> Any:
        model = right(*given)
        assert model is not None
        for image_id in (2, 6):
            image = model.image(image_id)
            flip = pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0.0, 0.0, np.pi])), np.zeros(3))
            model.frame(image.frame_id).set_cam_from_world(image.camera_id, flip * image.cam_from_world())
        return model

    right = sfm_global.map_globally
    monkeypatch.setattr(sfm_global, "GLOBAL_ABOVE", 7)
    monkeypatch.setattr(sfm_global, "map_globally", upset)
    capture = solve_poses(told_focal, copy_matches(mapped_globally, tmp_path / "poses"), seed=3)
    assert capture.provenance["mapping"] == "incremental"
    assert "were doubtful" in str(capture.provenance["global_mapping_refused"])
    assert_poses_are_right(capture)


def test_photos_without_overlap_end_in_advice(room: Room, tmp_path: Path) -> None:
    apart = photo_set(tmp_path / "apart", room, [looking((0.0, 0.0, 0.0), 60.0 * i, 0.0) for i in range(6)])
    with pytest.raises(PoseError, match=r"6 photos.*photo00\.png.*shoot again"):
        solve_poses(apart, tmp_path / "poses", seed=3)
