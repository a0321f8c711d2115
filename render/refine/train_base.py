"""``flythrough refine train-base``: the base weights from nothing but rooms that do not exist; in parts, resumable."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from cameras.errors import InputError, SettingsError
from cameras.reporting import Report, silent

from .base_data import MAX_GAUSSIANS, VARIANTS, Sample, read_samples, room_samples, write_samples
from .bridge import Bridge
from .bridge_training import Training, TrainingSettings
from .embedded import load_bridge, save_bridge

SAVE_EVERY = 200
HELD_ROOMS_EVERY = 8
STEPS = 8000


@dataclass(frozen=True)
class BaseWish:
    """What to train.

    Attributes:
        rooms: folders made by ``examples/make_room.py --draft``.
        workdir: keeps samples and the checkpoint; a run that was stopped goes on from it.
        output: the weights; a model card is written beside them.
        minutes: stop after so long; the next run goes on. The weights are written when all steps are done.
        start: weights to go on from instead of none.
    """

    rooms: tuple[Path, ...]
    workdir: Path
    output: Path
    settings: TrainingSettings = field(default_factory=lambda: TrainingSettings(STEPS))
    seed: int = 0
    minutes: float = 60.0
    start: Path | None = None


def train_base(wish: BaseWish, report: Report = silent) -> dict[str, object]:
    """Makes the samples that are missing, then trains as far as the minutes reach; figures, JSON-able.

    The minutes decide only where a part ends: the weights after the last step are the same in one part or in many.

    Raises:
        InputError: if a room is not one.
        SettingsError: if there is none.
    """
    if not wish.rooms:
        raise SettingsError(
            "train-base needs rooms to learn from; make some with python examples/make_room.py --draft."
        )
    began = time.monotonic()
    files = [_samples_file(room, wish, report, index) for index, room in enumerate(wish.rooms)]
    held = files[HELD_ROOMS_EVERY - 1 :: HELD_ROOMS_EVERY]
    samples = [sample for file in files if file not in held for sample in read_samples(file)]
    torch.manual_seed(wish.seed)
    model = Bridge() if wish.start is None else load_bridge(wish.start)[0].train()
    training = Training(model, samples, wish.settings, wish.seed)
    identity = _identity(wish, files)
    training.resume(wish.workdir, identity)
    while training.step < wish.settings.steps and time.monotonic() - began < 60 * wish.minutes:
        training.run(training.step + SAVE_EVERY, report)
        training.save(wish.workdir, identity)
    done = training.step == wish.settings.steps
    figures: dict[str, object] = {
        "steps": training.step,
        "of": wish.settings.steps,
        "samples": len(samples),
        "rooms": len(files),
        "rooms_held_out": len(held),
        "loss": round(training.loss, 5),
    }
    if done:
        model = training.averaged()
        unseen = [sample for file in held for sample in read_samples(file)]
        figures |= score_samples(model, unseen)
        about = {"seed": str(wish.seed), "rooms": str(len(files)), "steps": str(training.step), "identity": identity}
        save_bridge(model, wish.output, about)
        write_card(wish, figures)
    return figures


def _samples_file(room: Path, wish: BaseWish, report: Report, index: int) -> Path:
    file = wish.workdir / "samples" / f"{room.resolve().name}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_samples(
            room_samples(room, wish.workdir / "points" / room.resolve().name, seed=index, report=report), file
        )
    return file


def _identity(wish: BaseWish, files: Sequence[Path]) -> str:
    """Changes with everything that the weights hang on."""
    words: list[object] = [asdict(wish.settings), wish.seed, [file.name for file in files]]
    words.append("" if wish.start is None else hashlib.sha256(wish.start.read_bytes()).hexdigest())
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]


def score_samples(model: Bridge, samples: Sequence[Sample]) -> dict[str, object]:
    """Mean PSNR of renders and of restored pictures of samples, in dB, and the share that got worse by 0.1 dB."""
    import numpy as np

    from .bridge import restored

    if not samples:
        return {}
    before: list[float] = []
    after: list[float] = []
    for sample in samples:
        with torch.inference_mode():
            known = torch.from_numpy(sample.features.astype(np.float32))[None]
            height, width = known.shape[2:]
            nothing = torch.zeros(1, 4, height, width)
            found = restored(model, known, nothing, torch.zeros(1, 1, height, width)).clamp(0, 1)[0].numpy()
        photo, render = (
            sample.photo.astype(np.float32) / np.float32(255),
            0.5 * sample.features[:3].astype(np.float32) + 0.5,
        )
        valid = np.broadcast_to(sample.valid, photo.shape)
        before.append(float(-10 * np.log10(max(1e-10, np.square(render - photo)[valid].mean()))))
        after.append(float(-10 * np.log10(max(1e-10, np.square(found - photo)[valid].mean()))))
    worse = np.mean([b - a > 0.1 for b, a in zip(before, after, strict=True)])
    return {
        "held_out_samples": len(samples),
        "render_psnr": round(float(np.mean(before)), 3),
        "refined_psnr": round(float(np.mean(after)), 3),
        "share_worse": round(float(worse), 4),
    }


def write_card(wish: BaseWish, figures: dict[str, object]) -> None:
    """The model card beside the weights: what they are, how they were made, and their hash."""
    digest = hashlib.sha256(wish.output.read_bytes()).hexdigest()
    variants = "; ".join(
        f"{'every' if v.every > 0 else 'all but every'} {abs(v.every)}. photo, {v.photo_passes:g} photo passes"
        for v in VARIANTS
    )
    rooms = ", ".join(room.resolve().name for room in wish.rooms)
    rows = "\n".join(f"| {name} | {value} |" for name, value in figures.items())
    text = f"""# Weights of the embedded refiner

A diffusion bridge from a render of Gaussian splats to the photo of the same view (`render/refine/bridge.py`).
Licence: Apache-2.0. SHA-256 of `{wish.output.name}`: `{digest}`.

Data: {figures["rooms"]} furnished rooms that do not exist, made and path-traced by `examples/make_room.py --draft`
({rooms}); no photograph of anybody or anything is among them.
Each room was fitted with at most {MAX_GAUSSIANS:,} Gaussians ({variants}).
Pictures that a fit did not see are the pairs. Every {HELD_ROOMS_EVERY}th room was kept for the figures below.

Made by `flythrough refine train-base` with seed {wish.seed}: {json.dumps(asdict(wish.settings))}

| figure | value |
|---|---|
{rows}

Meant for renders of this program's own splats, with the scene's photos beside them; the film's guard measures on the
scene itself how much of what it says is kept. One step gives the mean of the photos that are possible: it restores and
does not invent.
"""
    (wish.output.parent / "README.md").write_text(text, encoding="utf-8")


def check_rooms(rooms: Sequence[Path]) -> None:
    """Raises InputError if a folder is no room."""
    for room in rooms:
        if not (room / "cameras.json").is_file():
            raise InputError(
                f"a room made by examples/make_room.py was expected in {room}, but it has no cameras.json; make one "
                f"with python examples/make_room.py --seed 101 --draft --out {room}"
            )
