"""``flythrough plan``: a camera path through a job's scene, a splat file or a mesh."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from cameras.errors import SettingsError
from cameras.formats.flythrough_json import WorldNote, write_path
from cameras.limits import Limits
from cameras.tour import Place, TourWish, plan_tour
from scenes.formats.identify import identify_scene
from scenes.freespace import ScaleWish, open_job, open_splats, survey
from scenes.scale import parse_known_length, parse_metres

from . import requests
from .estimates import plan_seconds
from .planning import INTERIOR_MM, OUTDOOR_MM, PathChoice, Planned, lens_mm, lens_of, plan_capture, with_scale
from .progress import Plan, PlannedStage, Progress
from .shot_planning import Stage, plan_shots, write_as_shots

SHOT_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class PlanRequest:
    """What the user asked ``plan`` for, as typed. Fields are its options."""

    tour: bool = False
    shots: Path | None = None
    capture: Path | None = None
    seconds: float | None = None
    metres: float | None = None
    eye_height: str | None = None
    drone: bool = False
    start: str | None = None
    end: str | None = None
    loop: bool = False
    visit: tuple[str, ...] = ()
    look_at: tuple[str, ...] = ()
    stay_away: str = "0.3m"
    lens: float | None = None
    size: str = "1280x720"
    scale_from: str | None = None
    camera_height: str | None = None
    units: str | None = None
    up: str | None = None
    seed: int = 0

    def checked(self) -> PathChoice:
        """The same in numbers; places are in metres.

        Raises:
            SettingsError: on the first that makes no sense.
        """
        self._check_shots()
        width, height = requests.parse_size(self.size)
        requests.check_seed(self.seed)
        seconds = self.seconds
        if seconds is None and self.metres is None:
            seconds = 30.0
        if seconds is not None:
            requests.check_seconds(seconds)
        if self.lens is not None and not 8 <= self.lens <= 300:
            raise SettingsError(f"--lens should be a full-frame focal length of 8 to 300 mm, but is {self.lens:g}.")
        wish = TourWish(
            seconds=seconds,
            metres=self.metres,
            eye_height_m=None if self.eye_height is None else parse_metres(self.eye_height, "--eye-height"),
            is_drone=self.drone,
            start=None if self.start is None else parse_place(self.start, "--start"),
            end=None if self.end is None else parse_place(self.end, "--end"),
            is_loop=self.loop,
            visit=tuple(parse_place(text, "--visit") for text in self.visit),
            look_at=tuple(parse_place(text, "--look-at") for text in self.look_at),
            stay_away_m=parse_metres(self.stay_away, "--stay-away"),
            limits=Limits(),
        )
        scale = ScaleWish(
            None if self.scale_from is None else parse_known_length(self.scale_from),
            None if self.camera_height is None else parse_metres(self.camera_height, "--camera-height"),
            None if self.units is None else parse_metres(f"1{self.units}", "--units"),
        )
        return PathChoice(width, height, wish, scale, self.lens)

    def _check_shots(self) -> None:
        """Raises SettingsError if an option of tours is given with a list of shots."""
        if self.shots is None:
            return
        usual = PlanRequest()
        names = ("tour", "seconds", "metres", "eye_height", "drone", "start", "end", "loop", "visit", "look_at")
        for name in (*names, "stay_away"):
            if getattr(self, name) != getattr(usual, name):
                raise SettingsError(
                    f"--shots says all that is flown, but --{name.replace('_', '-')} of a tour was given too; leave "
                    "one of them out."
                )


def parse_place(text: str, option: str) -> Place:
    """``name=x,y,z`` or ``x,y,z``, in metres.

    Raises:
        SettingsError: if it is not that.
    """
    name, _, numbers = text.rpartition("=")
    try:
        x, y, z = (float(part) for part in numbers.split(","))
        if not all(map(math.isfinite, (x, y, z))):
            raise ValueError
    except ValueError:
        raise SettingsError(
            f"{option} should be a place in metres, such as kitchen=3.2,1.0,1.5 or 3.2,1.0,1.5, but is {text!r}."
        ) from None
    return Place(name.strip() or f"the place of {option}", (x, y, z))


def run_plan(source: Path, output: Path, asked: PlanRequest, progress: Progress) -> None:
    """Plans a path and writes it; nothing is left behind if that fails.

    Raises:
        FlythroughError: one sentence on what is wrong.
    """
    if output.suffix.lower() not in (".json", *SHOT_SUFFIXES):
        raise SettingsError(
            f"the output's name should end in .json for a path, or in .yaml for a list of shots, but is {output.name}; "
            "rename it."
        )
    requests.check_output_place(output, is_folder=False)
    requests.check_exists(source)
    if not (source / "manifest.json").is_file():  # a path may lie in the job that it belongs to
        requests.check_outside(output, source)
    choice = asked.checked()
    if asked.shots is not None:
        requests.check_exists(asked.shots)
        requests.check_outside(output, asked.shots)
    kind = identify_scene(source)
    what = "a tour" if asked.shots is None else f"the shots of {asked.shots}"
    stages = (PlannedStage("plan", f"survey the space and plan {what}", plan_seconds()),)
    progress.plan(Plan(f"a {kind}", stages, {"output": str(output)}))
    with progress.stage("plan"):
        planned = _planned(source, asked, choice, progress)
        if output.suffix.lower() in SHOT_SUFFIXES:
            write_as_shots(planned, output, lens_of(choice, INTERIOR_MM))
        else:
            write_path(planned.shots, output, planned.world)
    for text in planned.warnings:
        progress.warning(text)
    progress.done({"output": str(output), **planned.figures}, _lines(output, planned))


def _planned(source: Path, asked: PlanRequest, choice: PathChoice, progress: Progress) -> Planned:
    from .stages import film_lens

    kind = identify_scene(source)
    if asked.capture is not None and kind != "splat":
        raise SettingsError(f"--capture goes with a splat file, but {source} is a {kind}; leave it out.")
    if kind == "job" or asked.capture is not None:
        scene, capture = open_job(source) if asked.capture is None else open_splats(source, asked.capture)
        lens = film_lens(capture, choice.width, choice.height)
        if asked.shots is None:
            return plan_capture(scene, capture, choice, lens, seed=asked.seed, report=progress)
        stage = Stage.of_capture(scene, capture, choice.scale, progress)
        return plan_shots(asked.shots, stage, lens_of(choice, lens_mm(lens)))
    surveyed = survey(source, choice.scale, up_axis=asked.up, report=progress)
    lens = lens_of(choice, INTERIOR_MM if surveyed.space.is_interior else OUTDOOR_MM)
    if asked.shots is not None:
        return plan_shots(asked.shots, Stage(surveyed, None, WorldNote()), lens)
    wish = choice.wish
    if not surveyed.space.is_interior and wish.eye_height_m is None:
        wish = replace(wish, is_drone=True)
    shots = plan_tour(surveyed.space, lens, wish, seed=asked.seed)
    return with_scale(shots, surveyed, lens)


def _lines(output: Path, planned: Planned) -> list[str]:
    """The last lines on the screen."""
    figures = planned.figures
    lines = [f"Path:          {output}"]
    if figures.get("made_by") == "shots":
        lines.append(f"Shots:         {figures['shots']}, {figures['seconds']:.1f} s, {figures['length_m']:.1f} m")
    elif "length_m" in figures:
        lines.append(
            f"Tour:          {figures['seconds']:.1f} s, {figures['length_m']:.1f} m, {figures['views']} views"
        )
        lines.append(f"Shown:         {figures['shown']:.0%} of what can be shown well")
    if "smallest_clearance_m" in figures:
        lines.append(f"Clearance:     at least {figures['smallest_clearance_m']:.2f} m")
    if "scale_from" in figures:
        lines.append(f"Scale:         one unit is {figures['metres_per_unit']:.4g} m, from {figures['scale_from']}")
    return lines
