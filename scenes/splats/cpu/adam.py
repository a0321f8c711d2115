"""Adam (Kingma 2015) on the Gaussians that were seen in this step; the others keep their parameters and moments.

Skipping what was not seen is what 3D Gaussian Splatting calls sparse Adam (Mallick 2024, Taming 3DGS, section 4.3).
"""

from dataclasses import dataclass

import numpy as np
from numba import prange
from numpy.typing import NDArray

from .jit import kernel
from .scratch import aligned_zeros, scratch
from .vec import LANES, vload, vselect, vsqrt, vstore

Float32 = NDArray[np.float32]

BETA1 = 0.9
BETA2 = 0.999
EPSILON = 1e-15
_CHUNKS = 32


@kernel(inline=True)
def _move_number(p, g, m, v, at, rate, how):
    beta1, beta2, new1, new2, scale1, scale2, epsilon = how
    m[at] = m[at] * beta1 + g[at] * new1
    v[at] = v[at] * beta2 + g[at] * g[at] * new2
    p[at] -= rate * m[at] * scale1 / (np.sqrt(v[at] * scale2) + epsilon)


@kernel(inline=True)
def _move_vector(p, g, m, v, at, rates, how, seen):
    """LANES numbers; only those move that were seen (all, if it is None)."""
    beta1, beta2, new1, new2, scale1, scale2, epsilon = how
    slope, before, m_before, v_before = vload(g, at), vload(p, at), vload(m, at), vload(v, at)
    m_now = m_before * beta1 + slope * new1
    v_now = v_before * beta2 + slope * slope * new2
    now = before - rates * m_now * scale1 / (vsqrt(v_now * scale2) + epsilon)
    if seen is None:
        vstore(m, at, m_now)
        vstore(v, at, v_now)
        vstore(p, at, now)
    else:
        vstore(m, at, vselect(seen, m_now, m_before))
        vstore(v, at, vselect(seen, v_now, v_before))
        vstore(p, at, vselect(seen, now, before))


@kernel()
def _long_rows(first_row, last_row, terms, p, g, m, v, visible, rates, how):
    """Row by row: the whole vectors of a row, then what is left of it."""
    whole = terms // LANES * LANES
    for i in range(first_row, last_row):
        if visible[i]:
            for k in range(0, whole, LANES):
                _move_vector(p, g, m, v, i * terms + k, vload(rates, k), how, None)
            for k in range(whole, terms):
                _move_number(p, g, m, v, i * terms + k, rates[k], how)


@kernel()
def _short_rows(first_row, last_row, terms, p, g, m, v, visible, rates, how):
    """LANES rows at once, which are as many vectors as a row has numbers; then the rows that are left."""
    seen, each = scratch(LANES * terms), scratch(LANES * terms)
    for k in range(LANES * terms):
        each[k] = rates[k % terms]
    whole = first_row + (last_row - first_row) // LANES * LANES
    for start in range(first_row, whole, LANES):
        any_seen = False
        for lane in range(LANES):
            any_seen |= visible[start + lane]
            for k in range(terms):
                seen[lane * terms + k] = np.float32(visible[start + lane])
        if any_seen:
            for k in range(0, LANES * terms, LANES):
                _move_vector(p, g, m, v, start * terms + k, vload(each, k), how, vload(seen, k) > 0)
    _long_rows(whole, last_row, terms, p, g, m, v, visible, rates, how)


@kernel(parallel=True)
def _adam(terms, parameters, gradient, first, second, visible, rates, how):
    """Arrays are flat [N * terms], visible [N], rates [terms]; ``how`` is that of ``adam_step``."""
    count = visible.shape[0]
    for chunk in prange(_CHUNKS):
        begin, end = chunk * count // _CHUNKS, (chunk + 1) * count // _CHUNKS
        if terms < LANES:
            _short_rows(begin, end, terms, parameters, gradient, first, second, visible, rates, how)
        else:
            _long_rows(begin, end, terms, parameters, gradient, first, second, visible, rates, how)


@dataclass(eq=False)
class Moments:
    """Running means of the gradient and of its square, shaped like the parameters."""

    first: Float32
    second: Float32

    @classmethod
    def zeros_like(cls, parameters: Float32) -> "Moments":
        return cls(aligned_zeros(parameters.shape), aligned_zeros(parameters.shape))


def adam_step(
    parameters: Float32,
    gradient: Float32,
    moments: Moments,
    visible: NDArray[np.bool_],
    rates: float | Float32,
    step: int,
) -> None:
    """One step, in place.

    Args:
        parameters, gradient: [N, ...]; rows of the gradient that are not visible may hold anything.
        moments: of the same shape.
        visible: [N] which rows move.
        rates: the step size, one for all or one for each number of a row.
        step: how many steps were made with this one, from 1.
    """
    count = len(parameters)
    if count == 0:
        return
    terms = parameters.size // count
    each = np.array(np.broadcast_to(np.asarray(rates, np.float32).reshape(-1), (terms,)))  # never read-only
    arrays = (a.reshape(-1) for a in (parameters, gradient, moments.first, moments.second))
    scale1, scale2 = 1 / (1 - BETA1**step), 1 / (1 - BETA2**step)
    # In float64 first: in float32, 1 - BETA2 is wrong in its fifth digit.
    how = tuple(np.float32(c) for c in (BETA1, BETA2, 1 - BETA1, 1 - BETA2, scale1, scale2, EPSILON))
    _adam(terms, *arrays, visible, each, how)
