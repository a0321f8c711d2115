"""Pictures in frames, book spines and the view from the window, all drawn from random numbers."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from .noise import Floats, colour, fractal_noise, grain, mix, smoothstep

ART_PALETTES = [
    [colour(226, 96, 60), colour(244, 186, 84), colour(38, 70, 83), colour(42, 157, 143), colour(240, 232, 216)],
    [colour(20, 33, 61), colour(252, 163, 17), colour(229, 229, 229), colour(132, 24, 40), colour(92, 128, 166)],
    [colour(96, 108, 56), colour(40, 54, 24), colour(250, 237, 205), colour(221, 161, 94), colour(188, 108, 37)],
    [colour(61, 52, 139), colour(118, 120, 237), colour(247, 184, 1), colour(241, 135, 1), colour(243, 240, 230)],
]


def _canvas(size: tuple[int, int], ground: Floats) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", size, tuple(int(255 * c) for c in ground))
    return image, ImageDraw.Draw(image)


def abstract_art(rng: np.random.Generator, width: int, height: int) -> Floats:
    """Overlapping cut-out shapes and brush strokes."""
    palette = ART_PALETTES[rng.integers(len(ART_PALETTES))]
    image, draw = _canvas((width, height), palette[4])
    size = min(width, height)
    for _ in range(rng.integers(9, 15)):
        fill = tuple(int(255 * c) for c in palette[rng.integers(4)])
        x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.08, 0.3) * size
        kind = rng.integers(3)
        if kind == 0:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)
        elif kind == 1:
            angles = np.sort(rng.uniform(0, 2 * np.pi, 5))
            draw.polygon([(x + r * np.cos(a), y + r * np.sin(a)) for a in angles], fill=fill)
        else:
            draw.arc((x - r, y - r, x + r, y + r), *sorted(rng.uniform(0, 360, 2)), fill=fill, width=int(0.04 * size))
    for _ in range(rng.integers(12, 24)):
        fill = tuple(int(255 * c) for c in palette[rng.integers(5)])
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        points = [(x, y)]
        for _ in range(4):
            x, y = x + rng.normal(0, 0.08) * size, y + rng.normal(0, 0.08) * size
            points.append((x, y))
        draw.line(points, fill=fill, width=int(rng.integers(2, 9)))
    return _painted(rng, np.asarray(image, float) / 255)


def landscape(rng: np.random.Generator, width: int, height: int) -> Floats:
    """Ridges fading into a bright sky, a sun and its light on water."""
    rows, columns = np.mgrid[:height, :width]
    v, u = rows / height, columns / width
    dusk = rng.random() < 0.5
    top = colour(62, 92, 138) if dusk else colour(110, 160, 205)
    low = colour(246, 196, 140) if dusk else colour(232, 238, 236)
    image = mix(
        np.broadcast_to(top, (height, width, 3)), np.broadcast_to(low, (height, width, 3)), smoothstep(0, 0.6, v)
    )
    clouds = smoothstep(0.2, 0.9, fractal_noise(rng, height, width, 7, 2.5, 5)) * (1 - v)
    image = mix(image, np.ones_like(image), 0.7 * clouds)
    sun_u, sun_v = rng.uniform(0.2, 0.8), rng.uniform(0.15, 0.35)
    disc = smoothstep(0.052, 0.045, np.hypot((u - sun_u) * width / height, v - sun_v))
    image = mix(image, np.broadcast_to(colour(255, 240, 205), image.shape), disc)
    near = colour(24, 46, 44) if dusk else colour(38, 74, 48)
    for k in range(5):
        ridge = 0.42 + 0.11 * k + 0.07 * fractal_noise(rng, 2, width, 1, 2.5 + k, 6)[0]
        tone = mix(low * 0.85, near, (k + 1) / 5)
        shade = 1 + 0.14 * fractal_noise(rng, height, width, 24, 24, 4)
        mask = smoothstep(-0.004, 0.004, v - ridge[None, :])
        image = mix(image, np.clip(tone * shade[..., None], 0, 1), mask)
    return _painted(rng, image)


def botanical(rng: np.random.Generator, width: int, height: int) -> Floats:
    """A pressed plant on old paper with a line of handwriting below."""
    image, draw = _canvas((width, height), colour(238, 230, 210))
    ink = np.array([rng.uniform(30, 90), rng.uniform(80, 130), rng.uniform(40, 80)])
    for _ in range(rng.integers(4, 7)):
        x, y, angle = width / 2, height * 0.84, -np.pi / 2 + rng.normal(0, 0.3)
        for _ in range(16):
            step = height * 0.045
            x1, y1 = x + step * np.cos(angle), y + step * np.sin(angle)
            draw.line([(x, y), (x1, y1)], fill=(70, 84, 48), width=3)
            for side in (-1, 1):
                lean, length = angle + side * rng.uniform(0.5, 1.1), rng.uniform(0.04, 0.11) * height
                tone = tuple(int(c) for c in np.clip(ink * rng.uniform(0.7, 1.5), 0, 255))
                tip = (x1 + length * np.cos(lean), y1 + length * np.sin(lean))
                bend = (x1 + 0.5 * length * np.cos(lean + 0.4), y1 + 0.5 * length * np.sin(lean + 0.4))
                other = (x1 + 0.5 * length * np.cos(lean - 0.4), y1 + 0.5 * length * np.sin(lean - 0.4))
                draw.polygon([(x1, y1), bend, tip, other], fill=tone)
            x, y, angle = x1, y1, angle + rng.normal(0, 0.12)
    x = 0.3 * width
    while x < 0.7 * width:
        step = rng.uniform(2, 9)
        draw.line(
            [(x, 0.92 * height + rng.normal(0, 4)), (x + step, 0.92 * height + rng.normal(0, 4))], fill=(60, 50, 40)
        )
        x += step
    return _painted(rng, np.asarray(image, float) / 255)


def _painted(rng: np.random.Generator, image: Floats) -> Floats:
    """Pigment and canvas on top of a drawing."""
    height, width = image.shape[:2]
    pigment = 0.06 * fractal_noise(rng, height, width, 8, 8, 5, 0.75) + 0.025 * grain(rng, height, width, 0.8, 0.8)
    soft = gaussian_filter(image, (0.8, 0.8, 0))
    return np.clip(soft * (1 + pigment[..., None]), 0, 1)


def matted(picture: Floats, margin: float = 0.14) -> Floats:
    """A picture within a passe-partout of card."""
    height, width = picture.shape[:2]
    edge = int(margin * min(height, width))
    card = np.broadcast_to(colour(240, 237, 230), (height + 2 * edge, width + 2 * edge, 3)).copy()
    card[edge - 3 : edge + height + 3, edge - 3 : edge + width + 3] = 0.72
    card[edge : edge + height, edge : edge + width] = picture
    return card


def any_picture(rng: np.random.Generator, width: int, height: int) -> Floats:
    """One of the three kinds, sometimes matted."""
    kind = (abstract_art, landscape, botanical)[rng.integers(3)]
    if kind is botanical and width > height:
        kind = landscape
    picture = kind(rng, width, height)
    return matted(picture) if rng.random() < 0.6 else picture


def _cover(rng: np.random.Generator) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """A cover's colour and the ink on it."""
    hue, saturation, value = rng.uniform(0, 1), rng.uniform(0.25, 0.8), rng.uniform(0.25, 0.92)
    if rng.random() < 0.45:  # reds, ochres and creams are commoner on shelves than violets
        hue, saturation = rng.uniform(0.0, 0.14), rng.uniform(0.15, 0.8)
    red, green, blue = (int(255 * c) for c in colorsys.hsv_to_rgb(hue, saturation, value))
    ink = ((226, 206, 150), (236, 230, 214), (40, 34, 34))[2 if value > 0.65 else int(rng.integers(2))]
    return (red, green, blue), ink


def book_spines(rng: np.random.Generator, count: int) -> Floats:
    """An atlas of `count` spines side by side (each 40 x 256 pixels), with bands and marks like titles."""
    width, height = 40, 256
    image, draw = _canvas((width * count, height), colour(128, 128, 128))
    for k in range(count):
        cover, ink = _cover(rng)
        left = k * width
        draw.rectangle((left, 0, left + width - 1, height), fill=cover)
        for y in rng.uniform(8, height - 8, rng.integers(1, 4)):
            draw.rectangle((left, y, left + width, y + rng.uniform(2, 9)), fill=ink)
        y, end = rng.uniform(30, 70), height - rng.uniform(70, 130)
        middle, half = left + width / 2, rng.uniform(3, 7)
        while y < end:
            step = rng.uniform(3, 10)
            draw.rectangle((middle - half, y, middle + half, y + step), fill=ink)
            y += step + rng.uniform(2, 8)
    atlas = np.asarray(image, float) / 255
    wear = grain(rng, height, width * count, 1, 1) * 0.05
    return np.clip(atlas * (1 + wear[..., None]), 0, 1)


def panorama(rng: np.random.Generator, height: int = 1280) -> Floats:
    """The outdoors as a sphere [H, 2H, 3], linear radiance: row 0 is straight up, the middle row the horizon."""
    width = 2 * height
    rows = np.arange(height)[:, None] + np.zeros((1, width))
    elevation = (0.5 - (rows + 0.5) / height) * np.pi
    haze = np.exp(-np.clip(elevation, 0, None) / 0.28)
    sky = mix(
        np.broadcast_to(np.array([0.50, 0.80, 1.45]), (height, width, 3)),
        np.broadcast_to(np.array([1.45, 1.55, 1.65]), (height, width, 3)),
        haze,
    )
    cover = smoothstep(0.05, 1.0, fractal_noise(rng, height, width, 16, 14, 6, 0.55))
    sky = mix(sky, np.broadcast_to(np.array([2.0, 2.0, 2.02]), sky.shape), 0.75 * cover)
    image = sky
    for k, (base, swing, tone) in enumerate(
        ((0.07, 0.03, (0.42, 0.52, 0.62)), (0.035, 0.02, (0.26, 0.36, 0.30)), (0.0, 0.012, (0.17, 0.27, 0.11)))
    ):
        ridge = base + swing * fractal_noise(rng, 2, width, 1, 14 + 10 * k, 6)[0]
        texture = 1 + 0.35 * fractal_noise(rng, height, width, 90, 180, 4, 0.8)
        mask = smoothstep(-0.003, 0.003, ridge[None, :] - elevation)
        image = mix(image, np.array(tone) * texture[..., None], mask)
    lawn = 0.12 * fractal_noise(rng, height, width, 300, 420, 3, 0.8) + 0.10 * fractal_noise(
        rng, height, width, 30, 40, 4
    )
    stripes = 0.06 * np.sign(np.sin(np.arange(width) * 2 * np.pi * 44 / width))
    ground = np.array([0.25, 0.30, 0.17]) * (1 + lawn + stripes)[..., None]
    image = mix(image, ground, smoothstep(-0.055, -0.06, elevation))
    hedge_top = -0.125 + 0.012 * fractal_noise(rng, 2, width, 1, 60, 5, 0.7)[0][None, :]
    foliage = 0.6 * fractal_noise(rng, height, width, 200, 400, 3, 0.8) + 3.5 * (elevation + 0.19)
    hedge = np.array([0.10, 0.19, 0.06]) * (1 + foliage)[..., None]
    _houses(rng, image)
    image = mix(image, hedge, smoothstep(-0.003, 0.003, hedge_top - elevation) * (elevation > -0.24))
    return np.clip(image, 0.02, None)


def _houses(rng: np.random.Generator, image: Floats) -> None:
    """Draws houses and trees along the horizon, in place."""
    height, width = image.shape[:2]
    canvas = Image.new("RGBA", (width, height))
    draw = ImageDraw.Draw(canvas)
    degree = height / 180
    for angle in np.sort(rng.uniform(0, 360, 70)):
        x, base = angle * degree, height / 2 + rng.uniform(2.0, 5.5) * degree
        if rng.random() < 0.45:
            w, h = rng.uniform(3, 7) * degree, rng.uniform(3.5, 7) * degree
            wall = tuple(int(c) for c in np.array([196, 172, 148]) * rng.uniform(0.6, 1.05))
            draw.rectangle((x, base - h, x + w, base), fill=(*wall, 255))
            roof = (int(rng.uniform(90, 150)), 62, 50, 255)
            draw.polygon([(x - 4, base - h), (x + w / 2, base - h - 0.45 * w), (x + w + 4, base - h)], fill=roof)
            for wx in np.linspace(x + 0.18 * w, x + 0.72 * w, 3):
                for wy in np.linspace(base - 0.8 * h, base - 0.35 * h, 2):
                    draw.rectangle((wx, wy, wx + 0.12 * w, wy + 0.2 * h), fill=(60, 72, 88, 255))
        else:
            for _ in range(260):
                a, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
                cx, cy = x + 2.0 * reach * np.cos(a) * degree, base - (3.2 + 2.1 * reach * np.sin(a)) * degree
                r = rng.uniform(0.12, 0.34) * degree
                tone = rng.uniform(0.55, 0.9) + 0.25 * (base - 3.2 * degree - cy) / (2 * degree)
                leaf = (int(78 * tone), int(112 * tone), int(52 * tone), 255)
                draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=leaf)
            draw.rectangle((x - 3, base - 2 * degree, x + 3, base), fill=(70, 52, 38, 255))
    layer = np.asarray(canvas, float) / 255
    linear = 0.9 * layer[..., :3] ** 2.2
    image[:] = mix(image, linear, layer[..., 3])
