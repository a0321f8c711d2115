"""A fit on disk: one safetensors file, which is either whole or not there.

What is needed to go on stands in the arrays; whether it belongs to this fit, in the JSON of the file's header.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cameras.errors import InputError
from scenes.captures.capture import SparsePoints
from scenes.captures.pixels import PosedPhoto

from .gaussians import Gaussians
from .model import PARAMETERS
from .settings import FitSettings

FILE_NAME = "fit.safetensors"
_VERSION = 1
_NOTES = "flythrough"

Arrays = dict[str, NDArray[np.generic]]


def fit_identity(
    settings: FitSettings,
    seed: int,
    made_by: int | str,
    photos: Sequence[PosedPhoto],
    held_out: Sequence[str],
    points: SparsePoints,
    start: Gaussians | None,
) -> str:
    """A hash of all that decides what the fit will give; ``made_by`` is that of its ``steps.Stepper``."""
    digest = hashlib.blake2b(digest_size=16)
    plain = [_VERSION, settings.to_json(), seed, made_by, sorted(held_out)]
    digest.update(json.dumps(plain, sort_keys=True).encode())
    for photo in photos:
        lens, pose = photo.camera.intrinsics, photo.camera.world_from_camera
        numbers = [lens.width, lens.height, lens.fx, lens.fy, lens.cx, lens.cy, photo.weight]
        digest.update(json.dumps([photo.name, *numbers]).encode() + pose.matrix().tobytes())
        for plane in (photo.rgb, photo.valid, photo.alpha):
            digest.update(b"none" if plane is None else np.ascontiguousarray(plane).tobytes())
    digest.update(points.positions_world.tobytes() + points.colors.tobytes())
    if start is not None:
        for name in PARAMETERS:
            digest.update(getattr(start, name).tobytes())
    return digest.hexdigest()


def save_checkpoint(workdir: Path, arrays: Mapping[str, NDArray[np.generic]], identity: str, step: int) -> None:
    """Writes the state after ``step`` steps under a temporary name and renames it when it is safely on disk."""
    from safetensors.numpy import save_file

    workdir.mkdir(parents=True, exist_ok=True)
    temporary = workdir / f".{FILE_NAME}.part"
    notes = json.dumps({"identity": identity, "step": step})
    save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, temporary, {_NOTES: notes})
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(workdir / FILE_NAME)


def load_checkpoint(workdir: Path, identity: str) -> tuple[Arrays, int] | None:
    """The arrays of this very fit and how many steps were made; None, with a warning, if the file is of no use."""
    path = workdir / FILE_NAME
    if not path.exists():
        return None
    try:
        arrays, notes = _read(path)
    except InputError as error:
        warnings.warn(f"{error} The fit starts anew.", stacklevel=3)
        return None
    if notes.get("identity") != identity:
        warnings.warn(
            f"The checkpoint {path} belongs to other photos or settings, so it is not used: the fit starts anew.",
            stacklevel=3,
        )
        return None
    return arrays, int(str(notes["step"]))


def _read(path: Path) -> tuple[Arrays, Mapping[str, object]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            notes = json.loads((file.metadata() or {})[_NOTES])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise InputError(f"The checkpoint {path} cannot be read ({error}).") from error
    return arrays, notes
