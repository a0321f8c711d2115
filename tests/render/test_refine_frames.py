"""Frames of a film through the wrapper: steadier than each by itself, and the same however the film is cut."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from render.refine.base import FrameBundle, Refined
from render.refine.frames import MARGIN, WINDOW, RefinedFrames, alone
from render.refine.fusion import KEPT, fused
from render.refine.guard import Gains
from render.refine.photos import PhotoSet
from render.refine.reproject import reproject
from render.refine.runs import runs_between

from .refine_worlds import DISTANCE, HEIGHT, WIDTH, Fake, Wall, camera, row_of_photos

PATH = [camera(x=0.012 * index) for index in range(WINDOW + 2 * MARGIN + 5)]


def noisy(bundle: FrameBundle, rng: np.random.Generator) -> np.ndarray:
    return bundle.rgb + rng.normal(0, 0.05, bundle.rgb.shape).astype(np.float32)


def frames(fake: Fake, gains: Gains | None = None, kept: float = 0.7) -> RefinedFrames:
    photos = PhotoSet.of(Wall(), row_of_photos())
    return RefinedFrames(Wall(), photos, fake, gains or Gains.all(), PATH, kept=kept)


def jump(pictures: list[np.ndarray]) -> float:
    """Root mean square of the changes of a surface from frame to frame."""
    squares: list[float] = []
    for index in range(len(pictures) - 1):
        depth = [np.full((HEIGHT, WIDTH), DISTANCE, np.float32)] * 2
        flow = reproject(PATH[index], depth[0], PATH[index + 1], depth[1])
        squares.append(float(np.square(pictures[index] - flow.sample(pictures[index + 1]))[flow.valid].mean()))
    return float(np.sqrt(np.mean(squares)))


def test_a_flickering_model_makes_a_steady_film() -> None:
    film = frames(Fake(noisy))
    together = [frame.rgb - frame.render for frame in film.run(range(len(PATH)))]
    single = []
    for index, at in enumerate(PATH):
        view = film.scene.view(at, ("rgb", "depth_z"))
        single.append(alone(film, view, at, index) - view.rgb)
    assert jump(together) < 0.4 * jump(single)


@pytest.mark.parametrize(("kept", "off"), [(0.7, 0.15), (KEPT, 0.2)])
def test_the_window_gives_what_the_definition_gives(kept: float, off: float) -> None:
    """Frames in the middle of a long run, against fusion over all frames at once."""
    film = frames(Fake(noisy), kept=kept)
    depth = np.full((HEIGHT, WIDTH), DISTANCE, np.float32)
    views = [film.scene.view(at, ("rgb", "depth_z")) for at in PATH]
    single = [alone(film, view, at, index) for index, (view, at) in enumerate(zip(views, PATH, strict=True))]
    residuals = [refined - view.rgb for refined, view in zip(single, views, strict=True)]
    wanted = fused(residuals, lambda i, j: reproject(PATH[i], depth, PATH[j], depth), kept)
    found = [frame.rgb - frame.render for frame in film.run(range(len(PATH)))]
    for a, b in zip(found, wanted, strict=True):
        # The film is clamped, and its backward pass begins MARGIN frames later: kept^7 of what is beyond is missing.
        assert np.sqrt(np.mean((a - b) ** 2)) < off * np.sqrt(np.mean(residuals[0] ** 2))


@pytest.mark.parametrize("cut", [1, 7, WINDOW + 1])
def test_a_film_cut_anywhere_begins_the_same_and_a_run_does_not_hang_on_others(cut: int) -> None:
    film = frames(Fake(noisy))
    part = [frame.rgb for frame in film.run(range(cut, cut + 5))]
    again = [frame.rgb for frame in frames(Fake(noisy)).run(range(cut, cut + 5))]
    for a, b in zip(part, again, strict=True):
        np.testing.assert_array_equal(a, b)
    whole = [frame.rgb for frame in film.run(range(len(PATH)))][cut : cut + 5]
    for a, b in zip(part, whole, strict=True):
        assert np.sqrt(np.mean((a - b) ** 2)) < 0.012  # seen by nobody: the noise put in was 0.05


def test_every_frame_comes_once_and_in_order() -> None:
    counted: list[int] = []

    def note(bundle: FrameBundle, rng: np.random.Generator) -> np.ndarray:
        counted.append(bundle.frame_index)
        return bundle.rgb

    assert len(list(frames(Fake(note)).run(range(3, 30)))) == 27
    assert counted == list(range(0, min(len(PATH), 30 + MARGIN)))


def test_a_model_that_changes_nothing_and_gains_of_nothing_leave_every_byte() -> None:
    for film in (frames(Fake(lambda bundle, rng: bundle.rgb)), frames(Fake(noisy), Gains.none("asked"))):
        for at, frame in zip(PATH, film.run(range(len(PATH))), strict=True):
            np.testing.assert_array_equal(frame.rgb, Wall().view(at).rgb)
            assert frame.figures == {"changed": 0.0, "generated": 0.0}


def test_the_frame_before_is_seen_where_the_surface_is() -> None:
    seen: list[float] = []

    def look(bundle: FrameBundle, rng: np.random.Generator) -> np.ndarray:
        if bundle.previous is not None and bundle.previous_valid is not None:
            seen.append(float(np.abs(bundle.previous - bundle.rgb)[bundle.previous_valid].max()))
        return bundle.rgb

    list(frames(Fake(look)).run(range(6)))
    assert len(seen) == 6 + MARGIN - 1
    assert max(seen) < 0.03


def test_what_is_made_up_is_counted() -> None:
    film = frames(Fake(noisy))
    hidden = replace(PATH[0], world_from_camera=camera(turn=np.pi).world_from_camera)
    film.cameras = [hidden]
    (frame,) = film.run(range(1))
    assert frame.generated.mean() > 0.9
    assert frame.figures["generated"] > 0.9  # type: ignore[operator]


class Together(Fake):
    """A video model that gives a chunk's frames the brightness of its first one's number."""

    chunk_frames = 5

    def refine_chunk(self, bundles: Sequence[FrameBundle], seed: int) -> list[Refined]:
        assert len(bundles) <= self.chunk_frames
        assert bundles[0].frame_index % self.chunk_frames == 0
        tilt = np.linspace(-0.1, 0.1, WIDTH, dtype=np.float32)[None, :, None]
        return [Refined(bundle.rgb + (1 + bundles[0].frame_index // 5 % 2) * tilt) for bundle in bundles]


def test_a_video_model_gets_the_same_chunks_however_the_film_is_cut() -> None:
    film = frames(Together(noisy), kept=0.0)
    whole = [frame.rgb for frame in film.run(range(len(PATH)))]
    assert len(whole) == len(PATH)
    for start, stop in ((0, 4), (3, 12), (7, 8)):
        for a, b in zip(film.run(range(start, stop)), whole[start:stop], strict=True):
            np.testing.assert_array_equal(a.rgb, b)
    assert not np.array_equal(whole[4] - Wall().view(PATH[4]).rgb, whole[5] - Wall().view(PATH[5]).rgb)


def test_runs_start_at_photos_and_step_by_a_few_pixels() -> None:
    cameras = [photo.camera for photo in row_of_photos(6, 1.0)]
    for run in runs_between(cameras, [DISTANCE] * 6, 3, frames=5, step_px=4.0):
        assert any(np.allclose(run[0].position_world, at.position_world) for at in cameras)
        here, there = run[0].project([0, 0, DISTANCE])[0], run[1].project([0, 0, DISTANCE])[0]
        assert np.linalg.norm(here - there) == pytest.approx(4.0, rel=0.1)
