"""The picture of a preflight: what is drawn where, in which colour, and for every odd film."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from cameras.freespace import FREE, FreeSpace
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.preflight import Track, preflight
from cameras.preflight_rules import RULE_OF
from cameras.rigid import Rigid
from cameras.shot_list import Shot, ShotList
from render.preflight_canvas import (
    BEYOND,
    FAR,
    INK,
    NEAR,
    PAPER,
    Box,
    Canvas,
    drawable,
    fitted_text,
    nice_step,
    short_number,
)
from render.preflight_graphs import draw_graphs
from render.preflight_picture import HEIGHT, WIDTH, write_preflight_picture
from render.preflight_picture_labels import Labels
from render.preflight_picture_path import NEAR_MARGIN, broken_pieces, line_colors, worst_time
from render.preflight_plan import WALL, PlanView, draw_plan

from ..cameras.boxes import empty_room, space_of
from ..cameras.test_preflight import BROKEN, ROOM, aimed, flight

PANEL = (20.0, 20.0, 780.0, 590.0)


def plan(shots: ShotList, space: FreeSpace = ROOM) -> tuple[NDArray[np.uint8], PlanView]:
    canvas = Canvas(800, 640)
    view = draw_plan(canvas, preflight(shots, space, fps=2), space, PANEL)
    return np.asarray(canvas.image), view


def pixels(image: NDArray[np.uint8], color: tuple[int, int, int]) -> NDArray[np.int64]:
    return np.argwhere((image == color).all(axis=-1))


def still(x: float = 2.0, y: float = 2.0, seconds: float = 0.5) -> CameraPath:
    return CameraPath((Keyframe.from_pose(Rigid(aimed(30), np.array([x, y, 1.5])), 0.9),), seconds)


def test_the_picture_appears_whole_and_alone(tmp_path: Path) -> None:
    file = tmp_path / "p.png"
    write_preflight_picture(preflight(*BROKEN["clearance"], fps=2), ROOM, file)
    with Image.open(file) as image:
        assert image.size == (WIDTH, HEIGHT)
        image.load()
    assert [found.name for found in tmp_path.iterdir()] == ["p.png"]


def test_the_same_film_is_the_same_picture() -> None:
    assert np.array_equal(plan(flight())[0], plan(flight())[0])


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "p.png").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_preflight_picture(preflight(flight(), ROOM, fps=2), ROOM, tmp_path / "p.png")
    assert [found.name for found in tmp_path.iterdir()] == ["p.png"]


def test_only_what_is_broken_is_drawn_as_broken() -> None:
    assert len(pixels(plan(flight())[0], BEYOND)) == 0
    assert len(pixels(plan(*BROKEN["speed"])[0], BEYOND)) > 200


@pytest.mark.parametrize("name", ["clearance", "jerk", "view-angle", "unseen"])
def test_the_line_is_broken_where_a_limit_is(name: str) -> None:
    found = preflight(*BROKEN[name], fps=5)
    times = np.linspace(0, found.shots.duration_s, 200)
    pieces, colors = broken_pieces(found, times), line_colors(found, times)
    assert [color == BEYOND for color in colors] == pieces.tolist()
    for broken in found.broken:
        at = np.searchsorted(times, worst_time(found.tracks[broken]), side="right") - 1
        assert pieces[min(int(at), len(pieces) - 1)]
    margins = np.minimum(found.margins(times)[1:], found.margins(times)[:-1])
    assert all(
        color == (NEAR if margin < NEAR_MARGIN else FAR)
        for color, margin in zip(colors, margins, strict=True)
        if color != BEYOND
    )


def test_a_limit_broken_for_a_moment_is_seen() -> None:
    """Shorter than the time between two places that are drawn."""
    found = preflight(flight(), ROOM, fps=2)
    speed = found.tracks["speed"]
    spike = replace(speed, values=np.where(np.arange(len(speed.values)) == 200, 9.0, 0.0))
    pieces = broken_pieces(replace(found, tracks={"speed": spike}), np.linspace(0, 8, 21))
    assert np.flatnonzero(pieces).tolist() == [int(speed.time_s[200] / 0.4)]


def test_a_flight_at_its_limit_is_not_drawn_as_broken() -> None:
    """Values of planned paths are rounded: what preflight lets pass, the picture does too."""
    found = preflight(flight(), ROOM, fps=2)
    speed = found.tracks["speed"]
    at_limit = replace(speed, values=np.full_like(speed.values, speed.limit * (1 + 1e-8)))
    found = replace(found, tracks={**found.tracks, "speed": at_limit})
    assert found.passed
    assert set(line_colors(found, np.linspace(0, 8, 50))) == {NEAR}


def test_metres_are_metres() -> None:
    """A path that lies a metre farther along x is drawn by the scale farther to the right; walls stay."""
    (here, view), (there, other) = plan(flight()), plan(flight((2.5, 2.0, 1.5), (3.5, 2.0, 1.5)))
    a, b = (np.array(view.at(np.array([x, 2.0, 1.5]))) for x in (1.5, 2.5))
    assert np.linalg.norm(b - a) == pytest.approx(view.scale)
    assert view.scale == other.scale
    moved = pixels(there, FAR)[:, 1].max() - pixels(here, FAR)[:, 1].max()
    assert moved == pytest.approx(2 * view.scale, abs=4)
    assert np.ptp(pixels(here, WALL)[:, 1]) / (2 * view.scale) == pytest.approx(5.0, abs=0.15)


def test_the_scale_bar_has_its_length() -> None:
    image, view = plan(flight())
    foot = image[2 * round(PANEL[3] - 18), 40 : round(2 * PANEL[2])]
    dark = np.flatnonzero((foot == INK).all(axis=-1))
    long = int(np.flatnonzero(np.diff(np.append(dark, 10**6)) > 1)[0])  # the first unbroken stretch of ink
    metres = nice_step((PANEL[2] - PANEL[0]) / view.scale, 6.0)
    assert long / (2 * view.scale) == pytest.approx(metres, rel=0.03)


@given(turn=st.floats(-3.2, 3.2), metres=st.floats(0.1, 10), x=st.floats(-50, 50), y=st.floats(-50, 50))
def test_views_turn_and_scale_only(turn: float, metres: float, x: float, y: float) -> None:
    view = PlanView(np.array([1.0, -2.0]), turn, 30.0, (400.0, 300.0), PANEL)
    a = np.array(view.at(np.array([x, y])))
    right, up = (np.array(view.at(np.array([x, y]) + step)) - a for step in ((metres, 0), (0, metres)))
    assert np.linalg.norm(right) == pytest.approx(30 * metres)
    assert np.linalg.norm(up) == pytest.approx(30 * metres)
    assert right[0] * up[1] - right[1] * up[0] == pytest.approx(-((30 * metres) ** 2))  # seen from above


def turned_room(degrees: float) -> FreeSpace:
    """A room of 6 x 3 m, turned against the clock in its grid."""
    x, y = (np.indices((80, 80)) + 0.5) * 0.1 - 4.0
    a = math.radians(degrees)
    u, v = np.abs(x * math.cos(a) + y * math.sin(a)), np.abs(y * math.cos(a) - x * math.sin(a))
    return space_of(np.repeat(((u > 3) | (v > 1.5))[:, :, None], 26, axis=2))


@pytest.mark.parametrize("degrees", [0, 20, 45, 70])
def test_walls_run_along_the_edges_of_the_picture(degrees: float) -> None:
    film = ShotList.of(still(4.0, 4.0))
    _, view = plan(film, turned_room(degrees))
    walls = math.degrees(view.turn_rad) + degrees
    assert (walls + 2) % 90 <= 4
    # and the long side along the panel's long side
    assert abs(math.cos(math.radians(walls))) > 0.99


@pytest.mark.parametrize("size", [(20.0, 2.0, 2.6), (2.0, 20.0, 2.6), (9.0, 9.0, 2.6)])
def test_the_plan_fills_the_panel(size: tuple[float, float, float]) -> None:
    image, _ = plan(ShotList.of(still(1.0, 1.0)), empty_room(*size))
    walls = pixels(image, WALL)
    low, high = walls.min(axis=0) / 2, walls.max(axis=0) / 2
    assert (low >= (PANEL[1], PANEL[0])).all()
    assert (high <= (PANEL[3], PANEL[2])).all()
    assert ((high - low) / (PANEL[3] - PANEL[1], PANEL[2] - PANEL[0])).max() > 0.8


def test_what_is_far_from_the_path_is_not_shown() -> None:
    _, near = plan(flight(), empty_room(5.0, 4.0, 2.6))
    _, wide = plan(flight(), empty_room(32.0, 24.0, 2.0))
    assert wide.scale > near.scale / 4  # of a room six times as large


def odd_films() -> dict[str, ShotList]:
    cuts = ShotList(tuple(Shot(f"{i} a name that is much too long for a plan", still()) for i in range(40)))
    return {
        "still": ShotList.of(still()),
        "leaves the grid": flight((2.0, 2.0, 1.5), (14.0, 2.0, 1.5), seconds=60),
        "far outside": ShotList.of(still(300.0, -200.0)),
        "many cuts": cuts,
        "straight down": flight(rotations=(aimed(tilt=-90), aimed(tilt=-90))),
        "ten minutes": flight(seconds=600),
        "one frame": ShotList.of(still(seconds=1 / 30)),
        "foreign name": ShotList.of(still(), "Küche und \u53a8\u623f \u200f\n"),
    }


@pytest.mark.parametrize("name", odd_films())
def test_odd_films_are_drawn_too(name: str) -> None:
    canvas, film = Canvas(800, 640), odd_films()[name]
    found = preflight(film, ROOM, fps=0.2)
    view = draw_plan(canvas, found, ROOM, (20.0, 20.0, 380.0, 590.0))
    draw_graphs(canvas, found, (400.0, 20.0, 780.0, 590.0))
    image = np.asarray(canvas.image)
    for time in (0.0, film.shots[0].path.duration_s):
        x, y = view.at(film.shots[0].path.positions_world(np.array([time]))[0])
        assert tuple(image[round(2 * y), round(2 * x)]) in (PAPER, INK)  # marks of starts and of the end


@pytest.mark.parametrize("space", [empty_room(12.0, 1.2, 2.6), replace(ROOM, metres_per_unit=0.1)])
def test_spaces_without_photos_and_in_other_units_are_drawn_too(space: FreeSpace) -> None:
    for film in (flight(), odd_films()["straight down"]):
        assert len(pixels(plan(film, space)[0], WALL)) > 100


def test_a_space_without_any_surface_is_drawn_too() -> None:
    room = empty_room()
    nothing = replace(
        room,
        cells=np.full_like(room.cells, FREE),
        surface_world=np.zeros((0, 3), np.float32),
        surface_normals_world=np.zeros((0, 3), np.float32),
        surface_seen=np.zeros(0, np.bool_),
        starts_world=np.zeros((0, 3)),
    )
    image, _ = plan(flight(), nothing)
    assert len(pixels(image, WALL)) == 0


def test_nothing_is_drawn_over_the_graphs(tmp_path: Path) -> None:
    """Photos and cones far outside of what is shown stay within the panel."""
    far = replace(ROOM, views_position_world=ROOM.views_position_world + np.array([4.0, 0, 0]))
    images: list[NDArray[np.uint8]] = []
    for space in (ROOM, far):
        write_preflight_picture(preflight(flight(), ROOM, fps=2), space, tmp_path / "p.png")
        with Image.open(tmp_path / "p.png") as image:
            images.append(np.asarray(image)[:, 1000:])
    assert np.array_equal(images[0], images[1])


def test_graphs_are_red_where_they_are_broken() -> None:
    found = preflight(*BROKEN["speed"])
    canvas = Canvas(600, 900)
    one = replace(found, tracks={"speed": found.tracks["speed"]}, not_measured={})
    draw_graphs(canvas, one, (0, 0, 600, 900))
    plot = np.asarray(canvas.image)[100:1700].astype(int)
    red = (plot[:, :, 0] - plot[:, :, 2] > 15).any(axis=0) & ((plot[600] - 255) != 0).any(axis=-1)
    track = found.tracks["speed"]
    for x in range(4, 1196):
        time = found.shots.duration_s * x / 1200
        near = np.abs(track.time_s - time) < 0.05
        if track.broken[near].all():
            assert red[x], time
        if not track.broken[near].any():
            assert tuple(plot[2, x]) == (255, 255, 255), time


def test_the_worst_place_before_a_cut_is_in_the_shot_that_ends() -> None:
    times = np.array([0.0, 1.0, 2.0, 2.0, 3.0])
    rule = RULE_OF["clearance"]
    assert worst_time(Track(rule, times, np.array([1, 1, 0.1, 1, 1]), 0.2)) == pytest.approx(2.0, abs=1e-5)
    assert worst_time(Track(rule, times, np.array([1, 1, 0.1, 1, 1]), 0.2)) < 2.0
    assert worst_time(Track(rule, times, np.array([1, 1, 1, 0.1, 1]), 0.2)) == 2.0


def apart(a: Box, b: Box) -> bool:
    return min(a[2], b[2]) - max(a[0], b[0]) < 2 or min(a[3], b[3]) - max(a[1], b[1]) < 2


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 650), st.floats(-50, 450)), min_size=1, max_size=60))
def test_labels_hide_neither_each_other_nor_marks_and_stay_inside(points: list[tuple[float, float]]) -> None:
    labels = Labels(Canvas(600, 400), (0, 0, 600, 400), PAPER)
    marks = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    for mark in marks:
        labels.take(mark)
    boxes = [labels.put(point, [f"label {i}", f"{i}"], 14, FAR) for i, point in enumerate(points)]
    placed = [box for box in boxes if box is not None]
    for i, box in enumerate(placed):
        assert min(box[:2]) >= 0
        assert box[2] <= 600
        assert box[3] <= 400
        assert all(apart(box, other) for other in [*placed[:i], *marks])


def test_labels_avoid_the_path() -> None:
    labels = Labels(Canvas(600, 400), (0, 0, 600, 400), PAPER)
    path = [(float(x), 200.0) for x in range(0, 600, 5)]
    labels.keep_free(path, 40.0)
    box = labels.put((300, 200), ["label"], 14, FAR)
    assert box is not None
    assert not any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for x, y in path)


def test_long_texts_end_in_dots() -> None:
    canvas = Canvas(100, 100)
    assert fitted_text(canvas, "short", 12, 90) == "short"
    cut = fitted_text(canvas, "much too long for so little room", 12, 90)
    assert cut.endswith("...")
    assert canvas.text_size(cut, 12)[0] <= 90


def test_letters_that_the_font_lacks_are_drawn_without_accents() -> None:
    assert drawable("Grand tour 12: 45 %") == "Grand tour 12: 45 %"
    assert drawable("Küche, café, groß") == "Kuche, cafe, gross"
    assert drawable("\u53a8\u623f") == "??"


def test_numbers_are_short_and_steps_are_round() -> None:
    assert [short_number(x) for x in (0.0, -1e-9, 0.4472, 22.34, 1234.5)] == ["0", "0", "0.447", "22.3", "1,234"]
    for length in (0.03, 1.0, 7.0, 600.0, 5e6):
        step = nice_step(length, 6)
        assert length / step <= 6 * (1 + 1e-9)
        assert length / step > 2.3 or length > 1e5
