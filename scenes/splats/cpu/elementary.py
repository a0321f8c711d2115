"""Elementary functions of vectors, as polynomials: no library call, no table, about float32 accuracy."""

import numpy as np

from .jit import kernel
from .vec import LANES, vexponent, vfloor, vload, vpow2_of_integer, vselect, vstore

LOG2_E = 1.4426950408889634
LN_2 = 0.6931471805599453


@kernel(inline=True)
def vpow2_eighth(u):
    """2**(8 u) for u in [-1, 0] within 6e-7 relative: a polynomial of degree 5 for 2**u, squared three times.

    Outside of that range the result means nothing (it may be infinite).
    """
    p = 0.055279720574617386 + u * (0.009188610129058361 + u * 0.0009387877071276307)
    p = 0.9999999403953552 + u * (0.6931422352790833 + u * (0.24017219245433807 + u * p))
    p = p * p
    p = p * p
    return p * p


@kernel(inline=True)
def vexp(x):
    """e**x for x in [-87, 88] within 1e-6 relative (about 6e-8 |x|)."""
    y = x * LOG2_E
    whole = vfloor(y + 0.5)
    f = (y - whole) * LN_2
    high = 1 / 24 + f * (1 / 120 + f * (1 / 720 + f * (1 / 5040)))
    return (1 + f * (1 + f * (1 / 2 + f * (1 / 6 + f * high)))) * vpow2_of_integer(whole)


@kernel(inline=True)
def vlog2(x):
    """The logarithm to base 2 of positive normal x within 2e-7 absolute or relative, by the series of artanh."""
    exponent = vexponent(x)
    mantissa = x * vpow2_of_integer(-exponent)
    large = mantissa > 1.4142135
    mantissa = vselect(large, mantissa * 0.5, mantissa)
    exponent = exponent + vselect(large, 1, 0)
    s = (mantissa - 1) / (mantissa + 1)
    ss = s * s
    series = 1 + ss * (1 / 3 + ss * (1 / 5 + ss * (1 / 7 + ss * (1 / 9))))
    return exponent + s * series * (2 * LOG2_E)


@kernel()
def _probe(values):
    vstore(values, 0, vexp(vload(values, 0)))


def compiles() -> str | None:
    """None if a vector kernel compiles and gives the right numbers on this machine, else why not, in one line."""
    values = np.linspace(-5, 5, LANES, dtype=np.float32)
    wanted = np.exp(values)
    try:
        _probe(values)
    except Exception as error:  # whatever Numba or LLVM raise on an odd machine
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None if np.allclose(values, wanted, rtol=1e-5) else "a test kernel gave wrong numbers"
