"""``flythrough preflight``: measures a path in a scene, draws what it found, and repairs what can be repaired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from cameras.camera import Camera
from cameras.errors import SettingsError
from cameras.formats.convert import read_flight
from cameras.formats.exchange import MAX_FPS, MAX_FRAMES
from cameras.formats.flythrough_json import WorldNote, write_path
from cameras.freespace import Mask
from cameras.limits import Limits
from cameras.preflight import Preflight, picture_cameras, preflight
from cameras.preflight_fix import fix_path
from cameras.preflight_rules import limits_with
from cameras.reporting import Report
from cameras.shot_list import ShotList
from scenes.formats.identify import identify_scene, open_scene
from scenes.freespace import ScaleWish, Surveyed, open_job, open_splats, survey, survey_capture
from scenes.scale import parse_known_length, parse_metres
from scenes.scene import Scene

from . import requests
from .planning import usual_limits

_EMPTY_ALPHA = 0.5


@dataclass(frozen=True)
class PreflightRequest:
    """What the user asked ``preflight`` for, as typed. Fields are its options."""

    capture: Path | None = None
    fps: str | None = None
    size: str | None = None
    limit: tuple[str, ...] = ()
    picture: Path | None = None
    fix: bool = False
    output: Path | None = None
    scale_from: str | None = None
    camera_height: str | None = None
    units: str | None = None
    up: str | None = None

    def scale(self, world: WorldNote) -> ScaleWish:
        """The scale as given, else as the path's file has it."""
        metres = None if self.units is None else parse_metres(f"1{self.units}", "--units")
        known = None if self.scale_from is None else parse_known_length(self.scale_from)
        height = None if self.camera_height is None else parse_metres(self.camera_height, "--camera-height")
        if metres is None and known is None and height is None:
            metres = world.metres_per_unit
        return ScaleWish(known, height, metres)


@dataclass(frozen=True, eq=False)
class Checked:
    """What was found.

    Attributes:
        found: of the path, or of the repaired one.
        before: of the path before its repair; None if it was not repaired.
        repairs: what was moved, one sentence each.
        output: the repaired path's file.
        scale: where the scale is from, in words.
    """

    found: Preflight
    scale: str
    before: Preflight | None = None
    repairs: tuple[str, ...] = ()
    output: Path | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str])

    def as_json(self) -> dict[str, object]:
        extra: dict[str, object] = {"scale_from": self.scale, **self.files}
        if self.before is not None:
            extra |= {"before": self.before.as_json(), "repairs": list(self.repairs)}
        return {**self.found.as_json(), **extra}


def run_preflight(source: Path, path: Path, asked: PreflightRequest, report: Report) -> Checked:
    """Measures, repairs if asked, and writes the picture and the repaired path.

    Raises:
        FlythroughError: one sentence on what is wrong.
    """
    output = _check(source, path, asked)
    limits_with(Limits(), asked.limit)  # said before the long work
    _, flight = read_flight(path)
    fps = requests.parse_fps(asked.fps) if asked.fps is not None else flight.fps or Fraction(30)
    _check_length(path, flight.shots.duration_s, fps)
    width, height = requests.parse_size(asked.size) if asked.size is not None else flight.size or (1280, 720)
    scene, surveyed = _survey(source, asked, flight.world, report)
    limits = limits_with(usual_limits(surveyed.space), asked.limit)
    measure = _Measure(scene, surveyed, limits, fps, width / height)
    found = measure(flight.shots, report)
    checked = Checked(found, _scale_text(asked, flight.world, measure.surveyed))
    if asked.fix and not found.passed:
        fixed, repairs = fix_path(found, measure.surveyed.space)
        back = fixed.moved(measure.surveyed.space_from_world.inverse())
        note = {**back.note, "repaired": list(repairs)}
        back = ShotList(back.shots, note)
        checked = Checked(measure(back, report), checked.scale, found, tuple(repairs), output, {"output": str(output)})
        write_path(back, output, flight.world)
    if asked.picture is not None:
        from .preflight_picture import write_preflight_picture

        write_preflight_picture(checked.found, measure.surveyed.space, asked.picture)
        files = {**checked.files, "picture": str(asked.picture)}
        checked = Checked(checked.found, checked.scale, checked.before, checked.repairs, checked.output, files)
    return checked


def _check_length(path: Path, seconds: float, fps: Fraction) -> None:
    """Raises SettingsError if a film would have no frames, or more than anybody has patience for."""
    if not 0 < fps <= MAX_FPS:
        raise SettingsError(f"--fps should be above 0 and at most {MAX_FPS}, but is {fps}; give another.")
    if seconds * fps > MAX_FRAMES:
        raise SettingsError(
            f"a path of at most {MAX_FRAMES:,} frames can be checked, but {path} has {seconds:g} s at {fps} frames a "
            "second; give a smaller --fps, or a shorter path."
        )


def _scale_text(asked: PreflightRequest, world: WorldNote, surveyed: Surveyed) -> str:
    """Where the scale is from, after "the scale is"."""
    if (asked.scale_from or asked.camera_height or asked.units) is None and world.metres_per_unit is not None:
        return "that of the path's file"
    return f"from {surveyed.scale_from}"


def _check(source: Path, path: Path, asked: PreflightRequest) -> Path:
    """The name of the repaired path, once all names are known to be good."""
    requests.check_exists(source)
    requests.check_exists(path)
    if asked.output is not None and not asked.fix:
        raise SettingsError(
            "--output goes with --fix, which writes the repaired path there; add --fix, or leave it out."
        )
    output = asked.output or path.with_name(f"{path.stem}.fixed.json")
    if asked.fix:
        requests.check_suffix(output, ".json")
        requests.check_output_place(output)
        requests.check_outside(output, path)
    if asked.picture is not None:
        requests.check_suffix(asked.picture, ".png")
        requests.check_output_place(asked.picture)
        requests.check_outside(asked.picture, path)
    return output


@dataclass(frozen=True, eq=False)
class _Measure:
    """A scene that paths are measured in.

    Attributes:
        scene: None for a mesh, whose space knows all that is to be seen.
    """

    scene: Scene | None
    surveyed: Surveyed
    limits: Limits
    fps: Fraction
    aspect: float

    def __call__(self, shots: ShotList, report: Report) -> Preflight:
        cameras = picture_cameras(shots, self.fps, self.aspect)
        empty = None if self.scene is None else _empty(self.scene, cameras, report)
        inside = shots.moved(self.surveyed.space_from_world)
        return preflight(inside, self.surveyed.space, self.limits, fps=self.fps, aspect=self.aspect, transparent=empty)


def _survey(source: Path, asked: PreflightRequest, world: WorldNote, report: Report) -> tuple[Scene | None, Surveyed]:
    kind, scale = identify_scene(source), asked.scale(world)
    if asked.capture is not None and kind != "splat":
        raise SettingsError(f"--capture goes with a splat file, but {source} is a {kind}; leave it out.")
    if kind == "job" or asked.capture is not None:
        scene, capture = open_job(source) if asked.capture is None else open_splats(source, asked.capture)
        return scene, survey_capture(scene, capture, scale, report)
    surveyed = survey(source, scale, up_axis=asked.up, report=report)
    return (open_scene(source) if kind == "splat" else None), surveyed


def _empty(scene: Scene, cameras: Sequence[Camera], report: Report) -> Mask:
    """[n, 27, 48] where a scene draws nothing."""
    found = [np.zeros((0, 27, 48), dtype=np.bool_)]
    for i, view in enumerate(scene.views(cameras)):
        found.append(view.alpha[None] < _EMPTY_ALPHA)
        if i % 20 == 0:
            report("pictures", (i + 1) / len(cameras), {"frames": i + 1})
    return np.concatenate(found)
