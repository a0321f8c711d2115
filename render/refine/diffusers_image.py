"""``diffusers``: any Stable Diffusion 1, 2 or XL pipeline of image to image, ControlNet or inpainting.

What the model's folder holds decides what is done:

- image to image starts from the render with noise on it (SDEdit, Meng et al. 2022);
- a ControlNet does the same, and is shown the depth as well (inverse depth, near is white, as the depth ControlNets
  were trained with), or the render itself if its name says ``tile``;
- inpainting draws only where no photo saw the surface or nothing was rendered, and leaves every other pixel alone.

The noise belongs to the surface, so that it moves with the camera instead of flickering. The pipelines take none for
a start from an image; but all of them add it through their scheduler's public ``add_noise``, where ours is put in.

In one step: with weights that were distilled for it (SD-Turbo, SDXL-Turbo) ask for one step at strength 0.2 and no
prompt (``--refine-steps 1 --refine-strength 0.2``). That is one evaluation of the network at a fifth of the schedule,
without guidance, the step at which Difix (Wu et al. 2025) works too; Difix itself brings code of its own and is
refused. Guidance is on only with a prompt and more than one step.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cameras.errors import InputError, SettingsError
from cameras.reporting import Report, silent

from .base import Capability, FloatImage, FrameBundle, Licence, Mask, Pair, RefineChoice, Refined
from .latents import generator, latent_noise, padded, schedule_length
from .pipelines import OpenPipeline, open_pipeline, quiet

Mode = Literal["image-to-image", "controlnet", "inpainting"]
Control = Literal["depth", "render"]

_KINDS: Sequence[tuple[str, Mode, str]] = (
    ("Pipeline", "image-to-image", "Img2ImgPipeline"),
    ("Img2ImgPipeline", "image-to-image", "Img2ImgPipeline"),
    ("ControlNetPipeline", "controlnet", "ControlNetImg2ImgPipeline"),
    ("ControlNetImg2ImgPipeline", "controlnet", "ControlNetImg2ImgPipeline"),
    ("InpaintPipeline", "inpainting", "InpaintPipeline"),
)
_PIPELINES: Mapping[str, tuple[Mode, str]] = {
    f"{family}{saved}": (mode, f"{family}{loaded}")
    for family in ("StableDiffusion", "StableDiffusionXL")
    for saved, mode, loaded in _KINDS
}
"""What is done with the pipeline that a folder holds, and the class that does it."""

_STRENGTH: Mapping[Mode, float] = {"image-to-image": 0.3, "controlnet": 0.4, "inpainting": 1.0}
_STEPS: Mapping[Mode, int] = {"image-to-image": 6, "controlnet": 8, "inpainting": 20}
_GUIDANCE, _NO_GUIDANCE = 5.0, 1.0
_TEXT_TOKENS = 77
_SEEN_ALPHA = 0.5
"""Pixels with less of the scene in them are holes."""


class DiffusersRefiner:
    """Still pictures by a diffusers pipeline; see ``base.Refiner`` and the head of this file."""

    name = "diffusers"

    def __init__(self, opened: OpenPipeline, choice: RefineChoice, control: Control | None = None) -> None:
        """Takes an open pipeline.

        Args:
            control: what a ControlNet is shown; None goes by its name.

        Raises:
            SettingsError: if there is a prompt but no text encoder, or inpainting is not allowed to invent.
            InputError: if the pipeline lacks a part that nothing can stand in for.
        """
        self.mode: Mode = _PIPELINES[opened.folder.class_name][0]
        self.licence: Licence = opened.licence
        self.capabilities: frozenset[Capability] = frozenset(("invents",) if self.mode == "inpainting" else ())
        self.noise_channels = int(opened.pipe.vae.config.latent_channels)
        self.control: Control = control or _control_of(opened)
        self.strength = choice.strength or _STRENGTH[self.mode]
        self.steps = choice.steps or _STEPS[self.mode]
        self.prompt = choice.prompt
        self._opened, self._pipe = opened, opened.pipe
        _check(opened, choice, self.mode)

    @property
    def provenance(self) -> Mapping[str, object]:
        used: dict[str, object] = {"strength": self.strength, "steps": self.steps, "prompt": self.prompt}
        if self.mode == "controlnet":
            used["control"] = self.control
        return {**self._opened.provenance, "mode": self.mode, **used}

    def prepare(
        self, pairs: Sequence[Pair], steps: int, seed: int, workdir: Path | None, report: Report = silent
    ) -> Mapping[str, object]:
        """Learns nothing."""
        return {}

    def refine(self, bundle: FrameBundle, seed: int) -> Refined:
        if self.mode != "inpainting":
            drawn = self._drawn(bundle, seed)
            return Refined(bundle.rgb if drawn is None else drawn)
        hole = (bundle.support == 0) | (bundle.alpha < _SEEN_ALPHA)
        drawn = self._drawn(bundle, seed, hole) if hole.any() else None
        if drawn is None:
            return Refined(bundle.rgb, generated=np.zeros_like(hole))
        return Refined(np.where(hole[..., None], drawn, bundle.rgb), generated=hole)

    def _drawn(self, bundle: FrameBundle, seed: int, hole: Mask | None = None) -> FloatImage | None:
        """[H, W, 3] what the pipeline makes of the frame; None if its own filter takes it for something indecent."""
        import torch

        scale = self._pipe.vae_scale_factor
        noise = torch.from_numpy(latent_noise(bundle.noise, scale, seed, bundle.frame_index))[None]
        image = _tensor(padded(bundle.rgb, scale))
        inputs: dict[str, Any] = {"image": image, **self._words()}
        if self.mode == "controlnet":
            shown = bundle.rgb if self.control == "render" else near_is_white(bundle.depth_z)
            inputs["control_image"] = _tensor(padded(shown, scale))
        if hole is not None:
            inputs["mask_image"] = _tensor(padded(hole.astype(np.float32)[..., None], scale))
            inputs["height"], inputs["width"] = image.shape[-2:]
            if self.strength == 1:
                inputs["latents"] = noise.to(self._pipe.device, self._pipe.dtype)
        with quiet(), _adding(self._pipe.scheduler, noise):
            found = self._pipe(
                **inputs,
                strength=self.strength,
                num_inference_steps=schedule_length(self.steps, self.strength),
                guidance_scale=_GUIDANCE if self.prompt and self.steps > 1 else _NO_GUIDANCE,
                generator=generator(seed, bundle.frame_index),
                output_type="np",
            )
        if any(getattr(found, "nsfw_content_detected", None) or ()):
            return None
        return picture(found.images[0], bundle, self._opened)

    def _words(self) -> dict[str, Any]:
        """The prompt; zeros for a pipeline that was saved without a text encoder."""
        import torch

        if getattr(self._pipe, "text_encoder", None) is not None:
            return {"prompt": self.prompt}
        width = self._pipe.unet.config.cross_attention_dim
        return {"prompt_embeds": torch.zeros(1, _TEXT_TOKENS, width, device=self._pipe.device, dtype=self._pipe.dtype)}


def make_image_refiner(choice: RefineChoice) -> DiffusersRefiner:
    """Opens the pipeline of ``choice.model``.

    Raises:
        SettingsError, MissingExtraError, InputError: as ``pipelines.open_pipeline`` and ``DiffusersRefiner``.
    """
    opened = open_pipeline(choice, {saved: loaded for saved, (_, loaded) in _PIPELINES.items()})
    return DiffusersRefiner(opened, choice)


def near_is_white(depth_z: FloatImage) -> FloatImage:
    """[H, W, 3] inverse depth, 1 at the nearest surface of the frame, 0 at the farthest and where nothing is seen."""
    seen = depth_z > 0
    inverse = np.divide(1.0, depth_z, out=np.zeros(depth_z.shape, np.float32), where=seen)
    if seen.any():
        low, high = float(inverse[seen].min()), float(inverse[seen].max())
        inverse = np.where(seen, (inverse - low) / max(high - low, 1e-6 * high), 0)
    return np.repeat(inverse[..., None], 3, axis=-1).astype(np.float32)


def picture(found: FloatImage, bundle: FrameBundle, opened: OpenPipeline) -> FloatImage:
    """What a pipeline gave [H', W', 3], cut to the frame.

    Raises:
        InputError: if it is not made of numbers.
    """
    rgb = np.ascontiguousarray(found[: bundle.height, : bundle.width], dtype=np.float32)
    if not np.isfinite(rgb).all():
        raise InputError(
            f"{opened.folder.model} gave pixels that are no numbers for frame {bundle.frame_index}; its weights are "
            "damaged, or do not bear half precision: use another model."
        )
    return rgb.clip(0, 1)


def _check(opened: OpenPipeline, choice: RefineChoice, mode: Mode) -> None:
    model, pipe = opened.folder.model, opened.pipe
    if mode == "inpainting" and not choice.invent:
        raise SettingsError(
            f"{model} is an inpainting model, which only draws what no photo saw; allow that with --invent, or choose "
            "another --refine-model."
        )
    if getattr(pipe, "text_encoder", None) is None:
        if opened.folder.class_name.startswith("StableDiffusionXL"):
            raise InputError(f"{model} has no text encoder, without which a Stable Diffusion XL model cannot run.")
        if choice.prompt:
            raise SettingsError(f"--refine-prompt was given, but {model} has no text encoder; leave the prompt away.")


def _control_of(opened: OpenPipeline) -> Control:
    controlnet = getattr(opened.pipe, "controlnet", None)
    names = (opened.folder.model, "" if controlnet is None else str(controlnet.config.get("_name_or_path", "")))
    return "render" if any("tile" in Path(name).name.lower() for name in names) else "depth"


def _tensor(image: FloatImage) -> Any:
    """[1, C, H, W]"""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


@contextmanager
def _adding(scheduler: Any, noise: Any) -> Iterator[None]:
    """Within, the scheduler adds this noise whatever noise it is given."""
    original: Callable[..., Any] = scheduler.add_noise

    def add(samples: Any, given: Any, timesteps: Any) -> Any:
        return original(samples, noise.to(given.device, given.dtype), timesteps)

    scheduler.add_noise = add
    try:
        yield
    finally:
        del scheduler.add_noise
