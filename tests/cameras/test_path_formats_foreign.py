"""Files as other tools write them, which say things that ours never do."""

import json
import math
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.formats import load_format
from cameras.formats.convert import read_flight
from cameras.formats.exchange import FrameSettings, bake
from cameras.formats.nerfstudio import read_dataparser_transforms
from cameras.formats.supersplat_track import Track
from cameras.rotations import angle_rad, look_rotation, rotation_exp

from .path_files import SETTINGS, put, read

LOOKS_ALONG_Y = [1.0, 0, 0, 0, 0, 0, -1, -2, 0, 1, 0, 1.5, 0, 0, 0, 1]
"""nerfstudio's row by row matrix of a level camera at (0, -2, 1.5) that looks along +y."""


def nerfstudio(**changes: object) -> dict[str, Any]:
    frame = {"camera_to_world": LOOKS_ALONG_Y, "fov": 60.0, "aspect": 1.5}
    content = {"render_height": 200, "render_width": 300, "seconds": 0.5, "fps": 24, "camera_path": [frame] * 5}
    return {**content, **changes}


def test_nerfstudio_counts_frames_over_seconds(tmp_path: Path) -> None:
    flight, frames = read(put(tmp_path / "a.json", nerfstudio()))
    assert (flight.fps, flight.size, len(frames), flight.losses) == (10, (300, 200), 5, ())
    np.testing.assert_allclose(frames.positions_world[0], (0, -2, 1.5))
    np.testing.assert_allclose(frames.rotations[0], look_rotation((0, 1, 0), (0, 0, 1)), atol=1e-12)
    assert math.degrees(frames.fovs_y_rad[0]) == pytest.approx(60)
    without = nerfstudio()
    del without["seconds"]
    assert read(put(tmp_path / "a.json", without))[0].fps == 24


def test_nerfstudio_without_a_field_of_view_has_a_focal_length_of_50_pixels(tmp_path: Path) -> None:
    frame = {"camera_to_world": LOOKS_ALONG_Y, "fov": None}
    flight, frames = read(put(tmp_path / "a.json", nerfstudio(camera_path=[frame], crop={"crop_center": [0, 0, 0]})))
    assert 100 / math.tan(0.5 * frames.fovs_y_rad[0]) == pytest.approx(50)
    assert [loss.split(" ")[0] for loss in flight.losses] == ["the", "frames"]


def test_the_blender_add_ons_keyframes_are_strings_of_columns(tmp_path: Path) -> None:
    columns = np.reshape(LOOKS_ALONG_Y, (4, 4)).T.ravel().tolist()
    moved = list(columns)
    moved[12] = 3.0
    keys = [{"matrix": json.dumps(matrix), "fov": 50.0, "aspect": 1, "properties": "[]"} for matrix in (columns, moved)]
    content = nerfstudio(camera_path=[], keyframes=keys, smoothness_value=0, is_cycle=False)
    flight, frames = read(put(tmp_path / "a.json", content))
    assert "the viewer's spline (ours goes through the same keyframes)" in flight.losses
    np.testing.assert_allclose(frames.positions_world[0], (0, -2, 1.5))
    assert flight.shots.duration_s == 2.0  # nerfstudio's own default
    np.testing.assert_allclose(flight.shots.shots[0].path.positions_world(2.0), (3, -2, 1.5))


def test_nerfstudios_keyframes_say_how_long_the_way_to_them_is(tmp_path: Path) -> None:
    matrices = [[*LOOKS_ALONG_Y[:3], float(x), *LOOKS_ALONG_Y[4:]] for x in range(3)]
    seconds = [4.0, 0.5, None]
    keys = [
        {"matrix": matrix, "override_transition_enabled": time is not None, "override_transition_sec": time}
        for matrix, time in zip(matrices, seconds, strict=True)
    ]
    content = nerfstudio(camera_path=[], keyframes=keys, default_transition_sec=1.5, default_fov=40.0, is_cycle=True)
    flight, frames = read(put(tmp_path / "a.json", content))
    assert flight.is_loop
    assert flight.shots.duration_s == 6.0
    path = flight.shots.shots[0].path
    np.testing.assert_allclose(path.positions_world([0.0, 0.5, 2.0])[:, 0], (0, 1, 2), atol=1e-12)
    assert math.degrees(frames.fovs_y_rad[0]) == pytest.approx(40)


def test_the_dataparsers_transform_is_undone(tmp_path: Path) -> None:
    """X_scene = scale * (transform @ (X, 1)), as nerfstudio writes it, in single precision."""
    rotation = rotation_exp([0.3, -0.2, 1.0])
    transform = np.concatenate([rotation, [[1.0], [2.0], [3.0]]], axis=1).astype(np.float32)
    file = put(tmp_path / "dataparser_transforms.json", {"transform": transform.tolist(), "scale": 0.25})
    settings = FrameSettings(Fraction(10), scene_from_world=read_dataparser_transforms(file))
    position = rotation.T @ (np.array([0, -2, 1.5]) / 0.25 - (1, 2, 3))
    flight = load_format("nerfstudio").read(put(tmp_path / "a.json", nerfstudio()), settings)
    assert not flight.world.up_known
    np.testing.assert_allclose(bake(flight, SETTINGS).positions_world[0], position, atol=1e-5)


def settings_json(**changes: object) -> dict[str, Any]:
    values = {"position": [0, 1, 4, 2, 1, 4], "target": [0, 1, 0, 2, 1, 0], "fov": [90, 90]}
    track = {"name": "cameraAnim", "duration": 1.0, "frameRate": 10, "loopMode": "none", "interpolation": "spline"}
    track |= {"smoothness": 1, "keyframes": {"times": [0, 8], "values": values}, **changes}
    return {"version": 2, "animTracks": [track], "cameras": [], "startMode": "animTrack"}


def test_supersplats_editor_export(tmp_path: Path) -> None:
    flight, frames = read(put(tmp_path / "a.json", settings_json()))
    assert (flight.fps, len(frames), flight.is_loop, flight.world.up_known) == (10, 10, False, True)
    np.testing.assert_allclose(frames.positions_world[[0, 8, 9]], [[0, 4, 1], [-2, 4, 1], [-2, 4, 1]], atol=1e-12)
    np.testing.assert_allclose(frames.rotations, np.tile(look_rotation((0, -1, 0), (0, 0, 1)), (10, 1, 1)), atol=1e-12)
    # 90 degrees are across the larger side: 1600 of 1600x900.
    assert math.tan(0.5 * frames.fovs_y_rad[0]) == pytest.approx(900 / 1600)
    tall = bake(read_flight(tmp_path / "a.json", FrameSettings(Fraction(10), 900, 1600))[1], SETTINGS)
    assert math.degrees(tall.fovs_y_rad[0]) == pytest.approx(90)


def test_supersplats_first_version(tmp_path: Path) -> None:
    track = {"name": "a", "duration": 2.0, "target": "camera", "loopMode": "repeat", "interpolation": "spline"}
    values = {"position": [0, 1, 4, 2, 1, 4], "target": [0, 1, 0, 2, 1, 0]}
    track["keyframes"] = {"times": [0.0, 1.0], "values": values}
    content = {"camera": {"fov": 50, "startAnim": "animTrack"}, "background": {}, "animTracks": [track]}
    flight, frames = read(put(tmp_path / "a.json", content))
    assert (flight.fps, len(frames), flight.is_loop) == (30, 60, True)  # times are in seconds, the rate is 30
    np.testing.assert_allclose(frames.positions_world[[0, 30, 45], 0], (0, -2, -1), atol=1e-12)
    # Without smoothness the camera stops at every key, and comes back as it went.
    eased = 3 * 0.1**2 - 2 * 0.1**3
    np.testing.assert_allclose(frames.positions_world[[3, 33], 0], (-2 * eased, -2 + 2 * eased), atol=1e-12)
    assert math.degrees(2 * math.atan(math.tan(frames.fovs_y_rad[0] / 2) * 16 / 9)) == pytest.approx(50)


def test_supersplats_steps_are_still_shots_with_cuts(tmp_path: Path) -> None:
    content = settings_json(interpolation="step", loopMode="pingpong")
    content["animTracks"].append(content["animTracks"][0])
    content["annotations"] = [{"title": "here"}]
    flight, frames = read(put(tmp_path / "a.json", content))
    assert [shot.is_continued for shot in flight.shots.shots] == [False, False]
    np.testing.assert_allclose(frames.positions_world[:, 0], [0] * 8 + [-2] * 2, atol=1e-12)
    assert len(flight.losses) == 3


def test_supersplats_spline_is_what_its_rules_say() -> None:
    """Hermite with central differences; on even keys and smoothness 1 it is a Catmull-Rom spline."""
    values = np.random.default_rng(0).normal(size=(4, 7))
    track = Track(np.array([0.0, 2, 4, 6]), values, 1.0)
    p0, p1, p2, p3 = values
    np.testing.assert_allclose(track.at(np.array([3.0]))[0], (-p0 + 9 * p1 + 9 * p2 - p3) / 16, atol=1e-12)
    np.testing.assert_allclose(track.at(np.array([-1.0, 0, 6, 9])), values[[0, 0, 3, 3]])
    around = Track(track.frames, values, 1.0, 8.0).at(np.array([7.0]))[0]
    np.testing.assert_allclose(around, (-p2 + 9 * p3 + 9 * p0 - p1) / 16, atol=1e-12)
    straight = Track(np.array([0.0, 1, 3]), np.outer([0, 1, 3], np.ones(7)), 1.0)
    np.testing.assert_allclose(straight.at(np.array([0.25, 0.5, 1.7]))[:, 0], (0.25, 0.5, 1.7), atol=1e-12)


def project(splats: list[dict[str, Any]], **changes: object) -> dict[str, Any]:
    poses = [{"name": str(i), "position": [2.0 * i, 1, 4], "target": [2.0 * i, 1, 0]} for i in range(2)]
    timeline = {"frames": 20, "frameRate": 10, "smoothness": 1, "loop": False}
    content = {"version": 0, "camera": {"fov": 65}, "poseSets": [{"name": "set0", "poses": poses}]}
    return {**content, "timeline": timeline, "splats": splats, **changes}


def packed(file: Path, document: object) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("splat_0.ply", b"ply")
        archive.writestr("document.json", json.dumps(document))
    return file


def test_a_project_says_where_its_splats_stand(tmp_path: Path) -> None:
    """A path is given in the world of the splat's own file."""
    lying = {"position": [1, 0, 0], "rotation": [0, 0, 1, 0], "scale": [2, 2, 2], "name": "room"}
    flight, frames = read(packed(tmp_path / "a.ssproj", project([lying])))
    assert not flight.world.up_known
    # Engine (0, 1, 4) less (1, 0, 0), turned by 180 degrees about z, halved.
    np.testing.assert_allclose(frames.positions_world[0], (0.5, -0.5, 2), atol=1e-12)
    np.testing.assert_allclose(frames.rotations[0][:, 2], (0, 0, -1), atol=1e-12)
    np.testing.assert_allclose(frames.positions_world[10], (-0.5, -0.5, 2), atol=1e-12)  # a key a second
    half = math.sqrt(0.5)
    upright = {"position": [0, 0, 0], "rotation": [0, half, half, 0], "scale": [1, 1, 1]}
    for splats in ([], [upright], [lying, upright]):
        flight, frames = read(packed(tmp_path / "a.ssproj", project(splats)))
        assert flight.world.up_known
        np.testing.assert_allclose(frames.positions_world[0], (0, 4, 1), atol=1e-12)


def test_a_projects_late_keys_and_other_sets_are_named(tmp_path: Path) -> None:
    late = {"position": [0, 0, 1], "target": [0, 0, 0], "frame": 20}
    sets = [{"poses": [{"position": [0, 1, 4], "target": [0, 1, 0], "fov": 50}, late]}, {"poses": []}]
    flight, _ = read(packed(tmp_path / "a.ssproj", project([], poseSets=sets)))
    assert flight.losses == ("1 keys after the end of the timeline", "all sets of poses but the first")


def timeline(easing: int = 0, **changes: object) -> dict[str, Any]:
    keys = [
        {"time": 2.0 * i, "position": [x, 0, 0], "rotation": [1, 0, 0, 0], "focal_length_mm": f, "easing": easing}
        for i, (x, f) in enumerate([(0.0, 20.0), (1.0, 30.0), (5.0, 30.0)])
    ]
    return {"version": 4, "clip_duration": 4.0, "keyframes": keys[::-1], **changes}


def test_lichtfelds_curves_and_easings(tmp_path: Path) -> None:
    flight, frames = read(put(tmp_path / "a.json", timeline(animation_clip={"name": "x"})))
    assert (len(frames), flight.losses) == (41, ("its animation clip",))
    # Halfway between the first two keys: (-p0 + 9 p0 + 9 p1 - p2) / 16, the first key counted twice.
    np.testing.assert_allclose(frames.positions_world[10], (0.25, 0, 0), atol=1e-12)
    np.testing.assert_allclose(12 / np.tan(0.5 * frames.fovs_y_rad[[0, 10, 20]]), (20, 25, 30))
    for easing, part in ((1, 0.2**3), (2, 1 - 0.8**3), (3, 4 * 0.2**3)):
        _, frames = read(put(tmp_path / "a.json", timeline(easing, version=1)))
        assert 12 / math.tan(0.5 * frames.fovs_y_rad[4]) == pytest.approx(20 + 10 * part)


def test_lichtfeld_turns_the_short_way(tmp_path: Path) -> None:
    content = timeline()
    for key, q in zip(
        content["keyframes"], ([-1, 0, 0, 0], [math.sqrt(0.5), 0, math.sqrt(0.5), 0], [1, 0, 0, 0]), strict=True
    ):
        key["rotation"] = q
    _, frames = read(put(tmp_path / "a.json", content))
    assert angle_rad(frames.rotations[1:], frames.rotations[:-1]).max() < math.pi / 2 / 19


def image(name: str, x: float, camera: int = 1) -> str:
    return f"7 2 0 0 0 {-x} 0 0 {camera} {name}\n1.5 2.5 -1 3 4 8\n"


def test_colmaps_images_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    text = (
        "# Image list with two lines of data per image:\n"
        + image("b.png", 1)
        + image("a.png", 0, 2)
        + image("c d.png", 2)
    )
    (tmp_path / "images.txt").write_text(text.replace("7 2 ", "7 1 "), encoding="utf-8")
    cameras = "# id\n1 PINHOLE 640 480 500 500 320 240\n\n2 OPENCV 640 480 500 510 330 240 0.1 0 0 0\n"
    (tmp_path / "cameras.txt").write_text(cameras, encoding="utf-8")
    flight, frames = read(tmp_path / "images.txt")
    np.testing.assert_allclose(frames.positions_world[:, 0], (0, 1, 2))
    assert (flight.fps, flight.size) == (None, (640, 480))
    assert flight.losses == (
        "lens distortion",
        "pixels that are not square",
        "optical axes beside the middle of the image",
    )
    assert 240 / math.tan(0.5 * frames.fovs_y_rad[1]) == pytest.approx(500)


def test_inrias_images_may_differ(tmp_path: Path) -> None:
    images = [
        {"width": 640, "height": h, "fx": 500, "fy": 500, "position": [0, 0, i], "rotation": np.eye(3).tolist()}
        for i, h in enumerate((480, 360))
    ]
    flight, frames = read(put(tmp_path / "a.json", images))
    assert flight.losses == ("image sizes that differ",)
    np.testing.assert_allclose(frames.fovs_y_rad, [2 * math.atan(240 / 500), 2 * math.atan(180 / 500)])


def test_a_table_may_have_rounded_times_and_spaces(tmp_path: Path) -> None:
    rows = ["frame, time_s, x, y, z, qw, qx, qy, qz, fov_y_deg, focus_distance"]
    rows += [f"{i}, {i / 29.97:.4f}, {i}, 0, 0, 0.999, 0, 0, 0, 60," for i in range(4)]
    (tmp_path / "a.csv").write_text("\ufeff" + "\r\n".join(rows), encoding="utf-8")
    flight, frames = read(tmp_path / "a.csv")
    assert len(frames) == 4
    assert float(flight.fps or 0) == pytest.approx(29.97, rel=1e-3)
