"""Where a fit begins."""

import numpy as np

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.captures.capture import SparsePoints
from scenes.captures.pixels import PosedPhoto
from scenes.splats.gaussians import Gaussians
from scenes.splats.initialize import initial_gaussians


def begin(n_points: int, **changes: int) -> Gaussians:
    rng = np.random.default_rng(0)
    positions = rng.uniform((-2, -2, 3), (2, 2, 6), (n_points, 3))
    points = SparsePoints(positions, np.full((n_points, 3), 100, np.uint8), np.zeros(n_points, np.float32))
    lens = Intrinsics.from_fov(40, 30, 1.0)
    cameras = [Camera(lens, Rigid(np.eye(3), np.array([x, 0.0, 0.0]))) for x in (-0.5, 0.5)]
    photos = [PosedPhoto(str(k), camera, np.full((30, 40, 3), 200, np.uint8)) for k, camera in enumerate(cameras)]
    asked = {"seed_gaussians": 300, "far_gaussians": 0, "max_gaussians": 1000, "seed": 0} | changes
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
