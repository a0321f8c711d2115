"""What a fit asks of the machine that computes its steps: one loop (``fit``) drives the CPU engine and CUDA alike.

A step is: ``compare`` (render, loss, gradients), then ``move`` (regularizers, scores, Adam). All that is small and
decides what happens (schedule, order of photos, exposures, poses, densification) stays with the loop, on the host.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera

from .model import SplatModel
from .pose_refinement import RigidSums
from .targets import Target

Float32 = NDArray[np.float32]
Rates = Mapping[str, float | Float32]  # step sizes by parameter: one for all, or one for each number of a row


@dataclass(frozen=True, eq=False)
class Look:
    """A photo to be compared with.

    Attributes:
        target: the photo at the size of this step.
        behind: [3] colour behind all Gaussians.
        sh_degree: degree of the spherical harmonics that count.
        gains: [3] how this photo shows colours; None: as they are, and its gains are not asked for.
        pose_moves: whether the derivative by the pose is asked for.
    """

    target: Target
    behind: Float32
    sh_degree: int
    gains: Float32 | None
    pose_moves: bool


@dataclass(frozen=True, eq=False)
class Compared:
    """What came of it.

    Attributes:
        loss: (1 - w) L1 + w (1 - SSIM), without the photo's weight.
        best_gains: [3] of ``exposure.best_gains``; None where there are none or they were not asked for.
        rigid: what the derivative by the pose, of the loss times the photo's weight, is made of; None unless asked for.
    """

    loss: float
    best_gains: NDArray[np.float64] | None
    rigid: RigidSums | None


class Stepper(Protocol):
    """Owns the Gaussians of a running fit, wherever they lie.

    Attributes:
        name: the backend.
        made_by: what else the bytes of the result depend on; part of the identity of a checkpoint.
    """

    name: str
    made_by: int | str

    @property
    def count(self) -> int:
        """How many Gaussians there are."""
        ...

    def draw(self, camera: Camera, behind: Float32) -> Float32:
        """[H, W, 3] the Gaussians as they are now, with all their harmonics."""
        ...

    def compare(self, look: Look) -> Compared:
        """Renders, compares and differentiates; the derivatives by the Gaussians are kept for ``move``."""
        ...

    def move(self, rates: Rates, step: int) -> None:
        """Adds to the scores and moves the Gaussians that were seen by the last ``compare``.

        Args:
            rates: step sizes.
            step: how many steps were made with this one, from 1.
        """
        ...

    def to_host(self) -> SplatModel:
        """The model as it is now; changes of it count after ``to_device``."""
        ...

    def to_device(self) -> None:
        """Takes up what was changed in the model that ``to_host`` gave."""
        ...
