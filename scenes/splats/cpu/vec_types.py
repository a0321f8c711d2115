"""The Numba types behind ``vec``, and what its parts share to generate code."""

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models
from numba.core.extending import intrinsic as _numba_intrinsic
from numba.core.extending import register_model
from numba.core.typing.templates import infer_global as _numba_infer_global

from .vec_width import LANES

ROW = 16  # numbers in a record, and spherical harmonics of a colour: whole vectors at every width

FAST = ("nsz", "arcp", "contract", "afn", "reassoc")
FLOAT = ir.FloatType()
INT = ir.IntType(32)
VECTOR = ir.VectorType(FLOAT, LANES)
INT_VECTOR = ir.VectorType(INT, LANES)


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
        super().__init__(manager, numba_type, VECTOR)


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: MaskType) -> None:
        super().__init__(manager, numba_type, ir.VectorType(ir.IntType(1), LANES))


vector_type = VectorType()
mask_type = MaskType()


def broadcast(builder: Any, value: Any) -> Any:
    undefined = ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined)
    first = builder.insert_element(undefined, value, INT(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(INT_VECTOR, [0] * LANES))


def as_vector(context: Any, builder: Any, numba_type: Any, value: Any) -> Any:
    if isinstance(numba_type, VectorType):
        return value
    return broadcast(builder, context.cast(builder, value, numba_type, types.float32))


def shuffle(builder: Any, a: Any, b: Any, lanes: Sequence[int]) -> Any:
    """Lane i of the result is lane ``lanes[i]`` of a and b laid end to end."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT, len(lanes)), list(lanes)))


def address_of(context: Any, builder: Any, array_type: Any, array: Any, index_type: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    offset = context.cast(builder, index, index_type, types.intp)
    return builder.gep(data, [offset])


def llvm_function(builder: Any, name: str, result: Any, arguments: Sequence[Any]) -> Any:
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, list(arguments)), name)


def pick(builder: Any, symbol: str, x: Any, y: Any) -> Any:
    """x where the comparison holds, else y."""
    return builder.select(builder.fcmp_ordered(symbol, x, y), x, y)
