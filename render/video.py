"""Encoding one segment, joining segments without encoding again, and reading a film back. All through PyAV."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cameras.errors import InputError
from scenes.scene import View

from .codecs import Codec, add_encoder, tag_colors
from .frame_numbers import Picture, planes_of
from .frames import BLACK, Color, Planes

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

# Flags of libswscale that PyAV passes through.
SWS_BICUBIC, SWS_FULL_CHROMA, SWS_ACCURATE_RND = 4, 0x2000, 0x40000


@dataclass(frozen=True)
class VideoFormat:
    """What every segment of one film shares: size in pixels, frame rate, codec and its quality."""

    width: int
    height: int
    fps: Fraction
    codec: Codec
    quality: int

    def planes_of(self, picture: Picture, background: Color = BLACK) -> Planes:
        """The numbers that the codec takes, of a picture over a background.

        Raises:
            ValueError: if the picture has another size.
        """
        rgb = picture.rgb if isinstance(picture, View) else picture
        if rgb.shape != (self.height, self.width, 3):
            raise ValueError(f"a frame of shape {(self.height, self.width, 3)} was expected, got {rgb.shape}")
        return planes_of(picture, background, bits=self.codec.bits, chroma_rows=self.codec.chroma_rows)


class SegmentEncoder:
    """Encodes the frames of one segment into a file of its own, as one closed group of at most ``gop`` pictures.

    All segments of a film take the same ``gop``, the short last one too: encoders write it into the stream's header.
    """

    def __init__(self, path: Path, video: VideoFormat, gop: int) -> None:
        import av

        self._video = video
        self._container = av.open(str(path), "w", format=video.codec.container)
        size = (video.width, video.height)
        self._stream = add_encoder(self._container, video.codec, size, video.fps, video.quality, gop)
        self._n_written = 0
        self._n_muxed = 0

    def add(self, planes: Planes) -> None:
        """Encodes the next frame, from ``VideoFormat.planes_of``."""
        picture = _picture(planes, self._video)
        picture.pts = self._n_written
        picture.time_base = 1 / self._video.fps
        self._mux(self._stream.encode(picture))
        self._n_written += 1

    def _mux(self, packets: list["Packet"]) -> None:
        for packet in packets:
            # The encoder's own decoding times are right, but x265's are wild in segments of one or two frames.
            packet.dts = self._n_muxed - self._video.codec.reorder_frames
            self._container.mux(packet)
            self._n_muxed += 1

    def close(self) -> None:
        """Writes what the encoder still holds and the container's end."""
        self._mux(self._stream.encode(None))
        self._container.close()

    def abandon(self) -> None:
        """Lets go of the file, which is worthless now."""
        self._container.close()


def _picture(planes: Planes, video: VideoFormat) -> "VideoFrame":
    """A frame in the encoder's pixel format."""
    from av import VideoFrame

    picture = VideoFrame(video.width, video.height, video.codec.pixel_format)
    tag_colors(picture, video.codec)
    if video.codec.is_rgb:
        planes = tuple(plane.astype(">u2").reshape(video.height, -1) for plane in planes)
    for plane, samples in zip(picture.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(plane), dtype=samples.dtype).reshape(len(samples), -1)  # a row may be padded
        rows[:, : samples.shape[1]] = samples
    return picture


def join_segments(segments: Sequence[Path], video: VideoFormat, output: Path, metadata: Mapping[str, str]) -> int:
    """Writes the film: the segments' packets one after another, the index in front, the metadata as given.

    The film appears under its name only when it is whole.

    Returns:
        How many frames it has.
    """
    import av

    partial = output.with_name(f".{output.name}.part")
    # The container's own clock counts frames too, or the length would be rounded to milliseconds.
    timescale = video.fps.numerator * max(1, round(1000 / video.fps))
    options = {"movflags": "faststart+use_metadata_tags", "movie_timescale": str(timescale)}
    n_frames = 0
    with av.open(str(partial), "w", format=video.codec.container, options=options) as film:
        film.metadata.update(metadata)
        stream, header = None, None
        for segment in segments:
            with av.open(str(segment)) as source:
                if stream is None:
                    stream, header = _copied_stream(film, source, video), _stream_header(source)
                if _stream_header(source) != header:
                    raise RuntimeError(f"the encoder set up {segment} otherwise than the first segment")
                first = n_frames
                for packet in _packets(source, video.fps):
                    packet.pts, packet.dts = first + (packet.pts or 0), first + (packet.dts or 0)
                    packet.stream = stream
                    film.mux(packet)
                    n_frames += 1
    _flush_to_disk(partial)
    os.replace(partial, output)
    return n_frames


def _copied_stream(film: "OutputContainer", source: "InputContainer", video: VideoFormat) -> "VideoStream":
    """A stream of the film that takes the segments' packets as they are."""
    # opaque: otherwise it looks for an encoder of the decoder's name, and AV1's has none.
    stream = film.add_stream_from_template(source.streams.video[0], opaque=True)
    stream.time_base = 1 / video.fps
    if video.codec.tag is not None:
        stream.codec_context.codec_tag = video.codec.tag
    return stream


def _stream_header(source: "InputContainer") -> bytes | None:
    return source.streams.video[0].codec_context.extradata


def unpack_images(segments: Sequence[Path], video: VideoFormat, folder: Path) -> int:
    """Writes every packet as an image file of its own: ``000000.png`` and so on. Returns how many."""
    import av

    n_frames = 0
    for segment in segments:
        with av.open(str(segment)) as source:
            for packet in _packets(source, video.fps):
                (folder / f"{n_frames:06d}.png").write_bytes(bytes(packet))
                n_frames += 1
    return n_frames


def _packets(source: "InputContainer", fps: Fraction) -> Iterator["Packet"]:
    """The packets of a segment in stored order, timed in whole frames from the segment's first."""
    for packet in source.demux(video=0):
        if packet.pts is None or packet.dts is None:  # the demuxer's end mark
            continue
        frames_per_tick = packet.time_base * fps
        packet.pts, packet.dts = round(packet.pts * frames_per_tick), round(packet.dts * frames_per_tick)
        packet.time_base, packet.duration = 1 / fps, 1
        yield packet


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def read_frames(film: Path, wanted: Sequence[int] | None = None) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Decoded frames [H, W, 3] uint8 with their numbers, in order; all of them, or the ``wanted`` ones.

    A film is a video file, or a folder of images as ``--codec png`` writes it.

    Raises:
        InputError: if the film cannot be decoded or has no frame.
    """
    keep = None if wanted is None else set(wanted)
    numbered = _read_folder(film, keep) if film.is_dir() else _read_video(film, keep)
    found = False
    for number, rgb in numbered:
        found = True
        yield number, rgb
    if not found:
        raise InputError(f"a film with frames to look at was expected, but none could be decoded from {film}.")


def _read_folder(film: Path, keep: set[int] | None) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    from PIL import Image

    for number, path in enumerate(sorted(film.glob("*.png"))):
        if keep is None or number in keep:
            with Image.open(path) as image:
                yield number, np.asarray(image.convert("RGB"))


def _read_video(film: Path, keep: set[int] | None) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(film)) as source:
            for number, picture in enumerate(source.decode(video=0)):
                if keep is None or number in keep:
                    yield number, _decoded_rgb(picture)
    except (FFmpegError, IndexError) as error:
        raise InputError(f"a film that PyAV can decode was expected, but {film} failed: {error}.") from error


def _decoded_rgb(picture: "VideoFrame") -> NDArray[np.uint8]:
    """[H, W, 3]; swscale's quick way is two grey levels too dark."""
    from av.video.reformatter import Colorspace

    exact = SWS_ACCURATE_RND | SWS_FULL_CHROMA | SWS_BICUBIC
    matrix = Colorspace(picture.colorspace)
    return np.asarray(picture.to_ndarray(format="rgb24", interpolation=exact, src_colorspace=matrix), dtype=np.uint8)


def count_frames(film: Path) -> int:
    """How many frames a film has, counted rather than read from its header."""
    import av

    if film.is_dir():
        return len(list(film.glob("*.png")))
    with av.open(str(film)) as source:
        return sum(packet.size > 0 for packet in source.demux(video=0))
