import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cameras.errors import InputError
from cameras.formats.flythrough_json import WorldNote, read_path, read_path_and_world, write_path
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.shot_list import Shot, ShotList
from cameras.splines import LEAST_SAMPLES

finite = st.floats(-1e6, 1e6)
json_values = st.recursive(
    st.none() | st.booleans() | finite | st.text(), lambda x: st.lists(x, max_size=3), max_leaves=5
)


@st.composite
def paths(draw: st.DrawFn) -> CameraPath:
    n = draw(st.integers(1, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    timed, focused = draw(st.booleans()), draw(st.booleans())
    keys: list[Keyframe] = []
    for i in range(n):
        q = rng.normal(size=4)
        w, x, y, z = (float(v) for v in q / np.linalg.norm(q))
        place = (draw(finite), float(10 * i), draw(finite))
        keys.append(
            Keyframe(
                place, (w, x, y, z), draw(st.floats(0.01, 3.0)), 0.7 * i if timed else None, 2.5 if focused else None
            )
        )
    loop = draw(st.booleans())
    duration = 0.7 * (n - 1) + (1.0 if loop or n == 1 else 0.0) if timed else draw(st.floats(0.5, 100))
    up = draw(st.none() | st.just((0.0, 0.1, 0.99)))
    at = draw(st.none() | st.just((1e7, 0.0, 2.0)))
    ease, ease_out = draw(st.floats(0, duration / 2)), draw(st.none() | st.floats(0, 5))
    sampled = not loop and n >= LEAST_SAMPLES and draw(st.booleans())
    box = not sampled and draw(st.booleans())
    return CameraPath(tuple(keys), duration, loop, box, ease, up, at, ease_out, sampled)


@st.composite
def shot_lists(draw: st.DrawFn) -> ShotList:
    flown = draw(st.lists(paths(), min_size=1, max_size=3))
    shots = tuple(Shot(draw(st.text()), path, i > 0 and draw(st.booleans())) for i, path in enumerate(flown))
    return ShotList(shots, draw(st.dictionaries(st.text(), json_values, max_size=3)))


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=shot_lists(), up_known=st.booleans(), metres=st.none() | st.floats(1e-3, 1e3))
def test_a_path_survives_the_round_trip_exactly(
    path: ShotList, up_known: bool, metres: float | None, tmp_path: Path
) -> None:
    file = tmp_path / "path.json"
    write_path(path, file, WorldNote(up_known, metres))
    found, world = read_path_and_world(file)
    assert found == path
    assert world == WorldNote(up_known, metres)
    assert [entry.name for entry in tmp_path.iterdir()] == ["path.json"]


def key_at(x: float) -> dict[str, Any]:
    return {
        "position_world": [x, 0, 1.5],
        "quaternion_wxyz": [1, 0, 0, 0],
        "fov_y_rad": 1.0,
        "time_s": None,
        "focus_distance": None,
    }


def good() -> dict[str, Any]:
    return {
        "format": "flythrough-path",
        "version": 3,
        "world": {"up_known": True, "metres_per_unit": None},
        "shots": [
            {
                "name": "one",
                "is_continued": False,
                "duration_s": 2,
                "is_loop": False,
                "no_overshoot": False,
                "is_sampled": False,
                "ease_s": 0.5,
                "ease_out_s": None,
                "level_up_world": None,
                "look_at_world": None,
                "keyframes": [key_at(0), key_at(1)],
            }
        ],
        "note": {},
    }


def test_a_file_written_by_hand_is_read(tmp_path: Path) -> None:
    file = tmp_path / "path.json"
    file.write_text(json.dumps(good()))
    assert read_path(file).length == pytest.approx(1.0)


def change(*keys: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def apply(content: dict[str, Any]) -> None:
        place: Any = content
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return apply


BAD: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (change("speed", value=1), "wrong at speed: this key is unknown; remove it"),
    (
        change("shots", 0, "keyframes", 1, "roll", value=1),
        r"wrong at shots\.0\.keyframes\.1\.roll: this key is unknown",
    ),
    (lambda content: content["world"].pop("up_known"), r"wrong at world\.up_known: this key is missing; add it"),
    (change("shots", 0, "is_loop", value=1), r"wrong at shots\.0\.is_loop: .*boolean; correct the value"),
    (
        change("shots", 0, "keyframes", 0, "fov_y_rad", value="wide"),
        r"wrong at shots\.0\.keyframes\.0\.fov_y_rad: .*number",
    ),
    (
        change("shots", 0, "keyframes", 0, "quaternion_wxyz", value=[2, 0, 0, 0]),
        r"wrong at shots\.0\.keyframes\.0: quaternion_wxyz must be",
    ),
    (
        change("shots", 0, "keyframes", 1, "position_world", value=[0, 0]),
        r"wrong at shots\.0\.keyframes\.1\.position_world",
    ),
    (change("shots", 0, "keyframes", value=[]), r"wrong at shots\.0\.keyframes: "),
    (change("shots", 0, "duration_s", value=float("nan")), r"wrong at shots\.0\.duration_s: .*finite"),
    (change("world", "metres_per_unit", value=0), r"wrong at world\.metres_per_unit: .*greater than 0"),
    (change("shots", 0, "ease_s", value=-1.5), r"cannot be flown at shots\.0: ease_s must be finite"),
    (change("shots", 0, "ease_out_s", value=-1), r"cannot be flown at shots\.0: ease_out_s must be finite"),
    (change("shots", 0, "is_sampled", value=True), r"cannot be flown at shots\.0: a sampled path is no loop"),
    (change("version", value=1), "has version 1, and this flythrough reads version 3; update flythrough"),
    (change("shots", value=[]), "wrong at shots: "),
    (change("shots", 0, "is_continued", value=True), "cannot be flown: the first shot has nothing before it"),
    (change("shots", 0, "keyframes", 0, "focus_distance", value=1.0), "either all keyframes have a focus"),
    (change("format", value="other"), "is no flythrough path: its key"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD)
def test_a_bad_file_is_refused_with_its_place(
    spoil: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    content = good()
    spoil(content)
    file = tmp_path / "path.json"
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message) as caught:
        read_path(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_json_or_missing_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "path.json"
    with pytest.raises(InputError, match="cannot be read"):
        read_path(file)
    file.write_text('{"format": ')
    with pytest.raises(InputError, match="is no JSON"):
        read_path(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no JSON"):
        read_path(file)
    file.write_text("[1, 2]")
    with pytest.raises(InputError, match="is no flythrough path"):
        read_path(file)


def test_a_note_that_is_no_json_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    still = CameraPath((Keyframe((0, 0, 0), (1, 0, 0, 0), 1.0),), 3.0)
    path = ShotList((Shot("still", still),), {"array": np.zeros(2)})
    with pytest.raises(InputError, match="note of a path must be plain JSON"):
        write_path(path, tmp_path / "path.json")
    assert list(tmp_path.iterdir()) == []
