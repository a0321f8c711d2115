"""A job is a folder: what each stage made, a manifest, and work that a second run continues.

    manifest.json   what is done, from what, with which settings
    lock            held while a run works here
    work/STAGE-KEY  work in progress of a stage; removed when the stage is published
    ...             published results, each renamed into place when whole

A stage is skipped when its inputs, settings and seed are those of the manifest and what it published is still there,
byte for byte. A kill at any moment loses at most what a stage had not yet written into its work folder.
"""

import errno
import importlib.metadata
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from cameras.errors import FlythroughError, SettingsError

from .fingerprint import content_digest
from .joblock import JobLock
from .manifest import Manifest, StageRecord, digest_of, read_manifest, write_manifest

RECORDED_PACKAGES = ("flythrough", "numpy", "torch", "numba", "pycolmap", "av")
OURS = {"manifest.json", "lock", "work", "flythrough-error.log"}


@dataclass(frozen=True)
class Stage:
    """One stage of a job: everything that decides its result, and where its results go.

    Attributes:
        name: short, such as ``fit``.
        settings: JSON-able.
        inputs: content digest by name.
        seed: of its randomness.
        outputs: where each thing that it makes is published, by name; absolute.
        revision: raised when the code of the stage changes what it makes, so that old results are not taken for new.
    """

    name: str
    settings: Mapping[str, object]
    inputs: Mapping[str, str]
    seed: int
    outputs: Mapping[str, Path]
    revision: int = 1

    @property
    def key(self) -> str:
        """Digest of all that decides the result."""
        return digest_of([self.name, self.revision, dict(self.settings), dict(self.inputs), self.seed])


@dataclass(frozen=True)
class Made:
    """What a stage hands over: files or folders in its work folder by output name, and figures."""

    files: Mapping[str, Path]
    figures: Mapping[str, object] = field(default_factory=dict[str, object])


class Job:
    """A job folder, locked for as long as the ``with`` block runs.

    Attributes:
        folder: absolute.
        source: the input of this run.
        earlier_source: the input of the run before, empty in a new folder.
        manifest: what is done; only ``run``, ``claim`` and ``forget`` change it.
    """

    def __init__(self, folder: Path, source: str = "") -> None:
        """Takes the folder's path; nothing is read or written before ``with``.

        Args:
            folder: a job folder, an empty folder, or a place for a new one.
            source: the input, for people who open the manifest.
        """
        self.folder = folder.absolute()
        self.source = source
        self.manifest = Manifest(source)
        self._lock = JobLock(self.folder)
        self._is_new = False
        self.earlier_source = ""

    def __enter__(self) -> "Job":
        check_job_folder(self.folder)
        self._is_new = not self.folder.exists()
        self.folder.mkdir(exist_ok=True)
        self._lock.acquire()
        try:
            if self._manifest_path.exists():
                self.manifest = read_manifest(self._manifest_path)
            self.earlier_source = self.manifest.source
            self.manifest.source = self.source or self.manifest.source
            write_manifest(self._manifest_path, self.manifest)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        if isinstance(error, FlythroughError) and self._is_new and not self.manifest.stages:
            shutil.rmtree(self.folder)  # bad input leaves nothing behind

    @property
    def _manifest_path(self) -> Path:
        return self.folder / "manifest.json"

    def is_done(self, stage: Stage) -> bool:
        """Whether the stage was done from the same inputs and settings, and its outputs are as it left them."""
        record = self.manifest.stages.get(stage.name)
        if record is None or record.key != stage.key or set(record.outputs) != set(stage.outputs):
            return False
        for name, path in stage.outputs.items():
            if not path.exists() or content_digest(path) != record.outputs[name][1]:
                return False
        return True

    def claim(self, destination: Path) -> None:
        """Notes that something will be put in a place outside the job folder.

        Raises:
            SettingsError: if something is there that this job did not make.
        """
        if destination.is_relative_to(self.folder) or str(destination) in self.manifest.claims:
            return
        check_replaceable(self.folder, destination)
        self.manifest.claims.append(str(destination))
        write_manifest(self._manifest_path, self.manifest)

    def forget(self, names: Iterable[str]) -> None:
        """Makes these stages be done again from their beginning."""
        for name in names:
            self.manifest.stages.pop(name, None)
            for folder in (self.folder / "work").glob(f"{name}-*"):
                shutil.rmtree(folder)
        write_manifest(self._manifest_path, self.manifest)

    def run(self, stage: Stage, make: Callable[[Path], Made]) -> StageRecord:
        """Does a stage unless it is done, publishes its outputs, and returns its record.

        Args:
            stage: what decides the result.
            make: does the work inside the folder that it is given, continuing what it finds there.
        """
        if self.is_done(stage):
            return self.manifest.stages[stage.name]
        started = time.monotonic()
        work = self.folder / "work" / f"{stage.name}-{stage.key[:12]}"
        for other in (self.folder / "work").glob(f"{stage.name}-*"):
            if other != work:  # of other settings: of no use to this run
                shutil.rmtree(other)
        resumed = work.exists()
        work.mkdir(parents=True, exist_ok=True)
        made = make(work)
        outputs: dict[str, tuple[str, str]] = {}
        for destination in stage.outputs.values():
            self.claim(destination)
        self.manifest.stages.pop(stage.name, None)  # from here on the old results are being replaced
        write_manifest(self._manifest_path, self.manifest)
        for name, destination in stage.outputs.items():
            digest = content_digest(made.files[name])
            publish(made.files[name], destination)
            outputs[name] = (self._shown(destination), digest)
        record = StageRecord(
            key=stage.key,
            settings=dict(stage.settings),
            inputs=dict(stage.inputs),
            seed=stage.seed,
            versions=versions(),
            seconds=round(time.monotonic() - started, 3),
            resumed=resumed,
            figures=dict(made.figures),
            outputs=outputs,
        )
        self.manifest.stages[stage.name] = record
        write_manifest(self._manifest_path, self.manifest)
        shutil.rmtree(work)
        return record

    def _shown(self, path: Path) -> str:
        path = path.absolute()
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)


def check_job_folder(folder: Path) -> None:
    """Raises unless the folder is a job's, is empty, or can be made: nothing of anybody else is touched.

    Raises:
        SettingsError: if the folder is something else.
        InputError: if its manifest is damaged.
    """
    if not folder.exists():
        if not folder.parent.is_dir():
            raise SettingsError(
                f"the job folder {folder} needs an existing folder to be made in, but {folder.parent} does not exist; "
                "make it first, or choose another with --job."
            )
        return
    if not folder.is_dir():
        raise SettingsError(f"the job folder {folder} should be a folder, but is a file; choose another with --job.")
    if (folder / "manifest.json").exists():
        read_manifest(folder / "manifest.json")
    elif any(entry.name not in OURS for entry in folder.iterdir()):
        raise SettingsError(
            f"the job folder should be empty or a flythrough job, but {folder} holds other files; "
            "choose another with --job."
        )


def check_replaceable(folder: Path, destination: Path) -> None:
    """Raises SettingsError if something is at ``destination`` that the job in ``folder`` did not put there."""
    manifest = folder / "manifest.json"
    if manifest.exists() and str(destination) in read_manifest(manifest).claims:
        return
    is_empty = not any(destination.iterdir()) if destination.is_dir() else not destination.exists()
    if not is_empty and not (destination.is_file() and destination.stat().st_size == 0):
        raise SettingsError(
            f"the result should go to {destination}, but something is there that the job in {folder} did not make; "
            "move it away, or choose another name."
        )


def publish(made: Path, destination: Path) -> None:
    """Puts a finished file or folder in its place at once, whatever was there before."""
    if destination.is_dir() and not destination.is_symlink():
        shutil.rmtree(destination)
    try:
        os.replace(made, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _publish_across_disks(made, destination)


def _publish_across_disks(made: Path, destination: Path) -> None:
    partial = destination.with_name(f".{destination.name}.partial")
    if made.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(made, partial)
    else:
        shutil.copyfile(made, partial)
    os.replace(partial, destination)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide results."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
