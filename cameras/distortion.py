"""Lens distortion: maps between ideal and distorted normalised image coordinates (x / z, y / z).

Every lens here has a *valid disc* of ideal radius ``valid_radius`` in which its formula is one to one; polynomials
turn back outside it, and points far from the view would then fold into the picture. So outside the disc both maps go on
along the radius in proportion (a point at twice the rim's radius is distorted to twice the rim's distorted
point): nothing folds back, and rays stay finite. Inside the disc ``undistort`` inverts ``distort`` to 1e-9.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike

from .arrays import TINY, Floats, norms

# Rays more than 89 degrees off the axis have no useful place on an image plane.
MAX_RADIUS = math.tan(math.radians(89))

_NEWTON_STEPS = 30
_TABLE_SIZE = 512
_SCAN_SIZE = 4096
# The disc of a rational lens ends where its denominator falls to this, short of the pole.
_POLE_MARGIN = 1e-2


class Distortion(Protocol):
    """Maps [..., 2] normalised coordinates; ``undistort`` inverts ``distort`` inside the lens's valid disc."""

    def distort(self, ideal: ArrayLike) -> Floats: ...

    def undistort(self, distorted: ArrayLike) -> Floats: ...

    @property
    def valid_radius(self) -> float:
        """Ideal radius up to which the lens is one to one."""
        ...


@dataclass(frozen=True)
class BrownConrady:
    """Radial and tangential distortion as in OpenCV's pinhole model (Brown 1966; OpenCV calib3d, eight coefficients).

    With s = x^2 + y^2 the radial factor is (1 + k1 s + k2 s^2 + k3 s^3) / (1 + k4 s + k5 s^2 + k6 s^3); the tangential
    part adds (2 p1 x y + p2 (s + 2 x^2), p1 (s + 2 y^2) + 2 p2 x y).

    Raises:
        ValueError: on a coefficient that is not finite.
    """

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    k5: float = 0.0
    k6: float = 0.0

    def __post_init__(self) -> None:
        _check_finite(self.k1, self.k2, self.p1, self.p2, self.k3, self.k4, self.k5, self.k6)

    @property
    def valid_radius(self) -> float:
        """Ideal radius up to which the lens is one to one."""
        return self._valid_radius

    @cached_property
    def _valid_radius(self) -> float:
        """The radius below which the map's (symmetric) Jacobian is positive definite, hence one to one on the disc.

        Its radial part has the eigenvalues g'(r) and g(r) / r for the radial map g; the tangential part, with
        t = (p2, p1), is 2 x t^T + 2 t x^T + 2 (t . x) I, no larger than 6 |t| r.
        """
        numerator, denominator = self._rational()
        r = Polynomial([0.0, 1.0])
        n, d = numerator(r * r), denominator(r * r)
        tangential = 6 * math.hypot(self.p1, self.p2) * r
        growth = (r * n).deriv() * d - r * n * d.deriv() - tangential * d * d
        return min(_first_not_positive(condition) for condition in (growth, n - tangential * d, d - _POLE_MARGIN))

    def distort(self, ideal: ArrayLike) -> Floats:
        """Distorted coordinates [..., 2] of ideal ones [..., 2]."""
        xy = np.asarray(ideal, dtype=np.float64)
        radius = norms(xy)
        beyond = np.maximum(radius / self.valid_radius, 1.0)
        return self._formula(xy / beyond) * beyond

    def undistort(self, distorted: ArrayLike) -> Floats:
        """Ideal coordinates [..., 2] of distorted ones [..., 2]: Newton from the radial inverse."""
        target = np.asarray(distorted, dtype=np.float64)
        radii, distorted_radii = self._table
        wanted = norms(target)
        rim = distorted_radii[-1]
        start = target * (np.interp(np.minimum(wanted, rim), distorted_radii, radii) / np.maximum(wanted, TINY))
        xy = start
        for _ in range(_NEWTON_STEPS):
            step = self._newton_step(xy, self._formula(xy) - target)
            moved = xy - step
            # The disc is convex and holds the answer, so a step that leaves it is cut at the rim.
            xy = moved / np.maximum(norms(moved) / self.valid_radius, 1.0)
            if float(np.abs(step).max(initial=0.0)) < 1e-13:
                break
        error = norms(self._formula(xy) - target)
        return np.where(error < 1e-9, xy, target * (radii[-1] / rim))

    def _rational(self) -> tuple[Polynomial, Polynomial]:
        return Polynomial([1, self.k1, self.k2, self.k3]), Polynomial([1, self.k4, self.k5, self.k6])

    @cached_property
    def _table(self) -> tuple[Floats, Floats]:
        """The radial map sampled over the valid disc: (ideal, distorted) radii, both increasing."""
        radii = np.linspace(0, self.valid_radius, _TABLE_SIZE)
        numerator, denominator = self._rational()
        return radii, np.asarray(radii * numerator(radii**2) / denominator(radii**2), dtype=np.float64)

    def _formula(self, xy: Floats) -> Floats:
        s = np.sum(xy * xy, axis=-1, keepdims=True)
        numerator, denominator = self._rational()
        t = np.array([self.p2, self.p1])
        along = np.sum(xy * t, axis=-1, keepdims=True)
        return xy * (numerator(s) / denominator(s)) + 2 * along * xy + s * t

    def _newton_step(self, xy: Floats, error: Floats) -> Floats:
        """Solves the symmetric 2x2 system J step = error."""
        s = np.sum(xy * xy, axis=-1)
        x, y = xy[..., 0], xy[..., 1]
        numerator, denominator = self._rational()
        n, d = numerator(s), denominator(s)
        factor = n / d + 2 * (self.p2 * x + self.p1 * y)
        slope = 2 * (numerator.deriv()(s) * d - n * denominator.deriv()(s)) / (d * d)
        xx = factor + slope * x * x + 4 * self.p2 * x
        yy = factor + slope * y * y + 4 * self.p1 * y
        xy_term = slope * x * y + 2 * (self.p1 * x + self.p2 * y)
        determinant = np.maximum(xx * yy - xy_term * xy_term, TINY)
        step_x = (yy * error[..., 0] - xy_term * error[..., 1]) / determinant
        step_y = (xx * error[..., 1] - xy_term * error[..., 0]) / determinant
        return np.stack([step_x, step_y], axis=-1)


@dataclass(frozen=True)
class KannalaBrandt:
    """The equidistant fisheye of OpenCV (Kannala & Brandt 2006).

    The distorted radius is t + k1 t^3 + k2 t^5 + k3 t^7 + k4 t^9, where t is the ray's angle from the axis. Rays at or
    beyond 89 degrees lie outside its valid disc.

    Raises:
        ValueError: on a coefficient that is not finite.
    """

    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0

    def __post_init__(self) -> None:
        _check_finite(self.k1, self.k2, self.k3, self.k4)

    @property
    def valid_radius(self) -> float:
        """Ideal radius up to which the lens is one to one."""
        return self._valid_radius

    @cached_property
    def _valid_radius(self) -> float:
        """The tangent of the angle at which the distorted radius stops growing, at most tan(89 degrees)."""
        slope = self._angle_map.deriv()
        return _first_not_positive(lambda radius: np.asarray(slope(np.arctan(radius)), dtype=np.float64))

    @property
    def _angle_map(self) -> Polynomial:
        return Polynomial([0, 1, 0, self.k1, 0, self.k2, 0, self.k3, 0, self.k4])

    def distort(self, ideal: ArrayLike) -> Floats:
        """Distorted coordinates [..., 2] of ideal ones [..., 2]."""
        xy = np.asarray(ideal, dtype=np.float64)
        radius = norms(xy)
        inside = np.minimum(radius, self.valid_radius)
        ratio = self._angle_map(np.arctan(inside)) / np.maximum(inside, TINY)
        return np.where(radius > TINY, xy * ratio, xy)

    def undistort(self, distorted: ArrayLike) -> Floats:
        """Ideal coordinates [..., 2] of distorted ones [..., 2]: Newton on the angle."""
        target = np.asarray(distorted, dtype=np.float64)
        angle_map, slope = self._angle_map, self._angle_map.deriv()
        limit = math.atan(self.valid_radius)
        angles = np.linspace(0, limit, _TABLE_SIZE)
        wanted = norms(target)
        rim = float(angle_map(limit))
        goal = np.minimum(wanted, rim)
        angle = np.interp(goal, angle_map(angles), angles)
        for _ in range(_NEWTON_STEPS):
            step = (angle_map(angle) - goal) / np.maximum(slope(angle), TINY)
            angle = np.clip(angle - step, 0, limit)
            if float(np.abs(step).max(initial=0.0)) < 1e-14:
                break
        ratio = np.tan(angle) / np.maximum(goal, TINY)
        return np.where(wanted > TINY, target * ratio, target)


def _check_finite(*coefficients: float) -> None:
    if not all(math.isfinite(value) for value in coefficients):
        raise ValueError(f"distortion coefficients must be finite, got {coefficients}")


def _first_not_positive(condition: Callable[[Floats], Floats]) -> float:
    """The first radius in (0, MAX_RADIUS) at which a condition that holds at 0 fails, else MAX_RADIUS.

    A scan and a bisection: the roots of these polynomials are lost in rounding when a coefficient is tiny.
    """
    radii = np.tan(np.linspace(0, math.atan(MAX_RADIUS), _SCAN_SIZE))
    failed = np.flatnonzero(condition(radii) <= 0)
    if failed.size == 0:
        return MAX_RADIUS
    low, high = float(radii[max(failed[0] - 1, 0)]), float(radii[failed[0]])
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float(condition(np.array(middle))) > 0:
            low = middle
        else:
            high = middle
    return low
