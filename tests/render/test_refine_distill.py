"""A refiner teaches the splats: views between photos, the fit on to them, and when it is not done."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cameras.camera import Camera
from cameras.reporting import silent
from cameras.rigid import Rigid
from cameras.rotations import rotation_exp
from render.frames import composite
from render.refine.distill import DistillSettings, cameras_between, distilled, refined_views, splat_refit
from render.refine.frames import RefinedFrames
from render.refine.guard import Gains
from render.refine.photos import PhotoSet
from render.refine.preparation import PreparationSettings, prepare, splat_fitter, taught_scene
from scenes.captures.capture import Capture, SparsePoints
from scenes.captures.pixels import PosedPhoto
from scenes.scene import World
from scenes.splats.fit import fit
from scenes.splats.scene import SplatScene
from scenes.splats.settings import FitSettings

from .refine_worlds import DISTANCE, HOSTILE, LENS, Fake, Wall, camera, photo, row_of_photos

FEW = DistillSettings(steps=60, views_a_photo=3, most_views=12)
TRUTH = Fake(lambda bundle, rng: Wall().view(bundle.camera).rgb)
angles = st.floats(-3, 3)


def capture_of_wall() -> Capture:
    """Grey points on the wall."""
    x, y = np.meshgrid(np.linspace(-3.2, 3.2, 80), np.linspace(-1.2, 1.2, 30))
    points = np.stack([x.ravel(), y.ravel(), np.full(x.size, DISTANCE)], axis=-1)
    colors = np.full(points.shape, 128, np.uint8)
    world = World(points.min(axis=0) - 1, points.max(axis=0) + 1)
    return Capture((), SparsePoints(points, colors, np.zeros(len(points), np.float32)), world, {})


@pytest.fixture(scope="module")
def poor() -> SplatScene:
    """The wall from two photos, which do not show its middle, fitted for a moment."""
    wanted = FitSettings.for_iterations(
        40, max_gaussians=2500, monitor_every=1000, surface_gaussians=0, seed_gaussians=0, far_gaussians=0
    )
    return fit(capture_of_wall(), wanted, photos=two_photos())


def two_photos() -> list[PosedPhoto]:
    return [photo("left.png", camera(x=-1.6)), photo("right.png", camera(x=1.6))]


def error(scene: SplatScene, cameras: Sequence[Camera]) -> float:
    return float(np.mean([np.square(composite(scene.view(at)) - Wall().view(at).rgb).mean() for at in cameras]))


@given(st.tuples(angles, angles, angles), st.tuples(angles, angles, angles), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_a_camera_between_two_is_on_the_way_and_turns_no_farther_than_they(
    first: tuple[float, float, float], second: tuple[float, float, float], share: float
) -> None:
    a, b = (
        Camera(LENS, Rigid(rotation_exp(np.array(turn)), np.array(turn) + shift))
        for turn, shift in ((first, 0.0), (second, 1.0))
    )
    found = replace(a, world_from_camera=a.world_from_camera.toward(b.world_from_camera, share))
    np.testing.assert_allclose(found.position_world, (1 - share) * a.position_world + share * b.position_world)

    def turned(one: Camera, other: Camera) -> float:
        relative = one.world_from_camera.rotation.T @ other.world_from_camera.rotation
        return float(np.arccos(np.clip((np.trace(relative) - 1) / 2, -1, 1)))

    assert turned(a, found) + turned(found, b) == pytest.approx(turned(a, b), abs=1e-4)
    assert found.intrinsics == a.intrinsics


def test_views_lie_between_neighbours_and_are_the_same_again() -> None:
    row = [camera(x=x) for x in (0.0, 1.0, 2.0, 7.0)]
    found = cameras_between(row, 8, seed=3)
    assert len(found) == 8
    again = cameras_between(row, 8, seed=3)
    np.testing.assert_array_equal([c.position_world for c in found], [c.position_world for c in again])
    # The first of each camera: towards its nearest.
    for at, low, high in zip(found[:4], (0, 0, 1, 2), (1, 1, 2, 7), strict=True):
        assert low < at.position_world[0] < high
    assert cameras_between(row[:1], 5) == []
    assert cameras_between(row, 0) == []
    assert FEW.n_views(2) == 6
    assert FEW.n_views(100) == 12
    assert FEW.n_views(1) == 0


def test_what_the_scene_does_not_show_is_not_valid_in_a_refined_view(poor: SplatScene) -> None:
    frames = RefinedFrames(poor, PhotoSet.of(poor, two_photos()), TRUTH, Gains.all(), ())
    away = [camera(), camera(turn=2.5)]
    views = refined_views(frames, away, 0.25, silent)
    assert [view.weight for view in views] == [0.25, 0.25]
    assert len({view.name for view in views}) == 2
    assert views[0].valid is not None
    assert views[0].valid.mean() > 0.9
    assert views[1].valid is not None
    assert views[1].valid.mean() < 0.1


def test_a_refiner_that_is_right_makes_the_scene_right_where_no_photo_is(poor: SplatScene, tmp_path: Path) -> None:
    photos = two_photos()
    unseen = [camera(x=x) for x in (-0.5, -0.1, 0.3)]

    def taught(name: str, refiner: Fake) -> SplatScene:
        frames = RefinedFrames(poor, PhotoSet.of(poor, photos), refiner, Gains.all(), ())
        longer = replace(FEW, steps=160)
        return distilled(frames, poor, capture_of_wall(), photos, splat_refit(0), longer, workdir=tmp_path / name)

    longer = taught("longer", Fake(lambda bundle, rng: bundle.rgb))
    right = taught("right", TRUTH)
    assert error(right, unseen) < 0.5 * error(poor, unseen)
    assert error(right, unseen) < 0.5 * error(longer, unseen)
    assert len(right.gaussians) == len(poor.gaussians)


def test_teaching_is_measured_on_photos_first() -> None:
    wanted = PreparationSettings(folds=2, photo_passes=6.0, max_gaussians=1500, steps=0, distill=FEW)
    photos, capture = row_of_photos(8, 0.2), capture_of_wall()
    fitter, refit = splat_fitter(wanted, 0), splat_refit(0)
    good = prepare(TRUTH, capture, photos, wanted, fitter, refit)
    assert good.distill == FEW
    found = good.figures["distilled"]
    assert isinstance(found, dict)
    assert found["used"]
    assert found["taught"] > found["render"]
    assert found["taught_and_refined"] > found["refined"]
    without = prepare(TRUTH, capture, photos, replace(wanted, distill=None), fitter, refit)
    assert without.distill is None
    assert "distilled" not in without.figures
    assert prepare(Fake(HOSTILE["noise"]), capture, photos, wanted, fitter, refit).distill is None
    scene = Wall()
    assert taught_scene(good, scene, capture, photos, photos, refit) is scene  # no splats: nothing to teach
