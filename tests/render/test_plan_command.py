"""``flythrough plan`` and ``render`` on what has no photos: a mesh, and a splat file."""

from pathlib import Path

import numpy as np
import pytest

from cameras.errors import InputError, SettingsError
from cameras.formats.flythrough_json import read_path_and_world
from render import cli
from scenes.freespace import ScaleWish, survey
from scenes.freespace_mesh import free_space_of_mesh
from scenes.meshes.mesh import checked_mesh
from scenes.meshes.rooms import one_room
from scenes.meshes.scene import MeshScene
from scenes.scene import World
from scenes.splats.gaussians import Gaussians
from scenes.splats.scene import SplatScene

pytest.importorskip("trimesh")
SIZE = np.array([5.0, 4.0, 2.6])


def run(*arguments: str | Path) -> int:
    return cli.main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def mesh_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    vertices, faces = one_room(seed=4)
    mesh = checked_mesh(Path("room"), vertices, faces, np.full((len(faces), 3), 180, np.uint8))
    file = tmp_path_factory.mktemp("mesh") / "room.data"  # the ending says nothing
    MeshScene(mesh, World(*mesh.bounds, up_known=True, metres_per_unit=1.0)).save(file)
    return file


def splat_walls(up_known: bool = True) -> SplatScene:
    """Opaque discs all over the walls of a room of 5 x 4 x 2.6 m."""
    places, scales = [], []
    for axis in range(3):
        others = [k for k in range(3) if k != axis]
        grid = np.stack(np.meshgrid(*[np.arange(0.05, SIZE[k], 0.1) for k in others]), -1).reshape(-1, 2)
        for end in (0.0, SIZE[axis]):
            wall = np.full((len(grid), 3), end)
            wall[:, others] = grid
            flat = np.full((len(grid), 3), 0.08)
            flat[:, axis] = 0.01
            places.append(wall)
            scales.append(flat)
    means = np.concatenate(places).astype(np.float32)
    n = len(means)
    gaussians = Gaussians(
        means=means,
        quaternions_wxyz=np.tile(np.array([1, 0, 0, 0], np.float32), (n, 1)),
        log_scales=np.log(np.concatenate(scales)).astype(np.float32),
        logit_opacities=np.full(n, 5.0, np.float32),
        sh=np.zeros((n, 3, 16), np.float32),
    )
    return SplatScene(gaussians, World(np.zeros(3), SIZE, up_known=up_known, metres_per_unit=1.0))


def test_a_mesh_is_toured_and_one_shot_of_it_filmed(mesh_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "path.json"
    assert run("plan", mesh_file, "-o", path, "--seconds", "4", "--progress", "plain") == 0
    shots, world = read_path_and_world(path)
    assert shots.duration_s == 4.0
    assert world.up_known
    assert world.metres_per_unit == 1.0
    vertices, faces = one_room(seed=4)
    space = free_space_of_mesh(vertices, faces)
    assert float(space.clearance(shots.shots[0].path.positions_world(np.linspace(0, 4, 400))).min()) >= 0.2
    film = tmp_path / "film.mp4"
    options = ("--size", "96x64", "--fps", "4", "--progress", "plain")
    assert run("render", mesh_file, "--path", path, "--shot", "tour", "-o", film, *options) == 0
    assert film.stat().st_size > 0
    assert run("render", mesh_file, "--path", path, "--shot", "7", "-o", tmp_path / "b.mp4", *options) == 2


def test_a_splat_file_without_photos_is_looked_into_and_toured_inside(tmp_path: Path) -> None:
    file = tmp_path / "room.ply"
    splat_walls().save(file)
    surveyed = survey(file)
    assert surveyed.space.is_interior
    assert not surveyed.scale_is_assumed
    inside = np.random.default_rng(0).uniform(0.4, SIZE - 0.4, (500, 3))
    wall = np.minimum(inside, SIZE - inside).min(axis=1)
    found = surveyed.space.clearance(inside)
    assert (found <= wall + 0.1).all()
    assert np.mean(found >= wall - 0.15) > 0.95
    path = tmp_path / "path.json"
    assert run("plan", file, "-o", path, "--seconds", "4", "--progress", "plain") == 0
    places = read_path_and_world(path)[0].shots[0].path.positions_world(np.linspace(0, 4, 200))
    assert (np.minimum(places, SIZE - places) > 0.2).all()


def test_what_needs_photos_or_an_up_is_said(mesh_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "room.ply"
    splat_walls(up_known=False).save(file)
    with pytest.raises(SettingsError, match="does not say; give --up"):
        survey(file)
    for scene in (file, mesh_file):
        with pytest.raises(SettingsError, match="need"):
            survey(scene, ScaleWish(camera_height_m=1.5))
    turned = survey(file, up_axis="+z")
    assert np.allclose(turned.space_from_world.rotation, np.eye(3))


def test_a_splat_file_without_surfaces_is_refused(tmp_path: Path) -> None:
    scene = splat_walls()
    file = tmp_path / "thin.ply"
    thin = scene.gaussians.select(np.arange(60))
    SplatScene(thin, scene.world).save(file)
    with pytest.raises(InputError, match=r"only 60 Gaussians of .* are opaque"):
        survey(file)


def test_a_capture_alone_is_no_scene(tmp_path: Path, mesh_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    assert run("plan", tmp_path / "photos", "-o", tmp_path / "p.json") == 2
    assert "fit a scene to it first" in capsys.readouterr().err
    assert run("plan", mesh_file, "--capture", tmp_path / "photos", "-o", tmp_path / "p.json") == 2
    assert "--capture goes with a splat file" in capsys.readouterr().err
    assert not (tmp_path / "p.json").exists()
