"""Poses from points that are known already: of one photo, and of a smaller model as a whole."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from .verify import Matches

if TYPE_CHECKING:
    import pycolmap

Pair = tuple[int, int]
Floats = NDArray[np.float64]

# Fewer than the mapper's 30: what is accepted in the end is decided by the support of the refined pose.
_LEAST_INLIERS = 12
_MOST_ERROR_PX = 8.0
_LEAST_INLIER_RATIO = 0.05
_MOST_TRIALS = 10_000
# A point that two models have: how far apart, as part of the distance from which it is seen, and how many must agree.
_MOST_ERROR_OF_DISTANCE = 0.05
_LEAST_SHARED_RATIO = 0.3


def resected_pose(
    model: "pycolmap.Reconstruction",
    image_id: int,
    pixels: Floats,
    camera: "pycolmap.Camera",
    matches: Matches,
    *,
    find_focal: bool,
    seed: int,
) -> "pycolmap.Rigid3d | None":
    """camera_from_world of a photo, from the points that its matches see in placed photos.

    The method is P3P in LO-RANSAC (Lambda Twist, Persson & Nordberg 2018; by COLMAP), then least squares.

    Args:
        model: of the placed photos.
        image_id: of the photo.
        pixels: [K, 2] its features.
        camera: its lens; its focal length is changed if ``find_focal``.
        matches: verified matches of pairs of image ids.
        find_focal: the focal length is not known.
        seed: of the random samples.

    Returns:
        None if fewer than a dozen features agree on a pose.
    """
    import pycolmap

    seen = _seen_points(model, image_id, matches)
    if len({feature for feature, _ in seen}) < _LEAST_INLIERS:
        return None
    features = np.array([feature for feature, _ in seen])
    points_world = np.array([model.point3D(point_id).xyz for _, point_id in seen], dtype=np.float64)
    options = pycolmap.AbsolutePoseEstimationOptions()
    options.estimate_focal_length = find_focal
    options.ransac.max_error = _MOST_ERROR_PX
    options.ransac.min_inlier_ratio = _LEAST_INLIER_RATIO
    options.ransac.max_num_trials = _MOST_TRIALS
    options.ransac.random_seed = seed
    refinement = pycolmap.AbsolutePoseRefinementOptions()
    refinement.refine_focal_length = find_focal
    found = pycolmap.estimate_and_refine_absolute_pose(pixels[features], points_world, camera, options, refinement)
    if found is None or len(set(features[np.asarray(found["inlier_mask"])].tolist())) < _LEAST_INLIERS:
        return None
    return found["cam_from_world"]


def _seen_points(model: "pycolmap.Reconstruction", image_id: int, matches: Matches) -> list[Pair]:
    """Feature of the photo and id of the point that its partner belongs to, each once, sorted."""
    placed = set(model.reg_image_ids())
    seen: set[Pair] = set()
    for pair, inliers in matches.items():
        if image_id not in pair:
            continue
        side = pair.index(image_id)
        other = pair[1 - side]
        if other in placed:
            points = model.image(other).points2D
            for row in inliers:
                point = points[int(row[1 - side])]
                if point.has_point3D():
                    seen.add((int(row[side]), int(point.point3D_id)))
    return sorted(seen)


def moved_poses(
    model: "pycolmap.Reconstruction", other: "pycolmap.Reconstruction", matches: Matches, seed: int
) -> "dict[int, pycolmap.Rigid3d]":
    """camera_from_world of a smaller model's photos in the world of ``model``, by the points that both have.

    Returns:
        Empty if the models share too few points that agree on one similarity.
    """
    import pycolmap

    shared = _shared_points(model, other, matches)
    if len(shared) < _LEAST_INLIERS:
        return {}
    points_other = np.array([other.point3D(point_id).xyz for point_id, _ in sorted(shared)], dtype=np.float64)
    points_world = np.array([model.point3D(point_id).xyz for _, point_id in sorted(shared)], dtype=np.float64)
    distances = [
        np.linalg.norm(model.point3D(p).xyz - model.image(i).projection_center()) for (_, p), i in shared.items()
    ]
    options = pycolmap.RANSACOptions()
    options.max_error = _MOST_ERROR_OF_DISTANCE * float(np.median(distances))
    options.max_num_trials = _MOST_TRIALS
    options.random_seed = seed
    # The type stubs promise the transform alone.
    found = cast("dict[str, Any] | None", pycolmap.estimate_sim3d_robust(points_other, points_world, options))
    if found is None or found["num_inliers"] < max(_LEAST_INLIERS, _LEAST_SHARED_RATIO * len(shared)):
        return {}
    world_from_other = found["tgt_from_src"]
    return {
        image_id: world_from_other.transform_camera_world(other.image(image_id).cam_from_world())
        for image_id in sorted(other.reg_image_ids())
    }


def _shared_points(
    model: "pycolmap.Reconstruction", other: "pycolmap.Reconstruction", matches: Matches
) -> dict[Pair, int]:
    """Points (ids in ``other`` and ``model``) that one feature or two matched ones see, and a photo of ``model``."""
    placed, there = set(model.reg_image_ids()), set(other.reg_image_ids())
    shared: dict[Pair, int] = {}

    def note(in_other: "pycolmap.Point2D", in_model: "pycolmap.Point2D", image_id: int) -> None:
        if in_other.has_point3D() and in_model.has_point3D():
            shared.setdefault((int(in_other.point3D_id), int(in_model.point3D_id)), image_id)

    for image_id in sorted(placed & there):
        for in_other, in_model in zip(other.image(image_id).points2D, model.image(image_id).points2D, strict=True):
            note(in_other, in_model, image_id)
    for (first, second), inliers in sorted(matches.items()):
        for a, b, column in ((first, second, 0), (second, first, 1)):
            if a in there and b in placed:
                points_a, points_b = other.image(a).points2D, model.image(b).points2D
                for row in inliers:
                    note(points_a[int(row[column])], points_b[int(row[1 - column])], b)
    return shared
