"""Operations of ``vec`` that move numbers between lanes: reductions, rows to columns, interleaved pixels."""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from .vec_types import (
    FAST,
    FLOAT,
    INT,
    ROW,
    VECTOR,
    address_of,
    intrinsic,
    llvm_function,
    pick,
    shuffle,
    vector_type,
)
from .vec_width import LANES


@intrinsic
def vload3(typing_context: Any, array: Any, index: Any) -> Any:
    """Three vectors from ``3 * LANES`` interleaved numbers (r, g, b, r, g, b, ...), from element ``index`` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        pointer = builder.bitcast(start, VECTOR.as_pointer())
        a, b, c = (builder.load(builder.gep(pointer, [ir.IntType(64)(n)]), align=4) for n in range(3))
        channels = []
        for channel in range(3):
            source = [3 * lane + channel for lane in range(LANES)]
            early = shuffle(builder, a, b, [s if s < 2 * LANES else 0 for s in source])
            merge = [lane if s < 2 * LANES else s - LANES for lane, s in enumerate(source)]
            channels.append(shuffle(builder, early, c, merge))
        return context.make_tuple(builder, sig.return_type, channels)

    return types.UniTuple(vector_type, 3)(array, index), generate


@intrinsic
def vstore3(typing_context: Any, array: Any, index: Any, red: Any, green: Any, blue: Any) -> Any:
    """Write three vectors interleaved (r, g, b, r, g, b, ...) to ``array[index : index + 3 * LANES]``."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        pointer = builder.bitcast(start, VECTOR.as_pointer())
        for part in range(3):
            places = [divmod(part * LANES + lane, 3) for lane in range(LANES)]
            two = shuffle(builder, args[2], args[3], [pixel + LANES * (channel == 1) for pixel, channel in places])
            merge = [LANES + pixel if channel == 2 else lane for lane, (pixel, channel) in enumerate(places)]
            three = shuffle(builder, two, args[4], merge)
            builder.store(three, builder.gep(pointer, [ir.IntType(64)(part)]), align=4)
        return context.get_dummy_value()

    return types.void(array, index, red, green, blue), generate


@intrinsic
def vsum(typing_context: Any, vector: Any) -> Any:
    """The sum of all lanes, as float32."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        name = f"llvm.vector.reduce.fadd.v{LANES}f32"
        function = llvm_function(builder, name, FLOAT, [FLOAT, VECTOR])
        return builder.call(function, [FLOAT(0.0), args[0]], fastmath=FAST)

    return types.float32(vector), generate


@intrinsic
def vmax_lane(typing_context: Any, vector: Any) -> Any:
    """The greatest lane, as float32."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        value, width = args[0], LANES
        while width > 1:
            width //= 2
            low = shuffle(builder, value, value, range(width))
            high = shuffle(builder, value, value, range(width, 2 * width))
            value = pick(builder, ">", low, high)
        return builder.extract_element(value, INT(0))

    return types.float32(vector), generate


@intrinsic
def vany(typing_context: Any, mask: Any) -> Any:
    """Whether the mask holds in any lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits = builder.bitcast(args[0], ir.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, ir.IntType(LANES)(0))

    return types.boolean(mask), generate


def _sum_pairs(builder: Any, a: Any, b: Any, low: Sequence[int], high: Sequence[int]) -> Any:
    return builder.fadd(shuffle(builder, a, b, low), shuffle(builder, a, b, high), flags=FAST)


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


def _sums(builder: Any, vectors: Sequence[Any]) -> Any:
    """Lane i is the sum of all lanes of ``vectors[i]``; at most LANES vectors. Lanes past them are 0.

    A folding transpose: about two shuffles a vector where one ``vsum`` needs four.
    """
    zero = ir.Constant(VECTOR, [0.0] * LANES)
    level = list(vectors)
    for low, high in _interleavings():
        padded = [*level, zero] if len(level) % 2 else level
        level = [_sum_pairs(builder, a, b, low, high) for a, b in zip(padded[::2], padded[1::2], strict=True)]
    return level[0]


@intrinsic
def vadd_sums(typing_context: Any, array: Any, index: Any, vectors: Any) -> Any:
    """Add the sum of all lanes of ``vectors[i]`` to ``array[index + i]``, for a tuple of vectors.

    The array is read and written up to the next multiple of LANES.
    """

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        found = cgutils.unpack_tuple(builder, args[2])
        for first in range(0, len(found), LANES):
            address = _vector_address(builder, start, first)
            total = builder.fadd(
                builder.load(address, align=4), _sums(builder, found[first : first + LANES]), flags=FAST
            )
            builder.store(total, address, align=4)
        return context.get_dummy_value()

    return types.void(array, index, vectors), generate


def _vector_address(builder: Any, start: Any, offset: int) -> Any:
    return builder.bitcast(builder.gep(start, [ir.IntType(64)(offset)]), VECTOR.as_pointer())


def _transposed(builder: Any, square: Sequence[Any]) -> list[Any]:
    """LANES vectors as a square matrix, transposed: lane i of vector j becomes lane j of vector i."""
    rows = list(square)
    stride = LANES // 2
    while stride:
        lanes = range(LANES)
        first = [lane if not lane & stride else LANES + lane - stride for lane in lanes]
        second = [lane + stride if not lane & stride else LANES + lane for lane in lanes]
        for i in (i for i in lanes if not i & stride):
            a, b = rows[i], rows[i + stride]
            rows[i], rows[i + stride] = shuffle(builder, a, b, first), shuffle(builder, a, b, second)
        stride //= 2
    return rows


@intrinsic
def vload_columns(typing_context: Any, array: Any, index: Any) -> Any:
    """The sixteen columns of LANES rows of 16 numbers that follow one another from ``array[index]`` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        columns: list[Any] = []
        for part in range(0, ROW, LANES):
            addresses = [_vector_address(builder, start, lane * ROW + part) for lane in range(LANES)]
            columns += _transposed(builder, [builder.load(address, align=4) for address in addresses])
        return context.make_tuple(builder, sig.return_type, columns)

    return types.UniTuple(vector_type, ROW)(array, index), generate


@intrinsic
def vstore_columns(typing_context: Any, array: Any, index: Any, columns: Any) -> Any:
    """Write a tuple of sixteen vectors as the columns of LANES rows of 16 numbers, from ``array[index]`` on."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        vectors = cgutils.unpack_tuple(builder, args[2])
        for part in range(0, ROW, LANES):
            for lane, row in enumerate(_transposed(builder, vectors[part : part + LANES])):
                builder.store(row, _vector_address(builder, start, lane * ROW + part), align=4)
        return context.get_dummy_value()

    return types.void(array, index, columns), generate
