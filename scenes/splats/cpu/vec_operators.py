"""The operators of vectors and masks: arithmetic, comparisons, and, or."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from numba.core import types
from numba.core.extending import lower_builtin
from numba.core.typing.templates import AbstractTemplate, signature

from .vec_types import FAST, MaskType, VectorType, as_vector, infer_global, mask_type, vector_type


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
        x, y = (as_vector(context, builder, t, a) for t, a in zip(sig.args, args, strict=True))
        return build(builder, x, y)

    for operands in _OPERANDS:
        lower_builtin(function, *operands)(lower)


def _arithmetic(instruction: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, x, y: getattr(builder, instruction)(x, y, flags=FAST)


def _comparison(symbol: str) -> Callable[[Any, Any, Any], Any]:
    return lambda builder, x, y: builder.fcmp_ordered(symbol, x, y)


_ARITHMETIC = {
    operator.add: "fadd",
    operator.sub: "fsub",
    operator.mul: "fmul",
    operator.truediv: "fdiv",
    operator.iadd: "fadd",
    operator.isub: "fsub",
    operator.imul: "fmul",
}
_COMPARISONS = {operator.lt: "<", operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "=="}


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


def teach_operators() -> None:
    """Register all operators with Numba; done once, by ``vec``."""
    for function, instruction in _ARITHMETIC.items():
        _binary(function, vector_type, _arithmetic(instruction))
    for function, symbol in _COMPARISONS.items():
        _binary(function, mask_type, _comparison(symbol))
    _mask_operator(operator.and_, "and_")
    _mask_operator(operator.or_, "or_")
