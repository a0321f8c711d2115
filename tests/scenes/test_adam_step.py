"""The Adam kernel against the paper's algorithm in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.splats.cpu.adam import BETA1, BETA2, EPSILON, Moments, adam_step


@settings(max_examples=20, deadline=None)
@given(
    count=st.integers(0, 70),
    row=st.sampled_from([(), (3,), (4,), (3, 16), (17,)]),
    steps=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_steps_are_those_of_the_paper(count: int, row: tuple[int, ...], steps: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parameters = rng.normal(size=(count, *row)).astype(np.float32)
    terms = int(np.prod(row))
    rates = rng.uniform(1e-3, 1e-1, terms).astype(np.float32)
    moments = Moments.zeros_like(parameters)
    slow = parameters.reshape(count, terms).astype(np.float64)
    first, second = np.zeros_like(slow), np.zeros_like(slow)
    for step in range(1, steps + 1):
        gradient = rng.normal(size=parameters.shape).astype(np.float32)
        visible = rng.random(count) < 0.6
        adam_step(parameters, gradient, moments, visible, rates, step)
        g = gradient.reshape(count, terms)[visible].astype(np.float64)
        first[visible] = BETA1 * first[visible] + (1 - BETA1) * g
        second[visible] = BETA2 * second[visible] + (1 - BETA2) * g**2
        m = first[visible] / (1 - BETA1**step)
        v = second[visible] / (1 - BETA2**step)
        slow[visible] -= rates * m / (np.sqrt(v) + EPSILON)
    np.testing.assert_allclose(parameters.reshape(count, terms), slow, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moments.second.reshape(count, terms), second, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("row", [(), (3,), (3, 16)])
def test_what_was_not_seen_stays_untouched(row: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    parameters = rng.normal(size=(50, *row)).astype(np.float32)
    before, seen = parameters.copy(), np.arange(50) % 7 == 3
    moments = Moments.zeros_like(parameters)
    gradient = np.full_like(parameters, np.nan)
    gradient[seen] = 1
    adam_step(parameters, gradient, moments, seen, 0.1, 1)
    np.testing.assert_array_equal(parameters[~seen], before[~seen])
    np.testing.assert_allclose(parameters[seen], before[seen] - 0.1, rtol=1e-5, atol=1e-6)
    assert not moments.first[~seen].any()
    assert not moments.second[~seen].any()


def test_one_rate_serves_all_numbers_of_a_row() -> None:
    parameters = np.zeros((2, 3), np.float32)
    adam_step(parameters, np.ones((2, 3), np.float32), Moments.zeros_like(parameters), np.ones(2, np.bool_), 0.5, 1)
    np.testing.assert_allclose(parameters, -0.5, rtol=1e-5)
