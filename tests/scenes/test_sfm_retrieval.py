"""Photos that share features are found, and every pair that a large set needs is compared."""

import numpy as np

from scenes.captures.matching import sparse_pairs
from scenes.captures.retrieval import similarities


def test_photos_of_the_same_things_look_alike() -> None:
    rng = np.random.default_rng(0)
    places = [rng.integers(0, 90, size=(150, 128)).astype(np.uint8) for _ in range(4)]
    photos = [places[i % 4] + rng.integers(0, 6, size=(150, 128)).astype(np.uint8) for i in range(12)]
    alike = similarities(photos, seed=0)
    np.testing.assert_allclose(np.diag(alike), 1, atol=1e-5)
    np.testing.assert_allclose(alike, alike.T, atol=1e-6)
    for i in range(12):
        order = np.argsort(-alike[i])[1:3]
        assert {int(j) % 4 for j in order} == {i % 4}


def test_a_photo_without_features_is_like_none() -> None:
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 90, size=(80, 128)).astype(np.uint8), np.zeros((0, 128), np.uint8)]
    assert similarities(photos, seed=0)[1, 0] == 0


def test_a_sequence_pairs_what_follows_and_what_looks_alike() -> None:
    alike = np.zeros((200, 200), np.float32)
    alike[3, 190] = alike[190, 3] = 0.9
    pairs = sparse_pairs(alike, neighbours=1, overlap=5)
    assert {(10, 11), (10, 15), (10, 18), (3, 190)} <= set(pairs)
    assert pairs == sorted(set(pairs))
    assert all(i < j for i, j in pairs)
    assert len(pairs) < 200 * 14


def test_an_unordered_set_pairs_only_by_likeness() -> None:
    rng = np.random.default_rng(0)
    alike = rng.random((150, 150)).astype(np.float32)
    pairs = sparse_pairs(alike, neighbours=10, overlap=0)
    best = int(np.argsort(-np.where(np.eye(150) > 0, -1, alike)[7])[0])
    assert (min(7, best), max(7, best)) in set(pairs)
    assert len(pairs) <= 1500
