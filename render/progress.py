"""What a long step shows: its plan, how far it is, how long it still takes. Sinks draw it; here the time is kept."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from cameras.errors import FlythroughError


@dataclass(frozen=True)
class PlannedStage:
    """A stage in the plan.

    Attributes:
        name: of the stage.
        what: what it will do, for people.
        seconds: expected time, 0 if it is done already.
        done: it was done by an earlier run.
    """

    name: str
    what: str
    seconds: float
    done: bool = False


@dataclass(frozen=True)
class Plan:
    """What is going to happen, said before it happens: what was found, the stages, and where results will be."""

    found: str
    stages: Sequence[PlannedStage]
    facts: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class Tick:
    """How far the work is.

    Attributes:
        stage: of the plan.
        step: what is being done in it.
        fraction: of the step, in [0, 1].
        seconds_left: of the step, None while unknown.
        total_seconds_left: of everything that is planned, None while unknown.
        figures: what the step measures.
    """

    stage: str
    step: str
    fraction: float
    seconds_left: float | None
    total_seconds_left: float | None
    figures: Mapping[str, object]


class Sink(Protocol):
    """Draws progress: bars, lines or events."""

    def plan(self, plan: Plan) -> None: ...
    def tick(self, tick: Tick) -> None: ...
    def stage_done(self, stage: str, seconds: float, was_done: bool) -> None: ...
    def warning(self, text: str) -> None: ...
    def done(self, results: Mapping[str, object], text: Sequence[str]) -> None: ...
    def error(self, text: str) -> None: ...
    def close(self) -> None: ...


class Progress:
    """A ``cameras.reporting.Report`` that knows the plan, keeps the time and tells a sink.

    The time left of a step comes from the step's own rate since it began (or was continued); that of the later stages
    from the plan.
    """

    def __init__(self, sink: Sink, clock: Callable[[], float] = time.monotonic) -> None:
        self._sink = sink
        self._clock = clock
        self._plan: dict[str, float] = {}
        self._later: list[str] = []
        self._stage = ""
        self._stage_began = clock()
        self._step = ""
        self._step_began = clock()
        self._first_fraction = 0.0

    def plan(self, plan: Plan) -> None:
        """Says the plan, and keeps its times for what is left."""
        self._plan = {stage.name: stage.seconds for stage in plan.stages}
        self._later = [stage.name for stage in plan.stages]
        self._sink.plan(plan)

    @contextmanager
    def stage(self, name: str, was_done: bool = False) -> Iterator[None]:
        """Everything reported inside belongs to this stage."""
        self._stage, self._step, self._stage_began = name, "", self._clock()
        if name in self._later:
            self._later.remove(name)
        yield
        self._sink.stage_done(name, self._clock() - self._stage_began, was_done)

    def __call__(self, stage: str, fraction: float, figures: Mapping[str, object]) -> None:
        """Told by a long step how far it is; never fails on odd values."""
        fraction = min(1.0, max(0.0, fraction)) if math.isfinite(fraction) else 0.0
        now = self._clock()
        if stage != self._step:
            self._step, self._step_began, self._first_fraction = stage, now, fraction
        left = self._step_left(fraction, now)
        self._sink.tick(Tick(self._stage or stage, stage, fraction, left, self._total_left(left, now), figures))

    def _step_left(self, fraction: float, now: float) -> float | None:
        if fraction >= 1:
            return 0.0
        gained, elapsed = fraction - self._first_fraction, now - self._step_began
        if gained < 0.005 or elapsed < 0.5:
            return None
        return elapsed * (1 - fraction) / gained

    def _total_left(self, step_left: float | None, now: float) -> float | None:
        if not self._plan:
            return step_left
        planned = self._plan.get(self._stage, 0.0) - (now - self._stage_began)
        return max(planned, step_left or 0.0, 0.0) + sum(self._plan[name] for name in self._later)

    def warning(self, text: str) -> None:
        """Something that the user should know and that does not stop the work."""
        self._sink.warning(text)

    def done(self, results: Mapping[str, object], text: Sequence[str]) -> None:
        """The end: ``results`` for programs, ``text`` for people."""
        self._sink.done(results, text)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FlythroughError):
            self._sink.error(str(error))
        elif isinstance(error, KeyboardInterrupt):
            self._sink.error("Interrupted; run the same command again to continue.")
        elif error is not None:
            self._sink.error(f"{type(error).__name__}: {error}")
        self._sink.close()
