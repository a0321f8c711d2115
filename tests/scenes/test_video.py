"""Frames of a video: upright, sharp, different, the same bytes every time; broken videos end in one sentence."""

import json
import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from cameras.errors import InputError, SettingsError
from scenes.captures.frame_choice import LEAST_FRAMES, Survey, choose_frames, sharpness, thumbnail
from scenes.captures.video import describe_video, extract_frames
from scenes.captures.video_file import Turn, video_facts

WIDTH, HEIGHT = 160, 96


def scenery(shift: int) -> np.ndarray:
    """[96, 160, 3] uint8 part of a wide picture with coarse colours and fine greys, ``shift`` pixels further right."""
    x, y = np.meshgrid(np.arange(WIDTH) + shift, np.arange(HEIGHT))
    fine = 25 * np.sin(x / 0.9) * np.sin(y / 0.8)
    channels = [128 + fine + 90 * np.sin(x / 9 + c) * np.cos(y / 7 - c) for c in range(3)]
    return np.stack(channels, axis=2).astype(np.uint8)


def blurred(picture: np.ndarray) -> np.ndarray:
    small = Image.fromarray(picture).resize((WIDTH // 8, HEIGHT // 8), Image.Resampling.BOX)
    return np.asarray(small.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))


def write_video(
    path: Path,
    pictures: list[np.ndarray],
    *,
    fps: int = 30,
    times_s: list[float] | None = None,
    rotation: int = 0,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    gop: int = 30,
) -> Path:
    """A small H.264 video; ``times_s`` makes its frame rate variable."""
    with av.open(str(path), "w", options=options or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "12", "preset": "ultrafast", "g": str(gop)}
        stream.time_base = stream.codec_context.time_base = Fraction(1, 600)
        if rotation:
            stream.set_display_rotation(rotation)
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.time_base = Fraction(1, 600)
            frame.pts = round(600 * (index / fps if times_s is None else times_s[index]))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of moving scenery at 30 frames a second; every third frame is sharp, the others are not."""
    pictures = [scenery(3 * i) if i % 3 == 1 else blurred(scenery(3 * i)) for i in range(120)]
    place = {"location": "+48.8584+002.2945/", "com.apple.quicktime.location.ISO6709": "+48.8584+002.2945/"}
    return write_video(tmp_path_factory.mktemp("video") / "walk.mp4", pictures, metadata=place)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_walk_gives_a_sequence_of_its_sharp_frames(walk: Path, tmp_path: Path) -> None:
    photos = extract_frames(walk, tmp_path / "frames")
    numbers = [int(Path(photo.name).stem.removeprefix("frame_")) for photo in photos.photos]
    assert photos.is_sequence
    assert photos.skipped == {}
    assert len(numbers) == LEAST_FRAMES
    assert numbers == sorted(set(numbers))
    sharp = [number for number in numbers if number % 3 == 1]
    assert len(sharp) >= 38  # all that there are but for the ends: 60 windows of two frames, 40 sharp frames
    assert {(p.width, p.height, p.focal_px, p.camera_key) for p in photos.photos} == {(WIDTH, HEIGHT, None, "video")}
    for photo in photos.photos:
        with Image.open(photo.path) as image:
            assert image.size == (WIDTH, HEIGHT)
            assert image.format == "JPEG"
    with Image.open(photos.photos[numbers.index(sharp[3])].path) as image:
        assert np.abs(np.asarray(image).astype(int) - scenery(3 * sharp[3])).mean() < 6


def test_what_the_file_says_of_its_place_goes_nowhere(walk: Path, tmp_path: Path) -> None:
    with av.open(str(walk)) as container:
        assert "48.8584" in str(container.metadata)
    photos = extract_frames(walk, tmp_path / "frames", max_frames=8)
    assert "48.8584" not in json.dumps(dict(photos.provenance))
    assert not any(b"48.8584" in data for data in contents(tmp_path / "frames").values())
    assert photos.provenance["frames_in_video"] == 120
    assert len(photos.photos) == 8


def test_the_same_video_gives_the_same_bytes(walk: Path, tmp_path: Path) -> None:
    extract_frames(walk, tmp_path / "a", max_frames=12)
    extract_frames(walk, tmp_path / "b", max_frames=12)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_second_call_makes_only_what_is_missing(walk: Path, tmp_path: Path) -> None:
    first = extract_frames(walk, tmp_path, max_frames=12)
    before = contents(tmp_path)
    kept, lost, cut = (photo.path for photo in first.photos[:3])
    times = kept.stat().st_mtime_ns, (tmp_path / "selection.json").stat().st_mtime_ns
    lost.unlink()
    cut.write_bytes(b"")
    (tmp_path / "frame_000099.jpg.tmp").write_bytes(b"half a frame")
    stages: list[str] = []
    second = extract_frames(walk, tmp_path, max_frames=12, report=lambda stage, fraction, figures: stages.append(stage))
    assert contents(tmp_path) == before
    assert (kept.stat().st_mtime_ns, (tmp_path / "selection.json").stat().st_mtime_ns) == times
    assert set(stages) == {"take frames"}
    assert (second.photos, second.provenance) == (first.photos, first.provenance)


@pytest.mark.parametrize("content", ["", "{}", '{"version": 1, "numbers": []}'])
def test_a_broken_selection_is_made_again(walk: Path, tmp_path: Path, content: str) -> None:
    extract_frames(walk, tmp_path, max_frames=8)
    before = contents(tmp_path)
    (tmp_path / "selection.json").write_text(content)
    extract_frames(walk, tmp_path, max_frames=8)
    assert contents(tmp_path) == before


def test_another_video_replaces_the_frames_of_the_first(walk: Path, tmp_path: Path) -> None:
    other = write_video(tmp_path / "other.mkv", [scenery(5 * i) for i in range(20)])
    extract_frames(walk, tmp_path / "frames")
    extract_frames(other, tmp_path / "frames", max_frames=9)
    clean = extract_frames(other, tmp_path / "clean", max_frames=9)
    assert len(clean.photos) == 9
    assert contents(tmp_path / "frames") == contents(tmp_path / "clean")


@pytest.mark.parametrize("container", ["mp4", "mkv"])
@pytest.mark.parametrize(("rotation", "quarter_turns"), [(0, 0), (90, 1), (180, 2), (-90, 3)])
def test_rotation_metadata_turns_the_frames(tmp_path: Path, container: str, rotation: int, quarter_turns: int) -> None:
    """FFmpeg's rotation is counter-clockwise degrees, as that of ``numpy.rot90``."""
    pictures = [scenery(5 * i) for i in range(10)]
    for picture in pictures:
        picture[:32, :32] = (250, 20, 20)
    video = write_video(tmp_path / f"turned.{container}", pictures, rotation=rotation)
    upright = np.rot90(pictures[0], quarter_turns)
    height, width = upright.shape[:2]
    assert describe_video(video)["width"] == width
    assert describe_video(video)["height"] == height
    photo = extract_frames(video, tmp_path / "frames").photos[0]
    assert (photo.width, photo.height) == (width, height)
    with Image.open(photo.path) as image:
        assert np.abs(np.asarray(image).astype(int) - upright).mean() < 6


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)])
def test_a_display_matrix_moves_every_pixel_as_it_says(matrix: tuple[int, int, int, int]) -> None:
    a, b, c, d = matrix
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    entries = np.array([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30], dtype=np.int32)
    turned = Turn.from_display_matrix(entries.tobytes()).apply(pixels)
    y, x = np.mgrid[0:2, 0:3]
    x_out, y_out = a * x + c * y, b * x + d * y
    np.testing.assert_array_equal(turned[y_out - y_out.min(), x_out - x_out.min()], pixels)


def test_no_display_matrix_is_no_turn() -> None:
    assert Turn.from_display_matrix(None) == Turn.from_display_matrix(b"short") == Turn()


def test_a_description_needs_no_decoding_of_the_whole(walk: Path) -> None:
    found = describe_video(walk)
    assert found["images"] == 60
    del found["images"]
    assert found == {"width": WIDTH, "height": HEIGHT, "seconds": 4.0, "fps": 30.0, "codec": "h264", "frames": 120}


def test_pixels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        for i in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scenery(5 * i), format="rgb24")))
        container.mux(stream.encode())
    photo = extract_frames(path, tmp_path / "frames").photos[0]
    assert (photo.width, photo.height) == (2 * WIDTH, HEIGHT)


def test_variable_frame_rate_is_timed_by_its_stamps(tmp_path: Path) -> None:
    """200 frames in the first two seconds, 20 in the next twenty: the choice follows time, not frame numbers."""
    times = [i / 100 for i in range(200)] + [2.0 + i for i in range(20)]
    video = write_video(tmp_path / "vfr.mkv", [scenery(2 * i) for i in range(220)], fps=100, times_s=times)
    photos = extract_frames(video, tmp_path / "frames", max_frames=22)
    numbers = [int(Path(photo.name).stem.removeprefix("frame_")) for photo in photos.photos]
    assert sum(number >= 200 for number in numbers) >= 18


def survey_of(times: np.ndarray, crisp: np.ndarray, levels: np.ndarray) -> Survey:
    thumbs = np.broadcast_to(levels[:, None, None], (len(times), 24, 24)).astype(np.uint8)
    return Survey(np.arange(len(times)), times, crisp, thumbs)


@pytest.mark.parametrize(("seconds", "expected"), [(5, 60), (40, 120), (400, 300)])
def test_the_number_of_frames_follows_the_length(seconds: int, expected: int) -> None:
    count = 30 * seconds
    rng = np.random.default_rng(0)
    survey = survey_of(np.arange(count) / 30, rng.random(count), np.arange(count) * 97 % 251)
    chosen = choose_frames(survey)
    assert 0.97 * expected <= len(chosen) <= expected
    assert (np.diff(chosen) > 0).all()


def test_a_camera_that_stands_still_gives_one_frame_and_the_walk_gives_the_rest() -> None:
    levels = np.concatenate([np.zeros(900), np.arange(90) * 2.0])
    survey = survey_of(np.arange(990) / 30, np.ones(990), levels)
    chosen = choose_frames(survey)
    assert (chosen < 900).sum() == 1
    assert len(chosen) >= LEAST_FRAMES


def test_sharpness_falls_with_blur_and_thumbnails_hardly_change() -> None:
    crisp = scenery(0)[..., 1]
    soft = blurred(scenery(0))[..., 1]
    assert sharpness(crisp) > 2 * sharpness(soft)
    assert np.abs(thumbnail(crisp).astype(int) - thumbnail(soft)).mean() < 6


def write_sound(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))


def write_sound_in_mp4(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_cut_off(path: Path, share: float = 0.25) -> None:
    """The index stands first, most of the frames are missing."""
    whole = path.with_name("whole.mp4")
    noise = np.random.default_rng(0).integers(0, 255, (40, HEIGHT, WIDTH, 3), dtype=np.uint8)
    write_video(whole, list(noise), options={"movflags": "faststart"})
    data = whole.read_bytes()
    path.write_bytes(data[: int(share * len(data))])


def write_damaged(path: Path) -> None:
    """Every frame stands alone, and every fourth is overwritten."""
    write_video(path, [scenery(3 * i) for i in range(40)], gop=1)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for start, size in places[3::4]:
        assert start is not None
        data[start : start + size] = bytes(size)
    path.write_bytes(data)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "the file is empty"),
    "text": (lambda path: path.write_text("hello " * 100), "cannot be opened as one"),
    "playlist": (lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), "cannot be opened as one"),
    "list": (lambda path: path.write_text("ffconcat version 1.0\nfile a.mp4\n"), "cannot be opened as one"),
    "photo": (lambda path: Image.fromarray(scenery(0)).save(path, "PNG"), "cannot be opened as one"),
    "wave": (write_sound, "cannot be opened as one"),
    "sound": (write_sound_in_mp4, "holds sound only"),
    "short": (lambda path: write_video(path, [scenery(9 * i) for i in range(5)]), "at least 8 .* has 5"),
    "still": (lambda path: write_video(path, [scenery(0)] * 40), "at least 8 different frames .* has 1 "),
    "tiny": (lambda path: write_video(path, [scenery(i)[:32, :32] for i in range(9)]), "at least 64 pixels .* 32x32"),
    "huge": (
        lambda path: path.write_bytes(b"YUV4MPEG2 W16000 H16000 F30:1\nFRAME\n"),
        "at most 100 megapixels .* 16000x16000",
    ),
    "no frame": (lambda path: path.write_bytes(b"YUV4MPEG2 W160 H96 F30:1\n"), "not one frame|cannot be opened"),
    "cut off": (write_cut_off, "cut off"),
    "end missing": (lambda path: write_cut_off(path, 0.65), "of the 40 frames .* only 2. are there"),
    "damaged": (write_damaged, "frames of .* are damaged"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_videos_end_in_one_sentence(kind: str, tmp_path: Path) -> None:
    make, message = BROKEN[kind]
    path = tmp_path / "a.mp4"
    make(path)
    with pytest.raises(InputError, match=message) as caught:
        extract_frames(path, tmp_path / "frames")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "frames" / "selection.json").exists()


def test_an_index_that_is_missing_is_found_out(walk: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.mp4"
    path.write_bytes(walk.read_bytes()[: walk.stat().st_size // 2])
    with pytest.raises(InputError, match="damaged, cut off or of another kind"):
        describe_video(path)


def test_a_missing_file_and_a_folder_are_no_videos(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is none"):
        describe_video(tmp_path / "nothing.mp4")
    with pytest.raises(InputError, match="there is none"):
        video_facts(tmp_path)


def test_too_few_frames_cannot_be_asked_for(walk: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="at least 8, got 3"):
        extract_frames(walk, tmp_path, max_frames=3)
