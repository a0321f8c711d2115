"""The lens of a film follows the photos' lens."""

import math
from pathlib import Path

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from render.stages import LONGEST_MM, WIDEST_MM, film_lens, full_frame_mm
from scenes.captures.capture import Capture, CaptureImage, SparsePoints
from scenes.scene import World


def capture_of(lens: Intrinsics) -> Capture:
    image = CaptureImage("a", Path("a.jpg"), Camera(lens, Rigid.identity()))
    return Capture((image,), SparsePoints.empty(), World(np.zeros(3), np.ones(3)))


@pytest.mark.parametrize("fov_y_deg", [40.0, 50.0, 60.0])
def test_photos_of_the_same_shape_give_their_own_lens(fov_y_deg: float) -> None:
    photo = Intrinsics.from_fov(1600, 900, math.radians(fov_y_deg))
    film = film_lens(capture_of(photo), 1280, 720)
    assert film.fov_x_rad == pytest.approx(photo.fov_x_rad)
    assert film.fov_y_rad == pytest.approx(photo.fov_y_rad)


def test_upright_photos_give_a_wide_film_a_lens_between_theirs_and_one_inside_it() -> None:
    photo = Intrinsics(562, 1000, 716.0, 716.0, 281.0, 500.0)
    film = film_lens(capture_of(photo), 1280, 720)
    across = photo.fx * math.hypot(1280, 720) / math.hypot(562, 1000)
    assert photo.fov_x_rad < film.fov_x_rad < 2 * math.atan(640 / across)


@pytest.mark.parametrize(("fov_y_deg", "wanted"), [(110.0, WIDEST_MM), (15.0, LONGEST_MM)])
def test_extreme_lenses_are_not_followed(fov_y_deg: float, wanted: float) -> None:
    film = film_lens(capture_of(Intrinsics.from_fov(1600, 900, math.radians(fov_y_deg))), 1280, 720)
    assert full_frame_mm(film) == pytest.approx(wanted)
