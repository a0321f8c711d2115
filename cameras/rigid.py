"""Rigid transforms. The name of a variable says the frames it joins: ``world_from_camera``, ``camera_from_world``."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats
from .rotations import check_rotation, rotation_exp, rotation_log


@dataclass(frozen=True, eq=False)
class Rigid:
    """A rotation followed by a translation: ``points_a = rotation @ points_b + translation`` for ``a_from_b``.

    Attributes:
        rotation: [3, 3] float64, orthonormal with determinant +1.
        translation: [3] float64, in the units of the target frame.

    Raises:
        ValueError: if the rotation is not a rotation within 1e-6, or anything is not finite.
    """

    rotation: Floats
    translation: Floats

    def __post_init__(self) -> None:
        translation = np.array(self.translation, dtype=np.float64)
        if translation.shape != (3,) or not np.isfinite(translation).all():
            raise ValueError(f"translation must be 3 finite numbers, got {self.translation!r}")
        object.__setattr__(self, "rotation", check_rotation(self.rotation))
        object.__setattr__(self, "translation", translation)
        self.rotation.setflags(write=False)
        self.translation.setflags(write=False)

    @classmethod
    def identity(cls) -> "Rigid":
        return cls(np.eye(3), np.zeros(3))

    @classmethod
    def from_matrix(cls, matrix: ArrayLike) -> "Rigid":
        """From [3, 4] or [4, 4]; the last row of a [4, 4] must be (0, 0, 0, 1).

        Raises:
            ValueError: on another shape, a projective last row or a block that is no rotation.
        """
        m = np.asarray(matrix, dtype=np.float64)
        if m.shape not in ((3, 4), (4, 4)):
            raise ValueError(f"a rigid matrix must be [3, 4] or [4, 4], got shape {m.shape}")
        if m.shape == (4, 4) and not np.allclose(m[3], (0, 0, 0, 1), atol=1e-6):
            raise ValueError(f"the last row of a rigid matrix must be (0, 0, 0, 1), got {m[3]}")
        return cls(m[:3, :3], m[:3, 3])

    def toward(self, other: "Rigid", share: float) -> "Rigid":
        """The transform ``share`` of the way to another: straight ahead, and turning about one axis all the way."""
        turn = rotation_log(self.rotation.T @ other.rotation)
        shift = other.translation - self.translation
        return Rigid(self.rotation @ rotation_exp(share * turn), self.translation + share * shift)

    def matrix(self) -> Floats:
        """[4, 4] homogeneous matrix."""
        m = np.eye(4)
        m[:3, :3] = self.rotation
        m[:3, 3] = self.translation
        return m

    def inverse(self) -> "Rigid":
        return Rigid(self.rotation.T, -self.rotation.T @ self.translation)

    def __matmul__(self, other: "Rigid") -> "Rigid":
        """``a_from_b @ b_from_c`` is ``a_from_c``."""
        return Rigid(self.rotation @ other.rotation, self.rotation @ other.translation + self.translation)

    def apply(self, points: ArrayLike) -> Floats:
        """Moves points [..., 3]."""
        return np.asarray(points, dtype=np.float64) @ self.rotation.T + self.translation
