"""From matches to models: incremental mapping (Schönberger & Frahm 2016, by COLMAP) on one thread, then refinement."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cameras.reporting import Report

from .sfm_workdir import Workdir

if TYPE_CHECKING:
    import pycolmap

# A camera seen by so many photos can hold two radial and two tangential coefficients.
_PHOTOS_FOR_FULL_LENS = 15
LEAST_MODEL = 3
_MOST_ERROR_PX = 2.0
_LEAST_ANGLE_DEG = 1.5


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
    options.min_model_size = LEAST_MODEL
    options.max_num_models = 10
    return options


def deregister(model: "pycolmap.Reconstruction", image_ids: Iterable[int]) -> None:
    """Takes photos, and what they say about points, out of a model."""
    for image_id in sorted(image_ids):
        model.deregister_frame(model.image(image_id).frame_id)


def refine(model: "pycolmap.Reconstruction", workdir: Workdir, seed: int, report: Report) -> "pycolmap.Reconstruction":
    """The model with better lenses, points and poses.

    Well-supported cameras gain a second radial and two tangential coefficients; points are triangulated again; then
    everything is bundled under a Cauchy loss, points that stay more than two pixels off are dropped, and it is bundled
    once more. A plain squared loss left weak photos leaning on a few false matches (white room: 1.8 degrees, now 0.3).
    """
    import pycolmap

    report("refine poses", 0.0, {})
    _widen_lenses(model)
    database_path = workdir.path / "refine.db"
    shutil.copyfile(workdir.matches, database_path)
    database = pycolmap.Database.open(database_path)
    for _, camera in sorted(model.cameras.items()):
        database.update_camera(camera)
    database.close()
    output = workdir.path / "mapping"
    output.mkdir(exist_ok=True)
    model = pycolmap.triangulate_points(
        model, database_path, workdir.images, output, options=mapping_options(seed, workdir.images)
    )
    shutil.rmtree(output)
    database_path.unlink()
    report("refine poses", 0.2, {})
    _bundle(model)
    report("refine poses", 0.7, {})
    pycolmap.ObservationManager(model).filter_all_points3D(_MOST_ERROR_PX, _LEAST_ANGLE_DEG)
    _bundle(model)
    model.update_point_3d_errors()
    report("refine poses", 1.0, {"error_px": round(model.compute_mean_reprojection_error(), 3)})
    return model


def _widen_lenses(model: "pycolmap.Reconstruction") -> None:
    import pycolmap

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


def _bundle(model: "pycolmap.Reconstruction") -> None:
    """Bundle adjustment of everything. (pycolmap's own function of that name would print, whatever the log level.)"""
    import pycolmap

    pycolmap.ObservationManager(model).filter_observations_with_negative_depth()
    config = pycolmap.BundleAdjustmentConfig()
    for image_id in sorted(model.reg_image_ids()):
        config.add_image(image_id)
    config.fix_gauge(pycolmap.BundleAdjustmentGauge.TWO_CAMS_FROM_WORLD)
    pycolmap.create_default_bundle_adjuster(_bundle_options(), config, model).solve()


def _bundle_options() -> "pycolmap.BundleAdjustmentOptions":
    import pycolmap

    options = pycolmap.BundleAdjustmentOptions()
    options.print_summary = False
    options.ceres.loss_function_type = pycolmap.LossFunctionType.CAUCHY
    options.ceres.solver_options.num_threads = 1
    options.ceres.solver_options.max_num_iterations = 40
    options.ceres.solver_options.function_tolerance = 1e-6
    return options
