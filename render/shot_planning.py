"""Plans the shots of a shot file in a scene, and writes planned paths as shot files."""

from dataclasses import dataclass, replace
from pathlib import Path

from cameras.camera import Camera
from cameras.errors import InputError, SettingsError
from cameras.formats.flythrough_json import WorldNote
from cameras.intrinsics import Intrinsics
from cameras.reporting import Report, silent
from cameras.rigid import Rigid
from cameras.shot_compile import ShotContext, compile_shots
from cameras.shot_file import read_shot_file
from cameras.shot_file_write import write_shot_file
from cameras.shot_list import ShotList
from scenes.captures.capture import Capture
from scenes.freespace import ScaleWish, Surveyed, survey_capture
from scenes.scene import Scene

from .planning import Planned, sensor_height_mm, with_scale

# A tenth of a millimetre: more is hard to read.
_DECIMALS = 4


@dataclass(frozen=True, eq=False)
class Stage:
    """Where shots are flown.

    Attributes:
        surveyed: None where the photos leave no free space to measure.
        capture: None for a mesh or splats alone.
        world: what is known of the world if it was not surveyed.
        warnings: one sentence each.
    """

    surveyed: Surveyed | None
    capture: Capture | None
    world: WorldNote
    warnings: tuple[str, ...] = ()

    @classmethod
    def of_capture(cls, scene: Scene, capture: Capture, scale: ScaleWish, report: Report = silent) -> "Stage":
        """Of photos; where these show no room, their world as it is known."""
        world = WorldNote(capture.world.up_known, capture.world.metres_per_unit)
        try:
            return cls(survey_capture(scene, capture, scale, report), capture, world)
        except (InputError, SettingsError) as error:
            if scale != ScaleWish():
                raise
            why = f"The space was not surveyed ({str(error).split(';')[0]}), so no distance to it was checked"
            unit = ", and one unit is taken to be a metre." if world.metres_per_unit is None else "."
            return cls(None, capture, world, (why + unit,))

    @property
    def turn(self) -> Rigid:
        """From the scene's own world to that in which shots are written: of the space, whose +z is up."""
        return Rigid.identity() if self.surveyed is None else self.surveyed.space_from_world

    @property
    def metres_per_unit(self) -> float:
        known = self.world.metres_per_unit if self.surveyed is None else self.surveyed.space.metres_per_unit
        return known or 1.0

    def context(self, lens: Intrinsics) -> ShotContext:
        """What a shot file leaves open."""
        images = () if self.capture is None else [image for image in self.capture.images if not image.is_generated]
        cameras = [_moved(image.camera, self.turn) for image in images]
        up_known = self.surveyed is not None or self.world.up_known
        sensor = sensor_height_mm(lens.width, lens.height)
        return ShotContext(cameras, self.metres_per_unit, up_known, lens.fov_y_rad, sensor)


def plan_shots(file: Path, stage: Stage, lens: Intrinsics) -> Planned:
    """The shots of a file, with a sentence on each limit that they break.

    Raises:
        InputError: if the file is no such thing, or a shot cannot be flown; the message has its line.
    """
    shots = compile_shots(read_shot_file(file), stage.context(lens))
    if stage.surveyed is None:
        figures = _figures(shots, stage.metres_per_unit)
        return Planned(shots, stage.world, figures, None, stage.warnings)
    made = ShotList(shots.shots, {**shots.note, **_figures(shots, stage.metres_per_unit)})
    planned = with_scale(made, stage.surveyed, lens)
    return replace(planned, warnings=(*stage.warnings, *planned.warnings))


def write_as_shots(planned: Planned, file: Path, lens: Intrinsics) -> None:
    """Writes a plan as a shot file, in metres along the axes in which `plan_shots` reads it."""
    write_shot_file(
        planned.shots.moved(planned.space_from_world),
        file,
        metres_per_unit=planned.world.metres_per_unit or 1.0,
        up_known=planned.space is not None or planned.world.up_known,
        sensor_height_mm=sensor_height_mm(lens.width, lens.height),
        decimals=_DECIMALS,
    )


def _figures(shots: ShotList, metres: float) -> dict[str, object]:
    return {
        "made_by": "shots",
        "seconds": shots.duration_s,
        "length_m": round(shots.length * metres, 3),
        "shots": len(shots.shots),
    }


def _moved(camera: Camera, turn: Rigid) -> Camera:
    return replace(camera, world_from_camera=turn @ camera.world_from_camera)
