"""Rotations as [3, 3] matrices and as unit quaternions in w, x, y, z order. All functions take leading batch axes."""

import numpy as np
from numpy.typing import ArrayLike

from .arrays import TINY, Floats, norms, unit

ROTATION_TOLERANCE = 1e-6

# Below this angle (radians) series replace quotients of small numbers; the next term is then under 1e-16.
_SMALL_ANGLE_RAD = 1e-4

# A forward direction nearer than this sine to the up axis has no usable horizon.
_PARALLEL_SINE = 1e-6


def check_rotation(rotation: ArrayLike) -> Floats:
    """A float64 copy of a [3, 3] rotation.

    Raises:
        ValueError: if it is not finite, not orthonormal within 1e-6 or a reflection.
    """
    r = np.array(rotation, dtype=np.float64)
    if r.shape != (3, 3) or not np.isfinite(r).all():
        raise ValueError(f"a rotation must be a finite [3, 3] matrix, got shape {r.shape}")
    error = float(np.abs(r @ r.T - np.eye(3)).max())
    if error > ROTATION_TOLERANCE or np.linalg.det(r) < 0:
        raise ValueError(f"not a rotation: off orthonormal by {error:.2g}, determinant {np.linalg.det(r):.3g}")
    return r


def matrix_from_quaternion(quaternion_wxyz: ArrayLike) -> Floats:
    """Rotations [..., 3, 3] of quaternions [..., 4], which are normalised first.

    Raises:
        ValueError: on a quaternion that is not finite or shorter than 1e-12.
    """
    q = np.asarray(quaternion_wxyz, dtype=np.float64)
    if q.shape[-1:] != (4,) or not np.isfinite(q).all() or bool((norms(q) < TINY).any()):
        raise ValueError(f"quaternions must be [..., 4], finite and not zero, got {quaternion_wxyz!r}")
    w, x, y, z = np.moveaxis(unit(q), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quaternion_from_matrix(rotation: ArrayLike) -> Floats:
    """Unit quaternions [..., 4] with w >= 0 of rotations [..., 3, 3].

    Of the four ways to read a quaternion out of a matrix the one with the largest divisor is taken
    (Shepperd 1978, "Quaternion from rotation matrix").
    """
    r = np.asarray(rotation, dtype=np.float64)
    xx, yy, zz = r[..., 0, 0], r[..., 1, 1], r[..., 2, 2]
    wx, wy, wz = r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]
    xy, xz, yz = r[..., 0, 1] + r[..., 1, 0], r[..., 0, 2] + r[..., 2, 0], r[..., 1, 2] + r[..., 2, 1]
    # Row i is 4 * q[i] * q: a multiple of the quaternion whose length is 4 * |q[i]|.
    outer = np.stack(
        [
            np.stack([1 + xx + yy + zz, wx, wy, wz], axis=-1),
            np.stack([wx, 1 + xx - yy - zz, xy, xz], axis=-1),
            np.stack([wy, xy, 1 - xx + yy - zz, yz], axis=-1),
            np.stack([wz, xz, yz, 1 - xx - yy + zz], axis=-1),
        ],
        axis=-2,
    )
    best = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    q = unit(np.take_along_axis(outer, best[..., None, None], axis=-2)[..., 0, :])
    return np.where(q[..., :1] < 0, -q, q)


def rotation_from_axis_angle(axis: ArrayLike, angle_rad: ArrayLike) -> Floats:
    """Right-handed turns [..., 3, 3] by angle_rad [...] about axes [..., 3] of any length but 0.

    Raises:
        ValueError: on an axis shorter than 1e-12.
    """
    a = np.asarray(axis, dtype=np.float64)
    if bool((norms(a) < TINY).any()):
        raise ValueError(f"a rotation axis must not be zero, got {axis!r}")
    half = 0.5 * np.asarray(angle_rad, dtype=np.float64)[..., None]
    vector = unit(a) * np.sin(half)
    return matrix_from_quaternion(np.concatenate([np.broadcast_to(np.cos(half), (*vector.shape[:-1], 1)), vector], -1))


def rotation_exp(rotation_vector: ArrayLike) -> Floats:
    """Rotations [..., 3, 3] of rotation vectors [..., 3] (axis times angle in radians); any length, zero included."""
    v = np.asarray(rotation_vector, dtype=np.float64)
    half = 0.5 * norms(v)
    small = half < _SMALL_ANGLE_RAD
    half_sinc = np.where(small, 1 - half * half / 6, np.sin(half) / np.where(small, 1.0, half))
    return matrix_from_quaternion(np.concatenate([np.cos(half), 0.5 * half_sinc * v], axis=-1))


def rotation_log(rotation: ArrayLike) -> Floats:
    """Rotation vectors [..., 3] of length at most pi; the inverse of `rotation_exp` (at pi, one of the two)."""
    q = quaternion_from_matrix(rotation)
    w, vector = q[..., :1], q[..., 1:]
    sine = norms(vector)
    small = sine < _SMALL_ANGLE_RAD
    ratio = np.where(small, (1 + sine * sine / 6), np.arctan2(sine, w) / np.where(small, 1.0, sine))
    return 2 * ratio * vector


def angle_rad(a: ArrayLike, b: ArrayLike) -> Floats:
    """Geodesic angles [...] in [0, pi] between rotations [..., 3, 3]."""
    relative = np.swapaxes(np.asarray(a, dtype=np.float64), -1, -2) @ np.asarray(b, dtype=np.float64)
    return norms(rotation_log(relative))[..., 0]


def slerp(a_wxyz: ArrayLike, b_wxyz: ArrayLike, fraction: ArrayLike) -> Floats:
    """The shorter great arc between unit quaternions [..., 4] at fraction [...] in [0, 1] (Shoemake 1985)."""
    a, b = unit(a_wxyz), unit(b_wxyz)
    t = np.asarray(fraction, dtype=np.float64)[..., None]
    b = np.where(np.sum(a * b, axis=-1, keepdims=True) < 0, -b, b)
    angle = 2 * np.arctan2(norms(a - b), norms(a + b))
    small = angle < _SMALL_ANGLE_RAD
    sine = np.where(small, 1.0, np.sin(angle))
    from_a = np.where(small, 1 - t, np.sin((1 - t) * angle) / sine)
    from_b = np.where(small, t, np.sin(t * angle) / sine)
    return unit(from_a * a + from_b * b)


def nearest_rotation(matrix: ArrayLike) -> Floats:
    """The rotations [..., 3, 3] nearest to matrices [..., 3, 3] in the Frobenius norm (SVD; Kabsch 1976)."""
    u, _, vt = np.linalg.svd(np.asarray(matrix, dtype=np.float64))
    flip = np.ones((*u.shape[:-2], 1, 3))
    flip[..., 0, 2] = np.sign(np.linalg.det(u @ vt))
    return np.asarray((u * flip) @ vt, dtype=np.float64)


def look_rotation(forward: ArrayLike, up: ArrayLike) -> Floats:
    """``world_from_camera`` rotations [..., 3, 3] that look along ``forward`` with a level horizon under ``up``.

    Where ``forward`` is parallel to ``up`` the horizon is undefined: the top of the image then points to the part of
    world +y (looking down or up in a +z-up world), or of +x if up is +-y, that is square to ``forward``.

    Args:
        forward: [..., 3] viewing directions, any length but 0.
        up: [3] or [..., 3] the world's up, any length but 0.

    Raises:
        ValueError: on a zero vector.
    """
    z = unit(forward)
    u = np.broadcast_to(unit(up), z.shape)
    if bool((norms(z) < 0.5).any()) or bool((norms(u) < 0.5).any()):
        raise ValueError("look_rotation needs a forward and an up direction that are not zero")
    spare = np.where(np.abs(z[..., 1:2]) < 0.9, (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    right = np.cross(z, u)
    x = unit(np.where(norms(right) > _PARALLEL_SINE, right, np.cross(z, spare)))
    return np.stack([x, np.cross(z, x), z], axis=-1)
