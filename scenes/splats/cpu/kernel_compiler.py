"""Compiles kernels in a process beside this one, so that every process runs the very same machine code from disk.

A kernel with a ``prange`` loop is made of several functions, and LLVM optimises a copy of each again wherever it is
used. The process that compiles links the first copy, the one that loads the kernel from disk links the last, and the
two round differently: a film that was interrupted would not end with the same bytes. So nobody runs what it compiled.
"""

import atexit
import importlib
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from typing import Any

_IDLE_SECONDS = 30.0
_logger = logging.getLogger(__name__)
_serving = False  # true in the child


class KernelCompiler:
    """A child process that compiles what it is asked for, starts when first needed and ends when idle."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def compile(self, module: str, name: str, signature: Any) -> bool:
        """Have a kernel compiled and kept on disk.

        Args:
            module, name: where the kernel is found.
            signature: Numba types of its arguments.

        Returns:
            False where no child can be run, for example in a frozen application; the caller then compiles itself.
        """
        if _serving:
            return False
        with self._lock:
            for _ in range(2):  # the child may just have gone for being idle
                try:
                    child = self._running()
                    assert child.stdin is not None
                    assert child.stdout is not None
                    pickle.dump((module, name, signature), child.stdin)
                    child.stdin.flush()
                    if reply := child.stdout.readline():
                        return reply == b"done\n"
                except OSError:
                    pass
                self._end()
        _logger.debug("no compiler process; %s.%s is compiled here", module, name)
        return False

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._end()
            program = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
            pipe = subprocess.PIPE
            command = [sys.executable, "-c", program]
            self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
            atexit.register(self._end)
        return self._child

    def _end(self) -> None:
        atexit.unregister(self._end)
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()


def serve() -> None:
    """The child's life: kernels are named on standard input and a line on standard output says that one is ready."""
    global _serving
    _serving = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    while True:
        idle = threading.Timer(_IDLE_SECONDS, os._exit, (0,))
        idle.daemon = True
        idle.start()
        try:
            module, name, signature = pickle.load(sys.stdin.buffer)
        except (EOFError, OSError):
            return
        idle.cancel()
        try:
            getattr(importlib.import_module(module), name).compile(signature)
            reply = b"done\n"
        except Exception:  # the parent compiles it too and shows what is wrong with it
            reply = b"failed\n"
        sys.stdout.buffer.write(reply)
        sys.stdout.buffer.flush()
