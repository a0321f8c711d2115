"""Free keyframes: a smooth curve through places that a person wrote down, with stops where they are asked for."""

from dataclasses import dataclass, replace

import numpy as np

from ..arrays import TINY, Floats, norms
from ..keyframe import Keyframe
from ..path import CameraPath, eased_fraction
from ..rotations import look_rotation
from ..splines import Curve
from .manner import Easing, sampled

# A curve that keeps this part of its mean speed at every key may be flown without overshoot and without stopping.
_FLOWING = 0.5
_BISECTIONS = 50
_SAMPLES_PER_S = 30


@dataclass(frozen=True)
class Stop:
    """A rest at a keyframe: its number from 0, and how long it lasts in seconds, 0 or more."""

    key: int
    seconds: float


def through(path: CameraPath, overshoot: bool | None = None) -> CameraPath:
    """The path with its rule against overshoot decided.

    A curve that stays in the box of two neighbouring keys must come to rest at a key where it turns round in every
    direction, as at a right angle between two walls. So unless it is told, a path obeys the rule where it flows on at
    every key all the same, and flies a little wide of the box otherwise.

    Args:
        overshoot: None is as said above.
    """
    if overshoot is not None or len(path.keyframes) < 3 or path.is_sampled:
        return replace(path, no_overshoot=overshoot is False)
    return replace(path, no_overshoot=_flows(path))


def with_stops(path: CameraPath, stops: tuple[Stop, ...]) -> CameraPath:
    """An untimed open path at rest at some of its keyframes; between rests it speeds up and slows down by its eases.

    Raises:
        ValueError: if the path is timed or a loop, a key has two stops, or the rests take all the time.
    """
    if path.is_timed or path.is_loop or len(path.keyframes) < 2:
        raise ValueError("stops are for keys without times on an open path through at least two keys")
    easing = Easing(path.ease_s, path.ease_s if path.ease_out_s is None else path.ease_out_s)
    clock = _Clock.of(path.parts_at_keyframes, stops, path.duration_s, easing)
    even = replace(path, ease_s=0.0, ease_out_s=0.0)

    def at(times: Floats) -> Floats:
        return clock.part(times) * path.duration_s

    return sampled(
        path.duration_s,
        lambda times: (even.positions_world(at(times)), even.rotations(at(times))),
        lambda times: even.fovs_y_rad(at(times)),
        lambda times: even.focus_distances(at(times)),
        samples_per_s=_SAMPLES_PER_S,
        at_s=clock.times(path.parts_at_keyframes),
        level_up_world=path.level_up_world,
        look_at_world=path.look_at_world,
    )


def filled_times(keys: tuple[Keyframe, ...], seconds: float, is_loop: bool) -> tuple[Keyframe, ...]:
    """Keyframes of which some have times, with times for all: in between at constant speed along straight lines.

    Raises:
        ValueError: if the times that are there do not increase.
    """
    times = [key.time_s for key in keys]
    times[0] = 0.0 if times[0] is None else times[0]
    if times[-1] is None and not is_loop:
        times[-1] = seconds
    points = np.array([key.position_world for key in keys])
    if is_loop:
        points, times = np.concatenate([points, points[:1]]), [*times, seconds]
    known = [i for i, time in enumerate(times) if time is not None]
    values = [time for time in times if time is not None]
    if (np.diff(values) <= 0).any():
        raise ValueError(f"the times of keys must increase within the {seconds:g} s of the shot, got {values}")
    # A little for each key keeps keys at one place apart.
    steps = norms(np.diff(points, axis=0))[:, 0]
    way = np.concatenate([[0.0], np.cumsum(steps + 1e-3 * (steps.mean() if steps.any() else 1.0))])
    found = np.interp(way, way[known], values)
    exact = dict(zip(known, values, strict=True))
    return tuple(replace(key, time_s=exact.get(i, float(found[i]))) for i, key in enumerate(keys))


def looking_ahead(positions_world: Floats, up_world: Floats, is_loop: bool) -> Floats:
    """[n, 3, 3] level rotations that look along the way through places [n, 3], up and down left out.

    Raises:
        ValueError: where the way goes straight up or down, or nowhere.
    """
    if is_loop:
        ahead = np.roll(positions_world, -1, axis=0) - np.roll(positions_world, 1, axis=0)
    else:
        row = np.arange(len(positions_world))
        ahead = positions_world[np.minimum(row + 1, row[-1])] - positions_world[np.maximum(row - 1, 0)]
    ahead = ahead - np.outer(ahead @ up_world, up_world)
    if float(norms(ahead).min()) < 1e-9:
        raise ValueError("a key says nothing of where the camera looks, and the way through it has no direction")
    return look_rotation(ahead, up_world)


def _flows(path: CameraPath) -> bool:
    """Whether the curve without overshoot keeps its speed at every key."""
    points = np.array([key.position_world for key in path.keyframes])
    times = [key.time_s for key in path.keyframes if key.time_s is not None]
    if path.is_loop:
        points = np.concatenate([points, points[:1]])
    steps = norms(np.diff(points, axis=0))[:, 0]
    if not times and not steps.all():
        return False
    knots = np.array([*times, path.duration_s][: len(points)]) if times else np.append(0.0, np.cumsum(np.sqrt(steps)))
    curve = Curve(knots, points[:-1] if path.is_loop else points, closed=path.is_loop, no_overshoot=True)
    speeds = curve.speed(knots)
    return bool(speeds.min() >= _FLOWING * steps.sum() / (knots[-1] - knots[0]))


@dataclass(frozen=True, eq=False)
class _Clock:
    """Legs between rests: [k] when each begins, how long it is flown, what part of the way it is, its two eases."""

    starts_s: Floats
    lengths_s: Floats
    parts: Floats
    eases_s: Floats

    @classmethod
    def of(cls, parts_at_keys: Floats, stops: tuple[Stop, ...], seconds: float, easing: Easing) -> "_Clock":
        """One cruising speed for all legs; eases are shortened alike where a leg is too short for them."""
        rests = np.zeros(len(parts_at_keys))
        for stop in stops:
            rests[stop.key] = stop.seconds
        inner = sorted({stop.key for stop in stops} - {0, len(rests) - 1})
        if len({stop.key for stop in stops}) < len(stops):
            raise ValueError("a key has two stops")
        flying = seconds - float(rests.sum())
        if flying <= 0:
            raise ValueError(
                f"the stops last {rests.sum():g} s, which leaves no time to fly in a shot of {seconds:g} s"
            )
        parts = np.diff(parts_at_keys[[0, *inner, len(rests) - 1]])
        # A camera comes to a rest and leaves it softly, even in a shot that begins and ends at full speed.
        rest = max(easing.in_s, easing.out_s) or Easing().in_s
        eases = np.full((len(parts), 2), rest)
        eases[0, 0], eases[-1, 1] = easing.in_s or rest * (rests[0] > 0), easing.out_s or rest * (rests[-1] > 0)
        both = eases.sum(axis=1)
        eases = eases * min(1.0, float((2 * parts * flying / np.maximum(both + parts * both.sum(), TINY)).min()))
        lengths = parts * (flying - 0.5 * eases.sum()) + 0.5 * eases.sum(axis=1)
        starts = np.cumsum(rests[[0, *inner]]) + np.append(0.0, np.cumsum(lengths[:-1]))
        return cls(starts, lengths, parts, eases)

    def part(self, times: Floats) -> Floats:
        """[n] the part of the way flown at times [n]."""
        legs = zip(self.starts_s, self.lengths_s, self.parts, self.eases_s, strict=True)
        flown = [part * eased_fraction(times - start, length, *eases) for start, length, part, eases in legs]
        return np.asarray(np.clip(np.sum(flown, axis=0), 0.0, 1.0), dtype=np.float64)

    def times(self, parts: Floats) -> Floats:
        """[n] when parts [n] of the way are reached first."""
        low, high = np.zeros(len(parts)), np.full(len(parts), float(self.starts_s[-1] + self.lengths_s[-1]))
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            behind = self.part(middle) < parts - 1e-15
            low, high = np.where(behind, middle, low), np.where(behind, high, middle)
        return high
