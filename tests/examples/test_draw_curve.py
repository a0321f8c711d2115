"""The picture of quality over the length of a fit."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


def write(folder: Path, passes: float, psnr: float, walk: float | None) -> Path:
    found = {"photo_passes": passes, "psnr": psnr} | ({} if walk is None else {"walk_psnr": walk})
    file = folder / f"{passes}.json"
    file.write_text(json.dumps(found), "utf-8")
    return file


def test_points_come_in_the_order_of_their_length(load: Any, tmp_path: Path) -> None:
    files = [write(tmp_path, 250, 27.5, 28.5), write(tmp_path, 60, 24.0, None)]
    assert load("draw_curve").read_points(files) == [(60, 24.0, None), (250, 27.5, 28.5)]


def test_the_curve_is_drawn(load: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    load("draw_curve").draw([(60, 24.0, 25.0), (250, 27.5, 28.5)], tmp_path / "curve.png")
    with Image.open(tmp_path / "curve.png") as picture:
        colors = picture.convert("RGB").getcolors(1 << 20) or []
    assert {(31, 111, 139), (194, 106, 61)} <= {color for _, color in colors}  # both curves
