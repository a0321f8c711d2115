"""COLMAP's camera models to and from `Intrinsics` (COLMAP ``src/colmap/sensor/models.h``, ``doc/cameras.rst``).

COLMAP's pixels are ours: the top-left corner of the image is (0, 0). One line in a table is one model; a model whose
formula is not one of our two distortions is refused by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..distortion import BrownConrady, KannalaBrandt
from ..errors import InputError
from ..intrinsics import Intrinsics

# Parameters in the order in which COLMAP stores them; "f" is a focal length for both axes.
_BROWN_CONRADY: dict[str, tuple[str, ...]] = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
    "FULL_OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
}
_KANNALA_BRANDT: dict[str, tuple[str, ...]] = {
    "SIMPLE_RADIAL_FISHEYE": ("f", "cx", "cy", "k1"),
    "RADIAL_FISHEYE": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV_FISHEYE": ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"),
}
COLMAP_MODELS: dict[str, tuple[str, ...]] = {**_BROWN_CONRADY, **_KANNALA_BRANDT}
"""Usable model names and their parameters in order."""


@dataclass(frozen=True)
class ColmapCamera:
    """A camera as COLMAP writes it.

    Attributes:
        model: one of `COLMAP_MODELS`.
        width, height: image size in pixels.
        params: in the model's order.
    """

    model: str
    width: int
    height: int
    params: tuple[float, ...]


def intrinsics_from_colmap(model: str, width: int, height: int, params: Sequence[float]) -> Intrinsics:
    """The lens of a COLMAP camera.

    Raises:
        InputError: on a model that we cannot use, another number of parameters, or parameters that make no lens.
    """
    if model not in COLMAP_MODELS:
        usable = ", ".join(COLMAP_MODELS)
        raise InputError(
            f"the COLMAP camera model {model} cannot be used (usable are {usable}); "
            f"undistort the images with COLMAP first"
        )
    names = COLMAP_MODELS[model]
    if len(params) != len(names):
        raise InputError(
            f"a COLMAP camera {model} has {len(names)} parameters ({', '.join(names)}), but {len(params)} were found; "
            f"export the model again"
        )
    values = dict(zip(names, map(float, params), strict=True))
    fx, fy = values.pop("fx", values.get("f", 0.0)), values.pop("fy", values.get("f", 0.0))
    values.pop("f", None)
    cx, cy = values.pop("cx"), values.pop("cy")
    try:
        distortion = None
        if model in _KANNALA_BRANDT:
            distortion = KannalaBrandt(**values)
        elif any(values.values()):
            distortion = BrownConrady(**values)
        return Intrinsics(width, height, fx, fy, cx, cy, distortion)
    except ValueError as error:
        raise InputError(
            f"the COLMAP camera {model} {width}x{height} {tuple(params)} is no lens: {error}; export the model again"
        ) from error


def colmap_from_intrinsics(intrinsics: Intrinsics) -> ColmapCamera:
    """The COLMAP model with the fewest parameters that says the same lens exactly.

    Raises:
        InputError: if the distortion is of a kind that COLMAP has no model for.
    """
    lens = intrinsics.distortion
    if lens is None:
        table, coefficients = _BROWN_CONRADY, dict[str, float]()
    elif isinstance(lens, BrownConrady):
        table = _BROWN_CONRADY
        coefficients = {name: getattr(lens, name) for name in ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")}
    elif isinstance(lens, KannalaBrandt):
        table = _KANNALA_BRANDT
        coefficients = {name: getattr(lens, name) for name in ("k1", "k2", "k3", "k4")}
    else:
        raise InputError(f"COLMAP has no model for the distortion {lens!r}; undistort the images first")
    values = {"fx": intrinsics.fx, "fy": intrinsics.fy, "cx": intrinsics.cx, "cy": intrinsics.cy, **coefficients}
    needed = {name for name, value in coefficients.items() if value != 0.0}
    one_focal = intrinsics.fx == intrinsics.fy
    for model, names in table.items():
        if needed <= set(names) and (one_focal or "f" not in names):
            params = tuple(intrinsics.fx if name == "f" else values.get(name, 0.0) for name in names)
            return ColmapCamera(model, intrinsics.width, intrinsics.height, params)
    raise AssertionError("the last model of each table holds every coefficient")
