"""Surfaces between the sparse points: there bare walls begin, which have no points of their own.

Inverse depth is linear on the picture of a plane, so a triangle of points that lie on one wall gives the depth of all
that is between them. A triangle that reaches from a chair to the wall behind it does not, which its depths betray.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, Delaunay, KDTree, QhullError

from cameras.camera import Camera
from scenes.captures.pixels import PosedPhoto

Float64 = NDArray[np.float64]

_MOST_PHOTOS = 64  # that are looked at
_MOST_POINTS = 30_000  # that are looked at in each
_FEWEST_POINTS = 50  # in a photo
_BORDER = 0.2  # of the photo's size: points so far outside of it help, too
_MOST_SLANT = 1.1  # between the depths of a triangle's corners
_FLIP = 1e3  # radius of the sphere of the flipping, in distances of the farthest point
_NEIGHBOURS = 5
_APART = 0.98  # share of the points that are trusted: those that have neighbours


def surface_points(
    positions: Float64, photos: Sequence[PosedPhoto], count: int, rng: np.random.Generator
) -> tuple[Float64, Float64]:
    """About ``count`` points on the surfaces between sparse points, at random pixels of the photos.

    Args:
        positions: [N, 3] the sparse points.
        photos: at least one.
        count: how many are drawn; fewer are found where points do not tell of a surface.

    Returns:
        Positions [M, 3] and the colours that are seen there [M, 3] in [0, 1].
    """
    chosen = np.unique(np.linspace(0, len(photos) - 1, min(len(photos), _MOST_PHOTOS)).astype(int))
    shares = np.bincount(rng.integers(0, len(chosen), count), minlength=len(chosen))
    if len(positions) > _MOST_POINTS:
        positions = positions[np.sort(rng.choice(len(positions), _MOST_POINTS, replace=False))]
    trusted = _with_neighbours(positions)
    found: list[Float64] = [np.zeros((0, 3))]
    colors: list[Float64] = [np.zeros((0, 3))]
    for number, share in zip(chosen, shares, strict=True):
        photo = photos[number]
        pixels = rng.random((share, 2)) * (photo.camera.width, photo.camera.height)
        depth_z = surface_depths(trusted, photo.camera, pixels)
        pixels, depth_z = pixels[depth_z > 0], depth_z[depth_z > 0]
        found.append(photo.camera.unproject(pixels, depth_z))
        x, y = pixels.astype(np.intp).T
        colors.append(photo.rgb[y, x] / 255)
    return np.concatenate(found), np.concatenate(colors)


def _with_neighbours(positions: Float64) -> Float64:
    if len(positions) < _FEWEST_POINTS:
        return positions
    apart = np.asarray(KDTree(positions).query(positions, k=_NEIGHBOURS + 1)[0])[:, -1]
    return positions[apart <= np.quantile(apart, _APART)]


def surface_depths(positions: Float64, camera: Camera, pixels: Float64) -> Float64:
    """[N] depth_z of the surface that pixels [N, 2] show, between points [M, 3]; 0 where they do not tell."""
    depths = np.zeros(len(pixels))
    at, z = camera.project(positions)
    size = np.array([camera.width, camera.height])
    near = (z > 0) & (at > -_BORDER * size).all(axis=1) & (at < (1 + _BORDER) * size).all(axis=1)
    if near.sum() < _FEWEST_POINTS:
        return depths
    try:
        seen = np.flatnonzero(near)[visible_points(positions[near] - camera.position_world)]
        mesh = Delaunay(at[seen])
    except QhullError:  # all in one line, or in one place
        return depths
    corners = z[seen][mesh.simplices]
    flat = corners.max(axis=1) < _MOST_SLANT * corners.min(axis=1)
    triangle = mesh.find_simplex(pixels)
    known = (triangle >= 0) & flat[triangle]
    triangle = triangle[known]
    to_shares = mesh.transform[triangle]
    shares = np.einsum("nij,nj->ni", to_shares[:, :2], pixels[known] - to_shares[:, 2])
    shares = np.column_stack([shares, 1 - shares.sum(axis=1)])
    depths[known] = 1 / (shares / corners[triangle]).sum(axis=1)
    return depths


def visible_points(rays: Float64) -> NDArray[np.intp]:
    """The places of those points that others do not hide from the origin (Katz 2007, section 3).

    Args:
        rays: [N, 3] from the origin to the points.

    Raises:
        QhullError: if they all lie in one plane with the origin.
    """
    distances = np.linalg.norm(rays, axis=1, keepdims=True)
    flipped = rays * (2 * _FLIP * distances.max() / distances - 1)
    corners = ConvexHull(np.concatenate([flipped, np.zeros((1, 3))])).vertices
    return np.sort(corners[corners < len(rays)]).astype(np.intp)
