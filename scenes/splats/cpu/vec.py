"""SIMD vectors for Numba: a value of ``LANES`` float32 with operators, loads, stores, masks and reductions.

Numba's automatic vectorisation is not dependable inside ``prange``, so the kernels say what is a vector. Inside a
compiled function::

    x = vload(a, i)                      # LANES numbers from the flat (or row) array a, from element i on
    y = vselect(x > 0.5, x * 2 + 1, 0)   # operators mix vectors with numbers; comparisons give masks
    vstore(b, i, y)
    s = vsum(y)                          # a float32

No bounds are checked: loads and stores may not leave the array. ``LANES`` is 16, 8 or 4 (see ``vec_width``), so a
kernel takes a row of 16 numbers apart: ``for part in range(0, 16, LANES)``.
"""

from typing import Any

from llvmlite import ir
from numba.core import types

from .vec_lanes import vadd_sums, vany, vload3, vload_columns, vmax_lane, vstore3, vstore_columns, vsum
from .vec_math import ceil_to_int, float_bits, floor_to_int, vexponent, vfloor, vpow2_of_integer, vreciprocal, vsqrt
from .vec_operators import teach_operators
from .vec_types import INT, VECTOR, address_of, as_vector, intrinsic, llvm_function, pick, vector_type
from .vec_width import LANES

__all__ = [
    "LANES",
    "ceil_to_int",
    "float_bits",
    "floor_to_int",
    "prefetch_read",
    "prefetch_write",
    "vadd_sums",
    "vany",
    "vexponent",
    "vfloor",
    "viota",
    "vload",
    "vload3",
    "vload_columns",
    "vmax",
    "vmax_lane",
    "vmin",
    "vpow2_of_integer",
    "vreciprocal",
    "vselect",
    "vset",
    "vsqrt",
    "vstore",
    "vstore3",
    "vstore_columns",
    "vsum",
]

teach_operators()

# ---- memory ------------------------------------------------------------------------------------------------------


@intrinsic
def vload(typing_context: Any, array: Any, index: Any) -> Any:
    """The vector at ``array[index : index + LANES]`` of a contiguous float32 array."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        return builder.load(builder.bitcast(address, VECTOR.as_pointer()), align=4)

    return vector_type(array, index), generate


@intrinsic
def vstore(typing_context: Any, array: Any, index: Any, vector: Any) -> Any:
    """Write a vector to ``array[index : index + LANES]`` of a contiguous float32 array."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        value = as_vector(context, builder, sig.args[2], args[2])
        builder.store(value, builder.bitcast(address, VECTOR.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, index, vector), generate


def _prefetch(for_writing: bool) -> Any:
    @intrinsic
    def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            address = address_of(context, builder, sig.args[0], args[0], sig.args[1], args[1])
            pointer = builder.bitcast(address, ir.IntType(8).as_pointer())
            arguments = [pointer.type, INT, INT, INT]
            function = llvm_function(builder, "llvm.prefetch.p0i8", ir.VoidType(), arguments)
            most_local, data_cache = 3, 1
            builder.call(function, [pointer, INT(int(for_writing)), INT(most_local), INT(data_cache)])
            return context.get_dummy_value()

        return types.void(array, index), generate

    return prefetch


prefetch_read = _prefetch(for_writing=False)
prefetch_write = _prefetch(for_writing=True)


# ---- making and choosing -----------------------------------------------------------------------------------------


@intrinsic
def vset(typing_context: Any, value: Any) -> Any:
    """A vector with ``value`` in every lane."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return as_vector(context, builder, sig.args[0], args[0])

    return vector_type(value), generate


@intrinsic
def viota(typing_context: Any) -> Any:
    """The vector 0, 1, 2, ..., LANES - 1."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(VECTOR, [float(lane) for lane in range(LANES)])

    return vector_type(), generate


@intrinsic
def vselect(typing_context: Any, mask: Any, if_true: Any, if_false: Any) -> Any:
    """``if_true`` in the lanes where the mask holds, else ``if_false``."""

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        x = as_vector(context, builder, sig.args[1], args[1])
        y = as_vector(context, builder, sig.args[2], args[2])
        return builder.select(args[0], x, y)

    return vector_type(mask, if_true, if_false), generate


def _extremum(symbol: str) -> Any:
    @intrinsic
    def extremum(typing_context: Any, x: Any, y: Any) -> Any:
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            a, b = (as_vector(context, builder, t, v) for t, v in zip(sig.args, args, strict=True))
            return pick(builder, symbol, a, b)

        return vector_type(x, y), generate

    return extremum


vmin = _extremum("<")
vmax = _extremum(">")
