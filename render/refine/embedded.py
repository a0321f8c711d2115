"""``embedded``: our own small diffusion bridge, with weights in the package, that learns the scene's own photos."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from cameras.errors import InstallationError
from cameras.reporting import Report, silent

from .base import Capability, FrameBundle, Licence, Pair, Refined
from .base_data import sample_of
from .bridge import Bridge, BridgeConfig, previous_of, restored
from .bridge_training import Training, TrainingSettings
from .features import features

WEIGHTS_FILE = Path(__file__).parent / "weights" / "embedded.safetensors"
_RATE = 1.5e-4
CHECKPOINT_EVERY = 100
CHECKPOINT_FOLDER = "learn"
LEARNT_FILE = "learnt.safetensors"


class EmbeddedRefiner:
    """The embedded model; see ``base.Refiner`` and ``bridge``."""

    name = "embedded"
    capabilities: frozenset[Capability] = frozenset(("learns",))
    licence = Licence("Apache-2.0", True)
    noise_channels = 1

    def __init__(self, steps: int = 1, weights: Path = WEIGHTS_FILE) -> None:
        """Reads the weights.

        Args:
            steps: of the bridge for a frame; 1 restores, 2 to 4 add detail.

        Raises:
            InstallationError: if the weights are not there or not whole.
        """
        self.steps = steps
        self.model, self._about = load_bridge(weights)
        self._weights = weights
        self._learnt: dict[str, object] = {}

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(self._weights.read_bytes()).hexdigest()

    @property
    def provenance(self) -> Mapping[str, object]:
        return {"weights": self._digest, "steps": self.steps, "learnt": self._learnt, **self._about}

    def prepare(
        self, pairs: Sequence[Pair], steps: int, seed: int, workdir: Path | None, report: Report = silent
    ) -> Mapping[str, object]:
        if not pairs or steps < 1:
            return {"steps": 0}
        settings = TrainingSettings(steps, rate=_RATE, drop_layer=0.05)
        training = Training(self.model, [sample_of(pair) for pair in pairs], settings, seed)
        folder = None if workdir is None else workdir / CHECKPOINT_FOLDER
        identity = f"{self._digest} {settings} {seed} {[pair.name for pair in pairs]}"
        if folder is not None:
            training.resume(folder, identity)
            keep = folder

            def checkpoint(step: int) -> None:
                if step % CHECKPOINT_EVERY == 0 or step == steps:
                    training.save(keep, identity)

            training.run(steps, report, checkpoint)
        else:
            training.run(steps, report)
        self.model = training.averaged()
        self._learnt = {"steps": steps, "photos": len(pairs), "seed": seed}
        return {"steps": steps, "photos": len(pairs), "loss": round(training.loss, 5)}

    def keep(self, folder: Path) -> None:
        """Writes the learnt weights; from here on the refiner uses them as they are written, in half precision."""
        save_bridge(self.model, folder / LEARNT_FILE, {"learnt": json.dumps(self._learnt)})
        self.recall(folder)

    def recall(self, folder: Path) -> None:
        """Reads what ``keep`` wrote."""
        self.model, about = load_bridge(folder / LEARNT_FILE)
        self._learnt = json.loads(str(about["learnt"]))

    def refine(self, bundle: FrameBundle, seed: int) -> Refined:
        """The noise belongs to the surface already, so the seed changes nothing here."""
        with torch.inference_mode():
            known = torch.from_numpy(np.ascontiguousarray(features(bundle).transpose(2, 0, 1)))[None]
            noise = torch.from_numpy(np.ascontiguousarray(bundle.noise[..., 0]))[None, None]
            previous = torch.zeros(1, 4, bundle.height, bundle.width)
            if bundle.previous is not None and bundle.previous_valid is not None:
                before = torch.from_numpy(np.ascontiguousarray(bundle.previous.transpose(2, 0, 1)))[None]
                valid = torch.from_numpy(bundle.previous_valid.astype(np.float32))[None, None]
                previous = previous_of(before, valid, known)
            found = restored(self.model, known, previous, noise, self.steps)
            rgb = found.clamp(0, 1)[0].permute(1, 2, 0).contiguous().numpy()
        return Refined(rgb)


def load_bridge(weights: Path) -> tuple[Bridge, dict[str, object]]:
    """A model from its file, and what the file says about it.

    Raises:
        InstallationError: if the file is not there or not whole.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="pt") as file:
            about = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name).float() for name in sorted(file.keys())}
        config = json.loads(about["config"])
        model = Bridge(BridgeConfig(config["block"], tuple(config["channels"]), config["layers"]))
        model.load_state_dict(tensors)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise InstallationError(
            f"the weights of the embedded refiner were expected in {weights}, but they cannot be read: install "
            "flythrough again, or make them with flythrough refine train-base."
        ) from error
    return model.eval(), {name: value for name, value in about.items() if name != "format"}


def save_bridge(model: Bridge, path: Path, about: Mapping[str, str]) -> None:
    """Writes the weights in half precision, under another name until they are whole."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().half().contiguous() for name, value in model.state_dict().items()}
    growing = path.with_name(f".{path.name}.part")
    save_file(tensors, growing, {**about, "config": json.dumps(model.config.as_json())})
    growing.replace(path)
