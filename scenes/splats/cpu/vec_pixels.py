"""Operations of ``vec`` for pixels: whole numbers out of vectors, and neighbours two by two."""

from typing import Any

from llvmlite import ir
from numba.core import types

from .vec_types import INT_VECTOR, VECTOR, address_of, intrinsic, shuffle, vector_type
from .vec_width import LANES


@intrinsic
def vstore_whole(typing_context: Any, array: Any, index: Any, vector: Any) -> Any:
    """Write a vector of numbers from 0 up, cut to whole ones, to ``array[index : index + LANES]``, uint8 or uint16."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        narrow = ir.VectorType(ir.IntType(sig.args[0].dtype.bitwidth), LANES)
        whole = builder.trunc(builder.fptosi(args[2], INT_VECTOR), narrow)
        builder.store(whole, builder.bitcast(address, narrow.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(array, index, vector), generate


@intrinsic
def vload_pairs(typing_context: Any, array: Any, index: Any) -> Any:
    """Two vectors from ``2 * LANES`` float32: those at ``index``, ``index + 2``, ... and the ones between them."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        start = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        pointer = builder.bitcast(start, VECTOR.as_pointer())
        a, b = (builder.load(builder.gep(pointer, [ir.IntType(64)(n)]), align=4) for n in range(2))
        firsts, seconds = (shuffle(builder, a, b, range(first, 2 * LANES, 2)) for first in (0, 1))
        return context.make_tuple(builder, sig.return_type, [firsts, seconds])

    return types.UniTuple(vector_type, 2)(array, index), generate
