"""Which photos are compared with which, and what geometry agrees between them."""

import os
import shutil
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cameras.reporting import Report

from .retrieval import read_descriptors, similarities
from .sfm_settings import PoseSettings
from .sfm_workdir import Workdir, WorkingCopy, write_whole

if TYPE_CHECKING:
    import pycolmap

Pair = tuple[int, int]

_CHUNKS = 60
_LEAST_CHUNK = 24


def choose_pairs(
    copies: Sequence[WorkingCopy], is_sequence: bool, workdir: Workdir, settings: PoseSettings
) -> list[Pair]:
    """Indices (i < j) of photos to compare, sorted: all pairs of a small set, else those that look most alike and, in a
    sequence, those that follow each other; likeness closes a sequence's loops."""
    n_photos = len(copies)
    if n_photos <= settings.exhaustive_photos:
        return list(combinations(range(n_photos), 2))
    alike = similarities(read_descriptors(workdir.features, n_photos), seed=0)
    neighbours = settings.sequence_neighbours if is_sequence else settings.neighbours
    return sparse_pairs(alike, neighbours, settings.sequence_overlap if is_sequence else 0)


def sparse_pairs(alike: NDArray[np.float32], neighbours: int, overlap: int) -> list[Pair]:
    """Each photo with its most similar ones, and with ``overlap`` following ones and those at powers of two apart.

    Args:
        alike: [N, N] similarities.
        neighbours: how many similar photos each one is paired with, those that it follows anyway not counted.
        overlap: of a sequence; 0 if photos that follow each other need not overlap.
    """
    n_photos = len(alike)
    steps = sorted({*range(1, overlap + 1), *(2**k for k in range(1, 9))}) if overlap else []
    pairs = {(i, i + step) for i in range(n_photos) for step in steps if i + step < n_photos}
    distance = np.abs(np.subtract.outer(np.arange(n_photos), np.arange(n_photos)))
    far = np.where(distance > overlap, alike, -np.inf)
    for i in range(n_photos):
        for j in np.argsort(-far[i], kind="stable")[:neighbours]:
            if distance[i, j] > overlap:
                pairs.add((min(i, int(j)), max(i, int(j))))
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
