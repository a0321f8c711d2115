"""What a quality report reads of a finished job folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cameras.errors import InputError, SettingsError
from scenes.captures.capture import Capture

from .job import versions
from .manifest import Manifest, StageRecord, read_manifest
from .requests import check_exists
from .stages import read_capture

NEEDED = {"capture": "the photos' cameras", "fit": "a fitted scene", "plan": "a camera path", "film": "a film"}


@dataclass(frozen=True)
class FinishedJob:
    """What is read of a job folder.

    Attributes:
        report: the content of its ``report.json``.
    """

    folder: Path
    manifest: Manifest
    report: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "FinishedJob":
        """Reads it.

        Raises:
            SettingsError: if the folder is no job, or a job that does not make a whole tour or has not come so far.
            InputError: if nothing is there, or its files are damaged.
        """
        check_exists(folder)
        if not (folder / "manifest.json").is_file():
            raise SettingsError(
                f"the job folder of a tour was expected, but {folder} is none; give the .flythrough folder that "
                "`flythrough tour` made beside its film."
            )
        manifest = read_manifest(folder / "manifest.json")
        missing = [what for stage, what in NEEDED.items() if stage not in manifest.stages]
        if not missing and not (folder / "report.json").is_file():
            missing = ["its report.json"]
        if missing:
            raise SettingsError(
                f"a finished tour was expected in {folder}, but it still lacks {missing[0]}; run the same "
                "`flythrough tour` again to finish it, and then ask for the report."
            )
        try:
            report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
            assert isinstance(report["label"], str)
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise InputError(
                f"the report of a tour was expected in {folder / 'report.json'}, but it is damaged; run the same "
                "`flythrough tour` again to write it anew."
            ) from error
        return cls(folder, manifest, report)

    def stage(self, name: str) -> StageRecord:
        return self.manifest.stages[name]

    def made(self, stage: str, output: str) -> Path:
        """What a stage published.

        Raises:
            InputError: if it is gone.
        """
        path = self.folder / self.stage(stage).outputs[output][0]  # absolute if it lies outside
        if not path.exists():
            raise InputError(
                f"the job {self.folder} should hold {NEEDED[stage]}, but {path} is not there; run the same "
                "`flythrough tour` again to make it anew."
            )
        return path

    @property
    def is_refined(self) -> bool:
        """Whether a refiner changed the frames of the film."""
        found = self.report.get("refine")
        return isinstance(found, Mapping) and bool(found.get("used"))

    def held_out(self) -> tuple[str, ...]:
        """Names of the photos that the fit did not see."""
        found = self.stage("fit").figures.get("held_out")
        return tuple(found["photos"]) if isinstance(found, Mapping) else ()

    def capture(self) -> Capture:
        """The posed photos: the job's own copy, or the posed data set that it read where it was.

        Raises:
            InputError: if they are gone.
        """
        if "capture" in self.stage("capture").outputs:
            return read_capture(self.made("capture", "capture"))
        return read_capture(Path(self.manifest.source))


def facts_of(job: FinishedJob) -> dict[str, str]:
    """What else a reader should know."""
    film, fit = job.report["film"], job.stage("fit").figures
    facts = {
        "Made from": str(job.report["source"]["found"]),
        "Film": f"{film['width']}x{film['height']}, {film['fps']} frames a second, {film['frames']} frames",
        "Scene": f"{fit['gaussians']} Gaussians, fitted to {fit['photos']} photos in {fit['iterations']} steps",
    }
    notes = [*job.report.get("warnings", []), *job.report.get("assumptions", [])]
    if notes:
        facts["Taken for granted"] = " ".join(str(note) for note in notes)
    return {**facts, "Measured by": f"flythrough {versions()['flythrough']}"}
