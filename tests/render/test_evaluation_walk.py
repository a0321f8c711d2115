"""A walk's truth in the capture's world: depth beside it, what the photos saw, and solved poses joined by true ones."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cameras.errors import InputError
from cameras.rotations import nearest_rotation
from cameras.similarity import Similarity
from render.evaluation import choose_split, evaluate
from render.evaluation_mesh import TriangleMesh
from render.evaluation_walk import DEPTH_FILE, Walk, placed, read_walk, true_frames, world_from_walk
from scenes.captures.capture import Capture
from scenes.captures.levelled import moved
from scenes.captures.nerfstudio import read_nerfstudio
from scenes.captures.pixels import load_photos
from scenes.splats.settings import FitSettings

SHORT = FitSettings.for_iterations(24, max_gaussians=400, seed_gaussians=300)
FACES = [[0, 1, 3], [0, 3, 2], [4, 7, 5], [4, 6, 7], [0, 5, 1], [0, 4, 5]]
FACES += [[2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 7, 3], [1, 5, 7]]


def _cube() -> TriangleMesh:
    """The walls of the tiny room: a cube of side 4."""
    corners = np.array([[x, y, z] for x in (-2.0, 2) for y in (-2.0, 2) for z in (-2.0, 2)])
    return TriangleMesh(corners, np.array(FACES))


def _similarity() -> Similarity:
    turn = nearest_rotation(np.random.default_rng(4).standard_normal((3, 3)))
    return Similarity(0.37, turn, np.array([3.0, -1, 2]))


def _solved(capture: Capture, to: Similarity) -> Capture:
    """The capture as structure from motion might have left it: in another world."""
    turned = placed(capture, to)
    points = replace(capture.points, positions_world=to.apply(capture.points.positions_world))
    return replace(turned, points=points)


def test_true_cameras_join_a_solved_capture_to_the_walk(tiny_room: Path) -> None:
    true = read_nerfstudio(tiny_room)
    solved = _solved(true, _similarity())
    found = world_from_walk(Walk(true, true_cameras=true), solved)
    assert found.scale == pytest.approx(0.37)
    np.testing.assert_allclose(found.rotation, _similarity().rotation, atol=1e-9)
    np.testing.assert_allclose(found.translation, _similarity().translation, atol=1e-9)


def test_truth_follows_the_walk_into_the_captures_world(tiny_room: Path) -> None:
    true = read_nerfstudio(tiny_room)
    to_world = _similarity()
    walk = Walk(true, mesh=_cube(), true_cameras=true)
    photos, moved_photos = load_photos(true), load_photos(placed(true, to_world))
    here = true_frames(walk, photos, photos[:3], Similarity(1.0, np.eye(3), np.zeros(3)))
    there = true_frames(walk, moved_photos, moved_photos[:3], to_world)
    assert len(here) == len(there) == 14
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(b.depth_z, 0.37 * a.depth_z, rtol=1e-5)
        assert np.mean(a.seen != b.seen) < 0.01
        assert a.depth_z.min() > 1
    # Three neighbouring photos see all that the middle one sees, and nothing of what lies behind them.
    assert here[1].seen.all()
    assert not here[8].seen.any()


def test_a_surface_that_another_hides_is_not_seen(tiny_room: Path) -> None:
    true = read_nerfstudio(tiny_room)
    photos = load_photos(true)
    cube = _cube()
    identity = Similarity(1.0, np.eye(3), np.zeros(3))
    wall = 1.2 * np.array([[1.0, -1, -1], [1, 1, -1], [1, 1, 1], [1, -1, 1]])
    hiding = TriangleMesh(
        np.concatenate([cube.vertices_world, wall]), np.concatenate([cube.faces, [[8, 9, 10], [8, 10, 11]]])
    )
    depth_z = {image.name: frame.depth_z for image, frame in zip(
        true.images, true_frames(Walk(true, mesh=cube), photos, photos, identity), strict=True)}  # fmt: skip
    open_view = true_frames(Walk(true, depth_z, cube), photos[:1], photos[:1], identity)[0]
    hidden_view = true_frames(Walk(true, depth_z, hiding), photos[:1], photos[:1], identity)[0]
    assert open_view.seen.all()
    assert hidden_view.seen.mean() < 0.4


def test_an_evaluation_measures_the_geometry_of_exact_and_of_solved_poses(tiny_room: Path) -> None:
    true = read_nerfstudio(tiny_room)
    split = choose_split(true, 7)
    exact = evaluate(true, split, SHORT, walk=Walk(true, mesh=_cube())).as_json()
    assert {"floaters", "holes", "depth_within_3_percent", "psnr_quarter"} <= exact.keys()
    assert len(exact["geometry_per_frame"]) == 14  # type: ignore[arg-type]
    to_world = Similarity(1.0, _similarity().rotation, np.zeros(3))
    solved = _solved(true, to_world)
    joined = evaluate(solved, split, SHORT, walk=Walk(true, mesh=_cube(), true_cameras=true)).as_json()
    # The same fit in other axes: not the same bytes, but the same quality.
    assert joined["walk_psnr"] == pytest.approx(exact["walk_psnr"], abs=3.0)
    assert joined["depth_within_3_percent"] == pytest.approx(exact["depth_within_3_percent"], abs=0.25)


def test_without_truth_there_are_no_geometry_figures(tiny_room: Path) -> None:
    true = read_nerfstudio(tiny_room)
    found = evaluate(true, choose_split(true, 7), SHORT, walk=Walk(true)).as_json()
    assert "walk_psnr" in found
    assert not {"floaters", "holes", "depth_within_3_percent"} & found.keys()


def test_true_cameras_of_other_photos_are_refused(tiny_room: Path) -> None:
    true = read_nerfstudio(tiny_room)
    renamed = replace(true, images=tuple(replace(image, name=f"other {image.name}") for image in true.images))
    with pytest.raises(InputError, match=r"but have 0 of their names; check --true-cameras"):
        world_from_walk(Walk(true, true_cameras=renamed), true)


@pytest.fixture
def walk_folder(tiny_room: Path, tmp_path: Path) -> Path:
    """A copy of the tiny room that a test may write into."""
    return Path(shutil.copytree(tiny_room, tmp_path / "walk"))


def test_depth_beside_a_walk_is_read(walk_folder: Path) -> None:
    depth_z = np.random.default_rng(0).uniform(1, 3, (14, 24, 32)).astype(np.float16)
    np.savez(walk_folder / DEPTH_FILE, depth_z=depth_z)
    walk = read_walk(walk_folder / "transforms.json")
    np.testing.assert_array_equal(walk.depth_z[walk.frames.images[3].name], depth_z[3].astype(np.float32))
    photos = load_photos(walk.frames)
    frames = true_frames(walk, photos, photos, world_from_walk(walk, walk.frames))
    assert [frame.step for frame in frames] == [2] * 14


def test_depth_images_of_a_walk_are_truth(walk_folder: Path) -> None:
    Image.fromarray(np.full((48, 64), 1500, np.uint16)).save(walk_folder / "depth.png")
    content = json.loads((walk_folder / "transforms.json").read_text())
    content["frames"][2]["depth_file_path"] = "depth.png"
    (walk_folder / "transforms.json").write_text(json.dumps(content))
    walk = read_walk(walk_folder / "transforms.json")
    photos = load_photos(walk.frames)
    frames = true_frames(walk, photos, photos, world_from_walk(walk, walk.frames))
    assert [frame.name for frame in frames] == [walk.frames.images[2].name]
    np.testing.assert_allclose(frames[0].depth_z, 1.5, rtol=1e-6)


def test_a_walk_is_also_read_from_its_folder(walk_folder: Path) -> None:
    names = [image.name for image in read_walk(walk_folder / "transforms.json").frames.images]
    assert [image.name for image in read_walk(walk_folder).frames.images] == names
    content = json.loads((walk_folder / "transforms.json").read_text())
    (walk_folder / "walk.json").write_text(json.dumps({**content, "frames": content["frames"][:3]}))
    np.savez(walk_folder / DEPTH_FILE, depth_z=np.ones((3, 24, 32)))
    found = read_walk(walk_folder)
    assert [image.name for image in found.frames.images] == names[:3]
    assert found.depth_z.keys() == set(names[:3])


def test_a_folder_without_a_walk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it holds no walk.json or transforms.json; check --walk"):
        read_walk(tmp_path)


@pytest.mark.parametrize(
    ("depth_z", "message"),
    [
        (np.ones((3, 24, 32)), "should hold finite depths"),
        (np.full((14, 24, 32), np.nan), "should hold finite depths"),
        (np.ones((14, 25, 32)), "not every n-th pixel of a frame of 64x48"),
    ],
)
def test_depth_that_does_not_fit_the_walk_is_refused(walk_folder: Path, depth_z: np.ndarray, message: str) -> None:
    np.savez(walk_folder / DEPTH_FILE, depth_z=depth_z)
    with pytest.raises(InputError, match=message):
        read_walk(walk_folder / "transforms.json")


def test_depth_that_cannot_be_read_or_of_a_bent_lens_is_refused(walk_folder: Path) -> None:
    (walk_folder / DEPTH_FILE).write_bytes(b"PK not an archive")
    with pytest.raises(InputError, match=r"was expected in .* but it cannot be read"):
        read_walk(walk_folder / "transforms.json")
    np.savez(walk_folder / DEPTH_FILE, depth_z=np.ones((14, 24, 32)))
    content = json.loads((walk_folder / "transforms.json").read_text())
    (walk_folder / "transforms.json").write_text(json.dumps({**content, "k1": 0.02}))
    with pytest.raises(InputError, match="whose lens is distorted"):
        read_walk(walk_folder / "transforms.json")


def test_a_levelled_capture_is_found_in_the_files_axes(tiny_room: Path) -> None:
    true = read_nerfstudio(tiny_room)
    from cameras.rigid import Rigid
    from scenes.captures.levelled import LEVELLED_FROM_FILE

    turn = Rigid(_similarity().rotation, np.zeros(3))
    turned = moved(true, turn)
    facts = {LEVELLED_FROM_FILE: turn.matrix().tolist()}
    turned = replace(turned, world=replace(turned.world, up_known=True, provenance=facts))
    found = world_from_walk(Walk(true), turned)
    np.testing.assert_allclose(found.rotation, turn.rotation, atol=1e-12)
    assert found.scale == 1
