"""Laws of all path formats: what goes out comes back, what is lost is named, nothing is left half-written."""

import math
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cameras.errors import InputError, SettingsError
from cameras.formats import FORMATS, load_format, recognize, recognized
from cameras.formats.convert import Wanted, convert, read_flight
from cameras.formats.exchange import Flight, FrameSettings, PathFrames, bake, exact_rate, shot_of
from cameras.formats.flythrough_json import WorldNote
from cameras.intrinsics import Intrinsics
from cameras.keyframe import Keyframe
from cameras.path import CameraPath
from cameras.rigid import Rigid
from cameras.rotations import angle_rad, look_rotation, rotation_exp
from cameras.shot_list import Shot, ShotList
from cameras.similarity import Similarity

WIDTH, HEIGHT = 1920, 1080
LEVEL = {"supersplat", "supersplat-project"}
ONE_LENS = {"gltf"}
HAS_RATE = {"nerfstudio", "supersplat", "supersplat-project", "gltf", "usd", "csv"}
HAS_LOOP = {"flythrough", "nerfstudio", "supersplat", "supersplat-project"}
HAS_FOCUS = {"flythrough", "usd", "csv"}
FOREIGN = [name for name in FORMATS if name != "flythrough"]
RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60), Fraction(60000, 1001), Fraction(7)]
STRAIGHT = np.array([[0.0, 0, 1], [0, 0, -1], [1, 0, 0]])

many = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@st.composite
def path_frames(draw: st.DrawFn, name: str) -> PathFrames:
    """Frames that the format can carry: any pose, also straight up and down, and any lens."""
    n, rng = draw(st.integers(1, 5)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if name in LEVEL:
        forward = rng.normal(size=(n, 3)) * (1, 1, draw(st.sampled_from([0.0, 1.0, 1e3])))
        rotations = look_rotation(forward, (0, 0, 1))
    else:
        rotations = rotation_exp(draw(st.sampled_from([0.01, 1.0, 3.0])) * rng.normal(size=(n, 3)))
        if draw(st.booleans()):
            rotations[0] = look_rotation(draw(st.sampled_from(list(STRAIGHT))), rng.normal(size=3))
    low, high = draw(st.sampled_from([(0.2, 1.7), (0.02, 3.0)]))
    fovs = np.full(n, rng.uniform(low, high)) if name in ONE_LENS else rng.uniform(low, high, n)
    focus = rng.uniform(0.1, 50, n) if name in HAS_FOCUS and draw(st.booleans()) else None
    loop = name in HAS_LOOP and n > 1 and draw(st.booleans())
    return PathFrames(draw(st.sampled_from(RATES)), rng.uniform(-8, 8, (n, 3)), rotations, fovs, focus, loop)


def written(name: str, flight: Flight, folder: Path, fps: Fraction) -> tuple[Path, tuple[str, ...]]:
    """Written into a folder of its own."""
    place = folder / "out"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    file = place / f"images{FORMATS[name].suffixes[0]}"
    return file, load_format(name).write(flight, file, FrameSettings(fps, WIDTH, HEIGHT))


def assert_same_frames(found: PathFrames, wanted: PathFrames) -> None:
    assert (len(found), found.fps, found.is_loop) == (len(wanted), wanted.fps, wanted.is_loop)
    np.testing.assert_allclose(found.positions_world, wanted.positions_world, atol=1e-6)
    assert angle_rad(found.rotations, wanted.rotations).max() < 1e-6
    for i in range(len(wanted)):
        assert worst_pixel(found, wanted, i) < 0.01
    if wanted.focus_distances is None:
        assert found.focus_distances is None
    else:
        assert found.focus_distances is not None
        np.testing.assert_allclose(found.focus_distances, wanted.focus_distances, rtol=1e-6)


def worst_pixel(found: PathFrames, wanted: PathFrames, i: int) -> float:
    """How far the corners and the middle of a picture move, for what is 10 units away."""
    pixels = np.array([[0, 0], [WIDTH, 0], [0, HEIGHT], [WIDTH, HEIGHT], [WIDTH / 2, HEIGHT / 2]])
    lens, other = (Intrinsics.from_fov(WIDTH, HEIGHT, float(frames.fovs_y_rad[i])) for frames in (wanted, found))
    points = Rigid(wanted.rotations[i], wanted.positions_world[i]).apply(10 * lens.rays(pixels))
    seen = other.project(Rigid(found.rotations[i], found.positions_world[i]).inverse().apply(points))
    return float(np.abs(seen - pixels).max())


@pytest.mark.parametrize("name", list(FORMATS))
@many
@given(data=st.data())
def test_frames_survive_the_round_trip(name: str, data: st.DataObject, tmp_path: Path) -> None:
    frames = data.draw(path_frames(name))
    file, losses = written(name, Flight(ShotList((shot_of(frames),))), tmp_path, frames.fps)
    assert recognize(file) == name
    assert "roll" not in " ".join(losses)
    _, flight = read_flight(file, FrameSettings(frames.fps, WIDTH, HEIGHT))
    if name in HAS_RATE and len(frames) > 1 and (name != "gltf" or frames.fps >= 10):
        assert flight.fps == frames.fps
    assert flight.size in (None, (WIDTH, HEIGHT))
    assert_same_frames(bake(flight, FrameSettings(frames.fps, WIDTH, HEIGHT)), frames)


def two_shots(name: str = "") -> ShotList:
    """A curve at constant speed, a cut, and a timed turn; level, with one lens for the formats that need it."""
    rng = np.random.default_rng(4)
    up = (0.0, 0.0, 1.0)
    fovs = [0.9] * 5 if name in ONE_LENS else [0.9, 0.5, 1.2, 1.0, 0.8]
    keys = [
        Keyframe.from_pose(Rigid(look_rotation((*rng.normal(size=2), -0.2), up), rng.uniform(-3, 3, 3)), fov)
        for fov in fovs
    ]
    turn = tuple(replace(key, time_s=time) for key, time in zip(keys[3:], (0.0, 1.5), strict=True))
    first = CameraPath(tuple(keys[:3]), 2.0, level_up_world=up, no_overshoot=True)
    return ShotList((Shot("curve", first), Shot("turn", CameraPath(turn, 1.5, level_up_world=up))))


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_path_of_curves_is_reproduced_at_every_frame(name: str, tmp_path: Path) -> None:
    fps, shots = Fraction(12), two_shots(name)
    file, _ = written(name, Flight(shots), tmp_path, fps)
    frames = bake(read_flight(file, FrameSettings(fps, WIDTH, HEIGHT))[1], FrameSettings(fps, WIDTH, HEIGHT))
    cameras = shots.cameras(fps, WIDTH, HEIGHT)
    assert len(frames) == len(cameras) == 42
    np.testing.assert_allclose(frames.positions_world, [camera.position_world for camera in cameras], atol=1e-6)
    wanted = np.array([camera.world_from_camera.rotation for camera in cameras])
    assert angle_rad(frames.rotations, wanted).max() < 1e-6
    np.testing.assert_allclose(frames.fovs_y_rad, [camera.intrinsics.fov_y_rad for camera in cameras], atol=1e-6)


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_same_path_makes_the_same_bytes_and_nothing_else(name: str, tmp_path: Path) -> None:
    file, _ = written(name, Flight(two_shots(name)), tmp_path, Fraction(10))
    first = {path.name: path.read_bytes() for path in file.parent.iterdir()}
    file, _ = written(name, Flight(two_shots(name)), tmp_path, Fraction(10))
    assert {path.name: path.read_bytes() for path in file.parent.iterdir()} == first
    beside = {"colmap": {"images.txt", "cameras.txt", "points3D.txt"}}
    assert set(first) == beside.get(name, {file.name})


@pytest.mark.parametrize("name", FOREIGN)
def test_a_format_is_told_by_content_alone(name: str, tmp_path: Path) -> None:
    file, _ = written(name, Flight(two_shots(name)), tmp_path, Fraction(10))
    renamed = file.with_name("path.txt" if name != "colmap" else "path.json")
    file.rename(renamed)
    assert recognized(renamed) == name
    assert read_flight(renamed)[1].shots.duration_s > 1


def still(**changes: object) -> CameraPath:
    """Two seconds of a level camera that moves in the first."""
    keys = tuple(Keyframe((min(i, 1), 0, 0), level_quaternion(), 1.0, float(i)) for i in range(3))
    return replace(CameraPath(keys, 2.0), **changes)


def first_key_only(path: CameraPath, **changes: object) -> CameraPath:
    return replace(path, keyframes=(replace(path.keyframes[0], **changes),))


def level_quaternion() -> tuple[float, float, float, float]:
    return (math.sqrt(0.5), -math.sqrt(0.5), 0.0, 0.0)  # a camera that looks along +y


def focused(path: CameraPath) -> CameraPath:
    return replace(path, keyframes=tuple(replace(key, focus_distance=2.0) for key in path.keyframes))


def zoomed(path: CameraPath) -> CameraPath:
    return replace(path, keyframes=(replace(path.keyframes[0], fov_y_rad=0.5), *path.keyframes[1:]))


def rolled(path: CameraPath) -> CameraPath:
    first = replace(path.keyframes[0], quaternion_wxyz=(0.5, -0.5, 0.5, 0.5))
    return replace(path, keyframes=(first, *path.keyframes[1:]))


def plain_flight() -> Flight:
    """A path that is one pose a frame at 1 frame a second, so that nothing at all needs to be lost."""
    return Flight(ShotList.of(still()))


LOSSES = {
    "the focus": (Flight(ShotList.of(focused(still()))), HAS_FOCUS),
    "the loop": (Flight(ShotList.of(still(is_loop=True, duration_s=3.0))), HAS_LOOP),
    "the cut at 2 s": (Flight(ShotList((Shot("a", still()), Shot("b", still())))), {"flythrough"}),
    "the division into 2 shots": (Flight(ShotList((Shot("a", still()), Shot("b", still(), True)))), {"flythrough"}),
    "the rule against overshoot": (Flight(ShotList.of(still(no_overshoot=True))), {"flythrough"}),
    "the rule that keeps the horizon level": (Flight(ShotList.of(still(level_up_world=(0, 0, 1)))), {"flythrough"}),
    "keeps looking at": (Flight(ShotList.of(still(look_at_world=(0, 9, 0)))), {"flythrough"}),
    "the note": (Flight(ShotList((Shot("a", still()),), {"made": "by hand"})), {"flythrough"}),
    "the scale (a unit is 0.5 m)": (replace(plain_flight(), world=WorldNote(True, 0.5)), {"flythrough", "usd"}),
    "the changing field of view": (Flight(ShotList.of(zoomed(still()))), set(FORMATS) - ONE_LENS),
    "the roll": (Flight(ShotList.of(rolled(still()))), set(FORMATS) - LEVEL),
    "fields of view outside": (
        Flight(ShotList.of(first_key_only(still(), fov_y_rad=2.0))),
        set(FORMATS) - {"lichtfeld"},
    ),
}


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_loss_is_named_exactly_when_the_path_has_it(name: str, tmp_path: Path) -> None:
    _, losses = written(name, plain_flight(), tmp_path, Fraction(1))
    rate = () if name in (HAS_RATE - {"gltf"}) | {"flythrough"} else ("the frame rate (1 a second)",)
    assert losses == rate
    for item, (flight, carriers) in LOSSES.items():
        _, losses = written(name, flight, tmp_path, Fraction(1))
        assert (name not in carriers) == any(loss.startswith(item) or item in loss for loss in losses), (item, losses)
    _, losses = written(name, plain_flight(), tmp_path, Fraction(20))
    assert ("keyframes" in " ".join(losses)) == (name != "flythrough")


def test_other_losses_are_named(tmp_path: Path) -> None:
    far = Flight(ShotList.of(first_key_only(still(), position_world=(1e5 + 0.1, 1.1, 0.3))))
    assert "full precision" in " ".join(written("gltf", far, tmp_path, Fraction(1))[1])
    assert "check before publishing" in " ".join(
        written("supersplat", plain_flight(), tmp_path, Fraction(30000, 1001))[1]
    )
    some = Flight(ShotList((Shot("a", focused(still())), Shot("b", still(), True))))
    assert "the focus" in " ".join(written("csv", some, tmp_path, Fraction(1))[1])


@pytest.mark.parametrize("other", FOREIGN)
def test_any_format_converts_to_any_other(other: str, tmp_path: Path) -> None:
    source, _ = written("csv", Flight(two_shots(other)), tmp_path, Fraction(12))
    frames = bake(read_flight(source)[1], FrameSettings(Fraction(12)))
    source = source.rename(tmp_path / "source.csv")
    there = tmp_path / f"images{FORMATS[other].suffixes[0]}"
    done = convert(source, there, Wanted(other, size=(WIDTH, HEIGHT)))
    assert (done.given, done.fps) == ("csv", 12)
    back = tmp_path / "back.csv"
    convert(there, back, Wanted("csv", fps=Fraction(12), size=(WIDTH, HEIGHT)))
    assert_same_frames(bake(read_flight(back)[1], FrameSettings(Fraction(12))), frames)


def test_a_rate_and_a_size_come_from_the_file_unless_they_are_given(tmp_path: Path) -> None:
    source, _ = written("nerfstudio", Flight(two_shots()), tmp_path, Fraction(10))
    kept = convert(source, tmp_path / "kept.json", Wanted("nerfstudio"))
    assert kept.fps == 10
    assert read_flight(tmp_path / "kept.json")[1].size == (WIDTH, HEIGHT)
    changed = convert(source, tmp_path / "changed.json", Wanted("nerfstudio", fps=Fraction(20), size=(640, 480)))
    assert changed.fps == 20
    flight = read_flight(tmp_path / "changed.json")[1]
    assert (flight.fps, flight.size) == (20, (640, 480))
    assert flight.shots.duration_s == pytest.approx(3.5)


def test_a_flight_without_a_frame_rate_of_its_own_keeps_its_keyframes(tmp_path: Path) -> None:
    source, _ = written("flythrough", Flight(two_shots(), WorldNote(True, 2.0)), tmp_path, Fraction(10))
    convert(source, tmp_path / "copy.json", Wanted("flythrough"))
    assert (tmp_path / "copy.json").read_bytes() == source.read_bytes()


@given(seed=st.integers(0, 2**32 - 1), fps=st.sampled_from(RATES))
def test_the_dataparser_moves_there_and_back(
    seed: int, fps: Fraction, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = np.random.default_rng(seed)
    frames = PathFrames(fps, rng.uniform(-8, 8, (3, 3)), rotation_exp(rng.normal(size=(3, 3))), np.full(3, 1.0))
    moved = Similarity(float(rng.uniform(0.1, 10)), rotation_exp(rng.normal(size=3)), rng.normal(size=3))
    file = tmp_path_factory.mktemp("moved") / "camera_path.json"
    nerfstudio, here = load_format("nerfstudio"), FrameSettings(fps, scene_from_world=moved)
    nerfstudio.write(Flight(ShotList((shot_of(frames),))), file, here)
    assert_same_frames(bake(nerfstudio.read(file, here), FrameSettings(fps)), frames)
    unmoved = bake(nerfstudio.read(file, FrameSettings(fps)), FrameSettings(fps))
    np.testing.assert_allclose(unmoved.positions_world, moved.apply(frames.positions_world), atol=1e-9)


@pytest.mark.parametrize("rate", [*RATES, Fraction(14900, 499), Fraction(120), Fraction(1, 3)])
def test_rounded_rates_are_exact_again(rate: Fraction) -> None:
    assert exact_rate(float(rate)) == rate
    assert exact_rate(float(np.float32(1 / np.float32(1 / float(rate))))) == pytest.approx(float(rate), rel=1e-6)
    with pytest.raises(ValueError, match="a frame rate from"):
        exact_rate(math.nan)


def test_frames_that_no_camera_can_have_are_refused() -> None:
    good = PathFrames(Fraction(30), np.zeros((2, 3)), np.tile(np.eye(3), (2, 1, 1)), np.ones(2))
    second = np.array([[0.0, 0, 0], [0, math.inf, 0]])
    mirrored = np.array([np.eye(3), np.diag([1.0, 1, -1])])
    for changes, wanted in (
        ({"positions_world": second}, "frame 1 cannot be: its position"),
        ({"rotations": 3 * good.rotations}, "frame 0 cannot be: its rotation"),
        ({"rotations": mirrored}, "frame 1 cannot be: its rotation must be orthonormal"),
        ({"rotations": np.full((2, 3, 3), math.nan)}, "its rotation must be"),
        ({"fovs_y_rad": np.array([1.0, math.pi])}, "frame 1 cannot be: its field of view"),
        ({"focus_distances": np.array([0.0, 1.0])}, "frame 0 cannot be: its focus"),
        ({"focus_distances": np.ones(3)}, "focus distances of shape"),
        ({"fps": Fraction(0)}, "a frame rate above 0"),
        ({"positions_world": np.zeros((0, 3))}, "1 to 200,000 frames"),
    ):
        with pytest.raises(ValueError, match=wanted):
            replace(good, **changes)


def test_films_without_end_are_refused(tmp_path: Path) -> None:
    endless = Flight(ShotList.of(replace(first_key_only(still()), duration_s=1e12)))
    for name in FOREIGN:
        with pytest.raises(SettingsError, match="at most 200,000 frames"):
            written(name, endless, tmp_path, Fraction(30))
        assert list((tmp_path / "out").iterdir()) == []


def test_paths_to_where_no_camera_can_be_are_refused(tmp_path: Path) -> None:
    far = still(
        keyframes=(Keyframe((0, 0, 0), level_quaternion(), 1.0), Keyframe((1e12, 0, 0), level_quaternion(), 1.0))
    )
    inside = first_key_only(still(), time_s=None)
    for path, message in (
        (far, "cannot be flown: "),
        (replace(inside, look_at_world=(0.0, 0.0, 0.0)), "cannot be flown: look_rotation needs a forward"),
    ):
        for name in FOREIGN:
            with pytest.raises(InputError, match=message):
                written(name, Flight(ShotList.of(path)), tmp_path, Fraction(2))
            assert list((tmp_path / "out").iterdir()) == []


def test_what_is_wanted_is_checked(tmp_path: Path) -> None:
    source, _ = written("csv", plain_flight(), tmp_path, Fraction(1))
    with pytest.raises(SettingsError, match=r"ends in \.glb or \.gltf, but the output is path\.json"):
        convert(source, tmp_path / "path.json", Wanted("gltf"))
    moved = Similarity(2.0, np.eye(3), np.zeros(3))
    with pytest.raises(SettingsError, match="--dataparser is for nerfstudio"):
        convert(source, tmp_path / "path.glb", Wanted("gltf", scene_from_world=moved))
    with pytest.raises(SettingsError, match="--fps should be above 0"):
        Wanted("csv", fps=Fraction(0))
    with pytest.raises(SettingsError, match="--size should be from 1"):
        Wanted("csv", size=(0, 10))
    with pytest.raises(InputError, match="should be a timeline of LichtFeld"):
        convert(source, tmp_path / "path.glb", Wanted("gltf", given="lichtfeld"))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_lichtfelds_limits_are_kept(tmp_path: Path) -> None:
    long = Flight(ShotList.of(replace(first_key_only(still()), duration_s=110_000.0)))
    with pytest.raises(SettingsError, match="LichtFeld Studio reads at most 100,000 keys"):
        written("lichtfeld", long, tmp_path, Fraction(1))


def test_a_model_of_colmap_that_is_not_ours_is_never_overwritten(tmp_path: Path) -> None:
    file, _ = written("colmap", plain_flight(), tmp_path, Fraction(1))
    colmap, here = load_format("colmap"), FrameSettings(Fraction(1))
    colmap.write(plain_flight(), file, here)  # ours may be
    with pytest.raises(SettingsError, match=r"must be in a file named images\.txt"):
        colmap.write(plain_flight(), file.with_name("other.txt"), here)
    for name in ("cameras.txt", "images.txt"):
        kept = file.with_name(name).read_bytes()
        file.with_name(name).write_text("# Image list of somebody\n", encoding="utf-8")
        with pytest.raises(SettingsError, match="another COLMAP model is there"):
            colmap.write(plain_flight(), file, here)
        assert file.with_name(name).read_text(encoding="utf-8") == "# Image list of somebody\n"
        file.with_name(name).write_bytes(kept)
    file.with_name("points3D.txt").write_text("1 0 0 0 1 2 3 0.5\n", encoding="utf-8")
    colmap.write(plain_flight(), file, here)
    assert file.with_name("points3D.txt").read_text(encoding="utf-8") == "1 0 0 0 1 2 3 0.5\n"
