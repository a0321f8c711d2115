"""Laws of the example room's maker, and of the committed set. Only the last two tests need Mitsuba."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from cameras.errors import InputError
from cameras.formats.flythrough_json import write_path
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import nearest_rotation
from cameras.shot_list import ShotList
from cameras.similarity import Similarity

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ROOM = EXAMPLES / "room"


@pytest.mark.parametrize("seed", [0, 3, 5])
def test_same_seed_same_room(load: Any, seed: int) -> None:
    make = load("room_maker.layout").make_room
    first, second = make(seed, painted=False), make(seed, painted=False)
    assert [name for name, _ in first.parts] == [name for name, _ in second.parts]
    for (_, a), (_, b) in zip(first.parts, second.parts, strict=True):
        np.testing.assert_array_equal(a.vertices, b.vertices)
        np.testing.assert_array_equal(a.faces, b.faces)
    np.testing.assert_array_equal(first.sun_direction, second.sun_direction)


def test_other_seeds_are_other_rooms(load: Any) -> None:
    make = load("room_maker.layout").make_room
    rooms = [make(seed, painted=False) for seed in range(6)]
    assert len({(room.width_m, room.depth_m, len(room.parts)) for room in rooms}) == 6


@pytest.mark.parametrize("seed", range(6))
def test_furniture_stands_in_the_room_and_apart(load: Any, seed: int) -> None:
    room = load("room_maker.layout").make_room(seed, painted=False)
    for f in room.footprints:
        assert f.low[0] > -0.03, f.name
        assert f.high[0] < room.width_m + 0.03, f.name
        assert f.low[1] > -0.03, f.name
        assert f.high[1] < room.depth_m + 0.15, f.name
        assert f.low[2] > -0.01, f.name
    solid = [f for f in room.footprints if f.name not in ("curtains", "radiator")]
    for k, a in enumerate(solid):
        for b in solid[k + 1 :]:
            overlap = [min(a.high[i], b.high[i]) - max(a.low[i], b.low[i]) for i in range(2)]
            assert min(overlap) < 0.02, (a.name, b.name)


@pytest.mark.parametrize("seed", range(4))
def test_cameras_stand_on_free_floor_level_and_at_eye_height(load: Any, seed: int) -> None:
    room = load("room_maker.layout").make_room(seed, painted=False)
    views = load("room_maker.views")
    photos, walk = views.photo_poses(room, 60, seed), views.walk_poses(room, 24)
    for pose in photos + walk:
        rotation, position = pose[:3, :3], pose[:3, 3]
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
        assert rotation[2, 0] == pytest.approx(0.0)  # the camera's x axis is level
        assert rotation[2, 1] < -0.9  # its y axis points down
        assert 0.95 < position[2] < 1.8
        assert views.clearance(room, position[0], position[1]) > 0.2
    steps = np.linalg.norm(np.diff([pose[:3, 3] for pose in walk], axis=0), axis=1)
    assert steps.max() < 0.3


def test_textures_are_reproducible_pictures(load: Any) -> None:
    surfaces, pictures = load("room_maker.surfaces"), load("room_maker.pictures")
    tint = np.array([0.8, 0.75, 0.7])
    makers = [
        lambda rng: surfaces.plaster(rng, 1.0, 0.8, tint),
        lambda rng: surfaces.leaf_wallpaper(rng, 1.0, 0.8, tint),
        lambda rng: surfaces.wood_floor(rng, 1.0, 0.8, "oak"),
        lambda rng: surfaces.patterned_cloth(rng, tint, tint / 2, "leaves", 128),
        lambda rng: pictures.landscape(rng, 120, 90),
        lambda rng: pictures.book_spines(rng, 5),
    ]
    for maker in makers:
        first, second = maker(np.random.default_rng(7)), maker(np.random.default_rng(7))
        np.testing.assert_array_equal(first, second)
        assert first.ndim == 3
        assert first.shape[2] == 3
        assert 0 <= first.min() < first.max() <= 1
        assert first.std(axis=(0, 1)).max() > 0.005  # something for feature matching to hold on to


def test_closed_shapes_face_outwards(load: Any) -> None:
    meshes = load("room_maker.meshes")
    for mesh in (
        meshes.box((0, 0, 0), (1, 2, 3)),
        meshes.box((0, 0, 0), (1, 2, 3), bevel=0.05),
        meshes.rounded_box((0, 0, 0), (1, 2, 3), 0.2, puff=0.1),
        meshes.cylinder((0, 0, 0), (0.3, 0.2, 1.0), 0.1),
        meshes.blob((1, 1, 1), (0.3, 0.2, 0.1)),
    ):
        a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
        assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() > 0  # six times the enclosed volume
        mirrored = mesh.scaled((-1, 1, 1))
        a, b, c = (mirrored.vertices[mirrored.faces[:, k]] for k in range(3))
        assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() > 0


def test_camera_file_flips_to_opengl_and_back(load: Any, tmp_path: Path) -> None:
    files, views = load("room_maker.files"), load("room_maker.views")
    pose = views.look(np.array([1.0, 2.0, 1.5]), 0.3, -0.1)
    files.write_json(tmp_path / "cameras.json", files.camera_json(["a.jpg"], [pose], 800, 533))
    read = json.loads((tmp_path / "cameras.json").read_text(encoding="utf-8"))
    matrix = np.array(read["frames"][0]["transform_matrix"])
    np.testing.assert_allclose(matrix @ np.diag([1, -1, -1, 1]), pose, atol=1e-8)
    assert read["fl_x"] == pytest.approx(25 / 36 * 800)


def test_committed_set_is_small_and_says_nothing_of_poses() -> None:
    photos = sorted((ROOM / "images").glob("*.jpg"))
    assert len(photos) == 60
    assert sum(path.stat().st_size for path in photos) < 6e6
    assert sum(path.stat().st_size for path in ROOM.rglob("*") if path.parent != ROOM / "images") < 6e6
    for path in photos:
        with Image.open(path) as image:
            assert image.size == (800, 533)
            exif = image.getexif()
        assert exif[ExifTags.Base.Model] == "Example camera"
        assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] == 25
        assert not exif.get_ifd(ExifTags.IFD.GPSInfo)


def test_committed_depth_agrees_with_the_cameras() -> None:
    walk = json.loads((ROOM / "walk" / "walk.json").read_text(encoding="utf-8"))
    with np.load(ROOM / "walk" / "depth_z.npz") as archive:
        depth_z = archive["depth_z"]
    assert depth_z.shape == (24, 267, 400)
    assert len(walk["frames"]) == len(list((ROOM / "walk").glob("*.jpg"))) == 24
    rows, columns = np.mgrid[:267, :400]
    x = (2 * columns + 0.5 - walk["cx"]) / walk["fl_x"]
    y = (2 * rows + 0.5 - walk["cy"]) / walk["fl_y"]
    for frame, depth in zip(walk["frames"], depth_z.astype(np.float64), strict=True):
        world_from_camera = np.array(frame["transform_matrix"]) @ np.diag([1, -1, -1, 1])
        points = np.stack([x * depth, y * depth, depth, np.ones_like(depth)], axis=-1) @ world_from_camera.T
        height = points[..., 2][depth > 0]
        assert height.min() > -0.02  # nothing lies below the floor,
        assert np.mean(np.abs(height) < 0.02) > 0.02  # and the floor is where it should be


def _write_path_through(file: Path, poses: list[Any], width: int, height: int) -> None:
    """A path that is at the k-th pose at second k, with the set's lens."""
    fov_y_rad = 2 * np.arctan(0.5 * height / (25 / 36 * width))
    keys = [Keyframe.from_pose(Rigid.from_matrix(pose), fov_y_rad, float(k)) for k, pose in enumerate(poses)]
    write_path(ShotList.of(CameraPath(tuple(keys), float(len(keys) - 1))), file)


def _write_job(load: Any, job: Path, poses: list[Any], job_from_room: Similarity) -> None:
    """A job folder whose capture has photos at these poses of the room, in a world of its own."""
    (job / "capture" / "images").mkdir(parents=True)
    moved = [job_from_room.apply_pose(Rigid.from_matrix(pose)).matrix() for pose in poses]
    names = [f"images/{k:04d}.jpg" for k in range(len(poses))]
    for name in names:
        Image.new("RGB", (48, 32)).save(job / "capture" / name)
    files = load("room_maker.files")
    files.write_json(job / "capture" / "transforms.json", files.camera_json(names, moved, 48, 32))


def _job_from_room() -> Similarity:
    turn = nearest_rotation(np.random.default_rng(2).standard_normal((3, 3)))
    return Similarity(0.68, turn, np.array([1.0, -2, 0.3]))


def test_a_path_of_a_jobs_world_leads_to_the_same_places_of_the_room(load: Any, tmp_path: Path) -> None:
    views, along = load("room_maker.views"), load("room_maker.along")
    room = load("room_maker.layout").make_room(3, painted=False)
    photos, walk = views.photo_poses(room, 8, 3), views.walk_poses(room, 7)
    _write_job(load, tmp_path / "job", photos, _job_from_room())
    in_job = [_job_from_room().apply_pose(Rigid.from_matrix(pose)).matrix() for pose in walk]
    _write_path_through(tmp_path / "tour.json", in_job, 48, 32)
    room_from_job = along.room_from_job(tmp_path / "job", photos)
    cameras = along.cameras_along(tmp_path / "tour.json", room, room_from_job, 6, 48, 32)
    assert len(cameras) == 6
    for camera, pose in zip(cameras, walk, strict=False):
        np.testing.assert_allclose(camera.world_from_camera.matrix(), pose, atol=1e-6)
        assert camera.intrinsics.fx == pytest.approx(25 / 36 * 48)
    with pytest.raises(InputError, match=r"at second 0\.0 it is outside; give the --job"):
        along.cameras_along(tmp_path / "tour.json", room, Similarity(1.0, np.eye(3), np.zeros(3)), 6, 48, 32)


def test_a_job_of_other_photos_is_refused(load: Any, tmp_path: Path) -> None:
    views, along = load("room_maker.views"), load("room_maker.along")
    room = load("room_maker.layout").make_room(3, painted=False)
    photos = views.photo_poses(room, 8, 3)
    _write_job(load, tmp_path / "job", photos, _job_from_room())
    with pytest.raises(InputError, match=r"are over 0.* m away .* give the --seed and --draft"):
        along.room_from_job(tmp_path / "job", views.photo_poses(room, 9, 3))
    with pytest.raises(InputError, match="but it has 2 of their names; check --job"):
        along.room_from_job(tmp_path / "job", photos[:2])
    with pytest.raises(InputError, match="a camera file was expected at"):
        along.room_from_job(tmp_path / "nowhere", photos)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"job": Path("job")}, "but none was given; add --path"),
        ({"frames": 3}, "but none was given; add --path"),
        ({"path": Path("tour.json"), "frames": 1}, "--frames wants a whole number from 2 up, got 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(load: Any, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    maker = load("make_room")
    with pytest.raises(InputError, match=message):
        maker.make(tmp_path, 3, maker.DRAFT, 1.0, **options)


def test_errors_are_said_in_one_sentence(load: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["make_room.py", "--frames", "5"])
    with pytest.raises(SystemExit) as ended:
        load("make_room").main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("but none was given; add --path.")


@pytest.mark.filterwarnings("ignore")
def test_a_path_through_the_walk_shows_what_the_walk_shows(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mitsuba")
    pytest.importorskip("pyoidn")
    maker, views, layout = load("make_room"), load("room_maker.views"), load("room_maker.layout")
    room = layout.make_room(3, painted=False)
    room.parts = room.parts[:8]  # a few walls, and one tracer of a size: both to save time
    monkeypatch.setattr(maker, "make_room", lambda seed: room)
    tracing = load("room_maker.tracing")
    tracer = functools.cache(functools.partial(tracing.Tracer, room))
    monkeypatch.setattr(tracing, "Tracer", lambda room, *how: tracer(*how))
    plan = maker.Plan(photos=1, frames=2, width=24, height=16, samples=2, passes=1)
    walk, path = views.walk_poses(room, 2), tmp_path / "tour.json"
    _write_path_through(path, walk, 24, 16)
    try:
        assert maker.make(tmp_path / "room", 3, plan, 1e9)
    except ImportError as error:
        pytest.skip(f"Mitsuba's LLVM variant does not run here: {error}")
    truth = tmp_path / "truth"
    assert not maker.make(truth, 3, plan, 0.0, path=path, frames=2)
    assert maker.make(truth, 3, plan, 1e9, path=path, frames=2)
    assert (truth / "0000.jpg").read_bytes() == (tmp_path / "room" / "walk" / "0000.jpg").read_bytes()
    assert (truth / "0001.jpg").read_bytes() != (truth / "0000.jpg").read_bytes()
    with np.load(truth / "depth_z.npz") as found, np.load(tmp_path / "room" / "walk" / "depth_z.npz") as wanted:
        np.testing.assert_array_equal(found["depth_z"][0], wanted["depth_z"][0])
    with pytest.raises(InputError, match="but that holds others; name another folder with --out"):
        maker.make(truth, 3, plan, 1e9, path=path, frames=3)


@pytest.mark.filterwarnings("ignore")
def test_traced_view_shows_a_lit_room(load: Any) -> None:
    pytest.importorskip("mitsuba")
    pytest.importorskip("pyoidn")
    room = load("room_maker.layout").make_room(1, painted=False)
    tracing, views = load("room_maker.tracing"), load("room_maker.views")
    try:
        tracer = tracing.Tracer(room, 48, 32, 25 / 36 * 48, 4)
    except ImportError as error:
        pytest.skip(f"Mitsuba's LLVM variant does not run here: {error}")
    pose = views.photo_poses(room, 60, 1)[0]
    noisy = tracer.trace(pose, 1)
    np.testing.assert_array_equal(noisy, tracer.trace(pose, 1))
    clean = tracing.denoised(noisy, tracer.guides(pose, 1))
    assert np.isfinite(clean).all()
    assert np.median(clean) > 0
    depth_z = tracer.depth_z(pose)
    assert depth_z[depth_z > 0].min() > 0.2
    assert depth_z.max() < 9
