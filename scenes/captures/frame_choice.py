"""Which frames of a video are worth keeping: sharp, different from each other, evenly spread over its time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FRAMES_PER_SECOND = 3.0
LEAST_FRAMES = 60
MOST_FRAMES = 300
MIN_DIFFERENCE = 1.0
"""Mean absolute difference of two thumbnails in grey levels; below it the camera stood still."""

THUMB_SIDE = 24


@dataclass(frozen=True, eq=False)
class Survey:
    """What was seen of every frame.

    Attributes:
        numbers: [N] int64 frame numbers, rising.
        times_s: [N] float64, never falling.
        sharpness: [N] float64.
        thumbs: [N, 24, 24] uint8.
    """

    numbers: NDArray[np.int64]
    times_s: NDArray[np.float64]
    sharpness: NDArray[np.float64]
    thumbs: NDArray[np.uint8]


def sharpness(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of an [H, W] image: large where edges are crisp (Pech-Pacheco et al. 2000)."""
    values = grey.astype(np.float32)
    inner = values[1:-1, 1:-1]
    laplacian = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * inner
    return float(laplacian.var(dtype=np.float64))


def thumbnail(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[24, 24] uint8 block means of an [H, W] image."""
    return np.asarray(Image.fromarray(grey).resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BOX))


def frames_wanted(seconds: float, most: int = MOST_FRAMES) -> int:
    """How many frames a video of so many seconds should give, if it has them."""
    return min(max(round(FRAMES_PER_SECOND * seconds), LEAST_FRAMES), most)


def choose_frames(survey: Survey, most: int = MOST_FRAMES) -> NDArray[np.int64]:
    """Positions in ``survey`` of the chosen frames, rising.

    Time is cut into windows, three a second (60 to ``most`` in all); the sharpest frame of each is taken unless it
    shows what the one before showed. If too few remain because the camera stood still, the windows become narrower,
    so that what moved is covered all the same.
    """
    times = survey.times_s
    wanted = frames_wanted(float(times[-1] - times[0]) if len(times) else 0.0, most)
    windows = wanted
    while windows < len(times):
        chosen = _distinct(_sharpest(survey, windows), survey.thumbs)
        if len(chosen) >= min(LEAST_FRAMES, wanted):
            return _thinned(chosen, wanted)
        windows *= 2
    return _thinned(_distinct(np.arange(len(times)), survey.thumbs), wanted)


def _sharpest(survey: Survey, windows: int) -> NDArray[np.int64]:
    """The sharpest frame of each of equal spans of time; empty spans (variable frame rate) give none."""
    since = survey.times_s - survey.times_s[0]
    span = max(float(since[-1]), 1e-9) * (1 + 1e-9) / windows
    window = np.floor(since / span).astype(np.int64)
    order = np.lexsort((np.arange(len(since)), -survey.sharpness, window))
    first = np.concatenate([[True], np.diff(window[order]) > 0])
    return np.sort(order[first])


def _distinct(positions: NDArray[np.int64], thumbs: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Those that differ from the last one kept."""
    kept: list[int] = []
    for position in positions.tolist():
        if kept and _difference(thumbs[position], thumbs[kept[-1]]) < MIN_DIFFERENCE:
            continue
        kept.append(position)
    return np.array(kept, dtype=np.int64)


def _difference(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean())


def _thinned(positions: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most ``most`` of them, evenly spread."""
    if len(positions) <= most:
        return positions
    return positions[np.round(np.linspace(0, len(positions) - 1, most)).astype(np.int64)]
