"""The fused loss against torch in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scenes.splats.cpu.ssim import PhotoLossWorkspace, gaussian_window


def slow_loss(
    image: NDArray[np.float32], target: NDArray[np.float32], valid: NDArray[np.bool_] | None, ssim_weight: float
) -> tuple[float, float, float, NDArray[np.float64]]:
    """Loss, L1, SSIM and the gradient, as the definition reads."""
    x = torch.tensor(image, dtype=torch.float64, requires_grad=True)
    y = torch.tensor(target, dtype=torch.float64)
    mask = torch.ones(target.shape[:2], dtype=torch.bool) if valid is None else torch.tensor(valid)
    seen, y = x * mask[..., None], y * mask[..., None]
    window = torch.tensor(gaussian_window(), dtype=torch.float64)
    kernel = torch.outer(window, window)[None, None]

    def blur(planes: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(planes.permute(2, 0, 1)[:, None], kernel, padding=5)

    mu_x, mu_y = blur(seen), blur(y)
    var_x, var_y = blur(seen * seen) - mu_x**2, blur(y * y) - mu_y**2
    covariance = blur(seen * y) - mu_x * mu_y
    top = (2 * mu_x * mu_y + 0.01**2) * (2 * covariance + 0.03**2)
    ssim = (top / ((mu_x**2 + mu_y**2 + 0.01**2) * (var_x + var_y + 0.03**2))).mean()
    l1 = (seen - y).abs().mean()
    loss = (1 - ssim_weight) * l1 + ssim_weight * (1 - ssim)
    loss.backward()
    assert x.grad is not None
    return float(loss.detach()), float(l1.detach()), float(ssim.detach()), x.grad.numpy()


@settings(max_examples=12, deadline=None)
@given(
    width=st.integers(1, 50),
    height=st.integers(1, 40),
    masked=st.booleans(),
    ssim_weight=st.sampled_from([0.0, 0.2, 1.0]),
    seed=st.integers(0, 1000),
)
def test_loss_and_gradient_are_those_of_the_definition(
    width: int, height: int, masked: bool, ssim_weight: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.uniform(-0.1, 1.2, (height, width, 3)).astype(np.float32)
    target = rng.uniform(0, 1, (height, width, 3)).astype(np.float32)
    valid = rng.random((height, width)) < 0.7 if masked else None
    fast = PhotoLossWorkspace(width, height)(image, target, valid, ssim_weight=ssim_weight)
    loss, l1, ssim, gradient = slow_loss(image, target, valid, ssim_weight)
    assert fast.loss == pytest.approx(loss, abs=2e-5)
    assert fast.l1 == pytest.approx(l1, abs=1e-5)
    assert fast.ssim == pytest.approx(ssim, abs=5e-5)
    if valid is not None:
        assert not fast.d_image[~valid].any()
    error = np.linalg.norm(fast.d_image - gradient) / max(np.linalg.norm(gradient), 1e-12)
    assert error < 1e-4


def test_equal_images_cost_nothing_and_do_not_pull() -> None:
    image = np.random.default_rng(1).random((30, 41, 3)).astype(np.float32)
    result = PhotoLossWorkspace(41, 30)(image, image)
    assert result.loss == pytest.approx(0, abs=1e-5)
    assert np.abs(result.d_image).max() < 1e-6


def test_bytes_are_compared_as_fractions() -> None:
    rng = np.random.default_rng(2)
    image = rng.random((20, 33, 3)).astype(np.float32)
    target = rng.integers(0, 256, (20, 33, 3), dtype=np.uint8)
    workspace = PhotoLossWorkspace(33, 20)
    from_bytes = workspace(image, target).loss
    assert from_bytes == pytest.approx(workspace(image, target.astype(np.float32) / np.float32(255)).loss, rel=1e-6)


def test_a_second_use_of_the_workspace_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(3)
    image, target = rng.random((2, 37, 29, 3)).astype(np.float32)
    workspace = PhotoLossWorkspace(29, 37)
    first = workspace(image, target)
    kept = first.d_image.copy()
    workspace(target, image)
    again = workspace(image, target)
    assert again.loss == first.loss
    np.testing.assert_array_equal(again.d_image, kept)


def test_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="prepared for images of shape"):
        PhotoLossWorkspace(4, 5)(np.zeros((4, 5, 3), np.float32), np.zeros((4, 5, 3), np.float32))
