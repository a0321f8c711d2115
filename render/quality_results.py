"""Figures of a quality report: of a held-out photo, of a frame, of the whole film, and what is known of the refiner.

Where no refiner was used there are no refined figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .quality import Scores


@dataclass(frozen=True)
class PhotoResult:
    """A held-out photo.

    Attributes:
        name: as in the capture.
        width, height: in pixels, of what was compared; the pictures may be smaller.
        render, refined: scores against the photo.
        sharpness, refined_sharpness: see ``steadiness.sharpness_ratio``; None where the photo has no detail.
        pictures: names of JPEG files by what they show: ``photo``, ``render``, ``refined``, and the error maps (FLIP)
            ``error`` and ``refined_error``.
    """

    name: str
    width: int
    height: int
    render: Scores
    refined: Scores | None = None
    sharpness: float | None = None
    refined_sharpness: float | None = None
    pictures: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def gain_db(self) -> float | None:
        """PSNR that refining won."""
        if self.refined is None:
            return None
        return 0.0 if self.refined.psnr == self.render.psnr else self.refined.psnr - self.render.psnr


@dataclass(frozen=True)
class FrameResult:
    """A frame of the film.

    Attributes:
        frame, time_s: its place in the film.
        run: which of the measured runs of frames it belongs to.
        warp_error, refined_warp_error: RMS against the frame before, in [0, 1]; None for the first of a run.
        changed, generated: shares of its pixels that refining moved, and that a model made up; None without a refiner.
        gain: how much of what the refiner proposed was kept; None without one.
    """

    frame: int
    time_s: float
    run: int
    warp_error: float | None = None
    refined_warp_error: float | None = None
    changed: float | None = None
    generated: float | None = None
    gain: float | None = None


@dataclass(frozen=True)
class GapResult:
    """The steadiness of the film over a gap of so many frames.

    Attributes:
        gap: in frames.
        warp_error, refined_warp_error: RMS in [0, 1], see ``steadiness.warp_error``.
        ratio: ``steadiness.warp_error_ratio`` of the refined film.
        excess_ratio: ``steadiness.excess_ratio`` against refining frame by frame.
        compared: share of pixels that could be compared.
    """

    gap: int
    warp_error: float
    refined_warp_error: float | None = None
    ratio: float | None = None
    excess_ratio: float | None = None
    compared: float = 1.0


@dataclass(frozen=True)
class RefinerNote:
    """What refined the film.

    Attributes:
        name: of the refiner.
        licence: of its weights.
        commercial: whether films for customers may be made with it; None if nothing says it.
        provenance: names, hashes and settings; JSON-able.
        gains: what the guard let through, JSON-able.
        seconds_per_frame, adapt_seconds: None if not measured.
        controls: other ways to spend the same time, with their scores, such as ``{"warp": {"psnr": 24.1}}``.
    """

    name: str
    licence: str
    commercial: bool | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict[str, Any])
    gains: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seconds_per_frame: float | None = None
    adapt_seconds: float | None = None
    controls: Mapping[str, Any] = field(default_factory=dict[str, Any])
