"""``flythrough plan --shots`` and tours written as shot lists."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from cameras.formats.flythrough_json import read_path_and_world
from cameras.rotations import angle_rad

from .test_plan_command import mesh_file, run, splat_walls

__all__ = ["mesh_file"]
pytest.importorskip("trimesh")

SHOTS = """
places: {middle: [2.5, 2.0, 1.2]}
shots:
  - {name: in, kind: push-in, from: [1.0, 2.0, 1.4], subject: middle, distance: 0.5, seconds: 5}
  - {name: aside, kind: truck, join: continue, distance: 0.4, seconds: 4}
  - {name: away, kind: hold, from: [1.0, 1.0, 1.4], heading: 90, seconds: 2, lens: 35}
"""


@pytest.fixture
def shots_file(tmp_path: Path) -> Path:
    file = tmp_path / "shots.yaml"
    file.write_text(SHOTS)
    return file


@pytest.fixture(scope="module")
def splats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty room of splats."""
    file = tmp_path_factory.mktemp("splats") / "room.ply"
    splat_walls().save(file)
    return file


def test_shots_are_flown_as_written(splats: Path, shots_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "path.json"
    assert run("plan", splats, "--shots", shots_file, "-o", path, "--progress", "plain") == 0
    film, world = read_path_and_world(path)
    assert world.metres_per_unit == 1.0
    assert [shot.name for shot in film.shots] == ["in", "aside", "away"]
    assert [shot.is_continued for shot in film.shots] == [False, True, False]
    push = film.shots[0].path
    np.testing.assert_allclose(push.positions_world(0.0), [1.0, 2.0, 1.4], atol=1e-9)
    assert push.length == pytest.approx(0.5)
    # 35 mm on a film of 16 to 9, which uses 20.25 mm of the sensor's height
    assert np.degrees(film.shots[2].path.fovs_y_rad(0.0)) == pytest.approx(np.degrees(2 * np.arctan(20.25 / 2 / 35)))
    assert film.note["smallest_clearance_m"] == pytest.approx(0.9, abs=0.15)


def test_a_shot_that_breaks_a_limit_is_flown_and_told(
    splats: Path, shots_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shots_file.write_text(SHOTS.replace("distance: 0.4", "distance: 3.4"))
    assert run("plan", splats, "--shots", shots_file, "-o", tmp_path / "p.json", "--progress", "plain") == 0
    err = capsys.readouterr().err
    assert "The shot 'aside' breaks a limit" in err
    assert "clearance is 0 m, but should be at least 0.2" in err
    assert "preflight" in err


def test_a_tour_written_as_shots_is_the_same_tour(mesh_file: Path, tmp_path: Path) -> None:
    listed, direct, again = tmp_path / "tour.yaml", tmp_path / "direct.json", tmp_path / "again.json"
    options = ("--seconds", "6", "--progress", "plain")
    assert run("plan", mesh_file, "-o", direct, *options) == 0
    assert run("plan", mesh_file, "-o", listed, *options) == 0
    assert run("plan", mesh_file, "--shots", listed, "-o", again, "--progress", "plain") == 0
    tour, world = read_path_and_world(direct)
    flown, same_world = read_path_and_world(again)
    assert world == same_world
    time = np.linspace(0, 6, 100)
    a, b = tour.shots[0].path, flown.shots[0].path
    np.testing.assert_allclose(a.positions_world(time), b.positions_world(time), atol=2e-4)
    assert angle_rad(a.rotations(time), b.rotations(time)).max() < 2e-3
    np.testing.assert_allclose(a.fovs_y_rad(time), b.fovs_y_rad(time), rtol=1e-9)


def test_a_tour_can_be_edited(mesh_file: Path, tmp_path: Path) -> None:
    """One more shot, another length: what a person does with the list."""
    listed, edited = tmp_path / "tour.yaml", tmp_path / "edited.json"
    assert run("plan", mesh_file, "-o", listed, "--seconds", "6", "--progress", "plain") == 0
    content = yaml.safe_load(listed.read_text())
    content["shots"][0]["name"] = "first"
    content["shots"].append({"name": "end", "kind": "hold", "join": "continue", "seconds": 1.5})
    listed.write_text(yaml.safe_dump(content))
    assert run("plan", mesh_file, "--shots", listed, "-o", edited, "--progress", "plain") == 0
    film, _ = read_path_and_world(edited)
    assert [(shot.name, shot.path.duration_s) for shot in film.shots] == [("first", 6.0), ("end", 1.5)]
    still = film.shots[1].path.positions_world(np.array([0.0, 1.5]))
    np.testing.assert_allclose(still, film.shots[0].path.positions_world([6.0, 6.0]), atol=1e-9)


def test_the_shots_of_the_example_keep_every_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    room = Path(__file__).parents[2] / "examples" / "room"
    options = ("--shots", room / "shots.yaml", "-o", tmp_path / "p.json", "--progress", "plain")
    assert run("plan", room / "room.ply", *options) == 0
    assert "Warning" not in capsys.readouterr().err
    film, _ = read_path_and_world(tmp_path / "p.json")
    assert film.note["broken_limits"] == []
    assert film.duration_s == 20.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--tour",), "--tour of a tour was given too"),
        (("--seconds", "5"), "--seconds of a tour"),
        (("--visit", "a=1,2,3"), "--visit of a tour"),
        (("--stay-away", "0.5m"), "--stay-away of a tour"),
    ],
)
def test_options_of_tours_do_not_go_with_shots(
    mesh_file: Path, shots_file: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    assert run("plan", mesh_file, "--shots", shots_file, "-o", shots_file.with_name("p.json"), *options) == 2
    assert words in capsys.readouterr().err


def test_bad_shot_files_leave_nothing_behind(
    mesh_file: Path, shots_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "p.json"
    assert run("plan", mesh_file, "--shots", tmp_path / "none.yaml", "-o", output) == 2
    assert "nothing is there" in capsys.readouterr().err
    shots_file.write_text(SHOTS.replace("kind: truck", "kind: trock"))
    assert run("plan", mesh_file, "--shots", shots_file, "-o", output) == 2
    err = capsys.readouterr().err
    assert "line 5" in err
    assert "is truck meant?" in err
    assert run("plan", mesh_file, "--shots", shots_file, "-o", shots_file) == 2
    assert "is the input itself" in capsys.readouterr().err
    assert run("plan", mesh_file, "-o", tmp_path / "p.txt") == 2
    assert ".yaml for a list of shots" in capsys.readouterr().err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["shots.yaml"]
