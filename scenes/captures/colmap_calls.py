"""Calling pycolmap: quiet, seeded, and without its signal handlers staying behind."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)


@contextmanager
def quiet_colmap(seed: int) -> Iterator[None]:
    """Only errors are printed inside; our signal handlers stand inside and afterwards."""
    import pycolmap

    level = pycolmap.logging.minloglevel
    pycolmap.logging.minloglevel = int(pycolmap.logging.ERROR)
    pycolmap.set_random_seed(seed)
    _restore_signals()
    try:
        yield
    finally:
        pycolmap.logging.minloglevel = level
        _restore_signals()


def _restore_signals() -> None:
    """Installs again what Python believes to stand; importing pycolmap puts C handlers over it that print stacks."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if handler is not None:
            signal.signal(number, handler)
