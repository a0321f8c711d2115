"""Libraries without type hints, as ``Any``: strict checking of this package stops at this door."""

# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownMemberType=false

from typing import Any

import numba as _numba
from scipy import ndimage as _ndimage
from scipy import sparse as _sparse
from scipy import spatial as _spatial
from scipy.sparse import csgraph as _csgraph

njit: Any = _numba.njit
ndimage: Any = _ndimage
sparse: Any = _sparse
spatial: Any = _spatial
csgraph: Any = _csgraph

__all__ = ["csgraph", "ndimage", "njit", "sparse", "spatial"]
