"""A tour whose frames are refined: what it leaves, what it says, and that it goes on and ends with the same bytes."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from cameras.errors import InputError
from cameras.reporting import silent
from render import cli
from render.refine.distill import DistillSettings
from render.refine.frames import RefinedFrame, RefinedFrames
from render.refine.guard import Gains
from render.refine.preparation import PreparationSettings, settings_for
from render.refine_film import frame_figures
from render.refine_stage import load_refinement
from render.stages import open_fitted, read_capture
from scenes.splats.scene import SplatScene

SHORT = PreparationSettings(folds=2, photo_passes=8.0, max_gaussians=1500, steps=0, distill=None)
TINY = ("--size", "96x64", "--fps", "12", "--seconds", "1", "--iterations", "60", "--max-gaussians", "1500")


def tour(source: Path, output: Path, *options: str) -> int:
    return cli.main(["tour", str(source), "-o", str(output), *TINY, "--progress", "json", *options])


@pytest.fixture(autouse=True, scope="module")
def quick_preparation() -> Iterator[None]:
    """Short fits of the folds; the steps of learning are those that were asked for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "render.refine_stage.settings_for", lambda choice: replace(SHORT, steps=settings_for(choice).steps)
        )
        yield


@contextmanager
def trusting_guard() -> Iterator[None]:
    """The guard keeps everything: what it decides is tested elsewhere, here what follows from it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("render.refine.preparation.calibrate", lambda *_, **__: Gains.all())
        yield


def refined_tour(source: Path, output: Path, *options: str) -> int:
    with trusting_guard():
        return tour(source, output, "--refine", "warp", "--refine-minutes", "0", *options)


@pytest.fixture(scope="module")
def film(tiny_room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished tour whose frames are refined; tests do not change it."""
    output = tmp_path_factory.mktemp("refined") / "room.mp4"
    assert refined_tour(tiny_room, output) == 0
    return output


@pytest.fixture(scope="module")
def report(film: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(film.with_name("room.report.json").read_text(encoding="utf-8"))
    return found


def frames(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_the_film_says_that_it_was_refined(film: Path, report: Mapping[str, Any]) -> None:
    refined = report["refine"]
    assert refined["used"]
    assert refined["refiner"] == "warp"
    assert refined["gains"]["kept"]["seen by 3 or more"] == {"low": 1.0, "high": 1.0}
    assert refined["held_out"]["after"] != refined["held_out"]["before"]
    assert "refined by a model (warp)" in report["label"]
    with av.open(str(film)) as container:
        assert container.metadata["comment"] == report["label"]
    shares = report["film"]["refined"]["per_frame"]
    assert len(shares["changed"]) == len(shares["generated"]) == 12
    assert 0 < np.mean(shares["changed"]) <= 1


def test_a_film_of_what_was_changed_lies_in_the_job(film: Path, report: Mapping[str, Any]) -> None:
    masks = frames(film.with_suffix(".flythrough") / "changed.mp4")
    assert masks.shape == (12, 64, 96, 3)
    shown = (masks.mean(axis=-1) > 60).mean(axis=(1, 2))
    np.testing.assert_allclose(shown, report["film"]["refined"]["per_frame"]["changed"], atol=0.12)


def test_the_same_again_is_done_already_and_off_makes_another_film(
    film: Path, tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job, again = tmp_path / "room.flythrough", tmp_path / "room.mp4"
    shutil.copytree(film.with_suffix(".flythrough"), job)
    assert tour(tiny_room, again, "--refine", "off") == 0
    said = json.loads(again.with_name("room.report.json").read_text(encoding="utf-8"))
    assert said["refine"] is None
    assert "not refined" in said["label"]
    assert again.read_bytes() != film.read_bytes()
    capsys.readouterr()


def test_another_run_ends_with_the_same_bytes(film: Path, tiny_room: Path, tmp_path: Path) -> None:
    assert refined_tour(tiny_room, tmp_path / "room.mp4") == 0
    assert (tmp_path / "room.mp4").read_bytes() == film.read_bytes()


def test_a_film_that_was_interrupted_ends_with_the_same_bytes(
    tiny_room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two and a half segments; the run is stopped in the second, in the middle of refining."""
    long = ("--seconds", "5")
    (tmp_path / "whole").mkdir()
    assert refined_tour(tiny_room, tmp_path / "whole" / "long.mp4", *long) == 0
    run, seen = RefinedFrames.run, list[int]()

    def stopped(self: RefinedFrames, numbers: range) -> Iterator[RefinedFrame]:
        for frame in run(self, numbers):
            seen.append(len(seen))
            if len(seen) == 33:
                raise KeyboardInterrupt
            yield frame

    with monkeypatch.context() as patch:
        patch.setattr(RefinedFrames, "run", stopped)
        assert refined_tour(tiny_room, tmp_path / "long.mp4", *long) == 130
    assert refined_tour(tiny_room, tmp_path / "long.mp4", *long) == 0
    assert (tmp_path / "long.mp4").read_bytes() == (tmp_path / "whole" / "long.mp4").read_bytes()
    found = json.loads((tmp_path / "long.report.json").read_text(encoding="utf-8"))
    assert len(found["film"]["refined"]["per_frame"]["changed"]) == 60


def test_render_uses_the_refiner_of_the_job_unless_told_otherwise(film: Path, tmp_path: Path) -> None:
    job = film.with_suffix(".flythrough")
    for how, wanted in (("on", "refined by a model"), ("off", "not refined")):
        output = tmp_path / f"{how}.mp4"
        options = ["--path", str(job / "path.json"), "--size", "96x64", "--fps", "12", "--refine", how]
        assert cli.main(["render", str(job), "-o", str(output), *options]) == 0
        with av.open(str(output)) as container:
            assert wanted in container.metadata["comment"]
    assert not np.array_equal(frames(tmp_path / "on.mp4"), frames(tmp_path / "off.mp4"))


def test_refining_with_nothing_to_refine_with_is_one_sentence(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = film.with_suffix(".flythrough")
    options = ["--path", str(job / "path.json"), "--refine", "on", "-o", str(tmp_path / "a.mp4")]
    assert cli.main(["render", str(job / "scene.ply"), *options]) == 2
    assert "needs a job whose tour prepared a refiner" in capsys.readouterr().err
    assert tour(tmp_path, tmp_path / "b.mp4", "--refine", "nobody") == 2
    assert "--refine should be one of auto, off" in capsys.readouterr().err


def test_a_model_that_is_not_there_or_may_not_be_sold_is_refused_before_the_work(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, missing = tmp_path / "a.mp4", tmp_path / "no model"
    assert tour(tiny_room, film, "--refine", "diffusers", "--refine-model", str(missing)) == 2
    assert str(missing) in capsys.readouterr().err
    assert tour(tiny_room, film, "--refine", "svd") == 2
    assert "needs a model; name its folder" in capsys.readouterr().err
    assert not film.with_suffix(".flythrough").exists()


def test_the_licence_is_shown_with_the_plan(film: Path, tiny_room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert refined_tour(tiny_room, film) == 0
    plan = json.loads(capsys.readouterr().out.splitlines()[0])
    assert "licence Apache-2.0" in json.dumps(plan)


def test_a_guard_that_keeps_nothing_is_said_aloud(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tour(tiny_room, tmp_path / "room.mp4", "--refine", "identity") == 0
    said = json.loads((tmp_path / "room.report.json").read_text(encoding="utf-8"))
    assert not said["refine"]["used"]
    assert "not refined" in said["label"]
    assert any("identity was not used, because" in text for text in said["warnings"])
    assert not (tmp_path / "room.flythrough" / "changed.mp4").exists()
    capsys.readouterr()


def test_the_embedded_model_learns_and_its_weights_are_kept(
    tiny_room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render.refine.preparation.FEWEST_TO_LEARN", 8)  # else it is used as it comes
    assert tour(tiny_room, tmp_path / "room.mp4", "--refine", "embedded", "--refine-minutes", "0.03") == 0
    said = json.loads((tmp_path / "room.report.json").read_text(encoding="utf-8"))
    assert said["refine"]["learnt"]["steps"] == said["refine"]["settings"]["steps"] > 0
    assert (tmp_path / "room.flythrough" / "refiner" / "learnt.safetensors").is_file()


def test_what_the_film_shows_is_the_scene_that_was_taught(
    film: Path, tiny_room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught = replace(SHORT, distill=DistillSettings(steps=6, most_views=4))
    monkeypatch.setattr("render.refine_stage.settings_for", lambda choice: taught)
    monkeypatch.setattr("render.refine.preparation.LEAST_GAIN_DB", -100.0)  # taught whatever comes of it
    monkeypatch.setattr("render.refine.preparation.MOST_WORSE", 1.0)
    assert refined_tour(tiny_room, tmp_path / "room.mp4") == 0
    said = json.loads((tmp_path / "room.report.json").read_text(encoding="utf-8"))
    assert said["refine"]["distilled"]["used"]
    assert said["refine"]["held_out"]["before"] != said["refine"]["held_out"]["after"]
    job = tmp_path / "room.flythrough"
    fitted = open_fitted(job / "scene.ply", "cpu")
    found = load_refinement(job / "refiner", read_capture(job / "capture"), fitted, "x", silent)
    assert found is not None
    assert isinstance(found.scene, SplatScene)
    kept = SplatScene.load(job / "refiner" / "scene.ply")
    np.testing.assert_array_equal(found.scene.gaussians.means, kept.gaussians.means)
    assert not np.array_equal(kept.gaussians.means, fitted.gaussians.means)
    assert found.scene.backend == "cpu"
    note = json.loads((job / "refiner" / "refiner.json").read_text(encoding="utf-8"))
    note["gains"]["kept"] = [[0, 0]] * 3  # nothing to be changed in the frames of the taught scene
    shutil.copytree(job / "refiner", tmp_path / "refiner")
    (tmp_path / "refiner" / "refiner.json").write_text(json.dumps(note), encoding="utf-8")
    assert load_refinement(tmp_path / "refiner", read_capture(job / "capture"), fitted, "x", silent) is not None
    assert not np.array_equal(frames(tmp_path / "room.mp4"), frames(film))


def test_a_damaged_refiner_is_one_sentence(film: Path, tmp_path: Path) -> None:
    job = film.with_suffix(".flythrough")
    shutil.copytree(job / "refiner", tmp_path / "refiner")
    (tmp_path / "refiner" / "refiner.json").write_text("{")
    scene = open_fitted(job / "scene.ply", "cpu")
    with pytest.raises(InputError, match=r"refiner\.json cannot be read; make it again with --force refine"):
        load_refinement(tmp_path / "refiner", read_capture(job / "capture"), scene, "x", silent)
    assert frame_figures(tmp_path) == []


def test_the_report_shows_photos_before_and_after(film: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert cli.main(["report", str(film.with_suffix(".flythrough")), "-o", str(page)]) == 0
    found = json.loads((film.with_suffix(".flythrough") / "quality.json").read_text(encoding="utf-8"))
    assert found["refiner"]["name"] == "warp"
    assert "warp" in page.read_text(encoding="utf-8")
