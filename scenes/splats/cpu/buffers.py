"""Arrays that are used again from call to call."""

import math

from numpy.typing import DTypeLike, NDArray

from .scratch import aligned_zeros

GROWTH = 1.2


class Buffers:
    """Named arrays that grow when they must and are never given back before the object dies."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray] = {}

    def get(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray:
        """An aligned array of this shape; its values are what an earlier call left there, zeros when it is new.

        Arrays of the same name share their memory: the last call's is the valid one.
        """
        size = math.prod(shape)
        array = self._arrays.get(name)
        if array is None or array.size < size:
            array = self._arrays[name] = aligned_zeros((int(size * GROWTH),), dtype)
        return array[:size].reshape(shape)
