"""COLMAP's files, binary and text (COLMAP ``doc/format.rst``, ``src/colmap/scene/reconstruction_io_*.cc``).

Read here and not by COLMAP itself: a flipped bit in a count sends its reader into minutes of allocation.
"""

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from cameras.errors import InputError

from .capture import SparsePoints

# Name and number of parameters by COLMAP's model id; what we can use of them is said by cameras.formats.colmap_models.
_MODELS: dict[int, tuple[str, int]] = {
    0: ("SIMPLE_PINHOLE", 3),
    1: ("PINHOLE", 4),
    2: ("SIMPLE_RADIAL", 4),
    3: ("RADIAL", 5),
    4: ("OPENCV", 8),
    5: ("OPENCV_FISHEYE", 8),
    6: ("FULL_OPENCV", 12),
    7: ("FOV", 5),
    8: ("SIMPLE_RADIAL_FISHEYE", 4),
    9: ("RADIAL_FISHEYE", 5),
    10: ("THIN_PRISM_FISHEYE", 12),
    11: ("RAD_TAN_THIN_PRISM_FISHEYE", 16),
    12: ("SIMPLE_DIVISION", 4),
    13: ("DIVISION", 5),
    14: ("SIMPLE_FISHEYE", 3),
    15: ("FISHEYE", 4),
    16: ("EUCM", 6),
    17: ("EQUIRECTANGULAR", 2),
}
_MAX_NAME_BYTES = 4096
_MAX_COORDINATE = 1e9
_MAX_ERROR_PX = 1e6
_POINT_2D_BYTES = 24
_TRACK_BYTES = 8
_POINT_3D = struct.Struct("<Q3d3BdQ")
_IMAGE = struct.Struct("<I7dI")
_CAMERA = struct.Struct("<iiQQ")
_COUNT = struct.Struct("<Q")


@dataclass(frozen=True)
class FileCamera:
    """A camera as the file says it: model name, size in pixels, parameters in the model's order."""

    model: str
    width: int
    height: int
    params: tuple[float, ...]


@dataclass(frozen=True)
class FileImage:
    """A posed image as the file says it; the pose is camera_from_world with OpenCV axes."""

    name: str
    camera_id: int
    quaternion_wxyz: tuple[float, ...]
    translation: tuple[float, ...]


def has_model(folder: Path, suffix: str) -> bool:
    """Whether the cameras and images of a model lie in ``folder``; ``suffix`` is ``.bin`` or ``.txt``."""
    return (folder / f"cameras{suffix}").is_file() and (folder / f"images{suffix}").is_file()


def read_cameras(path: Path) -> dict[int, FileCamera]:
    """Cameras by id, from ``cameras.bin`` or ``cameras.txt``.

    Raises:
        InputError: if the file is cut off, damaged or has a model that COLMAP does not have.
    """
    return _read_cameras_text(path) if path.suffix == ".txt" else _read_cameras_binary(path)


def read_images(path: Path) -> list[FileImage]:
    """Posed images, from ``images.bin`` or ``images.txt``; their keypoints are passed over.

    Raises:
        InputError: if the file is cut off or damaged.
    """
    return _read_images_text(path) if path.suffix == ".txt" else _read_images_binary(path)


def read_points(path: Path) -> SparsePoints:
    """Points with colours and reprojection errors, from ``points3D.bin`` or ``.txt``; absurdly far points are left out.

    Raises:
        InputError: if the file is cut off or damaged.
    """
    table = _read_points_text(path) if path.suffix == ".txt" else _read_points_binary(path)
    table = table[(np.abs(table[:, :3]) < _MAX_COORDINATE).all(axis=1)]
    errors = np.clip(np.nan_to_num(table[:, 6]), 0, _MAX_ERROR_PX)
    colors = np.clip(np.nan_to_num(table[:, 3:6]), 0, 255).astype(np.uint8)
    return SparsePoints(np.ascontiguousarray(table[:, :3]), colors, errors.astype(np.float32))


class _Bytes:
    """A binary file that is read from front to back; running past its end is one sentence."""

    def __init__(self, path: Path, data: mmap.mmap | bytes) -> None:
        self._path, self._data, self._at = path, data, 0

    def take(self, record: struct.Struct) -> tuple[float, ...]:
        self._need(record.size)
        values = record.unpack_from(self._data, self._at)
        self._at += record.size
        return values

    def count(self, least_bytes: int) -> int:
        """A number of records, each of ``least_bytes`` at least."""
        number = int(self.take(_COUNT)[0])
        if number * least_bytes > len(self._data) - self._at:
            self.fail(f"{number} entries do not fit into its {len(self._data)} bytes")
        return number

    def skip(self, size: int) -> None:
        self._need(size)
        self._at += size

    def text(self) -> str:
        end = self._data.find(b"\x00", self._at, self._at + _MAX_NAME_BYTES)
        if end < 0:
            self.fail("a file name in it does not end")
        name = self._data[self._at : end]
        self._at = end + 1
        try:
            return name.decode("utf-8")
        except UnicodeDecodeError:
            self.fail("a file name in it is no text")

    def end(self) -> None:
        if self._at != len(self._data):
            self.fail(f"{len(self._data) - self._at} bytes are left over")

    def _need(self, size: int) -> None:
        if size > len(self._data) - self._at:
            self.fail("it ends too early")

    def fail(self, reason: str) -> NoReturn:
        raise InputError(_broken(self._path, reason))


def _broken(path: Path, reason: str) -> str:
    return f"a whole COLMAP file was expected at {path}, but {reason}; copy it again or export the model again."


@contextmanager
def _opened(path: Path) -> Iterator[_Bytes]:
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                yield _Bytes(path, b"")
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield _Bytes(path, data)
    except OSError as error:
        raise InputError(_broken(path, f"it cannot be read ({error.strerror})")) from error


def _read_cameras_binary(path: Path) -> dict[int, FileCamera]:
    cameras: dict[int, FileCamera] = {}
    with _opened(path) as file:
        for _ in range(file.count(_CAMERA.size)):
            camera_id, model_id, width, height = map(int, file.take(_CAMERA))
            if model_id not in _MODELS:
                file.fail(f"its camera {camera_id} has the unknown model number {model_id}")
            model, n_params = _MODELS[model_id]
            cameras[camera_id] = FileCamera(model, width, height, file.take(struct.Struct(f"<{n_params}d")))
        file.end()
    return cameras


def _read_images_binary(path: Path) -> list[FileImage]:
    images: list[FileImage] = []
    with _opened(path) as file:
        for _ in range(file.count(_IMAGE.size + 1 + _COUNT.size)):
            _, *pose, camera_id = file.take(_IMAGE)
            name = file.text()
            file.skip(_POINT_2D_BYTES * file.count(_POINT_2D_BYTES))
            images.append(FileImage(name, int(camera_id), tuple(pose[:4]), tuple(pose[4:])))
        file.end()
    return images


def _read_points_binary(path: Path) -> np.ndarray:
    """[P, 7] x, y, z, red, green, blue, error."""
    with _opened(path) as file:
        count = file.count(_POINT_3D.size)
        table = np.empty((count, 7))
        for row in range(count):
            values = file.take(_POINT_3D)
            table[row] = values[1:8]
            file.skip(_TRACK_BYTES * int(values[8]))
        file.end()
    return table


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines without comments; empty ones are kept, since an image without keypoints has one."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.startswith("#"):
                    yield number, line.strip()
    except UnicodeDecodeError as error:
        raise InputError(_broken(path, "it is no text")) from error
    except OSError as error:
        raise InputError(_broken(path, f"it cannot be read ({error.strerror})")) from error


def _read_cameras_text(path: Path) -> dict[int, FileCamera]:
    cameras: dict[int, FileCamera] = {}
    for number, line in _lines(path):
        if not line:
            continue
        try:
            camera_id, model, width, height, *params = line.split()
            cameras[int(camera_id)] = FileCamera(model, int(width), int(height), tuple(map(float, params)))
        except ValueError as error:
            raise InputError(_broken(path, f"line {number} is no camera")) from error
    return cameras


def _read_images_text(path: Path) -> list[FileImage]:
    images: list[FileImage] = []
    lines = _lines(path)
    for number, line in lines:
        if not line:
            continue
        try:
            _, *pose, camera_id, name = line.split(maxsplit=9)
            if len(pose) != 7:
                raise ValueError
            values = tuple(map(float, pose))
            images.append(FileImage(name, int(camera_id), values[:4], values[4:]))
        except ValueError as error:
            raise InputError(_broken(path, f"line {number} is no image")) from error
        next(lines, None)
    return images


def _read_points_text(path: Path) -> np.ndarray:
    """[P, 7] x, y, z, red, green, blue, error."""
    rows: list[tuple[float, ...]] = []
    for number, line in _lines(path):
        if not line:
            continue
        try:
            row = tuple(map(float, line.split(maxsplit=8)[1:8]))
            if len(row) != 7:
                raise ValueError
        except ValueError as error:
            raise InputError(_broken(path, f"line {number} is no point")) from error
        rows.append(row)
    return np.array(rows, dtype=np.float64).reshape(-1, 7)
