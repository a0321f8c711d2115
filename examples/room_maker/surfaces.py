"""Procedural floors, walls and cloth. Every maker takes a generator and returns an image [H, W, 3], sRGB in [0, 1]."""

import numpy as np
from PIL import Image, ImageDraw

from .noise import Floats, colour, fractal_noise, grain, mix, shaded, smoothstep

WOODS = {
    "oak": (colour(178, 132, 86), colour(132, 90, 52)),
    "honey": (colour(186, 128, 72), colour(134, 82, 40)),
    "walnut": (colour(126, 84, 56), colour(78, 48, 30)),
    "ash": (colour(196, 164, 126), colour(158, 122, 86)),
}


def plank(rng: np.random.Generator, height: int, width: int, tones: tuple[Floats, Floats]) -> Floats:
    """One board, grain along u."""
    warp = fractal_noise(rng, height, width, 1.2, max(width / height / 3, 1), 3) * rng.uniform(1.2, 2.4)
    across = np.linspace(0, rng.uniform(3, 7), height)[:, None] + warp
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * across)
    fibres = grain(rng, height, width, 0.6, 14) * 0.10 + grain(rng, height, width, 0.5, 3) * 0.05
    amount = np.clip(0.22 + 0.38 * rings**2 + fibres + rng.normal(0, 0.16), 0, 1)
    board = mix(np.broadcast_to(tones[0], (height, width, 3)), np.broadcast_to(tones[1], (height, width, 3)), amount)
    board = board * (1 + rng.normal(0, 0.07)) + rng.normal(0, 0.012, 3)
    if rng.random() < 0.3:
        y, x = rng.uniform(0.25, 0.75) * height, rng.uniform(0.1, 0.9) * width
        rows, columns = np.mgrid[:height, :width]
        knot = np.exp(-(((rows - y) / (0.09 * height)) ** 2) - ((columns - x) / (0.16 * height)) ** 2)
        board = mix(board, board * 0.45, knot)
    return board


def wood_floor(rng: np.random.Generator, width_m: float, depth_m: float, wood: str, pixels_per_m: int = 420) -> Floats:
    """Staggered planks that fill the floor; u is the room's x, v its y (row 0 is y = depth)."""
    height, width = round(depth_m * pixels_per_m), round(width_m * pixels_per_m)
    image = np.zeros((height, width, 3))
    rows = round(0.135 * pixels_per_m)
    for top in range(0, height, rows):
        left = -int(rng.uniform(0, 0.85) * pixels_per_m)
        while left < width:
            length = int(rng.uniform(0.9, 1.7) * pixels_per_m)
            board = plank(rng, rows, length, WOODS[wood])
            board[:2] *= 0.45
            board[:, :2] *= 0.5
            low, high = max(left, 0), min(left + length, width)
            image[top : top + rows, low:high] = board[: height - top, low - left : high - left]
            left += length
    return np.clip(image, 0, 1)


def wood_panel(rng: np.random.Generator, wood: str, size: int = 768) -> Floats:
    """Veneer for furniture, about 1 m across, grain along u."""
    strips = [plank(rng, size // 3, size, WOODS[wood]) for _ in range(3)]
    mean = np.mean([strip.mean(axis=(0, 1)) for strip in strips], axis=0)
    return np.clip(np.concatenate([strip - strip.mean(axis=(0, 1)) + mean for strip in strips]), 0, 1)


def plaster(rng: np.random.Generator, width_m: float, height_m: float, tint: Floats, strength: float = 1.0) -> Floats:
    """Painted plaster: roller marks, trowel clouds, specks and hairline strokes. Strong enough for feature matching."""
    pixels_per_m = 240
    height, width = round(height_m * pixels_per_m), round(width_m * pixels_per_m)
    clouds = fractal_noise(rng, height, width, 2 * height_m, 2 * width_m, 6, 0.7) * 0.026
    trowel = grain(rng, height, width, 2.2, 6) * 0.010 + grain(rng, height, width, 6, 2.2) * 0.010
    specks = np.clip(np.abs(grain(rng, height, width, 1.5, 1.5)) - 2.1, 0, 1.5)
    sign = np.where(fractal_noise(rng, height, width, 20, 20, 1) > 0, 1.0, -1.0)
    pits = np.clip(np.abs(grain(rng, height, width, 3.2, 3.2)) - 2.5, 0, 1.0)
    return shaded(tint, strength * (clouds + trowel + 0.07 * specks * sign - 0.14 * pits))


def leaf_wallpaper(rng: np.random.Generator, width_m: float, height_m: float, tint: Floats) -> Floats:
    """A painted wallpaper of branches and leaves that never repeats."""
    pixels_per_m = 260
    height, width = round(height_m * pixels_per_m), round(width_m * pixels_per_m)
    canvas = Image.new("RGB", (width, height), tuple(int(255 * c) for c in tint))
    draw = ImageDraw.Draw(canvas)
    inks = [np.clip(tint * s + d, 0, 1) for s, d in ((0.72, 0.0), (0.86, 0.02), (1.0, 0.14), (1.05, 0.24))]
    for x0 in np.arange(-0.1, width_m + 0.2, 0.24):
        x, y, angle = x0 + rng.normal(0, 0.03), height_m + 0.1, -np.pi / 2
        while y > -0.2:
            angle = np.clip(angle + rng.normal(0, 0.22), -np.pi / 2 - 0.6, -np.pi / 2 + 0.6)
            step = rng.uniform(0.05, 0.09)
            x1, y1 = x + step * np.cos(angle), y + step * np.sin(angle)
            ink = inks[rng.integers(4)]
            scale = pixels_per_m
            draw.line([(x * scale, y * scale), (x1 * scale, y1 * scale)], fill=_rgb(inks[0]), width=2)
            for side in (-1, 1):
                if rng.random() < 0.8:
                    lean = angle + side * rng.uniform(0.5, 1.2)
                    _leaf(draw, x1 * scale, y1 * scale, lean, rng.uniform(0.06, 0.15) * scale, ink, inks[0])
            x, y = x1 + (x0 - x1) * 0.08, y1
    image = np.asarray(canvas, float) / 255
    paper = grain(rng, height, width, 0.8, 0.8) * 0.012 + fractal_noise(rng, height, width, 5, 9, 5) * 0.02
    return np.clip(image * (1 + paper[..., None]), 0, 1)


def _rgb(ink: Floats) -> tuple[int, int, int]:
    red, green, blue = (int(255 * c) for c in ink)
    return red, green, blue


def _leaf(
    draw: ImageDraw.ImageDraw, x: float, y: float, angle: float, length: float, ink: Floats, vein: Floats
) -> None:
    """A pointed leaf with a midrib, drawn from its stem."""
    t = np.linspace(0, 1, 9)
    breadth = 0.24 * length * np.sin(np.pi * t**0.8)
    c, s = np.cos(angle), np.sin(angle)
    upper = np.stack([x + c * t * length - s * breadth, y + s * t * length + c * breadth], 1)
    lower = np.stack([x + c * t * length + s * breadth, y + s * t * length - c * breadth], 1)
    draw.polygon([tuple(p) for p in np.concatenate([upper, lower[::-1]])], fill=_rgb(ink))
    draw.line([(x, y), (x + c * length * 0.9, y + s * length * 0.9)], fill=_rgb(vein), width=1)


def rug(rng: np.random.Generator, palette: list[Floats], width: int = 1200, height: int = 800) -> Floats:
    """A woven rug: borders, diamonds and small motifs, worn a little."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    edge = np.minimum(np.minimum(rows, height - 1 - rows), np.minimum(columns, width - 1 - columns)) / height
    field, border, light, dark = palette
    image = np.broadcast_to(field, (height, width, 3)).copy()
    u, v = (columns - width / 2) / height, (rows - height / 2) / height
    cell = rng.uniform(0.11, 0.15)
    diamond = np.abs(((u / cell) % 1) - 0.5) + np.abs(((v / cell) % 1) - 0.5)
    tone = rng.uniform(0, 1, (64, 64))[(v / cell).astype(int) % 64, (u / cell).astype(int) % 64]
    image = mix(image, np.broadcast_to(border, image.shape), smoothstep(0.30, 0.27, diamond) * (0.25 + 0.75 * tone))
    image = mix(
        image, np.broadcast_to(light, image.shape), smoothstep(0.14, 0.11, diamond) * smoothstep(0.3, 0.6, tone)
    )
    medallion = np.hypot(u * 0.72, v) + 0.018 * np.cos(12 * np.arctan2(v, u))
    for radius, ink in ((0.36, dark), (0.335, light), (0.32, border), (0.24, field), (0.17, dark), (0.15, light)):
        image = mix(image, np.broadcast_to(ink, image.shape), smoothstep(radius + 0.004, radius - 0.004, medallion))
    petals = smoothstep(0.1, 0.5, np.cos(16 * np.arctan2(v, u)) * (medallion > 0.24) * (medallion < 0.32))
    image = mix(image, np.broadcast_to(light, image.shape), petals)
    along = np.where(np.abs(u) * height / width > np.abs(v), v, u)
    zigzag = np.abs(((along / 0.06) % 1) - 0.5) * 0.05
    for low, high, ink in ((0.0, 0.012, dark), (0.012, 0.028, light), (0.028, 0.09, border), (0.09, 0.1, dark)):
        image = mix(image, np.broadcast_to(ink, image.shape), ((edge >= low) & (edge < high)).astype(float))
    image = mix(image, np.broadcast_to(light, image.shape), (np.abs(edge - 0.045 - zigzag) < 0.006).astype(float))
    wear = fractal_noise(rng, height, width, 4, 6, 6, 0.7) * 0.07 + grain(rng, height, width, 0.7, 1.4) * 0.07
    return np.clip(image * (1 + wear[..., None]) + 0.03 * np.clip(wear, 0, 1)[..., None], 0, 1)


def weave(rng: np.random.Generator, tint: Floats, size: int = 640, strength: float = 0.07) -> Floats:
    """Upholstery cloth, about 0.8 m across: slubs along warp and weft, soft mottling."""
    threads = grain(rng, size, size, 0.7, 7) + grain(rng, size, size, 7, 0.7)
    mottle = fractal_noise(rng, size, size, 6, 6, 5, 0.7)
    flecks = np.clip(np.abs(grain(rng, size, size, 1.2, 1.2)) - 2.2, 0, 1)
    return shaded(tint, strength * (0.7 * threads + 0.6 * mottle) - 0.25 * flecks)


def patterned_cloth(rng: np.random.Generator, tint: Floats, ink: Floats, kind: str, size: int = 512) -> Floats:
    """Cushion cloth: "stripes", "dots", "leaves" or "checks" over a weave."""
    rows, columns = np.mgrid[:size, :size] / size
    if kind == "stripes":
        widths = np.cumsum(rng.uniform(0.02, 0.07, 40))
        mask = (np.searchsorted(widths, columns + 0.004 * np.sin(rows * 60)) % 2).astype(float)
    elif kind == "dots":
        canvas = Image.new("L", (size, size))
        draw = ImageDraw.Draw(canvas)
        for x, y in rng.uniform(0, size, (90, 2)):
            r = rng.uniform(0.015, 0.035) * size
            draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
        mask = np.asarray(canvas, float) / 255
    elif kind == "checks":
        mask = 0.5 * (((columns * 7) % 1) < 0.5) + 0.5 * (((rows * 7) % 1) < 0.5)
    else:
        paper = leaf_wallpaper(rng, 2.0, 2.0, np.array([0.3, 0.3, 0.3]))[:size, :size, 0]
        mask = smoothstep(0.25, 0.5, paper)
    cloth = weave(rng, tint, size, 0.05)
    return np.clip(mix(cloth, weave(rng, ink, size, 0.05), mask), 0, 1)


def marble(rng: np.random.Generator, size: int = 512) -> Floats:
    """White stone with grey veins."""
    field = fractal_noise(rng, size, size, 2, 3, 6, 0.6)
    veins = np.exp(-((field / 0.05) ** 2)) + 0.5 * np.exp(-(((field - 0.5) / 0.03) ** 2))
    base = np.broadcast_to(colour(232, 230, 226), (size, size, 3))
    return np.clip(mix(base, np.broadcast_to(colour(128, 128, 132), base.shape), 0.7 * np.clip(veins, 0, 1)), 0, 1)
