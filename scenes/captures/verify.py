"""Which registered photos to believe: a pose counts only as far as the geometry of its neighbours agrees with it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pycolmap

Matches = dict[tuple[int, int], NDArray[np.int64]]
"""Inlier matches [M, 2] (feature indices) of verified pairs (image ids, smaller first)."""

MATCHED = 15
_EPIPOLAR_ERROR_PX = 4.0
_LEAST_OBSERVATIONS = 20
_LEAST_AGREEMENT = 0.5
_LEAST_SPREAD = 0.05
_MOST_ERROR_PX = 2.5


@dataclass(frozen=True)
class Support:
    """What speaks for the pose of one photo.

    Attributes:
        observations: triangulated points that it sees.
        long_observations: those that two or more other photos see too.
        spread: part of an 8 x 8 grid over the image that holds observations.
        error_px: median reprojection error.
        neighbours: registered photos with verified matches to it.
        agreeing: those of them whose matches agree with both poses.
        agreement: part of all verified matches with registered neighbours that agree with the poses.
    """

    observations: int
    long_observations: int
    spread: float
    error_px: float
    neighbours: int
    agreeing: int
    agreement: float

    def doubt(self) -> str | None:
        """Why the pose is not to be believed, or None."""
        if self.observations < _LEAST_OBSERVATIONS:
            return f"only {self.observations} points support its pose"
        if self.agreeing < 1 or self.agreement < _LEAST_AGREEMENT:
            return f"only {self.agreement:.0%} of its matches agree with its pose"
        if self.spread < _LEAST_SPREAD:
            return "the points that support its pose lie in one corner of the picture"
        if self.error_px > _MOST_ERROR_PX:
            return f"its points are off by {self.error_px:.1f} pixels"
        return None


def verified_matches(database: "pycolmap.Database") -> Matches:
    """Inlier matches [M, 2] (feature indices) of every verified pair (image ids, smaller first)."""
    import pycolmap

    pair_ids, geometries = database.read_two_view_geometries()
    matches: Matches = {}
    for pair_id, geometry in zip(pair_ids, geometries, strict=True):
        first, second = pycolmap.pair_id_to_image_pair(pair_id)
        inliers = np.asarray(geometry.inlier_matches, dtype=np.int64)
        if len(inliers) >= MATCHED:
            matches[first, second] = inliers
    return matches


def photo_supports(model: "pycolmap.Reconstruction", matches: Matches) -> dict[int, Support]:
    """The support of every registered image, by image id."""
    tallies: dict[int, list[tuple[int, int]]] = {image_id: [] for image_id in sorted(model.reg_image_ids())}
    for (first, second), tally in pair_agreements(model, matches).items():
        tallies[first].append(tally)
        tallies[second].append(tally)
    return {image_id: _support(model, image_id, tallies[image_id]) for image_id in tallies}


def pair_agreements(model: "pycolmap.Reconstruction", matches: Matches) -> dict[tuple[int, int], tuple[int, int]]:
    """Of every pair of registered images with matches, how many of these agree with the two poses, and of how many."""
    rays = {image_id: _bearings(model, image_id) for image_id in sorted(model.reg_image_ids())}
    return {
        (first, second): (int(_agree(model, rays, first, second, inliers).sum()), len(inliers))
        for (first, second), inliers in matches.items()
        if first in rays and second in rays
    }


def _bearings(model: "pycolmap.Reconstruction", image_id: int) -> NDArray[np.float64]:
    """[K, 2] ideal normalised coordinates of all features of an image."""
    image = model.image(image_id)
    pixels = np.array([point.xy for point in image.points2D], dtype=np.float64).reshape(-1, 2)
    rays = np.asarray(model.camera(image.camera_id).cam_from_img(pixels), dtype=np.float64)
    return rays.reshape(-1, 2)


def _agree(
    model: "pycolmap.Reconstruction",
    rays: dict[int, NDArray[np.float64]],
    first: int,
    second: int,
    inliers: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """[M] whether each match lies near the epipolar lines of the two poses (Sampson distance)."""
    image_1, image_2 = model.image(first), model.image(second)
    relative = image_2.cam_from_world() * image_1.cam_from_world().inverse()
    rotation, t = relative.rotation.matrix(), relative.translation
    essential = np.array([[0, -t[2], t[1]], [t[2], 0, -t[0]], [-t[1], t[0], 0]]) @ rotation
    a = np.column_stack([rays[first][inliers[:, 0]], np.ones(len(inliers))])
    b = np.column_stack([rays[second][inliers[:, 1]], np.ones(len(inliers))])
    line_b, line_a = a @ essential.T, b @ essential
    numerator = np.sum(b * line_b, axis=1) ** 2
    denominator = np.sum(line_b[:, :2] ** 2, axis=1) + np.sum(line_a[:, :2] ** 2, axis=1)
    focal = 0.5 * (
        model.camera(image_1.camera_id).mean_focal_length() + model.camera(image_2.camera_id).mean_focal_length()
    )
    return numerator < denominator * (_EPIPOLAR_ERROR_PX / focal) ** 2


def _support(model: "pycolmap.Reconstruction", image_id: int, tallies: list[tuple[int, int]]) -> Support:
    image = model.image(image_id)
    camera = model.camera(image.camera_id)
    cam_from_world = image.cam_from_world()
    seen = [point for point in image.points2D if point.has_point3D()]
    lengths = [model.point3D(point.point3D_id).track.length() for point in seen]
    pixels = np.array([point.xy for point in seen], dtype=np.float64).reshape(-1, 2)
    positions = np.array([model.point3D(point.point3D_id).xyz for point in seen], dtype=np.float64).reshape(-1, 3)
    error_px = float("inf")
    if seen:
        points_camera = positions @ cam_from_world.rotation.matrix().T + cam_from_world.translation
        projected = np.asarray(camera.img_from_cam(points_camera), dtype=np.float64).reshape(-1, 2)
        error_px = float(np.median(np.linalg.norm(projected - pixels, axis=1)))
    cells = np.floor(pixels / (camera.width, camera.height) * 8).astype(int)
    matched = sum(total for _, total in tallies)
    return Support(
        observations=len(seen),
        long_observations=sum(length >= 3 for length in lengths),
        spread=len({(int(x), int(y)) for x, y in cells}) / 64,
        error_px=error_px,
        neighbours=len(tallies),
        agreeing=sum(agreeing >= MATCHED and agreeing > 0.5 * total for agreeing, total in tallies),
        agreement=sum(agreeing for agreeing, _ in tallies) / matched if matched else 0.0,
    )
