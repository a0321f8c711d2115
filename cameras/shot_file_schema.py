"""What a shot file may hold. The description of each field says what is wanted there, also in error messages."""

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from .moves.manner import Easing

Point: TypeAlias = tuple[float, float, float] | str
"""A point in metres along the axes of the world, or the name of one of the file's places."""

_EASING = re.compile(
    r"(?P<both>in-out)(\s+(?P<both_s>\S+?)\s*s)?|(?P<in>in)(\s+(?P<in_s>\S+?)\s*s)?"
    r"(\s+(?P<then>out)(\s+(?P<then_s>\S+?)\s*s)?)?|(?P<out>out)(\s+(?P<out_s>\S+?)\s*s)?"
)
_JOIN = re.compile(r"blend\s+(?P<seconds>\S+?)\s*s?")
_LONGEST_S = 86400.0


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True, arbitrary_types_allowed=True
    )


class Join(_Strict):
    """How a shot follows the one before."""

    kind: Literal["cut", "continue", "blend"] = "cut"
    seconds: float = 0.0


def _seconds(text: str | None, otherwise: float) -> float:
    """Raises ValueError if the text is no number of seconds from 0 to a day."""
    value = otherwise if text is None else float(text)
    if not 0 <= value <= _LONGEST_S:
        raise ValueError(f"{value} s")
    return value


def _easing(value: object) -> object:
    if value == "linear":
        return Easing(0.0, 0.0)
    found = _EASING.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("no easing")
    usual = Easing()
    if found["both"]:
        both = _seconds(found["both_s"], usual.in_s)
        return Easing(both, both)
    end = _seconds(found["then_s"] or found["out_s"], usual.out_s) if found["then"] or found["out"] else 0.0
    return Easing(_seconds(found["in_s"], usual.in_s) if found["in"] else 0.0, end)


def _join(value: object) -> object:
    if value == "cut":
        return Join(kind="cut")
    if value == "continue":
        return Join(kind="continue")
    found = _JOIN.fullmatch(value) if isinstance(value, str) else None
    if found is None or not (seconds := _seconds(found["seconds"], 0.0)) > 0:
        raise ValueError("no join")
    return Join(kind="blend", seconds=seconds)


def _shake(value: object) -> Any:
    return {} if value is True else None if value is False else value


def _rising(band: tuple[float, float]) -> tuple[float, float]:
    """Raises ValueError unless the second is the larger."""
    if not band[0] < band[1]:
        raise ValueError("an empty band")
    return band


Seconds = Annotated[float, Field(gt=0, le=_LONGEST_S)]
Positive = Annotated[float, Field(gt=0)]
Roll = Annotated[float, Field(ge=-3600, le=3600)]
Rolls = Annotated[Roll | tuple[Roll, Roll] | None, Field(description="degrees clockwise, or two as in [0, 10]")]
Where = Annotated[Point | None, Field(description="a point [x, y, z] in metres or the name of a place")]
Heading = Annotated[float | None, Field(description="degrees: 0 along +y, 90 along +x")]
Tilt = Annotated[float | None, Field(ge=-90, le=90, description="degrees from -90 (down) to 90 (up)")]


class HandHeld(_Strict):
    """Unrest of the hand, as root mean squares; metres, degrees and hertz."""

    metres: Annotated[float, Field(ge=0, le=1, description="0 to 1 metres of unrest")] = 0.006
    degrees: Annotated[float, Field(ge=0, le=45, description="0 to 45 degrees of unrest")] = 0.25
    roll: Annotated[float, Field(ge=0, le=45, description="0 to 45 degrees of unrest of the horizon")] = 0.1
    hz: Annotated[
        tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(le=12)]],
        AfterValidator(_rising),
        Field(description="two rising frequencies [lowest, highest] above 0 and up to 12"),
    ] = (0.2, 3.0)
    seed: Annotated[int, Field(ge=0, le=2**63, description="a whole number from 0")] = 0


class Manners(_Strict):
    """What every shot may say, and the file's defaults."""

    lens: Annotated[
        Positive | tuple[Positive, Positive] | None,
        Field(description="a full-frame focal length in mm above 0, or two as in [24, 50] for a zoom"),
    ] = None
    focus: Annotated[
        Positive | tuple[Positive, Positive] | Literal["subject"] | None,
        Field(description='a distance in metres above 0, two as in [1, 4], or "subject"'),
    ] = None
    hand_held: Annotated[
        HandHeld | None,
        BeforeValidator(_shake),
        Field(description="true, false, or {metres, degrees, roll, hz, seed}"),
    ] = None


class Eased(Manners):
    easing: Annotated[
        Easing,
        BeforeValidator(_easing),
        Field(description='linear, in, out or in-out, if wished with a length as in "in-out 1.5 s"'),
    ] = Easing()


class Named(_Strict):
    name: Annotated[str, Field(description="a text")]
    seconds: Annotated[Seconds, Field(description="a length in seconds above 0 and up to a day")]
    join: Annotated[
        Join, BeforeValidator(_join), Field(description='cut, continue, or a length as in "blend 0.8 s"')
    ] = Join()


class Defaults(Eased):
    """What holds for all shots that do not say otherwise."""

    seconds: Annotated[Seconds | None, Field(description="a length in seconds above 0 and up to a day")] = None
    join: Annotated[
        Join, BeforeValidator(_join), Field(description='cut, continue, or a length as in "blend 0.8 s"')
    ] = Join()


class Standing(Named, Eased):
    """A shot that begins where the camera stands and looks."""

    from_: Annotated[
        Point | None, Field(alias="from", description="a point [x, y, z] in metres or the name of a place")
    ] = None
    subject: Where = None
    heading: Heading = None
    tilt: Tilt = None
    roll: Rolls = None


class Hold(Standing):
    kind: Literal["hold"]


class Line(Standing):
    """Dolly: forward. Truck: to the right. Pedestal: up."""

    kind: Literal["dolly", "truck", "pedestal"]
    distance: Annotated[float, Field(description="a distance in metres; below 0 is the other way")]


class Crane(Standing):
    kind: Literal["crane"]
    rise: Annotated[float, Field(description="a height in metres; below 0 is down")]
    distance: Annotated[float, Field(description="a distance forward in metres; below 0 is backward")] = 0.0


class Push(Standing):
    """Along the line to the subject; one of the two distances."""

    kind: Literal["push-in", "pull-out"]
    distance: Annotated[Positive | None, Field(description="a distance to fly in metres above 0")] = None
    end_distance: Annotated[Positive | None, Field(description="a distance from the subject in metres above 0")] = None


class DollyZoom(Standing):
    """Along the line to the subject; one of the two distances, or two lenses."""

    kind: Literal["dolly-zoom"]
    distance: Annotated[float | None, Field(description="a distance towards the subject in metres")] = None
    end_distance: Annotated[Positive | None, Field(description="a distance from the subject in metres above 0")] = None


class Pan(Standing):
    """One of angle and onto."""

    kind: Literal["pan", "whip"]
    angle: Annotated[float | None, Field(description="degrees to the right; below 0 is to the left")] = None
    onto: Where = None


class Turn(Standing):
    kind: Literal["tilt", "roll"]
    angle: Annotated[float, Field(description="degrees up (tilt) or clockwise (roll); below 0 is the other way")]


class Around(Standing):
    """The start is given by a point, or by radius, height and bearing."""

    angle: Annotated[float | None, Field(description="degrees clockwise seen from above; below 0 is the other way")] = (
        None
    )
    radius: Annotated[Positive | None, Field(description="a distance in metres above 0")] = None
    height: Annotated[float | None, Field(description="metres above the subject")] = None
    bearing: Annotated[
        float | None, Field(description="degrees: where the camera starts as seen from the subject, 0 along +y")
    ] = None


class Circle(Around):
    kind: Literal["arc", "orbit"]


class Spiral(Around):
    kind: Literal["spiral"]
    end_radius: Annotated[Positive | None, Field(description="a distance in metres above 0")] = None
    end_height: Annotated[float | None, Field(description="metres above the subject")] = None


class Follow(Named, Eased):
    kind: Literal["follow-capture"]
    views: Annotated[
        tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None,
        Field(description="the first and the last view, counted from 1, as in [1, 40]; [40, 1] flies backward"),
    ] = None
    smoothing: Annotated[float, Field(gt=0, description="metres along the way above 0")] = 0.5
    roll: Rolls = None
    level: Annotated[bool, Field(description="true or false")] = True


class Key(_Strict):
    """One key of a shot of keyframes."""

    at: Annotated[Point, Field(description="a point [x, y, z] in metres or the name of a place")]
    look_at: Where = None
    heading: Heading = None
    tilt: Tilt = None
    roll: Annotated[float, Field(ge=-3600, le=3600, description="degrees clockwise")] = 0.0
    lens: Annotated[Positive | None, Field(description="a full-frame focal length in mm above 0")] = None
    focus: Annotated[Positive | None, Field(description="a distance in metres above 0")] = None
    time: Annotated[float | None, Field(ge=0, description="seconds from the start of the shot, 0 or more")] = None
    stop: Annotated[float | None, Field(ge=0, description="seconds of rest, 0 or more")] = None


class Keyframes(Named, Eased):
    kind: Literal["keyframes"]
    keys: Annotated[tuple[Key, ...], Field(min_length=1, description="a list of keys, at least one")]
    subject: Where = None
    loop: Annotated[bool, Field(description="true or false")] = False
    overshoot: Annotated[bool | None, Field(description="true or false")] = None
    level: Annotated[
        bool | tuple[float, float, float] | None,
        Field(description="true, false, or the direction [x, y, z] that is up"),
    ] = None
    sampled: Annotated[bool, Field(description="true or false")] = False


StandingShot: TypeAlias = Hold | Line | Crane | Push | DollyZoom | Pan | Turn | Circle | Spiral
AnyShot: TypeAlias = StandingShot | Follow | Keyframes

MODELS: dict[str, type[AnyShot]] = {
    "hold": Hold,
    **dict.fromkeys(("dolly", "truck", "pedestal"), Line),
    "crane": Crane,
    **dict.fromkeys(("push-in", "pull-out"), Push),
    "dolly-zoom": DollyZoom,
    **dict.fromkeys(("pan", "whip"), Pan),
    **dict.fromkeys(("tilt", "roll"), Turn),
    **dict.fromkeys(("arc", "orbit"), Circle),
    "spiral": Spiral,
    "follow-capture": Follow,
    "keyframes": Keyframes,
}
"""The model of each kind of shot."""


class Content(_Strict):
    """The file itself; its shots are checked one by one."""

    places: Annotated[
        dict[str, tuple[float, float, float]], Field(description="names with points, as in door: [1.5, 2, 1]")
    ] = {}
    defaults: Annotated[dict[str, Any], Field(description="a mapping of what holds for all shots")] = {}
    shots: Annotated[tuple[Any, ...], Field(min_length=1, description="a list of shots, at least one")]
    note: Annotated[dict[str, JsonValue], Field(description="a mapping of anything")] = {}
