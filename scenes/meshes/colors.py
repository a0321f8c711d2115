"""One display colour for each triangle, from whatever colours a mesh file has."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Colors = NDArray[np.uint8]

LIGHT_GREY = (204, 204, 204)
# Where a texture is looked up in a triangle: the middle, towards each corner, and on the middle of each side.
_PLACES = np.array(
    [[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4], [4, 4, 1], [1, 4, 4], [4, 1, 4]], dtype=np.float64
)  # fmt: skip


def srgb_from_linear(linear: NDArray[Any]) -> NDArray[Any]:
    """Display values of linear light, both in [0, 1] (IEC 61966-2-1)."""
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-8) ** (1 / 2.4) - 0.055)


def linear_from_srgb(display: NDArray[Any]) -> NDArray[Any]:
    """The inverse of `srgb_from_linear`."""
    x = np.clip(display, 0, 1)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def face_colors(geometry: Any, *, is_gltf: bool) -> Colors:
    """[F, 3] uint8 display sRGB of a ``trimesh.Trimesh``; light grey where it has none.

    Args:
        is_gltf: colours of vertices and factors of materials are linear, as glTF 2.0 (sections 3.7.2.1 and 3.9.2) says.
    """
    count, visual = len(geometry.faces), geometry.visual
    if visual.kind == "texture":
        return _textured(geometry, is_gltf)
    if visual.kind == "face":
        return _display(np.asarray(visual.face_colors)[:, :3], is_gltf)
    if visual.kind == "vertex":
        corners = np.asarray(visual.vertex_colors)[:, :3]
        # The corners of one triangle are alike: it matters little whether their mean is one of light.
        return _display(corners[geometry.faces].mean(axis=1), is_gltf)
    return np.full((count, 3), LIGHT_GREY, np.uint8)


def _display(colors: NDArray[Any], is_linear: bool) -> Colors:
    shown = srgb_from_linear(colors / 255) * 255 if is_linear else colors
    return np.clip(np.round(shown), 0, 255).astype(np.uint8)


def _textured(geometry: Any, is_gltf: bool) -> Colors:
    """The mean of a texture over each triangle, times the material's own colour."""
    from trimesh.visual.material import color_image

    material, uv = geometry.visual.material, geometry.visual.uv
    count = len(geometry.faces)
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if image is not None and image == color_image():  # what trimesh puts where a picture is missing
        image = None
    own = _own_color(material, has_image=image is not None)
    if image is None or uv is None or len(uv) != len(geometry.vertices):
        color = LIGHT_GREY if own is None else _display(own, is_gltf)
        return np.broadcast_to(np.asarray(color, np.uint8), (count, 3)).copy()
    looked_up = _mean_linear(np.asarray(image.convert("RGB")), np.asarray(uv, np.float64)[geometry.faces])
    factor = np.ones(3) if own is None else own / 255 if is_gltf else linear_from_srgb(own / 255)
    return _display(srgb_from_linear(looked_up * factor) * 255, False)


def _own_color(material: Any, *, has_image: bool) -> NDArray[np.float64] | None:
    """[3] the colour in [0, 255] that a material sets itself, None if it sets none."""
    if hasattr(material, "baseColorFactor"):
        factor = material.baseColorFactor
        return None if factor is None else np.asarray(factor, np.float64)[:3]
    from trimesh.visual.color import DEFAULT_COLOR

    diffuse = getattr(material, "diffuse", None)
    # Files that name a picture often leave the colour below it black or grey; and trimesh puts a dark grey where a
    # material has no colour.
    if diffuse is None or has_image or np.array_equal(diffuse, DEFAULT_COLOR):
        return None
    return np.asarray(diffuse, np.float64)[:3]


def _mean_linear(image: Colors, corners_uv: NDArray[np.float64]) -> NDArray[np.float64]:
    """[F, 3] linear mean of a repeated image [H, W, 3] over triangles [F, 3, 2] of (u, v) whose v goes up."""
    height, width = image.shape[:2]
    table = linear_from_srgb(np.arange(256) / 255)
    total = np.zeros((len(corners_uv), 3))
    for weights in _PLACES / _PLACES.sum(axis=1, keepdims=True):
        u, v = np.nan_to_num(np.einsum("k,fkc->cf", weights, corners_uv))
        column = np.floor(np.mod(u, 1) * width).astype(np.int64).clip(0, width - 1)
        row = np.floor(np.mod(1 - v, 1) * height).astype(np.int64).clip(0, height - 1)
        total += table[image[row, column]]
    return total / len(_PLACES)
