"""Where a fit begins."""

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.captures.capture import SparsePoints
from scenes.captures.pixels import PosedPhoto
from scenes.splats import initialize_surface
from scenes.splats.gaussians import Gaussians
from scenes.splats.initialize import initial_gaussians
from scenes.splats.initialize_surface import surface_depths, surface_points, visible_points


def begin(n_points: int, **changes: int) -> Gaussians:
    rng = np.random.default_rng(0)
    positions = rng.uniform((-2, -2, 3), (2, 2, 6), (n_points, 3))
    points = SparsePoints(positions, np.full((n_points, 3), 100, np.uint8), np.zeros(n_points, np.float32))
    lens = Intrinsics.from_fov(40, 30, 1.0)
    cameras = [Camera(lens, Rigid(np.eye(3), np.array([x, 0.0, 0.0]))) for x in (-0.5, 0.5)]
    photos = [PosedPhoto(str(k), camera, np.full((30, 40, 3), 200, np.uint8)) for k, camera in enumerate(cameras)]
    asked = {
        "seed_gaussians": 300,
        "surface_gaussians": 0,
        "far_gaussians": 0,
        "max_gaussians": 1000,
        "seed": 0,
    } | changes
    return initial_gaussians(points, photos, **asked)  # type: ignore[arg-type]


def test_points_come_first_and_are_topped_up() -> None:
    assert len(begin(200)) == 300
    assert len(begin(400)) == 400
    assert len(begin(400, max_gaussians=350)) == 350
    assert (begin(200).means[:, 2] < 8).all()


def test_some_begin_far_behind_all_points_and_are_as_wide_as_they_are_apart() -> None:
    gaussians = begin(400, far_gaussians=100)
    depth_z = gaussians.means[:, 2]
    assert len(gaussians) == 500
    assert (depth_z[400:] > 6).all()
    assert depth_z[400:].max() > 60
    assert np.median(gaussians.scales[400:]) > 4 * np.median(gaussians.scales[:400])


def room(n_points: int) -> tuple[np.ndarray, list[PosedPhoto]]:
    """A few points on a wall at depth 5 and on a box before it, with nothing in between, and two photos."""
    rng = np.random.default_rng(1)
    wall = np.column_stack([rng.uniform(-4, 4, (n_points, 2)), np.full(n_points, 5.0)])
    box = np.column_stack([rng.uniform(-0.5, 0.5, (n_points, 2)), np.full(n_points, 2.0)])
    lens = Intrinsics.from_fov(80, 60, 1.2)
    cameras = [Camera(lens, Rigid(np.eye(3), np.array([x, 0.0, 0.0]))) for x in (-0.3, 0.3)]
    return np.concatenate([wall, box]), [
        PosedPhoto(str(k), camera, np.full((60, 80, 3), 50 + k, np.uint8)) for k, camera in enumerate(cameras)
    ]


def test_a_bare_wall_gets_points_where_it_is_and_none_between_it_and_what_stands_before_it() -> None:
    points, photos = room(300)
    found, colors = surface_points(points, photos, 4000, np.random.default_rng(0))
    on_wall = np.abs(found[:, 2] - 5) < 1e-9
    on_box = np.abs(found[:, 2] - 2) < 1e-9
    assert (on_wall | on_box).all()
    assert on_wall.sum() > 1500
    assert on_box.sum() > 150
    assert set(np.round(255 * colors).astype(int).ravel()) == {50, 51}


def test_a_plane_seen_at_a_slant_is_met_exactly() -> None:
    rng = np.random.default_rng(2)
    camera = Camera(Intrinsics.from_fov(80, 60, 1.2), Rigid.identity())
    points = rng.uniform((-4, -3, 0), (4, 3, 0), (2000, 3))
    points[:, 2] = 5 + 0.5 * points[:, 0]
    pixels = rng.uniform((10, 10), (70, 50), (500, 2))
    depth_z = surface_depths(points, camera, pixels)
    met = camera.unproject(pixels[depth_z > 0], depth_z[depth_z > 0])
    assert len(met) > 400
    np.testing.assert_allclose(met[:, 2], 5 + 0.5 * met[:, 0], rtol=1e-9)


def test_points_behind_a_wall_of_points_are_hidden() -> None:
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-1, 1, 40)), axis=-1).reshape(-1, 2)
    wall, behind = np.column_stack([grid, np.full(1600, 2.0)]), np.column_stack([grid, np.full(1600, 3.0)])
    visible = visible_points(np.concatenate([wall, behind]))
    assert (visible < 1600).sum() > 1500
    assert (visible >= 1600).sum() < 250  # the rim, which is seen past the edge


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((200, 3)), np.linspace((0, 0, 2), (1, 1, 3), 200)])
def test_points_that_are_no_surface_give_none(points: np.ndarray) -> None:
    _, photos = room(10)
    found, colors = surface_points(points, photos, 50, np.random.default_rng(0))
    assert found.shape == colors.shape == (0, 3)


def test_of_many_points_a_share_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initialize_surface, "_MOST_POINTS", 200)
    points, photos = room(1000)
    found, _ = surface_points(points, photos, 500, np.random.default_rng(0))
    assert len(found) > 200
    assert (np.isclose(found[:, 2], 5) | np.isclose(found[:, 2], 2)).all()
