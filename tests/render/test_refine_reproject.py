"""Reprojection: exact on planes, nothing through what hides, and nothing invented outside."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import rotation_exp
from render.refine.reproject import points_world, reproject

LENS = Intrinsics.from_fov(64, 48, 0.9)


def camera(position: tuple[float, float, float] = (0, 0, 0), turn: tuple[float, float, float] = (0, 0, 0)) -> Camera:
    return Camera(LENS, Rigid(rotation_exp(np.array(turn, dtype=np.float64)), np.array(position, dtype=np.float64)))


def plane_depth(view: Camera, normal: tuple[float, float, float], offset: float) -> NDArray[np.float32]:
    """Depth along the axis of the plane of all points x with x . normal = offset."""
    x, y = np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5)
    rays = view.intrinsics.rays(np.stack([x, y], axis=-1)) @ view.world_from_camera.rotation.T
    n = np.array(normal)
    return ((offset - view.position_world @ n) / (rays @ n)).astype(np.float32)


def painted(view: Camera, depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture of a pattern that is linear in the world, so that bilinear sampling of it is nearly exact."""
    points = points_world(view, depth)
    return np.stack([points[..., 0], points[..., 1], points[..., 0] - 2 * points[..., 1]], axis=-1).astype(np.float32)


SLANTED = ((0.2, -0.1, 1.0), 3.0)


def test_a_camera_finds_its_own_pixels() -> None:
    here = camera((0.1, 0.2, 0.0), (0.05, -0.1, 0.02))
    depth = plane_depth(here, *SLANTED)
    found = reproject(here, depth, here, depth)
    assert found.valid[1:-1, 1:-1].all()
    x, y = np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5)
    np.testing.assert_allclose(found.pixels, np.stack([x, y], axis=-1), atol=1e-4)


@pytest.mark.parametrize("turn", [(0, 0, 0), (0.05, -0.08, 0.1)])
def test_a_picture_of_a_plane_is_seen_rightly_from_elsewhere(turn: tuple[float, float, float]) -> None:
    there, here = camera((0.3, -0.1, 0.1), turn), camera()
    depth_there, depth_here = plane_depth(there, *SLANTED), plane_depth(here, *SLANTED)
    found = reproject(here, depth_here, there, depth_there)
    assert 0.5 < found.valid.mean() < 1.0
    wanted = painted(here, depth_here)
    warped = found.sample(painted(there, depth_there))
    np.testing.assert_allclose(warped[found.valid], wanted[found.valid], atol=2e-3)
    assert (warped[~found.valid] == 0).all()


def test_there_and_back_is_where_it_began() -> None:
    there, here = camera((0.2, 0.1, 0.0), (0, 0.05, 0)), camera()
    depth_there, depth_here = plane_depth(there, *SLANTED), plane_depth(here, *SLANTED)
    forth, back = reproject(here, depth_here, there, depth_there), reproject(there, depth_there, here, depth_here)
    again = back.sample(forth.pixels.astype(np.float32))
    sure = back.valid & (np.abs(again).sum(axis=-1) > 0)
    x, y = np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5)
    inside = sure.copy()
    inside[[0, 1, -1, -2]] = inside[:, [0, 1, -1, -2]] = False
    pixels = np.stack([x, y], axis=-1)
    ok = inside & (np.abs(again - pixels).max(axis=-1) < 5)  # neighbours of what is not valid mix with nothing
    assert ok.mean() > 0.5
    np.testing.assert_allclose(again[ok], pixels[ok], atol=0.02)


def test_what_is_hidden_is_not_seen() -> None:
    """The source has a board in front of the right half of the wall."""
    there, here = camera((0.2, 0, 0)), camera()
    wall = plane_depth(here, (0, 0, 1), 3.0)
    board = plane_depth(there, (0, 0, 1), 3.0)
    board[:, 32:] = 1.5
    found = reproject(here, wall, there, board)
    hidden = found.pixels[..., 0] > 31.5
    assert not found.valid[hidden].any()
    assert found.valid[(found.pixels[..., 0] < 30) & (found.pixels[..., 0] > 1)][2:-2].mean() > 0.95


def test_no_depth_behind_and_outside_are_not_valid() -> None:
    here, depth = camera(), plane_depth(camera(), (0, 0, 1), 3.0)
    nothing = depth.copy()
    nothing[10:20] = 0
    assert not reproject(here, nothing, here, depth).valid[10:20].any()
    away = camera(turn=(0, np.pi, 0))
    assert not reproject(here, depth, away, depth).valid.any()
    beside = camera((9.0, 0, 0))
    assert not reproject(here, depth, beside, depth).valid.any()
