"""Operations of ``vec`` that have their own instructions or play with the bits of numbers."""

from typing import Any

from llvmlite import ir
from numba.core import types

from .vec_types import (
    FAST,
    FLOAT,
    INT,
    INT_VECTOR,
    VECTOR,
    intrinsic,
    llvm_function,
    vector_type,
)
from .vec_width import LANES, enabled_features

_RECIPROCAL_SEED = 0x7EF311C3  # 2**127-ish minus the bits of x: a first guess of 1/x within 12 %


@intrinsic
def vsqrt(typing_context: Any, vector: Any) -> Any:
    """The square root of every lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        function = llvm_function(builder, f"llvm.sqrt.v{LANES}f32", VECTOR, [VECTOR])
        return builder.call(function, [args[0]])

    return vector_type(vector), generate


def _estimated_reciprocal(builder: Any, x: Any) -> Any | None:
    """The estimate that x86 has an instruction for, of 12 bits or more; None elsewhere."""
    features = enabled_features()
    if LANES == 16 and "avx512f" in features:
        mask = ir.IntType(16)
        function = llvm_function(builder, "llvm.x86.avx512.rcp14.ps.512", VECTOR, [VECTOR, VECTOR, mask])
        return builder.call(function, [x, ir.Constant(VECTOR, None), mask(0xFFFF)])
    if LANES == 8 and "avx" in features:
        return builder.call(llvm_function(builder, "llvm.x86.avx.rcp.ps.256", VECTOR, [VECTOR]), [x])
    if LANES == 4 and "sse" in features:
        return builder.call(llvm_function(builder, "llvm.x86.sse.rcp.ps", VECTOR, [VECTOR]), [x])
    return None


def _newton_step(builder: Any, x: Any, guess: Any) -> Any:
    two = ir.Constant(VECTOR, [2.0] * LANES)
    error = builder.fsub(two, builder.fmul(x, guess, flags=FAST), flags=FAST)
    return builder.fmul(guess, error, flags=FAST)


@intrinsic
def vreciprocal(typing_context: Any, vector: Any) -> Any:
    """1 / x of every lane within 4e-7 relative, for positive normal x.

    x86 has an estimate of 12 or 14 bits, which one Newton step completes; elsewhere the bits of x give the first guess.
    """

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x = args[0]
        estimate = _estimated_reciprocal(builder, x)
        if estimate is not None:
            return _newton_step(builder, x, estimate)
        seed = ir.Constant(INT_VECTOR, [_RECIPROCAL_SEED] * LANES)
        guess = builder.bitcast(builder.sub(seed, builder.bitcast(x, INT_VECTOR)), VECTOR)
        for _ in range(3):
            guess = _newton_step(builder, x, guess)
        return guess

    return vector_type(vector), generate


@intrinsic
def vpow2_of_integer(typing_context: Any, vector: Any) -> Any:
    """2**n of every lane, for whole n in -126 .. 127 (the exponent bits are written)."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        biased = builder.fadd(args[0], ir.Constant(VECTOR, [127.0] * LANES))
        bits = builder.shl(builder.fptosi(biased, INT_VECTOR), ir.Constant(INT_VECTOR, [23] * LANES))
        return builder.bitcast(bits, VECTOR)

    return vector_type(vector), generate


@intrinsic
def vexponent(typing_context: Any, vector: Any) -> Any:
    """The whole n with 2**n <= x < 2**(n + 1) of every lane, for positive normal x."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        shift = ir.Constant(INT_VECTOR, [23] * LANES)
        biased = builder.sitofp(builder.lshr(builder.bitcast(args[0], INT_VECTOR), shift), VECTOR)
        return builder.fsub(biased, ir.Constant(VECTOR, [127.0] * LANES))

    return vector_type(vector), generate


@intrinsic
def vfloor(typing_context: Any, vector: Any) -> Any:
    """The greatest whole number not above every lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        function = llvm_function(builder, f"llvm.floor.v{LANES}f32", VECTOR, [VECTOR])
        return builder.call(function, [args[0]])

    return vector_type(vector), generate


@intrinsic
def float_bits(typing_context: Any, value: Any) -> Any:
    """The 32 bits of a float32 as int32: for positive numbers, a key that sorts like the number."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], INT)

    return types.int32(types.float32), generate


def _rounding(name: str) -> Any:
    @intrinsic
    def rounded(typing_context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            function = llvm_function(builder, f"llvm.{name}.f32", FLOAT, [FLOAT])
            return builder.fptosi(builder.call(function, [args[0]]), ir.IntType(64))

        return types.int64(types.float32), generate

    return rounded


# The floor and the ceiling of a float32 as int64, in one instruction: ``math.floor`` calls the C library, which costs
# an inner loop all its vector registers.
floor_to_int = _rounding("floor")
ceil_to_int = _rounding("ceil")
