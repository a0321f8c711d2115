"""COLMAP's ``images.txt`` with ``cameras.txt`` beside it (COLMAP ``doc/format.rst``, "Text Format").

An image is two lines: id, quaternion w x y z and translation of ``camera_from_world``, camera id and name; then its
keypoints, of which a path has none. SuperSplat and other tools read such a file as a camera path of one key an image.
The world is that of the COLMAP model, which is ours.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import InputError, SettingsError
from ..intrinsics import Intrinsics
from ..rotations import quaternion_from_matrix
from ..shot_list import ShotList
from .colmap_models import colmap_from_intrinsics, intrinsics_from_colmap
from .exchange import Flight, FrameSettings, PathFrames, bake, shot_of, unit_quaternions
from .files import Opening, read_text, refusal, write_bytes
from .losses import common_losses, fov_y_rad_from_focal_px, lens_losses

_WHAT = "COLMAP's images.txt"
_CAMERAS, _POINTS = "cameras.txt", "points3D.txt"
_OURS = "# A camera path, written by flythrough"


def recognizes(opening: Opening) -> bool:
    """By its first line that is no comment: ten fields, of which eight are numbers."""
    lines = (line for line in opening.text.splitlines() if line.strip() and not line.startswith("#"))
    fields = next(lines, "").split(maxsplit=9)
    return len(fields) == 10 and all(map(_is_number, fields[:9])) and not _is_number(fields[9])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes an image a frame, a camera for every lens and, where there are none, no points; see `exchange.PathModule`.

    COLMAP opens the folder as a model.

    Raises:
        SettingsError: if another name is asked for, or a model that is not ours lies there.
    """
    cameras_file = file.with_name(_CAMERAS)
    _check_place(file, cameras_file)
    frames = bake(flight, settings)
    lenses, numbers = np.unique(frames.fovs_y_rad, return_inverse=True)
    cameras = [f"{_OURS}\n"]
    for number, fov in enumerate(lenses.tolist(), 1):
        camera = colmap_from_intrinsics(Intrinsics.from_fov(settings.width, settings.height, fov))
        cameras.append(f"{number} {camera.model} {camera.width} {camera.height} {_joined(camera.params)}\n")
    inverse = np.swapaxes(frames.rotations, 1, 2)
    quaternions = quaternion_from_matrix(inverse).tolist()
    translations = -(inverse @ frames.positions_world[:, :, None])[:, :, 0]
    images = [f"{_OURS}: id, camera_from_world (w x y z, x y z), camera, name; then no keypoints\n"]
    for i, (q, t, number) in enumerate(zip(quaternions, translations.tolist(), numbers.tolist(), strict=True)):
        images.append(f"{i + 1} {_joined([*q, *t])} {number + 1} frame_{i:06d}.png\n\n")
    write_bytes(cameras_file, "".join(cameras).encode())
    if not file.with_name(_POINTS).exists():
        write_bytes(file.with_name(_POINTS), f"{_OURS}: no points\n".encode())
    write_bytes(file, "".join(images).encode())
    return common_losses(flight, frames)


def _check_place(file: Path, cameras_file: Path) -> None:
    if file.name != "images.txt":
        raise SettingsError(
            f"COLMAP's images must be in a file named images.txt, but the output is {file.name}; "
            f"give a name such as {file.with_name('images.txt')}."
        )
    for path in (cameras_file, file):
        if path.exists() and not read_text(path).startswith(_OURS):
            raise SettingsError(
                f"the output needs {path}, but another COLMAP model is there, which is never overwritten; "
                f"choose an empty folder."
            )


def _joined(numbers: object) -> str:
    return " ".join(map(repr, numbers))  # type: ignore[arg-type]


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads a frame an image, in the order of their names, at the rate of ``settings``; see `exchange.PathModule`."""
    cameras_file = file.with_name(_CAMERAS)
    if not cameras_file.is_file():
        raise InputError(f"{file} needs {_CAMERAS} beside it for the lenses, but it is not there; copy it there")
    cameras = _read_cameras(cameras_file)
    images = sorted(_read_images(file))
    unknown = next((camera for _, camera, _ in images if camera not in cameras), None)
    if unknown is not None:
        raise refusal(file, _WHAT, f"it uses camera {unknown}, which {cameras_file} does not have")
    lenses = [cameras[camera] for _, camera, _ in images]
    try:
        poses = np.array([pose for _, _, pose in images], dtype=np.float64).reshape(-1, 7)
        inverse = unit_quaternions(poses[:, :4]) if len(poses) else np.empty((0, 3, 3))
        rotations = np.swapaxes(inverse, 1, 2)
        positions = -(rotations @ poses[:, 4:, None])[:, :, 0]
        fovs = np.array([fov_y_rad_from_focal_px(lens.height, lens.fy) for lens in lenses])
        shot = shot_of(PathFrames(settings.fps, positions, rotations, fovs))
    except ValueError as error:
        raise refusal(file, _WHAT, error) from error
    return Flight(ShotList((shot,)), size=(lenses[0].width, lenses[0].height), losses=lens_losses(lenses))


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments; empty ones are kept, since an image without keypoints has one."""
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if not line.startswith("#"):
            yield number, line.strip()


def _read_cameras(file: Path) -> dict[int, Intrinsics]:
    cameras: dict[int, Intrinsics] = {}
    for number, line in _lines(file):
        if not line:
            continue
        try:
            camera_id, model, width, height, *params = line.split()
            values = (int(camera_id), int(width), int(height), tuple(map(float, params)))
        except ValueError as error:
            raise refusal(file, "COLMAP's cameras.txt", f"line {number} is no camera") from error
        cameras[values[0]] = intrinsics_from_colmap(model, *values[1:])
    return cameras


def _read_images(file: Path) -> Iterator[tuple[str, int, tuple[float, ...]]]:
    """Name, camera and pose of every image."""
    lines = _lines(file)
    for number, line in lines:
        if not line:
            continue
        try:
            _, *numbers, camera_id, name = line.split(maxsplit=9)
            pose = tuple(map(float, numbers))
            if len(pose) != 7:
                raise ValueError("an image has ten fields")
            yield name, int(camera_id), pose
        except ValueError as error:
            raise refusal(file, _WHAT, f"line {number} is no image") from error
        next(lines, None)
