"""Where compiled kernels are kept, and the flags of every one."""

import importlib
import pkgutil
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

import scenes.splats.cpu as engine_package
from scenes.splats.cpu import jit


@pytest.fixture
def fresh_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    jit.cache_folder.cache_clear()
    jit._fingerprint.cache_clear()
    yield tmp_path
    jit.cache_folder.cache_clear()
    jit._fingerprint.cache_clear()


def test_a_change_in_an_imported_file_changes_the_folder(fresh_cache):
    source, helper = fresh_cache / "source.py", fresh_cache / "helper.py"
    source.write_text("from .helper import SIZE\n")
    helper.write_text("SIZE = 1\n")
    first = jit.cache_folder(source)
    helper.write_text("SIZE = 2\n")
    jit.cache_folder.cache_clear()
    jit._fingerprint.cache_clear()
    assert first is not None
    assert jit.cache_folder(source) not in (None, first)


def test_without_a_folder_to_write_to_there_is_no_cache(fresh_cache, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("read-only")))
    assert jit.cache_folder(fresh_cache / "source.py") is None


def test_every_kernel_keeps_nan_and_lets_other_threads_run():
    kernels = []
    for found in pkgutil.iter_modules(engine_package.__path__):
        module = importlib.import_module(f"{engine_package.__name__}.{found.name}")
        kernels += [value for value in vars(module).values() if isinstance(value, Dispatcher)]
    assert kernels
    for compiled in kernels:
        assert set(compiled.targetoptions["fastmath"]) == jit.FAST_MATH
        assert compiled.targetoptions["nogil"]


def test_threads_are_never_more_than_there_are():
    assert jit.thread_count(1) == 1
    assert jit.thread_count(10**6) == jit.thread_count()
