"""The rows of a tile that a Gaussian reaches: none is missed, and hardly one is drawn for nothing."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cameras.camera import Camera
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.splats.cpu.compositing import POWER_MIN
from scenes.splats.cpu.rasterizer import Raster, Rasterizer
from scenes.splats.cpu.records import PIXEL_X, PIXEL_Y, POWER_0, POWER_XX, POWER_XY, POWER_YY, RECORD, TILE
from scenes.splats.cpu.row_spans import BATCH, SPANS, find_row_spans, row_span
from scenes.splats.cpu.vec import LANES
from scenes.splats.gaussians import Gaussians

LOG_SCALES = {"small": (-6, -3), "large": (-3, 0), "needles": (-7, 1)}


def raster_of(log_scales: tuple[float, float], count: int = 300) -> Raster:
    rng = np.random.default_rng(5)
    means, scales = rng.uniform((-1, -1, 2), (1, 1, 4), (count, 3)), rng.uniform(*log_scales, (count, 3))
    quaternions, logits, sh = rng.normal(size=(count, 4)), rng.normal(size=count), np.zeros((count, 3, 16))
    parameters = (array.astype(np.float32) for array in (means, quaternions, scales, logits, sh))
    turned = Rigid(Rotation.from_rotvec((0, 0, 0.2)).as_matrix(), np.zeros(3))
    return Rasterizer().forward(Gaussians(*parameters), Camera(Intrinsics.from_fov(90, 70, 1.0), turned))


@pytest.mark.parametrize("kind", LOG_SCALES)
def test_spans_hold_every_row_that_is_drawn_and_few_others(kind: str) -> None:
    raster = raster_of(LOG_SCALES[kind])
    records, starts, lists = raster.tiles.records, raster.tiles.starts, raster.tiles.lists
    spans, rows_drawn, rows_found = np.empty(SPANS, np.float32), 0, 0
    for tile in range(len(starts) - 1):
        top, left = tile // 6 * TILE, tile % 6 * TILE
        x0, y0 = np.float32(left + 0.5), np.float32(top + 0.5)
        for begin in range(starts[tile], starts[tile + 1], BATCH):
            some = records[lists[begin : min(begin + BATCH, starts[tile + 1])]]
            batch = np.zeros(BATCH * RECORD, np.float32)
            batch[: some.size] = some.ravel()
            find_row_spans(batch, len(some), x0, y0, spans)
            for k, record in enumerate(some.astype(np.float64)):
                reached = _rows_reached(record, left, top)
                for part in range(0, TILE, LANES):
                    first, last = row_span(spans, part, k)
                    rows = np.flatnonzero(reached[:, part : part + LANES].any(axis=1))
                    assert not len(rows) or (first <= rows[0] and rows[-1] <= last)
                    rows_drawn += len(rows)
                    rows_found += max(0, last - first + 1)
    # A row is crossed between two pixel centres now and then.
    assert rows_drawn > 500
    assert rows_found < (2.5 if kind == "needles" else 1.3) * rows_drawn


def _rows_reached(record: np.ndarray, left: int, top: int) -> np.ndarray:
    """[TILE, TILE] the pixels that are drawn: the definition, in float64."""
    dx = left + 0.5 + np.arange(TILE)[None, :] - record[PIXEL_X]
    dy = top + 0.5 + np.arange(TILE)[:, None] - record[PIXEL_Y]
    power = record[POWER_0] + record[POWER_XX] * dx * dx + record[POWER_XY] * dx * dy + record[POWER_YY] * dy * dy
    return power > POWER_MIN + 1e-6


def test_the_lists_of_tiles_are_sorted_by_depth_and_whole() -> None:
    tiles = raster_of(LOG_SCALES["large"]).tiles
    for tile in range(len(tiles.starts) - 1):
        ranks = tiles.lists[tiles.starts[tile] : tiles.starts[tile + 1]]
        assert (np.diff(ranks) > 0).all()
        left, top = tile % 6 * TILE, tile // 6 * TILE
        seen = [
            rank for rank, record in enumerate(tiles.records.astype(float)) if _rows_reached(record, left, top).any()
        ]
        assert set(seen) <= set(ranks)
