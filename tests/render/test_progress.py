"""Progress keeps the time and never fails; each sink says the same in its own way."""

import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.errors import InputError
from render.progress import Plan, PlannedStage, Progress, Tick
from render.progress_sinks import JsonSink, PlainSink, figures_text, jsonable, open_progress, plan_text, time_text

PLAN = Plan("60 photos", (PlannedStage("fit", "fit 10 steps", 100.0), PlannedStage("film", "30 frames", 50.0)))


class Ticks(PlainSink):
    """Keeps every tick."""

    def __init__(self) -> None:
        super().__init__(io.StringIO(), io.StringIO())
        self.ticks: list[Tick] = []

    def tick(self, tick: Tick) -> None:
        self.ticks.append(tick)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_time_left_is_exact_for_a_steady_step() -> None:
    sink, clock = Ticks(), Clock()
    progress = Progress(sink, clock)
    for step in range(11):
        clock.now = 2.0 * step
        progress("fit", step / 10, {})
    assert [t.seconds_left for t in sink.ticks[1:]] == pytest.approx([20 - 2 * s for s in range(1, 11)])


def test_a_continued_step_is_timed_from_where_it_continued() -> None:
    sink, clock = Ticks(), Clock()
    progress = Progress(sink, clock)
    progress("fit", 0.8, {})
    clock.now = 10.0
    progress("fit", 0.9, {})
    assert sink.ticks[-1].seconds_left == pytest.approx(10.0)


def test_the_total_counts_the_stages_to_come() -> None:
    sink, clock = Ticks(), Clock()
    progress = Progress(sink, clock)
    progress.plan(PLAN)
    with progress.stage("fit"):
        clock.now = 20.0
        progress("fit", 0.2, {})
        assert sink.ticks[-1].total_seconds_left == pytest.approx(80 + 50)
    with progress.stage("film"):
        progress("film", 0.0, {})
        assert sink.ticks[-1].total_seconds_left == pytest.approx(50)


@given(st.lists(st.floats(), max_size=8))
def test_odd_fractions_never_stop_the_work(fractions: list[float]) -> None:
    sink = Ticks()
    progress = Progress(sink, Clock())
    for fraction in fractions:
        progress("fit", fraction, {"psnr": math.nan})
    assert all(0 <= t.fraction <= 1 for t in sink.ticks)


def test_json_events_are_one_object_a_line_and_strict_json() -> None:
    out = io.StringIO()
    with Progress(JsonSink(out)) as progress:
        progress.plan(PLAN)
        with progress.stage("fit"):
            progress("fit", 0.5, {"psnr": np.float32(27.1), "gaussians": np.int64(5), "bad": math.inf})
        progress.warning("one photo was skipped")
        progress.done({"film": "a.mp4"}, ["Film: a.mp4"])
    events = [json.loads(line, parse_constant=pytest.fail) for line in out.getvalue().splitlines()]
    assert [e["event"] for e in events] == ["plan", "progress", "stage", "warning", "done"]
    assert events[1]["figures"] == {"psnr": pytest.approx(27.1), "gaussians": 5, "bad": None}
    assert events[0]["stages"][1] == {"name": "film", "what": "30 frames", "seconds": 50.0, "done": False}


def test_an_error_is_an_event_too() -> None:
    out = io.StringIO()
    with pytest.raises(InputError), Progress(JsonSink(out)):
        raise InputError("no photos")
    assert json.loads(out.getvalue()) == {"event": "error", "text": "no photos"}


def test_json_events_are_thinned_and_the_last_is_kept() -> None:
    out = io.StringIO()
    progress = Progress(JsonSink(out))
    for step in range(100_001):
        progress("fit", step / 100_000, {})
    fractions = [json.loads(line)["fraction"] for line in out.getvalue().splitlines()]
    assert len(fractions) <= 110
    assert fractions[-1] == 1.0


def test_plain_lines_are_few_and_readable() -> None:
    out, err = io.StringIO(), io.StringIO()
    progress = Progress(PlainSink(out, err))
    progress.plan(PLAN)
    with progress.stage("fit"):
        for step in range(1001):
            progress("fit", step / 1000, {"psnr": 27.12, "gaussians": 81234})
    lines = err.getvalue().splitlines()
    assert lines[0] == "fit: 0 % - PSNR 27.1 dB, 81,234 Gaussians"
    assert lines[-2].startswith("fit: 100 %")
    assert len(lines) < 10
    assert "Expected time: about 2 min 30 s" in out.getvalue()


def test_a_plan_says_what_is_done_already() -> None:
    plan = Plan("60 photos", (PlannedStage("fit", "fit 10 steps", 0.0, done=True),), {"output": "a.mp4"})
    assert plan_text(plan) == [
        "Found: 60 photos",
        "Output: a.mp4",
        "Stages:",
        "  fit      fit 10 steps (done already)",
        "Expected time: about 0 s",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (-3, "0 s")]
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_figures_are_for_people() -> None:
    figures = {"psnr": 27.123, "gaussians": 81234, "photo": "a.jpg", "loss": 0.01234, "step": 1200, "ssim": None}
    assert figures_text(figures) == "PSNR 27.1 dB, 81,234 Gaussians, photo a.jpg, loss 0.0123, step 1,200"


def test_what_json_cannot_say_becomes_text() -> None:
    assert jsonable({"a": (np.float64(1.5), {1}), "b": io}) == {"a": [1.5, [1]], "b": str(io)}


def test_bars_draw_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with open_progress("rich") as progress:
        progress.plan(PLAN)
        with progress.stage("fit"):
            progress("fit", 0.5, {"psnr": 27.1})
        with progress.stage("film", was_done=True):
            pass
        progress.done({}, ["Film: [a].mp4"])
    captured = capsys.readouterr()
    assert "Film: [a].mp4" in captured.out
    assert "film: was done already" in captured.err
