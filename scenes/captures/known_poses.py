"""Photos whose poses are known: their undistorted copies, and the matches that agree with the poses."""

import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.reporting import Report

from .capture import CaptureImage
from .epipolar import sampson_px
from .overlap import Pair
from .pixels import PosedPhoto, load_photo
from .resample import ideal_pinhole
from .sfm_settings import MAX_SIDE_PX, PoseSettings
from .sfm_workdir import Workdir, WorkingCopy, write_whole
from .stills import reduced_size

if TYPE_CHECKING:
    import pycolmap

# Poses of real data sets are off by a pixel or so.
_MOST_SAMPSON_PX = 2.5
# Of matches by chance about one in a hundred lies near its epipolar line.
_LEAST_MATCHES = 8
_LEAST_CHUNK = 24
_CHUNKS = 40


def working_camera(image: CaptureImage) -> Camera:
    """The ideal pinhole of the image's working copy."""
    lens = image.camera.intrinsics
    size = reduced_size(lens.width, lens.height, MAX_SIDE_PX)
    return Camera(ideal_pinhole(lens).resized(*size), image.camera.world_from_camera)


def pinhole_camera(camera_id: int, lens: Intrinsics) -> "pycolmap.Camera":
    """An ideal pinhole as COLMAP has it; pixels have the same origin."""
    import pycolmap

    params = [lens.fx, lens.fy, lens.cx, lens.cy]
    return pycolmap.Camera(model="PINHOLE", width=lens.width, height=lens.height, params=params, camera_id=camera_id)


def posed_copies(images: Sequence[CaptureImage], folder: Workdir, report: Report) -> list[WorkingCopy]:
    """Makes the undistorted copies that are missing and returns all; a camera each, numbered in the images' order.

    Raises:
        InputError: if an image or a mask cannot be read.
    """
    folder.images.mkdir(exist_ok=True)
    folder.masks.mkdir(exist_ok=True)
    copies: list[WorkingCopy] = []
    for index, image in enumerate(images):
        lens = working_camera(image).intrinsics
        path = folder.images / f"{index:05d}.jpg"
        mask_path = folder.masks / f"{path.name}.png"
        if not path.is_file():
            _write_copy(load_photo(image, MAX_SIDE_PX), path.name, folder)
        key = f"{index:05d}"
        copies.append(WorkingCopy(image.name, path, lens.width, lens.height, lens.fx, key, mask_path))
        report("prepare photos", (index + 1) / len(images), {"photos": index + 1})
    return copies


def _write_copy(photo: PosedPhoto, name: str, folder: Workdir) -> None:
    """The mask is there before the photo, whose presence says that both are."""
    rgb = photo.rgb
    valid = np.ones(rgb.shape[:2], bool) if photo.valid is None else photo.valid
    if photo.alpha is not None:
        alpha = photo.alpha[..., None] / np.float32(255)
        rgb = (rgb * alpha + 255 * (1 - alpha) + 0.5).astype(np.uint8)
        valid = valid & (photo.alpha > 127)
    for path, pixels, options in (
        (folder.masks / f"{name}.png", valid.astype(np.uint8) * 255, {"format": "PNG", "compress_level": 1}),
        (folder.images / name, rgb, {"format": "JPEG", "quality": 98, "subsampling": 0}),
    ):
        temporary = path.with_name(path.name + ".tmp")
        Image.fromarray(pixels).save(temporary, **options)
        os.replace(temporary, path)


def match_known_poses(
    copies: Sequence[WorkingCopy],
    cameras: Sequence[Camera],
    pairs: Sequence[Pair],
    folder: Workdir,
    settings: PoseSettings,
    report: Report,
) -> int:
    """Makes ``folder.matches``: the features with those matches of ``pairs`` that agree with the poses.

    A run that was killed goes on: pairs that the database holds are not matched again.

    Returns:
        How many matches agree.
    """
    import pycolmap

    partial = folder.path / "matches.partial.db"
    if not folder.matches.is_file():
        if not partial.is_file():
            copied = folder.path / "matches.copy.db"
            shutil.copyfile(folder.features, copied)
            os.replace(copied, partial)
        _match(copies, pairs, partial, settings, report)
        database = pycolmap.Database.open(partial)
        _keep_agreeing(database, cameras, pairs)
        database.close()
        os.replace(partial, folder.matches)
    database = pycolmap.Database.open(folder.matches)
    total = int(database.num_inlier_matches())
    database.close()
    return total


def _match(
    copies: Sequence[WorkingCopy],
    pairs: Sequence[Pair],
    partial: os.PathLike[str],
    settings: PoseSettings,
    report: Report,
) -> None:
    import pycolmap

    options = pycolmap.FeatureMatchingOptions()
    options.use_gpu = False
    options.num_threads = settings.threads
    options.skip_geometric_verification = True
    options.sift.max_ratio = settings.max_ratio
    listed = copies[0].path.parent.parent / "pairs.txt"
    chunk = max(_LEAST_CHUNK, -(-len(pairs) // _CHUNKS))
    for start in range(0, len(pairs), chunk):
        names = [f"{copies[i].path.name} {copies[j].path.name}" for i, j in pairs[start : start + chunk]]
        write_whole(listed, "\n".join(names).encode() + b"\n")
        pycolmap.match_image_pairs(
            partial,
            matching_options=options,
            pairing_options=pycolmap.ImportedPairingOptions(match_list_path=str(listed)),
            device=pycolmap.Device.cpu,
        )
        done = min(start + chunk, len(pairs))
        report("match photos", done / len(pairs), {"pairs": done})
    listed.unlink(missing_ok=True)


def _keep_agreeing(database: "pycolmap.Database", cameras: Sequence[Camera], pairs: Sequence[Pair]) -> None:
    """Writes the known lenses, and as two-view geometries the matches that lie near the known epipolar lines."""
    import pycolmap

    database.clear_two_view_geometries()
    for index, camera in enumerate(cameras):
        database.update_camera(pinhole_camera(index + 1, camera.intrinsics))
    pixels: dict[int, NDArray[np.float64]] = {
        index: np.asarray(database.read_keypoints(index + 1), dtype=np.float64).reshape(-1, 6)[:, :2]
        for index in sorted({index for pair in pairs for index in pair})
    }
    for i, j in pairs:
        matches = np.asarray(database.read_matches(i + 1, j + 1), dtype=np.int64).reshape(-1, 2)
        off = sampson_px(cameras[i], cameras[j], pixels[i][matches[:, 0]], pixels[j][matches[:, 1]])
        agreeing = matches[off < _MOST_SAMPSON_PX]
        if len(agreeing) >= _LEAST_MATCHES:
            geometry = pycolmap.TwoViewGeometry()
            geometry.config = int(pycolmap.TwoViewGeometryConfiguration.CALIBRATED)
            geometry.inlier_matches = agreeing.astype(np.uint32)
            database.write_two_view_geometry(i + 1, j + 1, geometry)
