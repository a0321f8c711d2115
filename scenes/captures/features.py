"""Finding features (SIFT, Lowe 2004, by COLMAP) in the working copies and keeping them in a COLMAP database."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cameras.reporting import Report

from .sfm_settings import PoseSettings
from .sfm_workdir import Workdir, WorkingCopy

if TYPE_CHECKING:
    import pycolmap

# Without a word from EXIF: a focal length of 1.2 times the longer side, 45 degrees across, as COLMAP guesses.
_GUESSED_FOCAL_PER_SIDE = 1.2
_CHUNK = 4


def extract_features(
    copies: Sequence[WorkingCopy], workdir: Workdir, settings: PoseSettings, seed: int, report: Report
) -> None:
    """Makes ``workdir.features``, a database with a camera per camera key, all images and their features.

    A run that was killed goes on with the photos that are missing.
    """
    import pycolmap

    if workdir.features.is_file():
        return
    partial = workdir.path / "features.partial.db"
    if not _is_filled(workdir):
        for name in (partial.name, f"{partial.name}-wal", f"{partial.name}-shm", f"{partial.name}-journal"):
            (workdir.path / name).unlink(missing_ok=True)
        _write_images(partial, copies)
        (workdir.path / "features.filled").touch()
    reader = pycolmap.ImageReaderOptions()
    if workdir.masks.is_dir():
        reader.mask_path = str(workdir.masks)
    options = _extraction_options(settings, copies)
    for start in range(0, len(copies), _CHUNK):
        chunk = [copy.path.name for copy in copies[start : start + _CHUNK]]
        pycolmap.extract_features(
            partial,
            workdir.images,
            image_names=chunk,
            camera_mode=pycolmap.CameraMode.AUTO,
            reader_options=reader,
            extraction_options=options,
            device=pycolmap.Device.cpu,
        )
        done = min(start + _CHUNK, len(copies))
        report("find features", done / len(copies), {"photos": done})
    os.replace(partial, workdir.features)


def _is_filled(workdir: Workdir) -> bool:
    return (workdir.path / "features.filled").is_file() and (workdir.path / "features.partial.db").is_file()


def _extraction_options(settings: PoseSettings, copies: Sequence[WorkingCopy]) -> "pycolmap.FeatureExtractionOptions":
    """Small photos are searched at twice their size too; in large ones that is much work for blurred points."""
    import pycolmap

    pixels = sorted(copy.width * copy.height for copy in copies)[len(copies) // 2]

    options = pycolmap.FeatureExtractionOptions()
    options.use_gpu = False
    options.num_threads = settings.threads
    options.sift.max_num_features = settings.max_features
    options.sift.peak_threshold = settings.peak_threshold
    options.sift.first_octave = -1 if pixels < settings.doubled_below_pixels else 0
    return options


def _write_images(path: os.PathLike[str], copies: Sequence[WorkingCopy]) -> None:
    """Images are numbered from 1 in the set's order, whatever order the threads of the extraction finish in."""
    import pycolmap

    database = pycolmap.Database.open(path)
    keys = sorted({copy.camera_key for copy in copies})
    for number, key in enumerate(keys, start=1):
        camera = _camera(number, next(copy for copy in copies if copy.camera_key == key))
        database.write_camera(camera, use_camera_id=True)
        rig = pycolmap.Rig()
        rig.rig_id = number
        rig.add_ref_sensor(camera.sensor_id)
        database.write_rig(rig, use_rig_id=True)
    for number, copy in enumerate(copies, start=1):
        camera_id = keys.index(copy.camera_key) + 1
        image = pycolmap.Image(name=copy.path.name, camera_id=camera_id, image_id=number)
        database.write_image(image, use_image_id=True)
        frame = pycolmap.Frame()
        frame.frame_id = number
        frame.rig_id = camera_id
        frame.add_data_id(image.data_id)
        database.write_frame(frame, use_frame_id=True)
    database.close()


def _camera(camera_id: int, copy: WorkingCopy) -> "pycolmap.Camera":
    """One radial coefficient to begin with: few photos cannot hold more, and a good model gains the rest at the end."""
    import pycolmap

    focal = copy.focal_px or _GUESSED_FOCAL_PER_SIDE * max(copy.width, copy.height)
    camera = pycolmap.Camera.create_from_model_name(camera_id, "SIMPLE_RADIAL", focal, copy.width, copy.height)
    camera.has_prior_focal_length = copy.focal_px is not None
    return camera
