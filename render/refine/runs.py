"""Short runs of frames between photos, as a film would show them: where steadiness is measured without a film."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cameras.camera import Camera
from cameras.rotations import rotation_log

FRAMES = 12
STEP_PX = 6.0
"""How far the middle of the picture moves from frame to frame, about."""


def runs_between(
    cameras: Sequence[Camera], depths: Sequence[float], count: int, frames: int = FRAMES, step_px: float = STEP_PX
) -> list[list[Camera]]:
    """``count`` runs that start at cameras evenly chosen, each towards the camera nearest to its own.

    Args:
        depths: median depth_z of what each camera sees; with it the step is about ``step_px`` a frame.
    """
    chosen = [index * len(cameras) // count for index in range(min(count, len(cameras)))]
    return [_run(cameras[index], _nearest(cameras, index), depths[index], frames, step_px) for index in chosen]


def _nearest(cameras: Sequence[Camera], index: int) -> Camera:
    """The camera that is nearest in place and direction, and not the same."""
    here = cameras[index]
    size = max(float(np.ptp([camera.position_world for camera in cameras], axis=0).max()), 1e-9)

    def far(other: int) -> float:
        there = cameras[other]
        aside = float(np.linalg.norm(there.position_world - here.position_world)) / size
        return aside + float(1 - here.forward_world @ there.forward_world)

    return cameras[min((k for k in range(len(cameras)) if k != index), key=far)]


def _run(start: Camera, end: Camera, depth_z: float, frames: int, step_px: float) -> list[Camera]:
    a, b = start.world_from_camera, end.world_from_camera
    turn, shift = rotation_log(a.rotation.T @ b.rotation), b.translation - a.translation
    whole_px = start.intrinsics.fx * (np.linalg.norm(turn) + np.linalg.norm(shift) / max(depth_z, 1e-9))
    step = min(step_px / max(float(whole_px), 1e-9), 1 / max(1, frames - 1))
    return [replace(start, world_from_camera=a.toward(b, step * index), time_s=index / 30.0) for index in range(frames)]
