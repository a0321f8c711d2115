"""The same flight with fewer keyframes, so that a person can edit it."""

from dataclasses import replace

import numpy as np

from .arrays import Floats, norms
from .keyframe import Keyframe
from .limits import Limits
from .path import CameraPath
from .rotations import angle_rad
from .timing import excess

_LONGEST_GAP_S = 2.5
_SAMPLES_PER_S = 20
_TRIES = 5


def thinned(
    path: CameraPath, limits: Limits, metres_per_unit: float, *, off_m: float = 0.02, off_rad: float = 0.01
) -> CameraPath:
    """A timed path with as few of its keyframes as keep it within that of itself, and within the limits of motion.

    Args:
        metres_per_unit: of the path's world.
        off_m, off_rad: how far places and directions may be off; less where a limit asks for it.
    """
    if not path.is_timed or len(path.keyframes) < 4:
        return path
    for share in 0.5 ** np.arange(_TRIES):
        found = _thinned(path, off_m * float(share) / metres_per_unit, off_rad * float(share))
        if excess(found, limits, metres_per_unit).most <= 1:
            return found
    return path


def _thinned(path: CameraPath, off: float, off_rad: float) -> CameraPath:
    keys = path.keyframes
    times = np.linspace(0, path.duration_s, 1 + int(_SAMPLES_PER_S * path.duration_s))
    places, rotations = path.positions_world(times), path.rotations(times)
    key_times = np.array([key.time_s for key in keys])
    count = 2 + int(path.duration_s / _LONGEST_GAP_S)
    kept = set(np.linspace(0, len(keys) - 1, min(count, len(keys))).round().astype(np.int64).tolist())
    while len(kept) < len(keys):
        found = _through(path, sorted(kept), keys)
        apart = norms(found.positions_world(times) - places)[:, 0] / off
        wrong = np.maximum(apart, angle_rad(found.rotations(times), rotations) / off_rad)
        more = _worst_keys(sorted(kept), key_times, times, wrong) - kept
        if not more:
            return found
        kept |= more
    return path


def _through(path: CameraPath, kept: list[int], keys: tuple[Keyframe, ...]) -> CameraPath:
    return replace(path, keyframes=tuple(keys[i] for i in kept))


def _worst_keys(kept: list[int], key_times: Floats, times: Floats, wrong: Floats) -> set[int]:
    """From each gap that is too far off somewhere: the key there, or the nearest in the gap."""
    found: set[int] = set()
    for first, after in zip(kept, [*kept[1:], len(key_times)], strict=True):
        end = key_times[after] if after < len(key_times) else np.inf
        inside = (times >= key_times[first]) & (times < end)
        if after - first > 1 and inside.any() and wrong[inside].max() > 1:
            worst = times[inside][np.argmax(wrong[inside])]
            found.add(first + 1 + int(np.argmin(np.abs(key_times[first + 1 : after] - worst))))
    return found
