from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.errors import SettingsError
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.shot_list import Shot, ShotList

lengths = st.lists(st.floats(0.2, 5.0), min_size=1, max_size=4)
rates = st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)])


def still(x: float, seconds: float) -> CameraPath:
    return CameraPath((Keyframe((x, 0, 0), (1, 0, 0, 0), 1.0),), seconds)


def film(seconds: list[float]) -> ShotList:
    return ShotList(tuple(Shot(f"shot {i}", still(float(i), s)) for i, s in enumerate(seconds)))


@given(seconds=lengths, fps=rates)
def test_every_frame_belongs_to_the_shot_that_is_on(seconds: list[float], fps: Fraction) -> None:
    shots = film(seconds)
    cameras = shots.cameras(fps, 8, 8)
    assert len(cameras) == max(1, round(sum(map(Fraction, seconds)) * fps))
    ends = np.cumsum(seconds)
    for i, camera in enumerate(cameras):
        assert camera.time_s == pytest.approx(float(i / fps), abs=1e-9)
        number = int(camera.position_world[0])
        assert camera.time_s <= ends[number] + 1e-6
        assert camera.time_s >= ends[number] - seconds[number] - 1e-6


def test_a_shot_is_found_by_its_name_and_by_its_number() -> None:
    shots = film([1.0, 2.0, 3.0])
    assert shots.alone("2").shots[0].name == shots.alone("shot 1").shots[0].name == "shot 1"
    assert shots.alone("3").duration_s == 3.0
    for wanted, found in (("4", "there is none"), ("0", "there is none"), ("hall", "there is none")):
        with pytest.raises(
            SettingsError, match=rf"--shot should name one shot, but of '{wanted}' {found}; the path has 1"
        ):
            shots.alone(wanted)
    twins = ShotList((Shot("a", still(0, 1)), Shot("a", still(1, 1))))
    with pytest.raises(SettingsError, match="several shots have that name"):
        twins.alone("a")


def test_a_continued_shot_alone_is_a_film_of_its_own_but_never_comes_first() -> None:
    shots = ShotList((Shot("a", still(0, 1)), Shot("b", still(1, 1), is_continued=True)))
    assert not shots.alone("b").shots[0].is_continued
    with pytest.raises(ValueError, match="nothing before it"):
        ShotList(shots.shots[1:])
    with pytest.raises(ValueError, match="at least one shot"):
        ShotList(())
