import numpy as np
import pytest

from cameras import freespace_fusion, freespace_rays, tour_polish
from cameras.arrays import Floats
from cameras.errors import SettingsError
from cameras.freespace import FreeSpace
from cameras.intrinsics import Intrinsics
from cameras.limits import Limits
from cameras.motion import measure_motion
from cameras.path import CameraPath
from cameras.shot_list import ShotList
from cameras.tour import Place, TourWish, plan_tour
from cameras.warmup import warm_planner

from .boxes import VOXEL, empty_room, space_of, two_rooms

LENS = Intrinsics.from_fov(1280, 720, 2 * np.arctan(10.125 / 20))
ROOM = empty_room()


def tour(space: FreeSpace, seed: int = 0, **wish: object) -> CameraPath:
    made = plan_tour(space, LENS, TourWish(**wish), seed=seed)  # type: ignore[arg-type]
    assert len(made.shots) == 1
    return made.shots[0].path


def swept(path: CameraPath) -> Floats:
    return path.positions_world(np.linspace(0, path.duration_s, round(240 * path.duration_s)))


@pytest.mark.parametrize("seed", range(5))
def test_a_tour_goes_through_the_door_into_both_rooms_and_touches_nothing(seed: int) -> None:
    at = 0.8 + 0.6 * seed
    space = two_rooms(door=0.9, at=at)
    places = swept(tour(space, seed, seconds=30.0))
    assert places[:, 0].min() < 3.5
    assert places[:, 0].max() > 4.7
    in_wall = (places[:, 0] > 4.0) & (places[:, 0] < 4.2)
    assert in_wall.any()
    assert np.abs(places[in_wall, 1] - at).max() < 0.45 - 0.2
    assert float(space.clearance(places).min()) >= 0.2


def test_a_tour_keeps_every_limit_is_level_and_exactly_as_long_as_asked() -> None:
    path = tour(ROOM, seconds=17.3)
    assert path.duration_s == 17.3
    motion, limits = measure_motion(path, 1.0), Limits()
    assert motion.speed_m_s.max() <= limits.speed_m_s
    assert motion.acceleration_m_s2.max() <= limits.acceleration_m_s2
    assert motion.turn_rate_rad_s.max() <= limits.turn_rate_rad_s
    assert motion.turn_acceleration_rad_s2.max() <= limits.turn_acceleration_rad_s2
    assert np.abs(motion.tilt_rad).max() < 1e-6
    assert np.abs(motion.roll_rad).max() < 1e-6
    assert 1.3 < swept(path)[:, 2].min() <= swept(path)[:, 2].max() < 1.7


def test_the_same_seed_gives_the_same_tour() -> None:
    made = [plan_tour(ROOM, LENS, TourWish(seconds=4.0), seed=seed) for seed in (3, 3, 4)]
    assert made[0] == made[1]
    assert made[0].shots != made[2].shots


def test_a_longer_tour_shows_more() -> None:
    notes = [plan_tour(ROOM, LENS, TourWish(seconds=s)).note for s in (5.0, 20.0)]
    shown = [float(str(note["shown"])) for note in notes]
    assert shown[0] < shown[1]
    assert shown[1] > 0.65


def test_a_loop_ends_as_it_begins() -> None:
    path = tour(ROOM, seconds=12.0, is_loop=True)
    ends = np.array([0.0, path.duration_s])
    positions, rotations = path.positions_world(ends), path.rotations(ends)
    np.testing.assert_allclose(positions[0], positions[1], atol=1e-6)
    np.testing.assert_allclose(rotations[0], rotations[1], atol=1e-6)


def test_start_end_and_places_to_visit_are_on_the_way_and_things_are_in_the_picture() -> None:
    vase = Place("vase", (4.8, 3.5, 1.4))
    path = tour(
        ROOM,
        seconds=30.0,
        start=Place("door", (1.0, 1.0, 1.5)),
        end=Place("window", (4.0, 3.0, 1.5)),
        visit=(Place("table", (4.0, 1.0, 1.5)),),
        look_at=(vase,),
    )
    places = swept(path)
    np.testing.assert_allclose(places[0, :2], (1.0, 1.0), atol=2 * VOXEL)
    np.testing.assert_allclose(places[-1, :2], (4.0, 3.0), atol=2 * VOXEL)
    assert np.linalg.norm(places[:, :2] - (4.0, 1.0), axis=1).min() < 0.6
    cameras = ShotList.of(path).cameras(10, LENS.width, LENS.height)
    shown = [camera.project(np.array(vase.point_m)) for camera in cameras]
    assert any(z > 0 and (pixel > 0).all() and (pixel < (LENS.width, LENS.height)).all() for pixel, z in shown)


def test_a_place_that_no_route_reaches_is_named() -> None:
    kitchen = Place("kitchen", (6.0, 2.0, 1.5))
    with pytest.raises(
        SettingsError, match=r"should reach kitchen at \(6, 2, 1\.5\) m, but no route with .* m of room"
    ):
        plan_tour(two_rooms(door=0.5), LENS, TourWish(visit=(kitchen,)))


def test_a_sealed_room_is_toured_inside() -> None:
    space = two_rooms(door=0.0)
    places = swept(tour(space, seconds=15.0))
    assert places[:, 0].max() < 3.8
    assert np.ptp(places[:, :2], axis=0).max() > 0.5
    there = swept(tour(space, seconds=8.0, start=Place("bedroom", (6.0, 2.0, 1.5))))
    assert there[:, 0].min() > 4.4


def test_a_thing_that_cannot_be_seen_is_named() -> None:
    safe = Place("safe", (2.05, 2.05, 1.0))
    solid = np.zeros((40, 40, 26), np.bool_)
    solid[17:24, 17:24, :14] = True
    space = space_of(solid, starts=np.array([[1.0, 1.0, 1.5]]))
    with pytest.raises(SettingsError, match=r"should show safe at .* cannot be seen from anywhere"):
        plan_tour(space, LENS, TourWish(seconds=10.0, look_at=(safe,)))


def test_no_room_for_a_camera_is_said() -> None:
    with pytest.raises(SettingsError, match=r"no place was found where a camera at eye height stays 0\.9 m away"):
        plan_tour(empty_room(1.6, 4.0, 2.6), LENS, TourWish(stay_away_m=0.9))


def test_too_short_a_time_for_what_must_be_shown_names_what_it_takes() -> None:
    far = tuple(Place(f"corner {i}", p) for i, p in enumerate([(0.8, 0.8, 1.5), (4.2, 0.8, 1.5), (4.2, 3.2, 1.5)]))
    with pytest.raises(SettingsError, match=r"takes at least \d+\.\d s at a comfortable speed, but it should last 3 s"):
        plan_tour(ROOM, LENS, TourWish(seconds=3.0, visit=far))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"seconds": 0.0}, "the seconds of a tour must be positive"),
        ({"metres": float("nan")}, "the metres of a tour must be positive"),
        ({"stay_away_m": 0.05}, "keeps at least 0.2 m away from everything"),
        ({"is_loop": True, "end": Place("x", (0, 0, 0))}, "leave out --end or --loop"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(wish: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        TourWish(**wish)  # type: ignore[arg-type]


def test_warming_up_compiles_what_a_tour_needs() -> None:
    warm_planner()
    kernels = (freespace_rays._march_all, freespace_rays._see_all, freespace_fusion._integrate, tour_polish._show_all)
    before = [list(kernel.signatures) for kernel in kernels]
    assert all(before)
    tour(ROOM, seconds=4.0)
    assert before == [list(kernel.signatures) for kernel in kernels]
