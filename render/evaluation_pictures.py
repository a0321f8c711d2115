"""Pictures of an evaluation, for a person to look at: truth, render and error side by side; the worst and the best."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cameras.errors import SettingsError
from scenes.scene import FloatImage

from .evaluation import Comparison
from .evaluation_geometry import DepthComparison
from .poster import contact_sheet
from .quality import flip_map
from .refine_scores import RefinedPhoto

GAP_PX = 4
N_EXTREMES = 4
SHEET_WIDTH_PX = 1600
ERROR_RAMP = np.array([(0, 0, 0), (60, 20, 110), (150, 40, 120), (230, 90, 60), (250, 180, 50), (255, 255, 160)])
DEPTH_RIGHT, DEPTH_TOO_NEAR, DEPTH_TOO_FAR = (40, 40, 44), (240, 160, 50), (60, 160, 90)
DEPTH_FLOATER, DEPTH_HOLE = (225, 40, 40), (50, 110, 240)
MARK = "flythrough-evaluation.json"


class PictureFolder:
    """Writes a strip for every comparison, and at the end a sheet of the worst and the best.

    Attributes:
        folder: made if it does not exist; pictures of an earlier evaluation in it are replaced.

    Raises:
        SettingsError: if the folder holds something else.
    """

    def __init__(self, folder: Path) -> None:
        if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
            raise SettingsError(
                f"the pictures need a folder of their own, but {folder} holds other things; name another."
            )
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.png"):
            old.unlink()
        (folder / MARK).write_text(json.dumps({"format": "flythrough evaluation pictures"}))
        self.folder = folder
        self._strips: dict[str, list[tuple[float, Path, str]]] = {}

    def add(self, kind: str, comparison: Comparison | DepthComparison) -> None:
        """Writes photo, render and error side by side; or true depth, rendered depth and where it is wrong."""
        from PIL import Image

        strips = self._strips.setdefault(kind, [])
        stem = comparison.name.replace("/", "_").rsplit(".", 1)[0]
        path = self.folder / f"{kind}_{len(strips):04d}_{stem}.png"
        if isinstance(comparison, DepthComparison):
            Image.fromarray(depth_strip(comparison)).save(path)
            found = comparison.figures
            rank = found.depth_within_3_percent
            text = f"depth right {rank:.1%}   floaters {found.floaters:.2%} (red)   holes {found.holes:.2%} (blue)"
        else:
            Image.fromarray(strip(comparison)).save(path)
            scores = comparison.scores
            rank, text = scores.psnr, f"{scores.psnr:.2f} dB   SSIM {scores.ssim:.3f}   FLIP {scores.flip:.3f}"
        strips.append((rank, path, f"{comparison.name}   {text}"))

    def add_refined(self, photo: RefinedPhoto) -> None:
        """Writes photo, render and refined render side by side."""
        from PIL import Image

        strips = self._strips.setdefault("refined", [])
        stem = photo.name.replace("/", "_").rsplit(".", 1)[0]
        path = self.folder / f"refined_{len(strips):04d}_{stem}.png"
        gap = np.full((len(photo.truth), GAP_PX, 3), 255, dtype=np.uint8)
        parts = [_bytes(photo.truth), gap, _bytes(photo.render), gap, _bytes(photo.refined)]
        Image.fromarray(np.concatenate(parts, axis=1)).save(path)
        step = photo.after.psnr - photo.before.psnr
        text = f"photo, render {photo.before.psnr:.2f} dB, refined {photo.after.psnr:.2f} dB ({step:+.2f})"
        strips.append((step, path, f"{photo.name}   {text}"))

    def finish(self) -> list[Path]:
        """Writes a sheet of the worst and the best a kind; returns the sheets."""
        from PIL import Image

        sheets: list[Path] = []
        for kind, strips in self._strips.items():
            ordered = sorted(strips)
            n_best = min(N_EXTREMES, max(0, len(ordered) - N_EXTREMES))
            chosen = ordered[:N_EXTREMES] + ordered[len(ordered) - n_best :]
            pictures: list[tuple[NDArray[np.uint8], str]] = []
            for _, path, text in chosen:
                with Image.open(path) as image:
                    pictures.append((np.asarray(image), text))
            sheets.append(self.folder / f"{kind}_worst_to_best.png")
            contact_sheet(pictures, columns=1, width=SHEET_WIDTH_PX).save(sheets[-1])
        return sheets


def strip(comparison: Comparison) -> NDArray[np.uint8]:
    """[H, 3 W + gaps, 3] truth, render and error."""
    pictures = [_bytes(comparison.truth), _bytes(comparison.render), error_colors(comparison)]
    gap = np.full((len(comparison.truth), GAP_PX, 3), 255, dtype=np.uint8)
    return np.concatenate([pictures[0], gap, pictures[1], gap, pictures[2]], axis=1)


def depth_strip(comparison: DepthComparison) -> NDArray[np.uint8]:
    """[h, 3 w + gaps, 3] true depth, rendered depth, and the error.

    The error is dark where the depth is within 3 %, red where a floater is, orange where the depth is somewhat too
    near, green where it is too far or there is none, white where the truth is unknown; holes are these mixed with blue.
    """
    true_z, found_z = comparison.true_depth_z, comparison.depth_z
    farthest = max(float(true_z.max()), 1e-30)
    pictures = [depth_colors(true_z / farthest), depth_colors(found_z / farthest)]
    colors = np.full((*true_z.shape, 3), DEPTH_TOO_FAR, np.uint8)
    colors[(found_z > 0) & (found_z < true_z)] = DEPTH_TOO_NEAR
    colors[comparison.is_right] = DEPTH_RIGHT
    colors[comparison.is_floater] = DEPTH_FLOATER
    hole = comparison.is_hole
    colors[hole] = colors[hole] // 2 + np.array(DEPTH_HOLE, np.uint8) // 2
    colors[true_z == 0] = 255
    gap = np.full((len(true_z), GAP_PX, 3), 255, dtype=np.uint8)
    return np.concatenate([pictures[0], gap, pictures[1], gap, colors], axis=1)


def depth_colors(share: FloatImage) -> NDArray[np.uint8]:
    """[h, w, 3] depth as a share of the farthest: yellow near, violet far, black where there is none."""
    at = np.where(share > 0, 1 - 0.85 * np.clip(share, 0, 1), 0)
    stops = np.linspace(0, 1, len(ERROR_RAMP))
    channels = [np.interp(at, stops, ERROR_RAMP[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def error_colors(comparison: Comparison) -> NDArray[np.uint8]:
    """[H, W, 3] FLIP's error: black where a person sees no difference, through violet and red to yellow."""
    error = flip_map(comparison.truth, comparison.render)
    if comparison.mask is not None:
        error = np.where(comparison.mask, error, 0)
    stops = np.linspace(0, 1, len(ERROR_RAMP))
    channels = [np.interp(error, stops, ERROR_RAMP[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def _bytes(image: FloatImage) -> NDArray[np.uint8]:
    return np.rint(image * np.float32(255)).astype(np.uint8)
