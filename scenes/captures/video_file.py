"""A video file as a stream of frames: opened safely, timed by its time stamps, turned upright. PyAV decodes."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cameras.errors import InputError

from .frame_choice import MOST_FRAMES, frames_wanted
from .stills import reduced_size

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

MIN_SIDE_PX = 64
MAX_FRAME_PIXELS = 100_000_000
"""Larger frames are refused: 8K and the widest panoramas have fewer, and a small file can claim any size."""

# Containers of cameras, phones and editors; no playlists or lists, which lead to other files.
_CONTAINERS = (
    "mov,mp4,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,gif,mxf,h264,hevc,av1,obu,ivf,dv,rm,yuv4mpegpipe,"
    "nut,wtv,m4v,mjpeg,apng,vc1"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}
# Matrices of YCbCr as ITU-T H.273 numbers them; swscale uses the same numbers.
_KNOWN_MATRICES = (1, 4, 5, 6, 7, 9, 10)
_BT709, _BT601 = 1, 5
_HDR_TRANSFERS = (16, 18)  # PQ and HLG
_AREA = 0x20
_EXACT = 0x04 | 0x2000 | 0x4000 | 0x40000  # bicubic, full chroma in and out, accurate rounding
_MICROSECOND = 1e-6


@dataclass(frozen=True)
class Turn:
    """How stored frames become upright: transposed first, then flipped."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def from_display_matrix(cls, matrix: bytes | None) -> "Turn":
        """From the nine int32 of ISO/IEC 14496-12 8.2.2 (a b u, c d v, x y w): x' = a x + c y, y' = b x + d y.

        Pixels have y down. Turns are rounded to quarter turns.
        """
        if matrix is None or len(matrix) < 36:
            return cls()
        a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def apply(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """[H, W, ...] upright."""
        if self.transpose:
            pixels = pixels.swapaxes(0, 1)
        return np.ascontiguousarray(pixels[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1])


@dataclass(frozen=True)
class VideoFacts:
    """What is known of a video after its first frame.

    Attributes:
        width, height: pixels of an upright frame with square pixels.
        stored_size: (width, height) of a decoded frame.
        turn: from decoded to upright.
        seconds: length as the file says; 0 if it does not.
        fps: average frame rate; 0 if unknown.
        codec: FFmpeg's name.
        frames_listed: number of frames as the file says; 0 if it does not.
        is_hdr: its transfer is PQ or HLG.
    """

    width: int
    height: int
    stored_size: tuple[int, int]
    turn: Turn
    seconds: float
    fps: float
    codec: str
    frames_listed: int
    is_hdr: bool

    @property
    def frames(self) -> int:
        """Number of frames as the file says, else from length and rate; 0 if unknown."""
        return self.frames_listed or round(self.seconds * self.fps)


@dataclass(frozen=True)
class DecodedFrame:
    """A frame, its number in the order of decoding from 0, and its time from the first frame in seconds."""

    number: int
    time_s: float
    picture: "VideoFrame"


def describe_video(path: Path) -> dict[str, object]:
    """Width and height (upright, pixels), seconds, fps, codec, number of frames, and of images that will be taken.

    Not more than one frame is decoded.

    Raises:
        InputError: if it is no video that can be decoded.
    """
    facts = video_facts(path)
    return {
        "images": min(frames_wanted(facts.seconds), facts.frames or MOST_FRAMES),
        "width": facts.width,
        "height": facts.height,
        "seconds": round(facts.seconds, 3),
        "fps": round(facts.fps, 3),
        "codec": facts.codec,
        "frames": facts.frames,
    }


def video_facts(path: Path) -> VideoFacts:
    """Size, length and turn of a video, from its header and its first frame.

    Raises:
        InputError: if it is no video that can be decoded, or its size is absurd.
    """
    first = next(iter(decoded_frames(path)), None)
    if first is None:
        raise InputError(
            f"a video was expected in {path}, but not one frame of it can be decoded; copy it again from the camera."
        )
    with _opened(path) as (container, stream):
        seconds, frames = _length(container, stream), int(stream.frames or 0)
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        aspect = float(stream.sample_aspect_ratio or 1)
        codec = stream.codec_context.name
    picture = first.picture
    side_data = picture.side_data.get("DISPLAYMATRIX")
    turn = Turn.from_display_matrix(None if side_data is None else bytes(side_data))
    width = max(1, round(picture.width * (aspect if 0.25 <= aspect <= 4 else 1.0)))
    size = (picture.height, width) if turn.transpose else (width, picture.height)
    if min(size) < MIN_SIDE_PX:
        raise InputError(
            f"a video of at least {MIN_SIDE_PX} pixels a side was expected, but {path} is {size[0]}x{size[1]}; "
            "film at 1280x720 or more."
        )
    stored = (picture.width, picture.height)
    is_hdr = int(picture.color_trc) in _HDR_TRANSFERS
    return VideoFacts(*size, stored, turn, seconds, fps, codec, frames, is_hdr)


def decoded_frames(path: Path, damaged: list[str] | None = None) -> Iterator[DecodedFrame]:
    """All frames in order; what cannot be decoded is passed over and noted in ``damaged``.

    Raises:
        InputError: if it is no video, its frames are absurdly large, or it changes its size.
    """
    from av.error import FFmpegError

    notes: list[str] = [] if damaged is None else damaged
    number, start, latest = 0, None, 0.0
    size: tuple[int, int] | None = None
    with _opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        rate = float(stream.average_rate or stream.guessed_rate or 30)
        packets = iter(container.demux(stream))
        while True:
            try:
                packet = next(packets)
                pictures = packet.decode()
            except StopIteration:
                return
            except FFmpegError as error:
                notes.append(" ".join(str(error).split())[:80])
                if len(notes) > 1000:
                    return
                continue
            for picture in pictures:
                size = size or (picture.width, picture.height)
                if (picture.width, picture.height) != size:
                    raise InputError(
                        f"a video of one size was expected, but {path} changes from {size[0]}x{size[1]} to "
                        f"{picture.width}x{picture.height}; cut it there and use one part."
                    )
                time_s = number / rate if picture.pts is None else float(picture.time)
                start = time_s if start is None else start
                latest = max(latest, time_s - start)
                if picture.is_corrupt:
                    notes.append(f"frame {number} is damaged")
                else:
                    yield DecodedFrame(number, latest, picture)
                number += 1


def grey_picture(picture: "VideoFrame", long_side: int) -> NDArray[np.uint8]:
    """[H, W] uint8 luma of a stored frame, reduced by averaging to ``long_side``; not turned."""
    width, height = reduced_size(picture.width, picture.height, long_side)
    grey = picture.reformat(width=width, height=height, format="gray", interpolation=_AREA)
    return np.asarray(grey.to_ndarray(), dtype=np.uint8)


def upright_rgb(picture: "VideoFrame", facts: VideoFacts, long_side: int) -> NDArray[np.uint8]:
    """[H, W, 3] uint8: square pixels, upright, at most ``long_side``."""
    size = (facts.height, facts.width) if facts.turn.transpose else (facts.width, facts.height)
    width, height = reduced_size(*size, long_side)
    matrix = int(picture.colorspace)
    if matrix not in _KNOWN_MATRICES:
        matrix = _BT709 if min(facts.width, facts.height) >= 720 else _BT601
    source = None if picture.format.is_rgb else matrix
    rgb = picture.to_ndarray(format="rgb24", width=width, height=height, interpolation=_EXACT, src_colorspace=source)
    return facts.turn.apply(np.asarray(rgb, dtype=np.uint8))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple["InputContainer", "VideoStream"]]:
    """The container and its picture track; every failure to open is one sentence."""
    import av
    from av.error import FFmpegError

    if not path.is_file():
        raise InputError(f"a video file was expected at {path}, but there is none; give the path of a video.")
    if path.stat().st_size == 0:
        raise InputError(f"a video was expected in {path}, but the file is empty; copy it again from the camera.")
    try:
        container = av.open(str(path.absolute()), options=_OPTIONS, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"a video was expected in {path}, but it cannot be opened as one (damaged, cut off or of another kind); "
            "copy it again from the camera or export it as MP4."
        ) from error
    with container:
        stream = _picture_track(container, path)
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > MAX_FRAME_PIXELS:
            raise InputError(
                f"a video of at most {MAX_FRAME_PIXELS // 1_000_000} megapixels a frame can be used, but {path} claims "
                f"{width}x{height}; export it smaller."
            )
        yield container, stream


def _picture_track(container: "InputContainer", path: Path) -> "VideoStream":
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise InputError(
                    f"a video that can be decoded was expected, but {path} uses an unknown codec; "
                    "export it as MP4 with H.264."
                )
            return stream
    what = "sound only" if container.streams.audio else "no pictures"
    raise InputError(f"a video was expected in {path}, but it holds {what}; give a file with a picture track.")


def _length(container: "InputContainer", stream: "VideoStream") -> float:
    if stream.duration and stream.time_base:
        return max(0.0, float(stream.duration * stream.time_base))
    return max(0.0, (container.duration or 0) * _MICROSECOND)
