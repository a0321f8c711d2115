"""The steps of a fit on a CUDA device through gsplat.

What is not deterministic there: gsplat adds up gradients with atomic additions, in an order that changes from run to
run, so two fits of the same seed differ in their last bits from the first step on, and visibly in single Gaussians at
the end. A fit that was interrupted goes on from the exact state of its checkpoint; it does not end with the same bytes.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cameras.camera import Camera

from . import cuda
from .cuda import DeviceGaussians
from .cuda_loss import adam_step, photo_loss
from .exposure import THINNED, best_gains
from .gaussians import Gaussians
from .model import PARAMETERS, SplatModel
from .pose_refinement import RigidSums
from .settings import FitSettings
from .steps import Compared, Look, Rates

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Slopes:
    """Derivatives of the last comparison.

    Attributes:
        rows: [n] indices of the Gaussians that were seen.
        screen_gradient: [n] as in ``GaussianGradients``.
        by_parameter: [N, ...] by the raw parameters.
    """

    rows: Tensor
    screen_gradient: Tensor
    by_parameter: dict[str, Tensor]


class CudaStepper:
    """See ``steps.Stepper``. Parameters, moments and scores live on the device; the model on the host is a copy."""

    name = "cuda"
    made_by: int | str = "cuda"

    def __init__(self, gaussians: Gaussians, settings: FitSettings, extent: float, device: str = "cuda") -> None:
        """``extent``: of the cameras, in scene units."""
        self._settings, self._extent, self._device = settings, extent, device
        self._model = SplatModel(gaussians, settings.max_gaussians)
        self._slopes: _Slopes | None = None
        with cuda.enough_memory(f"fitting at most {settings.max_gaussians:,} Gaussians"):
            self._rooms = {
                name: torch.zeros((settings.max_gaussians, *array.shape[1:]), device=device)
                for name, array in self._model.arrays().items()
            }
            self.to_device()

    @property
    def count(self) -> int:
        return self._model.count

    def _living(self, name: str) -> Tensor:
        return self._rooms[name][: self.count]

    def _gaussians(self, requires_grad: bool) -> DeviceGaussians:
        """The parameters themselves, as leaves of a new graph."""
        return DeviceGaussians(*(self._living(name).detach().requires_grad_(requires_grad) for name in PARAMETERS))

    def draw(self, camera: Camera, behind: Float32) -> Float32:
        with cuda.enough_memory(self._doing(camera)), torch.no_grad():
            gaussians, color = self._gaussians(False), torch.tensor(behind, device=self._device)
            picture = cuda.rasterize(gaussians, camera, 3, self._settings.antialiased, depth=False)
            return picture.over(color).cpu().numpy()

    def compare(self, look: Look) -> Compared:
        with cuda.enough_memory(self._doing(look.target.camera)):
            return self._compare(look)

    def _doing(self, camera: Camera) -> str:
        return f"fitting {self.count:,} Gaussians to photos of {camera.width}x{camera.height}"

    def _compare(self, look: Look) -> Compared:
        settings, target, device = self._settings, look.target, self._device
        self._slopes = None  # frees them before the next are made
        gaussians, behind = self._gaussians(True), torch.tensor(look.behind, device=device)
        picture = cuda.rasterize(gaussians, target.camera, look.sh_degree, settings.antialiased, depth=False)
        picture.means_pixels.retain_grad()
        rgb = picture.over(behind)
        with torch.no_grad():
            gains = torch.ones(3, device=device) if look.gains is None else torch.tensor(look.gains, device=device)
            wanted = torch.tensor(target.over(look.behind), device=device)
            valid = None if target.valid is None else torch.tensor(target.valid, device=device)
            loss = photo_loss(rgb * gains, wanted, valid, ssim_weight=settings.ssim_weight)
            d_rgb = loss.d_image * target.weight * gains
        rgb.backward(d_rgb)
        found = None
        if look.gains is not None:
            thin = rgb.detach()[THINNED].cpu().numpy()
            found = best_gains(thin, target.over(look.behind)[THINNED], target.valid_at(THINNED))
        self._slopes = _slopes_of(gaussians, picture, target.camera)
        rigid = _rigid_sums(gaussians, self._slopes) if look.pose_moves else None
        return Compared(float(loss.loss), found, rigid)

    def move(self, rates: Rates, step: int) -> None:
        if self._slopes is None:
            raise ValueError("move needs the derivatives of a compare")
        with cuda.enough_memory(f"fitting {self.count:,} Gaussians"), torch.no_grad():
            slopes = self._slopes
            self._living("scores")[slopes.rows] += slopes.screen_gradient
            self._add_regularizers(slopes.by_parameter)
            for name, rate in rates.items():
                moments = self._living(f"{name}.first"), self._living(f"{name}.second")
                size = torch.as_tensor(rate, dtype=torch.float32, device=self._device)
                adam_step(self._living(name), slopes.by_parameter[name], *moments, slopes.rows, size, step)

    def _add_regularizers(self, slopes: dict[str, Tensor]) -> None:
        """As ``regularize.add_regularizers``."""
        settings, count = self._settings, max(1, self.count)
        if settings.opacity_regularizer:
            opacities = self._living("logit_opacities").sigmoid()
            slopes["logit_opacities"] += settings.opacity_regularizer / count * opacities * (1 - opacities)
        if settings.scale_regularizer:
            pull = settings.scale_regularizer / (3 * count * self._extent)
            slopes["log_scales"] += pull * self._living("log_scales").exp()

    def to_host(self) -> SplatModel:
        for name, array in self._model.arrays().items():
            array[...] = self._living(name).cpu().numpy()
        return self._model

    def to_device(self) -> None:
        for name, array in self._model.arrays().items():
            self._living(name).copy_(torch.from_numpy(array))


def _rigid_sums(gaussians: DeviceGaussians, slopes: _Slopes) -> RigidSums:
    rows, by = slopes.rows, slopes.by_parameter

    def products(values: Tensor, name: str) -> NDArray[np.float64]:
        return (values.detach()[rows].double().T @ by[name][rows].double()).cpu().numpy()

    return RigidSums(
        by["means"][rows].double().sum(dim=0).cpu().numpy(),
        products(gaussians.means, "means"),
        products(gaussians.quaternions_wxyz, "quaternions_wxyz"),
    )


def _slopes_of(gaussians: DeviceGaussians, picture: cuda.Picture, camera: Camera) -> _Slopes:
    """What ``backward`` left behind."""
    rows = picture.visible.nonzero()[:, 0]
    by_pixels = picture.means_pixels.grad
    slopes = {name: getattr(gaussians, name).grad for name in PARAMETERS}
    if by_pixels is None or any(slope is None for slope in slopes.values()):
        raise RuntimeError("gsplat gave no gradients of the Gaussians or of their centres on the image (means2d)")
    to_ndc = torch.tensor([camera.width / 2, camera.height / 2], device=by_pixels.device, dtype=by_pixels.dtype)
    screen = (by_pixels[0][rows] * to_ndc).norm(dim=-1).float()
    return _Slopes(rows, screen, slopes)
