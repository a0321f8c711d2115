"""The house keeps its rules: imports go one way, files stay short, nothing shadows the packages."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {"pyproject.toml", "scenes", "cameras", "render", "tests", "examples", "README.md"}
MAX_LINES = 400


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:  # an archive of the tree has no history
        return [p.relative_to(ROOT) for p in ROOT.rglob("*") if p.is_file() and ".venv" not in p.parts]
    return [Path(line) for line in listed.stdout.splitlines()]


def test_imports_go_one_way() -> None:
    lint = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_the_top_level_is_fixed() -> None:
    tops = {path.parts[0] for path in tracked_files()}
    visible = {name for name in tops if not name.startswith(".")}
    made_by_users = {"room.mp4", "room.jpg", "room.flythrough"}
    assert visible - made_by_users <= TOP_LEVEL


@pytest.mark.parametrize("package", ["cameras", "scenes", "render", "tests", "examples"])
def test_files_stay_short(package: str) -> None:
    sizes = {p: (ROOT / p).read_text(encoding="utf-8").count("\n") for p in tracked_files() if p.suffix == ".py"}
    long = {str(p): n for p, n in sizes.items() if p.parts[0] == package and n > MAX_LINES}
    assert not long


def test_nothing_in_tests_or_examples_shadows_a_package() -> None:
    packages = {"cameras", "scenes", "render"}
    for path in tracked_files():
        if path.parts[0] == "tests":
            assert path.name != "__init__.py", f"{path} would shadow a package"
        if path.parts[0] == "examples" and path.suffix == ".py":
            assert path.stem not in packages


def test_the_wheel_holds_exactly_the_three_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["cameras", "scenes", "render"]
    for package in ("cameras", "scenes", "render"):
        assert (ROOT / package / "__init__.py").is_file()
        assert (ROOT / package / "py.typed").is_file()
