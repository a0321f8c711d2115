"""``flythrough report``: from a tiny finished tour to its page, with and without a refiner, and what it refuses."""

import json
import shutil
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.reporting import silent
from cameras.shot_list import Shot, ShotList
from render import cli
from render.frames import composite
from render.progress import Progress
from render.progress_sinks import open_progress
from render.quality_report import QualityReport
from render.quality_results import RefinerNote
from render.report_measures import FilmFrame, FilmSample, UsedRefiner, cuts, measure_film
from render.report_run import RefinerMaker, ReportRequest, run_report
from scenes.captures.capture import Capture
from scenes.scene import FloatImage, Scene

from .refine_worlds import Wall, camera

TINY = (
    "--quality",
    "draft",
    "--size",
    "96x64",
    "--fps",
    "12",
    "--seconds",
    "2",
    "--iterations",
    "30",
    "--max-gaussians",
    "1000",
)


@pytest.fixture(scope="module")
def tour(tiny_room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The job folder of a finished tour; tests change copies only."""
    output = tmp_path_factory.mktemp("films") / "room.mp4"
    assert cli.main(["tour", str(tiny_room), "-o", str(output), *TINY, "--progress", "plain"]) == 0
    return output.with_suffix(".flythrough")


@pytest.fixture
def job(tour: Path, tmp_path: Path) -> Path:
    """A copy of the finished tour's job."""
    return Path(shutil.copytree(tour, tmp_path / "room.flythrough"))


def report(job: Path, *options: str) -> int:
    return cli.main(["report", str(job), *options])


def edit(file: Path, change: dict[str, Any]) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **change}), encoding="utf-8")


def test_a_finished_tour_gets_its_page(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(job, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    page = job.with_suffix(".report.html").read_text(encoding="utf-8")
    assert printed == json.loads((job / "quality.json").read_text(encoding="utf-8"))
    found, said = QualityReport.from_json(printed), json.loads((job / "report.json").read_text(encoding="utf-8"))
    assert found.refiner is None
    assert found.title == "room"
    assert found.label == said["label"]
    assert [photo.name for photo in found.photos] == said["held_out"]["photos"]
    assert found.summary()["psnr"] == pytest.approx(said["held_out"]["psnr"], abs=1e-3)
    assert found.summary()["flip"] == pytest.approx(said["held_out"]["flip"], abs=1e-4)
    assert [gap.gap for gap in found.gaps] == [1, 10]
    assert all(0 < gap.warp_error < 0.2 and 0.05 < gap.compared <= 1 for gap in found.gaps)
    assert [frame.frame for frame in found.frames] == list(range(24))
    assert found.photos[0].name in page
    assert page.count("data:image/jpeg") == 3


def test_the_page_goes_where_it_is_asked_for(job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "how good.html"
    assert report(job, "-o", str(page), "--progress", "plain") == 0
    assert f"Report: {page}" in capsys.readouterr().out
    assert page.is_file()
    assert report(job, "-o", str(page), "--progress", "plain") == 0  # an earlier page is replaced


def test_the_same_job_gives_the_same_figures(job: Path) -> None:
    assert report(job, "--progress", "plain") == 0
    first = (job / "quality.json").read_bytes()
    assert report(job, "--progress", "plain") == 0
    assert (job / "quality.json").read_bytes() == first


def test_a_tour_without_held_out_photos_has_a_page_that_says_so(job: Path) -> None:
    manifest = json.loads((job / "manifest.json").read_text(encoding="utf-8"))
    manifest["stages"]["fit"]["figures"]["held_out"]["photos"] = []
    edit(job / "manifest.json", manifest)
    assert report(job, "--progress", "plain") == 0
    assert "No photo was held out" in job.with_suffix(".report.html").read_text(encoding="utf-8")
    assert QualityReport.from_json(json.loads((job / "quality.json").read_text(encoding="utf-8"))).gaps


def test_a_refined_film_whose_refiner_is_not_at_hand_is_not_passed_off_as_measured(job: Path) -> None:
    run(job, None)
    page = job.with_suffix(".report.html")
    assert "renders before that" not in page.read_text(encoding="utf-8")
    edit(job / "report.json", {"refine": {"used": True}})
    run(job, None)
    assert "renders before that" in page.read_text(encoding="utf-8")
    run(job, fake_refiner)
    assert "renders before that" not in page.read_text(encoding="utf-8")


def test_a_tour_whose_photos_are_gone_has_a_page_that_says_so(job: Path) -> None:
    for image in (job / "capture" / "images").iterdir():
        image.unlink()
    assert report(job, "--progress", "plain") == 0
    assert "cannot be read any more" in job.with_suffix(".report.html").read_text(encoding="utf-8")


def refused(capsys: pytest.CaptureFixture[str], job: Path, *options: str) -> str:
    capsys.readouterr()
    assert report(job, *options) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("Error: ")
    assert not job.with_suffix(".report.html").exists()
    return lines[-1]


def test_what_is_no_finished_tour_is_refused(
    job: Path, tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "nothing is there" in refused(capsys, tmp_path / "none")
    assert "is none; give the .flythrough folder" in refused(capsys, tiny_room)
    (job / "scene.ply").rename(job / "other.ply")
    assert "scene.ply is not there" in refused(capsys, job)
    (job / "other.ply").rename(job / "scene.ply")
    (job / "report.json").write_text("{", encoding="utf-8")
    assert "is damaged" in refused(capsys, job)
    (job / "report.json").unlink()
    assert "lacks its report.json" in refused(capsys, job)
    manifest = json.loads((job / "manifest.json").read_text(encoding="utf-8"))
    manifest["stages"].pop("film")
    edit(job / "manifest.json", manifest)
    assert "lacks a film" in refused(capsys, job)


def test_a_page_has_a_good_name_and_place(job: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ".html" in refused(capsys, job, "-o", str(tmp_path / "page.pdf"))
    assert "does not exist" in refused(capsys, job, "-o", str(tmp_path / "none" / "page.html"))
    (tmp_path / "mine.html").write_text("mine", encoding="utf-8")
    assert "something else is there" in refused(capsys, job, "-o", str(tmp_path / "mine.html"))


def fake_refiner(scene: Scene, capture: Capture, held_out: tuple[str, ...]) -> UsedRefiner:
    """Adds noise to each frame by itself, and a third of it to the film."""
    assert held_out
    assert set(held_out) < {image.name for image in capture.images}

    def photo(at: Camera) -> FloatImage:
        return np.clip(composite(scene.view(at)) + np.float32(0.1), 0, 1)

    def frames(cameras: Sequence[Camera], run: range) -> Iterator[FilmFrame]:
        for number, view in zip(run, scene.views([cameras[i] for i in run]), strict=True):
            noise = np.random.default_rng(number).normal(0, 0.06, view.rgb.shape).astype(np.float32)
            render, weak = composite(view), (noise / 3).astype(np.float32)
            yield FilmFrame(render + weak, render + noise, 0.4, 0.1, 0.5)

    return UsedRefiner(RefinerNote("fake", "Apache-2.0", seconds_per_frame=0.1), photo, frames)


def test_a_refiner_is_measured_beside_the_render(job: Path) -> None:
    plain = run(job, None)
    found = run(job, fake_refiner)
    assert [photo.render for photo in found.photos] == [photo.render for photo in plain.photos]
    assert all(photo.refined is not None and photo.refined.psnr < 25 for photo in found.photos)
    assert found.photos[0].refined_sharpness == pytest.approx(found.photos[0].sharpness, rel=0.1)
    assert [gap.warp_error for gap in found.gaps] == [gap.warp_error for gap in plain.gaps]
    for gap in found.gaps:
        assert gap.excess_ratio == pytest.approx(1 / 3, rel=0.05)
        assert gap.ratio is not None
        assert gap.ratio > 1
    assert found.frames[5].changed == 0.4
    page = job.with_suffix(".report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 5
    assert "excess ratio" in page


def run(job: Path, make_refiner: RefinerMaker | None) -> QualityReport:
    with open_progress("plain") as progress:
        assert isinstance(progress, Progress)
        return run_report(ReportRequest(job), progress, make_refiner=make_refiner)


def walk(*offsets: float, is_continued: bool = False) -> ShotList:
    """A shot of a second along the wall for each offset."""
    shots: list[Shot] = []
    for number, offset in enumerate(offsets):
        poses = [camera(x=offset + 0.05 * i).world_from_camera for i in range(2)]
        path = CameraPath(tuple(Keyframe.from_pose(pose, 0.7) for pose in poses), 1.0)
        shots.append(Shot(f"shot {number}", path, is_continued and number > 0))
    return ShotList(tuple(shots))


def measured(shots: ShotList, sample: FilmSample) -> tuple[list[int], list[float]]:
    """Numbers of the frames that have one before them, and the warp error of each gap."""
    gaps, frames = measure_film(Wall(), shots, Fraction(10), (96, 64), sample, None, silent)
    assert all(gap.refined_warp_error is None for gap in gaps)
    return [each.frame for each in frames if each.warp_error is not None], [gap.warp_error for gap in gaps]


def test_frames_on_two_sides_of_a_cut_are_not_compared() -> None:
    assert cuts(walk(0.0, 0.4), Fraction(10)) == {10}
    assert cuts(walk(0.0, 0.4, is_continued=True), Fraction(10)) == set()
    compared, _ = measured(walk(0.0, 0.4), FilmSample())
    assert compared == [i for i in range(20) if i not in (0, 10)]
    compared, errors = measured(walk(0.0, 0.05, is_continued=True), FilmSample())
    assert compared == list(range(1, 20))
    assert len(errors) == 2
    assert max(errors) < 0.02


def test_runs_of_frames_are_not_compared_with_each_other() -> None:
    sample = FilmSample(runs=3, frames=4)
    runs = sample.choose(20)
    compared, errors = measured(walk(0.0, 0.05, is_continued=True), sample)
    assert len(runs) == 3
    assert compared == [number for run in runs for number in run[1:]]
    assert len(errors) == 1  # no run is long enough for a gap of ten
