"""The steps of a fit on the CPU engine."""

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera

from .cpu.adam import adam_step
from .cpu.rasterizer import GaussianGradients, Rasterizer
from .cpu.ssim import PhotoLossWorkspace
from .exposure import THINNED, best_gains
from .gaussians import Gaussians
from .model import SplatModel
from .pose_refinement import RigidSums
from .regularize import add_regularizers
from .settings import FitSettings
from .steps import Compared, Look, Rates
from .targets import Target

Float32 = NDArray[np.float32]


class CpuStepper:
    """See ``steps.Stepper``. The same number of threads gives the same bytes."""

    name = "cpu"

    def __init__(self, gaussians: Gaussians, settings: FitSettings, extent: float, threads: int | None) -> None:
        """``extent``: of the cameras, in scene units; ``threads``: all that there are if None."""
        self._settings, self._extent = settings, extent
        self._rasterizer = Rasterizer(threads)
        self._model = SplatModel(gaussians, settings.max_gaussians)
        self._losses: dict[tuple[int, int], PhotoLossWorkspace] = {}
        self._gradients = GaussianGradients.zeros(0)
        self.made_by: int | str = self._rasterizer.threads

    @property
    def count(self) -> int:
        return self._model.count

    def draw(self, camera: Camera, behind: Float32) -> Float32:
        antialiased = self._settings.antialiased
        return self._rasterizer.forward(self._model.gaussians, camera, background=behind, antialiased=antialiased).rgb

    def compare(self, look: Look) -> Compared:
        settings, target, gains = self._settings, look.target, look.gains
        raster = self._rasterizer.forward(
            self._model.gaussians,
            target.camera,
            sh_degree=look.sh_degree,
            background=look.behind,
            antialiased=settings.antialiased,
        )
        shown = raster.rgb if gains is None else raster.rgb * gains
        wanted = target.over(look.behind)
        loss = self._loss_of(target)(shown, wanted, target.valid, ssim_weight=settings.ssim_weight)
        d_rgb = loss.d_image if target.weight == 1 else loss.d_image * np.float32(target.weight)
        found = None
        if gains is not None:
            found = best_gains(raster.rgb[THINNED], wanted[THINNED], target.valid_at(THINNED))
            d_rgb = d_rgb * gains
        self._gradients = self._rasterizer.backward(raster, d_rgb, gradients=self._gradients)
        return Compared(loss.loss, found, self._rigid_sums() if look.pose_moves else None)

    def _rigid_sums(self) -> RigidSums:
        gaussians, gradients = self._model.gaussians, self._gradients
        seen = gradients.visible

        def products(values: Float32, slopes: Float32) -> NDArray[np.float64]:
            return np.einsum("na,nb->ab", values[seen].astype(np.float64), slopes[seen].astype(np.float64))

        return RigidSums(
            gradients.means[seen].sum(axis=0, dtype=np.float64),
            products(gaussians.means, gradients.means),
            products(gaussians.quaternions_wxyz, gradients.quaternions_wxyz),
        )

    def _loss_of(self, target: Target) -> PhotoLossWorkspace:
        size = (target.camera.width, target.camera.height)
        if size not in self._losses:
            self._losses[size] = PhotoLossWorkspace(*size)
        return self._losses[size]

    def move(self, rates: Rates, step: int) -> None:
        settings, model, gradients = self._settings, self._model, self._gradients
        gaussians, visible = model.gaussians, gradients.visible
        scores = model.scores[: model.count]
        np.add(scores, gradients.screen_gradient, out=scores, where=visible)
        add_regularizers(gaussians, gradients, self._extent, settings.opacity_regularizer, settings.scale_regularizer)
        for name, rate in rates.items():
            adam_step(getattr(gaussians, name), getattr(gradients, name), model.moments(name), visible, rate, step)

    def to_host(self) -> SplatModel:
        return self._model

    def to_device(self) -> None:
        """The model is where it is used."""
