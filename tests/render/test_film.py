"""A film has exactly its frames, and a kill at any moment changes no byte of it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.errors import InputError, InstallationError, SettingsError
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.shot_list import ShotList
from render import codecs
from render.codecs import CODECS
from render.film import FilmResult, FilmSettings, encode_film, render_film
from render.frames import composite
from render.video import count_frames, read_frames
from scenes.scene import FloatImage, View, World

SUFFIX = {name: codec.suffix for name, codec in CODECS.items()}


class SkyScene:
    """Smooth colours by viewing direction; nothing below the horizon but haze.

    Attributes:
        n_rendered: views made so far.
        fail_at: the view that raises, as a broken engine would; None never fails.
        kill_at: the view before which the process kills itself as ``kill -9`` does.
    """

    def __init__(self, fail_at: int | None = None, kill_at: int | None = None) -> None:
        self.world = World(np.full(3, -1.0), np.full(3, 1.0), up_known=True)
        self.n_rendered = 0
        self.fail_at = fail_at
        self.kill_at = kill_at

    def views(self, cameras: Iterable[Camera], passes: tuple[str, ...] = ("rgb",)) -> Iterator[View]:
        for camera in cameras:
            if self.n_rendered == self.fail_at:
                raise ArithmeticError("the engine broke")
            if self.n_rendered == self.kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            self.n_rendered += 1
            yield self.view(camera, passes)

    def view(self, camera: Camera, passes: tuple[str, ...] = ("rgb",)) -> View:
        y, x = np.mgrid[: camera.height, : camera.width] + 0.5
        rays = camera.intrinsics.rays(np.stack([x, y], axis=-1)) @ camera.world_from_camera.rotation.T
        rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
        alpha = np.clip(0.75 + 0.5 * rays[..., 2], 0, 1).astype(np.float32)
        rgb = (0.5 + 0.4 * np.sin(2 * rays + 1)).astype(np.float32) * alpha[..., None]
        return View(rgb, alpha)

    def save(self, path: Path) -> None:
        path.write_text("sky")


def turning_path(duration_s: float = 1.0) -> ShotList:
    """Half a turn on the spot, a little forward."""
    keys: list[Keyframe] = []
    for angle in np.linspace(0, np.pi, 4):
        x, y = float(np.cos(angle / 2)), float(np.sin(angle / 2))
        keys.append(Keyframe((float(angle), 0.0, 0.0), (x, 0.0, y, 0.0), 1.0))
    return ShotList.of(CameraPath(tuple(keys), duration_s, ease_s=duration_s / 4))


def small_settings(**changes: object) -> FilmSettings:
    """Eight frames a second in three segments of three frames and less."""
    values: dict[str, object] = {"width": 72, "height": 64, "fps": Fraction(8), "segment_seconds": 0.375}
    return FilmSettings(**{**values, **changes})  # type: ignore[arg-type]


def _film(folder: Path, scene: SkyScene | None = None, **changes: object) -> FilmResult:
    settings = small_settings(**changes)
    name = f"film{SUFFIX[settings.codec]}"
    return render_film(scene or SkyScene(), turning_path(), settings, folder / "work", folder / name)


def _content(film: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(film.iterdir())] if film.is_dir() else [film.read_bytes()]


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_gives_the_same_bytes_twice_and_the_right_picture(codec: str, tmp_path: Path) -> None:
    first, second = _film(tmp_path / "a", codec=codec), _film(tmp_path / "b", codec=codec)
    assert _content(first.path) == _content(second.path)
    assert first.n_frames == first.n_rendered == count_frames(first.path) == 8
    cameras = turning_path().cameras(Fraction(8), 72, 64)
    numbers: list[int] = []
    for number, rgb in read_frames(first.path):
        numbers.append(number)
        wanted = composite(SkyScene().view(cameras[number])) * 255
        assert np.abs(rgb - wanted).mean() < 2.5
    assert numbers == list(range(8))


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "prores"])
def test_the_container_says_what_is_in_it(codec: str, tmp_path: Path) -> None:
    import av

    fps = Fraction(30000, 1001)
    metadata = {"title": "A walk", "comment": "rendered, not filmed", "flythrough": "0.1"}
    film = _film(tmp_path, codec=codec, fps=fps, metadata=metadata, segment_seconds=0.3).path
    with av.open(str(film)) as source:
        stream = source.streams.video[0]
        assert stream.average_rate == fps
        assert stream.frames == 30
        time_base = stream.time_base
        assert time_base is not None
        assert (stream.duration or 0) * time_base == 30 / fps
        context = stream.codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert metadata.items() <= source.metadata.items()
        assert not [key for key in source.metadata | stream.metadata if "time" in key]
        times = [(picture.pts or 0) * time_base * fps for picture in source.decode(video=0)]
    assert times == list(range(30))


def test_h265_is_tagged_for_quicktime_and_the_index_stands_in_front(tmp_path: Path) -> None:
    film = _film(tmp_path, codec="h265").path.read_bytes()
    assert b"hvc1" in film
    assert film.index(b"moov") < film.index(b"mdat")


@pytest.mark.parametrize(("codec", "kill_at"), [("h264", 1), ("h264", 4), ("h264", 7), ("av1", 5), ("png", 4)])
def test_kill_and_run_again_gives_the_bytes_of_an_undisturbed_run(codec: str, kill_at: int, tmp_path: Path) -> None:
    undisturbed = _film(tmp_path / "a", codec=codec)
    film = tmp_path / "b" / undisturbed.path.name
    command = [sys.executable, str(Path(__file__)), codec, str(film.parent), film.name]
    killed = subprocess.run([*command, str(kill_at)], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -9
    assert not film.exists()
    resumed = _film(tmp_path / "b", codec=codec)
    assert resumed.n_rendered <= 8
    assert _content(film) == _content(undisturbed.path)
    assert not list((tmp_path / "b").rglob("*.part"))


@pytest.mark.parametrize("damage", ["delete", "truncate", "flip"])
def test_a_damaged_segment_is_made_again_and_no_other(damage: str, tmp_path: Path) -> None:
    film = _film(tmp_path).path
    before = film.read_bytes()
    segment = sorted((tmp_path / "work").glob("00001.*.mp4"))[0]
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0xFF
    if damage == "delete":
        segment.unlink()
    else:
        segment.write_bytes(content if damage == "flip" else content[:-7])
    film.unlink()
    scene = SkyScene()
    assert _film(tmp_path, scene).n_rendered == scene.n_rendered == 3
    assert film.read_bytes() == before
    assert _film(tmp_path).n_rendered == 0
    assert film.read_bytes() == before


def test_what_was_rendered_before_a_failure_stays(tmp_path: Path) -> None:
    with pytest.raises(ArithmeticError, match="the engine broke"):
        _film(tmp_path, SkyScene(fail_at=5))
    assert [path.name[:5] for path in sorted((tmp_path / "work").glob("*.mp4"))] == ["00000"]
    scene = SkyScene()
    assert _film(tmp_path, scene).n_rendered == 5
    assert (tmp_path / "film.mp4").read_bytes() == _film(tmp_path / "other").path.read_bytes()


def test_other_settings_or_another_scene_start_afresh(tmp_path: Path) -> None:
    _film(tmp_path)
    assert _film(tmp_path, quality=30).n_rendered == 8
    path, output = turning_path(), tmp_path / "film.mp4"
    settings = small_settings(quality=30)
    assert render_film(SkyScene(), path, settings, tmp_path / "work", output, scene_key="other").n_rendered == 8
    assert render_film(SkyScene(), path, settings, tmp_path / "work", output, scene_key="other").n_rendered == 0


def test_a_failing_encoder_stops_the_rendering(tmp_path: Path) -> None:
    def wrong_size(numbers: range) -> Iterator[FloatImage]:
        for _ in numbers:
            yield np.zeros((31, 72, 3), dtype=np.float32)

    with pytest.raises(ValueError, match=r"broadcast|shape"):
        encode_film(wrong_size, 400, small_settings(), tmp_path / "work", tmp_path / "f.mp4", content_key="")


def test_progress_ends_at_one(tmp_path: Path) -> None:
    seen: list[float] = []
    settings = small_settings()
    render_film(
        SkyScene(),
        turning_path(),
        settings,
        tmp_path / "work",
        tmp_path / "f.mp4",
        report=lambda stage, fraction, figures: seen.append(fraction),
    )
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 71}, "needs an even size, got 71x64; ask for 72x64"),
        ({"codec": "prores", "width": 71, "height": 65}, "ask for 72x65"),
        ({"codec": "vp9"}, "must be one of h264"),
        ({"fps": Fraction(0)}, "frame rate must be above 0"),
        ({"quality": 99}, "quality of h264 must be 0"),
        ({"width": 20000}, "between 64 and 8192"),
        ({"segment_seconds": 0.0}, "segment_seconds must be positive"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        small_settings(**changes)


def test_images_may_have_an_odd_size(tmp_path: Path) -> None:
    film = _film(tmp_path, codec="png", width=71, height=65)
    assert next(read_frames(film.path))[1].shape == (65, 71, 3)


def test_a_missing_encoder_names_those_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import av

    monkeypatch.setattr(av, "codecs_available", {"libx264", "png"})
    with pytest.raises(InstallationError, match=r"no encoder libsvtav1 for av1; choose one of h264, png\."):
        codecs.find_codec("av1")


def test_output_names_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"h264 is a \.mp4 file"):
        render_film(SkyScene(), turning_path(), small_settings(), tmp_path / "work", tmp_path / "film.mov")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "love.txt").write_text("dear")
    with pytest.raises(InputError, match=r"love\.txt is there; name a new folder"):
        render_film(SkyScene(), turning_path(), small_settings(codec="png"), tmp_path / "work", tmp_path / "letters")
    (tmp_path / "film.mp4").mkdir()
    with pytest.raises(InputError, match="that is a folder; name a file"):
        render_film(SkyScene(), turning_path(), small_settings(), tmp_path / "work", tmp_path / "film.mp4")


def test_an_empty_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="at least one frame"):
        encode_film(lambda numbers: iter(()), 0, small_settings(), tmp_path, tmp_path / "f.mp4", content_key="")


def test_a_broken_film_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"not a film")
    with pytest.raises(InputError, match=r"broken\.mp4 failed"):
        next(read_frames(tmp_path / "broken.mp4"))


def test_settings_are_values() -> None:
    assert small_settings() == small_settings()
    assert FilmSettings().segment_frames == 60
    assert FilmSettings(fps=Fraction(30000, 1001), segment_seconds=0.001).segment_frames == 1


if __name__ == "__main__":  # a film in a process of its own, to be killed
    codec, folder, name, kill_at = sys.argv[1:5]
    scene = SkyScene(kill_at=int(kill_at))
    render_film(scene, turning_path(), small_settings(codec=codec), Path(folder) / "work", Path(folder) / name)
