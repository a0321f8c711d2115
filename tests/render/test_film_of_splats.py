"""Splats keep state from frame to frame: a film of them that was interrupted still ends with the same bytes."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.shot_list import ShotList
from render.film import FilmSettings, render_film
from scenes.scene import World
from scenes.splats.gaussians import Gaussians
from scenes.splats.scene import SplatScene


def _scene() -> SplatScene:
    rng = np.random.default_rng(4)
    count = 400
    parameters = (
        rng.uniform((-1, -1, 2), (1, 1, 4), (count, 3)), rng.normal(size=(count, 4)), rng.uniform(-3, -1.5, (count, 3)),
        rng.normal(1, 1, count), rng.normal(0, 0.2, (count, 3, 16)),
    )  # fmt: skip
    gaussians = Gaussians(*(array.astype(np.float32) for array in parameters))
    return SplatScene(gaussians, World(np.full(3, -1.0), np.full(3, 4.0)), backend="cpu")


def test_a_lost_segment_is_made_again_with_the_same_bytes(tmp_path: Path) -> None:
    keys = tuple(Keyframe((0.3 * x, 0.0, 0.1 * x), (1.0, 0.0, 0.0, 0.0), 1.0) for x in (0.0, 1.0))
    settings = FilmSettings(96, 64, Fraction(12), segment_seconds=0.4, background=(0.4, 0.5, 0.6))
    output = tmp_path / "film.mp4"
    render_film(_scene(), ShotList.of(CameraPath(keys, 1.5)), settings, tmp_path / "work", output)
    before = output.read_bytes()
    for lost in sorted((tmp_path / "work").glob("0000[13].*.mp4")):
        lost.unlink()
    output.unlink()
    assert (
        render_film(_scene(), ShotList.of(CameraPath(keys, 1.5)), settings, tmp_path / "work", output).n_rendered < 18
    )
    assert output.read_bytes() == before
