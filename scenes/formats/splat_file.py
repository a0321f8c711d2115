"""What every file of Gaussian splats holds, whatever its format, and what may be in it."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cameras.errors import InputError
from scenes.splats.gaussians import Gaussians

UpAxis = Literal["+z", "+y", "-y"]
MOST_GAUSSIANS = 50_000_000
"""More in one file are taken for a broken count: they would need 12 GB."""
_LARGEST_COORDINATE = 1e18
_LARGEST_LOG_SCALE = 40.0
_FAINTEST_OPACITY = 1 / 255


@dataclass(frozen=True)
class SplatFile:
    """What a file of splats holds, in the file's own axes.

    Attributes:
        gaussians: bands that the file does not have are zero; rows that are no numbers are left out.
        sh_degree: 0 to 3, of the file.
        up_axis: which of the file's axes is up, None if the file does not say.
        antialiased: whether they were fitted with the opacity compensation of Mip-Splatting, None if the file does not
            say.
        extras: what our own writer noted (antialiased, background, world, provenance); empty in other tools' files.
    """

    gaussians: Gaussians
    sh_degree: int
    up_axis: UpAxis | None = None
    antialiased: bool | None = None
    extras: Mapping[str, object] = field(default_factory=dict[str, object])


def checked(path: Path, file: SplatFile) -> SplatFile:
    """The file without rows that are no numbers.

    Raises:
        InputError: if none is left.
    """
    usable = usable_rows(file.gaussians)
    if not usable.any():
        count = len(file.gaussians)
        raise InputError(f"{path} holds no usable Gaussian: all {count} rows have values that are no numbers.")
    return file if usable.all() else replace(file, gaussians=file.gaussians.select(usable))


@contextmanager
def written_whole(path: Path) -> Generator[Path]:
    """A temporary name beside ``path``, renamed to it at the end, and gone if that is not reached."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def usable_rows(gaussians: Gaussians) -> NDArray[np.bool_]:
    """[N] which Gaussians are numbers that can be rendered: finite, of a sane size, with a rotation."""
    with np.errstate(invalid="ignore", over="ignore"):
        good = (np.abs(gaussians.means) < _LARGEST_COORDINATE).all(axis=1)
        good &= (np.abs(gaussians.log_scales) < _LARGEST_LOG_SCALE).all(axis=1)
        length = np.linalg.norm(gaussians.quaternions_wxyz.astype(np.float64), axis=1)
        good &= (length > 1e-12) & (length < _LARGEST_COORDINATE) & np.isfinite(gaussians.logit_opacities)
        good &= np.isfinite(gaussians.sh).all(axis=(1, 2))
    return good


def visible_rows(gaussians: Gaussians) -> NDArray[np.bool_]:
    """[N] which Gaussians are usable and can leave a mark in an 8-bit image: opacity at least 1/255."""
    threshold = np.log(_FAINTEST_OPACITY / (1 - _FAINTEST_OPACITY))
    return usable_rows(gaussians) & (gaussians.logit_opacities >= np.float32(threshold))
