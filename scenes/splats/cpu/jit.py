"""How every kernel of the CPU engine is compiled: one set of flags, one cache folder, one choice of thread pool."""

import contextlib
import ctypes
import functools
import hashlib
import importlib.metadata
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba import config

from .kernel_compiler import KernelCompiler
from .vec_width import LANES

# All of LLVM's fast-math but "nnan" and "ninf": a comparison with NaN or infinity keeps its meaning.
FAST_MATH = frozenset({"nsz", "arcp", "contract", "afn", "reassoc"})

# What the environment may change in the code of a kernel and Numba's own key does not hold (that has the processor and
# its instruction sets).
_COMPILER_SETTINGS = (
    "OPT",
    "LOOP_VECTORIZE",
    "SLP_VECTORIZE",
    "BOUNDSCHECK",
    "DISABLE_INTEL_SVML",
    "DEBUGINFO_DEFAULT",
)

_ROOT = Path(__file__).resolve().parents[3]  # where the packages lie side by side

_workqueue_lock = threading.RLock()


def _user_cache_folder() -> Path:
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "flythrough" / "kernels"


def _imported_sources(source: Path, found: set[Path]) -> set[Path]:
    """``source`` and all modules that it imports, at any depth: those beside and above it, and those of ``scenes``."""
    if source not in found and source.is_file():
        found.add(source)
        for start, name in re.findall(
            r"^from (\.\.?|scenes\.[\w.]*?)(\w+) import", source.read_text("utf-8"), re.MULTILINE
        ):
            folder = {".": source.parent, "..": source.parent.parent}.get(start) or _ROOT.joinpath(*start.split("."))
            _imported_sources(folder / f"{name}.py", found)
    return found


@functools.cache
def _fingerprint(source: Path) -> str:
    """Changes with every source that a kernel of this file is made of: Numba's own key sees one file, no globals.

    It also differs between vector widths, whose kernels take the same arguments, and between installations: two that
    shared a folder would compile over each other's kernels while they run, and kernels compiled at another time may
    round differently.
    """
    settings = [str(getattr(config, name, None)) for name in _COMPILER_SETTINGS]
    words = [numba.__version__, llvmlite.__version__, str(source.resolve()), str(LANES), *settings]
    digest = hashlib.sha256(" ".join(words).encode())
    for file in sorted(_imported_sources(source, set())):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


@functools.cache
def cache_folder(source: Path) -> Path | None:
    """Where compiled kernels of a source file are kept; None where nothing can be written.

    They are then compiled anew in every process.
    """
    try:
        folder = _user_cache_folder() / f"{source.stem}-{_fingerprint(source)}"
    except (OSError, RuntimeError):
        return None
    return folder if _writable(folder) else None


def _load_tbb() -> None:
    """Make the TBB of the Python environment visible to Numba, which looks only where the system's loader does."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, OSError):
        for file in importlib.metadata.files("tbb") or ():
            if file.name == "libtbb.so.12":
                ctypes.CDLL(str(file.locate()), mode=ctypes.RTLD_GLOBAL)


_load_tbb()


_compiler = KernelCompiler()


def _compile_elsewhere(dispatcher: Any) -> None:
    """A kernel that is not on disk yet is compiled in a process beside this one and then loaded from there."""
    cache = dispatcher._cache
    load = cache.load_overload

    def load_or_compile(signature: Any, target_context: Any) -> Any:
        found = load(signature, target_context)
        function = dispatcher.py_func
        if found is None and _compiler.compile(function.__module__, function.__name__, signature):
            found = load(signature, target_context)
        return found

    cache.load_overload = load_or_compile


def kernel(*, parallel: bool = False, inline: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a function with the flags of the engine.

    Args:
        parallel: ``numba.prange`` loops are spread over threads; the compiled kernel is kept on disk.
        inline: LLVM is told to inline every call; for small helpers of an inner loop.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        options: dict[str, Any] = {"fastmath": set(FAST_MATH), "error_model": "numpy", "nogil": True}
        if parallel:
            options["parallel"] = True
        if inline:
            options["forceinline"] = True
        folder = cache_folder(Path(function.__code__.co_filename))
        outer = config.CACHE_DIR  # type: ignore[attr-defined]
        if folder is not None:
            config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
        try:
            # Only whole kernels are kept: one compiled around a helper that came from the cache may round in another
            # way than one compiled around the helper itself, and a film must have the same bytes again.
            dispatcher = numba.njit(cache=folder is not None and parallel, **options)(function)
        finally:
            config.CACHE_DIR = outer  # type: ignore[attr-defined]
        if folder is not None and parallel:
            _compile_elsewhere(dispatcher)
        return dispatcher

    return decorate


def thread_count(threads: int | None = None) -> int:
    """The number of threads to plan for: ``threads`` if given, but never more than Numba has."""
    available = int(numba.get_num_threads())
    return available if threads is None else max(1, min(threads, available))


@contextlib.contextmanager
def exclusive_if_needed() -> Iterator[None]:
    """Holds a lock while Numba's "workqueue" pool is in use, which ends the process on concurrent callers.

    TBB and OpenMP take concurrent callers, so there it does nothing.
    """
    with _workqueue_lock:
        safe = _pool_is_thread_safe()
        if not safe:
            yield
            return
    yield


def _pool_is_thread_safe() -> bool:
    try:
        return numba.threading_layer() != "workqueue"  # pyright: ignore[reportPrivateImportUsage]
    except ValueError:  # no parallel kernel has run yet, so the pool is not known: be careful
        return False
