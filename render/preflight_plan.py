"""The plan view of a flight: the space from above, and the path coloured by the worst margin of its limits."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cameras.arrays import Floats
from cameras.freespace import FREE, OCCUPIED, FreeSpace
from cameras.preflight import Preflight
from cameras.untyped import ndimage

from .preflight_canvas import BEYOND, FAINT, FAR, INK, NEAR, PAPER, Box, Canvas, Color, Labels, Point

WALL: Color = (74, 80, 88)
FURNITURE: Color = (205, 208, 211)
OPEN: Color = (255, 255, 255)
NOBODY_KNOWS: Color = (228, 230, 231)
PHOTO: Color = (146, 166, 186)
# Of a limit: less is left than this where the line turns from the colour of far to that of near.
NEAR_MARGIN = 0.1
REACH_M, _BESIDE_M = 0.3, 0.7
_BAND_M, _FURNITURE_M, _AROUND_M = 0.3, 0.25, 0.2
_SAMPLES_PER_S, _MOST_SAMPLES = 20.0, 6000
_CONE_S, _MOST_CONES, _CONE_M = 2.0, 60, 0.55
_ARROW_M, _SECONDS_LABELS = 1.5, 14
_STEPS_M = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, eq=False)
class PlanView:
    """From world to picture: x to the right, y upwards.

    Attributes:
        low_world: [2] the corner of what is shown.
        scale: pixels for a unit of the world.
    """

    low_world: Floats
    scale: float
    box: Box

    def at(self, place_world: Floats) -> Point:
        """The pixel of a place [3]."""
        x, y = (place_world[:2] - self.low_world) * self.scale
        return self.box[0] + float(x), self.box[3] - float(y)


def draw_plan(canvas: Canvas, found: Preflight, space: FreeSpace, box: Box) -> PlanView:
    """Draws the plan view into a box, and returns how it was placed."""
    count = int(np.clip(_SAMPLES_PER_S * found.shots.duration_s, 2, _MOST_SAMPLES))
    times = np.linspace(0, found.shots.duration_s, count, endpoint=False)
    places, headings, fovs = _poses(found, times)
    columns = _columns(space, places)
    view = _placed(space, columns, places, box)
    _draw_columns(canvas, space, columns, view)
    for position, forward in zip(space.views_position_world, space.views_forward_world, strict=True):
        a, b = view.at(position), view.at(position + forward * 0.12 / space.metres_per_unit)
        canvas.line([a, b], PHOTO, 1.2)
        canvas.circle(a, 1.6, PHOTO)
    _draw_cones(canvas, found, view, places, headings, fovs, space.metres_per_unit)
    _draw_path(canvas, found, view, times, places)
    _draw_arrows(canvas, found, view, places, space.metres_per_unit)
    _draw_labels(canvas, found, view, times, places)
    _draw_scale_bar(canvas, view, space.metres_per_unit)
    canvas.box(view.box, outline=FAINT)
    return view


def margin_color(margin: float) -> Color:
    """The colour of a part of the path with that much left of its limits."""
    return BEYOND if margin < 0 else NEAR if margin < NEAR_MARGIN else FAR


def _poses(found: Preflight, times: Floats) -> tuple[Floats, Floats, Floats]:
    """Places [n, 3], horizontal directions [n, 2] and horizontal fields of view [n] at times of the film."""
    numbers, starts = found.shots.shot_numbers(times), found.shots.starts_s
    places, headings, fovs = np.empty((len(times), 3)), np.empty((len(times), 2)), np.empty(len(times))
    for number, shot in enumerate(found.shots.shots):
        mine = numbers == number
        at = times[mine] - starts[number]
        places[mine] = shot.path.positions_world(at)
        headings[mine] = shot.path.rotations(at)[:, :2, 2]
        fovs[mine] = 2 * np.arctan(found.aspect * np.tan(0.5 * shot.path.fovs_y_rad(at)))
    return places, headings, fovs


def _columns(space: FreeSpace, places: Floats) -> NDArray[np.uint8]:
    """[X, Y] what stands at the height of the flight: 0 nobody knows, 1 open, 2 furniture below it, 3 a wall."""
    z = (space.origin_world[2] + (np.arange(space.cells.shape[2]) + 0.5) * space.voxel) * space.metres_per_unit
    low, high = (f(places[:, 2]) * space.metres_per_unit for f in (np.min, np.max))
    band = (z >= low - _BAND_M) & (z <= high + _BAND_M)
    heights = space.surface_world[:, 2]
    floor = float(np.percentile(heights, 2)) * space.metres_per_unit if len(heights) else float(z[0])
    below = (z > floor + _FURNITURE_M) & (z < low - _BAND_M)
    solid = space.cells == OCCUPIED
    found = np.where((space.cells[:, :, band] == FREE).any(axis=2), np.uint8(1), np.uint8(0))
    found[solid[:, :, below].any(axis=2) & (found == 1)] = 2
    found[solid[:, :, band].any(axis=2)] = 3
    return np.where(_worth_showing(space, places), found, np.uint8(0))


def _worth_showing(space: FreeSpace, places: Floats) -> NDArray[np.bool_]:
    """[X, Y] columns that a camera can reach or where the path is, and what is near by: not all that was seen through
    doors and windows."""
    shown = np.array(space.reachable(REACH_M / space.metres_per_unit).any(axis=2))
    cells = np.floor((places[:, :2] - space.origin_world[:2]) / space.voxel).astype(np.int64)
    inside = ((cells >= 0) & (cells < shown.shape)).all(axis=1)
    shown[tuple(cells[inside].T)] = True
    far: NDArray[np.float64] = ndimage.distance_transform_edt(~shown)
    return far * space.voxel * space.metres_per_unit <= _BESIDE_M


def _placed(space: FreeSpace, columns: NDArray[np.uint8], places: Floats, box: Box) -> PlanView:
    """The part of the space that is known, and all of the path, as large as fits into a box."""
    known = np.argwhere(columns > 0)
    around = _AROUND_M / space.metres_per_unit
    corners = [places[:, :2].min(axis=0), places[:, :2].max(axis=0)]
    if len(known):
        corners += [space.origin_world[:2] + (k + 0.5) * space.voxel for k in (known.min(axis=0), known.max(axis=0))]
    low, high = np.min(corners, axis=0) - around, np.max(corners, axis=0) + around
    scale = float(min((box[2] - box[0]) / (high[0] - low[0]), (box[3] - box[1]) / (high[1] - low[1])))
    width, height = (high - low) * scale
    left, top = box[0] + 0.5 * (box[2] - box[0] - width), box[1]
    return PlanView(low, scale, (left, top, left + float(width), top + float(height)))


def _draw_columns(canvas: Canvas, space: FreeSpace, columns: NDArray[np.uint8], view: PlanView) -> None:
    width, height = (max(1, round(2 * (b - a))) for a, b in ((view.box[0], view.box[2]), (view.box[1], view.box[3])))
    x = view.low_world[0] + (np.arange(width) + 0.5) / (2 * view.scale)
    y = view.low_world[1] + (np.arange(height)[::-1] + 0.5) / (2 * view.scale)
    i = np.floor((x - space.origin_world[0]) / space.voxel).astype(np.int64)
    j = np.floor((y - space.origin_world[1]) / space.voxel).astype(np.int64)
    inside = ((j >= 0) & (j < columns.shape[1]))[:, None] & ((i >= 0) & (i < columns.shape[0]))
    kinds = columns[np.clip(i, 0, columns.shape[0] - 1)][:, np.clip(j, 0, columns.shape[1] - 1)].T
    colors = np.array([NOBODY_KNOWS, OPEN, FURNITURE, WALL], dtype=np.uint8)
    canvas.paste(colors[np.where(inside, kinds, 0)], view.box)


def _draw_cones(
    canvas: Canvas, found: Preflight, view: PlanView, places: Floats, headings: Floats, fovs: Floats, metres: float
) -> None:
    seconds = max(_CONE_S, found.shots.duration_s / _MOST_CONES)
    step = max(1, round(len(places) * seconds / found.shots.duration_s))
    for i in range(0, len(places), step):
        angle, half = math.atan2(headings[i, 1], headings[i, 0]), 0.5 * float(fovs[i])
        arc = [places[i, :2] + _CONE_M / metres * np.array([math.cos(a), math.sin(a)]) for a in _arc(angle, half)]
        points = [view.at(places[i]), *(view.at(point) for point in arc)]
        canvas.polygon(points, FAR, alpha=22)
        canvas.line([points[1], points[0], points[-1]], FAR, 0.8, alpha=90)


def _arc(angle: float, half: float) -> Floats:
    return np.linspace(angle - half, angle + half, 9)


def _draw_path(canvas: Canvas, found: Preflight, view: PlanView, times: Floats, places: Floats) -> None:
    """Each piece in its colour; broken ones thicker and on top, and none across a cut."""
    margins, numbers = found.margins(times), found.shots.shot_numbers(times)
    joined = numbers[1:] == numbers[:-1]
    joined |= np.array([shot.is_continued for shot in found.shots.shots])[numbers[1:]]
    points = [view.at(place) for place in places]
    worst = np.minimum(margins[1:], margins[:-1])
    for is_broken, width in ((False, 3.0), (True, 5.0)):
        for i in np.flatnonzero(joined & ((worst < 0) == is_broken)):
            canvas.line([points[i], points[i + 1]], margin_color(float(worst[i])), width)
    for i in np.flatnonzero(joined):
        if points[i] == points[i + 1]:
            canvas.circle(points[i], 1.5, margin_color(float(worst[i])))


def _draw_arrows(canvas: Canvas, found: Preflight, view: PlanView, places: Floats, metres: float) -> None:
    steps = np.linalg.norm(np.diff(places[:, :2], axis=0), axis=1)
    way = np.concatenate([[0.0], np.cumsum(steps)]) * metres
    for at in np.arange(_ARROW_M, way[-1], _ARROW_M):
        i = int(np.searchsorted(way, at))
        ahead = places[min(i + 1, len(places) - 1), :2] - places[max(i - 1, 0), :2]
        if 0 < float(np.linalg.norm(ahead)) < 0.5 / metres:
            (x, y), (u, v) = view.at(places[i]), ahead / np.linalg.norm(ahead)
            tip, left, right = (
                (x + 9 * u, y - 9 * v),
                (x - 4 * u - 5 * v, y + 4 * v - 5 * u),
                (x - 4 * u + 5 * v, y + 4 * v + 5 * u),
            )
            canvas.polygon([tip, left, right], INK)


def _draw_labels(canvas: Canvas, found: Preflight, view: PlanView, times: Floats, places: Floats) -> None:
    labels = Labels(canvas, view.box)
    labels.keep_free([view.at(place) for place in places[:: max(1, len(places) // 400)]])
    for name in found.broken:
        time = found.tracks[name].worst[1]
        at = view.at(places[min(int(np.searchsorted(times, time)), len(places) - 1)])
        canvas.circle(at, 7, None, BEYOND, 2)
        labels.put(at, name, 13, BEYOND)
    starts = found.shots.starts_s
    for number, shot in enumerate(found.shots.shots[:24]):
        at = view.at(shot.path.positions_world(0.0))
        canvas.circle(at, 5, PAPER, INK, 1.6)
        text = shot.name if len(shot.name) <= 24 else shot.name[:23] + "..."
        labels.put(at, f"{number + 1} {text}" if len(starts) > 1 else f"start: {text}", 14, INK)
    end = view.at(places[-1])
    canvas.box((end[0] - 5, end[1] - 5, end[0] + 5, end[1] + 5), fill=INK)
    labels.put(end, f"end, {found.shots.duration_s:g} s", 14, INK)
    step = next(
        s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1e9) if found.shots.duration_s / s <= _SECONDS_LABELS
    )
    for second in np.arange(step, found.shots.duration_s - 0.4 * step, step):
        at = view.at(places[min(int(np.searchsorted(times, second)), len(places) - 1)])
        canvas.circle(at, 2.6, INK)
        labels.put(at, f"{second:g} s", 11, INK, paper=None)


def _draw_scale_bar(canvas: Canvas, view: PlanView, metres: float) -> None:
    """Under the plan: a round number of metres, about a sixth of its width."""
    width = view.box[2] - view.box[0]
    length = max((s for s in _STEPS_M if s * view.scale / metres <= width / 5), default=_STEPS_M[0])
    x, y, long = view.box[0] + 4, view.box[3] + 18, length * view.scale / metres
    canvas.line([(x, y), (x + long, y)], INK, 2)
    for end in (x, x + long):
        canvas.line([(end, y - 4), (end, y + 4)], INK, 2)
    canvas.text((x + long + 8, y), f"{length:g} m", 14, anchor="lm")
