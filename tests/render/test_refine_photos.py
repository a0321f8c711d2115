"""Photos carried into other cameras: exact on a wall, right about what is hidden, chosen well; and tiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.quality import psnr
from render.refine.base import FrameBundle, Refined, WarpedPhoto
from render.refine.features import CHANNELS, features, photo_layers
from render.refine.photos import MOST_SUPPORT, PhotoSet, bundle_of, exposure_gain, known_depth
from render.refine.reproject import points_world, reproject
from render.refine.tiles import refine_in_tiles
from render.refine.warp import WarpRefiner
from render.refine.warping import world_points
from scenes.scene import View

from .refine_worlds import HEIGHT, WIDTH, Fake, Wall, camera, dull, photo, row_of_photos, wall_pairs

WALL = Wall()


def test_a_photo_of_a_wall_is_seen_rightly_from_elsewhere() -> None:
    here = camera(x=0.1, turn=0.03)
    view = WALL.view(here, ("rgb", "depth_z"))
    (found,), _ = PhotoSet.of(WALL, [photo("a", camera(x=-0.1))]).references(here, view.depth_z)
    inside = found.weight > 0.5
    assert inside.mean() > 0.7
    assert psnr(view.rgb, found.rgb, data_range=1.0, mask=inside) > 38


def test_the_kernel_and_its_readable_twin_find_the_same_pixels() -> None:
    """A photo whose colours are its own pixel numbers says where it was sampled."""
    here, there = camera(x=0.15, z=0.2, turn=0.05), camera(x=-0.1, turn=-0.02)
    a, b = WALL.view(here, ("depth_z",)).depth_z, WALL.view(there, ("depth_z",)).depth_z
    ramp = photo("a", there)
    ramp.rgb[..., 0], ramp.rgb[..., 1] = np.arange(WIDTH)[None], np.arange(HEIGHT)[:, None]
    photos = PhotoSet.of(WALL, [ramp])
    (found,), _ = photos.references(here, a)
    twin = reproject(here, a, there, b)
    sure = twin.valid & (twin.pixels.min(axis=-1) > 2) & (twin.pixels[..., 0] < WIDTH - 2)
    sure &= (twin.pixels[..., 1] < HEIGHT - 2) & found.valid
    assert sure.mean() > 0.5
    numbers = 255 * found.rgb[sure][:, :2] / photos.photos[0].gain[:2]
    np.testing.assert_allclose(numbers, twin.pixels[sure] - 0.5, atol=0.02)


def test_points_are_those_of_the_twin() -> None:
    here = camera(x=0.3, y=-0.1, turn=0.2)
    depth = WALL.view(here, ("depth_z",)).depth_z
    np.testing.assert_allclose(world_points(here, depth) + here.position_world, points_world(here, depth), atol=1e-5)


def test_a_board_in_front_of_the_photo_hides_the_wall_from_it() -> None:
    here, seen = camera(), photo("a", camera(x=0.2))
    photos = PhotoSet.of(WALL, [seen])
    photos.photos[0].depth_z[:, WIDTH // 2 :] = 1.5
    (found,), support = photos.references(here, WALL.view(here, ("depth_z",)).depth_z)
    assert not found.valid[:, WIDTH // 2 + 8 :].any()
    assert found.valid[5:-5, 16 : WIDTH // 2 - 16].all()
    assert (support[:, -12:] == 0).all()


def test_what_nobody_sees_has_no_support_and_no_photo() -> None:
    away = camera(turn=np.pi)
    references, support = PhotoSet.of(WALL, row_of_photos()).references(away, np.full((HEIGHT, WIDTH), 2.0, np.float32))
    assert references == ()
    assert (support == 0).all()


def test_support_counts_photos_up_to_a_few() -> None:
    here = camera()
    for count in (1, 3, MOST_SUPPORT + 4):
        photos = PhotoSet.of(WALL, [photo(f"{k}", camera(x=0.001 * k)) for k in range(count)])
        _, support = photos.references(here, WALL.view(here, ("depth_z",)).depth_z)
        assert (support[12:-12, 12:-12] == min(count, MOST_SUPPORT)).all()


def test_the_nearest_photos_are_chosen_first_and_order_does_not_matter() -> None:
    photos, here = row_of_photos(9, 0.3), camera(x=0.31)
    depth = WALL.view(here, ("depth_z",)).depth_z
    first = [ref.name for ref in PhotoSet.of(WALL, photos).references(here, depth)[0]]
    again = [ref.name for ref in PhotoSet.of(WALL, photos[::-1]).references(here, depth)[0]]
    assert first[0] == min(photos, key=lambda p: abs(p.camera.position_world[0] - 0.31)).name
    assert set(first) == set(again)


@given(st.floats(0.6, 1.6))
@settings(max_examples=20, deadline=None)
def test_a_photo_is_brought_to_the_exposure_of_the_scene(gain: float) -> None:
    render = 0.2 + 0.3 * np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)
    found = exposure_gain(render, np.float32(gain) * render, np.ones((20, 30), bool))
    np.testing.assert_allclose(found * gain, 1, rtol=1e-4)


def test_depth_is_not_known_where_hardly_anything_is_seen() -> None:
    depth = np.ones((4, 4), np.float32)
    alpha = np.where(np.arange(4) < 2, 0.1, 0.9).astype(np.float32) * depth
    view = View(np.zeros((4, 4, 3), np.float32), alpha, {"depth_z": depth})
    assert (known_depth(view)[:, :2] == 0).all()
    assert (known_depth(view)[:, 2:] == 1).all()


def test_layers_of_one_photo_are_that_photo_and_weights_never_exceed_the_best() -> None:
    rng = np.random.default_rng(1)
    shots = tuple(
        WarpedPhoto(f"{k}", rng.random((8, 9, 3), dtype=np.float32), rng.random((8, 9), dtype=np.float32))
        for k in range(3)
    )
    (rgb, weight), (_, rest) = photo_layers(shots[:1], (8, 9))
    np.testing.assert_allclose(rgb, shots[0].rgb, atol=1e-5)
    np.testing.assert_array_equal(weight, shots[0].weight)
    np.testing.assert_allclose(rest, 0, atol=1e-6)
    (first, most), (second, _) = photo_layers(shots, (8, 9))
    np.testing.assert_array_equal(most, np.max([shot.weight for shot in shots], axis=0))
    everyone = np.stack([shot.rgb for shot in shots])
    for layer in (first, second):
        assert (layer <= everyone.max(axis=0) + 1e-4).all()
        assert (layer >= everyone.min(axis=0) - 1e-4).all()


def test_features_are_small_numbers_even_where_nothing_is_seen() -> None:
    for pair in wall_pairs(count=3):
        found = features(pair.bundle)
        assert found.shape == (HEIGHT, WIDTH, CHANNELS)
        assert np.isfinite(found).all()
        assert np.abs(found).max() <= 4
    empty = View(np.zeros((HEIGHT, WIDTH, 3), np.float32), np.zeros((HEIGHT, WIDTH), np.float32),
                 {"depth_z": np.zeros((HEIGHT, WIDTH), np.float32)})  # fmt: skip
    nothing = features(bundle_of(PhotoSet([]), empty, camera()))
    assert np.isfinite(nothing).all()


def test_warping_brings_a_dull_wall_nearer_to_the_photo() -> None:
    for pair in wall_pairs(Wall(dull)):
        found = WarpRefiner().refine(pair.bundle, 0)
        assert psnr(pair.photo, found.rgb, data_range=1.0) > 3 + psnr(pair.photo, pair.bundle.rgb, data_range=1.0)


@pytest.mark.parametrize("most_pixels", [1500, 2500, 10**6])
def test_tiles_of_a_pixelwise_model_are_the_whole(most_pixels: int) -> None:
    def answer(bundle: FrameBundle, rng: np.random.Generator) -> np.ndarray:
        return 0.5 * bundle.rgb + 0.1

    bundle = wall_pairs(count=3)[1].bundle
    found = refine_in_tiles(Fake(answer), bundle, 0, most_pixels, 8)
    np.testing.assert_allclose(found.rgb, 0.5 * bundle.rgb + 0.1, atol=1e-5)


def test_tiles_keep_what_is_made_up_and_know_where_they_are() -> None:
    bundle = wall_pairs(count=3)[1].bundle

    class Marking(Fake):
        def refine(self, bundle: FrameBundle, seed: int) -> Refined:
            x = np.arange(bundle.width) + 0.5 - bundle.camera.intrinsics.cx
            left = np.broadcast_to(x[None] < 0, bundle.alpha.shape)
            return Refined(bundle.rgb, left.astype(np.float32), left)

    found = refine_in_tiles(Marking(lambda bundle, rng: bundle.rgb), bundle, 0, 1500, 8)
    assert found.generated is not None
    assert found.confidence is not None
    assert found.generated[:, : WIDTH // 2].all()
    assert not found.generated[:, WIDTH // 2 :].any()
    np.testing.assert_allclose(found.confidence[:, : WIDTH // 2], 1, atol=1e-5)
