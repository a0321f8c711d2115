"""Bad input ends in one sentence and code 2, with nothing half-written and nothing lost."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from render import cli, requests
from render.job import Job
from scenes.splats import engine

from .test_plan_command import splat_walls


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twenty readable photos without a pose; good enough for all checks that come before the long work."""
    from PIL import Image

    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(20):
        Image.fromarray(rng.integers(0, 255, (72, 96, 3), np.uint8)).save(folder / f"{index:02d}.jpg")
    return folder


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must be refused; returns the sentence, and checks that nothing was left behind."""

    def run(*arguments: str | Path) -> str:
        before = listing(tmp_path)
        code = cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr().err
        assert code == 2, said
        assert said.startswith("Error: ")
        assert said.count("\n") == 1, said
        assert listing(tmp_path) == before
        return said

    return run


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


def test_a_missing_input(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "nothing is there" in refused("tour", tmp_path / "nowhere", "-o", tmp_path / "a.mp4")


def test_an_empty_folder(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert "photos" in refused("tour", tmp_path / "photos", "-o", tmp_path / "a.mp4")


def test_a_folder_of_texts(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for index in range(5):
        (tmp_path / "texts" / f"{index}.txt").write_text("words", encoding="utf-8")
    assert "texts" in refused("tour", tmp_path / "texts", "-o", tmp_path / "a.mp4")


def test_too_few_photos(refused: Callable[..., str], photos: Path, tmp_path: Path) -> None:
    for index in range(2, 20):
        (photos / f"{index:02d}.jpg").unlink()
    assert "2" in refused("tour", photos, "-o", tmp_path / "a.mp4")


def test_photos_that_cannot_be_read(refused: Callable[..., str], photos: Path, tmp_path: Path) -> None:
    for file in photos.iterdir():
        file.write_bytes(file.read_bytes()[:300])
    refused("tour", photos, "-o", tmp_path / "a.mp4")


def test_a_truncated_video(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").write_bytes(b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(4000))
    assert "walk.mp4" in refused("tour", tmp_path / "walk.mp4", "-o", tmp_path / "a.mp4")


def test_a_file_of_no_known_kind(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "notes.docx").write_bytes(b"PK\3\4")
    assert "notes.docx" in refused("tour", tmp_path / "notes.docx", "-o", tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ('{"frames": []}', "posed images"),
        ('{"nothing": 1}', "frames"),
        ('{"fl_x": 40, "frames": [{"file_path": "a.png", "transform_matrix": [[NaN]]}]}', "finite"),
        ('{"fl_x": 40, "frames": [{"file_path": "../../a.png", "transform_matrix": []}]}', ""),
    ],
)
def test_broken_transforms(refused: Callable[..., str], tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "data" / "transforms.json"
    file.parent.mkdir()
    file.write_text(content, encoding="utf-8")
    assert said in refused("tour", file, "-o", tmp_path / "a.mp4")


def test_transforms_without_their_images(refused: Callable[..., str], tiny_room: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    content = json.loads((tiny_room / "transforms.json").read_text(encoding="utf-8"))
    del content["ply_file_path"]
    (tmp_path / "data" / "transforms.json").write_text(json.dumps(content), encoding="utf-8")
    assert "0 of 14" in refused("tour", tmp_path / "data" / "transforms.json", "-o", tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--size", "1280"], "WIDTHxHEIGHT"),
        (["--size", "1281x720"], "even size"),
        (["--size", "2x2"], "between 64 and"),
        (["--size", "99999x720"], "between 64 and"),
        (["--seconds", "0"], "--seconds"),
        (["--seconds", "nan"], "--seconds"),
        (["--seconds", "99999"], "--seconds"),
        (["--fps", "0"], "frame rate"),
        (["--fps", "often"], "--fps"),
        (["--fps", "1/0"], "--fps"),
        (["--codec", "divx"], "one of h264"),
        (["--codec", "prores"], ".mov"),
        (["--codec", "png"], "folder"),
        (["--engine", "nerf"], "one of splats"),
        (["--iterations", "0"], "--iterations"),
        (["--max-gaussians", "1"], "--max-gaussians"),
        (["--seed", "-1"], "--seed"),
        (["--force", "coffee"], "one of capture"),
    ],
)
def test_settings_that_make_no_sense(
    refused: Callable[..., str], photos: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    (tmp_path / "a.mp4").touch()
    assert said in refused("tour", photos, "-o", tmp_path / "a.mp4", *options)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("a.gif", "should end in .mp4"),
        ("nowhere/a.mp4", "does not exist"),
        ("folder.mp4", "is a folder"),
        ("photos/a.mp4", "inside the input folder"),
        ("film.mp4", "did not make"),
    ],
)
def test_outputs_that_cannot_be(
    refused: Callable[..., str], photos: Path, tmp_path: Path, output: str, said: str
) -> None:
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "film.mp4").write_bytes(b"the only copy of a wedding")
    assert said in refused("tour", photos, "-o", tmp_path / output)


def test_a_folder_that_may_not_be_written(
    refused: Callable[..., str], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: not mode & os.W_OK)
    assert "not writable" in refused("tour", photos, "-o", tmp_path / "a.mp4")


def test_a_disk_with_too_little_room(
    refused: Callable[..., str], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    monkeypatch.setattr(requests.shutil, "disk_usage", lambda place: SimpleNamespace(free=1_000_000))
    assert "GB of free disk" in refused("tour", photos, "-o", tmp_path / "a.mp4")


def test_a_job_folder_of_somebody_else(refused: Callable[..., str], photos: Path, tmp_path: Path) -> None:
    (tmp_path / "a.flythrough").mkdir()
    (tmp_path / "a.flythrough" / "thesis.txt").write_text("mine", encoding="utf-8")
    assert "holds other files" in refused("tour", photos, "-o", tmp_path / "a.mp4")


def test_a_job_folder_inside_the_input(refused: Callable[..., str], photos: Path, tmp_path: Path) -> None:
    assert "inside the input" in refused("tour", photos, "-o", tmp_path / "a.mp4", "--job", photos / "job")


def test_a_job_that_another_process_works_on(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = (
        "import sys, time; from pathlib import Path; from render.job import Job\n"
        "with Job(Path(sys.argv[1])): print('locked', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.flythrough")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"locked\n"
            assert cli.main(["tour", str(photos), "-o", str(tmp_path / "a.mp4")]) == 2
            assert f"process {holder.pid}" in capsys.readouterr().err
        finally:
            holder.kill()


def test_a_gpu_that_is_not_there(refused: Callable[..., str], photos: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert "cuda" in refused("tour", photos, "-o", tmp_path / "a.mp4", "--backend", "cuda").lower()


def test_fitting_needs_the_cpu_engine(
    refused: Callable[..., str], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "cpu_engine_trouble", lambda: "ImportError: no numba")
    said = refused("tour", str(photos), "-o", str(tmp_path / "film.mp4"))
    assert "cannot be compiled on this machine (ImportError: no numba)" in said
    assert "reinstall" in said


def test_a_scene_is_no_photos_whatever_its_name(refused: Callable[..., str], tmp_path: Path) -> None:
    splat_walls().save(tmp_path / "scene.mp4")
    for command, output in (("tour", "a.mp4"), ("fit", "a.ply")):
        said = refused(command, tmp_path / "scene.mp4", "-o", tmp_path / output)
        assert "is a splat already" in said
        assert "flythrough render" in said


@pytest.mark.parametrize(
    ("command", "options", "said"),
    [
        ("fit", {"-o": "scene.obj"}, ".ply"),
        ("plan", {"-o": "path.txt"}, ".json"),
        ("plan", {"-o": "path.json", "--seconds": "-1"}, "--seconds"),
        ("capture", {"-o": "file.txt"}, "is a file"),
        ("capture", {"-o": "full"}, "did not make"),
        ("render", {"-o": "a.mp4", "--path": "nowhere.json"}, "nothing is there"),
        ("render", {"-o": "a.mp4", "--path": "file.txt"}, "no JSON"),
    ],
)
def test_stages_alone_refuse_too(
    refused: Callable[..., str], photos: Path, tmp_path: Path, command: str, options: Mapping[str, str], said: str
) -> None:
    (tmp_path / "file.txt").write_text("words", encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine", encoding="utf-8")
    places = {key: str(tmp_path / value) if key != "--seconds" else value for key, value in options.items()}
    assert said in refused(command, photos, *(word for pair in places.items() for word in pair))


@pytest.mark.parametrize("name", ["nowhere", "broken.json", "broken.ply"])
def test_info_says_what_it_cannot_read(refused: Callable[..., str], tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "broken.ply").write_bytes(b"ply\nformat ascii 1.0\n")
    assert name in refused("info", tmp_path / name)


def test_a_locked_job_keeps_its_state(tmp_path: Path) -> None:
    with Job(tmp_path / "a.flythrough"):
        manifest = (tmp_path / "a.flythrough" / "manifest.json").read_bytes()
        assert cli.main(["tour", str(tmp_path / "nowhere"), "-o", str(tmp_path / "a.mp4")]) == 2
        assert (tmp_path / "a.flythrough" / "manifest.json").read_bytes() == manifest
