"""From a COLMAP model to a capture: cameras, points, and a world that is level, centred and of a handy size."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.distortion import BrownConrady
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.scene import World

from .capture import Capture, CaptureImage, SparsePoints
from .gravity import estimate_up
from .sfm_workdir import WorkingCopy

if TYPE_CHECKING:
    import pycolmap

Floats = NDArray[np.float64]

# Scale is unknown; what a room's photos look at is usually about so far away, which makes units look like metres.
_TYPICAL_DISTANCE = 3.0
_LEAST_TRACK = 3
_MOST_ERROR_PX = 2.0
_SURE_OF_UP = 0.5


def capture_from_model(
    model: "pycolmap.Reconstruction", copies: Sequence[WorkingCopy], provenance: Mapping[str, object]
) -> Capture:
    """The registered photos and their points; image ids are positions in ``copies``, counted from 1."""
    ids = sorted(model.reg_image_ids())
    cameras = [_camera(model, image_id) for image_id in ids]
    points = _points(model)
    up, confidence = estimate_up(cameras, points.positions_world)
    up_known = confidence >= _SURE_OF_UP
    rotation = _level_rotation(up, cameras[0]) if up_known else np.eye(3)
    positions = np.array([camera.position_world for camera in cameras])
    centre = np.median(positions, axis=0)
    scale = _TYPICAL_DISTANCE / _median_distance(model, ids)
    images = tuple(
        sorted(
            (
                CaptureImage(
                    name=copies[image_id - 1].name,
                    path=copies[image_id - 1].path,
                    camera=_moved(camera, rotation, centre, scale),
                    mask_path=copies[image_id - 1].mask_path,
                )
                for image_id, camera in zip(ids, cameras, strict=True)
            ),
            key=lambda image: image.name,
        )
    )
    moved = SparsePoints((points.positions_world - centre) @ rotation.T * scale, points.colors, points.errors_px)
    low, high = _bounds(moved.positions_world, np.array([image.camera.position_world for image in images]))
    world = World(low, high, up_known=up_known, provenance={"up_confidence": round(confidence, 3)})
    return Capture(images, moved, world, provenance)


def _camera(model: "pycolmap.Reconstruction", image_id: int) -> Camera:
    image = model.image(image_id)
    world_from_camera = image.cam_from_world().inverse()
    rotation = np.asarray(world_from_camera.rotation.matrix(), dtype=np.float64)
    return Camera(
        _intrinsics(model.camera(image.camera_id)),
        Rigid(rotation, np.asarray(world_from_camera.translation, dtype=np.float64)),
    )


def _intrinsics(camera: "pycolmap.Camera") -> Intrinsics:
    """COLMAP's pixels have their origin at the image's corner, as ours do."""
    values = [float(value) for value in camera.params]
    if camera.model_name == "SIMPLE_RADIAL":
        focal, cx, cy, radial = values
        return Intrinsics(camera.width, camera.height, focal, focal, cx, cy, BrownConrady(radial))
    fx, fy, cx, cy, *coefficients = values
    return Intrinsics(camera.width, camera.height, fx, fy, cx, cy, BrownConrady(*coefficients))


def _points(model: "pycolmap.Reconstruction") -> SparsePoints:
    """Points that three photos agree on; those of two photos only where there is hardly anything else."""
    good = [point for _, point in sorted(model.points3D.items()) if 0 <= point.error <= _MOST_ERROR_PX]
    long = [point for point in good if point.track.length() >= _LEAST_TRACK]
    chosen = long if len(long) >= 500 else good
    if not chosen:
        return SparsePoints.empty()
    return SparsePoints(
        np.array([point.xyz for point in chosen], dtype=np.float64),
        np.array([point.color for point in chosen], dtype=np.uint8),
        np.array([point.error for point in chosen], dtype=np.float32),
    )


def _level_rotation(up: Floats, first: Camera) -> Floats:
    """[3, 3] world_from_model with ``up`` on +z, and the first camera looking along +y as seen from above."""
    forward = first.forward_world if abs(first.forward_world @ up) < 0.99 else first.up_world
    y = forward - (forward @ up) * up
    y /= np.linalg.norm(y)
    return np.array([np.cross(y, up), y, up])


def _moved(camera: Camera, rotation: Floats, centre: Floats, scale: float) -> Camera:
    pose = camera.world_from_camera
    return Camera(camera.intrinsics, Rigid(rotation @ pose.rotation, rotation @ (pose.translation - centre) * scale))


def _median_distance(model: "pycolmap.Reconstruction", ids: Sequence[int]) -> float:
    distances: list[float] = []
    for image_id in ids:
        image = model.image(image_id)
        seen = [point.point3D_id for point in image.points2D if point.has_point3D()]
        if seen:
            positions = np.array([model.point3D(point_id).xyz for point_id in seen])
            distances.append(float(np.median(np.linalg.norm(positions - image.projection_center(), axis=1))))
    return max(float(np.median(distances)), 1e-9) if distances else _TYPICAL_DISTANCE


def _bounds(points: Floats, positions: Floats) -> tuple[Floats, Floats]:
    """The box of all cameras and of all but the outermost hundredth of the points, and a little air."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    if len(points):
        low = np.minimum(low, np.percentile(points, 1, axis=0))
        high = np.maximum(high, np.percentile(points, 99, axis=0))
    air = 0.05 * (high - low) + 1e-3
    return low - air, high + air
