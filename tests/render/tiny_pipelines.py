"""Tiny pipelines with random weights, saved as real ones are: for the tests of the diffusers backends, offline.

Their pictures mean nothing; their shapes, files and calls are those of the models that people use.
"""

import importlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from render.refine.base import FrameBundle

SCALE = 4
"""Pixels of a latent cell along one side."""
VIDEO_FRAMES = 4
_WIDTH = 16  # of the text's features
_BLOCKS = (16, 32)


def bundle(height: int = 48, width: int = 64, index: int = 0, *, hole: bool = False) -> FrameBundle:
    """A smooth frame; with ``hole`` no photo saw its left quarter, and its right eighth was not rendered."""
    rng = np.random.default_rng(index)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    rgb = np.stack([x, y, 0.5 + 0.4 * np.sin(6 * (x + y + 0.05 * index))], axis=-1).astype(np.float32)
    support, alpha = np.full((height, width), 3, np.uint8), np.ones((height, width), np.float32)
    if hole:
        support[:, : width // 4] = 0
        alpha[:, -(width // 8) :] = 0.2
    noise = rng.normal(size=(height, width, 4)).astype(np.float32)
    camera = Camera(Intrinsics.from_fov(width, height, 0.9), Rigid(np.eye(3), np.zeros(3)))
    return FrameBundle(rgb, alpha, (1 + 3 * y).astype(np.float32), camera, (), support, noise, frame_index=index)


def save_image_to_image(folder: Path, *, words: bool = True) -> Path:
    """A text-to-image model, as most are saved; without ``words`` it has no text encoder."""
    diffusers = _diffusers()

    return _saved(folder, lambda: diffusers.StableDiffusionPipeline(**_parts(4, words), **_NO_FILTER))


def save_xl(folder: Path) -> Path:
    """Stable Diffusion XL, with two text encoders."""
    diffusers = _diffusers()

    def make() -> Any:
        first = {**_parts(4, words=True), "unet": _unet(4, xl=True)}
        second = {"text_encoder_2": _text_encoder(projected=True), "tokenizer_2": _tokenizer()}
        return diffusers.StableDiffusionXLPipeline(**first, **second, force_zeros_for_empty_prompt=False)

    return _saved(folder, make)


def save_controlnet(folder: Path) -> Path:
    diffusers = _diffusers()

    def make() -> Any:
        control = diffusers.ControlNetModel(
            block_out_channels=_BLOCKS,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            layers_per_block=1,
            attention_head_dim=4,
            norm_num_groups=8,
            cross_attention_dim=_WIDTH,
            conditioning_embedding_out_channels=(16, 16, 32),
        )
        # A new ControlNet adds exactly nothing; a trained one does.
        for layer in (*control.controlnet_down_blocks, control.controlnet_mid_block, control.controlnet_cond_embedding):
            for parameter in layer.parameters():
                parameter.data.normal_(0, 0.2)
        return diffusers.StableDiffusionControlNetPipeline(**_parts(4, words=True), controlnet=control, **_NO_FILTER)

    return _saved(folder, make)


def save_inpainting(folder: Path) -> Path:
    """With the nine input channels of the usual inpainting models."""
    diffusers = _diffusers()

    return _saved(folder, lambda: diffusers.StableDiffusionInpaintPipeline(**_parts(9, words=True), **_NO_FILTER))


def save_svd(folder: Path) -> Path:
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    diffusers = _diffusers()

    def make() -> Any:
        unet = diffusers.UNetSpatioTemporalConditionModel(
            block_out_channels=(32, 64),
            down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
            up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
            layers_per_block=1,
            num_attention_heads=(2, 4),
            cross_attention_dim=_WIDTH,
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=24,
            num_frames=VIDEO_FRAMES,
        )
        vae = diffusers.AutoencoderKLTemporalDecoder(
            block_out_channels=(32, 32, 32), down_block_types=("DownEncoderBlock2D",) * 3, layers_per_block=1
        )
        seen = CLIPVisionConfig(
            hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32,
            patch_size=8, projection_dim=_WIDTH,
        )  # fmt: skip
        scheduler = diffusers.EulerDiscreteScheduler(
            beta_schedule="scaled_linear", interpolation_type="linear", prediction_type="v_prediction",
            sigma_max=700.0, sigma_min=0.002, timestep_spacing="leading", timestep_type="continuous",
            use_karras_sigmas=True,
        )  # fmt: skip
        processor = CLIPImageProcessor(crop_size={"height": 32, "width": 32}, size={"shortest_edge": 32})
        encoder = CLIPVisionModelWithProjection(seen)
        return diffusers.StableVideoDiffusionPipeline(
            vae=vae, image_encoder=encoder, unet=unet, scheduler=scheduler, feature_extractor=processor
        )

    return _saved(folder, make)


def _diffusers() -> Any:
    """Its names are made when they are asked for, which type checkers cannot see."""
    return importlib.import_module("diffusers")


_NO_FILTER: Mapping[str, Any] = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


def _saved(folder: Path, make: Callable[[], Any]) -> Path:
    import torch

    folder.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        make().save_pretrained(folder, safe_serialization=True)
    return folder


def _parts(unet_channels: int, words: bool) -> dict[str, Any]:
    diffusers = _diffusers()

    vae = diffusers.AutoencoderKL(
        block_out_channels=(16, 16, 16), down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3, layers_per_block=1, norm_num_groups=8, latent_channels=4,
    )  # fmt: skip
    # Trained autoencoders are almost sure of their latents; a new one would add noise of its own.
    vae.quant_conv.weight.data[4:] = 0
    vae.quant_conv.bias.data[4:] = -20
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="trailing"
    )
    parts: dict[str, Any] = {"vae": vae, "unet": _unet(unet_channels), "scheduler": scheduler}
    return {**parts, "text_encoder": _text_encoder() if words else None, "tokenizer": _tokenizer() if words else None}


def _unet(channels: int, *, xl: bool = False) -> Any:
    diffusers = _diffusers()

    added = {"addition_embed_type": "text_time", "addition_time_embed_dim": 8,
             "projection_class_embeddings_input_dim": 6 * 8 + _WIDTH} if xl else {}  # fmt: skip
    return diffusers.UNet2DConditionModel(
        sample_size=64,
        in_channels=channels,
        out_channels=4,
        block_out_channels=_BLOCKS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        attention_head_dim=4,
        norm_num_groups=8,
        cross_attention_dim=2 * _WIDTH if xl else _WIDTH,
        **added,
    )


def _text_encoder(*, projected: bool = False) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=514, hidden_size=_WIDTH, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, projection_dim=_WIDTH, bos_token_id=512, eos_token_id=513, pad_token_id=513,
    )  # fmt: skip
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def _tokenizer() -> Any:
    """CLIP's, with bytes for words: nothing is merged."""
    from transformers import CLIPTokenizer

    characters = _byte_characters()
    words = [*characters, *(f"{character}</w>" for character in characters), "<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = json.dumps({word: index for index, word in enumerate(words)})
        (Path(folder) / "vocab.json").write_text(vocabulary, encoding="utf-8")
        (Path(folder) / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
        return CLIPTokenizer.from_pretrained(folder, model_max_length=77)


def _byte_characters() -> list[str]:
    """The 256 characters that byte-level vocabularies write bytes with: printable ones stand for themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(byte) for byte in printable] + [chr(256 + place) for place in range(256 - len(printable))]
