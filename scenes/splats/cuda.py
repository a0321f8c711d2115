"""Splats on a CUDA device through gsplat 1.5 (``gsplat.rasterization``).

gsplat's conventions: ``viewmats`` are camera_from_world in OpenCV axes, pixel centres lie at half numbers, quaternions
are wxyz, colours as spherical harmonics are [N, K, 3]: coefficient, then channel.

Some definitions differ a little from ours (read in the source of gsplat 1.5.3). One Gaussian hides at most 0.999 of
what is behind it (here: 0.99). A pixel is finished before the Gaussian that would take its transmittance to 1e-4 or
below (here: after), which changes a colour by at most 1e-4. The Jacobian is clamped 0.3 half image sizes outside of the
image (here: 1.3 about the optical axis, the same unless that is off the centre). Centres far outside of the image are
drawn if their Gaussian reaches it (here: not beyond one image size). And gsplat has no median depth: where alpha is at
least 0.5 the expected depth stands in for it.

Backgrounds are put behind the picture here: gsplat 1.5 versions do not agree on their channels when there is depth.
"""

import functools
import importlib.util
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cameras.camera import Camera
from cameras.errors import InstallationError, MissingExtraError, SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid

from .definition import LOW_PASS, NEAR_Z
from .gaussians import SH_TERMS, Gaussians

Float32 = NDArray[np.float32]

EXTRA = "flythrough[cuda]"
_KERNELS_WANTED = (
    "install a build of gsplat with kernels for this version of torch and of CUDA, or the CUDA toolkit (nvcc) that "
    "compiles them"
)


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
    """Whether torch sees a CUDA device and gsplat draws on it; warns where gsplat is there but does not."""
    if not torch.cuda.is_available() or _import_gsplat() is None:
        return False
    trouble = _kernel_trouble()
    if trouble is not None:
        warnings.warn(
            f"There is a CUDA device, but gsplat cannot draw on it ({trouble}), so it is not used: {_KERNELS_WANTED}.",
            RuntimeWarning,
            stacklevel=2,
        )
    return trouble is None


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
    trouble = _kernel_trouble()
    if trouble is not None:
        raise InstallationError(
            f"The backend 'cuda' needs gsplat, which cannot draw on this machine ({trouble}): {_KERNELS_WANTED}, or "
            "use --backend cpu."
        )


@functools.cache
def _kernel_trouble(device: str = "cuda") -> str | None:
    """Why gsplat does not draw or differentiate here; None if it does.

    It can be imported without its kernels where there is no compiler for them; where there is one, it compiles them
    now, for minutes, and says so on standard output, which belongs to results.
    """
    scene = Gaussians(*(np.full((1, *shape), 0.5, np.float32) for shape in ((3,), (4,), (3,), (), (3, SH_TERMS))))
    camera = Camera(Intrinsics.from_fov(8, 8, 1.0), Rigid(np.eye(3), np.array([0.0, 0.0, -3.0])))
    try:
        with redirect_stdout(sys.stderr):
            leaves = DeviceGaussians.of(scene, device, requires_grad=True)
            rasterize(leaves, camera, 3, True, depth=True).premultiplied.sum().backward()
            drawn = bool(torch.isfinite(cast(Tensor, leaves.means.grad)).all())
    except Exception as error:  # whatever compilers, loaders and drivers raise
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None if drawn else "its gradients are not numbers"


def _import_gsplat() -> Any:
    try:
        import gsplat  # pyright: ignore[reportMissingImports]
    except Exception:  # a broken extension raises whatever its loader does
        return None
    return gsplat


@contextmanager
def enough_memory(doing: str) -> Iterator[None]:
    """Raises InstallationError instead of torch's error where the device's memory does not suffice for ``doing``."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise InstallationError(
            f"The memory of the CUDA device does not suffice for {doing}: lower --max-gaussians or the size of the "
            "pictures, end what else uses the device, or use --backend cpu."
        ) from error


@dataclass(frozen=True)
class Picture:
    """What gsplat draws of N Gaussians, differentiable.

    Attributes:
        premultiplied: [H, W, 3] colours over black.
        alpha: [H, W].
        expected_depth_z: [H, W]; None unless depth was asked for.
        means_pixels: [1, N, 2] centres on the image; its gradient is kept if ``retain_grad`` was called on it.
        visible: [N] bool, the Gaussians that reach the image.
    """

    premultiplied: Tensor
    alpha: Tensor
    expected_depth_z: Tensor | None
    means_pixels: Tensor
    visible: Tensor

    def over(self, background: Tensor) -> Tensor:
        """[H, W, 3] over a colour [3]."""
        return self.premultiplied + (1 - self.alpha)[..., None] * background


def rasterization_arguments(
    gaussians: DeviceGaussians, camera: Camera, sh_degree: int, antialiased: bool, depth: bool
) -> dict[str, Any]:
    """The keyword arguments of ``gsplat.rasterization`` that draw one camera, with expected depth if asked for.

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
        "render_mode": "RGB+ED" if depth else "RGB",
        "rasterize_mode": "antialiased" if antialiased else "classic",
    }


def rasterize(gaussians: DeviceGaussians, camera: Camera, sh_degree: int, antialiased: bool, *, depth: bool) -> Picture:
    """Draws one camera.

    Raises:
        SettingsError: if the lens is distorted.
    """
    arguments = rasterization_arguments(gaussians, camera, sh_degree, antialiased, depth)
    colors, alphas, info = cast(Any, _import_gsplat()).rasterization(**arguments)
    reach: Tensor = info["radii"][0] > 0
    visible = reach.all(dim=-1) if reach.ndim == 2 else reach  # a radius for each axis since gsplat 1.5
    expected = colors[0, ..., 3] if depth else None
    return Picture(colors[0, ..., :3], alphas[0, ..., 0], expected, info["means2d"], visible)


class Drawer:
    """Draws views; what it drew last stays on the device, for there are many views of the same Gaussians in a film."""

    def __init__(self, device: str = "cuda") -> None:
        self._device = device
        self._last: Gaussians | None = None
        self._uploaded: DeviceGaussians | None = None

    def draw(
        self,
        gaussians: Gaussians,
        camera: Camera,
        sh_degree: int,
        background: Float32,
        antialiased: bool,
        *,
        depth: bool,
    ) -> tuple[Float32, Float32, Float32 | None, Float32 | None]:
        """rgb over the background, alpha, and with ``depth`` the expected and what stands in for the median depth_z.

        Args:
            gaussians: an object that was drawn last is not looked at again: its arrays must not have changed since.
            camera, sh_degree, background, antialiased: as in ``Engine.render``.

        Raises:
            SettingsError: if the lens is distorted.
            InstallationError: if the memory of the device does not suffice.
        """
        what = f"drawing {len(gaussians):,} Gaussians at {camera.width}x{camera.height}"
        with enough_memory(what), torch.no_grad():
            if self._uploaded is None or gaussians is not self._last:
                self._uploaded = None  # frees the old before the new
                self._last, self._uploaded = gaussians, DeviceGaussians.of(gaussians, self._device)
            picture = rasterize(self._uploaded, camera, sh_degree, antialiased, depth=depth)
            rgb = picture.over(torch.tensor(background, device=self._device))
            rgb, alpha = rgb.float().cpu().numpy(), picture.alpha.float().cpu().numpy()
            if picture.expected_depth_z is None:
                return rgb, alpha, None, None
            expected = picture.expected_depth_z.float().cpu().numpy()
        return rgb, alpha, expected, np.where(alpha >= 0.5, expected, np.float32(0))
