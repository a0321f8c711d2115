"""From a seed to a furnished room."""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import fittings, furniture, pictures, surfaces
from .furniture import Parts, placed
from .meshes import Floats, quad
from .noise import colour
from .room import Material, Room

WALL_TINTS = [colour(226, 219, 205), colour(214, 220, 216), colour(226, 212, 198), colour(216, 214, 224)]
ACCENTS = [colour(74, 108, 106), colour(58, 84, 112), colour(150, 106, 84), colour(112, 122, 84), colour(120, 92, 108)]
SOFAS = [colour(84, 104, 122), colour(148, 130, 108), colour(96, 112, 88), colour(164, 96, 66), colour(120, 120, 124)]
RUGS = [
    [colour(158, 62, 52), colour(44, 62, 92), colour(226, 208, 172), colour(48, 32, 36)],
    [colour(206, 192, 166), colour(70, 96, 110), colour(238, 230, 212), colour(60, 66, 74)],
    [colour(64, 88, 110), colour(190, 122, 70), colour(232, 216, 186), colour(32, 42, 58)],
    [colour(176, 134, 92), colour(92, 48, 44), colour(236, 220, 190), colour(58, 36, 30)],
]
CUSHIONS = [
    colour(214, 162, 62),
    colour(188, 86, 62),
    colour(66, 116, 118),
    colour(226, 214, 194),
    colour(60, 72, 104),
    colour(134, 62, 84),
]
SPINES = 90


class Painter:
    """Calls texture makers, each with a generator of its own, so that leaving textures out changes nothing else."""

    def __init__(self, seed: int, painted: bool) -> None:
        self.rng, self.painted = np.random.default_rng([20263, seed]), painted

    def __call__(self, maker: Callable[..., Floats], *arguments: Any) -> Floats:
        own = self.rng.spawn(1)[0]
        return maker(own, *arguments) if self.painted else np.full((4, 4, 3), 0.5)


def make_room(seed: int, painted: bool = True) -> Room:
    """The room of a seed: its size, furniture, surfaces, light and view. The same seed gives the same room.

    With `painted` false all images are plain grey (the view too), which is quick and leaves the layout unchanged.
    """
    paint = Painter(seed, painted)
    rng = np.random.default_rng([20260, seed])
    room = Room(float(rng.uniform(5.8, 6.5)), float(rng.uniform(4.8, 5.3)), float(rng.uniform(2.6, 2.8)))
    _surfaces(rng, room, paint)
    _shell(rng, room)
    _seating(rng, room, paint)
    _east_side(rng, room, paint)
    _south_side(rng, room, paint)
    _lamps(rng, room)
    _light(rng, room, paint)
    return room.mirrored() if rng.random() < 0.5 else room


def _surfaces(rng: np.random.Generator, room: Room, paint: Painter) -> None:
    """Materials that every room has."""
    w, d, h = room.width_m, room.depth_m, room.height_m
    tint = WALL_TINTS[rng.integers(len(WALL_TINTS))]
    wood = list(surfaces.WOODS)[rng.integers(4)]
    other = ("oak", "walnut", "ash", "honey")[rng.integers(4)]
    sofa = SOFAS[rng.integers(len(SOFAS))]
    m = room.materials
    floor = paint(surfaces.wood_floor, w, d, wood)
    m["floor"] = Material("gloss", image=floor, roughness=float(rng.uniform(0.14, 0.24)))
    m["wall_south"] = Material(image=paint(surfaces.plaster, w, h, tint))
    m["wall_east"] = Material(image=paint(surfaces.plaster, d, h, tint))
    m["wall_north"] = Material(image=paint(surfaces.plaster, w, h, tint))
    m["wall_west"] = Material(image=paint(surfaces.leaf_wallpaper, d, h, ACCENTS[rng.integers(len(ACCENTS))]))
    m["ceiling"] = Material(image=paint(surfaces.plaster, w, d, colour(238, 236, 231), 0.5))
    m["reveal"] = Material(tint=colour(232, 229, 222))
    m["white_gloss"] = Material("gloss", tint=colour(233, 231, 225), roughness=0.2)
    m["rug"] = Material(image=paint(surfaces.rug, RUGS[rng.integers(len(RUGS))]))
    m["sofa"] = Material(image=paint(surfaces.weave, sofa))
    m["armchair"] = Material(image=paint(surfaces.weave, CUSHIONS[rng.integers(3)] * 0.85))
    inks = rng.permutation(len(CUSHIONS))
    for k, kind in enumerate(rng.permutation(["stripes", "dots", "leaves", "checks"])):
        cloth = paint(surfaces.patterned_cloth, CUSHIONS[inks[k]], CUSHIONS[inks[(k + 2) % 6]], str(kind))
        m[f"cushion{k}"] = Material(image=cloth)
    m["curtain"] = Material(image=paint(surfaces.weave, CUSHIONS[rng.integers(len(CUSHIONS))] * 0.55 + 0.4, 640, 0.05))
    m["shelf_wood"] = Material("gloss", image=paint(surfaces.wood_panel, other), roughness=0.3)
    m["table_wood"] = Material(
        "gloss", image=paint(surfaces.wood_panel, "walnut" if wood != "walnut" else "ash"), roughness=0.2
    )
    door = Material("gloss", image=paint(surfaces.wood_panel, "honey" if other != "honey" else "oak"), roughness=0.3)
    m["door"] = door if rng.random() < 0.6 else Material("gloss", tint=sofa * 0.9, roughness=0.25)
    m["dark_wood"] = Material("gloss", tint=colour(66, 46, 34), roughness=0.25)
    m["marble"] = Material("gloss", image=paint(surfaces.marble), roughness=0.1)
    m["spines"] = Material("gloss", image=paint(pictures.book_spines, SPINES), roughness=0.35)
    for k in range(4):
        m[f"cover{k}"] = Material("gloss", image=paint(pictures.abstract_art, 200, 150), roughness=0.3)
    m["brass"] = Material("metal", tint=colour(226, 190, 128), roughness=0.22)
    m["black"] = Material("gloss", tint=colour(34, 34, 36), roughness=0.2)
    m["screen"] = Material("gloss", tint=colour(14, 15, 18), roughness=0.06)
    m["mirror"] = Material("mirror")
    m["ceramic"] = Material("gloss", tint=colour(228, 222, 210), roughness=0.1)
    m["vase"] = Material("gloss", tint=CUSHIONS[rng.integers(len(CUSHIONS))], roughness=0.12)
    m["pot"] = Material(
        "gloss", tint=(colour(190, 112, 76), colour(222, 218, 208), colour(72, 84, 92))[rng.integers(3)], roughness=0.35
    )
    m["fruit_a"] = Material("gloss", tint=colour(188, 48, 36), roughness=0.2)
    m["fruit_b"] = Material("gloss", tint=colour(214, 170, 48), roughness=0.25)
    m["blossom"] = Material(tint=(colour(240, 222, 226), colour(224, 120, 130), colour(240, 210, 110))[rng.integers(3)])
    m["stem"] = Material(tint=colour(92, 84, 52))
    m["leaf"] = Material("gloss", image=paint(_leaf_image), roughness=0.28)
    m["lampshade"] = Material(tint=colour(236, 220, 190), radiance=np.array([0.42, 0.31, 0.20]))
    m["globe"] = Material(tint=colour(240, 232, 220), radiance=np.array([0.20, 0.17, 0.135]))


def _leaf_image(rng: np.random.Generator) -> Floats:
    """Green with a light midrib and side veins, u across and v along the leaf."""
    rows, columns = np.mgrid[:192, :96]
    across, along = np.abs(columns / 96 - 0.5), rows / 192
    veins = np.exp(-((across / 0.02) ** 2)) + 0.5 * np.exp(-((((along + 0.6 * across) * 11) % 1 - 0.5) ** 2) / 0.01)
    tone = np.clip(0.25 * veins + rng.normal(0, 0.05, veins.shape), 0, 1)[..., None]
    return np.array([0.20, 0.42, 0.16]) * (1 - tone) + np.array([0.62, 0.76, 0.42]) * tone


def _picture(rng: np.random.Generator, room: Room, paint: Painter, name: str, width: float, height: float) -> Parts:
    """A framed picture with art of its own."""
    image = paint(pictures.any_picture, round(width * 520), round(height * 520))
    room.materials[name] = Material("gloss", image=image, roughness=0.4)
    frame = ("black", "dark_wood", "brass", "white_gloss")[rng.integers(4)]
    return fittings.framed(name, width, height, frame)


def _put(room: Room, parts: Parts, name: str | None = None) -> None:
    """Adds parts, and with a name marks the box around them as filled."""
    for material, mesh in parts:
        room.add(material, mesh)
    if name is not None:
        corners = [mesh.bounds() for _, mesh in parts]
        room.occupy(name, np.min([c[0] for c in corners], axis=0), np.max([c[1] for c in corners], axis=0))


def _shell(rng: np.random.Generator, room: Room) -> None:
    """Floor, walls, ceiling, windows with curtains, mouldings, and what stands between the windows."""
    w, d, h = room.width_m, room.depth_m, room.height_m
    tall = bool(rng.random() < 0.5)
    z0, z1 = (0.12 if tall else 0.72), min(2.32, h - 0.3)
    width = float(rng.uniform(1.35, 1.6))
    spans = [(c - width / 2, c + width / 2) for c in (0.255 * w, 0.745 * w)]
    room.add("floor", quad((0, 0, 0), (w, 0, 0), (0, d, 0)))
    room.add("ceiling", quad((0, d, h), (w, 0, 0), (0, -d, 0)))
    room.add("wall_south", fittings.wall((w, 0, 0), (-1, 0, 0), w, h, []))
    room.add("wall_west", fittings.wall((0, 0, 0), (0, 1, 0), d, h, []))
    room.add("wall_east", fittings.wall((w, d, 0), (0, -1, 0), d, h, []))
    room.add("wall_north", fittings.wall((0, d, 0), (1, 0, 0), w, h, [(a, b, z0, z1) for a, b in spans]))
    fittings.trim(room, 0, 0.10, 0.016, (w - 1.40 - 0.075, w - 0.58 + 0.075))
    fittings.trim(room, h - 0.05, h, 0.05)
    fittings.trim(room, h - 0.09, h - 0.05, 0.025)
    for left, right in spans:
        fittings.window(room, left, right, z0, z1)
        fittings.curtains(rng, room, left, right, z1 + 0.06)
        room.occupy("curtains", (left - 0.4, d - 0.25, 0), (right + 0.4, d, z1))
        if not tall:
            _put(room, placed(fittings.radiator(1.0), (left + right) / 2 + 0.5, d, np.pi), "radiator")
    pier = w / 2
    glass = fittings.framed("mirror", 0.5, 0.85, "brass")
    _put(room, placed(glass, pier, d, np.pi, 1.55))
    _put(room, placed(furniture.pot_plant(rng, float(rng.uniform(0.75, 0.95))), pier, d - 0.42), "plant")


def _seating(rng: np.random.Generator, room: Room, paint: Painter) -> None:
    """West: sofa with pictures above, rug, coffee table, armchair."""
    d = room.depth_m
    middle = d / 2 + float(rng.uniform(-0.1, 0.1))
    width = float(rng.uniform(2.0, 2.3))
    scatter = [f"cushion{k}" for k in rng.permutation(4)[: rng.integers(3, 5)]]
    _put(
        room,
        placed(
            furniture.sofa(rng, width, int(rng.integers(2, 4)), "sofa", scatter), 0.07, middle + width / 2, -np.pi / 2
        ),
        "sofa",
    )
    rug_x, rug_w, rug_l = 2.0, 1.8, 2.7
    room.add("rug", quad((rug_x + rug_w / 2, middle - rug_l / 2, 0.012), (0, rug_l, 0), (-rug_w, 0, 0)))
    for k in range(2):
        room.add(
            "rug", quad((rug_x + (k - 0.5) * rug_w, middle - rug_l / 2, 0), (0, rug_l, 0), (0, 0, 0.012), (1, 0.01))
        )
        room.add(
            "rug", quad((rug_x - rug_w / 2, middle + (k - 0.5) * rug_l, 0), (rug_w, 0, 0), (0, 0, 0.012), (1, 0.01))
        )
    top = ("table_wood", "marble")[rng.integers(2)]
    table = furniture.coffee_table(rng, float(rng.uniform(1.1, 1.25)), 0.6, top)
    _put(room, placed(table, 1.78, middle, np.pi / 2, 0.012), "table")
    chair = placed(furniture.armchair("armchair", "cushion3"), -0.4, -0.44)
    facing = float(np.radians(rng.uniform(125, 150)))
    _put(room, placed(chair, 0.665 * room.width_m, d - 0.88, facing), "armchair")
    if rng.random() < 0.5:
        for k in (-1, 0, 1):
            _put(
                room,
                placed(_picture(rng, room, paint, f"art_w{k}", 0.55, 0.72), 0, middle + k * 0.78, -np.pi / 2, 1.52),
            )
    else:
        _put(room, placed(_picture(rng, room, paint, "art_w0", 1.25, 0.82), 0, middle - 0.3, -np.pi / 2, 1.52))
        _put(room, placed(_picture(rng, room, paint, "art_w1", 0.5, 0.62), 0, middle + 0.82, -np.pi / 2, 1.52))
    _put(room, placed(furniture.floor_lamp(), 0.36, middle + width / 2 + 0.36), "lamp")
    _put(room, placed(furniture.side_table(), 0.40, middle - width / 2 - 0.34), "side table")
    _put(room, placed(furniture.vase(rng, 0.26), 0.40, middle - width / 2 - 0.34, 0, 0.505))


def _east_side(rng: np.random.Generator, room: Room, paint: Painter) -> None:
    """East: sideboard, television, ornaments, pictures."""
    w, d = room.width_m, room.depth_m
    middle, width = d / 2 + float(rng.uniform(-0.15, 0.1)), float(rng.uniform(1.7, 2.0))
    _put(room, placed(furniture.sideboard(width, "shelf_wood"), w - 0.02, middle - width / 2, np.pi / 2), "sideboard")
    screen = 1.15
    _put(room, placed(furniture.television(screen), w, middle - screen / 2, np.pi / 2, 0.80))
    _put(room, placed(furniture.vase(rng, 0.22), w - 0.23, middle - width / 2 + 0.16, 0, 0.48))
    for k in range(4):
        tome = fittings.box((-0.11, -0.08, 0), (0.11, 0.08, 0.03), 0.003, 0.25).turned(float(rng.uniform(-0.4, 0.4)))
        room.add(f"cover{k}", tome.moved((w - 0.24, middle + width / 2 - 0.25, 0.48 + 0.03 * k)))
    room.add("brass", furniture.blob((w - 0.24, middle + width / 2 - 0.25, 0.655), (0.055, 0.055, 0.055), 20))
    _put(room, placed(_picture(rng, room, paint, "art_e0", 0.6, 0.8), w, middle + screen / 2 + 0.62, np.pi / 2, 1.5))
    _put(room, placed(_picture(rng, room, paint, "art_e1", 0.42, 0.52), w, middle - screen / 2 - 0.5, np.pi / 2, 1.72))
    _put(room, placed(_picture(rng, room, paint, "art_e2", 0.42, 0.52), w, middle - screen / 2 - 0.5, np.pi / 2, 1.1))
    _put(room, placed(furniture.pot_plant(rng, float(rng.uniform(1.2, 1.5))), w - 0.42, d - 0.55), "plant")


def _south_side(rng: np.random.Generator, room: Room, paint: Painter) -> None:
    """South: bookcases, pictures, the door."""
    w = room.width_m
    width = float(rng.uniform(0.9, 1.05))
    tall = float(rng.uniform(1.85, 2.1))
    low = tall if rng.random() < 0.4 else 1.15
    x = 0.45
    for k, height in enumerate((tall, low)):
        _put(
            room,
            placed(furniture.bookshelf(rng, width, height, "shelf_wood", SPINES), x + k * (width + 0.01), 0.017),
            "bookshelf",
        )
    x += width + 0.01
    if low < tall:
        _put(room, placed(furniture.vase(rng, 0.3), x + 0.25, 0.17, 0, low))
        _put(room, placed(_picture(rng, room, paint, "art_s0", 0.5, 0.62), x + 0.55, 0, 0, 1.85))
    x += width
    door = (w - 1.40, w - 0.58)
    span = door[0] - 0.08 - x
    for k, (along, height, width_p, height_p) in enumerate(
        ((0.36, 1.58, 0.56, 0.74), (0.77, 1.78, 0.36, 0.44), (0.77, 1.25, 0.36, 0.44), (0.36, 1.0, 0.50, 0.26))
    ):
        _put(
            room, placed(_picture(rng, room, paint, f"art_s{k + 1}", width_p, height_p), x + along * span, 0, 0, height)
        )
    _put(room, fittings.door(*door))
    room.add("white_gloss", fittings.box((door[0] - 0.26, 0, 1.08), (door[0] - 0.18, 0.01, 1.16), 0.003))


def _lamps(rng: np.random.Generator, room: Room) -> None:
    """A pendant over the coffee table."""
    _put(room, placed(fittings.pendant(room.height_m, float(rng.uniform(0.55, 0.7))), 2.05, room.depth_m / 2))


def _light(rng: np.random.Generator, room: Room, paint: Painter) -> None:
    """The view, the sky's brightness and the sun that comes in low enough to reach the floor."""
    room.panorama = paint(pictures.panorama) * float(rng.uniform(4.6, 5.4))
    azimuth, elevation = np.radians(rng.uniform(55, 125)), np.radians(rng.uniform(34, 50))
    room.sun_direction = np.array(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
    )
    room.sun_irradiance = np.array([1.0, 0.90, 0.76]) * float(rng.uniform(6, 10))
