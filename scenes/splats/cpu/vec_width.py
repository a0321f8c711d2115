"""How many float32 a vector of this machine holds; chosen once, when the engine is imported."""

import os

from numba.core import codegen, config

from cameras.errors import SettingsError

VARIABLE = "FLYTHROUGH_LANES"
WIDTHS = (4, 8, 16)


def enabled_features() -> frozenset[str]:
    """The instruction sets that Numba compiles for: those of the host, or those of ``NUMBA_CPU_FEATURES``."""
    asked = config.CPU_FEATURES  # type: ignore[attr-defined]
    described = codegen.get_host_cpu_features() if asked is None else asked
    return frozenset(name[1:] for name in described.split(",") if name.startswith("+"))


def lanes_for(features: frozenset[str]) -> int:
    """16 with AVX-512, 8 with AVX, and 4 elsewhere (SSE, NEON)."""
    if "avx512f" in features:
        return 16
    return 8 if "avx" in features else 4


def choose_lanes() -> int:
    """The width that the environment asks for, or that of the host.

    Raises:
        SettingsError: if FLYTHROUGH_LANES is none of 4, 8 and 16.
    """
    asked = os.environ.get(VARIABLE)
    if asked is None:
        return lanes_for(enabled_features())
    if asked.strip() not in map(str, WIDTHS):
        raise SettingsError(
            f"The environment variable {VARIABLE} should be 4, 8 or 16 (the numbers in a vector of the CPU engine), "
            f"but is '{asked}': change it, or remove it to follow the machine."
        )
    return int(asked)


LANES = choose_lanes()
