"""Curves through knots that are C2 everywhere: positions, lens angles and rotations, and their arc length.

Three ways through the knots, all C2 and all through every knot exactly:

- the cubic spline (natural at open ends, periodic when closed): the smoothest curve, which may swing past a knot;
- no overshoot: quintic pieces with limited slopes and no second derivative at the knots. Each coordinate is monotone
  wherever its knots are, so the curve never leaves the box of two neighbouring knots. The price is straighter knots and
  more bend between them, not a lower order of continuity (a cubic monotone spline such as PCHIP would be only C1);
- sampled: for knots that are close samples of something smooth, the quintic spline without conditions at its ends
  (not-a-knot). It is C4, is off by the sixth power of the samples' distance, up to the ends, and repeats polynomials
  of degree five exactly.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike
from scipy import interpolate  # pyright: ignore[reportMissingTypeStubs]

from .arrays import TINY, Floats, norms, unit

# Cells of Gauss-Legendre quadrature per piece of a curve; with five nodes each, lengths are good to about 1e-8.
_CELLS_PER_PIECE = 32
_NEWTON_STEPS = 8
LEAST_SAMPLES = 6
"""Knots that a sampled curve needs."""


class _Polynomials(Protocol):
    """The part of scipy's piecewise polynomials that is used here."""

    def __call__(self, x: Floats, nu: int = 0) -> Floats: ...


class Curve:
    """A C2 curve in D dimensions over a parameter.

    Args:
        knots: [K] strictly increasing parameters, or [K + 1] when closed: at the last the curve is back at its start.
        values: [K, D] finite values at the knots.
        closed: join the end to the start with two continuous derivatives; parameters then wrap around.
        no_overshoot, is_sampled: see the module's text; a sampled curve is open.

    Raises:
        ValueError: on other shapes, knots that do not increase, values that are not finite, or too few samples.
    """

    def __init__(
        self,
        knots: ArrayLike,
        values: ArrayLike,
        *,
        closed: bool = False,
        no_overshoot: bool = False,
        is_sampled: bool = False,
    ) -> None:
        t, v = np.asarray(knots, dtype=np.float64), np.asarray(values, dtype=np.float64)
        if v.ndim != 2 or t.shape != (len(v) + closed,) or len(v) == 0:
            raise ValueError(f"a curve needs values [K, D] and knots [K{' + 1' * closed}], got {v.shape} and {t.shape}")
        if not (np.isfinite(t).all() and np.isfinite(v).all() and (np.diff(t) > 0).all()):
            raise ValueError("a curve needs finite values at strictly increasing knots")
        if is_sampled and (closed or no_overshoot or len(v) < LEAST_SAMPLES):
            raise ValueError(f"a sampled curve is open, may overshoot and needs {LEAST_SAMPLES} knots, got {len(v)}")
        if len(v) == 1:
            t = np.array([t[0], t[0] + 1.0]) if not closed else t
            v, closed = np.repeat(v, 2, axis=0), False
        elif closed:
            v = np.concatenate([v, v[:1]])
        self.knots: Floats = t
        self.closed = closed
        if is_sampled:
            self._polynomials = _quintic(t, v)
        else:
            self._polynomials = _no_overshoot(t, v, closed) if no_overshoot else _cubic(t, v, closed)

    def __call__(self, parameter: ArrayLike, derivative: int = 0) -> Floats:
        """Values [..., D], or derivatives, at parameters [...]; open curves are held at their ends."""
        start, end = self.knots[0], self.knots[-1]
        t = np.asarray(parameter, dtype=np.float64)
        t = start + np.mod(t - start, end - start) if self.closed else np.clip(t, start, end)
        return self._polynomials(t, derivative)

    def speed(self, parameter: ArrayLike) -> Floats:
        """Lengths [...] of the first derivative at parameters [...]."""
        return norms(self(parameter, 1))[..., 0]


class RotationCurve:
    """A C2 curve of unit quaternions through keyed rotations, going the short way from each to the next.

    A `Curve` through the quaternions as vectors of four numbers, scaled back to length 1. Signs are chosen so that
    neighbours are never more than 90 degrees apart in that space, so the vectors stay well away from zero. A closed
    curve that comes back with the other sign is run twice around, which makes it periodic.

    Args:
        knots: as for `Curve`.
        quaternions_wxyz: [K, 4] unit quaternions; the signs do not matter.
    """

    def __init__(
        self,
        knots: ArrayLike,
        quaternions_wxyz: ArrayLike,
        *,
        closed: bool = False,
        no_overshoot: bool = False,
        is_sampled: bool = False,
    ) -> None:
        t, q = np.asarray(knots, dtype=np.float64), unit(quaternions_wxyz)
        q = with_continuous_signs(q)
        if closed and float(q[-1] @ q[0]) < 0:
            t, q = np.concatenate([t, t[1:] + (t[-1] - t[0])]), np.concatenate([q, -q])
        self._vectors = Curve(t, q, closed=closed, no_overshoot=no_overshoot, is_sampled=is_sampled)

    def __call__(self, parameter: ArrayLike) -> Floats:
        """Unit quaternions [..., 4] (w, x, y, z) at parameters [...]."""
        return unit(self._vectors(parameter))

    def speed(self, parameter: ArrayLike) -> Floats:
        """Turning speeds [...] in radians per unit of parameter."""
        q, slope = self._vectors(parameter), self._vectors(parameter, 1)
        across = slope - q * (np.sum(q * slope, axis=-1, keepdims=True) / np.sum(q * q, axis=-1, keepdims=True))
        return 2 * (norms(across) / norms(q))[..., 0]


class ArcLength:
    """The length along a curve, and the parameter at a given length.

    Five-point Gauss-Legendre quadrature in small cells; the inverse is Newton's on it, so it is as smooth as the
    curve wherever the curve moves.

    Args:
        knots: [K] where the curve's pieces meet.
        speed: length (or turned angle) per unit of parameter, [...] at parameters [...]; smooth between knots.
    """

    def __init__(self, knots: Floats, speed: Callable[[Floats], Floats]) -> None:
        self._speed = speed
        fractions = np.arange(_CELLS_PER_PIECE) / _CELLS_PER_PIECE
        cells = knots[:-1, None] + np.diff(knots)[:, None] * fractions
        self._edges: Floats = np.append(cells.ravel(), knots[-1])
        self._lengths: Floats = np.append(0.0, np.cumsum(self._integral(self._edges[:-1], self._edges[1:])))

    @property
    def total(self) -> float:
        """Length of the whole curve, once around if it is closed."""
        return float(self._lengths[-1])

    def at(self, parameter: ArrayLike) -> Floats:
        """Lengths [...] from the start to parameters [...] inside the curve."""
        t = np.clip(np.asarray(parameter, dtype=np.float64), self._edges[0], self._edges[-1])
        cell = np.clip(np.searchsorted(self._edges, t, side="right") - 1, 0, len(self._edges) - 2)
        return self._lengths[cell] + self._integral(self._edges[cell], t)

    def parameter(self, length: ArrayLike) -> Floats:
        """Parameters [...] at lengths [...] in [0, total]; lengths outside are held at the ends."""
        wanted = np.clip(np.asarray(length, dtype=np.float64), 0.0, self.total)
        t = np.interp(wanted, self._lengths, self._edges)
        cell = np.clip(np.searchsorted(self._lengths, wanted, side="right") - 1, 0, len(self._edges) - 2)
        for _ in range(_NEWTON_STEPS):
            step = (self.at(t) - wanted) / np.maximum(self._speed(t), TINY)
            t = np.clip(t - step, self._edges[cell], self._edges[cell + 1])
        return t

    def _integral(self, start: Floats, end: Floats) -> Floats:
        """Lengths [...] between parameters that lie in one cell."""
        half = 0.5 * (end - start)
        nodes = start[..., None] + half[..., None] * (1 + _GAUSS_NODES)
        return half * np.asarray(np.sum(self._speed(nodes) * _GAUSS_WEIGHTS, axis=-1), dtype=np.float64)


_GAUSS_NODES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(5)


def with_continuous_signs(quaternions_wxyz: ArrayLike) -> Floats:
    """The same rotations [K, 4] with signs such that no two neighbours point apart."""
    q = np.array(quaternions_wxyz, dtype=np.float64)
    dots = np.sum(q[1:] * q[:-1], axis=-1)
    q[1:] *= np.cumprod(np.where(dots < 0, -1.0, 1.0))[:, None]
    return q


def _cubic(t: Floats, v: Floats, closed: bool) -> _Polynomials:
    spline: Any = interpolate.CubicSpline
    return cast(_Polynomials, spline(t, v, axis=0, bc_type="periodic" if closed else "natural"))


def _quintic(t: Floats, v: Floats) -> _Polynomials:
    return cast(_Polynomials, cast(Any, interpolate).make_interp_spline(t, v, k=5, axis=0))


def _no_overshoot(t: Floats, v: Floats, closed: bool) -> _Polynomials:
    """Quintic Hermite pieces with no second derivative at the knots.

    On a piece of unit secant with end slopes a and b the derivative is linear in (a, b) and not negative at
    the corners of [0, 2]^2, hence nowhere in it: slopes up to twice the smaller neighbouring secant are safe.
    """
    secants = np.diff(v, axis=0) / np.diff(t)[:, None]
    before, after = secants[:-1], secants[1:]
    if closed:
        before, after = np.concatenate([secants[-1:], before]), np.concatenate([secants[:1], after])
    same_way = before * after > 0
    total = np.where(same_way, before + after, 1.0)
    # The harmonic mean of two secants is at most twice the smaller one (Fritsch & Butland 1984).
    slopes = np.where(same_way, 2 * before * after / total, 0.0)
    ends = (slopes[:1],) if closed else (secants[-1:],)
    slopes = np.concatenate([*((slopes,) if closed else (secants[:1], slopes)), *ends])
    hermite: Any = interpolate.BPoly
    return cast(_Polynomials, hermite.from_derivatives(t, np.stack([v, slopes, np.zeros_like(v)], axis=1)))
