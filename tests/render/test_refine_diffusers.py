"""The diffusers backend on tiny pipelines read from disk: what each kind draws, and every way a model can be wrong."""

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest

from cameras.errors import InputError, MissingExtraError, SettingsError
from cameras.reporting import silent
from render.refine.base import FrameBundle, RefineChoice
from render.refine.diffusers_image import DiffusersRefiner, make_image_refiner, near_is_white
from render.refine.registry import make_refiner

from .tiny_pipelines import (
    bundle,
    save_controlnet,
    save_image_to_image,
    save_inpainting,
    save_xl,
)

SAVED: dict[str, Callable[[Path], Path]] = {
    "image-to-image": save_image_to_image,
    "wordless": lambda folder: save_image_to_image(folder, words=False),
    "xl": save_xl,
    "controlnet": save_controlnet,
    "inpainting": save_inpainting,
}


@pytest.fixture(autouse=True)
def offline_and_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No network, an empty cache of the hub, and one thread, which is fastest for tiny models on a busy machine."""
    import torch

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a pipeline by its name in ``SAVED``, made when first asked for; no test writes into it."""
    root = tmp_path_factory.mktemp("pipelines")

    def folder(kind: str) -> Path:
        path = root / kind
        return path if path.is_dir() else SAVED[kind](path)

    return folder


@pytest.fixture
def copied(saved: Callable[[str], Path], tmp_path: Path) -> Path:
    """A pipeline of image to image that a test may spoil."""
    return Path(shutil.copytree(saved("image-to-image"), tmp_path / "copied"))


def refiner(folder: Path, **asked: object) -> DiffusersRefiner:
    return make_image_refiner(choice(folder, **asked))


def choice(folder: Path | str, **asked: object) -> RefineChoice:
    return replace(RefineChoice(name="diffusers", model=str(folder), steps=1, invent=True), **asked)


def mean_change(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).mean())


@pytest.mark.parametrize("kind", SAVED)
def test_every_kind_draws_the_same_for_the_same_seed_at_any_size(saved: Callable[[str], Path], kind: str) -> None:
    made = refiner(saved(kind))
    frame = bundle(29, 46, 5, hole=True)
    drawn = made.refine(frame, 3)
    assert drawn.rgb.shape == (29, 46, 3)
    assert drawn.rgb.dtype == np.float32
    assert np.isfinite(drawn.rgb).all()
    assert drawn.rgb.min() >= 0
    assert drawn.rgb.max() <= 1
    again = refiner(saved(kind)).refine(frame, 3)
    np.testing.assert_array_equal(drawn.rgb, again.rgb)
    assert mean_change(drawn.rgb, made.refine(frame, 4).rgb) > 1e-4


def test_a_refiner_says_what_it_is(saved: Callable[[str], Path]) -> None:
    made = make_refiner(choice(saved("image-to-image"), strength=0.25))
    assert (made.name, made.capabilities, made.noise_channels) == ("diffusers", frozenset(), 4)
    assert made.licence.name == "unknown"
    assert made.prepare([], 100, 0, None, silent) == {}
    told = json.loads(json.dumps(dict(made.provenance)))
    assert told["mode"] == "image-to-image"
    assert (told["steps"], told["strength"]) == (1, 0.25)
    assert len(told["weights"]) == 64


def test_other_weights_have_another_hash(copied: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    before = refiner(copied).provenance["weights"]
    file = copied / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    weights["conv_out.bias"] = weights["conv_out.bias"] + torch.ones(4)
    save_file(weights, file, {"format": "pt"})
    assert refiner(copied).provenance["weights"] != before


def test_a_stronger_refiner_leaves_the_start_further(saved: Callable[[str], Path]) -> None:
    """Between two seeds, so that what the autoencoder loses plays no part."""
    frame = bundle()
    softly, hard = (refiner(saved("image-to-image"), strength=s, steps=2) for s in (0.05, 1.0))
    near = mean_change(softly.refine(frame, 0).rgb, softly.refine(frame, 1).rgb)
    assert near < mean_change(hard.refine(frame, 0).rgb, hard.refine(frame, 1).rgb)


def test_the_noise_of_the_surface_is_what_is_added(saved: Callable[[str], Path]) -> None:
    made = refiner(saved("image-to-image"), strength=1.0)
    frame = bundle()
    other = replace(frame, noise=bundle(index=1).noise)
    here, later, elsewhere = (made.refine(b, 0).rgb for b in (frame, replace(frame, frame_index=9), other))
    assert mean_change(here, later) < 0.01 * mean_change(here, elsewhere)
    assert "add_noise" not in vars(made._pipe.scheduler)


@pytest.mark.parametrize(("steps", "strength"), [(1, 0.2), (3, 0.3), (2, 1.0)])
def test_steps_are_what_the_network_does(saved: Callable[[str], Path], steps: int, strength: float) -> None:
    made = refiner(saved("image-to-image"), steps=steps, strength=strength)
    seen: list[float] = []
    made._pipe.unet.register_forward_pre_hook(lambda _, given: seen.append(float(given[1])))
    made.refine(bundle(), 0)
    assert len(seen) == steps
    if (steps, strength) == (1, 0.2):
        assert seen == [199.0]  # the recipe for one step in the module's head


def test_words_steer_only_with_more_than_one_step(saved: Callable[[str], Path]) -> None:
    frame, folder = bundle(), saved("image-to-image")
    silent, spoken, other = (refiner(folder, prompt=p, steps=2).refine(frame, 0).rgb for p in ("", "oak", "a sea"))
    assert min(mean_change(silent, spoken), mean_change(spoken, other)) > 1e-5
    batches: list[int] = []
    made = refiner(folder, prompt="oak", steps=1)
    made._pipe.unet.register_forward_pre_hook(lambda _, given: batches.append(len(given[0])))
    made.refine(frame, 0)
    assert batches == [1]


def test_a_controlnet_sees_the_depth_and_a_tile_one_the_render(saved: Callable[[str], Path], tmp_path: Path) -> None:
    frame = bundle()
    other = replace(frame, depth_z=frame.depth_z[:, ::-1] + np.linspace(0, 2, 64, dtype=np.float32))
    made = refiner(saved("controlnet"))
    assert made.provenance["control"] == "depth"
    assert mean_change(made.refine(frame, 0).rgb, made.refine(other, 0).rgb) > 1e-5
    tile = refiner(Path(shutil.copytree(saved("controlnet"), tmp_path / "sd15-Tile")))
    assert tile.provenance["control"] == "render"
    np.testing.assert_array_equal(tile.refine(frame, 0).rgb, tile.refine(other, 0).rgb)


def test_inverse_depth_is_white_where_it_is_near() -> None:
    depth = np.array([[0, 1, 2, 4]], np.float32)
    np.testing.assert_allclose(near_is_white(depth)[0, :, 0], [0, 1, 1 / 3, 0], atol=1e-6)
    np.testing.assert_allclose(near_is_white(7 * depth), near_is_white(depth), atol=1e-6)
    assert not near_is_white(np.zeros((2, 2), np.float32)).any()
    assert np.isfinite(near_is_white(np.ones((2, 2), np.float32))).all()


def test_inpainting_leaves_what_photos_saw_alone(saved: Callable[[str], Path]) -> None:
    made = refiner(saved("inpainting"))
    assert made.capabilities == {"invents"}
    for strength in (1.0, 0.6):
        frame = bundle(29, 46, hole=True)
        found = refiner(saved("inpainting"), strength=strength).refine(frame, 0)
        hole = (frame.support == 0) | (frame.alpha < 0.5)
        np.testing.assert_array_equal(found.generated, hole)
        np.testing.assert_array_equal(found.rgb[~hole], frame.rgb[~hole])
        assert mean_change(found.rgb[hole], frame.rgb[hole]) > 1e-3


def test_without_a_hole_inpainting_does_not_even_start(
    saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = refiner(saved("inpainting"))
    monkeypatch.setattr(made, "_pipe", None)
    found = made.refine(bundle(), 0)
    np.testing.assert_array_equal(found.rgb, bundle().rgb)
    assert found.generated is not None
    assert not found.generated.any()


@pytest.mark.parametrize("kind", ["image-to-image", "inpainting"])
def test_a_frame_that_the_models_own_filter_blackens_stays_the_render(
    saved: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    made = refiner(saved(kind))
    monkeypatch.setattr(made._pipe, "run_safety_checker", lambda image, *_: (0 * image, [True]))
    frame = bundle(hole=True)
    np.testing.assert_array_equal(made.refine(frame, 0).rgb, frame.rgb)


def test_pixels_that_are_no_numbers_are_an_error(saved: Callable[[str], Path]) -> None:
    made = refiner(saved("image-to-image"))
    made._pipe.vae.decoder.conv_out.bias.data.fill_(float("nan"))
    with pytest.raises(InputError, match="pixels that are no numbers for frame 0"):
        made.refine(bundle(), 0)


# What can be wrong.


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "accelerate" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(MissingExtraError, match=r'needs accelerate, .*pip install "flythrough\[diffusion\]"'):
        refiner(Path("any"))


def test_a_model_must_be_named() -> None:
    with pytest.raises(SettingsError, match="--refine diffusers needs a model"):
        make_image_refiner(RefineChoice(name="diffusers"))


@pytest.mark.parametrize("name", ["nowhere", "somebody/nothing", "a/b/c", "../up", "two words", "x" * 200])
def test_a_missing_model_is_one_sentence(name: str) -> None:
    with pytest.raises(InputError, match=r"no folder here, and no model .* that the hub gives"):
        make_image_refiner(choice(name))


def test_a_hub_model_that_was_fetched_before_needs_no_network(copied: Path, tmp_path: Path) -> None:
    sha = "0" * 40
    home = tmp_path / "hub" / "models--somebody--rooms"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(sha, encoding="utf-8")
    (copied / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    shutil.copytree(copied, home / "snapshots" / sha)
    made = make_image_refiner(choice("somebody/rooms", commercial=True))
    assert made.licence.commercial
    np.testing.assert_array_equal(made.refine(bundle(), 0).rgb, refiner(copied).refine(bundle(), 0).rgb)


def test_a_single_file_is_no_pipeline(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"")
    with pytest.raises(InputError, match=r"is a single file; convert it"):
        refiner(file)


@pytest.mark.parametrize(("text", "said"), [(None, "has no model_index.json"), ("{", "as JSON"), ("{}", "no pipeline")])
def test_a_folder_without_a_good_index_is_no_pipeline(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "model_index.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        refiner(tmp_path)


def test_pipelines_of_another_kind_are_refused(tmp_path: Path) -> None:
    index = {"_class_name": "StableVideoDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(InputError, match=r"but .* holds a StableVideoDiffusionPipeline"):
        refiner(tmp_path)


def test_pickled_weights_are_refused(copied: Path) -> None:
    weights = copied / "vae" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(
        InputError, match=r"weights should be safetensors, but .* holds vae/diffusion_pytorch_model.bin"
    ):
        refiner(copied)


@pytest.mark.parametrize(
    ("changed", "file", "named"),
    [
        ({"_class_name": ["pipeline", "OwnPipeline"]}, None, "OwnPipeline"),
        ({"_class_name": "OwnPipeline"}, None, "OwnPipeline"),
        ({"unet": ["own_code", "OwnModel"]}, None, r"own_code\.OwnModel"),
        ({"unet": ["os", "system"]}, None, r"os\.system"),
        ({}, "unet/own.py", r"own\.py"),
        ({}, "pipeline.py", r"pipeline\.py"),
    ],
)
def test_code_of_the_models_own_is_never_run(
    copied: Path, changed: dict[str, object], file: str | None, named: str
) -> None:
    path = copied / "model_index.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changed}), encoding="utf-8")
    if file is not None:
        (copied / file).write_text("raise SystemExit('run')\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"wants code of its own \(.*{named}\)"):
        refiner(copied)


def test_a_truncated_model_is_one_sentence(copied: Path) -> None:
    weights = copied / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="should be a whole StableDiffusionImg2ImgPipeline, but it cannot be loaded"):
        refiner(copied)


def test_a_part_that_is_missing_is_one_sentence(copied: Path) -> None:
    shutil.rmtree(copied / "vae")
    with pytest.raises(InputError, match="should be a whole StableDiffusionImg2ImgPipeline"):
        refiner(copied)


def test_weights_in_half_precision_only_are_found(copied: Path) -> None:
    for file in list(copied.glob("*/*.safetensors")):
        file.rename(file.with_suffix(".fp16.safetensors"))
    assert np.isfinite(refiner(copied).refine(bundle(), 0).rgb).all()


def test_a_licence_that_is_not_known_is_refused_for_commercial_use_before_loading(copied: Path) -> None:
    shutil.rmtree(copied / "unet")
    with pytest.raises(SettingsError, match="is not known to allow commercial use"):
        refiner(copied, commercial=True)


def test_inpainting_wants_leave_to_invent(saved: Callable[[str], Path]) -> None:
    with pytest.raises(SettingsError, match="--invent"):
        refiner(saved("inpainting"), invent=False)


def test_words_need_a_text_encoder(saved: Callable[[str], Path]) -> None:
    with pytest.raises(SettingsError, match="has no text encoder; leave the prompt away"):
        refiner(saved("wordless"), prompt="oak")


def test_a_frame_smaller_than_a_latent_cell_is_drawn(saved: Callable[[str], Path]) -> None:
    frame: FrameBundle = bundle(3, 9)
    assert refiner(saved("image-to-image")).refine(frame, 0).rgb.shape == (3, 9, 3)
