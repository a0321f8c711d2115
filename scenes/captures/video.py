"""Photos out of a video: the sharpest frame of each moment, upright, written once and found again."""

import hashlib
import io
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from PIL import Image
from pydantic import BaseModel, Field, ValidationError

from cameras.errors import InputError, SettingsError
from cameras.reporting import Report, silent

from .frame_choice import MOST_FRAMES, THUMB_SIDE, Survey, choose_frames, sharpness, thumbnail
from .photoset import Photo, PhotoSet
from .sfm_workdir import write_whole
from .stills import UnreadableImageError, oriented_size, reduced_size
from .video_file import VideoFacts, decoded_frames, describe_video, grey_picture, upright_rgb, video_facts

__all__ = ["describe_video", "extract_frames"]

MAX_LONG_SIDE = 1600
MIN_FRAMES = 8
MAX_FRAMES_IN_VIDEO = 200_000
_GREY_LONG_SIDE = 640
_JPEG_QUALITY = 95
_MAX_DAMAGED = 0.05
# Not near 1: some headers give the length of the sound, and trimmed videos list frames that are not shown.
_LEAST_OF_LENGTH = 0.5
_LEAST_OF_FRAMES = 0.75


class _Selection(BaseModel):
    """``selection.json``: which frames were chosen, from which bytes, with which settings."""

    version: Literal[1]
    video: str
    max_frames: int
    numbers: Annotated[list[int], Field(min_length=MIN_FRAMES)]
    times_s: list[float]
    frames_in_video: int
    damaged: int


def extract_frames(
    video_file: Path, out_dir: Path, *, max_frames: int | None = None, report: Report = silent
) -> PhotoSet:
    """The frames of a video that poses are found from, as JPEGs of at most 1600 pixels in ``out_dir``.

    Two passes: the first looks at every frame (a thumbnail and a figure for sharpness are kept of each), the second
    writes the chosen ones. The choice is kept in ``selection.json``; a second call with the same video writes only what
    is missing. The same video gives the same bytes. Metadata of the video, such as where it was filmed, is not copied.

    Args:
        video_file: any container and codec that PyAV decodes.
        out_dir: made if missing; frames of an earlier choice are removed from it.
        max_frames: at most so many, at least 8; 300 if None.
        report: told ``"look at video"`` and ``"take frames"``.

    Returns:
        A sequence of photos by one camera whose focal length is unknown.

    Raises:
        InputError: if it is no video, damaged, cut off, absurdly large or long, or shows fewer than 8 different frames.
        SettingsError: if ``max_frames`` is less than 8.
    """
    most = MOST_FRAMES if max_frames is None else max_frames
    if most < MIN_FRAMES:
        raise SettingsError(f"max_frames must be at least {MIN_FRAMES}, got {most}: poses need that many.")
    facts = video_facts(video_file)
    out_dir.mkdir(parents=True, exist_ok=True)
    digest = _digest(video_file)
    selection = _stored_selection(out_dir, digest, most)
    if selection is None:
        selection = _select(video_file, facts, digest, most, report)
        _remove_frames(out_dir, keep=set())
        write_whole(out_dir / "selection.json", selection.model_dump_json(indent=1).encode())
    _remove_frames(out_dir, keep=set(selection.numbers))
    size = reduced_size(facts.width, facts.height, MAX_LONG_SIDE)
    _write_frames(video_file, facts, out_dir, selection, report)
    photos = tuple(
        Photo(_frame_path(out_dir, number).name, _frame_path(out_dir, number), *size, None, "video")
        for number in selection.numbers
    )
    return PhotoSet(photos, is_sequence=True, provenance=_provenance(video_file, facts, selection))


def _frame_path(out_dir: Path, number: int) -> Path:
    return out_dir / f"frame_{number:06d}.jpg"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _stored_selection(out_dir: Path, digest: str, most: int) -> _Selection | None:
    """The choice of an earlier call for the same video, if there is a whole one."""
    try:
        stored = _Selection.model_validate_json((out_dir / "selection.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return stored if (stored.video, stored.max_frames) == (digest, most) else None


def _remove_frames(out_dir: Path, keep: set[int]) -> None:
    kept = {_frame_path(out_dir, number) for number in keep}
    for path in sorted(out_dir.glob("frame_*.jpg*")):
        if path not in kept:
            path.unlink()


def _select(video_file: Path, facts: VideoFacts, digest: str, most: int, report: Report) -> _Selection:
    damaged: list[str] = []
    survey = _survey(video_file, facts, damaged, report)
    n_frames = len(survey.numbers)
    _check_whole(video_file, facts, survey, len(damaged))
    chosen = choose_frames(survey, most)
    if len(chosen) < MIN_FRAMES:
        raise InputError(
            f"at least {MIN_FRAMES} different frames are needed, but {video_file} has {len(chosen)} ({n_frames} frames "
            f"in {survey.times_s[-1] if n_frames else 0.0:.1f} s); film for some 20 seconds while walking slowly."
        )
    return _Selection(
        version=1,
        video=digest,
        max_frames=most,
        numbers=survey.numbers[chosen].tolist(),
        times_s=np.round(survey.times_s[chosen], 6).tolist(),
        frames_in_video=n_frames,
        damaged=len(damaged),
    )


def _survey(video_file: Path, facts: VideoFacts, damaged: list[str], report: Report) -> Survey:
    numbers: list[int] = []
    times: list[float] = []
    crispness: list[float] = []
    thumbs: list[np.ndarray] = []
    for frame in decoded_frames(video_file, damaged):
        if frame.number >= MAX_FRAMES_IN_VIDEO:
            raise InputError(
                f"a video of at most {MAX_FRAMES_IN_VIDEO} frames can be used, but {video_file} has more; "
                "cut out the minutes that show the place."
            )
        grey = grey_picture(frame.picture, _GREY_LONG_SIDE)
        numbers.append(frame.number)
        times.append(frame.time_s)
        crispness.append(sharpness(grey))
        thumbs.append(thumbnail(grey))
        if facts.seconds > 0 and len(numbers) % 10 == 0:
            report("look at video", min(1.0, frame.time_s / facts.seconds), {"frames": len(numbers)})
    report("look at video", 1.0, {"frames": len(numbers)})
    stacked = np.stack(thumbs) if thumbs else np.zeros((0, THUMB_SIDE, THUMB_SIDE), np.uint8)
    return Survey(np.array(numbers, np.int64), np.array(times), np.array(crispness), stacked)


def _check_whole(video_file: Path, facts: VideoFacts, survey: Survey, n_damaged: int) -> None:
    """A video of which a good part is missing or damaged is refused: it would end in a film of half a room."""
    seen = float(survey.times_s[-1]) + 1 / (facts.fps or 30) if len(survey.times_s) else 0.0
    if seen < _LEAST_OF_LENGTH * facts.seconds:
        raise InputError(
            f"a whole video was expected, but of the {facts.seconds:.1f} s of {video_file} only {seen:.1f} s can be "
            "decoded, as if it were cut off; copy it again from the camera."
        )
    found = len(survey.numbers) + n_damaged
    if found < _LEAST_OF_FRAMES * facts.frames_listed:
        raise InputError(
            f"a whole video was expected, but of the {facts.frames_listed} frames of {video_file} only {found} are "
            "there, as if it were cut off; copy it again from the camera."
        )
    if n_damaged > _MAX_DAMAGED * found:
        raise InputError(
            f"a whole video was expected, but {n_damaged} of {found} frames of {video_file} "
            "are damaged; copy it again from the camera."
        )


def _write_frames(video_file: Path, facts: VideoFacts, out_dir: Path, selection: _Selection, report: Report) -> None:
    size = reduced_size(facts.width, facts.height, MAX_LONG_SIDE)
    missing = {number for number in selection.numbers if not _is_there(_frame_path(out_dir, number), size)}
    total = len(selection.numbers)
    report("take frames", 1 - len(missing) / total, {"frames": total - len(missing)})
    if not missing:
        return
    for frame in decoded_frames(video_file):
        if frame.number in missing:
            encoded = io.BytesIO()
            picture = Image.fromarray(upright_rgb(frame.picture, facts, MAX_LONG_SIDE))
            picture.save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
            write_whole(_frame_path(out_dir, frame.number), encoded.getvalue())
            missing.remove(frame.number)
            report("take frames", 1 - len(missing) / total, {"frames": total - len(missing)})
        if not missing:
            return
    raise InputError(
        f"{len(missing)} frames chosen before cannot be decoded again from {video_file}; "
        f"empty {out_dir} and start again."
    )


def _is_there(path: Path, size: tuple[int, int]) -> bool:
    try:
        return oriented_size(path) == size
    except UnreadableImageError:
        return False


def _provenance(video_file: Path, facts: VideoFacts, selection: _Selection) -> dict[str, object]:
    """What may be told of the video; no metadata of the file itself, which may say where it was filmed."""
    return {
        "kind": "video",
        "file": video_file.name,
        "codec": facts.codec,
        "width": facts.width,
        "height": facts.height,
        "seconds": round(facts.seconds, 3),
        "fps": round(facts.fps, 3),
        "is_hdr": facts.is_hdr,
        "frames_in_video": selection.frames_in_video,
        "frames": len(selection.numbers),
        "damaged": selection.damaged,
    }
