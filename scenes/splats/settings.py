"""What a fit is told: budgets in steps, never in minutes, so that the same settings always give the same scene."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cameras.errors import SettingsError

Quality = Literal["draft", "standard", "high"]

# Share of the photo passes spent at each resolution, coarse to fine.
_SHARES = ((4, 0.03), (2, 0.22), (1, 0.75))
_PASSES_PER_PHOTO: Mapping[str, float] = {"draft": 6.0, "standard": 22.0, "high": 60.0}
_MAX_GAUSSIANS: Mapping[str, int] = {"draft": 80_000, "standard": 150_000, "high": 400_000}
_FEWEST_PASSES = 150.0
_STEPS_OF_RATES = 11_000


@dataclass(frozen=True)
class Resolution:
    """A stretch of the fit: ``steps`` steps on photos whose sides are divided by ``divisor``."""

    divisor: int
    steps: int


@dataclass(frozen=True)
class LearningRates:
    """Step sizes of Adam for a fit of 11,000 steps or more; shorter fits take proportionally larger ones.

    Measured on fox at a quarter of its size in 700 steps: 24.3 dB with these rates as they are, 30.5 dB with 16 times
    larger ones.

    Attributes:
        means: times the extent of the cameras; decays to ``means_end`` of itself over the fit.
        quaternions, log_scales, logit_opacities, sh: of the raw parameters; they decay to ``end``.
        sh_rest_divisor: bands 1 to 3 move this much slower than band 0.
        poses: of the photos' poses, in radians and in shares of the extent of the cameras; decays to ``end``.
        most_boost: how many times larger all but the poses' may become in a short fit.
    """

    means: float = 1.6e-4
    means_end: float = 0.01
    quaternions: float = 1e-3
    log_scales: float = 5e-3
    logit_opacities: float = 2.5e-2
    sh: float = 2.5e-3
    sh_rest_divisor: float = 20.0
    end: float = 0.1
    poses: float = 5e-5
    most_boost: float = 16.0


@dataclass(frozen=True)
class Densification:
    """How the number of Gaussians grows to its budget; see ``densify``.

    Attributes:
        interval: steps between two rounds.
        start, stop: first and last round, as fractions of the fit; the budget is reached at ``stop``.
        least_opacity: fainter Gaussians are moved to where they are needed.
        spread: how far copies are thrown, in standard deviations of their source.
    """

    interval: int = 100
    start: float = 0.08
    stop: float = 0.6
    least_opacity: float = 0.005
    spread: float = 0.5


@dataclass(frozen=True)
class FitSettings:
    """Everything that shapes a fit, JSON-able.

    Attributes:
        resolutions: coarse to fine; ``iterations`` is the sum of their steps.
        max_gaussians: the budget; memory and time follow from it.
        sh_degree: highest degree of the spherical harmonics, 0 to 3; a degree more is opened each ``sh_interval``.
        sh_interval: as a fraction of the fit.
        seed_gaussians: sparse points are topped up to this number with points in front of the cameras.
        surface_gaussians: so many more are tried on the surfaces between the sparse points; none where photos have
            alpha or a plain backdrop.
        far_gaussians: so many more begin far behind all points, for what windows show; none where there is a plain
            backdrop or alpha.
        antialiased: low-pass filter with opacity compensation (Mip-Splatting).
        exposure: fit a gain per photo and channel, from ``exposure_from`` of the fit on.
        refine_poses: fit a small rigid correction per photo, from ``poses_from`` of the fit on; for poses that are
            not exact, and of no use for those that are.
        ssim_weight: share of 1 - SSIM in the loss.
        opacity_regularizer, scale_regularizer: pull of the mean opacity and of the mean scale (in units of the
            cameras' extent) towards zero, against floaters.
        monitor_every: one photo in so many is kept out until ``monitor_until`` of the fit to show an honest PSNR.
        rates, densification: see there.

    Raises:
        SettingsError: if a number makes no sense.
    """

    resolutions: tuple[Resolution, ...]
    max_gaussians: int = 150_000
    sh_degree: int = 3
    sh_interval: float = 0.1
    seed_gaussians: int = 10_000
    surface_gaussians: int = 20_000
    far_gaussians: int = 3_000
    antialiased: bool = True
    exposure: bool = True
    exposure_from: float = 0.1
    refine_poses: bool = False
    poses_from: float = 0.2
    ssim_weight: float = 0.2
    opacity_regularizer: float = 0.0
    scale_regularizer: float = 0.0
    monitor_every: int = 16
    monitor_until: float = 0.8
    rates: LearningRates = field(default_factory=LearningRates)
    densification: Densification = field(default_factory=Densification)

    def __post_init__(self) -> None:
        if any(r.divisor < 1 or r.steps < 0 for r in self.resolutions) or self.iterations < 1:
            raise SettingsError(f"A fit needs at least one step at a divisor of at least 1, got {self.resolutions}.")
        if self.max_gaussians < 1:
            raise SettingsError(f"A fit needs room for at least one Gaussian, got max_gaussians={self.max_gaussians}.")
        if not 0 <= self.sh_degree <= 3:
            raise SettingsError(f"The degree of the spherical harmonics must be 0 to 3, got {self.sh_degree}.")

    @property
    def iterations(self) -> int:
        return sum(r.steps for r in self.resolutions)

    @property
    def rate_boost(self) -> float:
        """How many times larger the learning rates are, because there are so few steps."""
        return min(self.rates.most_boost, max(1.0, _STEPS_OF_RATES / self.iterations))

    @property
    def photo_passes(self) -> float:
        """Pixels fitted divided by the pixels of one photo at full size."""
        return sum(r.steps / r.divisor**2 for r in self.resolutions)

    @classmethod
    def for_photo_passes(cls, photo_passes: float, **changes: object) -> "FitSettings":
        """The usual schedule within a budget of photo passes; ``changes`` are fields to set.

        Raises:
            SettingsError: if the budget is not positive, or a change makes no sense.
        """
        if not 0 < photo_passes < 1e9:
            raise SettingsError(f"A fit needs a positive number of photo passes, got {photo_passes}.")
        steps = [(divisor, int(photo_passes * share * divisor**2)) for divisor, share in _SHARES]
        steps[-1] = (1, max(1, steps[-1][1]))
        resolutions = tuple(Resolution(divisor, n) for divisor, n in steps)
        return dataclasses.replace(cls(resolutions), **changes)  # type: ignore[arg-type]

    @classmethod
    def for_iterations(cls, iterations: int, **changes: object) -> "FitSettings":
        """The usual schedule in exactly so many steps.

        Raises:
            SettingsError: if there is not even one step.
        """
        if iterations < 1:
            raise SettingsError(f"A fit needs at least one iteration, got {iterations}.")
        steps_per_pass = sum(share * divisor**2 for divisor, share in _SHARES)
        coarse = [Resolution(d, int(iterations * share * d**2 / steps_per_pass)) for d, share in _SHARES[:-1]]
        fine = Resolution(1, iterations - sum(r.steps for r in coarse))
        return dataclasses.replace(cls((*coarse, fine)), **changes)  # type: ignore[arg-type]

    @classmethod
    def for_quality(cls, quality: Quality, n_photos: int, width: int, height: int) -> "FitSettings":
        """A budget for a number of photos of a size: more photos need more passes, more pixels more Gaussians.

        Raises:
            SettingsError: if the quality is not known.
        """
        if quality not in _PASSES_PER_PHOTO:
            raise SettingsError(f"The quality must be one of {', '.join(_PASSES_PER_PHOTO)}, got '{quality}'.")
        passes = max(_FEWEST_PASSES, _PASSES_PER_PHOTO[quality] * n_photos)
        pixels = max(0.5, min(4.0, width * height / (562 * 1000)))
        return cls.for_photo_passes(passes, max_gaussians=int(_MAX_GAUSSIANS[quality] * pixels**0.5))

    def to_json(self) -> dict[str, object]:
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, content: Mapping[str, object]) -> "FitSettings":
        """The inverse of ``to_json``.

        Raises:
            SettingsError: on a field that is unknown or missing, or makes no sense.
        """
        values: dict[str, object] = dict(content)
        try:
            values["resolutions"] = tuple(Resolution(**r) for r in values["resolutions"])  # type: ignore[attr-defined]
            values["rates"] = LearningRates(**values["rates"])  # type: ignore[arg-type]
            values["densification"] = Densification(**values["densification"])  # type: ignore[arg-type]
            return cls(**values)  # type: ignore[arg-type]
        except (KeyError, TypeError) as error:
            raise SettingsError(f"These are not the settings of a fit: {error}.") from error
