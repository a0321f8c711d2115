"""From matches to models: incremental mapping (Schönberger & Frahm 2016, by COLMAP) on one thread, then refinement."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from cameras.reporting import Report

from .sfm_workdir import Workdir

if TYPE_CHECKING:
    import pycolmap

# A camera seen by so many photos can hold two radial and two tangential coefficients.
_PHOTOS_FOR_FULL_LENS = 15
_LEAST_MODEL = 3


def map_incrementally(workdir: Workdir, n_photos: int, seed: int, report: Report) -> "list[pycolmap.Reconstruction]":
    """All models that the matches give, the one with most photos first."""
    import pycolmap

    output = workdir.path / "mapping"
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    placed = 0

    def on_image() -> None:
        nonlocal placed
        placed += 1
        report("place photos", min(1.0, placed / n_photos), {"placed": placed})

    models = pycolmap.incremental_mapping(
        workdir.matches,
        workdir.images,
        output,
        options=mapping_options(seed, workdir.images),
        next_image_callback=on_image,
    )
    shutil.rmtree(output)
    report("place photos", 1.0, {"models": len(models)})
    return sorted(models.values(), key=lambda model: (-model.num_reg_images(), -model.num_points3D()))


def mapping_options(seed: int, images: Path) -> "pycolmap.IncrementalPipelineOptions":
    """One thread: Ceres adds up residuals in the order in which threads finish."""
    import pycolmap

    options = pycolmap.IncrementalPipelineOptions()
    options.image_path = str(images)
    options.num_threads = options.mapper.num_threads = 1
    options.random_seed = options.mapper.random_seed = options.triangulation.random_seed = seed
    options.min_model_size = _LEAST_MODEL
    options.max_num_models = 10
    return options


def refine(model: "pycolmap.Reconstruction", report: Report) -> None:
    """Gives well-supported cameras two radial and two tangential coefficients and bundles everything once more."""
    import pycolmap

    report("refine poses", 0.0, {})
    counts: dict[int, int] = {}
    for image_id in model.reg_image_ids():
        camera_id = model.image(image_id).camera_id
        counts[camera_id] = counts.get(camera_id, 0) + 1
    for camera_id, count in sorted(counts.items()):
        camera = model.camera(camera_id)
        if count >= _PHOTOS_FOR_FULL_LENS and camera.model_name == "SIMPLE_RADIAL":
            focal, cx, cy, radial = (float(value) for value in camera.params)
            camera.model = pycolmap.CameraModelId.OPENCV
            camera.params = [focal, focal, cx, cy, radial, 0.0, 0.0, 0.0]
    options = pycolmap.BundleAdjustmentOptions()
    options.print_summary = False
    options.ceres.solver_options.num_threads = 1
    pycolmap.bundle_adjustment(model, options)
    report("refine poses", 1.0, {"error_px": round(model.compute_mean_reprojection_error(), 3)})
