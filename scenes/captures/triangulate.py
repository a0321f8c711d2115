"""Sparse points for captures that come with poses and without points (COLMAP's triangulation, Schoenberger 2016)."""

import hashlib
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cameras.camera import Camera
from cameras.errors import FlythroughError
from cameras.reporting import Report, silent

from .capture import Capture, CaptureImage, SparsePoints
from .colmap_calls import quiet_colmap
from .features import extract_features
from .known_poses import match_known_poses, pinhole_camera, posed_copies, working_camera
from .overlap import overlapping_pairs
from .posed import capture_bounds
from .sfm_settings import PoseSettings, file_hash
from .sfm_workdir import Workdir, write_whole

if TYPE_CHECKING:
    import pycolmap

ENOUGH_POINTS = 200
"""A capture with so many points keeps its own."""

# Fewer than these say nothing that random points would not.
_LEAST_FOUND = 50
# Enough photos to cover a scene; a fit needs a start, not every point.
_MOST_PHOTOS = 200
_MOST_ERROR_PX = 2.0
_LEAST_ANGLE_DEG = 2.0
_LONG_TRACK = 3
_ENOUGH_LONG = 500
_METHOD = 1

# Known poses stand in for what a strict ratio does elsewhere: a false match has to lie on the epipolar line too.
_SETTINGS = PoseSettings(max_features=4096, peak_threshold=0.003, max_ratio=0.9)


def with_points(capture: Capture, workdir: Path, *, seed: int = 0, report: Report = silent) -> Capture:
    """The capture with sparse points that its photos agree on, if it had too few; poses and lenses stay as they are.

    Photos of the data set's own test and validation splits are not looked at, and of more than 200 photos only 200,
    evenly spread by name. The stages are kept in ``workdir``: after a kill the same call goes on where it stopped. The
    same capture and seed give the same points.

    Args:
        capture: posed images.
        workdir: a folder that belongs to this function.
        seed: of everything random.
        report: told of every stage.

    Returns:
        A capture with points and new bounds, or, where too little is found, the same one; its
        ``provenance["triangulated"]`` says how many were found, or why none.
    """
    if len(capture.points.positions_world) >= ENOUGH_POINTS:
        return capture
    try:
        points, facts = _kept_points(_chosen(capture.images), workdir, seed, report)
    # A fit can start without points, so that nothing which goes wrong here may end it.
    except (FlythroughError, RuntimeError, ValueError) as error:
        points, facts = SparsePoints.empty(), {"points": 0, "failed": " ".join(str(error).split())[:200]}
    found = len(points.positions_world)
    noted = replace(capture, provenance={**capture.provenance, "triangulated": facts})
    if found < max(_LEAST_FOUND, len(capture.points.positions_world)):
        return noted
    low, high = capture_bounds(capture.images, points)
    return replace(noted, points=points, world=replace(capture.world, bounds_min=low, bounds_max=high))


def _chosen(images: Sequence[CaptureImage]) -> list[CaptureImage]:
    open_images = [image for image in images if image.split not in ("val", "test") and image.weight > 0]
    if len(open_images) <= _MOST_PHOTOS:
        return open_images
    spread = np.linspace(0, len(open_images) - 1, _MOST_PHOTOS).round().astype(int)
    return [open_images[index] for index in spread]


def _kept_points(
    images: Sequence[CaptureImage], workdir: Path, seed: int, report: Report
) -> tuple[SparsePoints, dict[str, object]]:
    """The points, from ``workdir`` if they are there; what led to them is removed once they are."""
    folder = Workdir(workdir, _fingerprint(images, seed))
    kept = folder.path / "points.npz"
    if not kept.is_file():
        with quiet_colmap(seed):
            points, facts = _find_points(images, folder, seed, report)
        stream = io.BytesIO()
        arrays = {"positions_world": points.positions_world, "colors": points.colors, "errors_px": points.errors_px}
        np.savez(stream, facts=np.array(json.dumps(facts)), **arrays)
        write_whole(kept, stream.getvalue())
    for leftover in (folder.images, folder.masks, folder.model):
        shutil.rmtree(leftover, ignore_errors=True)
    for leftover in (folder.features, folder.matches):
        leftover.unlink(missing_ok=True)
    with np.load(kept) as stored:
        points = SparsePoints(stored["positions_world"], stored["colors"], stored["errors_px"])
        return points, json.loads(str(stored["facts"]))


def _find_points(
    images: Sequence[CaptureImage], folder: Workdir, seed: int, report: Report
) -> tuple[SparsePoints, dict[str, object]]:
    cameras = [working_camera(image) for image in images]
    pairs = overlapping_pairs(cameras)
    facts: dict[str, object] = {"points": 0, "photos": len(images), "pairs": len(pairs)}
    if not pairs:
        return SparsePoints.empty(), {**facts, "failed": "no two photos look at the same thing from two places"}
    copies = posed_copies(images, folder, report)
    extract_features(copies, folder, _SETTINGS, seed, report)
    n_matches = match_known_poses(copies, cameras, pairs, folder, _SETTINGS, report)
    model = _triangulated(cameras, [copy.path.name for copy in copies], folder, seed)
    points = _good_points(model)
    errors = points.errors_px if len(points.errors_px) else np.zeros(1)
    facts |= {"matches": n_matches, "points": len(points.errors_px), "error_px": round(float(np.median(errors)), 3)}
    report("triangulate", 1.0, {"points": len(points.errors_px)})
    return points, facts


def _triangulated(
    cameras: Sequence[Camera], names: Sequence[str], folder: Workdir, seed: int
) -> "pycolmap.Reconstruction":
    """On one thread: the sums of several differ from run to run."""
    import pycolmap

    model = pycolmap.Reconstruction()
    for number, (camera, name) in enumerate(zip(cameras, names, strict=True), start=1):
        pose = camera.camera_from_world
        model.add_camera_with_trivial_rig(pinhole_camera(number, camera.intrinsics))
        image = pycolmap.Image(name=name, camera_id=number, image_id=number)
        model.add_image_with_trivial_frame(
            image, pycolmap.Rigid3d(pycolmap.Rotation3d(pose.rotation), pose.translation)
        )
    options = pycolmap.IncrementalPipelineOptions()
    options.num_threads = 1
    options.random_seed = seed
    options.min_num_matches = 1
    options.triangulation.ignore_two_view_tracks = False
    options.triangulation.random_seed = seed
    folder.model.mkdir(exist_ok=True)
    model = pycolmap.triangulate_points(model, folder.matches, folder.images, folder.model, True, options)
    pycolmap.ObservationManager(model).filter_all_points3D(_MOST_ERROR_PX, _LEAST_ANGLE_DEG)
    model.update_point_3d_errors()
    return model


def _good_points(model: "pycolmap.Reconstruction") -> SparsePoints:
    """Points that three photos agree on; those of two only where there is hardly anything else."""
    points = [point for _, point in sorted(model.points3D.items()) if 0 <= point.error <= _MOST_ERROR_PX]
    long = [point for point in points if point.track.length() >= _LONG_TRACK]
    points = long if len(long) >= _ENOUGH_LONG else points
    if not points:
        return SparsePoints.empty()
    return SparsePoints(
        np.array([point.xyz for point in points], dtype=np.float64),
        np.array([point.color for point in points], dtype=np.uint8),
        np.array([point.error for point in points], dtype=np.float32),
    )


def _fingerprint(images: Sequence[CaptureImage], seed: int) -> str:
    """Changes whenever anything does that the points depend on: photos, masks, cameras, seed, library."""
    import pycolmap

    digest = hashlib.sha256(repr((_METHOD, _SETTINGS, seed, pycolmap.__version__)).encode())
    for image in images:
        digest.update(repr((image.name, image.camera.intrinsics, image.background)).encode())
        digest.update(image.camera.world_from_camera.matrix().tobytes())
        for path in (image.path, image.mask_path):
            if path is not None and path.is_file():
                digest.update(file_hash(path))
    return digest.hexdigest()
