"""The readable float64 definition of splatting: what every engine must draw, and the oracle of their gradients.

EWA splatting (Zwicker et al. 2001) as in 3D Gaussian Splatting (Kerbl et al. 2023): every Gaussian is projected with
the Jacobian of the perspective at its centre, widened by a low-pass filter, sorted by the depth of its centre and
composited front to back. With ``antialiased`` the opacity is lowered by what the filter added to the area
(Mip-Splatting, Yu et al. 2024, equation 9; in gsplat "antialiased").

It is slow and keeps [Gaussians, height, width] arrays: small pictures only.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cameras.camera import Camera

from .definition import ALPHA_EPSILON, ALPHA_MAX, ALPHA_MIN, CLAMP, LOW_PASS, MARGIN, NEAR_Z, TRANSMITTANCE_MIN
from .gaussians import Gaussians
from .harmonics import basis_terms


@dataclass
class Parameters:
    """Gaussians as float64 tensors that can be differentiated; fields as in ``Gaussians``."""

    means: Tensor
    quaternions_wxyz: Tensor
    log_scales: Tensor
    logit_opacities: Tensor
    sh: Tensor

    @classmethod
    def of(cls, gaussians: Gaussians) -> "Parameters":
        def leaf(array: NDArray[np.float32]) -> Tensor:
            return torch.tensor(array, dtype=torch.float64, requires_grad=True)

        g = gaussians
        return cls(leaf(g.means), leaf(g.quaternions_wxyz), leaf(g.log_scales), leaf(g.logit_opacities), leaf(g.sh))


@dataclass
class Projected:
    """Gaussians on the image.

    Attributes:
        means_pixels: [N, 2].
        covariances: [N, 2, 2] in square pixels.
        opacities, depth_z: [N]; the depth is that of the centre.
        rgb: [N, 3].
        slopes: [N, 2] how depth_z changes from pixel to pixel, see ``depths_on_rays``.
    """

    means_pixels: Tensor
    covariances: Tensor
    opacities: Tensor
    rgb: Tensor
    depth_z: Tensor
    slopes: Tensor


@dataclass
class Picture:
    """What is drawn.

    Attributes:
        rgb: [H, W, 3] over the background.
        alpha: [H, W] one minus what the background shows through.
        expected_depth_z: [H, W] mean depth of the Gaussians weighted by what each shows, divided by
            max(alpha, ALPHA_EPSILON).
        median_depth_z: [H, W] where the ray meets the Gaussian at which the transmittance first falls to 0.5 or below:
            its densest point along the ray (see ``depths_on_rays``); 0 where it never does. It has no gradient.
    """

    rgb: Tensor
    alpha: Tensor
    expected_depth_z: Tensor
    median_depth_z: Tensor


def rotation_matrices(quaternions_wxyz: Tensor) -> Tensor:
    """[N, 3, 3] rotations of quaternions [N, 4], normalised here."""
    w, x, y, z = (quaternions_wxyz / quaternions_wxyz.norm(dim=-1, keepdim=True)).unbind(-1)
    rows = [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)]
    rows += [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)]
    rows += [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
    return torch.stack(rows, -1).reshape(-1, 3, 3)


def colours(sh: Tensor, directions: Tensor, degree: int) -> Tensor:
    """[N, 3] colour of each Gaussian seen along the unit directions [N, 3]."""
    x, y, z = directions.unbind(-1)
    basis = torch.stack(basis_terms(x, y, z, degree), -1)
    return (torch.einsum("nck,nk->nc", sh[..., : basis.shape[-1]], basis) + 0.5).clamp_min(0)


def project(parameters: Parameters, camera: Camera, sh_degree: int, antialiased: bool) -> Projected:
    """Gaussians onto the image plane (Zwicker 2001, equations 25 to 31)."""
    lens, camera_from_world = camera.intrinsics, camera.camera_from_world
    rotation = torch.tensor(camera_from_world.rotation)
    x, y, z = (parameters.means @ rotation.T + torch.tensor(camera_from_world.translation)).unbind(-1)
    limit_x, limit_y = CLAMP * 0.5 * lens.width / lens.fx, CLAMP * 0.5 * lens.height / lens.fy
    slope_x, slope_y = (x / z).clamp(-limit_x, limit_x), (y / z).clamp(-limit_y, limit_y)
    zero = torch.zeros_like(z)
    jacobian = torch.stack([lens.fx / z, zero, -lens.fx * slope_x / z, zero, lens.fy / z, -lens.fy * slope_y / z], -1)
    image_from_world = jacobian.reshape(-1, 2, 3) @ rotation
    spread = image_from_world @ rotation_matrices(parameters.quaternions_wxyz)
    spread = spread * parameters.log_scales.exp()[:, None, :]
    sharp = spread @ spread.transpose(1, 2)
    covariances = sharp + LOW_PASS * torch.eye(2, dtype=z.dtype)
    opacities = torch.sigmoid(parameters.logit_opacities)
    if antialiased:
        ratio = torch.linalg.det(sharp) / torch.linalg.det(covariances)
        opacities = opacities * torch.where(ratio > 0, ratio, torch.ones_like(ratio)).sqrt() * (ratio > 0)
    directions = parameters.means - torch.tensor(camera.position_world)
    directions = directions / directions.norm(dim=-1, keepdim=True)
    means_pixels = torch.stack([lens.fx * x / z + lens.cx, lens.fy * y / z + lens.cy], -1)
    axes = rotation_matrices(parameters.quaternions_wxyz) * parameters.log_scales.exp()[:, None, :]
    with_depth = torch.einsum("nia,na->ni", spread, torch.einsum("c,nca->na", rotation[2], axes))
    slopes = torch.linalg.solve(covariances, with_depth)
    return Projected(means_pixels, covariances, opacities, colours(parameters.sh, directions, sh_degree), z, slopes)


def depths_on_rays(projected: Projected, width: int, height: int) -> Tensor:
    """[N, H, W] depth_z of the densest point of each Gaussian along the ray of each pixel.

    On the image the depth is correlated with the pixel: its mean, given the pixel, has the slope covariance of pixel
    and depth over covariance of pixels (RaDe-GS, Zhang 2024, section 3). A plane is linear in 1 / depth, so that is
    what the slope is applied to; it changes 1 / depth by half at most.
    """
    pixels_x = torch.arange(width, dtype=torch.float64) + 0.5
    pixels_y = torch.arange(height, dtype=torch.float64) + 0.5
    dx = (pixels_x[None, :] - projected.means_pixels[:, :1])[:, None, :]
    dy = (pixels_y[None, :] - projected.means_pixels[:, 1:])[:, :, None]
    z = projected.depth_z[:, None, None]
    change = (projected.slopes[:, :1, None] * dx + projected.slopes[:, 1:, None] * dy) / z
    return z / (1 - change.clamp(-0.5, 0.5))


def _front_to_back(means: Tensor, camera: Camera) -> Tensor:
    """Indices of the Gaussians that are drawn, nearest first."""
    pixels, depth_z = camera.project(means.numpy())
    size = np.array([camera.width, camera.height])
    inside = (pixels >= -MARGIN * size) & (pixels <= (1 + MARGIN) * size)
    order = np.argsort(depth_z, kind="stable")
    return torch.tensor(order[((depth_z >= NEAR_Z) & inside.all(-1))[order]])


def _alphas(projected: Projected, width: int, height: int) -> Tensor:
    """[N, H, W] what each Gaussian would hide of a pixel if it were alone."""
    pixels_x = torch.arange(width, dtype=torch.float64) + 0.5
    pixels_y = torch.arange(height, dtype=torch.float64) + 0.5
    dx = (pixels_x[None, :] - projected.means_pixels[:, :1])[:, None, :]
    dy = (pixels_y[None, :] - projected.means_pixels[:, 1:])[:, :, None]
    conic = torch.linalg.inv(projected.covariances)[:, :, :, None, None]
    power = 0.5 * (conic[:, 0, 0] * dx * dx + conic[:, 1, 1] * dy * dy) + conic[:, 0, 1] * dx * dy
    alpha = (projected.opacities[:, None, None] * torch.exp(-power)).clamp_max(ALPHA_MAX)
    return torch.where(alpha > ALPHA_MIN, alpha, torch.zeros_like(alpha))


def _transmittances(alphas: Tensor) -> tuple[Tensor, Tensor]:
    """What is let through before and after each Gaussian [N, H, W], front to back, stopping where a pixel is full."""
    before = [torch.ones_like(alphas[0])]
    for alpha in alphas:
        going_on = before[-1] > TRANSMITTANCE_MIN
        before.append(torch.where(going_on, before[-1] * (1 - alpha), before[-1]))
    stacked = torch.stack(before)
    return stacked[:-1], stacked[1:]


def render_parameters(
    parameters: Parameters,
    camera: Camera,
    *,
    sh_degree: int = 3,
    background: NDArray[np.floating] | None = None,
    antialiased: bool = True,
) -> Picture:
    """Draw differentiable parameters. The background is [3], black if None."""
    width, height = camera.width, camera.height
    behind = torch.zeros(3, dtype=torch.float64) if background is None else torch.tensor(background).double()
    order = _front_to_back(parameters.means.detach(), camera)
    if len(order) == 0:
        empty = torch.zeros(height, width, dtype=torch.float64)
        return Picture(behind.expand(height, width, 3), empty, empty, empty)
    p = parameters
    front = Parameters(
        p.means[order], p.quaternions_wxyz[order], p.log_scales[order], p.logit_opacities[order], p.sh[order]
    )
    projected = project(front, camera, sh_degree, antialiased)
    before, after = _transmittances(_alphas(projected, width, height))
    weights = before - after
    alpha = 1 - after[-1]
    rgb = torch.einsum("nhw,nc->hwc", weights, projected.rgb) + after[-1][..., None] * behind
    depth_sum = torch.einsum("nhw,n->hw", weights, projected.depth_z)
    crossing = (before > 0.5) & (after <= 0.5)
    median = (crossing * depths_on_rays(projected, width, height).detach()).sum(dim=0)
    return Picture(rgb, alpha, depth_sum / alpha.clamp_min(ALPHA_EPSILON), median)


def render(
    gaussians: Gaussians,
    camera: Camera,
    *,
    sh_degree: int = 3,
    background: NDArray[np.floating] | None = None,
    antialiased: bool = True,
) -> Picture:
    """Draw Gaussians without gradients. The background is [3], black if None."""
    with torch.no_grad():
        return render_parameters(
            Parameters.of(gaussians), camera, sh_degree=sh_degree, background=background, antialiased=antialiased
        )
