"""Splats on a CUDA device through gsplat 1.5 (``gsplat.rasterization``).

gsplat's conventions: ``viewmats`` are camera_from_world in OpenCV axes, pixel centres lie at half numbers, quaternions
are wxyz, colours as spherical harmonics are [N, K, 3]: coefficient, then channel.

Two definitions differ a little from ours. A pixel is finished when the next transmittance would fall below 1e-4 (here:
when the last one has), which changes a colour by at most 1e-4. And gsplat has no median depth: where alpha is at least
0.5 the expected depth stands in for it.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cameras.camera import Camera
from cameras.errors import InstallationError, MissingExtraError, SettingsError

from .definition import LOW_PASS, NEAR_Z
from .gaussians import Gaussians

Float32 = NDArray[np.float32]

EXTRA = "flythrough[cuda]"


@dataclass(frozen=True)
class DeviceGaussians:
    """Raw parameters as tensors, shaped as in ``Gaussians``; leaves that collect gradients if they were made so."""

    means: Tensor
    quaternions_wxyz: Tensor
    log_scales: Tensor
    logit_opacities: Tensor
    sh: Tensor

    @classmethod
    def of(cls, gaussians: Gaussians, device: str = "cuda", requires_grad: bool = False) -> "DeviceGaussians":
        g = gaussians
        arrays = (g.means, g.quaternions_wxyz, g.log_scales, g.logit_opacities, g.sh)
        return cls(*(torch.tensor(a, device=device, requires_grad=requires_grad) for a in arrays))


def is_available() -> bool:
    """Whether torch sees a CUDA device and gsplat imports."""
    return torch.cuda.is_available() and _import_gsplat() is not None


def require() -> None:
    """Raises MissingExtraError if gsplat is not installed, InstallationError if it or torch cannot use a device."""
    if importlib.util.find_spec("gsplat") is None:
        raise MissingExtraError(
            f"The backend 'cuda' needs gsplat, which is not installed: install the extra {EXTRA}, or use --backend cpu."
        )
    if not torch.cuda.is_available():
        raise InstallationError(
            f"The backend 'cuda' needs a CUDA device, but torch {torch.__version__} sees none on this machine: install "
            f"{EXTRA} with a CUDA build of torch and a driver, or use --backend cpu."
        )
    if _import_gsplat() is None:
        raise InstallationError(
            f"The backend 'cuda' needs gsplat, which is installed but cannot be imported: install {EXTRA} anew for "
            f"torch {torch.__version__}, or use --backend cpu."
        )


def _import_gsplat() -> Any:
    try:
        import gsplat  # pyright: ignore[reportMissingImports]
    except Exception:  # a broken extension raises whatever its loader does
        return None
    return gsplat


def rasterization_arguments(
    gaussians: DeviceGaussians, camera: Camera, sh_degree: int, background: Tensor, antialiased: bool
) -> dict[str, Any]:
    """The keyword arguments of ``gsplat.rasterization`` that draw one camera with colour and expected depth.

    Raises:
        SettingsError: if the lens is distorted.
    """
    if camera.intrinsics.distortion is not None:
        raise SettingsError(
            "splats are drawn through an ideal pinhole, but this camera's lens has a distortion "
            f"({type(camera.intrinsics.distortion).__name__}): render without it and resample the picture"
        )
    like = {"dtype": gaussians.means.dtype, "device": gaussians.means.device}
    return {
        "means": gaussians.means,
        "quats": gaussians.quaternions_wxyz,
        "scales": gaussians.log_scales.exp(),
        "opacities": gaussians.logit_opacities.sigmoid(),
        "colors": gaussians.sh.transpose(1, 2),
        "viewmats": torch.tensor(camera.camera_from_world.matrix(), **like)[None],
        "Ks": torch.tensor(camera.intrinsics.matrix(), **like)[None],
        "width": camera.width,
        "height": camera.height,
        "near_plane": NEAR_Z,
        "eps2d": LOW_PASS,
        "sh_degree": sh_degree,
        "packed": False,
        "backgrounds": torch.cat([background, background.new_zeros(1)])[None],
        "render_mode": "RGB+ED",
        "rasterize_mode": "antialiased" if antialiased else "classic",
    }


def draw_tensors(
    gaussians: DeviceGaussians, camera: Camera, sh_degree: int, background: Tensor, antialiased: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """rgb [H, W, 3], alpha [H, W] and expected depth_z [H, W], differentiable."""
    arguments = rasterization_arguments(gaussians, camera, sh_degree, background, antialiased)
    colors, alphas, _ = cast(Any, _import_gsplat()).rasterization(**arguments)
    return colors[0, ..., :3], alphas[0, ..., 0], colors[0, ..., 3]


def draw(
    gaussians: Gaussians,
    camera: Camera,
    sh_degree: int,
    background: Float32,
    antialiased: bool,
    device: str = "cuda",
) -> tuple[Float32, Float32, Float32, Float32]:
    """rgb over the background, alpha, expected depth_z, and what stands in for the median depth_z."""
    with torch.no_grad():
        on_device = DeviceGaussians.of(gaussians, device)
        behind = torch.tensor(background, device=device)
        images = draw_tensors(on_device, camera, sh_degree, behind, antialiased)
    rgb, alpha, expected = (image.float().cpu().numpy() for image in images)
    return rgb, alpha, expected, np.where(alpha >= 0.5, expected, np.float32(0))
