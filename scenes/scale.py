"""How large a scene is, from two points in a photo whose distance somebody measured."""

import re
from dataclasses import dataclass

import numpy as np

from cameras.camera import Camera
from cameras.errors import SettingsError

from .captures.capture import Capture
from .meshes.frame import METRES_PER_UNIT
from .scene import Scene

_LENGTH = re.compile(r"([0-9]*\.?[0-9]+)\s*(mm|cm|m|in|ft)", re.ASCII)
_KNOWN = re.compile(r"(.+?)\s+([0-9.]+),([0-9.]+)\s+([0-9.]+),([0-9.]+)\s+(\S+)", re.ASCII)
# The median over this many pixels around a point, because edges of things are what people click on.
_AROUND = 2
_LEAST_ALPHA = 0.5


@dataclass(frozen=True)
class KnownLength:
    """Two points in a photo and their distance.

    Attributes:
        photo: its name in the capture.
        first_px, second_px: (x, y) in pixels of the photo, the top-left corner at (0, 0).
        metres: how far apart they are.
    """

    photo: str
    first_px: tuple[float, float]
    second_px: tuple[float, float]
    metres: float


def parse_metres(text: str, option: str) -> float:
    """``1.5m``, ``150cm``, ``5ft`` in metres.

    Raises:
        SettingsError: if it is not a positive number with a unit.
    """
    match = _LENGTH.fullmatch(text.strip())
    if match is None or not float(match[1]) > 0:
        raise SettingsError(f"{option} should be a length with its unit, such as 1.5m, 150cm or 5ft, but is {text!r}.")
    return float(match[1]) * METRES_PER_UNIT[match[2]]


def parse_known_length(text: str) -> KnownLength:
    """``PHOTO x1,y1 x2,y2 2.03m``.

    Raises:
        SettingsError: if it is not that.
    """
    match = _KNOWN.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        first, second = (float(match[2]), float(match[3])), (float(match[4]), float(match[5]))
    except ValueError:
        raise SettingsError(
            "--scale-from should be a photo, two points in it and their distance, such as "
            f"'0012.jpg 410,300 415,720 2.03m', but is {text!r}."
        ) from None
    return KnownLength(match[1], first, second, parse_metres(match[6], "--scale-from"))


def metres_per_unit_from(known: KnownLength, scene: Scene, capture: Capture) -> float:
    """Metres that one unit of the scene is long.

    Raises:
        SettingsError: if the capture has no such photo, a point is outside it or shows nothing, or both are one.
    """
    found = [image for image in capture.images if image.name == known.photo or image.path.name == known.photo]
    if len(found) != 1:
        some = ", ".join(image.name for image in capture.images[:3])
        raise SettingsError(
            f"--scale-from should name a photo of the capture, but {'several are' if found else 'none is'} called "
            f"{known.photo}; its photos are {some}, ..."
        )
    camera = found[0].camera
    ends = [_point_seen(point, camera, scene, known.photo) for point in (known.first_px, known.second_px)]
    length = float(np.linalg.norm(ends[1] - ends[0]))
    if not length > 0:
        raise SettingsError("--scale-from should give two points, but both are one; choose ends that lie apart.")
    return known.metres / length


def _point_seen(point_px: tuple[float, float], camera: Camera, scene: Scene, photo: str) -> np.ndarray:
    """[3] where the scene's surface is at a pixel of a photo, in world units."""
    x, y = point_px
    if not (0 <= x <= camera.width and 0 <= y <= camera.height):
        raise SettingsError(
            f"--scale-from should give points in {photo}, which has {camera.width}x{camera.height} pixels, but "
            f"({x:g}, {y:g}) is outside it."
        )
    ideal = Camera(camera.intrinsics.ideal(), camera.world_from_camera)
    ray = camera.intrinsics.rays(np.array(point_px))
    at = ideal.intrinsics.project(ray)
    view = scene.view(ideal, ("depth_z",))
    column, row = (int(np.clip(v, 0, n - 1)) for v, n in zip(at, (camera.width, camera.height), strict=True))
    near = np.s_[max(0, row - _AROUND) : row + _AROUND + 1, max(0, column - _AROUND) : column + _AROUND + 1]
    depth, alpha = view.depth_z[near], view.alpha[near]
    known = depth[(alpha >= _LEAST_ALPHA) & (depth > 0)]
    if len(known) == 0:
        raise SettingsError(
            f"--scale-from should give points on surfaces, but ({x:g}, {y:g}) in {photo} shows nothing."
        )
    return camera.world_from_camera.apply(ray * float(np.median(known)))
