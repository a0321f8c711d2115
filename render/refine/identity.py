"""``identity``: the render as it is; and what all refiners without weights have in common."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from cameras.reporting import Report, silent

from .base import Capability, FrameBundle, Licence, Pair, Refined


class IdentityRefiner:
    """See ``base.Refiner``."""

    name = "identity"
    capabilities: frozenset[Capability] = frozenset()
    licence = Licence("Apache-2.0", True)
    noise_channels = 0

    @property
    def provenance(self) -> Mapping[str, object]:
        return {}

    def prepare(
        self, pairs: Sequence[Pair], steps: int, seed: int, workdir: Path | None, report: Report = silent
    ) -> Mapping[str, object]:
        return {}

    def refine(self, bundle: FrameBundle, seed: int) -> Refined:
        return Refined(bundle.rgb)
