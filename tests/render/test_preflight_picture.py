"""The picture of a preflight: what is drawn where, in which colour, and for every odd film."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cameras.freespace import FreeSpace
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.preflight import preflight
from cameras.rigid import Rigid
from cameras.shot_list import Shot, ShotList
from render.preflight_canvas import BEYOND, FAR, Canvas, Labels, fitted_text
from render.preflight_picture import HEIGHT, WIDTH, write_preflight_picture
from render.preflight_plan import WALL, draw_plan, margin_color

from ..cameras.boxes import empty_room
from ..cameras.test_preflight import BROKEN, ROOM, aimed, flight


def plan(shots: ShotList, space: FreeSpace) -> NDArray[np.uint8]:
    canvas = Canvas(800, 640)
    draw_plan(canvas, preflight(shots, space), space, (20, 20, 780, 590))
    return np.asarray(canvas.image)


def pixels(image: NDArray[np.uint8], color: tuple[int, int, int]) -> NDArray[np.int64]:
    return np.argwhere((image == color).all(axis=-1))


def test_the_picture_appears_whole_and_alone(tmp_path: Path) -> None:
    file = tmp_path / "p.png"
    write_preflight_picture(preflight(*BROKEN["clearance"]), ROOM, file)
    with Image.open(file) as image:
        assert image.size == (WIDTH, HEIGHT)
        image.load()
    assert [found.name for found in tmp_path.iterdir()] == ["p.png"]


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "p.png").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_preflight_picture(preflight(flight(), ROOM), ROOM, tmp_path / "p.png")
    assert [found.name for found in tmp_path.iterdir()] == ["p.png"]


def test_only_what_is_broken_is_drawn_as_broken() -> None:
    assert len(pixels(plan(flight(), ROOM), BEYOND)) == 0
    assert len(pixels(plan(*BROKEN["speed"]), BEYOND)) > 200
    assert [margin_color(margin) for margin in (1.0, 0.5, -0.01)] == [FAR, FAR, BEYOND]


def test_metres_are_metres() -> None:
    """A path that lies a metre farther along x is drawn by the scale farther to the right; walls stay."""
    canvas = Canvas(800, 640)
    view = draw_plan(canvas, preflight(flight(), ROOM), ROOM, (20, 20, 780, 590))
    a, b = view.at(np.array([1.5, 2.0, 1.5])), view.at(np.array([2.5, 2.0, 1.5]))
    assert b[0] - a[0] == pytest.approx(view.scale)
    assert a[1] == pytest.approx(b[1])
    here = pixels(plan(flight(), ROOM), FAR)
    farther = pixels(plan(flight((2.5, 2.0, 1.5), (3.5, 2.0, 1.5)), ROOM), FAR)
    assert farther[:, 1].max() - here[:, 1].max() == pytest.approx(2 * view.scale, abs=4)
    walls = pixels(plan(flight(), ROOM), WALL)
    # 5 m between the outer faces of the walls, of which a cube and a half may be hidden by the frame
    assert np.ptp(walls[:, 1]) / (2 * view.scale) == pytest.approx(5.0, abs=0.2)


def odd_films() -> dict[str, ShotList]:
    still = CameraPath((Keyframe.from_pose(Rigid(aimed(30), np.array([2.0, 2.0, 1.5])), 0.9),), 0.5)
    outside = flight((2.0, 2.0, 1.5), (14.0, 2.0, 1.5), seconds=60)
    cuts = ShotList(tuple(Shot(f"{i} a name that is much too long for a plan", still) for i in range(40)))
    down = flight(rotations=(aimed(tilt=-90), aimed(tilt=-90)))
    return {
        "still": ShotList.of(still),
        "leaves the grid": outside,
        "many cuts": cuts,
        "straight down": down,
        "ten minutes": flight(seconds=600),
        "one frame": ShotList.of(replace(still, duration_s=1 / 30)),
    }


@pytest.mark.parametrize("name", odd_films())
def test_odd_films_are_drawn_too(name: str, tmp_path: Path) -> None:
    for space in (ROOM, empty_room(12.0, 1.2, 2.6)):
        write_preflight_picture(preflight(odd_films()[name], space, fps=2), space, tmp_path / "p.png")
        assert (tmp_path / "p.png").stat().st_size > 1000


def test_labels_do_not_hide_each_other() -> None:
    labels = Labels(Canvas(600, 400), (0, 0, 600, 400))
    boxes = [labels.put((300 + 3 * math.cos(i), 200 + 3 * math.sin(i)), f"label {i}", 14, FAR) for i in range(8)]
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        assert x0 >= 0
        assert y0 >= 0
        assert x1 <= 600
        assert y1 <= 400
        for u0, v0, u1, v1 in boxes[:i]:
            assert min(x1, u1) <= max(x0, u0) or min(y1, v1) <= max(y0, v0)


def test_long_texts_end_in_dots() -> None:
    canvas = Canvas(100, 100)
    assert fitted_text(canvas, "short", 12, 90) == "short"
    cut = fitted_text(canvas, "much too long for so little room", 12, 90)
    assert cut.endswith("...")
    assert canvas.text_size(cut, 12)[0] <= 90
