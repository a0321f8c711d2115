"""What several test files of scenes share."""

import types
from dataclasses import replace

import pytest
import torch

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.splats import cuda, reference


def gsplat_1_5_rasterization(
    means, quats, scales, opacities, colors, viewmats, Ks, width, height, near_plane=0.01, far_plane=1e10,
    radius_clip=0.0, eps2d=0.3, sh_degree=None, packed=True, tile_size=16, backgrounds=None, render_mode="RGB",
    sparse_grad=False, absgrad=False, rasterize_mode="classic", channel_chunk=32, distributed=False,
    camera_model="pinhole", segmented=False, covars=None,
):  # fmt: skip
    """The parameters and the shape rules of gsplat 1.5, drawn by our reference from the converted arguments."""
    n = means.shape[-2]
    assert means.shape == (n, 3)
    assert quats.shape == (n, 4)
    assert scales.shape == (n, 3)
    assert opacities.shape == (n,)
    assert colors.shape == (n, 16, 3)
    assert viewmats.shape == (1, 4, 4)
    assert Ks.shape == (1, 3, 3)
    assert backgrounds is None
    assert sh_degree is not None
    assert not packed
    assert near_plane == reference.NEAR_Z
    assert eps2d == reference.LOW_PASS
    k = Ks[0].double().numpy()
    lens = Intrinsics(width, height, k[0, 0], k[1, 1], k[0, 2], k[1, 2])
    camera = Camera(lens, Rigid.from_matrix(viewmats[0].double().numpy()).inverse())
    parameters = reference.Parameters(
        means.double(), quats.double(), scales.double().log(), torch.logit(opacities.double()),
        colors.transpose(1, 2).double(),
    )  # fmt: skip
    projected = reference.project(parameters, camera, sh_degree, rasterize_mode == "antialiased")
    means2d = projected.means_pixels.float()[None]  # all that is drawn hangs on this one
    alphas = reference._alphas(replace(projected, means_pixels=means2d[0].double()), width, height)
    order = reference._front_to_back(means.detach().double(), camera)
    before, after = reference._transmittances(alphas[order])
    weights, alpha = before - after, 1 - after[-1]
    images = torch.einsum("nhw,nc->hwc", weights, projected.rgb[order])
    if render_mode == "RGB+ED":
        depth = torch.einsum("nhw,n->hw", weights, projected.depth_z[order]) / alpha.clamp(min=1e-10)
        images = torch.cat([images, depth[..., None]], dim=-1)
    else:
        assert render_mode == "RGB"
    info = {"means2d": means2d, "radii": _radii(projected, means2d[0], width, height)[None]}
    return images.float()[None], alpha.float()[None, ..., None], info


def _radii(projected, means_pixels, width, height):
    """[N, 2] pixels that a Gaussian reaches along x and y; 0 where it is not drawn."""
    seen = projected.opacities > reference.ALPHA_MIN
    extent = (2 * (projected.opacities.clamp_min(reference.ALPHA_MIN) / reference.ALPHA_MIN).log()).sqrt()[:, None]
    radii = (extent * projected.covariances.diagonal(dim1=1, dim2=2).sqrt()).ceil()
    size = torch.tensor([width, height])
    inside = ((means_pixels + radii > 0) & (means_pixels - radii < size)).all(dim=-1)
    front = projected.depth_z >= reference.NEAR_Z
    return (radii * (seen & inside & front)[:, None]).detach().int()


@pytest.fixture
def gsplat_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """gsplat as the adapter finds it, drawn by the reference on the CPU."""
    module = types.SimpleNamespace(rasterization=gsplat_1_5_rasterization)
    monkeypatch.setattr(cuda, "_import_gsplat", lambda: module)
