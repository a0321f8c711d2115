"""The quality report as data and as a page: what it shows, what it links to, what it must never do."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.errors import InputError, SettingsError
from render.manifest import write_json
from render.quality import Scores
from render.quality_curves import Curve, chart, nice_ticks
from render.quality_page import EMBEDDED_BYTES, page, picture_folder, write_page
from render.quality_page_tables import FIGURES, SHARPNESS
from render.quality_report import QualityReport
from render.quality_results import FrameResult, GapResult, PhotoResult, RefinerNote
from render.report_measures import FilmSample, jpeg

KINDS = ("photo", "render", "refined", "error", "refined_error")
NASTY = '<img src="http://evil.example/x" onerror=alert(1)> & "more"'
scores = st.builds(Scores, st.floats(5, 60) | st.just(math.inf), st.floats(0, 1), st.floats(0, 1))
maybe = st.none() | st.floats(0, 2)
photos = st.builds(PhotoResult, st.text(max_size=8), st.just(64), st.just(48), scores, st.none() | scores, maybe, maybe)
frames = st.builds(
    FrameResult, st.integers(0, 99), st.floats(0, 9), st.integers(0, 3), maybe, maybe, maybe, maybe, maybe
)
gaps = st.builds(GapResult, st.sampled_from([1, 10]), st.floats(0, 1), maybe, maybe, maybe, st.floats(0, 1))
notes = st.builds(RefinerNote, st.text(max_size=5), st.just("Apache-2.0"), st.sampled_from([True, False, None]))
reports = st.builds(
    QualityReport,
    st.text(max_size=9),
    st.text(max_size=9),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
    st.lists(photos, max_size=3).map(tuple),
    st.none() | st.just("there were too few"),
    st.lists(gaps, max_size=2).map(tuple),
    st.lists(frames, max_size=5).map(tuple),
    st.text(max_size=5),
    st.none() | notes,
)


def photo(name: str, before: float, after: float | None) -> PhotoResult:
    kinds = KINDS if after is not None else ("photo", "render", "error")
    refined, sharpness = (None, None) if after is None else (Scores(after, 0.9, 0.1), 0.7)
    names = {kind: f"{before}_{kind}.jpg" for kind in kinds}
    return PhotoResult(name, 64, 48, Scores(before, 0.8, 0.2), refined, 0.5, sharpness, names)


def full() -> QualityReport:
    film = tuple(FrameResult(i, i / 30, i // 4, 0.01, 0.012, 0.3, 0.0, 0.6) for i in range(8))
    return QualityReport(
        "room",
        "Made by flythrough from 20 photos.",
        {"Film": "96x64"},
        (photo("a.jpg", 24.0, 25.0), photo("b.jpg", 27.0, 26.5), photo("c.jpg", 22.0, 22.6)),
        None,
        (GapResult(1, 0.01, 0.012, 1.44, 0.4, 0.6), GapResult(10, 0.02, 0.021, 1.1, None, 0.5)),
        film,
        "Measured on 8 frames.",
        RefinerNote(
            "embedded", "Apache-2.0", True, {"hash": "ab12"}, {"high": 0.5}, 0.8, 170.0, {"warp": {"psnr": 24}}
        ),
    )


def pictures(report: QualityReport, size: int = 8) -> dict[str, bytes]:
    picture = np.random.default_rng(0).integers(0, 256, (size, size, 3)).astype(np.uint8)
    return {name: jpeg(picture) for each in report.photos for name in each.pictures.values()}


class Tags(HTMLParser):
    """All start tags of a page; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input", "br", "line", "circle", "polyline"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def shown(report: QualityReport) -> str:
    return page(report, lambda name: f"pictures/{name}")


@given(reports)
def test_a_report_survives_its_file(report: QualityReport) -> None:
    assert QualityReport.from_json(json.loads(json.dumps(report.to_json(), allow_nan=False))) == report


@given(reports)
def test_any_report_gives_a_page_whose_tags_are_closed(report: QualityReport) -> None:
    Tags(shown(report))


@pytest.mark.parametrize(
    "spoil",
    [
        {"format": "another"},
        {"version": 2},
        {"photos": [{"name": "a"}]},
        {"photos": 3},
        {"gaps": [{"gap": "one"}]},
        {"title": None},
    ],
)
def test_what_is_no_report_is_refused(spoil: dict[str, object]) -> None:
    with pytest.raises(InputError, match="flythrough report"):
        QualityReport.from_json({**full().to_json(), **spoil})


def test_the_worst_is_the_one_that_lost_most() -> None:
    report = full()
    assert report.worst is report.photos[1]
    unrefined = replace(report, photos=(photo("a.jpg", 24.0, None), photo("c.jpg", 22.0, None)), refiner=None)
    assert unrefined.worst is unrefined.photos[1]
    assert replace(report, photos=()).worst is None


def test_the_summary_is_of_all_photos() -> None:
    found = full().summary()
    assert found["psnr"] == pytest.approx((24 + 27 + 22) / 3)
    assert found["refined_psnr"] == pytest.approx((25 + 26.5 + 22.6) / 3)
    assert found["share_frames_worse"] == pytest.approx(1 / 3)
    assert found["warp_excess_ratio"] == 0.4
    assert found["warp_error_ratio"] == 1.44
    assert found["sharpness_ratio"] == pytest.approx(0.7)
    assert found["controls"] == {"warp": {"psnr": 24}}


def test_the_page_shows_every_photo_with_a_slider_and_marks_the_worst() -> None:
    text = shown(full())
    tags = Tags(text)
    sliders = [tag for tag in tags.all("input") if tag["type"] == "range"]
    assert len(sliders) == 3
    assert all(slider["aria-label"] for slider in sliders)
    assert len([tag for tag in tags.all("input") if tag["type"] == "radio"]) == 9
    assert [tag["src"] for tag in tags.all("img")][:5] == [
        f"pictures/24.0_{kind}.jpg" for kind in (*KINDS[1:3], *KINDS[:1], *KINDS[3:])
    ]
    assert all(tag["alt"] for tag in tags.all("img"))
    worst = re.findall(r'<tr class="worst">.*?</tr>', text)
    assert len(worst) == 1
    assert "b.jpg" in worst[0]
    assert "−0.50" in worst[0]
    ids = {tag["id"] for tag in tags.all("figure")}
    assert {str(tag["href"]) for tag in tags.all("a")} == {f"#{name}" for name in ids}
    assert text.count("<svg") == 3
    assert "Made by flythrough from 20 photos." in text
    assert "Apache-2.0 (films for customers allowed)" in text


def test_an_unrefined_film_has_no_words_about_refining() -> None:
    film = (FrameResult(0, 0.0, 0, 0.01), FrameResult(1, 0.1, 0, 0.02))
    plain = QualityReport("room", "", photos=(photo("a.jpg", 24.0, None),), gaps=(GapResult(1, 0.01),), frames=film)
    text = shown(plain).split("<main>")[1].split("</main>")[0]
    assert not re.search(r"refine|excess|was \d", text, re.IGNORECASE)
    assert [tag["type"] for tag in Tags(text).all("input")] == ["range"]


def test_without_held_out_photos_the_page_says_why() -> None:
    text = shown(QualityReport("room", "label", no_photos_because="There were too few."))
    assert "There were too few." in text
    assert Tags(text).all("img") == []


def test_names_and_labels_cannot_break_out_of_the_page() -> None:
    report = full()
    nasty = replace(
        report,
        title=NASTY,
        label=NASTY,
        facts={NASTY: NASTY},
        photos=(replace(report.photos[0], name=NASTY),),
        film_note=NASTY,
        refiner=replace(report.refiner or RefinerNote("", ""), name=NASTY, provenance={NASTY: [NASTY, {NASTY: 1}]}),
    )
    tags = Tags(shown(nasty))
    assert not [tag for _, tag in tags.found if "onerror" in tag]
    assert all(str(tag["src"]).startswith("pictures/") for tag in tags.all("img"))


def test_the_page_asks_the_network_for_nothing() -> None:
    text = shown(full())
    assert "://" not in text
    assert "@import" not in text
    policy = [tag["content"] for tag in Tags(text).all("meta") if tag.get("http-equiv") == "Content-Security-Policy"]
    assert str(policy[0]).startswith("default-src 'none'")


def test_few_pictures_lie_in_the_page_and_many_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    report, output = full(), tmp_path / "tour.html"
    made = pictures(report)
    assert sum(map(len, made.values())) < EMBEDDED_BYTES
    assert write_page(report, made, output) is None
    images = Tags(output.read_text(encoding="utf-8")).all("img")
    assert all(str(tag["src"]).startswith("data:image/jpeg;base64,") for tag in images)
    assert [path.name for path in tmp_path.iterdir()] == ["tour.html"]
    monkeypatch.setattr("render.quality_page.EMBEDDED_BYTES", 100)
    folder = write_page(report, made, output)
    assert folder == picture_folder(output)
    for tag in Tags(output.read_text(encoding="utf-8")).all("img"):
        with Image.open(tmp_path / str(tag["src"])) as image:
            assert image.format == "JPEG"
    monkeypatch.undo()
    assert write_page(report, made, output) is None
    assert [path.name for path in tmp_path.iterdir()] == ["tour.html"]


@pytest.mark.parametrize("place", ["tour.html", "tour_files/notes.txt", "tour_files"])
def test_nothing_of_anybody_else_is_touched(tmp_path: Path, place: str) -> None:
    other = tmp_path / place
    other.parent.mkdir(exist_ok=True)
    other.write_text("mine")
    with pytest.raises(SettingsError, match="choose another name with -o"):
        write_page(full(), pictures(full()), tmp_path / "tour.html")
    assert other.read_text() == "mine"


def test_pictures_are_reduced_but_never_enlarged() -> None:
    from PIL import Image

    for size, expected in ((30, 30), (1500, 1200)):
        with Image.open(BytesIO(jpeg(np.zeros((size, size // 2, 3), np.uint8)))) as image:
            assert image.size == (expected // 2, expected)


def test_colours_say_which_way_is_good() -> None:
    assert 'class="up">+1.00' in FIGURES["psnr"].change(24.0, 25.0)
    assert 'class="down">−1.00' in FIGURES["psnr"].change(25.0, 24.0)
    assert 'class="up">−0.100' in FIGURES["flip"].change(0.2, 0.1)
    assert 'class="same"' in FIGURES["psnr"].change(math.inf, math.inf)
    assert 'class="up"' in SHARPNESS.change(0.5, 0.9)
    assert 'class="down"' in SHARPNESS.change(0.9, 1.5)
    assert FIGURES["psnr"].change(24.0, None) == ""


@given(st.floats(1e-6, 1e6))
def test_ticks_reach_past_the_largest_value_and_no_further(largest: float) -> None:
    ticks = nice_ticks(largest)
    assert ticks[0] == 0
    assert ticks[-2] < largest <= ticks[-1] * (1 + 1e-6)
    assert 3 <= len(ticks) <= 6


@given(st.lists(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 300)), max_size=4), min_size=1, max_size=4))
def test_curves_stay_inside_their_chart(runs: list[list[tuple[float, float]]]) -> None:
    ordered = [sorted(run) for run in runs]
    text = chart("Title & more", "unit", [Curve("one", "after", ordered)])
    if not any(runs):
        assert text == ""
        return
    Tags(text)
    for points in re.findall(r'points="([^"]*)"', text):
        for pair in points.split():
            x, y = map(float, pair.split(","))
            assert 44 <= x <= 448.1
            assert 11.9 <= y <= 176.1


@given(st.integers(1, 5000), st.integers(1, 6), st.integers(1, 20))
def test_runs_lie_apart_inside_the_film(n_frames: int, runs: int, length: int) -> None:
    found = FilmSample(runs, length).choose(n_frames)
    assert all(0 <= run.start < run.stop <= n_frames for run in found)
    assert all(before.stop <= after.start for before, after in pairwise(found))
    assert sum(map(len, found)) == min(n_frames, runs * length)


def test_the_sample_is_never_larger_than_the_film() -> None:
    assert FilmSample().size(1280, 720) == (640, 360)
    assert FilmSample().size(720, 1280) == (360, 640)
    assert FilmSample().size(96, 64) == (96, 64)


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    write_json(tmp_path / "quality.json", full().to_json())
    content = json.loads((tmp_path / "quality.json").read_text(encoding="utf-8"))
    assert content["format"] == "flythrough quality"
    assert QualityReport.from_json(content) == full()
