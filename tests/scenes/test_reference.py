"""The definition itself, on pictures simple enough to know by hand."""

import math

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.splats import reference
from scenes.splats.gaussians import Gaussians
from scenes.splats.harmonics import Y00

WIDTH, HEIGHT, FOCAL = 21, 15, 20.0
CAMERA = Camera(Intrinsics(WIDTH, HEIGHT, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2), Rigid.identity())


def balls(depths: list[float], opacities: list[float], scale: float = 0.2) -> Gaussians:
    """Round Gaussians on the optical axis, of the colours red, green, blue in turn."""
    n = len(depths)
    means = np.array([[0, 0, z] for z in depths])
    sh = np.zeros((n, 3, 16))
    sh[:, :, 0] = (np.eye(3)[np.arange(n) % 3] - 0.5) / Y00
    opacity = np.array(opacities)
    quaternions = np.tile([1.0, 0, 0, 0], (n, 1))
    parameters = (means, quaternions, np.full((n, 3), np.log(scale)), np.log(opacity / (1 - opacity)), sh)
    return Gaussians(*(array.astype(np.float32) for array in parameters))


def middle(image) -> np.ndarray:
    return image[HEIGHT // 2, WIDTH // 2].numpy()


def test_front_hides_back():
    picture = reference.render(balls([4, 2], [0.8, 0.5]), CAMERA, antialiased=False)
    np.testing.assert_allclose(middle(picture.rgb), [0.5 * 0.8, 0.5, 0], atol=1e-6)
    assert middle(picture.alpha) == pytest.approx(1 - 0.5 * 0.2, abs=1e-6)


def test_depths():
    picture = reference.render(balls([4, 2], [0.8, 0.4]), CAMERA, antialiased=False)
    weights = 0.4, 0.6 * 0.8
    assert middle(picture.expected_depth_z) == pytest.approx((weights[0] * 2 + weights[1] * 4) / sum(weights))
    assert middle(picture.median_depth_z) == pytest.approx(4)
    faint = reference.render(balls([2], [0.4]), CAMERA, antialiased=False)
    assert middle(faint.median_depth_z) == 0


def test_the_median_depth_of_a_disc_is_that_of_its_plane():
    half = math.radians(30)  # half of the turn about y, away from facing the camera
    disc = Gaussians(
        np.array([[0, 0, 4]], np.float32),
        np.array([[math.cos(half), 0, math.sin(half), 0]], np.float32),
        np.log(np.array([[0.5, 0.5, 1e-4]], np.float32)),
        np.array([5], np.float32),
        np.zeros((1, 3, 16), np.float32),
    )
    camera = Camera(Intrinsics(80, 60, 70.0, 70.0, 40.0, 30.0), Rigid.identity())
    depth_z = reference.render(disc, camera, antialiased=False).median_depth_z.numpy()
    rows, columns = np.nonzero(depth_z)
    assert len(rows) > 50
    pixels = np.stack([columns + 0.5, rows + 0.5], axis=-1)
    points = camera.unproject(pixels, depth_z[rows, columns])
    normal = np.array([math.sin(2 * half), 0, math.cos(2 * half)])
    # The filter rounds the disc a little, and its perspective is taken at its centre.
    assert np.abs((points - [0, 0, 4]) @ normal).max() < 0.02
    assert np.ptp(points[:, 2]) > 0.5


def test_a_ball_has_the_profile_of_a_gaussian():
    picture = reference.render(balls([4], [0.6]), CAMERA, antialiased=False)
    variance = (FOCAL * 0.2 / 4) ** 2 + 0.3
    offsets = np.arange(-2, 3)
    wanted = 0.6 * np.exp(-0.5 * offsets**2 / variance)
    found = picture.alpha[HEIGHT // 2, WIDTH // 2 - 2 : WIDTH // 2 + 3].numpy()
    np.testing.assert_allclose(found, np.where(wanted > 1 / 255, wanted, 0), rtol=1e-6)


def test_antialiasing_keeps_the_total_light_of_a_small_ball():
    small = balls([4], [0.9], scale=0.01)
    sharp_area = 2 * np.pi * (FOCAL * 0.01 / 4) ** 2
    picture = reference.render(small, CAMERA, antialiased=True)
    widened = reference.render(small, CAMERA, antialiased=False)
    ratio = float(picture.alpha.max() / widened.alpha.max())
    assert ratio == pytest.approx(sharp_area / (sharp_area + 2 * np.pi * 0.3), rel=1e-5)


def test_what_is_behind_or_far_outside_is_not_drawn():
    gaussians = balls([-2, 0.001], [0.9, 0.9])
    assert not reference.render(gaussians, CAMERA).alpha.any()
    gaussians = balls([2], [0.9], scale=3.0)
    gaussians.means[0, 0] = 4.0
    assert not reference.render(gaussians, CAMERA).alpha.any()
