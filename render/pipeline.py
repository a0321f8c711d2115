"""The stages between an input and a film in one job folder, each defined by what the ones before it made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from cameras.errors import SettingsError
from scenes.captures.sfm_settings import PoseSettings
from scenes.scene import Scene

from .film import FilmSettings
from .fingerprint import content_digest
from .job import Job, Made, Stage
from .manifest import StageRecord, digest_of
from .planning import PathChoice
from .progress import Progress
from .refine_stage import Refinement, RefinePlan, load_refinement, make_prepared
from .sources import Source
from .stages import (
    FitChoice,
    capture_figures,
    make_capture,
    make_film,
    make_path,
    make_scene,
    open_fitted,
    read_capture,
)
from .tour_report import film_label

STAGES = ("capture", "fit", "plan", "refine", "film", "report")


@dataclass(frozen=True)
class Wanted:
    """What a pipeline should make; a part that is None is not made.

    Attributes:
        source: the input.
        poses: how hard to try where the cameras of photos have to be found.
        places: where results go, by output name (``capture``, ``scene``, ``path``, ``film``); in the job folder unless
            named here.
    """

    source: Source
    places: Mapping[str, Path]
    seed: int = 0
    poses: PoseSettings = field(default_factory=PoseSettings)
    fit: FitChoice | None = None
    path: PathChoice | None = None
    film: FilmSettings | None = None
    refine: RefinePlan | None = None


class Pipeline:
    """Runs the stages of a job."""

    def __init__(self, wanted: Wanted, job: Job, progress: Progress, ignore: Sequence[Path] = ()) -> None:
        """Takes the job, whose lock must be held.

        Args:
            ignore: files that may lie beside the input's and are not part of it.
        """
        self.wanted, self.job, self.progress = wanted, job, progress
        inside = {"capture": "capture", "scene": "scene.ply", "path": "path.json", "shots": "shots.yaml"}
        inside |= {"refiner": "refiner", "changed": "changed.mp4"}
        inside |= {"poster": "poster.png", "contact_sheet": "contact_sheet.png"}
        self.places = {name: job.folder / file for name, file in inside.items()}
        self.places |= {name: path.absolute() for name, path in wanted.places.items()}
        if wanted.source.is_capture:
            self.places["capture"] = wanted.source.path  # read where it is
        ignored = [*ignore, *self.places.values(), job.folder]
        self.source_digest = digest_of([content_digest(path, ignored) for path in wanted.source.contents])

    def names(self) -> list[str]:
        """The stages that this pipeline has, in order."""
        wanted = self.wanted
        parts = {"capture": True, "fit": wanted.fit, "plan": wanted.path, "refine": wanted.refine, "film": wanted.film}
        return [name for name, part in parts.items() if part]

    def n_done(self) -> int:
        """How many stages from the first on are done already."""
        for index, name in enumerate(self.names()):
            if not self.job.is_done(self._stage(name)):
                return index
        return len(self.names())

    def run(self, name: str) -> StageRecord:
        """Does a stage unless it is done; those before it must be."""
        stage = self._stage(name)
        was_done = self.job.is_done(stage)
        with self.progress.stage(name, was_done):
            record = self.job.run(stage, self._maker(name))
        warnings = record.figures.get("warnings")
        for text in warnings if isinstance(warnings, list) else []:
            self.progress.warning(str(text))
        return record

    def _stage(self, name: str) -> Stage:
        """The stage as the results before it define it; they must be done."""
        wanted = self.wanted
        inputs: dict[str, str] = {}
        if name == "capture":
            settings, inputs = self._capture_settings(), {"source": self.source_digest}
            outputs = [] if wanted.source.is_capture else ["capture"]
        elif name == "fit" and wanted.fit is not None:
            settings, inputs, outputs = wanted.fit.as_json(), self._capture_digest(), ["scene"]
        elif name == "plan" and wanted.path is not None:
            settings = {**wanted.path.as_json(), "backend": self._backend}
            inputs, outputs = {**self._capture_digest(), **self._digests(fit="scene")}, ["path", "shots"]
        elif name == "refine" and wanted.refine is not None:
            settings = {**wanted.refine.as_json(), "backend": self._backend}
            inputs, outputs = {**self._capture_digest(), **self._digests(fit="scene")}, ["refiner"]
        elif name == "film" and wanted.film is not None and wanted.fit is not None:
            settings = film_settings_json(wanted.film, wanted.fit.backend)
            inputs, outputs = self._digests(fit="scene", plan="path"), ["film", "poster", "contact_sheet"]
            if wanted.refine is not None:
                settings["refine_long_side"] = wanted.refine.long_side
                inputs |= self._digests(refine="refiner")
            if self._is_refined:
                outputs.append("changed")
        else:
            raise ValueError(f"this pipeline has no stage {name}")
        return Stage(name, settings, inputs, wanted.seed, {key: self.places[key] for key in outputs})

    @property
    def _is_refined(self) -> bool:
        """Whether the guard keeps anything of what the refiner makes; its stage must be done."""
        return self.wanted.refine is not None and bool(self.job.manifest.stages["refine"].figures.get("used"))

    @property
    def _backend(self) -> str:
        return "auto" if self.wanted.fit is None else self.wanted.fit.backend

    def _capture_settings(self) -> dict[str, object]:
        source = self.wanted.source
        poses: dict[str, object] = {} if source.is_posed else {"poses": asdict(self.wanted.poses)}
        return {"kind": source.kind, **poses}

    def _capture_digest(self) -> dict[str, str]:
        if self.wanted.source.is_capture:
            return {"capture": self.source_digest}
        return self._digests(capture="capture")

    def _digests(self, **outputs: str) -> dict[str, str]:
        stages = self.job.manifest.stages
        return {output: stages[stage].outputs[output][1] for stage, output in outputs.items()}

    def _maker(self, name: str) -> Callable[[Path], Made]:
        """What does the work of a stage."""
        wanted, places, report = self.wanted, self.places, self.progress
        if name == "capture":
            if wanted.source.is_capture:
                return lambda work: Made({}, capture_figures(read_capture(wanted.source.path)))
            return lambda work: make_capture(work, wanted.source.path, wanted.poses, wanted.seed, report)
        if name == "fit" and wanted.fit is not None:
            fit = wanted.fit
            return lambda work: make_scene(work, places["capture"], fit, wanted.seed, report)
        if name == "plan" and wanted.path is not None:
            path = wanted.path
            backend = self._backend
            return lambda work: make_path(work, places["capture"], places["scene"], path, backend, wanted.seed, report)
        if name == "refine" and wanted.refine is not None:
            return self._refiner_maker(wanted.refine)
        if wanted.film is not None and wanted.fit is not None:
            film, backend = self._labelled(wanted.film), wanted.fit.backend
            refine = self._refinement if self._is_refined else None
            return lambda work: make_film(work, places["scene"], places["path"], film, backend, report, refine=refine)
        raise ValueError(f"this pipeline has no stage {name}")

    def _refiner_maker(self, plan: RefinePlan) -> Callable[[Path], Made]:
        places, backend, seed = self.places, self._backend, self.wanted.seed

        def make(work: Path) -> Made:
            capture, scene = read_capture(places["capture"]), open_fitted(places["scene"], backend)
            return make_prepared(work, capture, scene, plan, backend, seed, self.progress)

        return make

    def _refinement(self, scene: Scene) -> Refinement | None:
        """What the film is refined with."""
        capture, digest = read_capture(self.places["capture"]), self._digests(refine="refiner")["refiner"]
        return load_refinement(self.places["refiner"], capture, scene, digest, self.progress)

    def _labelled(self, film: FilmSettings) -> FilmSettings:
        stages = self.job.manifest.stages
        refined = stages["refine"].figures if self._is_refined else None
        label = film_label(stages["capture"].figures, self.wanted.source.is_video, refined)
        return replace(film, metadata={"title": self.places["film"].stem, "comment": label})


def film_settings_json(film: FilmSettings, backend: str) -> dict[str, object]:
    """What decides a film's bytes beside its scene and its path."""
    return {
        "width": film.width,
        "height": film.height,
        "fps": str(film.fps),
        "codec": film.codec,
        "quality": film.quality,
        "backend": backend,
    }


def check_force(force: str | None) -> None:
    """Raises SettingsError if ``--force`` names no stage."""
    if force is not None and force not in STAGES:
        raise SettingsError(f"--force should be one of {', '.join(STAGES)}, but is '{force}'.")
