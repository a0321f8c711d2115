"""Which photos are compared with which, and what geometry agrees between them."""

import os
import shutil
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from cameras.reporting import Report

from .sfm_settings import PoseSettings
from .sfm_workdir import Workdir, WorkingCopy, write_whole

if TYPE_CHECKING:
    import pycolmap

Pair = tuple[int, int]

_CHUNKS = 60
_LEAST_CHUNK = 24


def choose_pairs(n_photos: int, is_sequence: bool, settings: PoseSettings) -> list[Pair]:
    """Indices (i < j) of photos to compare, sorted.

    All pairs of a small set; in a sequence the near ones, those at powers of two apart, and every k-th photo with each
    other, which closes loops.
    """
    if n_photos <= settings.exhaustive_photos:
        return list(combinations(range(n_photos), 2))
    pairs: set[Pair] = set()
    steps = sorted({*range(1, settings.sequence_overlap + 1), *(2**k for k in range(1, 9))})
    for i in range(n_photos):
        pairs.update((i, i + step) for step in steps if i + step < n_photos)
    stride = -(-n_photos // settings.exhaustive_photos)
    pairs.update(combinations(range(0, n_photos, stride), 2))
    return sorted(pairs)


def match_photos(
    copies: Sequence[WorkingCopy],
    pairs: Sequence[Pair],
    workdir: Workdir,
    settings: PoseSettings,
    seed: int,
    report: Report,
) -> None:
    """Makes ``workdir.matches``: the features with matches and two-view geometries of ``pairs``.

    A run that was killed goes on: pairs that the database holds are not matched again.
    """
    import pycolmap

    if workdir.matches.is_file():
        return
    partial = workdir.path / "matches.partial.db"
    if not partial.is_file():
        copied = workdir.path / "matches.copy.db"
        shutil.copyfile(workdir.features, copied)
        os.replace(copied, partial)
    listed = workdir.path / "pairs.txt"
    chunk = max(_LEAST_CHUNK, -(-len(pairs) // _CHUNKS))
    for start in range(0, len(pairs), chunk):
        names = [f"{copies[i].path.name} {copies[j].path.name}" for i, j in pairs[start : start + chunk]]
        write_whole(listed, "\n".join(names).encode() + b"\n")
        pycolmap.match_image_pairs(
            partial,
            matching_options=_matching_options(settings),
            pairing_options=pycolmap.ImportedPairingOptions(match_list_path=str(listed)),
            verification_options=_verification_options(settings, seed),
            device=pycolmap.Device.cpu,
        )
        done = min(start + chunk, len(pairs))
        report("match photos", done / len(pairs), {"pairs": done})
    listed.unlink(missing_ok=True)
    os.replace(partial, workdir.matches)


def _matching_options(settings: PoseSettings) -> "pycolmap.FeatureMatchingOptions":
    import pycolmap

    options = pycolmap.FeatureMatchingOptions()
    options.use_gpu = False
    options.num_threads = settings.threads
    options.sift.max_ratio = settings.max_ratio
    return options


def _verification_options(settings: PoseSettings, seed: int) -> "pycolmap.TwoViewGeometryOptions":
    """Every pair draws its own random numbers, so that the order in which threads take pairs does not matter."""
    import pycolmap

    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.random_seed = seed
    options.ransac.max_num_trials = settings.verification_trials
    return options
