"""The flight in its plan view: photos, view cones, the path in the colours of its margins, and what labels say."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cameras.arrays import Floats
from cameras.freespace import FreeSpace, Mask
from cameras.preflight import Preflight, Track

from .preflight_canvas import BEYOND, FAR, INK, NEAR, PAPER, Canvas, Color, Point, nice_step, short_number
from .preflight_picture_labels import Labels, around

PHOTO: Color = (104, 134, 168)
CONE: Color = (40, 110, 190)
# Of a limit: less is left than this where the line turns from the colour of far to that of near.
NEAR_MARGIN = 0.1
_SAMPLES_PER_S, _MOST_SAMPLES = 20.0, 6000
_CONE_S, _MOST_CONES, _CONE_M = 2.0, 60, 0.55
_LEAST_CONE_PX, _MOST_CONE_PX = 22.0, 60.0
# Cones as near to another, and turned as little from it, are left out.
_LIKE_PX, _LIKE_COS = 14.0, math.cos(math.radians(15))
_ARROW_M, _LEAST_ARROW_PX, _LONE_ARROW_PX = 2.0, 75.0, 36.0
_MOST_SECONDS, _MOST_NAMES, _LONGEST_NAME = 14, 60, 28
_SAME_PLACE_PX, _PATH_COST, _PHOTO_COST = 9.0, 40.0, 5.0
# Shorter pieces would make the edges of thick lines rough.
_PIECE_PX = 3.0
# An arrowhead so near a tick steps aside so far.
_TICK_PX, _STEP_ASIDE_PX = 13.0, 17.0

Place = Callable[[Floats], Point]


@dataclass(frozen=True, eq=False)
class Flown:
    """A film's camera at even times, ends among them.

    Attributes:
        time_s: [n].
        places_world: [n, 3].
        headings_world: [n, 2] horizontal parts of the viewing directions.
        fovs_x_rad: [n].
        is_joined: [n - 1] whether the film goes on from one to the next without a cut.
    """

    time_s: Floats
    places_world: Floats
    headings_world: Floats
    fovs_x_rad: Floats
    is_joined: Mask

    @classmethod
    def of(cls, found: Preflight) -> "Flown":
        count = int(np.clip(_SAMPLES_PER_S * found.shots.duration_s, 2, _MOST_SAMPLES))
        return cls.at(found, np.linspace(0, found.shots.duration_s, count))

    @classmethod
    def at(cls, found: Preflight, times: Floats) -> "Flown":
        """At any times of a film."""
        numbers, starts = found.shots.shot_numbers(times), found.shots.starts_s
        places, headings, fovs = np.empty((len(times), 3)), np.empty((len(times), 2)), np.empty(len(times))
        for number, shot in enumerate(found.shots.shots):
            mine = numbers == number
            at = times[mine] - starts[number]
            places[mine] = shot.path.positions_world(at)
            headings[mine] = shot.path.rotations(at)[:, :2, 2]
            fovs[mine] = 2 * np.arctan(found.aspect * np.tan(0.5 * shot.path.fovs_y_rad(at)))
        goes_on = np.array([shot.is_continued for shot in found.shots.shots])
        joined = (numbers[1:] == numbers[:-1]) | goes_on[numbers[1:]]
        return cls(times, places, headings, fovs, joined)


def draw_flight(
    canvas: Canvas, found: Preflight, space: FreeSpace, flown: Flown, at: Place, labels: Labels, pixels_per_m: float
) -> None:
    """Draws all that flies.

    Args:
        at: the pixel of a place.
        labels: to which this one's are added.
    """
    _draw_photos(canvas, space, at)
    points = [at(place) for place in flown.places_world]
    _draw_cones(canvas, found, flown, at, pixels_per_m)
    _draw_path(canvas, found, flown, points)
    ticks = _ticks(found, flown)
    ways = _draw_arrows(canvas, flown, points, pixels_per_m, list(ticks.values()))
    even = np.unique(np.concatenate([[0], np.searchsorted(ways, np.arange(0, ways[-1], 5.0))]))
    labels.keep_free([points[int(i)] for i in even], _PATH_COST)
    labels.keep_free([at(place) for place in space.views_position_world], _PHOTO_COST)
    _draw_shots(canvas, found, flown, at, labels)
    _draw_ticks(canvas, flown, points, ticks, labels)


def line_colors(found: Preflight, times_s: Floats) -> list[Color]:
    """The colour of each piece of the path between two of these times, which rise evenly."""
    margins, broken = found.margins(times_s), broken_pieces(found, times_s)
    worst = np.minimum(margins[1:], margins[:-1])
    return [
        BEYOND if is_broken else NEAR if margin < NEAR_MARGIN else FAR
        for is_broken, margin in zip(broken, worst, strict=True)
    ]


def broken_pieces(found: Preflight, times_s: Floats) -> Mask:
    """[n - 1] whether any limit is broken between two of these times."""
    middles = 0.5 * (times_s[1:] + times_s[:-1])
    pieces = np.zeros(len(middles), dtype=np.bool_)
    for track in found.tracks.values():
        pieces |= np.interp(middles, track.time_s, track.broken.astype(np.float64)) > 0.5
        rows = np.searchsorted(times_s, track.time_s[track.broken], side="right") - 1
        pieces[np.clip(rows, 0, len(middles) - 1)] = True
    return pieces


def _draw_photos(canvas: Canvas, space: FreeSpace, at: Place) -> None:
    for position, forward in zip(space.views_position_world, space.views_forward_world, strict=True):
        (x, y), (u, v) = at(position), at(position + forward)
        way = math.hypot(u - x, v - y)
        flat = min(1.0, float(np.linalg.norm(forward[:2])))
        canvas.circle((x, y), 2.0, PHOTO)
        if way > 1e-6:
            long = 9.0 * flat / way
            canvas.line([(x, y), (x + (u - x) * long, y + (v - y) * long)], PHOTO, 1.2)


def _draw_cones(canvas: Canvas, found: Preflight, flown: Flown, at: Place, pixels_per_m: float) -> None:
    seconds = max(_CONE_S, found.shots.duration_s / _MOST_CONES)
    radius = float(np.clip(_CONE_M * pixels_per_m, _LEAST_CONE_PX, _MOST_CONE_PX)) / pixels_per_m
    drawn: list[tuple[Point, float]] = []
    for time in np.arange(0, found.shots.duration_s, seconds):
        i = int(np.searchsorted(flown.time_s, time))
        place, (u, v), half = flown.places_world[i, :2], flown.headings_world[i], 0.5 * float(flown.fovs_x_rad[i])
        if math.hypot(u, v) < 0.05:
            continue  # straight up or down
        here, ahead = at(place), at(place + 1e-3 * np.array([u, v]) / math.hypot(u, v))
        angle = math.atan2(ahead[1] - here[1], ahead[0] - here[0])
        if any(math.dist(here, p) < _LIKE_PX and math.cos(angle - a) > _LIKE_COS for p, a in drawn):
            continue
        drawn.append((here, angle))
        far = radius * pixels_per_m
        arc = [(here[0] + far * math.cos(a), here[1] + far * math.sin(a)) for a in _spread(angle, half)]
        canvas.polygon([here, *arc], CONE, alpha=24)
        canvas.line([arc[0], here, arc[-1]], CONE, 0.8, alpha=90)


def _spread(angle: float, half: float) -> list[float]:
    return [float(a) for a in np.linspace(angle - half, angle + half, 13)]


def _draw_path(canvas: Canvas, found: Preflight, flown: Flown, points: list[Point]) -> None:
    """Each stretch in its colour, none across a cut; broken ones thicker and on top, all on a light rim."""
    colors = line_colors(found, flown.time_s)
    stretches: list[tuple[Color, list[Point]]] = []
    for i, color in enumerate(colors):
        if not flown.is_joined[i]:
            continue
        if i and stretches and flown.is_joined[i - 1] and stretches[-1][0] == color:
            stretches[-1][1].append(points[i + 1])
        else:
            stretches.append((color, [points[i], points[i + 1]]))
    stretches = [(color, _thinned(stretch)) for color, stretch in stretches]
    for color, stretch in stretches:
        canvas.line(stretch, PAPER, _width(color) + 3)
    for wanted in (FAR, NEAR, BEYOND):
        for color, stretch in stretches:
            if color == wanted:
                canvas.line(stretch, color, _width(color))


def _thinned(points: list[Point]) -> list[Point]:
    """The first, the last, and those between that are not too near the one before."""
    kept = [points[0]]
    for point in points[1:-1]:
        if math.dist(point, kept[-1]) >= _PIECE_PX:
            kept.append(point)
    if len(kept) > 1 and math.dist(points[-1], kept[-1]) < _PIECE_PX:
        kept.pop()
    return [*kept, points[-1]]


def _width(color: Color) -> float:
    return 5.5 if color == BEYOND else 3.2


def _ticks(found: Preflight, flown: Flown) -> dict[float, int]:
    """Samples at round seconds of the film."""
    step = max(1.0, nice_step(found.shots.duration_s, _MOST_SECONDS))
    seconds = np.arange(step, found.shots.duration_s - 0.4 * step, step)
    return {float(second): int(np.searchsorted(flown.time_s, second)) for second in seconds}


def _draw_arrows(canvas: Canvas, flown: Flown, points: list[Point], pixels_per_m: float, ticks: list[int]) -> Floats:
    """Arrowheads along each shot; returns [n] the pixels that are flown until each sample."""
    steps = np.linalg.norm(np.diff(np.array(points), axis=0), axis=1)
    ways = np.concatenate([[0.0], np.cumsum(np.where(flown.is_joined, steps, 0.0))])
    spacing = max(_ARROW_M * pixels_per_m, _LEAST_ARROW_PX)
    for first, last in _takes(flown):
        long = ways[last] - ways[first]
        if long < _LONE_ARROW_PX:
            continue
        count = max(1, round(long / spacing))
        for part in range(count):
            way = ways[first] + long * (part + 0.5) / count
            if any(first <= tick <= last and abs(ways[tick] - way) < _TICK_PX for tick in ticks):
                way += _STEP_ASIDE_PX
            i = int(np.clip(np.searchsorted(ways, way), first + 1, last))
            _draw_arrow(canvas, points, first, last, i)
    return ways


def _takes(flown: Flown) -> list[tuple[int, int]]:
    """First and last sample of all that is flown between two cuts."""
    cuts = [int(i) for i in np.flatnonzero(~flown.is_joined)]
    return list(zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(flown.is_joined)], strict=True))


def _direction(points: list[Point], first: int, last: int, i: int) -> Point | None:
    """The way the path goes on around a sample, one pixel long; None where it stands for seconds."""
    for reach in (2, 8, 32):
        (x0, y0), (x1, y1) = points[max(i - reach, first)], points[min(i + reach, last)]
        long = math.hypot(x1 - x0, y1 - y0)
        if long > 1.0:
            return (x1 - x0) / long, (y1 - y0) / long
    return None


def _draw_arrow(canvas: Canvas, points: list[Point], first: int, last: int, i: int) -> None:
    way = _direction(points, first, last, i)
    if way is not None:
        (x, y), (u, v) = points[i], way
        for size, color in ((1.35, PAPER), (1.0, INK)):
            long, back, side = 9 * size, 5 * size, 6 * size
            left = (x - back * u + side * v, y - back * v - side * u)
            right = (x - back * u - side * v, y - back * v + side * u)
            notch = (x - 0.4 * back * u, y - 0.4 * back * v)
            canvas.polygon([(x + long * u, y + long * v), left, notch, right], color)


def _draw_shots(canvas: Canvas, found: Preflight, flown: Flown, at: Place, labels: Labels) -> None:
    """Marks and names of the worst places, of the shots' starts, and of the end."""
    worst = _worst_places(found, at)
    shots = found.shots.shots[:_MOST_NAMES]
    starts = [at(shot.path.positions_world(np.zeros(1))[0]) for shot in shots]
    end = at(flown.places_world[-1])
    for point in starts:
        canvas.circle(point, 5.5, PAPER, INK, 1.8)
    canvas.box(around(end, 5), fill=INK, outline=PAPER)
    for point, _ in worst:
        canvas.circle(point, 9, None, PAPER, 4)
        canvas.circle(point, 8, None, BEYOND, 2)
    for point in (*starts, end, *(point for point, _ in worst)):
        labels.take(around(point, 7))
    for point, names in worst:
        labels.put(point, [", ".join(names), *([names[0] + ", ..."] if len(names) > 1 else [])], 14, BEYOND)
    is_one = len(found.shots.shots) == 1
    for number, (point, shot) in enumerate(zip(starts, shots, strict=True), start=1):
        name = shot.name if len(shot.name) <= _LONGEST_NAME else shot.name[: _LONGEST_NAME - 3].rstrip() + "..."
        texts = [f"start: {name}", "start"] if is_one else [f"{number} {name}", f"{number}"]
        labels.put(point, texts, 15, INK)
    labels.put(end, [f"end, {short_number(found.shots.duration_s)} s", "end"], 15, INK)


def _worst_places(found: Preflight, at: Place) -> list[tuple[Point, list[str]]]:
    """The worst place of each broken rule; those at one place together."""
    places: list[tuple[Point, list[str]]] = []
    for name in found.broken:
        here = at(Flown.at(found, np.array([worst_time(found.tracks[name])])).places_world[0])
        near = [names for point, names in places if math.dist(point, here) < _SAME_PLACE_PX]
        if near:
            near[0].append(name)
        else:
            places.append((here, [name]))
    return places


def worst_time(track: Track) -> float:
    """The second of a track's worst value; just before a cut, if the value is that of the shot that ends there."""
    value, time = track.worst
    i = int(np.flatnonzero((track.time_s == time) & (track.values == value))[0])
    ends_here = i + 1 < len(track.time_s) and track.time_s[i + 1] == time
    return time - 1e-6 if ends_here else time


def _draw_ticks(canvas: Canvas, flown: Flown, points: list[Point], ticks: dict[float, int], labels: Labels) -> None:
    """Ticks across the path, with their seconds where there is room, and none at what is marked already."""
    takes = _takes(flown)
    marked = np.array([points[i] for take in takes for i in take])
    for second, i in ticks.items():
        first, last = next(take for take in takes if i <= take[1])
        way, (x, y) = _direction(points, first, last, i), points[i]
        if np.linalg.norm(marked - (x, y), axis=1).min() < _SAME_PLACE_PX:
            continue
        if way is None:
            canvas.circle((x, y), 2.6, INK)
        else:
            u, v = 6 * way[0], 6 * way[1]
            for color, width in ((PAPER, 4.0), (INK, 1.8)):
                canvas.line([(x + v, y - u), (x - v, y + u)], color, width)
        labels.put((x, y), [f"{second:g} s"], 12, INK)
