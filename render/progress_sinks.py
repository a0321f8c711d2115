"""The ways to draw progress: bars on a terminal, plain lines elsewhere, one JSON event a line for programs."""

import json
import math
import numbers
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO, Literal

from .progress import Plan, Progress, Sink, Tick

Mode = Literal["auto", "rich", "plain", "json"]
MODES = ("auto", "rich", "plain", "json")
FIGURES = {"psnr": "PSNR {:.1f} dB", "gaussians": "{:,} Gaussians", "ssim": "SSIM {:.3f}", "flip": "FLIP {:.3f}"}
PLAIN_STEP = 0.05
PLAIN_SECONDS = 5.0
JSON_SECONDS = 0.5


def open_progress(mode: str) -> Progress:
    """The progress that ``--progress`` asks for; ``auto`` is bars on a terminal and plain lines elsewhere."""
    if mode == "auto":
        mode = "rich" if sys.stderr.isatty() else "plain"
    if mode == "json":
        return Progress(JsonSink(sys.stdout))
    if mode == "plain":
        return Progress(PlainSink(sys.stdout, sys.stderr))
    from .progress_rich import RichSink

    return Progress(RichSink())


def time_text(seconds: float) -> str:
    """A duration for people: ``45 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def figures_text(figures: Mapping[str, object]) -> str:
    """Figures for people: ``PSNR 27.1 dB, 81,234 Gaussians``."""
    words: list[str] = []
    for name, value in figures.items():
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            continue
        shown = FIGURES.get(name)
        if shown is None:
            label = name.replace("_", " ")
            if isinstance(value, numbers.Integral) and not isinstance(value, bool):
                words.append(f"{label} {int(value):,}")
            elif isinstance(value, numbers.Real) and not isinstance(value, bool):
                words.append(f"{label} {float(value):.3g}")
            else:
                words.append(f"{label} {value}")
        else:
            words.append(shown.format(value))
    return ", ".join(words)


def plan_text(plan: Plan) -> list[str]:
    """The plan for people, a line each."""
    lines = [f"Found: {plan.found}"]
    lines += [f"{name[:1].upper()}{name[1:]}: {value}" for name, value in plan.facts.items()]
    lines.append("Stages:")
    for stage in plan.stages:
        when = "done already" if stage.done else f"about {time_text(stage.seconds)}"
        lines.append(f"  {stage.name:8} {stage.what} ({when})")
    lines.append(f"Expected time: about {time_text(sum(stage.seconds for stage in plan.stages))}")
    return lines


def jsonable(value: object) -> object:
    """The value as JSON can say it: numpy scalars become numbers, what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    return str(value)


class JsonSink(Sink):
    """One JSON event a line: plan, progress, stage, warning, done, error."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._last: tuple[str, str, float, float] = ("", "", -1.0, 0.0)

    def _event(self, event: str, **fields: object) -> None:
        self._out.write(json.dumps({"event": event, **{k: jsonable(v) for k, v in fields.items()}}) + "\n")
        self._out.flush()

    def plan(self, plan: Plan) -> None:
        stages = [{"name": s.name, "what": s.what, "seconds": s.seconds, "done": s.done} for s in plan.stages]
        self._event("plan", found=plan.found, stages=stages, **plan.facts)

    def tick(self, tick: Tick) -> None:
        stage, step, fraction, at = self._last
        same = (stage, step) == (tick.stage, tick.step)
        soon = time.monotonic() - at < JSON_SECONDS and tick.fraction - fraction < 0.01
        if same and soon and not (tick.fraction >= 1 > fraction):
            return
        self._last = (tick.stage, tick.step, tick.fraction, time.monotonic())
        self._event(
            "progress",
            stage=tick.stage,
            step=tick.step,
            fraction=round(tick.fraction, 4),
            seconds_left=tick.seconds_left,
            total_seconds_left=tick.total_seconds_left,
            figures=tick.figures,
        )

    def stage_done(self, stage: str, seconds: float, was_done: bool) -> None:
        self._event("stage", stage=stage, seconds=round(seconds, 3), was_done=was_done)

    def warning(self, text: str) -> None:
        self._event("warning", text=text)

    def done(self, results: Mapping[str, object], text: Sequence[str]) -> None:
        self._event("done", **results)

    def error(self, text: str) -> None:
        self._event("error", text=text)

    def close(self) -> None:
        """Nothing to undo."""


class PlainSink(Sink):
    """Lines: the plan and the results on ``out``, progress on ``err`` every few seconds or twentieth."""

    def __init__(self, out: IO[str], err: IO[str]) -> None:
        self._out, self._err = out, err
        self._step = ("", "")
        self._fraction = 0.0
        self._at = 0.0

    def _say(self, file: IO[str], line: str) -> None:
        file.write(line + "\n")
        file.flush()

    def plan(self, plan: Plan) -> None:
        for line in plan_text(plan):
            self._say(self._out, line)

    def tick(self, tick: Tick) -> None:
        now = time.monotonic()
        new = (tick.stage, tick.step) != self._step
        gained = tick.fraction - self._fraction
        due = now - self._at >= PLAIN_SECONDS or (gained >= PLAIN_STEP and now - self._at >= 1)
        if not (new or due or (tick.fraction >= 1 and gained > 0)):
            return
        self._step, self._fraction, self._at = (tick.stage, tick.step), tick.fraction, now
        self._say(self._err, tick_text(tick))

    def stage_done(self, stage: str, seconds: float, was_done: bool) -> None:
        how = "was done already" if was_done else f"done in {time_text(seconds)}"
        self._say(self._err, f"{stage}: {how}")

    def warning(self, text: str) -> None:
        self._say(self._err, f"Warning: {text}")

    def done(self, results: Mapping[str, object], text: Sequence[str]) -> None:
        for line in text:
            self._say(self._out, line)

    def error(self, text: str) -> None:
        """The command line prints errors."""

    def close(self) -> None:
        """Nothing to undo."""


def tick_text(tick: Tick) -> str:
    """One line: ``fit: 45 %, 32 s left (all: 2 min 10 s) - PSNR 27.1 dB, 81,234 Gaussians``."""
    name = tick.stage if tick.step == tick.stage else f"{tick.stage}, {tick.step}"
    line = f"{name}: {tick.fraction * 100:.0f} %"
    if tick.seconds_left is not None and tick.fraction < 1:
        line += f", {time_text(tick.seconds_left)} left"
        if tick.total_seconds_left is not None and tick.total_seconds_left > tick.seconds_left + 1:
            line += f" (all: {time_text(tick.total_seconds_left)})"
    figures = figures_text(tick.figures)
    return f"{line} - {figures}" if figures else line
