"""Follow the capture: fly through the views that were captured, in their order, without the jitter of the hand."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats, norms, unit
from ..camera import Camera
from ..path import CameraPath, eased_fraction
from ..rotations import angle_rad, look_rotation, matrix_from_quaternion, quaternion_from_matrix
from ..splines import Curve, RotationCurve, with_continuous_signs
from ..untyped import ndimage
from .manner import Manner, roll_rotation, sampled

# Even steps along the way for each width of the smoothing, and the most of them.
_STEPS_PER_WIDTH = 4
_MOST_STEPS = 4000
_SAMPLES_PER_S = 15


def follow_capture(
    cameras: Sequence[Camera], manner: Manner, *, smoothing: float, length_per_rad: float, is_level: bool = True
) -> CameraPath:
    """A smooth flight along captured views, at a constant rate of moving and turning together.

    Places and directions are averaged along the way with a Gaussian weight.

    Args:
        smoothing: standard deviation of that weight, in world units.
        length_per_rad: the way in world units that a turn of one radian takes as much time as.
        is_level: keep the horizon level; otherwise it is as captured, and smoothed too.

    Raises:
        ValueError: on less than two views, or views that are all the same.
    """
    if len(cameras) < 2:
        raise ValueError(f"at least 2 captured views are needed to follow them, but there are {len(cameras)}")
    positions = np.array([camera.position_world for camera in cameras])
    rotations = np.array([camera.world_from_camera.rotation for camera in cameras])
    steps = norms(np.diff(positions, axis=0))[:, 0] + length_per_rad * angle_rad(rotations[1:], rotations[:-1])
    if float(steps.sum()) < 1e-9:
        raise ValueError("the captured views are all the same, so there is no way to follow")
    # Views at one place that look the same way count once.
    kept = np.append(True, steps > 1e-6 * steps.sum())
    way = np.append(0.0, np.cumsum(steps[kept[1:]]))
    place, turn = _smooth(way, positions[kept], rotations[kept], smoothing)
    total = float(way[-1])
    rolls = manner.rolls_rad

    def along(times: Floats) -> Floats:
        return total * eased_fraction(times, manner.seconds, manner.easing.in_s, manner.easing.out_s)

    def pose(times: Floats) -> tuple[Floats, Floats]:
        at = along(times)
        found = matrix_from_quaternion(turn(at))
        if is_level:
            found = look_rotation(found[..., 2], manner.up_world)
        return place(at), found @ roll_rotation(rolls[0] + (rolls[1] - rolls[0]) * at / total)

    def between(ends: ArrayLike, times: Floats) -> Floats:
        start, end = np.log(np.asarray(ends, dtype=np.float64))
        return np.exp(start + (end - start) * along(times) / total)

    def focus(times: Floats) -> Floats | None:
        return None if manner.focus is None or manner.focus == "subject" else between(manner.focus, times)

    half_heights = np.tan(0.5 * np.array(manner.fovs_y_rad))
    return sampled(
        manner.seconds,
        pose,
        lambda times: 2 * np.arctan(between(half_heights, times)),
        focus,
        samples_per_s=_SAMPLES_PER_S,
        level_up_world=manner.up_world if is_level and manner.is_level else None,
    )


def _smooth(way: Floats, positions: Floats, rotations: Floats, smoothing: float) -> tuple[Curve, RotationCurve]:
    """The smoothed places and rotations as curves over the way [k] along views [k, 3], [k, 3, 3]."""
    total = float(way[-1])
    count = int(np.clip(_STEPS_PER_WIDTH * total / max(smoothing, 1e-9), 12, _MOST_STEPS)) + 1
    even = np.linspace(0.0, total, count)
    sigma = smoothing * (count - 1) / total
    quaternions = with_continuous_signs(quaternion_from_matrix(rotations))
    rows = np.concatenate([positions, quaternions], axis=1)
    raw = np.empty((count, rows.shape[1]))
    for column in range(rows.shape[1]):
        raw[:, column] = np.interp(even, way, rows[:, column])
    # Mirrored through its ends, the way keeps its length there; a Gaussian alone would draw the ends in.
    mirrored = 2 * raw[[0, -1]][:, None] - np.stack([raw[::-1], raw[::-1]])
    padded = np.concatenate([mirrored[0][:-1], raw, mirrored[1][1:]])
    smooth = np.asarray(ndimage.gaussian_filter1d(padded, sigma, axis=0, mode="nearest"))[count - 1 : 2 * count - 1]
    return Curve(even, smooth[:, :3], is_sampled=True), RotationCurve(even, unit(smooth[:, 3:]), is_sampled=True)
