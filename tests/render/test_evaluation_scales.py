"""Mip-Splatting's test: what is drawn at a quarter or at four times the size is compared with the right truth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from render.evaluation_scales import box_filtered, far_psnr, near_psnr, opaque, smaller
from scenes.captures.nerfstudio import read_nerfstudio
from scenes.captures.pixels import PosedPhoto, load_photos
from scenes.scene import World
from scenes.splats.gaussians import Gaussians
from scenes.splats.scene import SplatScene


def _scene(antialiased: bool = True) -> SplatScene:
    """Coloured splats of 2 to 5 pixels of `_camera`, and thin ones."""
    rng = np.random.default_rng(2)
    n = 900
    means = np.concatenate([rng.uniform((-2, -1.5), (2, 1.5), (n, 2)), rng.uniform(3, 4, (n, 1))], axis=1)
    log_scales = np.log(rng.uniform(0.01, 0.12, (n, 3)))
    sh = np.zeros((n, 3, 16))
    sh[:, :, 0] = rng.uniform(-1.5, 1.5, (n, 3))
    gaussians = Gaussians(means, rng.standard_normal((n, 4)), log_scales, rng.uniform(0, 4, n), sh)  # type: ignore[arg-type]
    return SplatScene(gaussians, World(np.zeros(3), np.ones(3)), antialiased, backend="cpu")


def _camera(scale: int = 1) -> Camera:
    return Camera(Intrinsics.from_fov(120 * scale, 80 * scale, 0.8), Rigid.identity())


def _photo(scene: SplatScene, camera: Camera) -> PosedPhoto:
    rgb = np.rint(255 * np.clip(scene.view(camera).rgb, 0, 1)).astype(np.uint8)
    return PosedPhoto("a.png", camera, rgb)


def test_a_smaller_camera_sees_blocks_of_pixels_at_their_places() -> None:
    camera = Camera(Intrinsics(122, 83, 90.0, 95.0, 60.3, 40.2), Rigid.identity())
    small = smaller(camera)
    assert (small.width, small.height) == (30, 20)
    points = np.random.default_rng(0).uniform((-1, -1, 2), (1, 1, 5), (50, 3))
    np.testing.assert_allclose(small.project(points)[0], camera.project(points)[0] / 4)


def test_a_box_filter_takes_means_of_blocks() -> None:
    image = np.random.default_rng(0).random((10, 13, 3), dtype=np.float32)
    found = box_filtered(image)
    assert found.shape == (2, 3, 3)
    np.testing.assert_allclose(found[1, 2], image[4:8, 8:12].mean(axis=(0, 1)), rtol=1e-6)


def test_the_low_pass_filter_is_what_the_figure_sees() -> None:
    """Thin splats drawn from afar grow brighter without the compensation of their opacity."""
    with_filter, without = _scene(), _scene(antialiased=False)
    held = far_psnr(with_filter, [_photo(with_filter, _camera())])
    lost = far_psnr(without, [_photo(without, _camera())])
    assert held is not None
    assert lost is not None
    assert held > 25
    assert held > lost + 1


def test_masked_photos_are_left_out() -> None:
    scene = _scene()
    photo = replace(_photo(scene, _camera()), valid=np.zeros((80, 120), bool))
    assert far_psnr(scene, [photo]) is None


def test_transparent_photos_stand_before_their_background() -> None:
    alpha = np.array([[0, 255], [51, 255]], np.uint8)
    photo = PosedPhoto("a.png", _camera(), np.full((2, 2, 3), 255, np.uint8), alpha=alpha, background=(0.5, 0.5, 0.5))
    np.testing.assert_allclose(opaque(photo)[..., 0], [[0.5, 1], [0.6, 1]], atol=1e-6)


def test_four_times_closer_needs_photos_that_large(tiny_room: Path) -> None:
    capture = read_nerfstudio(tiny_room)
    scene = _scene()
    small = load_photos(capture, long_side=16)[:2]
    assert near_psnr(scene, capture, load_photos(capture, long_side=32)[:2]) is None
    found = near_psnr(scene, capture, small)
    assert found is not None
    assert found == pytest.approx(near_psnr(scene, capture, small))
    assert 2 < found < 20
