"""Adam (Kingma 2015) on the Gaussians that were seen in this step; the others keep their parameters and moments.

Skipping what was not seen is what 3D Gaussian Splatting calls sparse Adam (Mallick 2024, Taming 3DGS, section 4.3).
"""

from dataclasses import dataclass

import numpy as np
from numba import prange
from numpy.typing import NDArray

from .jit import kernel
from .scratch import aligned_zeros
from .vec import LANES, vload, vsqrt, vstore

Float32 = NDArray[np.float32]

BETA1 = 0.9
BETA2 = 0.999
EPSILON = 1e-15
_CHUNKS = 32
_ONE = np.float32(1)


@kernel(parallel=True)
def _adam_rows(  # type: ignore[no-untyped-def]
    parameters, gradient, first, second, visible, rates, beta1, beta2, scale1, scale2, epsilon
):
    """All arrays [N, K], visible [N], rates [K]; scale1 and scale2 undo the moments' bias towards zero."""
    count, terms = parameters.shape
    whole = terms // LANES * LANES
    for chunk in prange(_CHUNKS):
        for i in range(chunk * count // _CHUNKS, (chunk + 1) * count // _CHUNKS):
            if not visible[i]:
                continue
            p, g, m, v = parameters[i], gradient[i], first[i], second[i]
            for k in range(0, whole, LANES):
                slope = vload(g, k)
                m_k = vload(m, k) * beta1 + slope * (_ONE - beta1)
                v_k = vload(v, k) * beta2 + slope * slope * (_ONE - beta2)
                vstore(m, k, m_k)
                vstore(v, k, v_k)
                vstore(p, k, vload(p, k) - vload(rates, k) * m_k * scale1 / (vsqrt(v_k * scale2) + epsilon))
            for k in range(whole, terms):
                m_k = m[k] * beta1 + g[k] * (_ONE - beta1)
                v_k = v[k] * beta2 + g[k] * g[k] * (_ONE - beta2)
                m[k] = m_k
                v[k] = v_k
                p[k] -= rates[k] * m_k * scale1 / (np.sqrt(v_k * scale2) + epsilon)


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
    each = np.ascontiguousarray(np.broadcast_to(np.asarray(rates, np.float32).reshape(-1), (terms,)))
    arrays = (a.reshape(count, terms) for a in (parameters, gradient, moments.first, moments.second))
    scale1, scale2 = 1 / (1 - BETA1**step), 1 / (1 - BETA2**step)
    constants = (np.float32(c) for c in (BETA1, BETA2, scale1, scale2, EPSILON))
    _adam_rows(*arrays, visible, each, *constants)
