"""Whether a whole model hangs together: groups of photos that only agree among themselves, and photos turned wrongly.

What a mapper placed wrongly can agree with itself: a group of photos may be sharp in its own right and lie, turned, at
another place. So beliefs grow from photo to photo here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .verify import Matches, pair_agreements, photo_supports

if TYPE_CHECKING:
    import pycolmap

Pair = tuple[int, int]
Agreements = Mapping[Pair, tuple[int, int]]

_LEAST_AGREEMENT = 0.5
_LEAST_AGREEING = 15
# Strong pairs a photo. Measured on 8: photos placed well differ by 0.2 to 0.5 degrees from what their pairs say (median
# over a set; all but one of 139 by less than 3.5), photos placed wrongly by 8 to 89.
_PAIRS_A_PHOTO = 8
_RANSAC_TRIALS = 300
# Between how much photos placed well and photos placed wrongly were seen to differ; a false alarm costs a photo little,
# because it is tried again.
_MOST_TURN_ERROR_RAD = np.radians(5.0)


def doubtful_photos(model: "pycolmap.Reconstruction", matches: Matches, seed: int) -> dict[int, str]:
    """Which photos of a model not to believe, by image id, and why.

    A photo is believed if it belongs to the largest group of photos that agree with each other, is turned as its
    strongest pairs within that group say by themselves, and has the support that every photo needs.
    """
    group = largest_agreeing_group(pair_agreements(model, matches))
    turns = turn_errors_rad(model, group, matches, seed)
    doubts: dict[int, str] = {}
    for image_id, support in sorted(photo_supports(model, matches).items()):
        doubt = support.doubt()
        turn = turns.get(image_id, 0.0)
        if doubt is None and image_id not in group:
            doubt = "its pose does not fit those of most other photos"
        if doubt is None and turn > _MOST_TURN_ERROR_RAD:
            doubt = f"it is turned by {np.degrees(turn):.0f} degrees from what its matches say"
        if doubt is not None:
            doubts[image_id] = doubt
    return doubts


def agreeing_group(agreements: Agreements, start: Sequence[int]) -> set[int]:
    """The photos that believing ``start`` makes believable.

    Args:
        agreements: matches of every pair of photos (ids) that agree with the two poses, and all of them.
        start: ids of photos that are believed.

    Returns:
        ``start`` and, one after the other, the photos of which at least half of the matches with photos that are
        believed already agree with the poses.
    """
    neighbours = _neighbours(agreements)
    believed = set(start)
    tallies: dict[int, tuple[int, int]] = {}
    fresh = sorted(believed)
    while fresh:
        for image_id in fresh:
            for other, agreeing, total in neighbours.get(image_id, []):
                before = tallies.get(other, (0, 0))
                tallies[other] = (before[0] + agreeing, before[1] + total)
        next_ones = [
            (agreeing, -image_id)
            for image_id, (agreeing, total) in tallies.items()
            if image_id not in believed and agreeing >= max(_LEAST_AGREEING, _LEAST_AGREEMENT * total)
        ]
        fresh = [-max(next_ones)[1]] if next_ones else []
        believed.update(fresh)
    return believed


def largest_agreeing_group(agreements: Agreements) -> set[int]:
    """The largest of the groups that grow from the photos with most agreeing matches."""
    strength: dict[int, int] = {}
    for (first, second), (agreeing, _) in agreements.items():
        strength[first] = strength.get(first, 0) + agreeing
        strength[second] = strength.get(second, 0) + agreeing
    left = sorted(strength, key=lambda image_id: (-strength[image_id], image_id))
    largest: set[int] = set()
    while len(left) > len(largest):
        group = agreeing_group(agreements, left[:1])
        largest = max(largest, group, key=len)
        left = [image_id for image_id in left if image_id not in group]
    return largest


def _neighbours(agreements: Agreements) -> dict[int, list[tuple[int, int, int]]]:
    neighbours: dict[int, list[tuple[int, int, int]]] = {}
    for (first, second), (agreeing, total) in sorted(agreements.items()):
        neighbours.setdefault(first, []).append((second, agreeing, total))
        neighbours.setdefault(second, []).append((first, agreeing, total))
    return neighbours


def turn_errors_rad(
    model: "pycolmap.Reconstruction", image_ids: Iterable[int], matches: Matches, seed: int
) -> dict[int, float]:
    """How far each photo is turned from what its strongest pairs say by themselves (five-point method, Nistér 2004).

    Args:
        model: poses and lenses.
        image_ids: registered photos to be compared with each other.
        matches: verified matches [M, 2] of pairs of image ids.
        seed: of the random samples.

    Returns:
        By image id, the median over its pairs; photos of which no pair gives a rotation are missing.
    """
    import pycolmap

    options = pycolmap.TwoViewGeometryOptions()
    options.compute_relative_pose = True
    options.ransac.random_seed = seed
    options.ransac.max_num_trials = _RANSAC_TRIALS
    compared = set(image_ids)
    pixels = {
        image_id: np.array([point.xy for point in model.image(image_id).points2D], dtype=np.float64).reshape(-1, 2)
        for image_id in sorted(compared)
    }
    errors: dict[int, list[float]] = {}
    for first, second in _strong_pairs(matches, compared):
        image_1, image_2 = model.image(first), model.image(second)
        geometry = pycolmap.estimate_calibrated_two_view_geometry(
            model.camera(image_1.camera_id),
            pixels[first],
            model.camera(image_2.camera_id),
            pixels[second],
            matches[first, second].astype(np.uint32),
            options,
        )
        if geometry.cam2_from_cam1 is None:
            continue
        turn = image_2.cam_from_world().rotation * image_1.cam_from_world().rotation.inverse()
        error = float((turn * geometry.cam2_from_cam1.rotation.inverse()).angle())
        errors.setdefault(first, []).append(error)
        errors.setdefault(second, []).append(error)
    return {image_id: float(np.median(found)) for image_id, found in sorted(errors.items())}


def _strong_pairs(matches: Matches, compared: set[int]) -> list[Pair]:
    """The pairs with most matches of every photo, sorted."""
    ranked: dict[int, list[tuple[int, Pair]]] = {image_id: [] for image_id in compared}
    for pair, inliers in matches.items():
        if pair[0] in compared and pair[1] in compared:
            ranked[pair[0]].append((-len(inliers), pair))
            ranked[pair[1]].append((-len(inliers), pair))
    return sorted({pair for found in ranked.values() for _, pair in sorted(found)[:_PAIRS_A_PHOTO]})
