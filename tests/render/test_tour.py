"""One command from a tiny posed capture to a film, its stages alone, and what both say of themselves."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import pytest

from render import cli
from render.stages import left_out_warnings

TINY = ("--size", "96x64", "--fps", "12", "--seconds", "1", "--iterations", "60", "--max-gaussians", "1500")
OFF = ("--refine", "off")


def tour(source: Path, output: Path, *options: str) -> int:
    return cli.main(["tour", str(source), "-o", str(output), *TINY, *(() if "--refine" in options else OFF), *options])


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def film(tiny_room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tour; tests read it and do not change it."""
    output = tmp_path_factory.mktemp("films") / "room.mp4"
    assert tour(tiny_room, output, "--progress", "plain") == 0
    return output


@pytest.fixture(scope="module")
def report(film: Path) -> Mapping[str, Any]:
    return json.loads(film.with_name("room.report.json").read_text(encoding="utf-8"))


def test_the_film_is_what_was_asked_for(film: Path) -> None:
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (96, 64)
        assert sum(1 for _ in container.decode(stream)) == 12
        assert "reconstruction from 14 photos" in container.metadata["comment"]
        assert "not refined" in container.metadata["comment"]


def test_the_job_folder_holds_every_result(film: Path) -> None:
    job = film.with_suffix(".flythrough")
    made = {
        "capture",
        "scene.ply",
        "path.json",
        "shots.yaml",
        "poster.png",
        "contact_sheet.png",
        "report.json",
        "manifest.json",
    }
    assert made <= {path.name for path in job.iterdir()}
    assert (job / "capture" / "transforms.json").is_file()
    assert list((job / "work").iterdir()) == []


def test_the_report_has_every_figure(report: Mapping[str, Any], film: Path) -> None:
    assert report == json.loads((film.with_suffix(".flythrough") / "report.json").read_text(encoding="utf-8"))
    assert report["capture"]["images"] == 14
    assert report["film"]["width"] == 96
    assert report["film"]["frames"] == 12
    assert set(report["seconds"]) == {"capture", "fit", "plan", "film"}
    assert report["seed"] == 0
    assert report["versions"]["flythrough"]
    assert report["path"]["figures"]["max_speed"] > 0
    assert report["held_out"]["psnr"] > 12
    assert 0 < report["held_out"]["ssim"] <= 1
    assert 0 <= report["held_out"]["flip"] < 1
    assert len(report["held_out"]["photos"]) == 1
    assert any("scale is not known" in text for text in report["assumptions"])


def test_a_second_run_does_nothing_again(tiny_room: Path, film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = film.read_bytes()
    assert tour(tiny_room, film, "--progress", "json") == 0
    said = events(capsys.readouterr().out)
    assert said[-1]["event"] == "done"
    assert said[-1]["film"] == str(film)
    assert all(stage["done"] for stage in said[0]["stages"] if stage["name"] != "report")
    assert [event["stage"] for event in said if event["event"] == "stage" and not event["was_done"]] == ["report"]
    assert not [event for event in said if event["event"] == "progress"]
    assert film.read_bytes() == before


def test_forcing_a_stage_redoes_it_and_gives_the_same_bytes(
    tiny_room: Path, film: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = film.read_bytes()
    assert tour(tiny_room, film, "--progress", "json", "--force", "plan") == 0
    said = events(capsys.readouterr().out)
    redone = [event["stage"] for event in said if event["event"] == "stage" and not event["was_done"]]
    assert redone == ["plan", "film", "report"]
    assert film.read_bytes() == before


def test_the_plan_is_said_first_and_the_results_last(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "room.mp4"
    assert tour(tiny_room, output, "--progress", "plain") == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].startswith("Found: 14")
    assert "64x48" in lines[0]
    assert any(line.startswith("Expected time: about") for line in lines)
    assert f"Film:          {output}" in lines
    assert "fit: " in captured.err


def test_changing_the_film_keeps_the_fit(tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "room.mp4"
    assert tour(tiny_room, output) == 0
    capsys.readouterr()
    assert tour(tiny_room, output, "--fps", "10", "--progress", "json") == 0
    said = events(capsys.readouterr().out)
    assert [e["stage"] for e in said if e["event"] == "stage" and e["was_done"]] == ["capture", "fit", "plan"]


def test_another_input_restarts_the_stages_and_says_so(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "room.mp4"
    assert tour(tiny_room, output) == 0
    before = output.read_bytes()
    shutil.copytree(tiny_room, tmp_path / "copy")
    capsys.readouterr()
    assert tour(tmp_path / "copy", output, "--progress", "json") == 0
    said = events(capsys.readouterr().out)
    assert f"was last used for {tiny_room}" in said[0]["text"]
    assert all(event["was_done"] for event in said if event["event"] == "stage" and event["stage"] != "report")
    (tmp_path / "copy" / "images" / "003.png").unlink()
    assert tour(tmp_path / "copy", output, "--progress", "json") == 0
    said = events(capsys.readouterr().out)
    assert not any(event["was_done"] for event in said if event["event"] == "stage")
    assert any("003.png" in event["text"] for event in said if event["event"] == "warning")
    assert output.read_bytes() != before


def test_the_stages_alone_make_the_same_film(tiny_room: Path, film: Path, tmp_path: Path) -> None:
    def run(*arguments: str | Path) -> None:
        assert cli.main([str(argument) for argument in arguments]) == 0

    run("capture", tiny_room, "-o", tmp_path / "room")
    run("fit", tmp_path / "room", "-o", tmp_path / "room.ply", "--iterations", "60", "--max-gaussians", "1500")
    plan = ("plan", tmp_path / "room.ply", "--capture", tmp_path / "room", "--seconds", "1", "--size", "96x64")
    run(*plan, "-o", tmp_path / "room.json")
    path = tmp_path / "room.json"
    run("render", tmp_path / "room.ply", "--path", path, "-o", tmp_path / "a.mp4", "--size", "96x64", "--fps", "12")
    assert path.read_bytes() == (film.with_suffix(".flythrough") / "path.json").read_bytes()
    assert frames(tmp_path / "a.mp4") == frames(film)


def frames(film: Path) -> list[bytes]:
    with av.open(str(film)) as container:
        return [frame.to_ndarray(format="rgb24").tobytes() for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("capture", "capture"),
        ("scene.ply", "splats"),
        ("path.json", "camera path"),
        ("report.json", "report"),
        ("", "job"),
    ],
)
def test_info_knows_everything_that_a_tour_makes(
    film: Path, file: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info", str(film.with_suffix(".flythrough") / file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == kind
    assert cli.main(["info", str(film.with_suffix(".flythrough") / file)]) == 0
    assert kind in capsys.readouterr().out


def test_photos_left_out_are_named() -> None:
    reasons = {f"{index}.jpg": "too few matches" for index in range(6)}
    assert left_out_warnings({"skipped": {"a.jpg": "is empty"}, "left_out": reasons, "photos": 60}) == [
        "1 of the photos could not be used (a.jpg: is empty).",
        "6 of the photos could not be placed (0.jpg: too few matches; 1.jpg: too few matches; 2.jpg: too few matches; "
        "3.jpg: too few matches; and 2 more, in the report).",
    ]


def test_nothing_is_written_into_the_input(tiny_room: Path, film: Path) -> None:
    assert sorted(path.name for path in tiny_room.iterdir()) == ["images", "points.ply", "transforms.json"]


def test_an_image_sequence_is_a_folder(tiny_room: Path, film: Path, tmp_path: Path) -> None:
    job = film.with_suffix(".flythrough")
    render = ["render", str(job / "scene.ply"), "--path", str(job / "path.json"), "-o", str(tmp_path / "frames")]
    assert cli.main([*render, "--size", "96x64", "--fps", "4", "--codec", "png"]) == 0
    assert len(list((tmp_path / "frames").glob("*.png"))) == 4
