"""Progress bars on a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from .progress import Plan, Sink, Tick
from .progress_sinks import figures_text, plan_text, time_text


class RichSink(Sink):
    """A bar a step on stderr, with the time left and the figures beside it; results on stdout."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def plan(self, plan: Plan) -> None:
        for line in plan_text(plan):
            self._console.print(escape(line))

    def tick(self, tick: Tick) -> None:
        key = (tick.stage, tick.step)
        if key not in self._tasks:
            name = tick.stage if tick.step == tick.stage else f"{tick.stage}, {tick.step}"
            self._tasks[key] = self._bars.add_task(escape(name), total=1.0, left="", figures="")
            self._bars.start()
        left = "" if tick.seconds_left is None or tick.fraction >= 1 else f"{time_text(tick.seconds_left)} left"
        if left and tick.total_seconds_left is not None and tick.total_seconds_left > (tick.seconds_left or 0) + 1:
            left += f" (all: {time_text(tick.total_seconds_left)})"
        figures = escape(figures_text(tick.figures))
        self._bars.update(self._tasks[key], completed=tick.fraction, left=left, figures=figures)

    def stage_done(self, stage: str, seconds: float, was_done: bool) -> None:
        if was_done:
            self._console.print(f"{escape(stage)}: was done already")

    def warning(self, text: str) -> None:
        self._console.print(f"Warning: {escape(text)}", style="yellow")

    def done(self, results: Mapping[str, object], text: Sequence[str]) -> None:
        self._bars.stop()
        console = Console(highlight=False)
        for line in text:
            console.print(escape(line), soft_wrap=True)

    def error(self, text: str) -> None:
        """The command line prints errors."""

    def close(self) -> None:
        self._bars.stop()
