"""Checkpoints are whole, belong to one fit, and are never trusted blindly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.captures.capture import SparsePoints
from scenes.captures.pixels import PosedPhoto
from scenes.splats.checkpoint import FILE_NAME, fit_identity, load_checkpoint, save_checkpoint
from scenes.splats.settings import FitSettings

ARRAYS = {"means": np.arange(12, dtype=np.float32).reshape(4, 3)[:3], "steps": np.array([7], np.int32)}


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "new", ARRAYS, "me", 12)
    found = load_checkpoint(tmp_path / "new", "me")
    assert found is not None
    arrays, step = found
    assert step == 12
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_none_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, "me") is None


def test_one_of_another_fit_is_not_used(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, ARRAYS, "somebody", 12)
    with pytest.warns(UserWarning, match="other photos or settings, so it is not used"):
        assert load_checkpoint(tmp_path, "me") is None


@pytest.mark.parametrize("length", [0, 5, 100, -1])
def test_a_broken_one_is_not_used(tmp_path: Path, length: int) -> None:
    save_checkpoint(tmp_path, ARRAYS, "me", 12)
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[:length])
    with pytest.warns(UserWarning, match=r"cannot be read .* The fit starts anew"):
        assert load_checkpoint(tmp_path, "me") is None


def test_a_half_written_one_does_not_hide_the_last(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, ARRAYS, "me", 12)
    (tmp_path / f".{FILE_NAME}.part").write_bytes(b"half")
    assert load_checkpoint(tmp_path, "me") is not None
    save_checkpoint(tmp_path, ARRAYS, "me", 13)
    assert [p.name for p in tmp_path.iterdir()] == [FILE_NAME]


def test_all_that_decides_the_result_decides_the_identity() -> None:
    settings = FitSettings.for_iterations(10)
    camera = Camera(Intrinsics.from_fov(4, 3, 1.0), Rigid.identity())
    photo = PosedPhoto("a", camera, np.zeros((3, 4, 3), np.uint8))
    points = SparsePoints.empty()
    moved = Camera(camera.intrinsics, Rigid(np.eye(3), np.ones(3)))
    brighter = replace(photo, rgb=photo.rgb + 1)
    some = SparsePoints(np.ones((1, 3)), np.ones((1, 3), np.uint8), np.zeros(1, np.float32))
    identities = [
        fit_identity(settings, 0, 2, [photo], [], points, None),
        fit_identity(replace(settings, exposure=not settings.exposure), 0, 2, [photo], [], points, None),
        fit_identity(settings, 1, 2, [photo], [], points, None),
        fit_identity(settings, 0, 1, [photo], [], points, None),
        fit_identity(settings, 0, 2, [replace(photo, camera=moved)], [], points, None),
        fit_identity(settings, 0, 2, [brighter], [], points, None),
        fit_identity(settings, 0, 2, [replace(photo, valid=np.ones((3, 4), np.bool_))], [], points, None),
        fit_identity(settings, 0, 2, [photo], ["a"], points, None),
        fit_identity(settings, 0, 2, [photo], [], some, None),
    ]
    assert len(set(identities)) == len(identities)
    assert identities[0] == fit_identity(settings, 0, 2, [photo], [], points, None)
