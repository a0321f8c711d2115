"""SIMD vectors for Numba: a value of ``LANES`` float32 with operators, loads, stores, masks and reductions.

Numba's automatic vectorisation is not dependable inside ``prange``, so the kernels say what is a vector. Inside a
compiled function::

    x = vload(a, i)                      # LANES numbers from the flat (or row) array a, from element i on
    y = vselect(x > 0.5, x * 2 + 1, 0)   # operators mix vectors with numbers; comparisons give masks
    vstore(b, i, y)
    s = vsum(y)                          # a float32

No bounds are checked: loads and stores may not leave the array. LLVM splits a vector that is wider than the
registers of the machine, so the same kernels run on AVX-512, AVX2, SSE and NEON.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.extending import intrinsic as _numba_intrinsic
from numba.core.extending import lower_builtin, register_model
from numba.core.typing.templates import AbstractTemplate, signature
from numba.core.typing.templates import infer_global as _numba_infer_global

LANES = 16

_FAST = ("nsz", "arcp", "contract", "afn", "reassoc")
_FLOAT = ir.FloatType()
_INT = ir.IntType(32)
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INT_VECTOR = ir.VectorType(_INT, LANES)
_RECIPROCAL_SEED = 0x7EF311C3  # 2**127-ish minus the bits of x: a first guess of 1/x within 12 %


infer_global: Any = _numba_infer_global


def intrinsic(function: Callable[..., Any]) -> Any:
    """Numba's decorator, typed so that a checker sees the call's own arguments and not the typing context."""
    return _numba_intrinsic(function)


class VectorType(types.Type):
    """The Numba type of ``LANES`` float32."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


class MaskType(types.Type):
    """The Numba type of ``LANES`` booleans, made by comparing vectors."""

    def __init__(self) -> None:
        super().__init__(name=f"mask{LANES}")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: VectorType) -> None:
        super().__init__(manager, numba_type, _VECTOR)


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: MaskType) -> None:
        super().__init__(manager, numba_type, ir.VectorType(ir.IntType(1), LANES))


vector_type = VectorType()
mask_type = MaskType()


# ---- code generation helpers -------------------------------------------------------------------------------------


def _broadcast(builder: Any, value: Any) -> Any:
    undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    first = builder.insert_element(undefined, value, _INT(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_INT_VECTOR, [0] * LANES))


def _as_vector(context: Any, builder: Any, numba_type: Any, value: Any) -> Any:
    if isinstance(numba_type, VectorType):
        return value
    return _broadcast(builder, context.cast(builder, value, numba_type, types.float32))


def _shuffle(builder: Any, a: Any, b: Any, lanes: Sequence[int]) -> Any:
    """Lane i of the result is lane ``lanes[i]`` of a and b laid end to end."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_INT, len(lanes)), list(lanes)))


def _address(context: Any, builder: Any, array_type: Any, array: Any, index_type: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    offset = context.cast(builder, index, index_type, types.intp)
    return builder.gep(data, [offset])


def _llvm_function(builder: Any, name: str, result: Any, arguments: Sequence[Any]) -> Any:
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, list(arguments)), name)


def _vectors_and_numbers(args: Sequence[Any]) -> bool:
    return any(isinstance(a, VectorType) for a in args) and all(isinstance(a, VectorType | types.Number) for a in args)


# ---- operators ---------------------------------------------------------------------------------------------------

_OPERANDS = ((VectorType, VectorType), (VectorType, types.Number), (types.Number, VectorType))


def _binary(function: Any, result: types.Type, build: Callable[[Any, Any, Any], Any]) -> None:
    """Teach Numba ``function(vector, vector)``, also where one side is a number."""

    class Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and _vectors_and_numbers(args):
                return signature(result, *args)
            return None

    infer_global(function)(Typing)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x, y = (_as_vector(context, builder, t, a) for t, a in zip(sig.args, args, strict=True))
        return build(builder, x, y)

    for operands in _OPERANDS:
        lower_builtin(function, *operands)(lower)


def _arithmetic(instruction: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, x, y: getattr(builder, instruction)(x, y, flags=_FAST)


def _comparison(symbol: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, x, y: builder.fcmp_ordered(symbol, x, y)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
    (operator.iadd, "fadd"),
    (operator.isub, "fsub"),
    (operator.imul, "fmul"),
):
    _binary(_function, vector_type, _arithmetic(_instruction))
for _function, _symbol in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
):
    _binary(_function, mask_type, _comparison(_symbol))


@infer_global(operator.neg)
class _NegateTyping(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(vector_type, *args) if isinstance(args[0], VectorType) else None


@lower_builtin(operator.neg, VectorType)
def _negate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.fneg(args[0])


def _mask_operator(function: Any, instruction: str) -> None:
    class Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and all(isinstance(a, MaskType) for a in args):
                return signature(mask_type, *args)
            return None

    infer_global(function)(Typing)

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args)

    lower_builtin(function, MaskType, MaskType)(lower)


_mask_operator(operator.and_, "and_")
_mask_operator(operator.or_, "or_")


# ---- memory ------------------------------------------------------------------------------------------------------


@intrinsic
def vload(typing_context: Any, array: Any, index: Any) -> Any:
    """The vector at ``array[index : index + LANES]`` of a contiguous float32 array."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _address(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        return builder.load(builder.bitcast(address, _VECTOR.as_pointer()), align=4)

    return vector_type(array, index), generate


@intrinsic
def vstore(typing_context: Any, array: Any, index: Any, vector: Any) -> Any:
    """Write a vector to ``array[index : index + LANES]`` of a contiguous float32 array."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _address(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        value = _as_vector(context, builder, sig.args[2], args[2])
        builder.store(value, builder.bitcast(address, _VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, index, vector), generate


def _prefetch(for_writing: bool) -> Any:
    @intrinsic
    def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            address = _address(context, builder, sig.args[0], args[0], sig.args[1], args[1])
            pointer = builder.bitcast(address, ir.IntType(8).as_pointer())
            arguments = [pointer.type, _INT, _INT, _INT]
            function = _llvm_function(builder, "llvm.prefetch.p0i8", ir.VoidType(), arguments)
            most_local, data_cache = 3, 1
            builder.call(function, [pointer, _INT(int(for_writing)), _INT(most_local), _INT(data_cache)])
            return context.get_dummy_value()

        return types.void(array, index), generate

    return prefetch


prefetch_read = _prefetch(for_writing=False)
prefetch_write = _prefetch(for_writing=True)


@intrinsic
def vload3(typing_context: Any, array: Any, index: Any) -> Any:
    """Three vectors from ``3 * LANES`` interleaved numbers (r, g, b, r, g, b, ...), from element ``index`` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = _address(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        pointer = builder.bitcast(start, _VECTOR.as_pointer())
        a, b, c = (builder.load(builder.gep(pointer, [ir.IntType(64)(n)]), align=4) for n in range(3))
        channels = []
        for channel in range(3):
            source = [3 * lane + channel for lane in range(LANES)]
            early = _shuffle(builder, a, b, [s if s < 2 * LANES else 0 for s in source])
            merge = [lane if s < 2 * LANES else s - LANES for lane, s in enumerate(source)]
            channels.append(_shuffle(builder, early, c, merge))
        return context.make_tuple(builder, sig.return_type, channels)

    return types.UniTuple(vector_type, 3)(array, index), generate


@intrinsic
def vstore3(typing_context: Any, array: Any, index: Any, red: Any, green: Any, blue: Any) -> Any:
    """Write three vectors interleaved (r, g, b, r, g, b, ...) to ``array[index : index + 3 * LANES]``."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = _address(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        pointer = builder.bitcast(start, _VECTOR.as_pointer())
        for part in range(3):
            places = [divmod(part * LANES + lane, 3) for lane in range(LANES)]
            two = _shuffle(builder, args[2], args[3], [pixel + LANES * (channel == 1) for pixel, channel in places])
            merge = [LANES + pixel if channel == 2 else lane for lane, (pixel, channel) in enumerate(places)]
            three = _shuffle(builder, two, args[4], merge)
            builder.store(three, builder.gep(pointer, [ir.IntType(64)(part)]), align=4)
        return context.get_dummy_value()

    return types.void(array, index, red, green, blue), generate


# ---- making and choosing -----------------------------------------------------------------------------------------


@intrinsic
def vset(typing_context: Any, value: Any) -> Any:
    """A vector with ``value`` in every lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _as_vector(context, builder, sig.args[0], args[0])

    return vector_type(value), generate


@intrinsic
def viota(typing_context: Any) -> Any:
    """The vector 0, 1, 2, ..., LANES - 1."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(_VECTOR, [float(lane) for lane in range(LANES)])

    return vector_type(), generate


@intrinsic
def vselect(typing_context: Any, mask: Any, if_true: Any, if_false: Any) -> Any:
    """``if_true`` in the lanes where the mask holds, else ``if_false``."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x = _as_vector(context, builder, sig.args[1], args[1])
        y = _as_vector(context, builder, sig.args[2], args[2])
        return builder.select(args[0], x, y)

    return vector_type(mask, if_true, if_false), generate


def _pick(builder: Any, symbol: str, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered(symbol, x, y), x, y)


def _extremum(symbol: str) -> Any:
    @intrinsic
    def extremum(typing_context: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            a, b = (_as_vector(context, builder, t, v) for t, v in zip(sig.args, args, strict=True))
            return _pick(builder, symbol, a, b)

        return vector_type(x, y), generate

    return extremum


vmin = _extremum("<")
vmax = _extremum(">")


# ---- reductions --------------------------------------------------------------------------------------------------


@intrinsic
def vsum(typing_context: Any, vector: Any) -> Any:
    """The sum of all lanes, as float32."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        name = f"llvm.vector.reduce.fadd.v{LANES}f32"
        function = _llvm_function(builder, name, _FLOAT, [_FLOAT, _VECTOR])
        return builder.call(function, [_FLOAT(0.0), args[0]], fastmath=_FAST)

    return types.float32(vector), generate


@intrinsic
def vmax_lane(typing_context: Any, vector: Any) -> Any:
    """The greatest lane, as float32."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value, width = args[0], LANES
        while width > 1:
            width //= 2
            low = _shuffle(builder, value, value, range(width))
            high = _shuffle(builder, value, value, range(width, 2 * width))
            value = _pick(builder, ">", low, high)
        return builder.extract_element(value, _INT(0))

    return types.float32(vector), generate


@intrinsic
def vany(typing_context: Any, mask: Any) -> Any:
    """Whether the mask holds in any lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.IntType(LANES)(0))

    return types.boolean(mask), generate


def _sum_pairs(builder: Any, a: Any, b: Any, low: Sequence[int], high: Sequence[int]) -> Any:
    return builder.fadd(_shuffle(builder, a, b, low), _shuffle(builder, a, b, high), flags=_FAST)


def _interleavings() -> list[tuple[list[int], list[int]]]:
    """Shuffles that fold two vectors into one, level by level: first inside groups of four lanes, then across them.

    All are single instructions of x86 (unpack, shuffle of 128-bit groups).
    """
    groups = range(0, LANES, 4)
    singles_low = [lane for g in groups for lane in (g, LANES + g, g + 1, LANES + g + 1)]
    singles_high = [lane for g in groups for lane in (g + 2, LANES + g + 2, g + 3, LANES + g + 3)]
    pairs_low = [lane for g in groups for lane in (g, g + 1, LANES + g, LANES + g + 1)]
    pairs_high = [lane + 2 for lane in pairs_low]
    levels = [(singles_low, singles_high), (pairs_low, pairs_high)]
    both = range(0, 2 * LANES, 8)
    fours_low = [g + lane for g in both for lane in range(4)]
    fours_high = [lane + 4 for lane in fours_low]
    folds = (LANES // 4).bit_length() - 1
    return levels + [(fours_low, fours_high)] * folds


@intrinsic
def vsum_each(typing_context: Any, vectors: Any) -> Any:
    """Lane i of the result is the sum of all lanes of ``vectors[i]``, for a tuple of at most LANES vectors.

    A folding transpose: about two shuffles a vector where one ``vsum`` needs four. Lanes past the tuple are 0.
    """

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        zero = ir.Constant(_VECTOR, [0.0] * LANES)
        level = cgutils.unpack_tuple(builder, args[0])
        for low, high in _interleavings():
            padded = [*level, zero] if len(level) % 2 else level
            level = [_sum_pairs(builder, a, b, low, high) for a, b in zip(padded[::2], padded[1::2], strict=True)]
        return level[0]

    return vector_type(vectors), generate


@intrinsic
def vtranspose(typing_context: Any, vectors: Any) -> Any:
    """A tuple of LANES vectors as a square matrix, transposed: lane i of vector j becomes lane j of vector i."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        rows = list(cgutils.unpack_tuple(builder, args[0]))
        stride = LANES // 2
        while stride:
            lanes = range(LANES)
            first = [lane if not lane & stride else LANES + lane - stride for lane in lanes]
            second = [lane + stride if not lane & stride else LANES + lane for lane in lanes]
            for i in (i for i in lanes if not i & stride):
                a, b = rows[i], rows[i + stride]
                rows[i], rows[i + stride] = _shuffle(builder, a, b, first), _shuffle(builder, a, b, second)
            stride //= 2
        return context.make_tuple(builder, sig.return_type, rows)

    return types.UniTuple(vector_type, LANES)(vectors), generate


# ---- arithmetic with its own instructions ------------------------------------------------------------------------


@intrinsic
def vsqrt(typing_context: Any, vector: Any) -> Any:
    """The square root of every lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        function = _llvm_function(builder, f"llvm.sqrt.v{LANES}f32", _VECTOR, [_VECTOR])
        return builder.call(function, [args[0]])

    return vector_type(vector), generate


def _has_rcp14(context: Any) -> bool:
    return LANES == 16 and "+avx512f" in context.codegen().magic_tuple()[2].split(",")


def _newton_step(builder: Any, x: Any, guess: Any) -> Any:
    two = ir.Constant(_VECTOR, [2.0] * LANES)
    error = builder.fsub(two, builder.fmul(x, guess, flags=_FAST), flags=_FAST)
    return builder.fmul(guess, error, flags=_FAST)


@intrinsic
def vreciprocal(typing_context: Any, vector: Any) -> Any:
    """1 / x of every lane within 2e-7 relative, for positive normal x.

    AVX-512 has an estimate of 14 bits, which one Newton step completes; elsewhere the bits of x give the first guess.
    """

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x = args[0]
        if _has_rcp14(context):
            mask = ir.IntType(16)
            function = _llvm_function(builder, "llvm.x86.avx512.rcp14.ps.512", _VECTOR, [_VECTOR, _VECTOR, mask])
            return _newton_step(builder, x, builder.call(function, [x, ir.Constant(_VECTOR, None), mask(0xFFFF)]))
        seed = ir.Constant(_INT_VECTOR, [_RECIPROCAL_SEED] * LANES)
        guess = builder.bitcast(builder.sub(seed, builder.bitcast(x, _INT_VECTOR)), _VECTOR)
        for _ in range(3):
            guess = _newton_step(builder, x, guess)
        return guess

    return vector_type(vector), generate


@intrinsic
def vpow2_of_integer(typing_context: Any, vector: Any) -> Any:
    """2**n of every lane, for whole n in -126 .. 127 (the exponent bits are written)."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        biased = builder.fadd(args[0], ir.Constant(_VECTOR, [127.0] * LANES))
        bits = builder.shl(builder.fptosi(biased, _INT_VECTOR), ir.Constant(_INT_VECTOR, [23] * LANES))
        return builder.bitcast(bits, _VECTOR)

    return vector_type(vector), generate


@intrinsic
def vexponent(typing_context: Any, vector: Any) -> Any:
    """The whole n with 2**n <= x < 2**(n + 1) of every lane, for positive normal x."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        shift = ir.Constant(_INT_VECTOR, [23] * LANES)
        biased = builder.sitofp(builder.lshr(builder.bitcast(args[0], _INT_VECTOR), shift), _VECTOR)
        return builder.fsub(biased, ir.Constant(_VECTOR, [127.0] * LANES))

    return vector_type(vector), generate


@intrinsic
def vfloor(typing_context: Any, vector: Any) -> Any:
    """The greatest whole number not above every lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        function = _llvm_function(builder, f"llvm.floor.v{LANES}f32", _VECTOR, [_VECTOR])
        return builder.call(function, [args[0]])

    return vector_type(vector), generate


@intrinsic
def float_bits(typing_context: Any, value: Any) -> Any:
    """The 32 bits of a float32 as int32: for positive numbers, a key that sorts like the number."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], _INT)

    return types.int32(types.float32), generate


def _rounding(name: str) -> Any:
    @intrinsic
    def rounded(typing_context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            function = _llvm_function(builder, f"llvm.{name}.f32", _FLOAT, [_FLOAT])
            return builder.fptosi(builder.call(function, [args[0]]), ir.IntType(64))

        return types.int64(types.float32), generate

    return rounded


# The floor and the ceiling of a float32 as int64, in one instruction: ``math.floor`` calls the C library, which costs
# an inner loop all its vector registers.
floor_to_int = _rounding("floor")
ceil_to_int = _rounding("ceil")
