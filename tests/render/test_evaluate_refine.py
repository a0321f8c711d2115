"""``flythrough evaluate --refine``: the keys that are promised, the controls, and errors before the work."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cameras.errors import FlythroughError, SettingsError
from render.cli import cli
from render.commands.evaluate import print_table
from render.evaluation import choose_split
from render.evaluation_run import EvaluationRequest
from render.refine.base import RefineChoice
from render.refine.choice import check_choice, resolved
from render.refine.preparation import PreparationSettings, settings_for
from scenes.captures.nerfstudio import read_nerfstudio

SHORT = ["--iterations", "24", "--max-gaussians", "400", "--hold-out", "7"]
KEYS = {"refined_psnr", "refined_ssim", "refined_flip", "share_frames_worse", "warp_error_ratio", "sharpness_ratio"}
KEYS |= {"warp_excess_ratio", "seconds_per_frame", "adapt_seconds", "controls"}


def evaluated(room: Path, *options: str) -> dict[str, object]:
    result = CliRunner().invoke(cli, ["evaluate", str(room), *SHORT, "--json", *options], catch_exceptions=False)
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.fixture
def quick_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short fits of the folds, and nothing taught."""
    quick = PreparationSettings(folds=2, photo_passes=8.0, max_gaussians=400, steps=0, distill=None)
    monkeypatch.setattr("render.evaluation_refine.settings_for", lambda choice: quick)


@pytest.mark.usefixtures("quick_preparation")
def test_identity_is_the_render_and_all_keys_are_there(
    tiny_room: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = tmp_path / "pictures"
    found = evaluated(tiny_room, "--refine", "identity", "--no-controls", "--pictures", str(pictures))
    assert found.keys() >= KEYS
    for name in ("psnr", "ssim", "flip"):
        assert found[f"refined_{name}"] == pytest.approx(found[name], abs=1e-6)
    assert found["share_frames_worse"] == 0
    assert found["warp_error_ratio"] == pytest.approx(1.0)
    assert found["sharpness_ratio"] == found["sharpness_ratio_render"]
    assert found["controls"] == {}
    assert (pictures / "refined_worst_to_best.png").is_file()
    print_table(found)
    said = capsys.readouterr().out
    assert "Refined" in said
    assert "0% of the photos got worse" in said
    assert "Warp error 1.000" in said


@pytest.mark.usefixtures("quick_preparation")
def test_warp_has_both_controls(tiny_room: Path) -> None:
    found = evaluated(tiny_room, "--refine", "warp", "--refine-minutes", "0", "--train-every", "2")
    assert found["n_train"] == 6
    controls = found["controls"]
    assert isinstance(controls, dict)
    assert controls["warp"]["psnr"] == pytest.approx(found["refined_psnr"], abs=1e-6)
    assert controls["longer_fit"]["psnr"] > 0


def test_without_refining_nothing_is_added(tiny_room: Path) -> None:
    assert not any(key.startswith("refine") for key in evaluated(tiny_room))


def test_thinned_photos_are_scored_on_the_same(tiny_room: Path) -> None:
    capture = read_nerfstudio(tiny_room / "transforms.json")
    all_of_them, third = choose_split(capture, 7), choose_split(capture, 7, 3)
    assert third.test == all_of_them.test
    assert third.train == all_of_them.train[::3]
    with pytest.raises(SettingsError, match="--train-every must be 1 or more"):
        choose_split(capture, 7, 0)
    with pytest.raises(SettingsError, match="at least 2 photos to fit"):
        choose_split(capture, 7, 100)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (RefineChoice("nothing"), "--refine should be one of auto, off, identity"),
        (RefineChoice("diffusers"), "needs a model; name its folder"),
        (RefineChoice("embedded", model="x"), "takes no model"),
        (RefineChoice("warp", minutes=-1), "--refine-minutes should be from 0"),
        (RefineChoice("warp", minutes=float("nan")), "--refine-minutes should be from 0"),
        (RefineChoice("embedded", steps=0), "--refine-steps should be from 1"),
        (RefineChoice("diffusers", model="x", strength=0.0), "--refine-strength should be above 0"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(choice: RefineChoice, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=message):
        check_choice(choice)


def test_requests_are_checked_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(FlythroughError, match="--refine should be one of"):
        EvaluationRequest(tmp_path, refine="nobody").check()
    with pytest.raises(FlythroughError, match="--train-every must be 1 or more"):
        EvaluationRequest(tmp_path, train_every=0).check()


def test_auto_refines_from_standard_on_and_minutes_are_steps() -> None:
    assert resolved(RefineChoice("auto"), "draft").name == "off"
    assert resolved(RefineChoice("auto"), "standard").name == resolved(RefineChoice("auto"), "high").name == "embedded"
    assert resolved(RefineChoice("warp"), "draft").name == "warp"
    assert settings_for(RefineChoice(minutes=2)).steps == 2 * settings_for(RefineChoice(minutes=1)).steps > 0
