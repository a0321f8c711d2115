"""Posters and contact sheets show frames that are really in the film."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render.film import FilmSettings, encode_film
from render.poster import contact_sheet, detail, write_contact_sheet, write_poster
from scenes.scene import FloatImage

BUSY = 12


def _frames(numbers: range) -> Iterator[FloatImage]:
    """Grey frames that get brighter; one of them has a pattern."""
    for number in numbers:
        frame = np.full((64, 96, 3), 0.2 + 0.6 * number / 24, dtype=np.float32)
        if number == BUSY:
            frame[(np.indices((64, 96)) // 8).sum(axis=0) % 2 == 0] = (0.9, 0.3, 0.1)
        yield frame


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    encode_film(_frames, 25, FilmSettings(96, 64, Fraction(25)), folder / "work", folder / "film.mp4", content_key="")
    return folder / "film.mp4"


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_the_poster_is_the_frame_with_most_to_see(film: Path, tmp_path: Path, suffix: str) -> None:
    assert write_poster(film, tmp_path / f"poster{suffix}") == BUSY
    with Image.open(tmp_path / f"poster{suffix}") as poster:
        shown = np.asarray(poster, dtype=np.float32) / 255
    assert np.abs(shown - next(_frames(range(BUSY, BUSY + 1)))).mean() < 0.07


def test_the_contact_sheet_has_first_and_last(film: Path, tmp_path: Path) -> None:
    numbers = write_contact_sheet(film, tmp_path / "sheet.png", Fraction(25), n_pictures=6, columns=3, width=400)
    assert (numbers[0], numbers[-1], len(numbers)) == (0, 24, 6)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 400
        first, last = np.asarray(sheet)[20, 20], np.asarray(sheet)[sheet.height // 2 + 20, sheet.width - 40]
    assert abs(int(first[0]) - 51) < 4
    assert abs(int(last[0]) - 204) < 4


def test_a_sheet_of_one_picture_and_one_frame() -> None:
    sheet = contact_sheet([(np.zeros((10, 20, 3), np.uint8), "0.00 s")], columns=1, width=200)
    assert sheet.width == 200


def test_detail_prefers_a_room_to_a_wall() -> None:
    wall, room = (np.rint(255 * next(_frames(range(n, n + 1)))).astype(np.uint8) for n in (11, BUSY))
    assert detail(wall) == 0
    assert detail(room) > 5
