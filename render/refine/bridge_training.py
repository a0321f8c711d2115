"""How the embedded model learns: crops of pairs, both the base weights and a scene's own photos."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cameras.reporting import Report, silent

from .base_data import Sample
from .bridge import Bridge, previous_of, restored, source_of
from .features import CHANNELS, LAYERS

CHECKPOINT_FILE = "training.pt"
_ROBUST = 0.1  # errors above count by their size, below by their square
_EDGE_WEIGHT = 0.3
_EMA_STEPS = 300.0


@dataclass(frozen=True)
class TrainingSettings:
    """How to learn, JSON-able.

    Attributes:
        steps: of the optimiser.
        batch, crop: crops a step, and their side in pixels.
        rate: of AdamW; it rises over ``warm`` steps, then falls to a hundredth along a cosine.
        one_step_share: share of steps at sigma = 1; the others draw sigma evenly from (0, 1).
        self_share: share of steps that see their own first answer as the frame before (as in Chen, Zhang & Hinton
            2023, "Analog Bits", section 3.2), with another choice of photos, as the frame before would have had.
        drop_layer: chance that a layer of photos is hidden.
    """

    steps: int
    batch: int = 5
    crop: int = 128
    rate: float = 4e-4
    warm: int = 50
    one_step_share: float = 0.75
    self_share: float = 0.4
    drop_layer: float = 0.1


class Training:
    """A model that is being trained; the same samples, settings and seed give the same weights."""

    def __init__(self, model: Bridge, samples: Sequence[Sample], settings: TrainingSettings, seed: int) -> None:
        self.model, self.samples, self.settings, self.seed = model, samples, settings, seed
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=settings.rate, weight_decay=1e-3)
        self.average = {name: value.detach().clone() for name, value in model.state_dict().items()}
        self.step = 0
        self.loss = math.nan

    def run(self, until: int, report: Report = silent, on_step: Callable[[int], None] | None = None) -> None:
        """Goes on to a step, at most ``settings.steps``.

        Args:
            report: told ``"learn"`` with the mean loss of the last steps.
            on_step: told the number of steps done, after each.
        """
        self.model.train()
        while self.step < min(until, self.settings.steps):
            self._one(np.random.default_rng([self.seed, self.step]))
            self.step += 1
            report("learn", self.step / self.settings.steps, {"step": self.step, "loss": round(self.loss, 5)})
            if on_step is not None:
                on_step(self.step)
        self.model.eval()

    def averaged(self) -> Bridge:
        """A model of the weights averaged over the last steps."""
        found = Bridge(self.model.config)
        found.load_state_dict(self.average)
        return found.eval()

    def _one(self, rng: np.random.Generator) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        known, photo, valid, noise = self._batch(rng)
        previous = self._previous(known, noise, rng)
        chosen = torch.from_numpy(rng.random(len(known)) < self.settings.one_step_share)
        drawn = torch.from_numpy(rng.random(len(known)).astype(np.float32))
        sigma = torch.where(chosen, torch.ones(len(known)), drawn)
        source = source_of(known, noise)
        at = sigma[:, None, None, None]
        velocity = self.model((1 - at) * photo + at * source, known, previous, noise, sigma)
        loss = loss_of(source - velocity, photo, valid)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self._follow(float(loss.detach()))

    def _rate(self) -> float:
        done = self.step / self.settings.steps
        rise = min(1.0, (self.step + 1) / self.settings.warm)
        return self.settings.rate * rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))

    def _follow(self, loss: float) -> None:
        self.loss = loss if math.isnan(self.loss) else 0.98 * self.loss + 0.02 * loss
        # Short trainings average over fewer steps, so that the weights from before do not linger.
        keep = 1 - 1 / min(_EMA_STEPS, 1 + 0.1 * (self.step + 1))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)

    def _batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        chosen = rng.integers(len(self.samples), size=self.settings.batch)
        crops = [_crop(self.samples[index], self.settings, rng) for index in chosen]
        known, photo, valid = (torch.from_numpy(np.stack(parts)) for parts in zip(*crops, strict=True))
        noise = torch.from_numpy(rng.standard_normal((len(known), 1, *known.shape[2:]), dtype=np.float32))
        return known, photo, valid, noise

    def _previous(self, known: Tensor, noise: Tensor, rng: np.random.Generator) -> Tensor:
        """The model's own answer to the same view with other photos, or nothing."""
        nothing = torch.zeros(len(known), 4, *known.shape[2:])
        if rng.random() >= self.settings.self_share:
            return nothing
        other = known.clone()
        for part in LAYERS:
            if rng.random() < 0.3:
                other[:, part] = 0
        with torch.no_grad():
            before = restored(self.model, other, nothing, noise).clamp(0, 1)
        valid = torch.from_numpy((rng.random((len(known), 1, 1, 1)) < 0.85).astype(np.float32))
        return previous_of(before, valid.expand(-1, 1, *known.shape[2:]), known)

    def state(self) -> dict[str, Any]:
        """Everything that the next step hangs on."""
        return {
            "step": self.step,
            "loss": self.loss,
            "model": self.model.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """The inverse of ``state``."""
        self.step, self.loss = int(state["step"]), float(state["loss"])
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])

    def save(self, folder: Path, identity: str) -> None:
        """Writes a checkpoint, under another name until it is whole."""
        folder.mkdir(parents=True, exist_ok=True)
        growing = folder / f".{CHECKPOINT_FILE}.part"
        torch.save({"identity": identity, **self.state()}, growing)
        growing.replace(folder / CHECKPOINT_FILE)

    def resume(self, folder: Path, identity: str) -> None:
        """Goes on from a checkpoint of the same work, if there is one."""
        file = folder / CHECKPOINT_FILE
        if not file.is_file():
            return
        try:
            state = torch.load(file, weights_only=True)
        except Exception:  # a torn file: torch raises many kinds
            return
        if state.get("identity") == identity:
            self.load_state(state)


def loss_of(answer: Tensor, photo: Tensor, valid: Tensor) -> Tensor:
    """Robust difference of colours plus robust difference of their steps from pixel to pixel, which keeps edges sharp.

    Args:
        answer, photo: [B, 3, H, W].
        valid: [B, 1, H, W] float, 0 where the photo says nothing.
    """
    colour = _robust(answer - photo) * valid
    error = (answer - photo) * valid
    edges = _robust(error[..., 1:] - error[..., :-1]).mean() + _robust(error[..., 1:, :] - error[..., :-1, :]).mean()
    return colour.mean() + _EDGE_WEIGHT * edges


def _robust(error: Tensor) -> Tensor:
    """Charbonnier's: quadratic for small errors, linear for large ones."""
    return torch.sqrt(error * error + _ROBUST**2) - _ROBUST


def _crop(
    sample: Sample, settings: TrainingSettings, rng: np.random.Generator
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A random crop, mirrored half of the time, its colours shifted a little: features, photo, valid."""
    height, width = sample.valid.shape
    side_y, side_x = min(settings.crop, height), min(settings.crop, width)
    top, left = rng.integers(height - side_y + 1), rng.integers(width - side_x + 1)
    rows, columns = slice(top, top + side_y), slice(left, left + side_x)
    known = sample.features[:, rows, columns].astype(np.float32)
    photo = sample.photo[:, rows, columns].astype(np.float32) / np.float32(255)
    valid = sample.valid[None, rows, columns].astype(np.float32)
    for part in LAYERS:
        if rng.random() < settings.drop_layer:
            known[part] = 0
    if rng.random() < 0.5:
        known, photo, valid = known[..., ::-1], photo[..., ::-1], valid[..., ::-1]
    known, photo = _recoloured(known.copy(), photo.copy(), rng)
    return _padded(known, settings.crop), _padded(photo, settings.crop), _padded(valid.copy(), settings.crop)


def _recoloured(
    known: np.ndarray[Any, Any], photo: np.ndarray[Any, Any], rng: np.random.Generator
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Another light: all pictures of a crop times the same gain per channel; and sometimes channels exchanged."""
    gain = np.exp(rng.normal(0, 0.15, (3, 1, 1))).astype(np.float32)
    order = rng.permutation(3) if rng.random() < 0.5 else np.arange(3)
    render = (0.5 * known[:3] + 0.5)[order] * gain
    known[:3] = 2 * render - 1
    for part in LAYERS:
        colours = slice(part.start, part.stop - 1)
        known[colours] = known[colours][order] * gain
    return known, photo[order] * gain


def _padded(image: np.ndarray[Any, Any], side: int) -> np.ndarray[Any, Any]:
    """[C, side, side], zeros beyond a small picture."""
    missing = ((0, 0), (0, side - image.shape[1]), (0, side - image.shape[2]))
    return np.ascontiguousarray(np.pad(image, missing)) if image.shape[1:] != (side, side) else image


assert LAYERS[-1].stop + 1 == CHANNELS
