"""The job's manifest: what each stage was made from and what it made, written whole or not at all."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path

from cameras.errors import InputError

FORMAT = "flythrough job"
VERSION = 1


@dataclass(frozen=True)
class StageRecord:
    """A stage that is done.

    Attributes:
        key: digest of everything that decides the result; a stage with the same key is not done again.
        settings, inputs, seed: what went into the key; ``inputs`` are content digests by name.
        versions: of the software that did it; not part of the key.
        seconds: wall time of the run that finished it.
        resumed: that run continued work of an earlier one.
        figures: what the stage measured.
        outputs: by name, the published path (relative to the job folder if inside it) and its content digest.
    """

    key: str
    settings: Mapping[str, object]
    inputs: Mapping[str, str]
    seed: int
    versions: Mapping[str, str]
    seconds: float
    resumed: bool
    figures: Mapping[str, object]
    outputs: Mapping[str, tuple[str, str]]


@dataclass
class Manifest:
    """Everything that a job folder knows of itself.

    Attributes:
        source: the input, for people.
        claims: absolute paths outside the job folder that the job has put something in, and may replace.
        stages: what is done, by stage.
    """

    source: str = ""
    claims: list[str] = field(default_factory=list[str])
    stages: dict[str, StageRecord] = field(default_factory=dict[str, StageRecord])


def canonical_json(value: object) -> str:
    """One text for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(value: object) -> str:
    """Digest of a JSON-able value."""
    return blake2b(canonical_json(value).encode(), digest_size=20).hexdigest()


def write_json(path: Path, value: object) -> None:
    """Writes a JSON file that a reader sees whole or not at all, and that survives a loss of power."""
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Replaces the manifest at once."""
    stages = {name: asdict(record) for name, record in manifest.stages.items()}
    content = {"format": FORMAT, "version": VERSION, "source": manifest.source, "claims": manifest.claims}
    write_json(path, {**content, "stages": stages})


def read_manifest(path: Path) -> Manifest:
    """Reads a manifest.

    Raises:
        InputError: if the file is no manifest of ours, damaged, or of a newer version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError("another format")
        if content["version"] > VERSION:
            raise InputError(
                f"the job folder {path.parent} was made by a newer flythrough (job version {content['version']}, this "
                f"one reads up to {VERSION}); update flythrough or choose another folder with --job."
            )
        stages = {
            name: StageRecord(**{**record, "outputs": {k: (v[0], v[1]) for k, v in record["outputs"].items()}})
            for name, record in content["stages"].items()
        }
        return Manifest(content["source"], list(content["claims"]), stages)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError(
            f"expected a flythrough job's manifest in {path}, but it is damaged or of another program; "
            "delete the folder to start afresh, or choose another with --job."
        ) from error
