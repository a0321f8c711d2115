"""Poses that move with the fit: their gradient, that they find back, and that the scene stays where it is."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from cameras.rotations import angle_rad, look_rotation, rotation_exp
from scenes.splats import reference
from scenes.splats.cpu_fit import CpuStepper
from scenes.splats.gaussians import Gaussians
from scenes.splats.pose_refinement import PoseCorrections, pose_gradient
from scenes.splats.settings import FitSettings, Resolution
from scenes.splats.steps import Compared, Look
from scenes.splats.targets import Target

EXTENT = 2.0
BLACK = np.zeros(3, np.float32)


def blobs(view_dependent: bool) -> Gaussians:
    rng = np.random.default_rng(3)
    n = 40
    sh = rng.normal(size=(n, 3, 16)) * 0.4
    sh[:, :, 1:] *= 0.2 * view_dependent
    means, log_scales = rng.uniform((-1.5, -1, 3), (1.5, 1, 5), (n, 3)), rng.uniform(-2.5, -1, (n, 3))
    parameters = (means, rng.normal(size=(n, 4)), log_scales, rng.normal(size=n), sh)
    return Gaussians(*(array.astype(np.float32) for array in parameters))


def sample_camera() -> Camera:
    pose = Rigid(look_rotation([0.1, -0.05, 1.0], [0.1, -1, 0]), np.array([0.3, -0.2, -0.4]))
    return Camera(Intrinsics(48, 36, 40.0, 41.0, 23.5, 18.5), pose)


def compare(gaussians: Gaussians, camera: Camera, photo: np.ndarray, sh_degree: int) -> Compared:
    settings = FitSettings((Resolution(1, 10),), max_gaussians=len(gaussians), ssim_weight=0.0)
    stepper = CpuStepper(gaussians, settings, EXTENT, None)
    look = Look(Target(camera, photo, None, None, 1.0), BLACK, sh_degree, None, pose_moves=True)
    return stepper.compare(look)


def corrected(camera: Camera, value: np.ndarray) -> Camera:
    poses = PoseCorrections(1, EXTENT)
    poses.values[0] = value
    return poses.apply(0, camera)


def photo_of(gaussians: Gaussians, camera: Camera) -> np.ndarray:
    drawn = reference.render(gaussians, camera).rgb.numpy()
    return np.rint(255 * np.clip(drawn, 0, 1)).astype(np.uint8)


def moved_against(gaussians: Gaussians, camera: Camera, motion: torch.Tensor) -> reference.Parameters:
    """All Gaussians turned by -motion[:3] about the camera and moved by -motion[3:]; to first order."""
    p = reference.Parameters.of(gaussians)
    turn, centre = -motion[:3], torch.tensor(camera.position_world)
    means = p.means + torch.linalg.cross(turn.expand_as(p.means), p.means - centre) - motion[3:]
    w, v = p.quaternions_wxyz[:, :1], p.quaternions_wxyz[:, 1:]
    d_w, d_v = -(v * turn).sum(dim=1, keepdim=True), w * turn + torch.linalg.cross(turn.expand_as(v), v)
    quaternions = p.quaternions_wxyz + 0.5 * torch.cat([d_w, d_v], dim=1)
    return reference.Parameters(means, quaternions, p.log_scales, p.logit_opacities, p.sh)


@pytest.mark.parametrize("sh_degree", [0, 3])
def test_the_gradient_is_that_of_moving_all_gaussians(sh_degree: int) -> None:
    gaussians, camera = blobs(view_dependent=True), sample_camera()
    black = np.zeros((36, 48, 3), np.uint8)
    compared = compare(gaussians, camera, black, sh_degree)
    assert compared.rigid is not None
    motion = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    picture = reference.render_parameters(moved_against(gaussians, camera, motion), camera, sh_degree=sh_degree)
    (wanted,) = torch.autograd.grad(picture.rgb.abs().mean(), motion)
    np.testing.assert_allclose(pose_gradient(compared.rigid, camera), wanted, rtol=1e-3, atol=1e-6)


def test_moving_the_camera_is_moving_all_gaussians_the_other_way() -> None:
    gaussians, camera = blobs(view_dependent=False), sample_camera()
    value = np.array([2e-4, -3e-4, 1e-4, 2e-4, 1e-4, -3e-4])
    seen = reference.render(gaussians, corrected(camera, value), sh_degree=0).rgb
    motion = torch.tensor(value * np.repeat([1, EXTENT], 3))
    with torch.no_grad():
        moved = reference.render_parameters(moved_against(gaussians, camera, motion), camera, sh_degree=0).rgb
        still = reference.render(gaussians, camera, sh_degree=0).rgb
    assert (seen - moved).abs().mean() < 0.02 * (seen - still).abs().mean()


def test_turned_and_moved_cameras_find_back() -> None:
    gaussians, camera = blobs(view_dependent=True), sample_camera()
    photo, pose = photo_of(gaussians, camera), camera.world_from_camera
    turn, move = np.array([0.01, -0.008, 0.012]), np.array([0.02, -0.01, 0.02])
    wrong = [  # opposite errors, so that their mean is right
        replace(
            camera, world_from_camera=Rigid(rotation_exp(sign * turn) @ pose.rotation, pose.translation + sign * move)
        )
        for sign in (1, -1)
    ]
    poses = PoseCorrections(2, EXTENT)
    for step in range(300):
        now = poses.apply(step % 2, wrong[step % 2])
        compared = compare(gaussians, now, photo, 3)
        assert compared.rigid is not None
        poses.move(step % 2, pose_gradient(compared.rigid, now), 1e-3 * 0.985**step)
    for number, camera_before in enumerate(wrong):
        found = poses.apply(number, camera_before)
        assert angle_rad(found.world_from_camera.rotation, pose.rotation) < 0.25 * np.linalg.norm(turn)
        assert np.linalg.norm(found.position_world - pose.translation) < 0.5 * np.linalg.norm(move)


def test_the_mean_stays_at_no_change_and_what_is_not_fitted_stays() -> None:
    poses = PoseCorrections(4, EXTENT)
    rng = np.random.default_rng(0)
    for step in range(60):
        poses.move(step % 3, rng.normal(size=6) + 1, 1e-3)
    assert poses.values[:3].any()
    np.testing.assert_allclose(poses.values[:3].mean(axis=0), 0, atol=1e-6)
    camera = sample_camera()
    assert poses.apply(3, camera) is camera


def test_comes_back_from_its_arrays() -> None:
    poses, again = PoseCorrections(2, EXTENT), PoseCorrections(2, EXTENT)
    poses.move(0, np.arange(6.0), 1e-3)
    again.restore({name: array.copy() for name, array in poses.arrays().items()})
    for each in (poses, again):
        each.move(1, np.ones(6), 1e-3)
    np.testing.assert_array_equal(poses.values, again.values)
