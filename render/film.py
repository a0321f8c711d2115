"""Views become a film: rendered in order, encoded beside the rendering, joined at the end.

Kill it at any moment and call it again with the same arguments: it goes on behind the last whole segment and ends with
the same bytes. For that every segment starts from nothing: a fresh ``scene.views`` and a fresh encoder.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from cameras.camera import Camera
from cameras.errors import InputError, SettingsError
from cameras.reporting import Report, silent
from cameras.shot_list import ShotList
from scenes.scene import Scene

from .codecs import CodecName, find_codec
from .frame_numbers import Picture
from .frames import BLACK, Color
from .manifest import canonical_json
from .segments import EncoderThread, SegmentStore
from .video import VideoFormat, join_segments, unpack_images

FrameMaker = Callable[[range], Iterator[Picture]]
MAX_FPS = 240
MIN_SIDE, MAX_SIDE = 64, 8192  # x265 writes outside its buffers on pictures smaller than that


@dataclass(frozen=True)
class FilmSettings:
    """What a film is like.

    Attributes:
        width, height: in pixels. Video codecs share colour between neighbours, so their sizes must be even (only the
            width for prores); an odd size is refused, because padding would show a border that no camera saw.
        fps: frames a second; exact, so 30000/1001 stays what it is.
        codec: a name from ``render.codecs.CODECS``.
        quality: the encoder's own scale, lower is better and larger; None is the codec's default.
        segment_seconds: how much of the film a kill can cost.
        background: sRGB colour in [0, 1] where the scene is empty.
        metadata: written into the file: ``title``, ``comment`` and whatever else the caller wants to say.

    Raises:
        SettingsError: if a size, a rate or a quality makes no sense.
        InstallationError: if the codec cannot be encoded here.
    """

    width: int = 1280
    height: int = 720
    fps: Fraction = Fraction(30)
    codec: CodecName = "h264"
    quality: int | None = None
    segment_seconds: float = 2.0
    background: Color = BLACK
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        codec = find_codec(self.codec)
        object.__setattr__(self, "fps", Fraction(self.fps))
        if not (MIN_SIDE <= self.width <= MAX_SIDE and MIN_SIDE <= self.height <= MAX_SIDE):
            raise SettingsError(
                f"the film's sides must be between {MIN_SIDE} and {MAX_SIDE} pixels, got {self.width}x{self.height}."
            )
        even_width, even_height = self.width, self.height
        if not codec.is_rgb:
            even_width += self.width % 2
        if codec.chroma_rows == 2:
            even_height += self.height % 2
        if (even_width, even_height) != (self.width, self.height):
            raise SettingsError(
                f"{codec.name} needs an even size, got {self.width}x{self.height}; "
                f"ask for {even_width}x{even_height}, or use --codec png."
            )
        if not 0 < self.fps <= MAX_FPS:
            raise SettingsError(f"the frame rate must be above 0 and at most {MAX_FPS}, got {self.fps}.")
        low, high = codec.quality_range
        if self.quality is not None and not low <= self.quality <= high:
            raise SettingsError(f"the quality of {codec.name} must be {low} (best) to {high}, got {self.quality}.")
        if not self.segment_seconds > 0:
            raise SettingsError(f"segment_seconds must be positive, got {self.segment_seconds}.")

    @cached_property
    def video(self) -> VideoFormat:
        """The format of the segments."""
        codec = find_codec(self.codec)
        quality = codec.quality if self.quality is None else self.quality
        return VideoFormat(self.width, self.height, self.fps, codec, quality)

    @property
    def segment_frames(self) -> int:
        return max(1, round(self.segment_seconds * self.fps))


@dataclass(frozen=True)
class FilmResult:
    """A finished film.

    Attributes:
        path: the file, or the folder of images.
        n_frames: frames in it.
        n_rendered: frames that this call made; the others were there from an earlier one.
        duration_s: exact length in seconds.
        size_bytes: of the file or of all images.
    """

    path: Path
    n_frames: int
    n_rendered: int
    duration_s: Fraction
    size_bytes: int


def render_film(
    scene: Scene,
    path: ShotList,
    settings: FilmSettings,
    workdir: Path,
    output: Path,
    *,
    scene_key: str = "",
    report: Report = silent,
) -> FilmResult:
    """Renders a scene along a path into ``output``; goes on where an earlier call with the same arguments stopped.

    Args:
        scene_key: anything that names the scene's content (a digest), so that segments of another scene left in
            ``workdir`` are thrown away; a caller that gives each scene its own workdir needs none.
        workdir: holds finished segments between calls.

    Raises:
        SettingsError: if the path has no frame at this rate, or ``output`` has the wrong kind of name.
        InputError: if ``output`` is a folder (for images) that holds something else.
    """
    cameras = path.cameras(settings.fps, settings.width, settings.height)
    key = f"{scene_key}|{settings.background}|{cameras_digest(cameras)}"

    def make(numbers: range) -> Iterator[Picture]:
        return scene.views(cameras[numbers.start : numbers.stop])

    return encode_film(make, len(cameras), settings, workdir, output, content_key=key, report=report)


def encode_film(
    make_frames: FrameMaker,
    n_frames: int,
    settings: FilmSettings,
    workdir: Path,
    output: Path,
    *,
    content_key: str,
    report: Report = silent,
) -> FilmResult:
    """Makes a film of any frames.

    Args:
        make_frames: yields a picture for each of a run of frame numbers: a view, which is put over the background of
            the settings, or an opaque float32 [H, W, 3].
        content_key: changes whenever ``make_frames`` would give other frames; segments made under another key are
            thrown away.

    Raises:
        SettingsError, InputError: as ``render_film``.
    """
    if n_frames < 1:
        raise SettingsError(
            f"a film needs at least one frame, but the path has none at {settings.fps} frames a second."
        )
    check_output(output, settings)
    video = settings.video
    store = SegmentStore(workdir, video, n_frames, settings.segment_frames)
    _keep_only(store, _film_key(video, store, content_key))
    missing = store.missing()
    n_rendered = sum(len(store.frames_of(index)) for index in missing)
    _render_segments(make_frames, store, missing, settings.background, report)
    _publish(store, settings, output)
    report("film", 1.0, {"frames": n_frames})
    return FilmResult(output, n_frames, n_rendered, n_frames / settings.fps, _size_bytes(output))


def _render_segments(
    make_frames: FrameMaker, store: SegmentStore, missing: Sequence[int], background: Color, report: Report
) -> None:
    n_done = store.n_frames - sum(len(store.frames_of(index)) for index in missing)
    report("film", n_done / store.n_frames, {"frame": n_done, "frames": store.n_frames})
    with EncoderThread(store) as encoder:
        for index in missing:
            numbers = store.frames_of(index)
            for _, picture in zip(numbers, make_frames(numbers), strict=True):
                encoder.put(index, store.video.planes_of(picture, background))
                n_done += 1
                report("film", n_done / store.n_frames, {"frame": n_done, "frames": store.n_frames})


def _publish(store: SegmentStore, settings: FilmSettings, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    if settings.video.codec.suffix:
        n_joined = join_segments(store.paths(), settings.video, output, settings.metadata)
    else:
        growing = output.with_name(f".{output.name}.part")
        shutil.rmtree(growing, ignore_errors=True)
        growing.mkdir()
        n_joined = unpack_images(store.paths(), settings.video, growing)
        shutil.rmtree(output, ignore_errors=True)
        os.replace(growing, output)
    if n_joined != store.n_frames:
        raise RuntimeError(f"the film should have {store.n_frames} frames, but {n_joined} were joined")


def check_output(output: Path, settings: FilmSettings) -> None:
    """Refuses a name that does not fit the codec, before any work is done.

    Raises:
        SettingsError: if the file's ending is not the codec's.
        InputError: if images would replace a folder that holds anything but a film's images.
    """
    codec = settings.video.codec
    if codec.suffix:
        if output.suffix.lower() != codec.suffix:
            raise SettingsError(f"a film in {codec.name} is a {codec.suffix} file, but the output is named {output}.")
        if output.is_dir():
            raise InputError(f"the film should be written to {output}, but that is a folder; name a file.")
    elif output.exists():
        others = [output] if output.is_file() else [p for p in output.iterdir() if not _is_frame_image(p)]
        if others:
            raise InputError(
                f"the film's images should fill the folder {output}, but {others[0].name} is there; name a new folder."
            )


def _is_frame_image(path: Path) -> bool:
    return path.suffix == ".png" and len(path.stem) == 6 and path.stem.isdigit()


def cameras_digest(cameras: Sequence[Camera]) -> str:
    """A hash of poses, lenses and times."""
    state = hashlib.sha256()
    for camera in cameras:
        lens = camera.intrinsics
        numbers = [lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy, camera.time_s]
        state.update(np.asarray(numbers, dtype=np.float64).tobytes())
        state.update(np.ascontiguousarray(camera.world_from_camera.matrix()).tobytes())
        state.update(repr(lens.distortion).encode())
    return state.hexdigest()


def _film_key(video: VideoFormat, store: SegmentStore, content_key: str) -> dict[str, object]:
    import av

    return {
        "size": [video.width, video.height],
        "fps": str(video.fps),
        "codec": video.codec.name,
        "options": dict(video.codec.options(video.quality, store.segment_frames)),
        "frames": store.n_frames,
        "segment_frames": store.segment_frames,
        "content": content_key,
        "encoder": [av.__version__, list(av.library_versions["libavcodec"])],
    }


def _keep_only(store: SegmentStore, key: dict[str, object]) -> None:
    """Throws away segments that were made under another key, and notes this one."""
    note = store.folder / "segments.json"
    if note.is_file() and note.read_text() == canonical_json(key):
        return
    store.clear()
    note.write_text(canonical_json(key))


def _size_bytes(output: Path) -> int:
    if output.is_dir():
        return sum(path.stat().st_size for path in output.iterdir())
    return output.stat().st_size
