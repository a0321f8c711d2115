"""How long a tour will take, roughly: measured rates of two cores, scaled to this machine's cores."""

import os

from scenes.captures.sfm_settings import PoseSettings

REFERENCE_CORES = 2
SECONDS_PER_PHOTO_READ = 0.4  # find features in a photo of 1600 px, and write it
SECONDS_PER_PAIR = 0.04  # match and verify two photos
SECONDS_PER_PHOTO_MAPPED = 0.6
SECONDS_PER_PHOTO_POSED = 0.1
CHOSEN_ONCE = 0.65  # of the pairs that photos choose, those that the other one had not chosen
FIT_MEGAPIXELS_PER_SECOND = 3.0
FILM_MEGAPIXELS_PER_SECOND = 5.0
COMPILE_SECONDS = 5.0
PLAN_SECONDS = 20.0
REFINE_SECONDS_PER_MEGAPIXEL = 2.5


def core_scale() -> float:
    """How much longer a parallel step takes on the reference machine than here."""
    return REFERENCE_CORES / max(1, os.cpu_count() or 1)


def capture_seconds(n_photos: int, is_posed: bool, is_sequence: bool, poses: PoseSettings) -> float:
    """Time to find the cameras of photos, or to read those of a posed data set."""
    if is_posed:
        return n_photos * SECONDS_PER_PHOTO_POSED * core_scale()
    pairs = n_photos * (n_photos - 1) / 2
    if n_photos > poses.exhaustive_photos:
        following = poses.sequence_overlap + poses.sequence_neighbours if is_sequence else 0
        pairs = min(pairs, n_photos * (following or poses.neighbours * CHOSEN_ONCE))
    matching = (n_photos * SECONDS_PER_PHOTO_READ + pairs * SECONDS_PER_PAIR) * core_scale()
    return matching + n_photos * SECONDS_PER_PHOTO_MAPPED


def fit_seconds(megapixels: float) -> float:
    """Time to fit that many pixels in all."""
    return COMPILE_SECONDS + megapixels / FIT_MEGAPIXELS_PER_SECOND * core_scale()


def film_seconds(n_frames: int, width: int, height: int) -> float:
    """Time to render and encode a film."""
    return COMPILE_SECONDS + n_frames * width * height / 1e6 / FILM_MEGAPIXELS_PER_SECOND * core_scale()


def refining_seconds(n_frames: int, width: int, height: int) -> float:
    """Time to refine frames of a size, drawing excluded."""
    return n_frames * width * height / 1e6 * REFINE_SECONDS_PER_MEGAPIXEL * core_scale()


def plan_seconds() -> float:
    """Time to survey a scene and plan a tour in it."""
    return COMPILE_SECONDS + PLAN_SECONDS * core_scale()
