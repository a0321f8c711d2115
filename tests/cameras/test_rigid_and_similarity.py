import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.conventions import (
    OPENCV_FROM_OPENGL,
    opencv_from_opengl_pose,
    opengl_from_opencv_pose,
    z_up_from_axis_up,
    z_up_from_y_up,
)
from cameras.rigid import Rigid
from cameras.rotations import angle_rad, look_rotation, rotation_exp
from cameras.similarity import Similarity, align_sim3

seeds = st.integers(0, 2**32 - 1)


def random_rigid(seed: int) -> Rigid:
    rng = np.random.default_rng(seed)
    return Rigid(rotation_exp(rng.normal(size=3)), rng.normal(size=3))


def random_similarity(seed: int) -> Similarity:
    rng = np.random.default_rng(seed)
    return Similarity(float(np.exp(rng.normal())), rotation_exp(rng.normal(size=3)), rng.normal(size=3))


@given(seed=seeds)
def test_rigid_transforms_are_a_group(seed: int) -> None:
    a, b, c = random_rigid(seed), random_rigid(seed + 1), random_rigid(seed + 2)
    np.testing.assert_allclose(((a @ b) @ c).matrix(), (a @ (b @ c)).matrix(), atol=1e-12)
    np.testing.assert_allclose((a @ a.inverse()).matrix(), np.eye(4), atol=1e-12)
    np.testing.assert_allclose((a @ b).matrix(), a.matrix() @ b.matrix(), atol=1e-12)
    np.testing.assert_allclose(Rigid.from_matrix(a.matrix()).matrix(), a.matrix(), atol=0)
    np.testing.assert_allclose((a @ b).apply(np.ones((4, 3))), a.apply(b.apply(np.ones((4, 3)))), atol=1e-12)


@given(seed=seeds)
def test_similarities_are_a_group_and_move_poses_with_points(seed: int) -> None:
    a, b, pose = random_similarity(seed), random_similarity(seed + 1), random_rigid(seed + 2)
    points = np.random.default_rng(seed).normal(size=(5, 3))
    np.testing.assert_allclose((a @ b).apply(points), a.apply(b.apply(points)), atol=1e-10)
    np.testing.assert_allclose(a.inverse().apply(a.apply(points)), points, atol=1e-10)
    seen_before = pose.inverse().apply(points)
    seen_after = a.apply_pose(pose).inverse().apply(a.apply(points))
    np.testing.assert_allclose(seen_after, a.scale * seen_before, atol=1e-9)


@given(seed=seeds, n=st.integers(3, 30))
def test_align_finds_the_similarity_back(seed: int, n: int) -> None:
    truth = random_similarity(seed)
    points = np.random.default_rng(seed).normal(size=(n, 3))
    found = align_sim3(points, truth.apply(points))
    np.testing.assert_allclose(found.apply(points), truth.apply(points), atol=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_robust_alignment_bears_wrong_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = random_similarity(seed)
    points = rng.normal(size=(40, 3))
    target = truth.apply(points) + 1e-3 * rng.normal(size=(40, 3))
    target[:14] += 5 * rng.normal(size=(14, 3))
    found = align_sim3(points, target, robust=True)
    assert found.scale == pytest.approx(truth.scale, rel=5e-3)
    assert float(angle_rad(found.rotation, truth.rotation)) < 5e-3
    plain = align_sim3(points, target)
    assert np.abs(plain.apply(points) - truth.apply(points)).max() > 0.1


def test_alignment_never_mirrors() -> None:
    points = np.random.default_rng(0).normal(size=(10, 3))
    found = align_sim3(points, points * (1, 1, -1))
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_alignment_refuses_what_has_no_answer() -> None:
    line = np.outer(np.arange(5.0), (1, 2, 3))
    with pytest.raises(ValueError, match="not on one line"):
        align_sim3(line, line)
    with pytest.raises(ValueError, match="at least 3 points"):
        align_sim3(line[:2], line[:2])
    with pytest.raises(ValueError, match=r"\[N, 3\]"):
        align_sim3(line, line[:3])
    with pytest.raises(ValueError, match="finite"):
        align_sim3(line * np.nan, line)
    with pytest.raises(ValueError, match="scale must be positive"):
        Similarity(0.0, np.eye(3), np.zeros(3))
    with pytest.raises(ValueError, match="translation must be"):
        Similarity(1.0, np.eye(3), np.zeros(2))


def test_rigid_refuses_what_is_none() -> None:
    with pytest.raises(ValueError, match="last row"):
        Rigid.from_matrix(np.ones((4, 4)))
    with pytest.raises(ValueError, match="got shape"):
        Rigid.from_matrix(np.eye(3))
    with pytest.raises(ValueError, match="3 finite numbers"):
        Rigid(np.eye(3), np.array([0, 0, np.nan]))


def test_conventions_with_hand_made_numbers() -> None:
    np.testing.assert_array_equal(OPENCV_FROM_OPENGL @ [1, 0, 2], [1, 0, -2])
    np.testing.assert_array_equal(z_up_from_y_up().apply([1, 2, 3]), [1, -3, 2])
    # An OpenGL camera at rest in a +y-up world looks along -z; in ours that is +y, with the image's down along -z.
    pose = z_up_from_y_up() @ opencv_from_opengl_pose(Rigid.identity())
    np.testing.assert_allclose(pose.rotation, look_rotation([0, 1, 0], [0, 0, 1]), atol=1e-15)
    np.testing.assert_allclose(pose.rotation, [[1, 0, 0], [0, 0, 1], [0, -1, 0]], atol=1e-15)


@pytest.mark.parametrize("axis", ["+x", "-x", "+y", "-y", "+z", "-z"])
def test_every_up_axis_becomes_z(axis: str) -> None:
    up = np.zeros(3)
    up["xyz".index(axis[1])] = 1 if axis[0] == "+" else -1
    np.testing.assert_array_equal(z_up_from_axis_up(axis).apply(up), [0, 0, 1])


@given(seed=seeds)
def test_opengl_and_opencv_poses_are_inverse(seed: int) -> None:
    pose = random_rigid(seed)
    np.testing.assert_array_equal(opengl_from_opencv_pose(opencv_from_opengl_pose(pose)).matrix(), pose.matrix())


def test_an_unknown_up_axis_is_refused() -> None:
    with pytest.raises(ValueError, match=r"up_axis must be one of \+x"):
        z_up_from_axis_up("y")
