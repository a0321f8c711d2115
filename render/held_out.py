"""Photos that a fit never sees, and how well the scene shows them: the report's honest figures."""

from collections.abc import Mapping, Sequence

from cameras.reporting import Report
from scenes.captures.capture import Capture
from scenes.captures.pixels import load_photo
from scenes.scene import Scene

HOLD_OUT_EVERY = 16
FEWEST_PHOTOS = 12
MOST_HELD_OUT = 8


def choose_held_out(names: Sequence[str]) -> tuple[str, ...]:
    """Names of the photos to keep out of a fit: one in 16, evenly spread, at most 8; none of fewer than 12 photos.

    Few, because the film should have nearly all photos; enough for a figure that is not flattered.
    """
    if len(names) < FEWEST_PHOTOS:
        return ()
    count = min(MOST_HELD_OUT, max(1, len(names) // HOLD_OUT_EVERY))
    return tuple(names[(2 * index + 1) * len(names) // (2 * count)] for index in range(count))


def score_held_out(scene: Scene, capture: Capture, names: Sequence[str], report: Report) -> Mapping[str, object]:
    """Mean PSNR, SSIM and FLIP of the scene on photos of a capture, and the PSNR of each."""
    from .evaluation import compare
    from .quality import Scores

    photos = [load_photo(image) for image in capture.images if image.name in set(names)]
    if not photos:
        return {"photos": [], "psnr": None, "ssim": None, "flip": None, "reason": "too few photos to hold one out"}
    each: dict[str, float] = {}
    scores: list[Scores] = []
    for comparison in compare(scene, photos):
        scores.append(comparison.scores)
        each[comparison.name] = round(comparison.scores.psnr, 3)
        report("score held-out photos", len(scores) / len(photos), {})
    mean = Scores.mean(scores)
    return {
        "photos": list(each),
        "psnr": round(mean.psnr, 3),
        "ssim": round(mean.ssim, 4),
        "flip": round(mean.flip, 4),
        "psnr_each": each,
    }
