"""Evaluation scores what was not fitted, and nothing of what is scored reaches the fit."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cameras.camera import Camera
from cameras.errors import InputError, SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from render.evaluation import Comparison, Split, choose_split, compare, evaluate
from render.evaluation_pictures import PictureFolder, error_colors, strip
from render.evaluation_walk import Walk, read_walk
from render.quality import Scores
from scenes.captures.capture import Capture, CaptureImage, SparsePoints
from scenes.captures.levelled import LEVELLED_FROM_FILE, moved
from scenes.captures.nerfstudio import read_nerfstudio
from scenes.captures.pixels import PosedPhoto
from scenes.scene import View, World
from scenes.splats.settings import FitSettings

SHORT = FitSettings.for_iterations(24, max_gaussians=400, seed_gaussians=300)


def _capture(splits: Sequence[str | None]) -> Capture:
    camera = Camera(Intrinsics.from_fov(32, 24, 1.0), Rigid.identity())
    images = [
        CaptureImage(f"{index:03d}.png", Path(f"{index:03d}.png"), camera, split=split)  # type: ignore[arg-type]
        for index, split in enumerate(splits)
    ]
    return Capture(tuple(images), SparsePoints.empty(), World(np.zeros(3), np.ones(3)))


def test_every_nth_photo_by_name_is_held_out() -> None:
    split = choose_split(_capture([None] * 20), 8)
    assert split.test == ("000.png", "008.png", "016.png")
    assert len(split.train) == 17
    assert not set(split.train) & set(split.test)
    assert choose_split(_capture([None] * 20), None) == split


def test_a_data_set_keeps_its_own_split_unless_told_otherwise() -> None:
    capture = _capture(["train", "train", "train", "val", "test"])
    assert choose_split(capture, None) == Split(("000.png", "001.png", "002.png"), ("004.png",))
    assert choose_split(capture, 2).test == ("000.png", "002.png", "004.png")
    assert choose_split(_capture(["train", "train", "val"]), None).test == ("002.png",)


def test_generated_views_are_fitted_but_not_scored() -> None:
    capture = _capture([None] * 6)
    images = tuple(replace(image, is_generated=image.name == "003.png") for image in capture.images)
    split = choose_split(replace(capture, images=images), 3)
    assert split.test == ("000.png",)
    assert "003.png" in split.train


@pytest.mark.parametrize(
    ("capture", "hold_out", "message"),
    [
        (_capture([None] * 8), 1, "must be 2 or more"),
        (_capture([None] * 2), 2, "there are 1 and 1"),
        (_capture(["test", "test", "train"]), None, "there are 1 and 2"),
    ],
)
def test_splits_that_leave_too_little_are_refused(capture: Capture, hold_out: int | None, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        choose_split(capture, hold_out)


class OneView:
    """A scene that always shows the same."""

    def __init__(self, shown: View) -> None:
        self.shown = shown
        self.world = World(np.zeros(3), np.ones(3))

    def views(self, cameras, passes=("rgb",)):  # type: ignore[no-untyped-def]
        for _ in cameras:
            yield self.shown

    def view(self, camera: Camera, passes: tuple[str, ...] = ("rgb",)) -> View:
        return self.shown

    def save(self, path: Path) -> None:
        path.write_text("")


def test_a_transparent_photo_is_compared_over_its_background() -> None:
    camera = Camera(Intrinsics.from_fov(16, 16, 1.0), Rigid.identity())
    alpha = np.zeros((16, 16), np.uint8)
    alpha[4:12, 4:12] = 255
    rgb = np.full((16, 16, 3), 100, np.uint8)
    photo = PosedPhoto("a.png", camera, rgb, alpha=alpha, background=(1.0, 1.0, 1.0))
    opacity = (alpha / 255).astype(np.float32)
    shown = View((rgb / 255).astype(np.float32) * opacity[..., None], opacity)
    found = next(compare(OneView(shown), [photo]))
    np.testing.assert_allclose(found.truth, found.render, atol=1e-6)
    assert found.truth[0, 0, 0] == 1


def test_evaluate_fits_and_scores_a_tiny_room(tiny_room: Path, tmp_path: Path) -> None:
    capture = read_nerfstudio(tiny_room)
    split = choose_split(capture, 7)
    pictures = PictureFolder(tmp_path / "pictures")
    found = evaluate(
        capture, split, SHORT, walk=Walk(capture), workdir=tmp_path / "fit", on_comparison=pictures.add
    ).as_json()
    assert (found["n_train"], found["n_test"], found["width"], found["height"]) == (12, 2, 64, 48)
    assert found["iterations"] == 24
    assert found["photo_passes"] == pytest.approx(SHORT.photo_passes, abs=0.06)
    assert found["fit_resumed"] is False
    assert [row["name"] for row in found["per_image"]] == list(split.test)  # type: ignore[attr-defined]
    assert found["psnr"] == pytest.approx(np.mean([row["psnr"] for row in found["per_image"]]))  # type: ignore[attr-defined]
    assert len(found["walk_per_frame"]) == 14  # type: ignore[arg-type]
    walked = {row["name"]: row for row in found["walk_per_frame"]}  # type: ignore[attr-defined]
    assert all(walked[row["name"]] == row for row in found["per_image"])  # type: ignore[attr-defined]
    json.dumps(found, allow_nan=False)
    again = evaluate(capture, split, SHORT, workdir=tmp_path / "fit")
    assert again.is_resumed
    assert again.scores.psnr == found["psnr"]
    sheets = pictures.finish()
    assert [sheet.name for sheet in sheets] == ["photo_worst_to_best.png", "walk_worst_to_best.png"]
    assert len(list((tmp_path / "pictures").glob("*.png"))) == 2 + 14 + 2


def test_nothing_is_fitted_on_held_out_photos(tiny_room: Path, tmp_path: Path) -> None:
    """Black pictures in place of the held-out ones change their scores and not one Gaussian."""
    capture = read_nerfstudio(tiny_room)
    split = choose_split(capture, 7)
    black = tmp_path / "black.png"
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(black)
    images = tuple(replace(i, path=black) if i.name in split.test else i for i in capture.images)
    honest = evaluate(capture, split, SHORT, walk=Walk(capture))
    spoilt = evaluate(replace(capture, images=images), split, SHORT, walk=Walk(capture))
    assert honest.walk == spoilt.walk
    assert honest.scores != spoilt.scores


def test_a_walk_in_the_files_axes_follows_a_levelled_capture(tiny_room: Path) -> None:
    in_file = read_nerfstudio(tiny_room)
    turn = Rigid(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.zeros(3))
    turned = moved(in_file, turn)
    world = replace(turned.world, up_known=True, provenance={LEVELLED_FROM_FILE: turn.matrix().tolist()})
    turned = replace(turned, world=world)
    split = choose_split(turned, 7)
    assert (
        evaluate(turned, split, SHORT, walk=Walk(in_file)).walk
        == evaluate(turned, split, SHORT, walk=Walk(turned)).walk
    )


def test_a_smaller_size_is_fitted_and_scored(tiny_room: Path) -> None:
    capture = read_nerfstudio(tiny_room)
    found = evaluate(capture, choose_split(capture, 7), SHORT, long_side=32)
    assert (found.width, found.height) == (32, 24)


def test_a_missing_walk_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file; check --walk"):
        read_walk(tmp_path / "path.json")


def _comparison(mask: bool) -> Comparison:
    truth = np.full((20, 30, 3), 0.2, np.float32)
    render = truth.copy()
    render[:, 15:] = 0.9
    valid = np.ones((20, 30), bool)
    valid[:, 12:] = not mask
    return Comparison("a/b.png", truth, render, valid, Scores(20, 0.5, 0.1))


def test_error_pictures_are_black_where_nothing_differs_or_counts() -> None:
    colors = error_colors(_comparison(mask=False))
    assert colors[10, 2].max() < 20
    assert colors[10, 28].max() > 150
    assert error_colors(_comparison(mask=True))[10, 28].max() == 0
    assert strip(_comparison(mask=False)).shape == (20, 98, 3)


def test_a_folder_with_other_things_is_not_used_for_pictures(tmp_path: Path) -> None:
    PictureFolder(tmp_path / "mine").add("photo", _comparison(mask=False))
    PictureFolder(tmp_path / "mine")
    assert not list((tmp_path / "mine").glob("*.png"))
    (tmp_path / "holiday.png").write_bytes(b"precious")
    with pytest.raises(SettingsError, match="holds other things; name another"):
        PictureFolder(tmp_path)
