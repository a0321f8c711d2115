"""Laws of the job folder: done once, redone when anything that decides the result changes, never half-published."""

import json
import multiprocessing
import os
import subprocess
import sys
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.errors import InputError, SettingsError
from render.fingerprint import content_digest
from render.job import Job, Made, Stage, publish
from render.manifest import canonical_json, digest_of, read_manifest, write_json


class Counter:
    """A stage's work that counts how often it is done."""

    def __init__(self, text: str = "made") -> None:
        self.text = text
        self.runs = 0

    def __call__(self, work: Path) -> Made:
        self.runs += 1
        (work / "result").write_text(self.text, encoding="utf-8")
        return Made({"result": work / "result"}, {"runs": self.runs})


def stage(folder: Path, **changes: object) -> Stage:
    fields: dict[str, object] = {"name": "fit", "settings": {"steps": 3}, "inputs": {"photos": "ab"}, "seed": 0}
    return Stage(**{**fields, "outputs": {"result": folder / "result.txt"}, **changes})  # pyright: ignore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "film.flythrough"


def test_a_stage_is_done_once(folder: Path) -> None:
    work = Counter()
    for _ in range(2):
        with Job(folder) as job:
            job.run(stage(folder), work)
    with Job(folder) as job:
        record = job.run(stage(folder), work)
    assert work.runs == 1
    assert record.figures == {"runs": 1}
    assert record.versions["flythrough"]
    assert (folder / "result.txt").read_text(encoding="utf-8") == "made"
    assert list((folder / "work").iterdir()) == []


@pytest.mark.parametrize(
    "change", [{"settings": {"steps": 4}}, {"inputs": {"photos": "cd"}}, {"seed": 1}, {"revision": 2}]
)
def test_a_stage_is_redone_when_what_decides_it_changes(folder: Path, change: dict[str, object]) -> None:
    work = Counter()
    with Job(folder) as job:
        job.run(stage(folder), work)
        job.run(stage(folder, **change), work)
    assert work.runs == 2


def test_a_stage_is_redone_when_its_output_was_lost_or_changed(folder: Path) -> None:
    work = Counter()
    with Job(folder) as job:
        job.run(stage(folder), work)
        (folder / "result.txt").unlink()
        job.run(stage(folder), work)
        (folder / "result.txt").write_text("not what was made", encoding="utf-8")
        job.run(stage(folder), work)
    assert work.runs == 3


def test_forgotten_stages_start_again(folder: Path) -> None:
    work = Counter()
    with Job(folder) as job:
        job.run(stage(folder), work)
        job.forget(["fit"])
        assert not job.is_done(stage(folder))
        job.run(stage(folder), work)
    assert work.runs == 2


def test_an_interrupted_stage_continues_in_its_work_folder(folder: Path) -> None:
    def interrupted(work: Path) -> Made:
        (work / "half").write_text("half", encoding="utf-8")
        raise KeyboardInterrupt

    def continued(work: Path) -> Made:
        assert (work / "half").read_text(encoding="utf-8") == "half"
        return Made({"result": work / "half"})

    with pytest.raises(KeyboardInterrupt), Job(folder) as job:
        job.run(stage(folder), interrupted)
    assert not (folder / "result.txt").exists()
    with Job(folder) as job:
        assert job.run(stage(folder), continued).resumed


def test_work_of_other_settings_is_not_continued(folder: Path) -> None:
    def interrupted(work: Path) -> Made:
        (work / "half").write_text("half", encoding="utf-8")
        raise KeyboardInterrupt

    def fresh(work: Path) -> Made:
        assert list(work.iterdir()) == []
        return Counter()(work)

    with pytest.raises(KeyboardInterrupt), Job(folder) as job:
        job.run(stage(folder), interrupted)
    with Job(folder) as job:
        job.run(stage(folder, seed=7), fresh)


def test_publishing_replaces_folders_whole(tmp_path: Path) -> None:
    for name, inside in (("new", "a"), ("old", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / inside).write_text(inside, encoding="utf-8")
    publish(tmp_path / "new", tmp_path / "old")
    assert [p.name for p in (tmp_path / "old").iterdir()] == ["a"]
    assert not (tmp_path / "new").exists()


def _hold(folder: str, ready: Event, stop: Event) -> None:
    with Job(Path(folder)):
        ready.set()
        stop.wait(30)


def test_two_runs_at_once_are_refused_and_a_dead_one_is_not_waited_for(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(folder), ready, stop))
    holder.start()
    try:
        assert ready.wait(30)
        with pytest.raises(SettingsError, match=f"process {holder.pid}"), Job(folder):
            pass
    finally:
        holder.kill()
        holder.join()
    with Job(folder) as job:
        assert job.run(stage(folder), Counter()).figures == {"runs": 1}


def test_a_folder_of_somebody_else_is_refused_and_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match="holds other files"), Job(folder):
        pass
    assert [p.name for p in folder.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(folder: Path) -> None:
    folder.write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match="but is a file"), Job(folder):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": "other", "version": 1}'])
def test_a_damaged_manifest_is_named(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="damaged or of another program"), Job(folder):
        pass


def test_a_newer_manifest_is_refused(folder: Path) -> None:
    with Job(folder):
        pass
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    write_json(folder / "manifest.json", {**content, "version": 99})
    with pytest.raises(InputError, match="newer flythrough"):
        read_manifest(folder / "manifest.json")


def test_the_manifest_survives_a_round_trip(folder: Path) -> None:
    with Job(folder, "photos") as job:
        job.run(stage(folder), Counter())
    again = read_manifest(folder / "manifest.json")
    assert again == job.manifest
    assert again.stages["fit"].outputs["result"][0] == "result.txt"


@given(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4) | st.booleans(), max_size=5))
def test_digests_do_not_depend_on_order(value: dict[str, object]) -> None:
    turned = dict(reversed(list(value.items())))
    assert digest_of(value) == digest_of(turned)
    assert json.loads(canonical_json(value)) == value


def test_a_content_digest_sees_names_and_bytes_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.jpg").write_bytes(b"a")
    before = content_digest(folder)
    os.utime(folder / "sub" / "a.jpg", (0, 0))
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / "tour.flythrough").mkdir()
    (folder / "tour.flythrough" / "x").write_bytes(b"x")
    (folder / "tour.mp4").write_bytes(b"film")
    assert content_digest(folder, ignore=[folder / "tour.mp4"]) == before
    (folder / "sub" / "a.jpg").rename(folder / "sub" / "b.jpg")
    assert content_digest(folder, ignore=[folder / "tour.mp4"]) != before


def test_a_kill_between_publishing_and_the_manifest_makes_the_stage_again(folder: Path) -> None:
    script = f"""
import os, sys
from pathlib import Path
from render import job as jobs
folder = Path({str(folder)!r})
real = jobs.publish
def publish_and_die(made, destination):
    real(made, destination)
    os.kill(os.getpid(), 9)
jobs.publish = publish_and_die
def make(work):
    (work / "result").write_text("made", encoding="utf-8")
    return jobs.Made({{"result": work / "result"}})
with jobs.Job(folder) as job:
    job.run(jobs.Stage("fit", {{"steps": 3}}, {{"photos": "ab"}}, 0, {{"result": folder / "result.txt"}}), make)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with Job(folder) as job:
        assert not job.is_done(stage(folder))
        work = Counter()
        job.run(stage(folder), work)
        assert work.runs == 1
        assert job.is_done(stage(folder))
