"""Laws of the geometry figures: an opaque wall is right, a blob before it floats, a gap in it is a hole; no units."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from render.evaluation_geometry import (
    DepthComparison,
    GeometryFigures,
    TrueFrame,
    compare_depth,
    compare_depths,
    measure,
)
from render.evaluation_pictures import DEPTH_FLOATER, DEPTH_HOLE, DEPTH_RIGHT, depth_strip
from scenes.scene import World
from scenes.splats.gaussians import Gaussians
from scenes.splats.scene import SplatScene

WIDTH, HEIGHT, WALL_Z = 96, 64, 4.0
CAMERA = Camera(Intrinsics.from_fov(WIDTH, HEIGHT, 0.8), Rigid.identity())


def _gaussians(means: NDArray[np.float64], scale: float) -> Gaussians:
    n = len(means)
    quaternions = np.tile(np.array([1.0, 0, 0, 0], np.float32), (n, 1))
    log_scales = np.log(np.tile(np.array([scale, scale, 0.1 * scale]), (n, 1)))
    return Gaussians(means, quaternions, log_scales, np.full(n, 6.0), np.zeros((n, 3, 16)))  # type: ignore[arg-type]


def _wall() -> Gaussians:
    """Opaque splats at z = 4 that reach beyond the image on all sides."""
    x, y = np.meshgrid(np.arange(-3.2, 3.2, 0.1), np.arange(-2.4, 2.4, 0.1))
    return _gaussians(np.stack([x.ravel(), y.ravel(), np.full(x.size, WALL_Z)], axis=1), 0.08)


def _joined(a: Gaussians, b: Gaussians) -> Gaussians:
    names = ("means", "quaternions_wxyz", "log_scales", "logit_opacities", "sh")
    return Gaussians(*(np.concatenate([getattr(a, name), getattr(b, name)]) for name in names))


def _scene(gaussians: Gaussians, background: tuple[float, float, float] | None = None) -> SplatScene:
    return SplatScene(gaussians, World(np.zeros(3), np.ones(3)), background=background, backend="cpu")


def _truth(step: int = 1) -> TrueFrame:
    shape = (-(-HEIGHT // step), -(-WIDTH // step))
    return TrueFrame("wall", CAMERA, np.full(shape, WALL_Z, np.float32), np.ones(shape, bool), step)


def _compare(gaussians: Gaussians, frame: TrueFrame | None = None) -> DepthComparison:
    return next(compare_depths(_scene(gaussians), [frame or _truth()]))


@pytest.mark.parametrize("step", [1, 2, 3])
def test_an_opaque_wall_is_wholly_right(step: int) -> None:
    assert _compare(_wall(), _truth(step)).figures.shares() == {
        "floaters": 0.0,
        "holes": 0.0,
        "depth_within_3_percent": 1.0,
    }


def test_a_blob_before_the_wall_floats_on_as_many_pixels_as_it_covers() -> None:
    blob = _gaussians(np.array([[0.2, -0.1, 2.0]]), 0.2)
    alone = _scene(blob).view(CAMERA).alpha
    covered = float(np.mean(alone >= 0.5))
    found = _compare(_joined(blob, _wall())).figures
    assert 0.02 < covered < 0.3
    assert found.floaters == pytest.approx(covered, abs=1 / alone.size)
    assert found.depth_within_3_percent == pytest.approx(1 - covered, abs=1 / alone.size)
    assert found.holes == 0


def test_a_blob_within_five_percent_of_the_wall_is_no_floater() -> None:
    found = _compare(_joined(_gaussians(np.array([[0.0, 0, 3.85]]), 0.3), _wall())).figures
    assert found.floaters == 0
    assert found.depth_within_3_percent < 1


def test_a_gap_in_the_wall_is_a_hole_of_its_size() -> None:
    wall = _wall()
    half_x, half_y = 0.8, 0.5
    gap = (np.abs(wall.means[:, 0]) < half_x) & (np.abs(wall.means[:, 1]) < half_y)
    found = _compare(wall.select(~gap)).figures
    lens = CAMERA.intrinsics
    wide, high = 2 * half_x * lens.fx / WALL_Z, 2 * half_y * lens.fy / WALL_Z
    edge = (wide + high) * 2
    assert found.holes == pytest.approx(wide * high / (WIDTH * HEIGHT), abs=edge / (WIDTH * HEIGHT))
    assert found.holes > 0.05
    assert found.floaters == 0


def test_a_coloured_background_hides_no_hole() -> None:
    half = _wall()
    half = half.select(half.means[:, 0] < 0)
    found = next(compare_depths(_scene(half, background=(1.0, 1.0, 1.0)), [_truth()])).figures
    assert found.holes == pytest.approx(0.5, abs=0.05)


def test_only_surfaces_that_a_photo_saw_can_have_holes() -> None:
    seen = np.zeros((HEIGHT, WIDTH), bool)
    seen[:, : WIDTH // 4] = True
    half = _wall()
    half = half.select(half.means[:, 0] < 0)
    found = _compare(half, replace(_truth(), seen=seen)).figures
    assert found.holes == 0
    assert found.surfaces == HEIGHT * (WIDTH // 4)


@given(st.floats(0.3, 300.0))
@settings(max_examples=12)
def test_units_do_not_matter(scale: float) -> None:
    position = np.array([0.1, 0.0, -0.5])
    blob = _joined(_gaussians(np.array([[0.2, -0.1, 2.0]]), 0.2), _wall())
    blob = blob.select(~((blob.means[:, 0] > 0.9) & (blob.means[:, 2] > 3)))
    depth_z = np.full((HEIGHT, WIDTH), WALL_Z + 0.5, np.float32)
    frame = replace(_truth(), camera=replace(CAMERA, world_from_camera=Rigid(np.eye(3), position)), depth_z=depth_z)
    scaled = replace(blob, means=blob.means * scale, log_scales=blob.log_scales + np.log(scale))  # type: ignore[arg-type]
    pose = Rigid(np.eye(3), position * scale)
    other = replace(frame, camera=replace(CAMERA, world_from_camera=pose), depth_z=depth_z * np.float32(scale))
    here, there = _compare(blob, frame).figures, _compare(scaled, other).figures
    assert here.holes > 0.05
    assert here.floaters > 0.02
    for name, value in here.shares().items():
        assert there.shares()[name] == pytest.approx(value, abs=2 / (WIDTH * HEIGHT))


def test_unknown_truth_does_not_count() -> None:
    depth_z = np.array([[0.0, 2.0, 2.0, 0.0]], np.float32)
    frame = TrueFrame("a", CAMERA, depth_z, np.ones((1, 4), bool))
    found = compare_depth(frame, np.array([[1, 1, 2, 0]], np.float32), np.ones((1, 4), np.float32)).figures
    assert found == GeometryFigures(0.5, 0.0, 0.5, 2, 2)
    nothing = replace(frame, depth_z=np.zeros((1, 4), np.float32))
    empty = compare_depth(nothing, np.ones((1, 4), np.float32), np.ones((1, 4), np.float32)).figures
    assert empty == GeometryFigures(0.0, 0.0, 0.0, 0, 0)


def test_a_ray_that_meets_nothing_is_a_hole_and_wrong_but_no_floater() -> None:
    frame = TrueFrame("a", CAMERA, np.full((1, 2), 2.0, np.float32), np.ones((1, 2), bool))
    found = compare_depth(frame, np.array([[0, 2]], np.float32), np.array([[0.3, 1]], np.float32)).figures
    assert found.shares() == {"floaters": 0.0, "holes": 0.5, "depth_within_3_percent": 0.5}


def test_views_together_count_each_pixel_the_same() -> None:
    both = GeometryFigures.over([GeometryFigures(0.5, 1.0, 0.0, 10, 5), GeometryFigures(0.0, 0.0, 1.0, 30, 15)])
    assert both == GeometryFigures(0.125, 0.25, 0.75, 40, 20)


def test_every_frame_is_shown_and_reported() -> None:
    shown: list[str] = []
    told: list[float] = []
    found = measure(
        _scene(_wall()),
        [_truth(), _truth(2)],
        report=lambda stage, fraction, figures: told.append(fraction),
        on_comparison=lambda kind, comparison: shown.append(f"{kind} {comparison.name}"),
    )
    assert [name for name, _ in found] == ["wall", "wall"]
    assert shown == ["depth wall", "depth wall"]
    assert told == [0.5, 1.0]


def test_pictures_say_where_the_depth_is_wrong() -> None:
    depth_z = np.array([[2.0, 2.0, 2.0, 0.0]], np.float32)
    frame = TrueFrame("a", CAMERA, depth_z, np.ones((1, 4), bool))
    shown = depth_strip(
        compare_depth(frame, np.array([[2, 1, 2, 2]], np.float32), np.array([[1, 1, 0, 1]], np.float32))
    )
    assert shown.shape == (1, 20, 3)
    hole = np.array(DEPTH_RIGHT) // 2 + np.array(DEPTH_HOLE) // 2
    wanted = [DEPTH_RIGHT, DEPTH_FLOATER, tuple(hole), (255, 255, 255)]
    np.testing.assert_array_equal(shown[0, -4:], wanted)
