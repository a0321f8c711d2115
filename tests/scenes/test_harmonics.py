"""Spherical harmonics: orthonormal, closed under rotations, and the constant term."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scenes.splats.harmonics import basis_terms, constant_term_from_rgb, rgb_from_constant_term, rotate_coefficients


def sphere(n: int) -> np.ndarray:
    angle = np.arange(n) * np.pi * (3 - np.sqrt(5))
    z = (np.arange(n) + 0.5) * 2 / n - 1
    return np.stack([np.sqrt(1 - z * z) * np.cos(angle), np.sqrt(1 - z * z) * np.sin(angle), z])


def basis_at(directions: np.ndarray) -> np.ndarray:
    x, y, z = directions
    return np.stack(basis_terms(x, y, z, 3))


def test_the_basis_is_orthonormal_on_the_sphere():
    basis = basis_at(sphere(20000))
    np.testing.assert_allclose(basis @ basis.T * (4 * np.pi / 20000), np.eye(16), atol=2e-3)


@given(st.tuples(*[st.floats(-3, 3)] * 3), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_turning_the_coefficients_turns_the_colours(turn, seed):
    b_from_a = Rotation.from_rotvec(turn).as_matrix()
    sh = np.random.default_rng(seed).normal(size=(2, 3, 16)).astype(np.float32)
    directions = sphere(30)
    before = sh @ basis_at(directions)
    after = rotate_coefficients(sh, b_from_a) @ basis_at(b_from_a @ directions)
    np.testing.assert_allclose(after, before, atol=1e-5)


def test_the_constant_term_is_a_colour_and_back():
    rgb = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(rgb_from_constant_term(constant_term_from_rgb(rgb)), rgb)


@pytest.mark.parametrize("degree", [-1, 4])
def test_other_degrees_are_refused(degree):
    with pytest.raises(ValueError, match="0 to 3"):
        basis_terms(np.zeros(1), np.zeros(1), np.ones(1), degree)
