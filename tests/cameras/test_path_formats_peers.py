"""Our files as the tools themselves read them, or, where a tool cannot be installed, as its published rules say."""

import json
import math
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.formats import load_format
from cameras.formats.exchange import Flight, FrameSettings, PathFrames, bake, shot_of
from cameras.formats.flythrough_json import WorldNote
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import angle_rad, look_rotation, rotation_exp
from cameras.shot_list import ShotList

WIDTH, HEIGHT = 1920, 1080
SETTINGS = FrameSettings(Fraction(30000, 1001), WIDTH, HEIGHT)
# Pixels of the picture and how far away what they show is.
PIXELS = np.array([[10.0, 20.0], [1900.0, 30.0], [960.0, 540.0], [400.0, 1000.0]])
DEPTHS = np.array([2.0, 5.0, 9.0, 3.0])


def some_frames(n: int = 5, *, is_level: bool = False) -> PathFrames:
    rng = np.random.default_rng(7)
    forward = rng.normal(size=(n, 3)) * (1, 1, 0.4)
    rotations = look_rotation(forward, (0, 0, 1)) if is_level else rotation_exp(2 * rng.normal(size=(n, 3)))
    focus = rng.uniform(1, 9, n)
    return PathFrames(SETTINGS.fps, rng.uniform(-4, 4, (n, 3)), rotations, rng.uniform(0.4, 1.4, n), focus)


def points_seen(frames: PathFrames, i: int) -> np.ndarray:
    """[4, 3] what lies behind the pixels of frame i, in our world."""
    lens = Intrinsics.from_fov(WIDTH, HEIGHT, float(frames.fovs_y_rad[i]))
    pose = Rigid(frames.rotations[i], frames.positions_world[i])
    return pose.apply(lens.rays(PIXELS) * DEPTHS[:, None])


def write(name: str, frames: PathFrames, file: Path, world: WorldNote | None = None) -> Path:
    load_format(name).write(Flight(ShotList((shot_of(frames),)), world or WorldNote()), file, SETTINGS)
    return file


def test_pycolmap_reads_our_model(tmp_path: Path) -> None:
    import pycolmap

    frames = some_frames()
    write("colmap", frames, tmp_path / "images.txt")
    model = pycolmap.Reconstruction()
    model.read_text(tmp_path)
    images = sorted(model.images.values(), key=lambda image: image.name)
    assert len(images) == len(frames)
    for i, image in enumerate(images):
        pixels = [image.project_point(point) for point in points_seen(frames, i)]
        np.testing.assert_allclose(np.array(pixels), PIXELS, atol=1e-6)


def test_usd_sees_what_we_see(tmp_path: Path) -> None:
    Gf, Usd, UsdGeom = (pytest.importorskip(f"pxr.{name}") for name in ("Gf", "Usd", "UsdGeom"))
    frames = some_frames()
    assert frames.focus_distances is not None
    for suffix, start in ((".usda", b"#usda"), (".usdc", b"PXR-USDC")):
        file = write("usd", frames, tmp_path / f"path{suffix}", WorldNote(True, 0.5))
        assert file.read_bytes().startswith(start)
        stage: Any = Usd.Stage.Open(str(file))
        assert UsdGeom.GetStageUpAxis(stage) == UsdGeom.Tokens.z
        assert UsdGeom.GetStageMetersPerUnit(stage) == 0.5
        assert stage.GetTimeCodesPerSecond() == pytest.approx(30000 / 1001)
        assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, len(frames) - 1)
        camera: Any = UsdGeom.Camera(stage.GetDefaultPrim())
        assert camera.GetFocusDistanceAttr().Get(2) == pytest.approx(frames.focus_distances[2])
        for i in range(len(frames)):
            frustum = camera.GetCamera(i).frustum
            project = frustum.ComputeViewMatrix() * frustum.ComputeProjectionMatrix()
            seen = [project.Transform(Gf.Vec3d(*point.tolist())) for point in points_seen(frames, i)]
            pixels = [[(x + 1) / 2 * WIDTH, (1 - y) / 2 * HEIGHT] for x, y, _ in seen]
            np.testing.assert_allclose(pixels, PIXELS, atol=0.01)


@pytest.mark.parametrize("suffix", [".glb", ".gltf"])
def test_pygltflib_and_trimesh_open_our_gltf(suffix: str, tmp_path: Path) -> None:
    pygltflib, trimesh = pytest.importorskip("pygltflib"), pytest.importorskip("trimesh")
    frames = some_frames()
    file = write("gltf", frames, tmp_path / f"path{suffix}")
    gltf: Any = pygltflib.GLTF2().load(str(file))
    assert gltf.cameras[0].perspective.aspectRatio == pytest.approx(16 / 9)
    (animation,) = gltf.animations
    arrays = {
        channel.target.path: floats(gltf, animation.samplers[channel.sampler].output) for channel in animation.channels
    }
    np.testing.assert_allclose(floats(gltf, animation.samplers[0].input)[:, 0], frames.times_s, rtol=1e-6)
    scene: Any = trimesh.load_scene(file)
    assert math.radians(scene.camera.fov[1]) == pytest.approx(float(frames.fovs_y_rad[0]))
    for i in range(len(frames)):
        y_up_from_camera = trimesh.transformations.quaternion_matrix(np.roll(arrays["rotation"][i], 1))
        y_up_from_camera[:3, 3] = arrays["translation"][i]
        if i == 0:
            np.testing.assert_allclose(scene.camera_transform, y_up_from_camera, atol=1e-6)
        x, y, z = points_seen(frames, i).T
        blender = np.stack([x, z, -y], axis=1)  # what Blender's importer takes back: (x, -z, y)
        seen = (np.linalg.inv(y_up_from_camera) @ np.concatenate([blender, np.ones((4, 1))], axis=1).T)[:3].T
        assert (seen[:, 2] < 0).all()
        focal = 0.5 * HEIGHT / math.tan(0.5 * float(frames.fovs_y_rad[i]))
        pixels = [[WIDTH / 2 - focal * px / pz, HEIGHT / 2 + focal * py / pz] for px, py, pz in seen]
        np.testing.assert_allclose(pixels, PIXELS, atol=0.01)
    assert gltf.cameras[0].perspective.yfov == pytest.approx(float(frames.fovs_y_rad[0]))


def floats(gltf: Any, number: int) -> np.ndarray:
    """An accessor as pygltflib's own functions find it."""
    accessor = gltf.accessors[number]
    view = gltf.bufferViews[accessor.bufferView]
    data = gltf.get_data_from_buffer_uri(gltf.buffers[0].uri) if gltf.buffers[0].uri else gltf.binary_blob()
    width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor.type]
    return np.frombuffer(data, "<f4", accessor.count * width, view.byteOffset).reshape(-1, width).astype(np.float64)


def test_nerfstudio_renders_our_cameras(tmp_path: Path) -> None:
    paths = pytest.importorskip("nerfstudio.cameras.camera_paths")
    frames = some_frames()
    content = json.loads(write("nerfstudio", frames, tmp_path / "camera_path.json").read_text(encoding="utf-8"))
    cameras = paths.get_path_from_json(content)
    assert len(content["camera_path"]) / content["seconds"] == pytest.approx(30000 / 1001, rel=1e-12)
    poses = cameras.camera_to_worlds.double().numpy()
    np.testing.assert_allclose(poses[:, :, 3], frames.positions_world, atol=1e-6)
    np.testing.assert_allclose(poses[:, :, :3] * (1, -1, -1), frames.rotations, atol=1e-6)
    focal = 0.5 * HEIGHT / np.tan(0.5 * frames.fovs_y_rad)
    np.testing.assert_allclose(cameras.fx.double().numpy()[:, 0], focal, rtol=1e-6)
    np.testing.assert_allclose(cameras.fy.double().numpy()[:, 0], focal, rtol=1e-6)


def test_nerfstudios_file_holds_what_its_readers_ask_for(tmp_path: Path) -> None:
    frames = some_frames(70)
    content = json.loads(write("nerfstudio", frames, tmp_path / "camera_path.json").read_text(encoding="utf-8"))
    assert content["seconds"] == pytest.approx(70 * 1001 / 30000, abs=1e-12)
    assert (content["render_width"], content["render_height"], content["camera_type"]) == (WIDTH, HEIGHT, "perspective")
    # The viewer opens keyframes; each says how long the way to it is, and together they take the film's time.
    transitions = [key["override_transition_sec"] for key in content["keyframes"][1:]]
    assert all(key["override_transition_enabled"] for key in content["keyframes"])
    assert sum(transitions) == pytest.approx(69 * 1001 / 30000)
    np.testing.assert_array_equal(content["keyframes"][1]["matrix"], content["camera_path"][30]["camera_to_world"])
    np.testing.assert_array_equal(content["keyframes"][-1]["matrix"], content["camera_path"][69]["camera_to_world"])


def supersplat_pixels(pose: dict[str, Any], points: np.ndarray) -> np.ndarray:
    """SuperSplat's picture of points of an upright scene: a level camera in a world with +y up, that looks along -z."""
    x, y, z = points.T
    engine = np.stack([-x, z, y], axis=1)
    position, target = np.array(pose["position"]), np.array(pose["target"])
    back = (position - target) / np.linalg.norm(position - target)
    right = np.cross([0.0, 1.0, 0.0], back)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(back, right), back])
    seen = (engine - position) @ axes.T
    focal = 0.5 * WIDTH / math.tan(0.5 * math.radians(pose["fov"]))  # the picture is wider than high
    return np.stack([WIDTH / 2 - focal * seen[:, 0] / seen[:, 2], HEIGHT / 2 + focal * seen[:, 1] / seen[:, 2]], axis=1)


def test_supersplat_sees_what_we_see(tmp_path: Path) -> None:
    frames = some_frames(is_level=True)
    settings = json.loads(write("supersplat", frames, tmp_path / "settings.json").read_text(encoding="utf-8"))
    (track,) = settings["animTracks"]
    values = track["keyframes"]["values"]
    assert settings["cameras"][0]["initial"]["position"] == values["position"][:3]
    assert track["keyframes"]["times"] == [0, 1, 2, 3, 4]
    assert track["duration"] * track["frameRate"] == pytest.approx(4)
    with zipfile.ZipFile(write("supersplat-project", frames, tmp_path / "path.ssproj")) as archive:
        document = json.loads(archive.read("document.json"))
    assert (document["timeline"]["frames"], document["splats"]) == (5, [])
    for i in range(len(frames)):
        keys = {"position": values["position"][3 * i : 3 * i + 3], "target": values["target"][3 * i : 3 * i + 3]}
        keys["fov"] = values["fov"][i]
        pose = document["poseSets"][0]["poses"][i]
        assert (pose["frame"], pose["position"], pose["target"], pose["fov"]) == (i, *keys.values())
        np.testing.assert_allclose(supersplat_pixels(keys, points_seen(frames, i)), PIXELS, atol=1e-6)


def test_supersplat_imports_our_cameras_json(tmp_path: Path) -> None:
    """Its importer flips x and y, and takes the third column of the rotation as the viewing direction."""
    frames = some_frames()
    images = json.loads(write("inria", frames, tmp_path / "cameras.json").read_text(encoding="utf-8"))
    for i, image in enumerate(images):
        pixels = np.array(image["rotation"]).T @ (points_seen(frames, i) - image["position"]).T
        pixels = pixels[:2] / pixels[2] * [[image["fx"]], [image["fy"]]] + [[WIDTH / 2], [HEIGHT / 2]]
        np.testing.assert_allclose(pixels.T, PIXELS, atol=1e-6)
        np.testing.assert_allclose(np.array(image["rotation"])[:, 2], frames.rotations[i][:, 2], atol=1e-12)


# A camera of LichtFeld's viewer and the point of the splat file that it sees 5 units ahead, 1 right, 1 up.
LICHTFELD_VIEWS = [
    ((0, 0, 5), (1, 0, 0, 0), (1, -1, 0)),
    ((0, 0, 5), (math.sqrt(0.5), 0, 0, math.sqrt(0.5)), (-1, -1, 0)),
    ((0, 5, 0), (math.sqrt(0.5), -math.sqrt(0.5), 0, 0), (1, 0, 1)),
    ((0, -5, 0), (math.sqrt(0.5), math.sqrt(0.5), 0, 0), (1, 0, -1)),
]


@pytest.mark.parametrize(("position", "rotation", "point"), LICHTFELD_VIEWS)
def test_lichtfelds_four_test_views(
    position: tuple[float, ...], rotation: tuple[float, ...], point: tuple[float, ...], tmp_path: Path
) -> None:
    key = {"position": position, "rotation": rotation, "focal_length_mm": 12 * math.sqrt(3), "easing": 0}
    timeline = {"version": 4, "clip_duration": 0.1, "keyframes": [{"time": 0, **key}, {"time": 0.1, **key}]}
    file = tmp_path / "path.json"
    file.write_text(json.dumps(timeline), encoding="utf-8")
    frames = bake(load_format("lichtfeld").read(file, SETTINGS), SETTINGS)
    assert math.degrees(float(frames.fovs_y_rad[0])) == pytest.approx(60)
    seen = Rigid(frames.rotations[0], frames.positions_world[0]).inverse().apply(point)
    np.testing.assert_allclose(seen, (1, -1, 5), atol=1e-12)
    again = json.loads(write("lichtfeld", frames, tmp_path / "again.json").read_text(encoding="utf-8"))
    np.testing.assert_allclose(again["keyframes"][0]["position"], position, atol=1e-12)
    assert abs(np.dot(again["keyframes"][0]["rotation"], rotation)) == pytest.approx(1)


def test_lichtfelds_keys_are_exactly_on_its_frames(tmp_path: Path) -> None:
    frames = some_frames(40)
    timeline = json.loads(write("lichtfeld", frames, tmp_path / "path.json").read_text(encoding="utf-8"))
    assert timeline["version"] == 4
    assert timeline["clip_duration"] == timeline["keyframes"][-1]["time"]
    np.testing.assert_allclose([key["time"] for key in timeline["keyframes"]], np.arange(40) * 1001 / 30000, rtol=1e-12)
    assert {key["easing"] for key in timeline["keyframes"]} == {0}
    quaternions = np.array([key["rotation"] for key in timeline["keyframes"]])
    assert (np.sum(quaternions[1:] * quaternions[:-1], axis=1) >= 0).all()


def test_a_table_is_read_by_the_csv_module(tmp_path: Path) -> None:
    import csv

    frames = some_frames(3)
    with write("csv", frames, tmp_path / "path.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == ["0", "1", "2"]
    assert float(rows[2]["time_s"]) == pytest.approx(2 * 1001 / 30000)
    assert [float(rows[1][axis]) for axis in "xyz"] == frames.positions_world[1].tolist()
    found = Rigid(rotation_from(rows[1]), np.zeros(3)).rotation
    assert float(angle_rad(found, frames.rotations[1])) < 1e-9
    assert math.radians(float(rows[1]["fov_y_deg"])) == pytest.approx(float(frames.fovs_y_rad[1]))


def rotation_from(row: dict[str, str]) -> np.ndarray:
    w, x, y, z = (float(row[f"q{axis}"]) for axis in "wxyz")
    twice = 2 * np.outer((x, y, z), (x, y, z)) + 2 * w * np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return twice + (w * w - x * x - y * y - z * z) * np.eye(3)
