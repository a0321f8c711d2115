"""Draws quality over the length of the fit, from what `flythrough evaluate --json` printed for several lengths.

python examples/draw_curve.py --out examples/pictures/curve.png room60.json room125.json room250.json
"""

import argparse
import json
from pathlib import Path


def read_points(files: list[Path]) -> list[tuple[float, float, float | None]]:
    """(photo passes, PSNR of the held-out photos, PSNR of the walk or None) of each evaluation, the shortest first."""
    points: list[tuple[float, float, float | None]] = []
    for file in files:
        found = json.loads(file.read_text("utf-8"))
        points.append((float(found["photo_passes"]), float(found["psnr"]), found.get("walk_psnr")))
    return sorted(points)


def draw(points: list[tuple[float, float, float | None]], out: Path) -> None:
    """Writes the picture; passes run on a logarithmic axis, since every doubling takes as long as all before it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.subplots()
    passes = [p for p, _, _ in points]
    walks = [(p, walk) for p, _, walk in points if walk is not None]
    if walks:
        axes.plot(*zip(*walks, strict=True), "o-", color="#1f6f8b", label="walk that no photo was taken from")
    axes.plot(passes, [psnr for _, psnr, _ in points], "s--", color="#c26a3d", label="held-out photos")
    axes.set_xscale("log")
    axes.set_xticks(passes, [f"{p:.0f}" for p in passes])
    axes.minorticks_off()
    axes.set_xlabel("photo passes")
    axes.set_ylabel("PSNR, dB")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(out, dpi=130)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, help="JSON of evaluations of one capture")
    parser.add_argument("--out", type=Path, required=True, help="the picture, PNG")
    asked = parser.parse_args()
    draw(read_points(asked.files), asked.out)


if __name__ == "__main__":
    main()
