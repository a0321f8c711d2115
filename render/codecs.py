"""The codecs a film can be written in; a new one is a line in ``CODECS``.

Every encoder is set up so that the same frames give the same bytes on any number of cores: no dates, and a fixed
number of threads, one where more are known to make an encoder differ from run to run. A segment is one closed group
of pictures.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, cast

from cameras.errors import InstallationError, SettingsError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import OutputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream

CodecName = Literal["h264", "h265", "av1", "prores", "png"]
EncoderOptions = Mapping[str, str]
_LAMBDA_PER_QUALITY = 118  # FF_QP2LAMBDA in libavutil
_RGB_MATRIX = 0  # AVCOL_SPC_RGB in libavutil; PyAV has no name for it


@dataclass(frozen=True)
class Codec:
    """How one codec is written.

    Attributes:
        name: what the user types.
        encoder: FFmpeg's name of the encoder.
        container: FFmpeg's name of the container of segments, and of the film unless it is a folder.
        suffix: of the film's file; empty if the film is a folder of images.
        pixel_format: FFmpeg's name.
        bits: of each sample.
        chroma_rows: rows that share a chroma sample; 0 for RGB.
        quality: default of ``FilmSettings.quality``.
        quality_range: lowest and highest quality value; lower is better.
        options: encoder options from (quality, frames of a segment).
        tag: four-character code in the container, where the usual one does not play everywhere.
        threads: of the encoder; part of what decides the bytes.
        reorder_frames: how many frames decoding runs ahead of showing.
    """

    name: CodecName
    encoder: str
    container: str
    suffix: str
    pixel_format: str
    bits: int
    chroma_rows: int
    quality: int
    quality_range: tuple[int, int]
    options: Callable[[int, int], EncoderOptions]
    tag: str | None = None
    threads: int = 1
    reorder_frames: int = 0

    @property
    def is_rgb(self) -> bool:
        return self.chroma_rows == 0


def _h264(quality: int, gop: int) -> EncoderOptions:
    # veryfast: a third of medium's time for 0.4 dB less at the same size, and the rendering needs the cores.
    # aq-mode 3 spends bits on dark, flat areas, where banding shows first. The macroblock tree is off: its AVX-512 code
    # gave another file on every fifth run or so, at one thread too.
    parameters = f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:aq-mode=3:mbtree=0"
    return {"preset": "veryfast", "crf": str(quality), "x264-params": parameters}


def _h265(quality: int, gop: int) -> EncoderOptions:
    parameters = f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:pools=none:frame-threads=1:wpp=0"
    return {"preset": "veryfast", "crf": str(quality), "x265-params": f"{parameters}:log-level=error"}


def _av1(quality: int, gop: int) -> EncoderOptions:
    return {"preset": "8", "crf": str(quality), "svtav1-params": f"lp=1:keyint={gop}:scd=0"}


def _prores(quality: int, gop: int) -> EncoderOptions:
    return {"profile": "hq", "vendor": "apl0", "flags": "+qscale", "global_quality": str(quality * _LAMBDA_PER_QUALITY)}


def _png(quality: int, gop: int) -> EncoderOptions:
    return {"compression_level": str(quality), "pred": "paeth"}


CODECS: Mapping[str, Codec] = {
    codec.name: codec
    for codec in (
        Codec("h264", "libx264", "mp4", ".mp4", "yuv420p", 8, 2, 18, (0, 51), _h264, threads=2, reorder_frames=2),
        Codec("h265", "libx265", "mp4", ".mp4", "yuv420p", 8, 2, 20, (0, 51), _h265, tag="hvc1", reorder_frames=2),
        Codec("av1", "libsvtav1", "mp4", ".mp4", "yuv420p10le", 10, 2, 24, (1, 63), _av1),
        Codec("prores", "prores_ks", "mov", ".mov", "yuv422p10le", 10, 1, 4, (1, 32), _prores, tag="apch"),
        Codec("png", "png", "mov", "", "rgb48be", 16, 0, 4, (0, 9), _png),
    )
}


def find_codec(name: str) -> Codec:
    """The codec of that name.

    Raises:
        SettingsError: if we know none of that name.
        InstallationError: if this installation of PyAV cannot encode it.
    """
    if name not in CODECS:
        raise SettingsError(f"the codec must be one of {', '.join(CODECS)}, got {name!r}.")
    codec = CODECS[name]
    if not _can_encode(codec):
        offered = [other.name for other in CODECS.values() if _can_encode(other)]
        raise InstallationError(
            f"this installation of PyAV has no encoder {codec.encoder} for {name}; choose one of {', '.join(offered)}."
        )
    return codec


def _can_encode(codec: Codec) -> bool:
    import av

    return codec.encoder in av.codecs_available


def add_encoder(
    container: "OutputContainer", codec: Codec, size: tuple[int, int], fps: Fraction, quality: int, gop: int
) -> "VideoStream":
    """A stream of ``container`` that encodes (width, height) frames, one group of pictures of ``gop`` frames."""
    # SVT-AV1 writes a page about itself to stderr unless its own variable asks for errors only.
    os.environ.setdefault("SVT_LOG", "1")
    stream = container.add_stream(codec.encoder, rate=fps, options=dict(codec.options(quality, gop)))
    stream = cast("VideoStream", stream)
    context = stream.codec_context
    context.width, context.height = size
    context.pix_fmt = codec.pixel_format
    context.time_base = 1 / fps
    context.gop_size = gop
    context.thread_count = codec.threads
    tag_colors(context, codec)
    if codec.tag is not None:
        context.codec_tag = codec.tag
    return stream


def tag_colors(target: "VideoCodecContext | VideoFrame", codec: Codec) -> None:
    """Says that the samples are BT.709 video, or sRGB for images; ProRes believes the frame, the others the context."""
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    target.color_primaries = ColorPrimaries.BT709
    target.color_trc = ColorTrc.IEC61966_2_1 if codec.is_rgb else ColorTrc.BT709
    target.colorspace = _RGB_MATRIX if codec.is_rgb else Colorspace.ITU709
    target.color_range = ColorRange.JPEG if codec.is_rgb else ColorRange.MPEG
