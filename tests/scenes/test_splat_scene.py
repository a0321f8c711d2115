"""Splats as a scene: views, files and poorer versions of themselves."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cameras.camera import Camera
from cameras.errors import InputError, SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.formats.ply import write_splat_ply
from scenes.formats.splat_file import SplatFile
from scenes.scene import Scene, World
from scenes.splats.gaussians import Gaussians
from scenes.splats.scene import SplatScene, degraded

CAMERA = Camera(Intrinsics.from_fov(40, 30, 1.0), Rigid(np.eye(3), np.array([0, 0, -3.0])))


def some_scene(
    count: int = 200, background: tuple[float, float, float] | None = None, world: World | None = None
) -> SplatScene:
    rng = np.random.default_rng(count)
    gaussians = Gaussians(
        means=rng.uniform(-0.6, 0.6, (count, 3)).astype(np.float32),
        quaternions_wxyz=rng.normal(size=(count, 4)).astype(np.float32),
        log_scales=rng.uniform(-3, -2, (count, 3)).astype(np.float32),
        logit_opacities=rng.normal(1, 1, count).astype(np.float32),
        sh=rng.normal(0, 0.4, (count, 3, 16)).astype(np.float32),
    )
    return SplatScene(gaussians, world or World(np.full(3, -1.0), np.full(3, 1.0)), background=background)


def test_a_view_is_premultiplied_and_has_depth() -> None:
    scene: Scene = some_scene()
    view = scene.view(CAMERA, ("rgb", "depth_z", "expected_depth_z", "coverage"))
    assert view.rgb.shape == (30, 40, 3)
    assert view.alpha[0, 0] < 0.01
    assert view.rgb[0, 0].max() < 0.02
    middle = view.depth_z[12:18, 16:24]
    assert (np.abs(middle[middle > 0] - 3) < 0.8).all()
    assert set(view.passes) == {"depth_z", "expected_depth_z", "coverage"}
    np.testing.assert_array_equal(view.passes["coverage"], view.alpha)


def test_depth_comes_only_where_it_was_asked_for() -> None:
    view = some_scene().view(CAMERA)
    assert not view.passes
    with pytest.raises(KeyError, match="depth_z"):
        _ = view.depth_z


def test_a_background_makes_views_opaque() -> None:
    view = some_scene(background=(0.25, 0.5, 0.75)).view(CAMERA, ("coverage",))
    assert (view.alpha == 1).all()
    np.testing.assert_allclose(view.rgb[0, 0], (0.25, 0.5, 0.75), atol=0.02)
    assert view.passes["coverage"][0, 0] < 0.01


def test_the_first_of_many_views_is_the_single_view_and_the_others_are_close() -> None:
    scene = some_scene()
    cameras = [CAMERA, CAMERA.resized(20, 15), CAMERA]
    for number, (camera, view) in enumerate(zip(cameras, scene.views(cameras), strict=True)):
        np.testing.assert_allclose(view.rgb, scene.view(camera).rgb, rtol=0, atol=1 / 512 if number else 0)


def test_a_pass_that_is_not_asked_for_is_not_there() -> None:
    first, second = some_scene().views([CAMERA, CAMERA], ("coverage",))
    assert set(first.passes) == set(second.passes) == {"coverage"}
    name = "expected_depth_z"
    *_, last = some_scene().views([CAMERA, CAMERA], (name,))
    np.testing.assert_allclose(last.passes[name], some_scene().view(CAMERA, (name,)).passes[name], rtol=1e-4)


def test_an_unknown_pass_is_refused() -> None:
    with pytest.raises(SettingsError, match="but normals was asked for"):
        some_scene().view(CAMERA, ("rgb", "normals"))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(2, 50),
    background=st.none() | st.tuples(*[st.floats(0, 1)] * 3),
    up_known=st.booleans(),
    metres_per_unit=st.none() | st.floats(0.01, 100),
)
def test_a_saved_scene_loads_as_itself(
    tmp_path: Path,
    count: int,
    background: tuple[float, float, float] | None,
    up_known: bool,
    metres_per_unit: float | None,
) -> None:
    world = World(np.array([-1.0, 0, 2]), np.array([1.0, 3, 4]), up_known, metres_per_unit, {"from": "a test"})
    scene = some_scene(count, background, world)
    scene.gaussians.logit_opacities[0] = -9  # too faint to be kept
    scene.save(tmp_path / "a.ply")
    loaded = SplatScene.load(tmp_path / "a.ply")
    np.testing.assert_array_equal(loaded.gaussians.sh, scene.gaussians.sh[1:])
    assert loaded.background == background
    assert loaded.antialiased
    assert (loaded.world.up_known, loaded.world.metres_per_unit) == (up_known, metres_per_unit)
    assert loaded.world.provenance == {"from": "a test"}
    np.testing.assert_array_equal(loaded.world.bounds_max, world.bounds_max)


def test_files_of_other_tools_have_bounds_and_no_antialiasing(tmp_path: Path) -> None:
    scene = some_scene(300)
    scene.gaussians.means[0] = 1e6
    write_splat_ply(tmp_path / "a.ply", SplatFile(scene.gaussians, 3))
    loaded = SplatScene.load(tmp_path / "a.ply")
    assert not loaded.antialiased
    assert not loaded.world.up_known
    assert (loaded.world.bounds_max < 1).all()


@pytest.mark.parametrize("extras", [{"world": 3}, {"antialiased": True}, {"world": {}, "background": "blue"}])
def test_broken_notes_end_in_one_sentence(tmp_path: Path, extras: dict[str, object]) -> None:
    write_splat_ply(tmp_path / "a.ply", SplatFile(some_scene().gaussians, 3, extras=extras))
    with pytest.raises(InputError, match="cannot be understood"):
        SplatScene.load(tmp_path / "a.ply")


@pytest.mark.parametrize("kind", ["fewer", "lower_order", "displaced"])
def test_a_degraded_scene_is_poorer_but_alike(kind: str) -> None:
    scene = some_scene(400)
    before = scene.gaussians.sh.copy()
    poorer = degraded(scene, kind, np.random.default_rng(0))  # type: ignore[arg-type]
    good, bad = scene.view(CAMERA).rgb, poorer.view(CAMERA).rgb
    assert 0.001 < np.abs(good - bad).mean() < 0.2
    assert poorer.provenance["degraded"] == kind
    np.testing.assert_array_equal(scene.gaussians.sh, before)


def test_an_unknown_degradation_is_refused() -> None:
    with pytest.raises(SettingsError, match="not by 'burnt'"):
        degraded(some_scene(), "burnt", np.random.default_rng(0))  # type: ignore[arg-type]
