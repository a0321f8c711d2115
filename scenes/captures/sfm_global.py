"""Global mapping (GLOMAP, Pan et al. 2024, by COLMAP) for sets that are too large to place photo by photo.

It was seen to place every photo with an error below a pixel and be wrong, so its model is checked before it is
believed: see ``doubtful_photos``.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cameras.reporting import Report

from .sfm_consistency import doubtful_photos
from .sfm_mapping import LEAST_MODEL, deregister
from .sfm_workdir import Workdir
from .verify import Matches

if TYPE_CHECKING:
    import pycolmap

GLOBAL_ABOVE = 300
"""Sets of more photos than this are placed all at once."""

_MOST_DOUBTFUL = 0.1
_LEAST_PLACED = 0.5


def map_globally_and_check(
    n_photos: int, matches: Matches, workdir: Workdir, seed: int, report: Report
) -> "tuple[pycolmap.Reconstruction | None, dict[int, str], str | None]":
    """The largest model that global mapping gives, without the photos that are not to be believed.

    Args:
        n_photos: in the set.
        matches: verified matches of pairs of image ids.
        workdir: where the database of the matches is.
        seed: of everything random.
        report: told of the progress.

    Returns:
        The model, and why photos were taken out of it, by image id; or no model, and why it was refused.
    """
    model = map_globally(workdir, seed, report)
    if model is None:
        return None, {}, "global mapping found no focal length or no model"
    doubts = doubtful_photos(model, matches, seed)
    refused = why_refused(model.num_reg_images(), len(doubts), n_photos)
    if refused is not None:
        return None, {}, refused
    deregister(model, doubts)
    return model, doubts, None


def map_globally(workdir: Workdir, seed: int, report: Report) -> "pycolmap.Reconstruction | None":
    """The largest model that global mapping gives, not checked; None if there is none, or no focal length was found.

    Focal lengths that EXIF does not tell are found from the matches first (Sweeney et al. 2015).
    """
    import pycolmap

    report("place photos", 0.0, {})
    output, database_path = workdir.path / "mapping", workdir.path / "global.db"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    shutil.copyfile(workdir.matches, database_path)
    models: dict[int, pycolmap.Reconstruction] = {}
    if _focal_lengths_are_known(database_path, seed):
        report("place photos", 0.2, {})
        models = pycolmap.global_mapping(database_path, workdir.images, output, global_options(seed, workdir.images))
    shutil.rmtree(output)
    database_path.unlink()
    report("place photos", 1.0, {"models": len(models)})
    return max(models.values(), key=lambda model: (model.num_reg_images(), model.num_points3D()), default=None)


def _focal_lengths_are_known(database_path: Path, seed: int) -> bool:
    import pycolmap

    def known() -> bool:
        database = pycolmap.Database.open(database_path)
        cameras = database.read_all_cameras()
        database.close()
        return all(camera.has_prior_focal_length for camera in cameras)

    if known():
        return True
    options = pycolmap.ViewGraphCalibrationOptions()
    options.random_seed = seed
    return bool(pycolmap.calibrate_view_graph(database_path, options)) and known()


def global_options(seed: int, images: Path) -> "pycolmap.GlobalPipelineOptions":
    """One thread and no ordering of parameter blocks, so that the same matches give the same model."""
    import pycolmap

    options = pycolmap.GlobalPipelineOptions()
    mapper = options.mapper
    options.image_path = str(images)
    options.min_model_size = LEAST_MODEL
    options.num_threads = mapper.num_threads = 1
    options.random_seed = mapper.random_seed = seed
    mapper.rotation_averaging.random_seed = mapper.global_positioning.random_seed = seed
    mapper.retriangulation.random_seed = seed
    mapper.global_positioning.use_gpu = mapper.bundle_adjustment.ceres.use_gpu = False
    mapper.global_positioning.use_parameter_block_ordering = False
    mapper.bundle_adjustment.ceres.solver_options.num_threads = 1
    return options


def why_refused(placed: int, doubtful: int, photos: int) -> str | None:
    """Why a whole global model is not used, or None: too many of its photos are doubtful, or too few are there."""
    if doubtful > _MOST_DOUBTFUL * placed:
        return f"{doubtful} of the {placed} photos that global mapping placed were doubtful"
    if placed < _LEAST_PLACED * photos:
        return f"global mapping placed only {placed} of {photos} photos"
    return None
