"""Writes cameras and points as a COLMAP model (https://colmap.github.io/format.html)."""

from collections.abc import Sequence
from pathlib import Path

from .capture import SparsePoints
from .pixels import PosedPhoto


def write_colmap_model(photos: Sequence[tuple[str, PosedPhoto]], points: SparsePoints, folder: Path) -> None:
    """A binary model of ideal pinholes; points carry colours and errors but no tracks.

    Args:
        photos: file name under ``images/`` and the posed photo, whose pixels are not looked at.
        points: in the same world.
        folder: is made.
    """
    import pycolmap

    model = pycolmap.Reconstruction()
    ids: dict[tuple[object, ...], int] = {}
    for number, (file, photo) in enumerate(photos, start=1):
        lens = photo.camera.intrinsics
        key = (lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy)
        if key not in ids:
            ids[key] = len(ids) + 1
            camera = pycolmap.Camera(
                model="PINHOLE",
                width=lens.width,
                height=lens.height,
                params=[lens.fx, lens.fy, lens.cx, lens.cy],
                camera_id=ids[key],
            )
            model.add_camera_with_trivial_rig(camera)
        pose = photo.camera.camera_from_world
        rigid = pycolmap.Rigid3d(pycolmap.Rotation3d(pose.rotation), pose.translation)
        image = pycolmap.Image(name=file, camera_id=ids[key], image_id=number)
        model.add_image_with_trivial_frame(image, rigid)
    for position, color, error in zip(points.positions_world, points.colors, points.errors_px, strict=True):
        number = model.add_point3D(position, pycolmap.Track(), color)
        model.point3D(number).error = float(error)
    folder.mkdir(parents=True, exist_ok=True)
    model.write_binary(str(folder))
