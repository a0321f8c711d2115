"""The embedded model: untrained it is the identity, its steps follow the bridge, training goes on where it stopped."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from cameras.errors import FlythroughError, InputError, InstallationError
from render.cli import cli
from render.quality import psnr
from render.refine.base_data import Sample, Variant, read_samples, room_samples, sample_of, write_samples
from render.refine.bridge import Bridge, BridgeConfig, previous_of, render_of, restored, source_of
from render.refine.bridge_training import Training, TrainingSettings
from render.refine.embedded import WEIGHTS_FILE, EmbeddedRefiner, load_bridge, save_bridge
from render.refine.features import CHANNELS
from render.refine.train_base import BaseWish, check_rooms, score_samples, train_base

from .refine_worlds import Wall, dull, wall_pairs

SMALL = BridgeConfig(4, (8, 16), 1)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """On pictures this small a second thread waits more than it works, and far more on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def given(height: int = 21, width: int = 30) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """known, previous and noise of a view without holes."""
    rng = torch.Generator().manual_seed(0)
    known = torch.rand(1, CHANNELS, height, width, generator=rng)
    known[:, 3] = 1
    return known, torch.zeros(1, 4, height, width), torch.randn(1, 1, height, width, generator=rng)


def small_model(seed: int = 0) -> Bridge:
    torch.manual_seed(seed)
    return Bridge(SMALL)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_untrained_it_leaves_the_render_at_any_size(steps: int) -> None:
    known, previous, noise = given()
    with torch.inference_mode():
        found = restored(small_model().eval(), known, previous, noise, steps)
    torch.testing.assert_close(found, render_of(known))


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_with_the_true_velocity_any_number_of_steps_ends_at_the_photo(steps: int) -> None:
    known, previous, noise = given()
    known[:, 3] = -1  # a hole: the source is noisy there
    photo = torch.rand(1, 3, 21, 30, generator=torch.Generator().manual_seed(1))
    seen: list[torch.Tensor] = []

    class Oracle(torch.nn.Module):
        def forward(self, x: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
            sigma = float(rest[-1][0])
            torch.testing.assert_close(x, (1 - sigma) * photo + sigma * source_of(known, noise))
            seen.append(x)
            return source_of(known, noise) - photo

    found = restored(Oracle(), known, previous, noise, steps)  # type: ignore[arg-type]
    torch.testing.assert_close(found, photo)
    assert len(seen) == steps


def test_the_bridge_is_that_of_the_scheduler() -> None:
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    scheduler: Any = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=[1.0, 0.5])
    photo, source = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4)
    found = scheduler.scale_noise(photo, scheduler.timesteps[1:2], source)
    torch.testing.assert_close(found, 0.5 * photo + 0.5 * source)


def test_noise_is_seen_only_where_there_is_nothing() -> None:
    known, _, noise = given()
    torch.testing.assert_close(source_of(known, noise), render_of(known))
    known[:, 3] = -1
    assert float((source_of(known, noise) - render_of(known)).std()) == pytest.approx(0.2, rel=0.1)


def wall_samples() -> list[Sample]:
    return [sample_of(pair) for pair in wall_pairs(Wall(dull), 5)]


def trained(steps: int, parts: list[int], folder: Path | None = None) -> Training:
    """A small model after some steps, in parts; between them it goes through a file."""
    settings = TrainingSettings(steps, batch=2, crop=48, rate=3e-3, warm=5)
    training = Training(small_model(), wall_samples(), settings, 3)
    for until in parts:
        training.run(until)
        if folder is not None:
            training.save(folder, "same")
            training = Training(small_model(9), wall_samples(), settings, 3)
            training.resume(folder, "same")
    return training


def test_training_in_parts_gives_the_same_bytes(tmp_path: Path) -> None:
    whole, parts = trained(8, [8]), trained(8, [3, 5, 8], tmp_path)
    assert whole.step == parts.step == 8
    for name, value in whole.averaged().state_dict().items():
        torch.testing.assert_close(parts.averaged().state_dict()[name], value, rtol=0, atol=0)


def test_other_work_or_a_torn_file_is_not_gone_on_from(tmp_path: Path) -> None:
    training = trained(2, [2])
    training.save(tmp_path, "this")
    other = Training(small_model(), wall_samples(), TrainingSettings(2), 0)
    other.resume(tmp_path, "that")
    assert other.step == 0
    (tmp_path / "training.pt").write_bytes((tmp_path / "training.pt").read_bytes()[:500])
    other.resume(tmp_path, "this")
    assert other.step == 0


def test_it_learns_to_undo_what_is_always_the_same() -> None:
    training = trained(60, [60])
    figures = score_samples(training.averaged(), wall_samples())
    assert figures["refined_psnr"] > figures["render_psnr"] + 1.0  # type: ignore[operator]


def test_weights_come_back_in_half_precision_and_what_is_broken_is_said(tmp_path: Path) -> None:
    model, file = trained(4, [4]).averaged(), tmp_path / "weights.safetensors"
    save_bridge(model, file, {"seed": "3"})
    again, about = load_bridge(file)
    assert about["seed"] == "3"
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=1e-3, atol=1e-4)
    for content in (b"", file.read_bytes()[:300], b"{}" * 200):
        (tmp_path / "broken.safetensors").write_bytes(content)
        with pytest.raises(InstallationError, match=r"weights of the embedded refiner were expected in .*broken"):
            load_bridge(tmp_path / "broken.safetensors")
    with pytest.raises(InstallationError, match="install flythrough again"):
        load_bridge(tmp_path / "nowhere.safetensors")


def test_the_refiner_learns_in_steps_and_says_what_it_used(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    save_bridge(small_model(), file, {"seed": "0"})
    pairs = wall_pairs(Wall(dull), 4)
    refiner, twin = EmbeddedRefiner(weights=file), EmbeddedRefiner(weights=file)
    before = psnr(pairs[3].photo, refiner.refine(pairs[3].bundle, 0).rgb, data_range=1.0)
    figures = refiner.prepare(pairs[:3], 30, 1, tmp_path / "a")
    assert figures["steps"] == 30
    assert refiner.provenance["learnt"] == {"steps": 30, "photos": 3, "seed": 1}
    twin.prepare(pairs[:3], 30, 1, None)
    first, second = refiner.refine(pairs[3].bundle, 0), twin.refine(pairs[3].bundle, 0)
    np.testing.assert_array_equal(first.rgb, second.rgb)
    assert psnr(pairs[3].photo, first.rgb, data_range=1.0) > before
    assert EmbeddedRefiner(weights=file).prepare([], 30, 1, None) == {"steps": 0}


def test_the_frame_before_is_a_difference_and_only_where_it_is_valid() -> None:
    known, _, _ = given()
    valid = torch.zeros(1, 1, 21, 30)
    valid[..., :10] = 1
    found = previous_of(render_of(known) + 0.1, valid, known)
    torch.testing.assert_close(found[:, :3, :, :10], torch.full((1, 3, 21, 10), 0.4))
    assert float(found[..., 10:].abs().max()) == 0


@pytest.fixture(scope="module")
def made_room(tiny_room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like those of ``examples/make_room.py``: photos, and a walk between them."""
    folder = tmp_path_factory.mktemp("rooms") / "r7"
    shutil.copytree(tiny_room, folder)
    content = json.loads((folder / "transforms.json").read_text())
    (folder / "walk").mkdir()
    walk = {**content, "frames": content["frames"][:2]}
    walk.pop("ply_file_path")
    for frame in walk["frames"]:
        shutil.copy(folder / frame["file_path"], folder / "walk" / Path(frame["file_path"]).name)
        frame["file_path"] = Path(frame["file_path"]).name
    (folder / "walk" / "walk.json").write_text(json.dumps(walk))
    (folder / "transforms.json").rename(folder / "cameras.json")
    return folder


def test_a_room_gives_pairs_of_what_its_fits_did_not_see(made_room: Path, tmp_path: Path) -> None:
    variants = (Variant(2, 0, 20.0), Variant(-7, 1, 20.0))
    found = list(room_samples(made_room, tmp_path, variants))
    assert len(found) == (7 + 2) + (2 + 2)
    assert all(sample.features.shape == (CHANNELS, 48, 64) for sample in found)
    assert write_samples(iter(found), tmp_path / "r.npz") == len(found)
    for a, b in zip(found, read_samples(tmp_path / "r.npz"), strict=True):
        np.testing.assert_array_equal(a.features, b.features)
        np.testing.assert_array_equal(a.photo, b.photo)
    (tmp_path / "r.npz").write_bytes(b"torn")
    with pytest.raises(InputError, match="cannot be read: delete it"):
        read_samples(tmp_path / "r.npz")


def test_base_weights_are_made_in_parts_with_their_card(
    made_room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("render.refine.train_base.room_samples", partial(room_samples, variants=(Variant(2, 0, 6.0),)))
    settings = TrainingSettings(4, batch=2, crop=32)
    for name, minutes in (("parts", 0.0), ("parts", 60.0), ("whole", 60.0)):
        wish = BaseWish((made_room,), tmp_path / name, tmp_path / f"{name}.safetensors", settings, 1, minutes)
        figures = train_base(wish)
    assert figures["steps"] == figures["of"] == 4
    parts, whole = (load_bridge(tmp_path / f"{name}.safetensors")[0].state_dict() for name in ("parts", "whole"))
    assert all(torch.equal(parts[name], value) for name, value in whole.items())
    card = (tmp_path / "README.md").read_text()
    assert "seed 1" in card
    assert "Apache-2.0" in card


def test_train_base_wants_rooms(tmp_path: Path) -> None:
    with pytest.raises(FlythroughError, match="needs rooms to learn from"):
        train_base(BaseWish((), tmp_path, tmp_path / "w.safetensors"))
    with pytest.raises(InputError, match=r"no cameras\.json; make one with python"):
        check_rooms([tmp_path])
    options = ["refine", "train-base", str(tmp_path), "--work", str(tmp_path), "-o", str(tmp_path / "w.safetensors")]
    assert isinstance(CliRunner().invoke(cli, options).exception, InputError)


@pytest.mark.skipif(not WEIGHTS_FILE.is_file(), reason="the base weights are not made yet")
def test_the_weights_in_the_package_are_small_and_fit_their_card() -> None:
    import hashlib

    assert WEIGHTS_FILE.stat().st_size < 10_000_000
    card = (WEIGHTS_FILE.parent / "README.md").read_text()
    assert hashlib.sha256(WEIGHTS_FILE.read_bytes()).hexdigest() in card
    pair = wall_pairs(Wall(), 3)[1]
    found = EmbeddedRefiner().refine(pair.bundle, 0)
    assert psnr(pair.bundle.rgb, found.rgb, data_range=1.0) > 20  # a good render is not redrawn
