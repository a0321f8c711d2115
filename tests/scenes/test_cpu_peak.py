"""The machine's limits are positive numbers of the right size."""

from scenes.splats.cpu import peak


def test_the_limits_are_measured():
    assert 0.5 < peak.fma_gflops(1, rounds=2000) < 1e5
    assert 0.05 < peak.copy_gb_per_s(size=1 << 20) < 1e4
