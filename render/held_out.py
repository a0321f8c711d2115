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
    import numpy as np

    from .frames import composite
    from .quality import Scores, score

    images = [image for image in capture.images if image.name in set(names)]
    scores: list[Scores] = []
    for index, image in enumerate(images):
        report("score held-out photos", index / len(images), {})
        photo = load_photo(image)
        seen = composite(scene.view(photo.camera))
        scores.append(score(photo.rgb.astype(np.float32) / np.float32(255), seen, photo.valid))
    if not scores:
        return {"photos": [], "psnr": None, "ssim": None, "flip": None, "reason": "too few photos to hold one out"}
    report("score held-out photos", 1.0, {})
    each = {image.name: round(one.psnr, 3) for image, one in zip(images, scores, strict=True)}
    return {
        "photos": [image.name for image in images],
        "psnr": round(float(np.mean([one.psnr for one in scores])), 3),
        "ssim": round(float(np.mean([one.ssim for one in scores])), 4),
        "flip": round(float(np.mean([one.flip for one in scores])), 4),
        "psnr_each": each,
    }
