"""A posed walk through the world of a capture, and what is known to be true of it: depth, a mesh, the photos' cameras.

The walk, the mesh and the true cameras share one world, that of their files. A capture whose poses were solved from
photos lives in another one, which differs by a similarity; it is found from the photos' true cameras.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.similarity import Similarity, align_sim3
from scenes.captures.capture import Capture
from scenes.captures.levelled import levelling_of
from scenes.captures.pixels import PosedPhoto
from scenes.scene import FloatImage

from .evaluation_geometry import Mask, TrueFrame

if TYPE_CHECKING:
    from .evaluation_mesh import TriangleMesh

FRAMES_FILES = ("walk.json", "transforms.json")
DEPTH_FILE = "depth_z.npz"
MESH_STEP = 2
# Surfaces this much farther than the first one that a photo meets are hidden from it.
HIDDEN_BEHIND = 0.02


@dataclass(frozen=True, eq=False)
class Walk:
    """Posed frames to be scored, with their truth.

    Attributes:
        frames: in the world of their own file.
        depth_z: by frame name, [h, w] true depth in units of that world on every n-th pixel, 0 where no surface is.
        mesh: the true surfaces in that world, if known.
        true_cameras: the photos' cameras in that world; None if the capture's file has its axes.
    """

    frames: Capture
    depth_z: Mapping[str, FloatImage] = field(default_factory=dict[str, FloatImage])
    mesh: "TriangleMesh | None" = None
    true_cameras: Capture | None = None


def read_walk(path: Path, *, geometry: Path | None = None, true_cameras: Path | None = None) -> Walk:
    """The posed frames of a walk: a file as nerfstudio's ``transforms.json``, or a folder that holds it or `walk.json`.

    True depth is taken from ``depth_z.npz`` beside it, if that is there: an array ``depth_z`` [frames, h, w] in the
    order of the frames' names, along the optical axis, in units of the walk, of every n-th pixel from the first.

    Args:
        geometry: a mesh in the world of the walk (PLY).
        true_cameras: posed photos in the world of the walk, by the names that the capture has for them.

    Raises:
        InputError: if something cannot be read, or does not fit together.
    """
    from scenes.captures.nerfstudio import read_nerfstudio

    path = _frames_file(path)
    frames = read_nerfstudio(path)
    depth = path.parent / DEPTH_FILE
    mesh = None
    if geometry is not None:
        from .evaluation_mesh import read_mesh

        mesh = read_mesh(geometry)
    return Walk(
        frames,
        _read_depth(depth, frames) if depth.is_file() else {},
        mesh,
        None if true_cameras is None else read_nerfstudio(true_cameras),
    )


def _frames_file(path: Path) -> Path:
    if path.is_dir():
        found = [path / name for name in FRAMES_FILES if (path / name).is_file()]
        if not found:
            raise InputError(
                f"a walk's frames were expected in the folder {path}, but it holds no {' or '.join(FRAMES_FILES)}; "
                "check --walk."
            )
        return found[0]
    if not path.is_file():
        raise InputError(f"a walk's frames were expected in {path}, but there is no such file; check --walk.")
    return path


def _read_depth(path: Path, frames: Capture) -> dict[str, FloatImage]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            depth_z = np.asarray(archive["depth_z"], dtype=np.float32)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"an array depth_z of true depths was expected in {path}, but it cannot be read.") from error
    if depth_z.ndim != 3 or len(depth_z) != len(frames.images) or not np.isfinite(depth_z).all():
        raise InputError(
            f"{path} should hold finite depths [{len(frames.images)}, h, w], one image a frame of the walk, but holds "
            f"an array {list(depth_z.shape)}; make it again or take it away."
        )
    for image, depth in zip(frames.images, depth_z, strict=True):
        if image.camera.intrinsics.distortion is not None:
            raise InputError(
                f"{path} gives depths of {image.name}, whose lens is distorted; only a pinhole can be used."
            )
        step_of(depth, image.camera, path)
    return {image.name: depth for image, depth in zip(frames.images, depth_z, strict=True)}


def step_of(depth_z: FloatImage, camera: Camera, path: Path | str) -> int:
    """Of how many pixels a depth image [h, w] has one.

    Raises:
        InputError: if its shape is that of no whole step.
    """
    step = max(1, round(camera.width / max(1, depth_z.shape[1])))
    if depth_z.shape != (-(-camera.height // step), -(-camera.width // step)):
        raise InputError(
            f"the true depth in {path} is {depth_z.shape[1]}x{depth_z.shape[0]}, which is not every n-th pixel of a "
            f"frame of {camera.width}x{camera.height}."
        )
    return step


def world_from_walk(walk: Walk, capture: Capture) -> Similarity:
    """From the world of the walk's files to that of the capture.

    Raises:
        InputError: if true cameras are given and fewer than 3 of the capture's photos are among them, or on a line.
    """
    if walk.true_cameras is None:
        turn = levelling_of(capture) @ levelling_of(walk.frames).inverse()
        return Similarity(1.0, turn.rotation, turn.translation)
    true = {image.name: image.camera.position_world for image in walk.true_cameras.images}
    names = [image.name for image in capture.images if image.name in true]
    solved = {image.name: image.camera.position_world for image in capture.images}
    try:
        return align_sim3(np.array([true[n] for n in names]).reshape(-1, 3), [solved[n] for n in names], robust=True)
    except ValueError as error:
        raise InputError(
            f"the true cameras should place at least 3 of the capture's {len(solved)} photos, off one line, but have "
            f"{len(names)} of their names; check --true-cameras."
        ) from error


def placed(frames: Capture, world_from_file: Similarity) -> Capture:
    """The frames' cameras in another world; images stay, and so do depths in their files."""

    def moved(camera: Camera) -> Camera:
        return replace(camera, world_from_camera=world_from_file.apply_pose(camera.world_from_camera))

    return replace(frames, images=tuple(replace(image, camera=moved(image.camera)) for image in frames.images))


def true_frames(
    walk: Walk, steps: Sequence[PosedPhoto], photos: Sequence[PosedPhoto], to_world: Similarity
) -> list[TrueFrame]:
    """The truth of the walk's frames, without those of which nothing is known.

    Depth comes from the walk's own file, else from its depth images, else from the mesh. A surface counts as seen if it
    lies in the image of a fitted photo and, where there is a mesh, nothing hides it from there.

    Args:
        steps: the walk's frames, their cameras in the world of the scene.
        photos: those that were fitted, in the world of the scene.
        to_world: ``world_from_walk``.
    """
    file_from_world = to_world.inverse()
    viewers = [_moved(photo.camera, file_from_world) for photo in photos]
    hidden = None if walk.mesh is None else _first_surfaces(walk.mesh, viewers)
    found: list[TrueFrame] = []
    for frame in steps:
        camera_file = _moved(frame.camera, file_from_world)
        depth_z = _depth_of(walk, frame, camera_file)
        if depth_z is None:
            continue
        step = step_of(depth_z, camera_file, frame.name)
        seen = _seen(camera_file, depth_z, step, viewers, hidden)
        scaled = (depth_z * np.float32(to_world.scale)).astype(np.float32)
        found.append(TrueFrame(frame.name, frame.camera, scaled, seen, step))
    return found


def _depth_of(walk: Walk, frame: PosedPhoto, camera_file: Camera) -> FloatImage | None:
    if frame.name in walk.depth_z:
        return walk.depth_z[frame.name]
    if frame.depth_z is not None or walk.mesh is None:
        return frame.depth_z
    from .evaluation_mesh import draw_depth_z

    return draw_depth_z(walk.mesh, camera_file, MESH_STEP)


def _moved(camera: Camera, to: Similarity) -> Camera:
    return replace(camera, world_from_camera=to.apply_pose(camera.world_from_camera))


def _first_surfaces(mesh: "TriangleMesh", viewers: Sequence[Camera]) -> list[FloatImage]:
    from .evaluation_mesh import draw_depth_z

    return [draw_depth_z(mesh, camera) for camera in viewers]


def _seen(
    camera: Camera, depth_z: FloatImage, step: int, viewers: Sequence[Camera], hidden: Sequence[FloatImage] | None
) -> Mask:
    """[h, w] whether the surface at depth_z is seen by one of the viewers; all in the world of the walk's files."""
    rows, columns = np.nonzero(depth_z > 0)
    pixels = np.stack([columns * step + 0.5, rows * step + 0.5], axis=-1)
    points = camera.unproject(pixels, depth_z[rows, columns])
    missing = np.arange(len(points))
    for number, viewer in enumerate(viewers):
        at, away_z = viewer.project(points[missing])
        inside = (away_z > 0) & (at >= 0).all(axis=1) & (at < (viewer.width, viewer.height)).all(axis=1)
        if hidden is not None:
            x, y = np.where(inside[:, None], at, 0).astype(int).T
            inside &= away_z <= (1 + HIDDEN_BEHIND) * hidden[number][y, x]
        missing = missing[~inside]
    seen = np.asarray(depth_z > 0)
    seen[rows[missing], columns[missing]] = False
    return seen
