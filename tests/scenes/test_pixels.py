"""Pixels of a capture: any lens becomes an ideal pinhole, and what it did not see is marked."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from cameras.camera import Camera
from cameras.distortion import BrownConrady, Distortion, KannalaBrandt
from cameras.errors import InputError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.captures.capture import Capture, CaptureImage, SparsePoints
from scenes.captures.pixels import iterate_photos, load_photo, load_photos
from scenes.captures.resample import PixelMap, ideal_pinhole, pixel_map, sample_cubic
from scenes.scene import World

WIDTH, HEIGHT = 160, 120
BARREL, PINCUSHION = BrownConrady(k1=-0.15, p1=0.002), BrownConrady(k1=0.1, p2=-0.003)
FISHEYE = KannalaBrandt(0.03, -0.004)


def lens_of(distortion: Distortion | None, focal: float = 120.0) -> Intrinsics:
    return Intrinsics(WIDTH, HEIGHT, focal, focal, 82.0, 58.0, distortion)


def pattern(rays: np.ndarray) -> np.ndarray:
    """[..., 3] smooth colours of directions [..., 3] (z = 1): a world painted on the sphere."""
    angle = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    return 127 + 100 * np.sin(4 * angle[..., [0, 1, 0]] + [0.0, 0.5, 1.0] + angle[..., [1, 0, 1]])


def photograph(lens: Intrinsics) -> np.ndarray:
    """[H, W, 3] uint8: what the lens sees of the painted sphere."""
    x, y = np.meshgrid(np.arange(lens.width) + 0.5, np.arange(lens.height) + 0.5)
    return np.round(pattern(lens.rays(np.stack([x, y], axis=-1)))).astype(np.uint8)


def image_of(path: Path, lens: Intrinsics) -> CaptureImage:
    return CaptureImage(path.name, path, Camera(lens, Rigid.identity()))


def capture_of(*images: CaptureImage) -> Capture:
    return Capture(images, SparsePoints.empty(), World(np.zeros(3), np.ones(3)))


@pytest.mark.parametrize("distortion", [BARREL, PINCUSHION, FISHEYE])
@pytest.mark.parametrize("long_side", [None, 80])
def test_any_lens_becomes_the_same_world_in_a_pinhole(
    tmp_path: Path, distortion: Distortion, long_side: int | None
) -> None:
    focal = 60.0 if distortion is FISHEYE else 120.0
    lens = lens_of(distortion, focal)
    Image.fromarray(photograph(lens)).save(tmp_path / "a.png")
    photo = load_photo(image_of(tmp_path / "a.png", lens), long_side)
    pinhole = photo.camera.intrinsics
    assert pinhole.distortion is None
    assert photo.rgb.shape == (pinhole.height, pinhole.width, 3)
    assert max(photo.rgb.shape) == (long_side or WIDTH)
    seen = np.ones(photo.rgb.shape[:2], bool) if photo.valid is None else photo.valid
    inner = np.asarray(ndimage.binary_erosion(seen, iterations=2, border_value=0), dtype=bool)
    assert inner.mean() > 0.7
    error = np.abs(photo.rgb.astype(int) - photograph(pinhole))[inner]
    assert error.mean() < 0.6
    assert error.max() <= 3


def test_pixels_that_the_lens_did_not_see_are_not_valid() -> None:
    lens = lens_of(PINCUSHION)
    at = pixel_map(lens, ideal_pinhole(lens))
    assert not at.valid[0, 0]
    assert at.valid[HEIGHT // 2, WIDTH // 2]
    outside = (at.xy < 0).any(axis=-1) | (at.xy > (WIDTH, HEIGHT)).any(axis=-1)
    assert not (at.valid & outside).any()


def test_an_undistorted_photo_comes_as_it_is(tmp_path: Path) -> None:
    lens = lens_of(None)
    Image.fromarray(photograph(lens)).save(tmp_path / "a.png")
    photo = load_photo(image_of(tmp_path / "a.png", lens))
    np.testing.assert_array_equal(photo.rgb, photograph(lens))
    assert (photo.valid, photo.alpha, photo.depth_z) == (None, None, None)
    assert photo.camera.intrinsics == lens


def test_a_wide_fisheye_keeps_at_most_110_degrees() -> None:
    lens = lens_of(KannalaBrandt(), focal=50.0)
    pinhole = ideal_pinhole(lens)
    assert pinhole.distortion is None
    assert np.degrees(max(pinhole.fov_x_rad, pinhole.fov_y_rad)) <= 110 + 1e-9


def test_the_compiled_sampling_agrees_with_a_spline_and_with_the_pixels_themselves() -> None:
    image = photograph(lens_of(None))
    x, y = np.meshgrid(np.arange(4, 150) + 0.5, np.arange(4, 110) + 0.5)
    valid = np.ones(x.shape, bool)
    exact = sample_cubic(image, PixelMap(np.stack([x, y], axis=-1).astype(np.float32), valid))
    np.testing.assert_array_equal(exact, image[4:110, 4:150])
    between = np.stack([x + 0.3, y - 0.4], axis=-1).astype(np.float32)
    spline = [
        ndimage.map_coordinates(image[..., c].astype(float), [between[..., 1] - 0.5, between[..., 0] - 0.5])
        for c in range(3)
    ]
    difference = sample_cubic(image, PixelMap(between, valid)) - np.stack(spline, axis=-1)
    assert np.abs(difference).max() < 1.2


def test_transparent_pixels_do_not_colour_their_neighbours(tmp_path: Path) -> None:
    """A red square on transparent green: with straight mixing its rim would turn brown."""
    lens = lens_of(BARREL)
    rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    rgba[..., 1] = 255
    rgba[40:80, 50:110] = (255, 0, 0, 255)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    photo = load_photo(image_of(tmp_path / "a.png", lens))
    assert photo.alpha is not None
    visible = photo.rgb[photo.alpha > 40]
    assert visible[:, 1].max() <= 2
    assert visible[:, 0].min() >= 250


def test_masks_and_depth_follow_the_lens(tmp_path: Path) -> None:
    lens = lens_of(BARREL)
    Image.fromarray(photograph(lens)).save(tmp_path / "a.png")
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[:, : WIDTH // 2] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(np.full((HEIGHT // 2, WIDTH // 2), 2000, np.uint16)).save(tmp_path / "depth.png")
    camera = Camera(lens, Rigid.identity())
    image = CaptureImage("a", tmp_path / "a.png", camera, tmp_path / "mask.png", tmp_path / "depth.png", 2e-3)
    photo = load_photo(image, 80)
    assert photo.valid is not None
    assert photo.depth_z is not None
    assert photo.valid.shape == photo.depth_z.shape == (60, 80)
    assert not photo.valid[:, :38].any()
    assert photo.valid[:, 44:].all()
    np.testing.assert_allclose(photo.depth_z, 4.0)


def test_order_and_bytes_repeat_and_progress_is_told(tmp_path: Path) -> None:
    images: list[CaptureImage] = []
    for index in range(7):
        lens = lens_of(BARREL if index % 2 else None)
        Image.fromarray(photograph(lens)).save(tmp_path / f"{index}.png")
        images.append(image_of(tmp_path / f"{index}.png", lens))
    told: list[float] = []
    first = load_photos(
        capture_of(*images), long_side=100, report=lambda stage, fraction, figures: told.append(fraction)
    )
    second = list(iterate_photos(capture_of(*images), long_side=100))
    assert [photo.name for photo in first] == [image.name for image in images]
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(first, second, strict=True))
    assert told == pytest.approx([(i + 1) / 7 for i in range(7)])


def test_changed_files_are_errors(tmp_path: Path) -> None:
    Image.new("RGB", (WIDTH, HEIGHT // 2)).save(tmp_path / "a.png")
    for distortion in (None, BARREL):
        with pytest.raises(InputError, match="changed since its pose was found"):
            load_photo(image_of(tmp_path / "a.png", lens_of(distortion)))
    Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "b.png")
    Image.fromarray(np.zeros((50, 50), np.uint16)).save(tmp_path / "depth.png")
    camera = Camera(lens_of(None), Rigid.identity())
    with pytest.raises(InputError, match="50x50, not the shape of its photo"):
        load_photo(CaptureImage("b", tmp_path / "b.png", camera, depth_path=tmp_path / "depth.png"))
