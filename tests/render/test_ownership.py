"""flythrough refuses to run in an environment where another distribution owns one of its packages."""

from pathlib import Path

import pytest

from cameras.errors import InstallationError
from render import ownership


def install(folder: Path, name: str, files: list[str]) -> None:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files), encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    return tmp_path


def test_our_own_installation_passes(site: Path) -> None:
    install(site, "flythrough", ["cameras/__init__.py", "render/__init__.py", "scenes/__init__.py"])
    ownership.check_ownership()


def test_an_editable_installation_passes(site: Path) -> None:
    install(site, "flythrough", ["_flythrough.pth", "flythrough-1.0.dist-info/METADATA"])
    install(site, "innocent", ["innocent/render/__init__.py", "prerender/__init__.py"])
    ownership.check_ownership()


@pytest.mark.parametrize("package", ["cameras", "scenes", "render"])
def test_another_owner_is_refused_by_name(site: Path, package: str) -> None:
    install(site, "stranger", ["stranger/__init__.py", f"{package}/__init__.py"])
    with pytest.raises(InstallationError, match=f"'{package}' to itself, but 'stranger' is installed"):
        ownership.check_ownership()


def test_this_environment_passes() -> None:
    ownership.check_ownership()
