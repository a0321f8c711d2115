"""The parts of a glTF 2.0 file that an animated camera needs (Khronos, glTF 2.0 specification, sections 3.6, 3.11, 4).

Both containers are read: ``.glb``, and ``.gltf`` with buffers in data URIs or in files beside it.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote

import numpy as np
from pydantic import Field

from ..arrays import Floats, unit
from ..errors import InputError
from ..rotations import slerp
from .files import MAX_BYTES, Loose, read_bytes, refusal, validated

WHAT = "a glTF 2.0 file"
GLB_MAGIC = b"glTF"
_JSON_CHUNK, _BINARY_CHUNK = 0x4E4F534A, 0x004E4942
_GLB_VERSION = 2
_HEADER, _CHUNK = struct.Struct("<4sII"), struct.Struct("<II")
# Component types and, for normalised integers, what stands for 1 (section 3.6.2.2).
_DTYPES = {5120: ("i1", 127), 5121: ("u1", 255), 5122: ("<i2", 32767), 5123: ("<u2", 65535), 5126: ("<f4", 1)}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}

_Index = Annotated[int, Field(ge=0)]
_Vec3 = tuple[float, float, float]
_Vec4 = tuple[float, float, float, float]


class _Accessor(Loose):
    bufferView: _Index
    byteOffset: _Index = 0
    componentType: int
    normalized: bool = False
    count: Annotated[int, Field(gt=0)]
    type: str
    sparse: object = None


class _BufferView(Loose):
    buffer: _Index
    byteOffset: _Index = 0
    byteLength: _Index
    byteStride: Annotated[int, Field(ge=4, le=252)] | None = None


class _Buffer(Loose):
    uri: str | None = None


class Node(Loose):
    """A node; its transform is a matrix, or translation, rotation (x, y, z, w) and scale."""

    camera: _Index | None = None
    children: tuple[_Index, ...] = ()
    translation: _Vec3 = (0.0, 0.0, 0.0)
    rotation: _Vec4 = (0.0, 0.0, 0.0, 1.0)
    scale: _Vec3 = (1.0, 1.0, 1.0)
    matrix: Annotated[list[float], Field(min_length=16, max_length=16)] | None = None


class _Perspective(Loose):
    yfov: float


class Camera(Loose):
    """A camera; ``perspective`` is None for an orthographic one."""

    perspective: _Perspective | None = None


class _Target(Loose):
    node: _Index | None = None
    path: str


class Channel(Loose):
    """What of which node a sampler drives."""

    sampler: _Index
    target: _Target


class _Sampler(Loose):
    input: _Index
    output: _Index
    interpolation: Literal["LINEAR", "STEP", "CUBICSPLINE"] = "LINEAR"


class Animation(Loose):
    """Channels say which sampler drives what."""

    channels: tuple[Channel, ...]
    samplers: tuple[_Sampler, ...]


class _Asset(Loose):
    version: Annotated[str, Field(pattern=r"^2\.")]


class _Content(Loose):
    asset: _Asset
    accessors: tuple[_Accessor, ...] = ()
    bufferViews: tuple[_BufferView, ...] = ()
    buffers: tuple[_Buffer, ...] = ()
    nodes: tuple[Node, ...] = ()
    cameras: tuple[Camera, ...] = ()
    animations: tuple[Animation, ...] = ()


@dataclass(frozen=True, eq=False)
class Curve:
    """A sampler: keys [k] in seconds and their values [k, D], or [k, 3, D] with tangents for cubic ones."""

    times_s: Floats
    values: Floats
    interpolation: str
    is_rotation: bool

    def at(self, times_s: Floats) -> Floats:
        """Values [n, D] at times [n], held at both ends (section 3.11 and appendix C)."""
        keys = self.times_s
        knots = self.values[:, 1] if self.values.ndim == 3 else self.values
        if len(keys) == 1:
            return np.repeat(knots, len(times_s), axis=0)
        piece = np.clip(np.searchsorted(keys, times_s, side="right") - 1, 0, len(keys) - 2)
        length = (keys[piece + 1] - keys[piece])[:, None]
        t = np.clip((times_s[:, None] - keys[piece][:, None]) / length, 0.0, 1.0)
        start, end = knots[piece], knots[piece + 1]
        if self.interpolation == "STEP":
            return np.where(t < 1, start, end)
        if self.interpolation == "CUBICSPLINE":
            out_tangent, in_tangent = length * self.values[piece, 2], length * self.values[piece + 1, 0]
            found = (
                start * ((1 + 2 * t) * (1 - t) ** 2)
                + out_tangent * (t * (1 - t) ** 2)
                + end * (t * t * (3 - 2 * t))
                + in_tangent * (t * t * (t - 1))
            )
            return unit(found) if self.is_rotation else found
        return slerp(start, end, t[:, 0]) if self.is_rotation else start + (end - start) * t


class Gltf:
    """A file that is open for reading.

    Args:
        file: its name.

    Raises:
        InputError: if it is damaged, or a buffer cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        data = read_bytes(file)
        text, self._binary = _split(data, file) if data.startswith(GLB_MAGIC) else (data, b"")
        self.content = validated(_Content, text, file, WHAT)
        self._buffers: dict[int, bytes] = {}

    def curve(self, animation: Animation, channel: Channel) -> Curve:
        """The sampler of a channel.

        Raises:
            InputError: if its data are not there or are no curve.
        """
        path = channel.target.path
        if channel.sampler >= len(animation.samplers):
            raise refusal(self.file, WHAT, "an animation uses a sampler that is not there")
        sampler = animation.samplers[channel.sampler]
        times, values = self._accessor(sampler.input)[:, 0], self._accessor(sampler.output)
        if sampler.interpolation == "CUBICSPLINE" and len(values) == 3 * len(times):
            values = values.reshape(len(times), 3, -1)
        is_good = len(values) == len(times) and (np.diff(times) > 0).all() and values.shape[-1] == _width(path)
        if not is_good or not (np.isfinite(times).all() and np.isfinite(values).all()):
            raise refusal(
                self.file, WHAT, f"the animation of a {path} has no finite value for each of increasing times"
            )
        return Curve(times, values, sampler.interpolation, path == "rotation")

    def _accessor(self, number: int) -> Floats:
        """[count, D] numbers."""
        content = self.content
        if number >= len(content.accessors):
            raise refusal(self.file, WHAT, f"its accessor {number} is not there")
        accessor = content.accessors[number]
        if accessor.sparse is not None or accessor.componentType not in _DTYPES or accessor.type not in _WIDTHS:
            raise refusal(self.file, WHAT, f"its accessor {number} has data of a kind that an animation cannot have")
        if accessor.bufferView >= len(content.bufferViews):
            raise refusal(self.file, WHAT, f"its bufferView {accessor.bufferView} is not there")
        view, width = content.bufferViews[accessor.bufferView], _WIDTHS[accessor.type]
        name, one = _DTYPES[accessor.componentType]
        item = np.dtype(name).itemsize * width
        stride = view.byteStride or item
        start, size = view.byteOffset + accessor.byteOffset, (accessor.count - 1) * stride + item
        data = self._buffer(view.buffer)
        if stride < item or accessor.byteOffset + size > view.byteLength or start + size > len(data):
            raise refusal(self.file, WHAT, f"the data of its accessor {number} are cut off")
        # Rows of whole strides; the last one may end early, so it is read through a padded copy.
        rows = np.frombuffer(data[start : start + size] + bytes(stride - item), dtype=np.uint8).reshape(-1, stride)
        numbers = np.ascontiguousarray(rows[:, :item]).view(name).astype(np.float64)
        return np.maximum(numbers / one, -1.0) if accessor.normalized else numbers

    def _buffer(self, number: int) -> bytes:
        if number not in self._buffers:
            if number >= len(self.content.buffers):
                raise refusal(self.file, WHAT, f"its buffer {number} is not there")
            uri = self.content.buffers[number].uri
            self._buffers[number] = self._binary if uri is None else self._fetched(uri)
        return self._buffers[number]

    def _fetched(self, uri: str) -> bytes:
        if uri.startswith("data:"):
            try:
                return base64.b64decode(uri.partition(",")[2], validate=True)
            except (binascii.Error, ValueError) as error:
                raise refusal(self.file, WHAT, f"a buffer in it is damaged ({error})") from error
        name = Path(unquote(uri))
        if ":" in uri or "\0" in name.name or name.is_absolute() or ".." in name.parts:
            raise refusal(self.file, WHAT, "a buffer lies outside its folder")
        return read_bytes(self.file.parent / name)


def glb_json(file: Path) -> bytes:
    """The JSON of a ``.glb`` file, without the rest.

    Raises:
        InputError: if it is damaged.
    """
    with file.open("rb") as opened:
        head = opened.read(_HEADER.size + _CHUNK.size)
        length = _CHUNK.unpack_from(head, _HEADER.size)[0] if len(head) == _HEADER.size + _CHUNK.size else 0
        return opened.read(min(length, MAX_BYTES))


def glb_bytes(text: bytes, binary: bytes) -> bytes:
    """A ``.glb`` file (section 4.4); both chunks are padded to whole words."""
    text += b" " * (-len(text) % 4)
    binary += bytes(-len(binary) % 4)
    total = _HEADER.size + 2 * _CHUNK.size + len(text) + len(binary)
    header = _HEADER.pack(GLB_MAGIC, _GLB_VERSION, total)
    return header + _CHUNK.pack(len(text), _JSON_CHUNK) + text + _CHUNK.pack(len(binary), _BINARY_CHUNK) + binary


def _split(data: bytes, file: Path) -> tuple[bytes, bytes]:
    """The JSON and the binary chunk of a ``.glb`` file."""
    chunks: dict[int, bytes] = {}
    at = _HEADER.size
    if len(data) >= at and _HEADER.unpack_from(data)[1] != _GLB_VERSION:
        raise InputError(f"{file} should be {WHAT}, but it is of another version; export it again")
    while at + _CHUNK.size <= len(data):
        length, kind = _CHUNK.unpack_from(data, at)
        at += _CHUNK.size
        if at + length > len(data):
            break
        chunks.setdefault(kind, data[at : at + length])
        at += length
    if _JSON_CHUNK not in chunks or at < len(data):
        raise refusal(file, WHAT, "it is cut off or damaged")
    return chunks[_JSON_CHUNK], chunks.get(_BINARY_CHUNK, b"")


def _width(path: str) -> int:
    return 4 if path == "rotation" else 3
