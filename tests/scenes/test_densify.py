"""More Gaussians without another picture, and never more than the budget."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from scenes.splats.densify import count_after, densify, rotate, rounds, shared_out
from scenes.splats.gaussians import Gaussians
from scenes.splats.model import PARAMETERS, SplatModel
from scenes.splats.settings import FitSettings


def gaussians(count: int, seed: int = 0) -> Gaussians:
    rng = np.random.default_rng(seed)
    return Gaussians(
        means=rng.normal(size=(count, 3)).astype(np.float32),
        quaternions_wxyz=rng.normal(size=(count, 4)).astype(np.float32),
        log_scales=rng.normal(-2, 0.3, (count, 3)).astype(np.float32),
        logit_opacities=rng.normal(0, 2, count).astype(np.float32),
        sh=rng.normal(size=(count, 3, 16)).astype(np.float32),
    )


@given(opacity=st.floats(0.01, 0.99), copies=st.integers(1, 20))
def test_copies_let_through_as_much_light_as_their_source(opacity: float, copies: int) -> None:
    each, factor = shared_out(np.array([opacity]), np.array([copies]))
    assert (1 - each[0]) ** copies == pytest.approx(1 - opacity)
    assert factor[0] == pytest.approx(1) if copies == 1 else factor[0] > 0


@pytest.mark.parametrize("copies", [2, 3, 5])
@pytest.mark.parametrize("opacity", [0.2, 0.6, 0.95])
def test_copies_cover_as_much_as_their_source(copies: int, opacity: float) -> None:
    """The integral over a line through the centre is kept: what equation 9 of Kheradmand 2024 solves for."""
    each, factor = shared_out(np.array([opacity]), np.array([copies]))
    x = np.linspace(-12, 12, 20001)
    one = opacity * np.exp(-(x**2) / 2)
    many = 1 - (1 - each[0] * np.exp(-(x**2) / (2 * factor[0] ** 2))) ** copies
    assert np.trapezoid(many, x) == pytest.approx(np.trapezoid(one, x), rel=1e-3)


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 60), target=st.integers(1, 120), seed=st.integers(0, 50))
def test_a_round_reaches_its_goal_within_the_budget(count: int, target: int, seed: int) -> None:
    model = SplatModel(gaussians(count, seed), capacity=100)
    rng = np.random.default_rng(seed)
    model.scores[:count] = rng.random(count)
    for name in PARAMETERS:
        model.moments(name).first[...] = 1
    before = model.gaussians.select(np.arange(count))
    faint = before.opacities < 0.005
    densify(model, FitSettings.for_iterations(100), target, seed, step=10)
    assert model.count == max(count, min(target, 100)) or faint.all()
    assert not model.scores.any()
    assert np.isfinite(model.gaussians.log_scales).all()
    if not faint.all():
        assert (model.gaussians.opacities >= 0.0049).all()
    assert not model.moments("sh").first[count:].any()
    kept = ~faint & (model.gaussians.logit_opacities[:count] == before.logit_opacities)
    np.testing.assert_array_equal(model.gaussians.means[:count][kept], before.means[kept])


def test_new_ones_come_from_where_the_loss_pulled() -> None:
    model = SplatModel(gaussians(20), capacity=60)
    model.gaussians.logit_opacities[:] = 1
    model.scores[7] = 1
    before = model.gaussians.means[7].copy()
    densify(model, FitSettings.for_iterations(100), 60, 0, 0)
    distance = np.linalg.norm(model.gaussians.means[20:] - before, axis=1)
    assert distance.max() < 5 * np.exp(-2 + 1.0)
    np.testing.assert_array_equal(model.gaussians.sh[20:], np.repeat(model.gaussians.sh[7:8], 40, axis=0))


def test_without_any_pull_nothing_changes() -> None:
    model = SplatModel(gaussians(20), capacity=60)
    densify(model, FitSettings.for_iterations(100), 60, 0, 0)
    assert model.count == 20


def test_growth_ends_at_the_budget() -> None:
    plan = replace(FitSettings.for_iterations(3000), max_gaussians=5000)
    counts = [count_after(plan, 100, k) for k in range(len(rounds(plan)))]
    assert counts == sorted(counts)
    assert counts[-1] == 5000
    assert all(0.08 * 3000 <= step <= 0.6 * 3000 for step in rounds(plan))


def test_vectors_are_turned_as_scipy_turns_them() -> None:
    rng = np.random.default_rng(3)
    quaternions = rng.normal(size=(9, 4)).astype(np.float32)
    vectors = rng.normal(size=(9, 3)).astype(np.float32)
    wanted = Rotation.from_quat(quaternions, scalar_first=True).apply(vectors)
    np.testing.assert_allclose(rotate(quaternions, vectors), wanted, atol=1e-5)
    assert math.isclose(np.linalg.norm(rotate(quaternions, vectors)), np.linalg.norm(vectors), rel_tol=1e-5)


def test_the_budget_is_a_wall() -> None:
    with pytest.raises(ValueError, match="do not fit into a budget of 3"):
        SplatModel(gaussians(4), capacity=3)
    model = SplatModel(gaussians(3), capacity=3)
    with pytest.raises(ValueError, match="past the budget"):
        model.overwrite(np.array([3]), gaussians(1))
