"""Licences of weights: what model cards and licence files say, the stricter one; nothing is guessed."""

import json
from itertools import permutations
from pathlib import Path

import pytest

from cameras.errors import SettingsError
from render.refine.base import Licence
from render.refine.licences import check_commercial, licence_line, licence_of


@pytest.fixture(autouse=True)
def empty_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network, and nothing fetched before."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def model(folder: Path, card: str | None = None, licence: str | None = None, origin: str | None = None) -> str:
    folder.mkdir(exist_ok=True)
    if card is not None:
        (folder / "README.md").write_text(f"---\n{card}\n---\n# A model\n", encoding="utf-8")
    if licence is not None:
        (folder / "LICENSE").write_text(licence, encoding="utf-8")
    if origin is not None:
        (folder / "model_index.json").write_text(json.dumps({"_name_or_path": origin}), encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("card", "name", "commercial"),
    [
        ("license: apache-2.0", "apache-2.0", True),
        ("license: mit", "mit", True),
        ("license: creativeml-openrail-m", "creativeml-openrail-m", True),
        ("license: openrail++", "openrail++", True),
        ("license: cc-by-4.0", "cc-by-4.0", True),
        ("license: cc-by-nc-4.0", "cc-by-nc-4.0", False),
        ("license: cc-by-nc-sa-4.0", "cc-by-nc-sa-4.0", False),
        ("license: [apache-2.0]", "apache-2.0", True),
        ("license: other\nlicense_name: sai-nc-community", "sai-nc-community", False),
        ("license: other\nlicense_name: nvidia-license", "nvidia-license", False),
        ("license: other\nlicense_name: stable-video-diffusion-community", "stable-video-diffusion-community", None),
        ("license: other\nlicense_name: my-non-commercial-licence", "my-non-commercial-licence", False),
        ("license: other\nlicense_name: house-rules-1", "house-rules-1", None),
        ("license: other", "other", None),
        ("tags: [rooms]", "unknown", None),
        ("license: [", "unknown", None),
    ],
)
def test_the_model_card_is_read(tmp_path: Path, card: str, name: str, commercial: bool | None) -> None:
    assert licence_of(model(tmp_path / "model", card)) == Licence(name, commercial)


@pytest.mark.parametrize(
    ("text", "name", "commercial"),
    [
        ("                     Apache License\n               Version 2.0, January 2004", "apache-2.0", True),
        ("MIT License\n\nCopyright", "mit", True),
        ("CreativeML Open RAIL-M\ndated August 22, 2022", "creativeml-openrail-m", True),
        ("CreativeML Open RAIL++-M License\ndated July 26, 2023", "openrail++", True),
        ("STABILITY AI COMMUNITY LICENSE AGREEMENT", "stabilityai-ai-community", None),
        ("STABILITY AI NON-COMMERCIAL RESEARCH COMMUNITY LICENSE AGREEMENT", "non-commercial", False),
        ("Creative Commons Attribution-NonCommercial 4.0 International", "non-commercial", False),
        ("NVIDIA License\n\n1. Definitions", "nvidia-license", False),
        ("Do as you like.", "unknown", None),
    ],
)
def test_a_licence_file_is_read_without_a_card(tmp_path: Path, text: str, name: str, commercial: bool | None) -> None:
    assert licence_of(model(tmp_path / "model", licence=text)) == Licence(name, commercial)


def test_the_stricter_of_card_and_file_counts(tmp_path: Path) -> None:
    said = [("apache-2.0", "Apache License"), ("stabilityai-ai-community", "STABILITY AI COMMUNITY LICENSE AGREEMENT")]
    said.append(("nvidia-license", "NVIDIA License"))
    strictness = [name for name, _ in said]
    for number, ((card, _), (name, text)) in enumerate(permutations(said, 2)):
        found = licence_of(model(tmp_path / str(number), f"license: {card}", text))
        assert found.name == max(card, name, key=strictness.index)


def test_where_it_came_from_counts_too(tmp_path: Path) -> None:
    assert licence_of(model(tmp_path / "a", origin="stabilityai/sd-turbo")) == Licence("sai-nc-community", False)
    assert licence_of(model(tmp_path / "b", "license: mit", origin="stabilityai/sd-turbo")).commercial is False
    assert licence_of(model(tmp_path / "c", origin="somebody/something")) == Licence("unknown", None)
    assert licence_of("nvidia/difix") == Licence("nvidia-license", False)
    assert licence_of("somebody/something") == Licence("unknown", None)


def test_damaged_files_say_nothing(tmp_path: Path) -> None:
    folder = Path(model(tmp_path / "model"))
    (folder / "README.md").write_bytes(b"---\n\xff\xfe: [\n---")
    (folder / "model_index.json").write_text("{", encoding="utf-8")
    assert licence_of(str(folder)) == Licence("unknown", None)


def test_commercial_use_must_be_known_to_be_allowed() -> None:
    check_commercial("m", Licence("mit", True), wanted=True)
    for commercial in (True, False, None):
        check_commercial("m", Licence("any", commercial), wanted=False)
    with pytest.raises(
        SettingsError, match=r"licence of m \(sai-nc-community\) forbids commercial use; .*--commercial"
    ):
        check_commercial("m", Licence("sai-nc-community", False), wanted=True)
    with pytest.raises(SettingsError, match=r"licence of m \(unknown\) is not known to allow"):
        check_commercial("m", Licence("unknown", None), wanted=True)
    with pytest.raises(SettingsError, match="not known to allow commercial use: commercial use only below a yearly"):
        check_commercial("m", Licence("stabilityai-ai-community", None), wanted=True)


def test_one_line_for_a_person_before_use() -> None:
    assert licence_line("m", Licence("mit", True)) == "m: licence mit, commercial use allowed."
    assert "forbidden are kept out" in licence_line("m", Licence("openrail++", True))
    assert licence_line("m", Licence("cc-by-nc-4.0", False)) == "m: licence cc-by-nc-4.0, no commercial use."
    assert "below a yearly revenue" in licence_line("m", Licence("stable-video-diffusion-community", None))
    assert "is not known" in licence_line("m", Licence("unknown", None))
