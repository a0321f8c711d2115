"""The plan view of a space: its walls, furniture and open air from above, as large as fits into a picture."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cameras.arrays import Floats
from cameras.freespace import FREE, OCCUPIED, FreeSpace, Mask
from cameras.preflight import Preflight
from cameras.untyped import ndimage

from .preflight_canvas import FINER, INK, PAPER, Box, Canvas, Color, Point, nice_step
from .preflight_picture_labels import Labels
from .preflight_picture_path import Flown, draw_flight

WALL: Color = (70, 76, 84)
FURNITURE: Color = (226, 220, 207)
OPEN: Color = (255, 255, 255)
NOBODY_KNOWS: Color = (231, 233, 235)
_HATCH: Color = (219, 222, 225)
_HATCH_PX, _HATCH_WIDTH_PX = 9.0, 1.2
_NOBODY_KNOWS, _OPEN, _FURNITURE, _WALL = range(4)
# Edges of cubes are drawn as smooth lines; so much heavier, walls of one cube stay whole.
_SMOOTH_CUBES, _WALL_WEIGHT = 0.45, 1.35
REACH_M, _BESIDE_M = 0.3, 0.6
_BAND_M, _FURNITURE_M = 0.3, 0.25
# What is shown around the path: so many metres, or so much of the path's own size.
_AROUND_M, _AROUND_SHARE = 6.0, 1.0
_LEAST_M = 2.0
_BORDER_PX, _FOOT_PX = 34.0, 40.0
# Walls should line up so much better along the picture's edges for the plan to be turned.
_TURN_GAIN, _UPRIGHT_GAIN = 1.15, 1.25
_MOST_WALLS, _WALL_COST = 20_000, 4.0


@dataclass(frozen=True, eq=False)
class PlanView:
    """From world to picture: turned about the vertical, then x to the right and y upwards.

    Attributes:
        middle_world: [2] what is in the middle of the picture.
        turn_rad: of the world, against the clock.
        scale: pixels for a unit of the world.
        middle: the pixel of ``middle_world``.
        box: what the picture may cover.
    """

    middle_world: Floats
    turn_rad: float
    scale: float
    middle: Point
    box: Box

    @property
    def picture_from_world(self) -> Floats:
        """[2, 2] pixels, y down, for units of the world, y up."""
        c, s = math.cos(self.turn_rad), math.sin(self.turn_rad)
        return self.scale * np.array([[c, -s], [-s, -c]])

    def at(self, place_world: Floats) -> Point:
        """The pixel of a place [2] or [3]."""
        x, y = self.picture_from_world @ (place_world[:2] - self.middle_world)
        return self.middle[0] + float(x), self.middle[1] + float(y)


def draw_plan(canvas: Canvas, found: Preflight, space: FreeSpace, box: Box) -> PlanView:
    """Draws space and flight into a box, and returns how they were placed. What leaves the box is not cut off."""
    flown = Flown.of(found)
    columns = _columns(space, flown.places_world)
    view = _placed(space, columns, flown.places_world, box)
    _draw_columns(canvas, space, columns, view)
    labels = Labels(canvas, (box[0] + 4, box[1] + 4, box[2] - 4, box[3] - 4), PAPER)
    labels.take(_draw_scale_bar(canvas, view, space.metres_per_unit))
    walls = space.origin_world[:2] + (np.argwhere(columns == _WALL) + 0.5) * space.voxel
    labels.keep_free([view.at(wall) for wall in walls[:: 1 + len(walls) // _MOST_WALLS]], _WALL_COST)
    draw_flight(canvas, found, space, flown, view.at, labels, view.scale / space.metres_per_unit)
    return view


def _columns(space: FreeSpace, places: Floats) -> NDArray[np.uint8]:
    """[X, Y] what stands at the height of the flight: nobody knows, open, furniture below it, or a wall."""
    z = (space.origin_world[2] + (np.arange(space.cells.shape[2]) + 0.5) * space.voxel) * space.metres_per_unit
    low, high = (f(places[:, 2]) * space.metres_per_unit for f in (np.min, np.max))
    band = (z >= low - _BAND_M) & (z <= high + _BAND_M)
    heights = space.surface_world[:, 2]
    floor = float(np.percentile(heights, 2)) * space.metres_per_unit if len(heights) else float(z[0])
    below = (z > floor + _FURNITURE_M) & (z < low - _BAND_M)
    solid = space.cells == OCCUPIED
    found = np.where((space.cells[:, :, band] == FREE).any(axis=2), np.uint8(_OPEN), np.uint8(_NOBODY_KNOWS))
    found[solid[:, :, below].any(axis=2) & (found == _OPEN)] = _FURNITURE
    found[solid[:, :, band].any(axis=2)] = _WALL
    return np.where(_worth_showing(space, places, band), found, np.uint8(_NOBODY_KNOWS))


def _worth_showing(space: FreeSpace, places: Floats, band: Mask) -> Mask:
    """[X, Y] columns that a camera can reach at the height of the flight, or where the path is, and what is beside
    them: not all that was seen through doors and windows, nor what is far from the path."""
    shown = np.array(space.reachable(REACH_M / space.metres_per_unit)[:, :, band].any(axis=2))
    cells = np.floor((places[:, :2] - space.origin_world[:2]) / space.voxel).astype(np.int64)
    inside = ((cells >= 0) & (cells < shown.shape)).all(axis=1)
    shown[tuple(cells[inside].T)] = True
    size = float(np.linalg.norm(np.ptp(places[:, :2], axis=0)))
    around = max(_AROUND_M / space.metres_per_unit, _AROUND_SHARE * size) / space.voxel
    for axis in range(2):
        rows = np.arange(shown.shape[axis])
        far = (rows < cells[:, axis].min() - around) | (rows > cells[:, axis].max() + around)
        shown[far if axis == 0 else (slice(None), far)] = False
    away: Floats = ndimage.distance_transform_edt(~shown) if shown.any() else np.full(shown.shape, np.inf)
    return away * space.voxel * space.metres_per_unit <= _BESIDE_M


def _placed(space: FreeSpace, columns: NDArray[np.uint8], places: Floats, box: Box) -> PlanView:
    """The part of the space that is known, and all of the path, as large as fits, walls along the picture's edges."""
    known = np.argwhere(columns != _NOBODY_KNOWS) + 0.5
    shown = np.concatenate([places[:, :2], space.origin_world[:2] + known * space.voxel])
    inner = (box[0] + _BORDER_PX, box[1] + _BORDER_PX, box[2] - _BORDER_PX, box[3] - _FOOT_PX - 0.5 * _BORDER_PX)
    least = _LEAST_M / space.metres_per_unit
    turn = _walls_turn(columns == _WALL)
    view, upright = (_fitted(shown, turn + quarter, inner, least) for quarter in (0.0, 0.5 * math.pi))
    return replace(upright if upright.scale > _UPRIGHT_GAIN * view.scale else view, box=box)


def _fitted(shown: Floats, turn: float, inner: Box, least: float) -> PlanView:
    c, s = math.cos(turn), math.sin(turn)
    turned = shown @ np.array([[c, s], [-s, c]])
    low, high = turned.min(axis=0), turned.max(axis=0)
    size = np.maximum(high - low, least)
    scale = float(min((inner[2] - inner[0]) / size[0], (inner[3] - inner[1]) / size[1]))
    middle = 0.5 * (low + high) @ np.array([[c, -s], [s, c]])
    return PlanView(middle, turn, scale, (0.5 * (inner[0] + inner[2]), 0.5 * (inner[1] + inner[3])), inner)


def _walls_turn(walls: Mask) -> float:
    """The turn, less than an eighth of a circle, after which most walls run along the axes: then they stand in few
    rows and columns. 0 where no turn is clearly better."""
    places = np.argwhere(walls) + 0.5
    if len(places) < 2:
        return 0.0
    places = places[:: 1 + len(places) // _MOST_WALLS]

    def gathered(degrees: float) -> float:
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        turned = places @ np.array([[c, s], [-s, c]])
        rows = np.floor((turned - turned.min(axis=0)) / 2).astype(np.int64)
        return float(sum((np.bincount(rows[:, axis]) ** 2).sum() for axis in range(2)))

    best = max(range(-44, 46), key=gathered)
    return math.radians(best) if gathered(best) > _TURN_GAIN * gathered(0) else 0.0


def _draw_columns(canvas: Canvas, space: FreeSpace, columns: NDArray[np.uint8], view: PlanView) -> None:
    """Fills the view's box with the kinds of columns, their edges smoothed."""
    from PIL import Image

    size = (round((view.box[2] - view.box[0]) * FINER), round((view.box[3] - view.box[1]) * FINER))
    # From fine pixels in the box to columns of the grid.
    inverse = np.linalg.inv(view.picture_from_world) / space.voxel
    corner = np.array(view.box[:2]) - view.middle
    start = inverse @ corner + (view.middle_world - space.origin_world[:2]) / space.voxel
    matrix = (*inverse[0] / FINER, start[0], *inverse[1] / FINER, start[1])
    weights: list[NDArray[np.uint8]] = []
    for kind, weight in ((_NOBODY_KNOWS, 1.0), (_OPEN, 1.0), (_FURNITURE, 1.0), (_WALL, _WALL_WEIGHT)):
        soft = ndimage.gaussian_filter((columns == kind).T.astype(np.float32), _SMOOTH_CUBES)
        image = Image.fromarray(np.rint(soft * 255 * weight / _WALL_WEIGHT).astype(np.uint8))
        fill = round(255 / _WALL_WEIGHT) if kind == _NOBODY_KNOWS else 0
        turned = image.transform(size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=fill)
        weights.append(np.asarray(turned))
    canvas.paste(_painted(np.argmax(np.stack(weights), axis=0).astype(np.uint8)), view.box)


def paint_unknown(canvas: Canvas, box: Box) -> None:
    """Fills a box as what nobody knows is drawn."""
    size = (round((box[2] - box[0]) * FINER), round((box[3] - box[1]) * FINER))
    canvas.paste(_painted(np.full(size[::-1], _NOBODY_KNOWS, dtype=np.uint8)), box)


def _painted(kinds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[h, w, 3] colours of kinds [h, w] of columns, in fine pixels; diagonal lines over what nobody knows."""
    colors = np.array([NOBODY_KNOWS, OPEN, FURNITURE, WALL, _HATCH], dtype=np.uint8)
    period = round(_HATCH_PX * FINER)
    diagonals = np.add.outer(np.arange(period), np.arange(kinds.shape[1])) % period < _HATCH_WIDTH_PX * FINER
    hatched = (kinds == _NOBODY_KNOWS) & diagonals[np.arange(kinds.shape[0]) % period]
    return colors[np.where(hatched, np.uint8(len(colors) - 1), kinds)]


def _draw_scale_bar(canvas: Canvas, view: PlanView, metres: float) -> Box:
    """At the plan's foot: a round number of metres, about a sixth of its width; and the world's x and y axes."""
    pixels = view.scale / metres
    length = nice_step((view.box[2] - view.box[0]) / pixels, 6.0)
    x, y, long = view.box[0] + 18, view.box[3] - 18, length * pixels
    for color, width in ((PAPER, 5.0), (INK, 2.0)):
        for a, b in (((x, y), (x + long, y)), ((x, y - 5), (x, y + 5)), ((x + long, y - 5), (x + long, y + 5))):
            canvas.line([a, b], color, width)
    text = f"{length:g} m"
    canvas.text((x + long + 9, y), text, 14, anchor="lm", halo=PAPER)
    right = x + long + 9 + canvas.text_size(text, 14)[0]
    _draw_axes(canvas, view, (right + 44, view.box[3] - 26))
    return view.box[0], view.box[3] - 54, right + 80, view.box[3]


def _draw_axes(canvas: Canvas, view: PlanView, middle: Point) -> None:
    for number, name in enumerate("xy"):
        u, v = view.picture_from_world[:, number] / view.scale
        tip = (middle[0] + 15 * float(u), middle[1] + 15 * float(v))
        for color, width in ((PAPER, 4.0), (INK, 1.2)):
            canvas.line([middle, tip], color, width)
        canvas.text((middle[0] + 22 * float(u), middle[1] + 22 * float(v)), name, 12, anchor="mm", halo=PAPER)
