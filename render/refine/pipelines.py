"""Opens a diffusers pipeline from a folder or the hub: safetensors only, and no code that comes with the weights."""

import hashlib
import importlib.util
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any

from cameras.errors import FlythroughError, InputError, MissingExtraError, SettingsError

from .base import Licence, RefineChoice
from .licences import check_commercial, hub_answers, licence_of

_PACKAGES = ("diffusers", "transformers", "accelerate")
_INDEX = "model_index.json"
_PICKLED = (".bin", ".ckpt", ".pt", ".pth")


@dataclass(frozen=True)
class PipelineFolder:
    """A pipeline on disk, looked at but not loaded.

    Attributes:
        model: as it was asked for.
        path: its folder.
        class_name: of the diffusers pipeline that was saved.
        components: its parts by name; None for those that it was saved without.
    """

    model: str
    path: Path
    class_name: str
    components: Mapping[str, tuple[str, str] | None]

    @property
    def variant(self) -> str | None:
        """``fp16`` if the weights are there in that form only."""
        names = [file.name for file in self.path.glob("*/*.safetensors")]
        return "fp16" if names and all(".fp16." in name or ".fp16-" in name for name in names) else None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the index and of all weights."""
        found = hashlib.sha256((self.path / _INDEX).read_bytes())
        for file in sorted(self.path.glob("*/*.safetensors")):
            found.update(file.relative_to(self.path).as_posix().encode())
            with file.open("rb") as stream:
                while block := stream.read(1 << 22):
                    found.update(block)
        return found.hexdigest()


@dataclass(frozen=True, eq=False)
class OpenPipeline:
    """A pipeline that is ready.

    Attributes:
        folder: where it was read from.
        pipe: the pipeline, on ``pipe.device``.
        licence: of its weights.
    """

    folder: PipelineFolder
    pipe: Any
    licence: Licence

    @property
    def provenance(self) -> dict[str, object]:
        import diffusers

        return {
            "model": self.folder.model,
            "pipeline": type(self.pipe).__name__,
            "weights": self.folder.digest,
            "diffusers": diffusers.__version__,
        }


def open_pipeline(choice: RefineChoice, classes: Mapping[str, str]) -> OpenPipeline:
    """The pipeline of ``choice.model``, on the GPU in half precision if there is one, else on the CPU.

    The licence is looked at before anything large is fetched.

    Args:
        classes: the class to load for each class of pipeline that a folder may hold.

    Raises:
        SettingsError: if no model is named, or its licence is not known to allow what ``choice.commercial`` asks.
        MissingExtraError: if a package is not installed.
        InputError: if the model is not there, of another kind, damaged, only pickled, or needs code of its own.
    """
    if choice.model is None:
        raise SettingsError(f"--refine {choice.name} needs a model; name its folder or hub id with --refine-model.")
    require_packages(choice.name)
    licence = licence_of(choice.model)
    check_commercial(choice.model, licence, choice.commercial)
    folder = find_pipeline(choice.model)
    if folder.class_name not in classes:
        raise InputError(
            f"--refine {choice.name} takes pipelines of the kinds {', '.join(sorted(classes))}, but {choice.model} "
            f"holds a {folder.class_name}; choose another --refine-model or another --refine."
        )
    return OpenPipeline(folder, _load(folder, classes[folder.class_name]), licence)


def require_packages(name: str) -> None:
    """Raises MissingExtraError if diffusers or what it needs is not installed."""
    for package in _PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(
                f"--refine {name} needs {package}, which is not installed: "
                'install the extra with `pip install "flythrough[diffusion]"`.'
            )


def find_pipeline(model: str) -> PipelineFolder:
    """Looks at a folder, or at a hub model, which is fetched if it is not in the cache yet.

    Raises:
        InputError: if there is no such model, it is no pipeline, is only pickled, or needs code of its own.
    """
    path = Path(model)
    if path.is_file():
        raise InputError(
            f"a folder with a diffusers pipeline was expected, but {model} is a single file; convert it with "
            "diffusers' from_single_file and save_pretrained, and name the folder."
        )
    if not path.is_dir():
        path = _fetched(model)
    index = _read_index(model, path)
    components = {name: _component(parts) for name, parts in index.items() if isinstance(parts, list)}
    components.pop("_class_name", None)
    _refuse_code(model, path, index["_class_name"], components)
    _refuse_pickles(model, path, components)
    return PipelineFolder(model, path, str(index["_class_name"]), components)


def _component(parts: list[Any]) -> tuple[str, str] | None:
    return None if len(parts) != 2 or parts[0] is None else (str(parts[0]), str(parts[1]))


def _fetched(model: str) -> Path:
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline

    try:
        with quiet():
            cached = not hub_answers(model)
            return Path(
                DiffusionPipeline.download(
                    model, use_safetensors=True, trust_remote_code=False, local_files_only=cached
                )
            )
    except Exception as error:  # the hub's client raises many kinds, some of them of other packages
        raise InputError(
            f"a diffusers pipeline was expected in {model}, but that is no folder here, and no model of safetensors "
            "weights without code of its own that the hub gives or that was fetched before; check the name and the "
            "network."
        ) from error


def _read_index(model: str, path: Path) -> dict[str, Any]:
    try:
        index = json.loads((path / _INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"a diffusers pipeline was expected in {model}, but it has no {_INDEX}; name a folder that "
            "save_pretrained of a whole pipeline wrote."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{_INDEX} in {model} cannot be read as JSON; copy the model again.") from error
    if not isinstance(index, dict) or "_class_name" not in index:
        raise InputError(f"{_INDEX} in {model} names no pipeline (_class_name); copy the model again.")
    return index


def _refuse_code(model: str, path: Path, class_name: object, components: Mapping[str, tuple[str, str] | None]) -> None:
    """Only classes of diffusers and transformers are made; code beside the weights is never run."""
    import diffusers

    own = [file.name for pattern in ("*.py", "*/*.py") for file in sorted(path.glob(pattern))]
    own += [f"{parts[0]}.{parts[1]}" for parts in components.values() if parts and not _is_known(parts[0])]
    if not isinstance(class_name, str) or not hasattr(diffusers, class_name):
        own.append(str(class_name[-1] if isinstance(class_name, list) and class_name else class_name))
    if own:
        raise InputError(
            f"only pipelines of diffusers {diffusers.__version__} itself are run, but {model} wants code of its own "
            f"({own[0]}), which could do anything to this machine; choose a model without."
        )


def _is_known(library: str) -> bool:
    if library in ("diffusers", "transformers"):
        return True
    return library.isidentifier() and importlib.util.find_spec(f"diffusers.pipelines.{library}") is not None


def _refuse_pickles(model: str, path: Path, components: Mapping[str, tuple[str, str] | None]) -> None:
    for name, parts in components.items():
        files = list((path / name).glob("*")) if parts else []
        pickled = [file.name for file in sorted(files) if file.suffix in _PICKLED]
        if pickled and not any(file.suffix == ".safetensors" for file in files):
            raise InputError(
                f"weights should be safetensors, but {model} holds {name}/{pickled[0]} only, a format that can run "
                "code when it is read; convert it with diffusers' save_pretrained, or choose another model."
            )


def _load(folder: PipelineFolder, class_name: str) -> Any:
    import diffusers
    import torch

    pipeline_class = getattr(diffusers, class_name)
    # Parts that the pipeline was saved without must be named, or loading it asks for them.
    taken = signature(pipeline_class.__init__).parameters
    absent = {name: None for name, parts in folder.components.items() if parts is None and name in taken}
    device, dtype = ("cuda", torch.float16) if torch.cuda.is_available() else ("cpu", torch.float32)
    try:
        with quiet():
            pipe = pipeline_class.from_pretrained(
                folder.path,
                torch_dtype=dtype,
                variant=folder.variant,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                **absent,
            )
            pipe.set_progress_bar_config(disable=True)
            return pipe.to(device)
    except FlythroughError:
        raise
    except Exception as error:  # parsers of a broken model raise many kinds
        raise InputError(
            f"{folder.model} should be a whole {class_name}, but it cannot be loaded ({_first_line(error)}); it is cut "
            "off, damaged, or too large for this machine: copy it again."
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160].rstrip(".") if lines else type(error).__name__


@contextmanager
def quiet() -> Iterator[None]:
    """Around every call of other packages' code here: no bars and no advice on the terminal; errors still come."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    loggers: tuple[Any, ...] = (diffusers_logging, transformers_logging)
    before = [(logger, logger.get_verbosity(), logger.is_progress_bar_enabled()) for logger in loggers]
    for logger in loggers:
        logger.set_verbosity_error()
        logger.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # Old models make diffusers advise their authors of newer settings.
            warnings.simplefilter("ignore", FutureWarning)
            # Schedulers make arrays of tensors in a way that numpy 2 finds outdated.
            warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
            yield
    finally:
        for logger, verbosity, bars in before:
            logger.set_verbosity(verbosity)
            if bars:
                logger.enable_progress_bar()
