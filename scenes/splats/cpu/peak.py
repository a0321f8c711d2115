"""What the machine can do at best: fused multiply-adds and copying. The measure for the engine's own speed."""

import time

import numpy as np
from numba import prange

from .jit import exclusive_if_needed, kernel
from .vec import LANES, viota, vset, vstore

CHAINS = 14  # independent sums: they hide the latency of two units of multiply-add, and fit into 16 registers
ROUNDS = 2_000_000
REPETITIONS = 3
COPY_BYTES = 256 << 20


@kernel()
def _multiply_add(rounds, out):
    """Rounds of CHAINS independent multiply-adds on vectors, held in registers."""
    x = viota() * 1e-3 + 0.5
    a0, a1, a2, a3, a4, a5, a6 = x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6
    b0, b1, b2, b3, b4, b5, b6 = x + 7, x + 8, x + 9, x + 10, x + 11, x + 12, x + 13
    y = vset(out[0])
    for _ in range(rounds):
        a0, a1, a2, a3 = a0 * x + y, a1 * x + y, a2 * x + y, a3 * x + y
        a4, a5, a6 = a4 * x + y, a5 * x + y, a6 * x + y
        b0, b1, b2, b3 = b0 * x + y, b1 * x + y, b2 * x + y, b3 * x + y
        b4, b5, b6 = b4 * x + y, b5 * x + y, b6 * x + y
    vstore(out, 0, a0 + a1 + a2 + a3 + a4 + a5 + a6 + (b0 + b1 + b2 + b3 + b4 + b5 + b6))


@kernel(parallel=True)
def _multiply_add_on_threads(rounds, outs):
    for thread in prange(outs.shape[0]):
        _multiply_add(rounds, outs[thread])


def fma_gflops(threads: int, rounds: int = ROUNDS) -> float:
    """The best rate of packed fused multiply-adds on so many threads, in 1e9 floating point operations a second."""
    outs = np.full((threads, LANES), 0.25, np.float32)
    best = 0.0
    with exclusive_if_needed():
        _multiply_add_on_threads(1, outs)
        for _ in range(REPETITIONS):
            outs[:] = 0.25
            started = time.perf_counter()
            _multiply_add_on_threads(rounds, outs)
            seconds = time.perf_counter() - started
            best = max(best, 2 * CHAINS * LANES * rounds * threads / seconds / 1e9)
    return best


def copy_gb_per_s(size: int = COPY_BYTES) -> float:
    """The best rate of copying memory on one thread, in 1e9 bytes copied a second."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    best = 0.0
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        np.copyto(target, source)
        best = max(best, size / (time.perf_counter() - started) / 1e9)
    return best
