"""Stable Video Diffusion on a tiny pipeline read from disk: its own call is the oracle of the loop written here."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cameras.errors import InputError, SettingsError
from render.refine.base import ChunkRefiner, RefineChoice
from render.refine.diffusers_video import SvdRefiner, make_svd_refiner
from render.refine.latents import generator, latent_noise
from render.refine.pipelines import quiet

from .tiny_pipelines import SCALE, VIDEO_FRAMES, bundle, save_svd


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Fastest for tiny models on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_svd(tmp_path_factory.mktemp("svd") / "model")


def refiner(folder: Path, **asked: object) -> SvdRefiner:
    return make_svd_refiner(replace(RefineChoice(name="svd", model=str(folder), steps=1), **asked))


def test_a_chunk_is_drawn_the_same_for_the_same_seed(folder: Path) -> None:
    made: ChunkRefiner = refiner(folder, strength=0.4)
    assert made.capabilities == {"video"}
    assert made.chunk_frames == VIDEO_FRAMES
    frames = [bundle(29, 46, index) for index in range(3)]
    drawn, again, other = (made.refine_chunk(frames, seed) for seed in (3, 3, 4))
    for found, same, differing in zip(drawn, again, other, strict=True):
        assert found.rgb.shape == (29, 46, 3)
        assert found.rgb.dtype == np.float32
        assert np.isfinite(found.rgb).all()
        assert found.rgb.min() >= 0
        assert found.rgb.max() <= 1
        np.testing.assert_array_equal(found.rgb, same.rgb)
        assert np.abs(found.rgb - differing.rgb).mean() > 1e-4


def test_one_frame_is_a_chunk_of_one(folder: Path) -> None:
    made = refiner(folder)
    np.testing.assert_array_equal(made.refine(bundle(), 1).rgb, made.refine_chunk([bundle()], 1)[0].rgb)


def test_frames_of_a_chunk_are_looked_at_together(folder: Path) -> None:
    made = refiner(folder)
    first, last = (made.refine_chunk([bundle(), bundle(index=index)], 0)[0].rgb for index in (1, 2))
    assert np.abs(first - last).max() > 1e-5


def test_from_the_top_of_the_schedule_it_is_the_pipelines_own_call(folder: Path) -> None:
    """Same start, same picture to go by, no guidance: the pipeline itself must draw the same."""
    import torch

    made = refiner(folder, strength=1.0, steps=3)
    pipe = made._pipe
    side = pipe.image_encoder.config.image_size  # at this size the pipeline shrinks nothing for its image encoder
    frames = [bundle(side, side, index) for index in range(3)]
    drawn = np.stack([found.rgb for found in made.refine_chunk(frames, 5)])

    images = torch.from_numpy(np.stack([frame.rgb.transpose(2, 0, 1) for frame in frames]))
    noise = torch.from_numpy(np.stack([latent_noise(f.noise, SCALE, 5, f.frame_index) for f in frames]))
    with torch.no_grad():
        clean = pipe.vae.encode(2 * images - 1).latent_dist.mode() * pipe.vae.config.scaling_factor
    with quiet():
        pipe.scheduler.set_timesteps(3)
    start = (clean + pipe.scheduler.sigmas[0] * noise)[None] / pipe.scheduler.init_noise_sigma
    with quiet():
        own = pipe(
            images[:1], height=side, width=side, num_frames=3, num_inference_steps=3, max_guidance_scale=1.0,
            generator=generator(5, 0), latents=start, output_type="np",
        ).frames[0]  # fmt: skip
    np.testing.assert_allclose(drawn, own, atol=2e-4)


def test_strength_is_how_far_from_the_frames_it_goes(folder: Path) -> None:
    import torch

    frames = torch.from_numpy(np.stack([2 * bundle(index=index).rgb.transpose(2, 0, 1) - 1 for index in range(2)]))
    noise = torch.randn(2, 4, frames.shape[2] // SCALE, frames.shape[3] // SCALE, generator=generator(0, 0))
    made = refiner(folder)
    with torch.no_grad():
        clean = made._encoded(frames) * made._pipe.vae.config.scaling_factor

    def away(strength: float, steps: int) -> float:
        with torch.no_grad(), quiet():
            found = refiner(folder, strength=strength, steps=steps)._denoised(frames, noise, 0, 0)
        return float((found - clean).abs().mean())

    for steps in (1, 3):
        near, middle, far = (away(strength, steps) for strength in (0.01, 0.1, 0.2))
        assert near < 0.01
        assert near < middle < far


def test_a_scheduler_of_another_kind_is_refused(folder: Path, tmp_path: Path) -> None:
    spoilt = Path(shutil.copytree(folder, tmp_path / "spoilt"))
    path = spoilt / "scheduler" / "scheduler_config.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**settings, "sigma_max": None}), encoding="utf-8")
    with pytest.raises(InputError, match="should have the scheduler of Stable Video Diffusion"):
        refiner(spoilt)


def test_it_says_what_it_is(folder: Path) -> None:
    made = refiner(folder)
    assert (made.name, made.noise_channels, made.licence.name) == ("svd", 4, "unknown")
    assert made.prepare([], 10, 0, None) == {}
    told = json.loads(json.dumps(dict(made.provenance)))
    assert told["pipeline"] == "StableVideoDiffusionPipeline"
    assert (told["steps"], told["strength"]) == (1, 0.2)


def test_chunks_that_do_not_fit_are_refused(folder: Path) -> None:
    made = refiner(folder)
    for frames in ([], [bundle(index=i) for i in range(VIDEO_FRAMES + 1)], [bundle(), bundle(32, 32)]):
        with pytest.raises(SettingsError, match=f"refines 1 to {VIDEO_FRAMES} frames of one size together"):
            made.refine_chunk(frames, 0)


def test_it_takes_no_words(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"--refine svd takes no words"):
        refiner(folder, prompt="oak")


def test_another_pipeline_is_refused(tmp_path: Path) -> None:
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    (tmp_path / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(InputError, match=r"--refine svd takes .*, but .* holds a StableDiffusionPipeline"):
        refiner(tmp_path)


def test_a_licence_that_is_not_known_is_refused_for_commercial_use(folder: Path) -> None:
    with pytest.raises(SettingsError, match="is not known to allow commercial use"):
        refiner(folder, commercial=True)
