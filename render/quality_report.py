"""What a quality report says, as plain data, and the file that it is written to."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cameras.errors import InputError

from .quality import Scores
from .quality_results import FrameResult, GapResult, PhotoResult, RefinerNote

FORMAT, VERSION = "flythrough quality", 1
SCORES = ("psnr", "ssim", "flip")
WORSE_DB = 0.1
"""A refined photo counts as worse than its render from this loss of PSNR on."""


@dataclass(frozen=True)
class QualityReport:
    """All of it.

    Attributes:
        title: of the film.
        label: the honest sentence about how it was made.
        facts: what else a reader should know, by name.
        photos: held-out photos; none of them was fitted.
        no_photos_because: why there are none; None if there are some.
        gaps, frames: of the film.
        film_note: how the film was measured.
        refiner: None if the film was not refined.
    """

    title: str
    label: str
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    photos: tuple[PhotoResult, ...] = ()
    no_photos_because: str | None = None
    gaps: tuple[GapResult, ...] = ()
    frames: tuple[FrameResult, ...] = ()
    film_note: str = ""
    refiner: RefinerNote | None = None

    @property
    def worst(self) -> PhotoResult | None:
        """The photo that lost most by refining; without a refiner, the one that is shown worst."""
        if not self.photos:
            return None
        return min(self.photos, key=lambda photo: (photo.gain_db or 0.0, (photo.refined or photo.render).psnr))

    def summary(self) -> dict[str, object]:
        """The figures of the whole, by the names of ``flythrough evaluate``; None where nothing measured them."""
        before = Scores.mean([photo.render for photo in self.photos]) if self.photos else None
        refined = [photo.refined for photo in self.photos if photo.refined is not None]
        after = Scores.mean(refined) if refined else None
        gains = [photo.gain_db for photo in self.photos if photo.gain_db is not None]
        first = self.gaps[0] if self.gaps else None
        sharpness = [photo.refined_sharpness if refined else photo.sharpness for photo in self.photos]
        return {
            **{name: None if before is None else getattr(before, name) for name in SCORES},
            **{f"refined_{name}": None if after is None else getattr(after, name) for name in SCORES},
            "share_frames_worse": sum(gain < -WORSE_DB for gain in gains) / len(gains) if gains else None,
            "warp_error": None if first is None else first.warp_error,
            "warp_error_ratio": None if first is None else first.ratio,
            "warp_excess_ratio": None if first is None else first.excess_ratio,
            "sharpness_ratio": mean_of(sharpness),
            "seconds_per_frame": None if self.refiner is None else self.refiner.seconds_per_frame,
            "adapt_seconds": None if self.refiner is None else self.refiner.adapt_seconds,
            "controls": {} if self.refiner is None else dict(self.refiner.controls),
        }

    def to_json(self) -> dict[str, object]:
        """All of it and the summary; an infinite PSNR, of equal pictures, is written as null."""
        content: dict[str, Any] = {"format": FORMAT, "version": VERSION, **asdict(self)}
        for photo in content["photos"]:
            photo["render"], photo["refined"] = _with_null(photo["render"]), _with_null(photo["refined"])
        content["summary"] = {name: None if value == math.inf else value for name, value in self.summary().items()}
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "QualityReport":
        """The report that ``to_json`` wrote.

        Raises:
            InputError: if it is something else, damaged, or of a newer version.
        """
        if content.get("format") != FORMAT or content.get("version") != VERSION:
            raise InputError(
                f"a quality report of version {VERSION} was expected, but the file says {content.get('format')!r}, "
                f"version {content.get('version')!r}; make it anew with `flythrough report`."
            )
        try:
            plain = {**content, "photos": [dict(photo) for photo in content["photos"]]}
            for photo in plain["photos"]:
                photo["render"], photo["refined"] = _with_infinity(photo["render"]), _with_infinity(photo["refined"])
            return TypeAdapter(cls).validate_python(plain)
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                "a quality report was expected, but it is damaged; make it anew with `flythrough report`."
            ) from error


def _with_null(scores: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return scores if scores is None or math.isfinite(scores["psnr"]) else {**scores, "psnr": None}


def _with_infinity(scores: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return scores if scores is None or scores["psnr"] is not None else {**scores, "psnr": math.inf}


def mean_of(values: Iterable[float | None]) -> float | None:
    """The mean of those that are known, None of none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
