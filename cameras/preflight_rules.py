"""The rules of preflight: which limit each holds a path to, and in which unit people read it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .errors import SettingsError
from .limits import Limits

_DEG = math.degrees(1)


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: what people and JSON call it.
        field: of `Limits`.
        unit: in which it is shown.
        shown: how many of these units are one of the field's.
        what: in words.
        is_least: the limit is the least that is allowed; otherwise the most.
    """

    name: str
    field: str
    unit: str
    shown: float
    what: str
    is_least: bool = False

    def limit(self, limits: Limits) -> float:
        """In the field's own unit."""
        return float(getattr(limits, self.field))


RULES: tuple[Rule, ...] = (
    Rule("clearance", "clearance_m", "m", 1.0, "distance to surfaces and unknown space", is_least=True),
    Rule("near", "near_m", "m", 1.0, "depth of the nearest thing in the picture", is_least=True),
    Rule("speed", "speed_m_s", "m/s", 1.0, "speed"),
    Rule("acceleration", "acceleration_m_s2", "m/s2", 1.0, "acceleration"),
    Rule("jerk", "jerk_m_s3", "m/s3", 1.0, "jerk"),
    Rule("turn-rate", "turn_rate_rad_s", "deg/s", _DEG, "turn rate"),
    Rule("turn-acceleration", "turn_acceleration_rad_s2", "deg/s2", _DEG, "turn acceleration"),
    Rule("zoom-rate", "zoom_rate_per_s", "1/s", 1.0, "change of the focal length's logarithm"),
    Rule("roll", "roll_rad", "deg", _DEG, "turn of the horizon"),
    Rule("tilt", "tilt_rad", "deg", _DEG, "tilt, which makes verticals lean"),
    Rule("view-distance", "view_distance_m", "m", 1.0, "distance to the nearest captured view"),
    Rule("view-angle", "view_angle_rad", "deg", _DEG, "angle to the best captured view near by"),
    Rule("unseen", "unseen_share", "%", 100.0, "part of the picture that no photo saw, or that is empty"),
)
RULE_OF: Mapping[str, Rule] = {rule.name: rule for rule in RULES}


def limits_with(limits: Limits, changes: Sequence[str]) -> Limits:
    """Limits with some of them changed by texts such as ``speed=0.8``, in the units that people read.

    Raises:
        SettingsError: if a text is not that, or there is no such limit.
    """
    for text in changes:
        name, _, number = text.partition("=")
        rule = RULE_OF.get(name.strip())
        if rule is None:
            raise SettingsError(
                f"--limit should be one of {', '.join(RULE_OF)} with a number, such as speed=0.8, but is {text!r}."
            )
        try:
            value = float(number) / rule.shown
            if not 0 <= value < math.inf:
                raise ValueError
        except ValueError:
            raise SettingsError(
                f"--limit {rule.name} should have a number of {rule.unit} from 0 up, such as "
                f"{rule.name}={rule.limit(limits) * rule.shown:g}, but is {text!r}."
            ) from None
        limits = replace(limits, **{rule.field: value})
    return limits
