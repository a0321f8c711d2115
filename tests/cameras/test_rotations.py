import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.arrays import angles_between_rad
from cameras.rotations import (
    angle_rad,
    check_rotation,
    look_rotation,
    matrix_from_quaternion,
    nearest_rotation,
    quaternion_from_matrix,
    rotation_exp,
    rotation_from_axis_angle,
    rotation_log,
    slerp,
)

seeds = st.integers(0, 2**32 - 1)
# Rotation angles that reach both ends, where series and square roots take over.
angles = st.one_of(st.floats(0, math.pi), st.floats(0, 1e-7), st.floats(math.pi - 1e-7, math.pi))


def random_axis(seed: int) -> np.ndarray:
    axis = np.random.default_rng(seed).normal(size=3)
    return axis / np.linalg.norm(axis)


@given(seed=seeds, angle=angles)
def test_exp_and_log_are_inverse(seed: int, angle: float) -> None:
    r = rotation_exp(angle * random_axis(seed))
    check_rotation(r)
    np.testing.assert_allclose(rotation_exp(rotation_log(r)), r, atol=1e-12)
    assert float(np.linalg.norm(rotation_log(r))) == pytest.approx(angle, abs=1e-12)


@given(seed=seeds, angle=angles)
def test_quaternions_and_matrices_are_inverse(seed: int, angle: float) -> None:
    r = rotation_from_axis_angle(3.0 * random_axis(seed), angle)
    q = quaternion_from_matrix(r)
    assert float(np.linalg.norm(q)) == pytest.approx(1, abs=1e-15)
    assert q[0] >= 0
    np.testing.assert_allclose(matrix_from_quaternion(-2.5 * q), r, atol=1e-12)


@given(seed=seeds, a=angles, b=angles)
def test_the_geodesic_angle_is_a_metric_that_turns_leave_alone(seed: int, a: float, b: float) -> None:
    r, s, t = (rotation_exp(x * random_axis(seed + i)) for i, x in enumerate((a, b, 1.0)))
    assert float(angle_rad(r, s)) == pytest.approx(float(angle_rad(t @ r, t @ s)), abs=1e-9)
    assert float(angle_rad(r, t)) <= float(angle_rad(r, s)) + float(angle_rad(s, t)) + 1e-9


@given(seed=seeds, angle=angles, fraction=st.floats(0, 1))
def test_slerp_divides_the_angle_whatever_the_sign(seed: int, angle: float, fraction: float) -> None:
    a = quaternion_from_matrix(rotation_exp(random_axis(seed)))
    r = matrix_from_quaternion(a) @ rotation_exp(angle * random_axis(seed + 1))
    b = quaternion_from_matrix(r)
    middle = matrix_from_quaternion(slerp(a, -b, fraction))
    assert float(angle_rad(matrix_from_quaternion(a), middle)) == pytest.approx(fraction * angle, abs=1e-7)


@given(seed=seeds)
def test_nearest_rotation_undoes_noise_and_scale_and_mirrors(seed: int) -> None:
    r = rotation_exp(2 * random_axis(seed))
    np.testing.assert_allclose(nearest_rotation(3 * r), r, atol=1e-12)
    noisy = r + 0.05 * np.random.default_rng(seed).normal(size=(3, 3))
    assert float(angle_rad(nearest_rotation(noisy), r)) < 0.4
    check_rotation(nearest_rotation(-np.eye(3)))


@given(seed=seeds)
def test_look_rotation_looks_there_and_is_level(seed: int) -> None:
    forward, up = random_axis(seed), random_axis(seed + 1)
    r = check_rotation(look_rotation(5 * forward, 2 * up))
    assert float(angles_between_rad(r[:, 2], forward)) < 1e-9
    assert abs(float(r[:, 0] @ up)) < 1e-9
    assert float(-r[:, 1] @ up) >= -1e-9


def test_look_rotation_straight_down_and_up_has_a_defined_answer() -> None:
    np.testing.assert_allclose(look_rotation([0, 0, -1], [0, 0, 1]), [[1, 0, 0], [0, -1, 0], [0, 0, -1]], atol=1e-15)
    np.testing.assert_allclose(-look_rotation([0, 0, 1], [0, 0, 1])[:, 1], [0, 1, 0], atol=1e-15)
    np.testing.assert_allclose(-look_rotation([0, 1, 0], [0, 1, 0])[:, 1], [1, 0, 0], atol=1e-15)


def test_hand_made_numbers() -> None:
    half = math.sqrt(0.5)
    np.testing.assert_allclose(matrix_from_quaternion([half, 0, 0, half]) @ [1, 0, 0], [0, 1, 0], atol=1e-15)
    np.testing.assert_allclose(rotation_from_axis_angle([0, 0, 2], math.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-15)
    np.testing.assert_allclose(look_rotation([0, 1, 0], [0, 0, 1]), [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-15)


def test_batches_agree_with_single_calls() -> None:
    vectors = np.random.default_rng(0).normal(size=(2, 3, 3))
    batch = rotation_exp(vectors)
    for i in np.ndindex(2, 3):
        np.testing.assert_array_equal(batch[i], rotation_exp(vectors[i]))
        np.testing.assert_array_equal(quaternion_from_matrix(batch)[i], quaternion_from_matrix(batch[i]))
    np.testing.assert_allclose(rotation_log(batch), rotation_log(rotation_exp(rotation_log(batch))), atol=1e-12)


def test_what_is_no_rotation_is_refused() -> None:
    with pytest.raises(ValueError, match="not a rotation"):
        check_rotation(np.diag([1.0, 1, -1]))
    with pytest.raises(ValueError, match=r"finite \[3, 3\]"):
        check_rotation(np.eye(4))
    with pytest.raises(ValueError, match="not zero"):
        matrix_from_quaternion([0, 0, 0, 0])
    with pytest.raises(ValueError, match="must not be zero"):
        rotation_from_axis_angle([0, 0, 0], 1)
    with pytest.raises(ValueError, match="not zero"):
        look_rotation([0, 0, 0], [0, 0, 1])
