"""Which path a capture gets: a tour, or a calm run with a sentence that says why."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.errors import SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import look_rotation
from cameras.tour import Place, TourWish
from render.plan_run import PlanRequest, parse_place
from render.planning import INTERIOR_MM, PathChoice, lens_mm, lens_of, plan_capture
from render.shot_planning import Stage, plan_shots, write_as_shots
from scenes.captures.capture import Capture, CaptureImage, SparsePoints
from scenes.freespace import ScaleWish
from scenes.meshes.mesh import checked_mesh
from scenes.meshes.rooms import one_room
from scenes.meshes.scene import MeshScene
from scenes.scene import World

pytest.importorskip("trimesh")
LENS = Intrinsics.from_fov(320, 180, 0.8)
CHOICE = PathChoice(320, 180, TourWish(seconds=6.0))


def scene() -> MeshScene:
    vertices, faces = one_room(seed=2)
    mesh = checked_mesh(Path("room"), vertices, faces, np.full((len(faces), 3), 200, np.uint8))
    return MeshScene(mesh, World(*mesh.bounds, up_known=True))


SCENE = scene()


def capture(poses: list[tuple[tuple[float, float, float], tuple[float, float, float]]]) -> Capture:
    lens = Intrinsics.from_fov(160, 120, 1.2)
    images = tuple(
        CaptureImage(f"{i}.jpg", Path(f"{i}.jpg"), Camera(lens, Rigid(look_rotation(f, (0, 0, 1)), np.array(p))))
        for i, (p, f) in enumerate(poses)
    )
    at = np.random.default_rng(0).uniform((0, 0, 0), (5, 4, 0.02), (400, 3))
    points = SparsePoints(at, np.zeros((400, 3), np.uint8), np.zeros(400, np.float32))
    return Capture(images, points, SCENE.world, {})


def all_round() -> Capture:
    turns = [(np.cos(a), np.sin(a), -0.4 * (k % 2)) for k, a in enumerate(np.arange(8) * np.pi / 4)]
    return capture([((x, y, 1.5), turn) for x in (1.7, 2.5, 3.3) for y in (1.6, 2.4) for turn in turns])


def forward_facing() -> Capture:
    return capture([((1.0 + 0.02 * k, 2.0, 1.5), (1.0, 0.15 * np.sin(k), -0.2)) for k in range(10)])


def around_a_thing() -> Capture:
    turn = [(np.cos(a), np.sin(a)) for a in np.arange(12) * np.pi / 6]
    return capture([((2.5 + 1.2 * c, 2.0 + 1.2 * s, 1.5), (-c, -s, -0.4)) for c, s in turn])


def test_photos_all_round_a_room_make_a_tour_with_a_wide_lens() -> None:
    planned = plan_capture(SCENE, all_round(), CHOICE, LENS)
    assert planned.figures["made_by"] == "tour"
    assert planned.space is not None
    assert planned.warnings == ()
    assert planned.figures["scale_is_assumed"] is True
    path = planned.shots.shots[0].path
    assert path.duration_s == 6.0
    assert path.keyframes[0].fov_y_rad == pytest.approx(lens_of(CHOICE, INTERIOR_MM).fov_y_rad)
    assert float(planned.space.clearance(path.positions_world(np.linspace(0, 6, 200))).min()) >= 0.2


@pytest.mark.parametrize(
    ("photos", "why"),
    [
        (forward_facing, "The photos all look one way and moved only"),
        (around_a_thing, "The photos all look at one thing"),
        (lambda: replace(all_round(), images=all_round().images[:3]), "3 photos are too few for a tour"),
    ],
)
def test_other_photos_make_a_calm_run_and_the_reason_is_said(photos: Callable[[], Capture], why: str) -> None:
    planned = plan_capture(SCENE, photos(), CHOICE, LENS)
    assert planned.figures["made_by"] == "walk"
    assert len(planned.warnings) == 1
    assert planned.warnings[0].startswith(why)
    assert planned.warnings[0].endswith("so the camera flies calmly along the photos instead.")
    assert planned.shots.duration_s == 6.0


def test_a_run_around_a_thing_looks_at_it() -> None:
    path = plan_capture(SCENE, around_a_thing(), CHOICE, LENS).shots.shots[0].path
    assert path.look_at_world is not None
    np.testing.assert_allclose(path.look_at_world[:2], (2.5, 2.0), atol=1e-6)


def test_what_must_be_shown_is_never_silently_left_out() -> None:
    far = TourWish(seconds=6.0, visit=(Place("attic", (2.0, 2.0, 9.0)), Place("barn", (40.0, 2.0, 1.5))))
    with pytest.raises(SettingsError, match="should reach barn"):
        plan_capture(SCENE, all_round(), replace(CHOICE, wish=far), LENS)


def test_a_lens_that_was_asked_for_is_taken() -> None:
    asked = replace(CHOICE, lens_mm=24.0)
    assert lens_mm(lens_of(asked, 18.0)) == pytest.approx(24.0)
    assert lens_of(asked, 18.0).width == 320


def test_options_become_numbers() -> None:
    asked = PlanRequest(
        seconds=8.0,
        eye_height="150cm",
        visit=("kitchen=1,2,1.5",),
        look_at=("0.5,-1,2e0",),
        stay_away="1ft",
        camera_height="1.6m",
    )
    choice = asked.checked()
    assert choice.wish.eye_height_m == pytest.approx(1.5)
    assert choice.wish.visit == (Place("kitchen", (1.0, 2.0, 1.5)),)
    assert choice.wish.look_at[0].point_m == (0.5, -1.0, 2.0)
    assert choice.wish.stay_away_m == pytest.approx(0.3048)
    assert choice.scale == ScaleWish(camera_height_m=1.6)
    assert PlanRequest(units="mm").checked().scale.metres_per_unit == pytest.approx(0.001)
    assert PlanRequest().checked().wish.seconds == 30.0
    assert PlanRequest(metres=9.0).checked().wish.seconds is None


@pytest.mark.parametrize("text", ["kitchen", "1,2", "a=1,2,x", "1,2,inf", ""])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--visit should be a place in metres"):
        parse_place(text, "--visit")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (PlanRequest(lens=2.0), "--lens should be a full-frame focal length"),
        (PlanRequest(units="furlong"), "--units should be a length with its unit"),
        (PlanRequest(eye_height="tall"), "--eye-height should be a length"),
        (PlanRequest(camera_height="1.5m", units="m"), "the scale should be given once"),
    ],
)
def test_options_that_make_no_sense_are_refused(asked: PlanRequest, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        asked.checked()


def test_shots_follow_photos_in_the_worlds_own_units_and_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "shots.yaml"
    file.write_text("shots:\n  - {name: a, kind: follow-capture, views: [1, 9], seconds: 20, lens: 24}\n")
    photos = all_round()
    stage = Stage.of_capture(SCENE, photos, CHOICE.scale)
    planned = plan_shots(file, stage, LENS)
    assert stage.surveyed is not None
    start = planned.shots.shots[0].path.positions_world(0.0)
    np.testing.assert_allclose(start, photos.images[0].camera.position_world, atol=0.05)
    assert planned.figures["made_by"] == "shots"
    assert planned.figures["scale_is_assumed"] is True
    write_as_shots(planned, tmp_path / "again.yaml", LENS)
    again = plan_shots(tmp_path / "again.yaml", stage, LENS)
    at = np.linspace(0, 20, 50)
    a, b = (found.shots.shots[0].path.positions_world(at) for found in (planned, again))
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_shots_are_flown_where_the_space_cannot_be_surveyed_and_that_is_said(tmp_path: Path) -> None:
    file = tmp_path / "shots.yaml"
    file.write_text("shots:\n  - {name: a, kind: hold, from: [2, 2, 1], heading: 0, seconds: 2}\n")
    photos = replace(all_round(), world=replace(SCENE.world, up_known=False, metres_per_unit=None))
    stage = Stage.of_capture(SCENE, photos, CHOICE.scale)
    planned = plan_shots(file, stage, LENS)
    assert planned.space is None
    assert "The space was not surveyed (a tour should know which way is up" in planned.warnings[0]
    assert planned.warnings[0].endswith("one unit is taken to be a metre.")
    with pytest.raises(SettingsError, match="which way is up"):
        Stage.of_capture(SCENE, photos, ScaleWish(camera_height_m=1.5))
