"""``svd``: neighbouring frames refined together by Stable Video Diffusion (Blattmann et al. 2023).

SVD knows no camera: asked to make a video from a picture it flies where it likes. So it is not asked that. The
rendered frames themselves, as latents, get noise up to a low point of the schedule and are denoised again, all
together and with the first frame as the picture that they belong to (SDEdit, Meng et al. 2022, on a video): the
path stays the renders', and what the model adds is the same in neighbouring frames. The noise belongs to the surface.

The parts are the pipeline's own (its autoencoder, image encoder, network and scheduler); the pipeline's call itself
starts from noise alone, so the loop around them is written here. No guidance is used: at these strengths it changes
little and doubles the time.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cameras.errors import InputError, SettingsError
from cameras.reporting import Report, silent

from .base import Capability, FrameBundle, Licence, Pair, RefineChoice, Refined
from .diffusers_image import picture
from .latents import generator, latent_noise, padded
from .pipelines import OpenPipeline, open_pipeline, quiet

if TYPE_CHECKING:
    import torch

_CLASS = "StableVideoDiffusionPipeline"
_STRENGTH, _STEPS = 0.2, 4
# What the network was told of each video in training: frames a second less one, how much moves, noise on the picture.
_FPS, _MOTION_BUCKET, _PICTURE_NOISE = 7, 127, 0.02
_RHO = 7.0
_MOST_DECODED = 8
"""Frames that are decoded together: the decoder is what takes most memory."""


class SvdRefiner:
    """Chunks of frames by Stable Video Diffusion; see ``base.ChunkRefiner`` and the head of this file."""

    name = "svd"
    capabilities: frozenset[Capability] = frozenset(("video",))

    def __init__(self, opened: OpenPipeline, choice: RefineChoice) -> None:
        """Takes an open pipeline.

        Raises:
            SettingsError: if there is a prompt: the model takes no words.
            InputError: if its scheduler is not one of SVD's kind.
        """
        sigmas = [opened.pipe.scheduler.config.get(name) for name in ("sigma_min", "sigma_max")]
        if not all(sigmas) or not opened.pipe.scheduler.config.get("use_karras_sigmas"):
            raise InputError(
                f"{opened.folder.model} should have the scheduler of Stable Video Diffusion, which goes from sigma_max "
                "to sigma_min as Karras' does, but has another; copy the model again."
            )
        if choice.prompt:
            raise SettingsError("--refine-prompt was given, but --refine svd takes no words; leave the prompt away.")
        self.licence: Licence = opened.licence
        self.strength = choice.strength or _STRENGTH
        self.steps = choice.steps or _STEPS
        self._opened, self._pipe = opened, opened.pipe
        self.noise_channels = int(self._pipe.vae.config.latent_channels)
        self.chunk_frames = int(self._pipe.unet.config.num_frames)
        if self._pipe.vae.config.force_upcast:  # its encoder overflows in half precision
            self._pipe.vae.float()

    @property
    def provenance(self) -> Mapping[str, object]:
        return {**self._opened.provenance, "strength": self.strength, "steps": self.steps}

    def prepare(
        self, pairs: Sequence[Pair], steps: int, seed: int, workdir: Path | None, report: Report = silent
    ) -> Mapping[str, object]:
        """Learns nothing."""
        return {}

    def refine(self, bundle: FrameBundle, seed: int) -> Refined:
        return self.refine_chunk([bundle], seed)[0]

    def refine_chunk(self, bundles: Sequence[FrameBundle], seed: int) -> list[Refined]:
        """See ``base.ChunkRefiner``.

        Raises:
            SettingsError: if there are none or more than ``chunk_frames``, or their sizes differ.
        """
        import torch

        sizes = {(bundle.height, bundle.width) for bundle in bundles}
        if len(sizes) != 1 or len(bundles) > self.chunk_frames:
            raise SettingsError(
                f"{self._opened.folder.model} refines 1 to {self.chunk_frames} frames of one size together, but got "
                f"{len(bundles)} of {len(sizes)} sizes."
            )
        with torch.inference_mode(), quiet():
            scale = self._pipe.vae_scale_factor
            images = np.stack([padded(bundle.rgb, scale).transpose(2, 0, 1) for bundle in bundles])
            frames = 2 * torch.from_numpy(images).to(self._pipe.device) - 1
            noise = [latent_noise(bundle.noise, scale, seed, bundle.frame_index) for bundle in bundles]
            latents = self._denoised(frames, torch.from_numpy(np.stack(noise)), seed, bundles[0].frame_index)
            decoded = self._decoded(latents)
        return [Refined(picture(found, bundle, self._opened)) for found, bundle in zip(decoded, bundles, strict=True)]

    def _denoised(self, frames: "torch.Tensor", noise: "torch.Tensor", seed: int, first: int) -> "torch.Tensor":
        """Latents [F, C, h, w] of frames [F, 3, H, W] in [-1, 1], noised to the chosen point and denoised again."""
        import torch

        unet, scheduler = self._pipe.unet, self._schedule()
        scheduler.set_timesteps(self.steps, device=frames.device)
        scheduler.set_begin_index(0)
        clean = torch.cat([self._encoded(frame[None]) for frame in frames])[None] * self._pipe.vae.config.scaling_factor
        latents = scheduler.add_noise(clean, noise[None].to(clean.device, clean.dtype), scheduler.timesteps[:1])
        blur = torch.randn(frames[:1].shape, generator=generator(seed, first)).to(frames.device)
        shown = self._encoded(frames[:1] + _PICTURE_NOISE * blur)[None].expand(-1, len(frames), -1, -1, -1)
        embedded = self._embedded(frames[:1])
        told = torch.tensor([[_FPS - 1, _MOTION_BUCKET, _PICTURE_NOISE]], dtype=embedded.dtype, device=frames.device)
        for timestep in scheduler.timesteps:
            given = torch.cat([scheduler.scale_model_input(latents, timestep), shown], dim=2)
            predicted = unet(
                given.to(unet.dtype), timestep, encoder_hidden_states=embedded, added_time_ids=told, return_dict=False
            )[0]
            latents = scheduler.step(predicted.to(latents.dtype), timestep, latents).prev_sample
        return latents[0]

    def _schedule(self) -> Any:
        """The pipeline's scheduler, but starting lower: at the ``strength`` part of its own way up.

        The way is that of Karras et al. 2022, equation 5, with rho = 7, as SVD's scheduler goes it. To take the last
        steps of a longer schedule instead would start next to no noise when there are few of them.
        """
        config = self._pipe.scheduler.config
        low, high = (float(sigma) ** (1 / _RHO) for sigma in (config.sigma_min, config.sigma_max))
        start = (low + self.strength * (high - low)) ** _RHO
        return type(self._pipe.scheduler).from_config(config, sigma_max=start)

    def _encoded(self, images: "torch.Tensor") -> "torch.Tensor":
        """Unscaled latents of images in [-1, 1], without the autoencoder's own randomness."""
        return self._pipe.vae.encode(images.to(self._pipe.vae.dtype)).latent_dist.mode().float()

    def _embedded(self, image: "torch.Tensor") -> "torch.Tensor":
        """[1, 1, D] what the image encoder sees in an image [1, 3, H, W] in [-1, 1]."""
        from torch.nn.functional import interpolate

        encoder, processor = self._pipe.image_encoder, self._pipe.feature_extractor
        side = int(encoder.config.image_size)
        small = interpolate(image, (side, side), mode="bicubic", antialias=True)
        mean, spread = (image.new_tensor(v)[:, None, None] for v in (processor.image_mean, processor.image_std))
        pixels = (0.5 * small + 0.5 - mean) / spread
        return encoder(pixels.to(encoder.dtype)).image_embeds[:, None]

    def _decoded(self, latents: "torch.Tensor") -> Iterator[np.ndarray]:
        """Images [H, W, 3] in [0, 1]."""
        vae = self._pipe.vae
        decoded = self._pipe.decode_latents(latents[None].to(vae.dtype), len(latents), _MOST_DECODED)
        return iter((0.5 * decoded[0] + 0.5).permute(1, 2, 3, 0).cpu().numpy())


def make_svd_refiner(choice: RefineChoice) -> SvdRefiner:
    """Opens the pipeline of ``choice.model``.

    Raises:
        SettingsError, MissingExtraError, InputError: as ``pipelines.open_pipeline`` and ``SvdRefiner``.
    """
    return SvdRefiner(open_pipeline(choice, {_CLASS: _CLASS}), choice)
