"""Calling pycolmap: quiet, seeded, and without its signal handlers staying behind."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)


@contextmanager
def quiet_colmap(seed: int) -> Iterator[None]:
    """Only errors are printed inside; afterwards our signal handlers stand again."""
    import pycolmap

    # The handlers of Python's own level are all that signal.signal can put back, and only the main thread may.
    in_main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in _SIGNALS} if in_main else {}
    level = pycolmap.logging.minloglevel
    pycolmap.logging.minloglevel = int(pycolmap.logging.ERROR)
    pycolmap.set_random_seed(seed)
    try:
        yield
    finally:
        pycolmap.logging.minloglevel = level
        for number, handler in handlers.items():
            if handler is not None:
                signal.signal(number, handler)
