"""The compositing kernels are packed fused multiply-adds on registers as wide as the engine's vectors."""

import platform
import re
from collections import Counter
from typing import Any

import numba
import pytest
from numba import float32, int32, int64, none

from scenes.splats.cpu import compositing, compositing_gradient
from scenes.splats.cpu.vec import LANES
from scenes.splats.cpu.vec_width import enabled_features

REGISTERS = {16: "zmm", 8: "ymm", 4: "xmm"}
FORWARD_AT_LEAST, BACKWARD_AT_LEAST = 10, 15  # of the polynomial and the sums: what no compiler would leave out

pytestmark = [
    pytest.mark.skipif(
        platform.machine().lower() not in ("x86_64", "amd64"), reason="reads the assembly of x86 processors"
    ),
    pytest.mark.skipif("fma" not in enabled_features(), reason="this processor has no fused multiply-add"),
]

_lists = (int64[::1], int32[::1], int32[::1])
_image, _plane = float32[:, :, ::1], float32[:, ::1]
_records = float32[:, ::1]
SHARES = {
    "forward": (
        compositing._compose_share,
        (int64, int64, _records, *_lists, float32[::1], _image, _plane, int32[::1], none, none),
        FORWARD_AT_LEAST,
    ),
    "backward": (
        compositing_gradient._differentiate_share,
        (int64, int64, _records, *_lists, int32[::1], _image, _image, _plane, _records, none),
        BACKWARD_AT_LEAST,
    ),
}


@pytest.mark.parametrize("name", SHARES)
def test_multiply_adds_fill_the_registers(name: str) -> None:
    share, signature, at_least = SHARES[name]
    compiled = numba.njit(**_flags(share))(share.py_func)
    compiled.compile(signature)
    (assembly,) = compiled.inspect_asm().values()
    multiply_adds = re.findall(r"^\s*vfn?m(?:add|sub)\d+ps\s.*?%([xyz]mm)", assembly, re.MULTILINE)
    found = Counter(multiply_adds)
    assert found[REGISTERS[LANES]] >= at_least, found
    wider = [register for lanes, register in REGISTERS.items() if lanes > LANES]
    assert not any(found[register] for register in wider), found


def _flags(share: Any) -> dict[str, Any]:
    """The options that the engine compiles this kernel with."""
    return {k: v for k, v in share.targetoptions.items() if k in ("fastmath", "error_model", "nogil")}
