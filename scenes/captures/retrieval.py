"""Which photos look alike, from their features alone: no vocabulary has to be fetched."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Descriptors = NDArray[np.uint8]
Floats = NDArray[np.float32]

_WORDS = 64
_ROUNDS = 8
_FEATURES_A_PHOTO = 1000
_SAMPLES = 20_000


def read_descriptors(database_path: Path, n_photos: int) -> list[Descriptors]:
    """[K, 128] of the largest features of every photo in a database whose images are numbered from 1."""
    import pycolmap

    database = pycolmap.Database.open(database_path)
    chosen: list[Descriptors] = []
    for image_id in range(1, n_photos + 1):
        keypoints = database.read_keypoints(image_id)
        # Columns 2 and 4 are the feature's first axis: its length is the size of the feature.
        order = np.argsort(-np.hypot(keypoints[:, 2], keypoints[:, 4]), kind="stable")[:_FEATURES_A_PHOTO]
        chosen.append(np.asarray(database.read_descriptors(image_id).data, dtype=np.uint8)[order])
    database.close()
    return chosen


def similarities(descriptors: Sequence[Descriptors], seed: int) -> Floats:
    """[N, N] cosine similarity of VLAD signatures (Jégou et al. 2010, with the intra-normalisation of Arandjelović &
    Zisserman 2013) over words learned from these very photos.

    Args:
        descriptors: [K, 128] of each photo; K may be zero.
        seed: of the choice of the first words.
    """
    rng = np.random.default_rng(seed)
    pool = np.concatenate([rows for rows in descriptors if len(rows)] or [np.zeros((1, 128), np.uint8)])
    samples = pool[rng.permutation(len(pool))[:_SAMPLES]].astype(np.float32)
    words = _learn_words(samples)
    signatures = np.stack([_signature(rows.astype(np.float32), words) for rows in descriptors])
    return signatures @ signatures.T


def _learn_words(samples: Floats) -> Floats:
    """Lloyd's k-means from the first samples (which are in random order)."""
    words = samples[:_WORDS].copy()
    for _ in range(_ROUNDS):
        nearest = _nearest(samples, words)
        counts = np.bincount(nearest, minlength=len(words))
        sums = np.zeros_like(words)
        np.add.at(sums, nearest, samples)
        words = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], words)
    return words


def _nearest(rows: Floats, words: Floats) -> NDArray[np.intp]:
    return np.argmin(np.sum(words**2, axis=1) - 2 * rows @ words.T, axis=1)


def _signature(rows: Floats, words: Floats) -> Floats:
    residuals = np.zeros_like(words)
    if len(rows):
        nearest = _nearest(rows, words)
        np.add.at(residuals, nearest, rows - words[nearest])
    residuals /= np.maximum(np.linalg.norm(residuals, axis=1, keepdims=True), 1e-9)
    signature = residuals.ravel()
    return signature / max(float(np.linalg.norm(signature)), 1e-9)
