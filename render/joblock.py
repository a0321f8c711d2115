"""One run at a time in a job folder: a lock that the system takes back when its holder dies, however it dies."""

import os
import sys
from pathlib import Path
from typing import IO

from cameras.errors import SettingsError


class JobLock:
    """An exclusive lock on ``folder/lock``; the file holds the process id of the holder, for people to read."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Takes the lock at once.

        Raises:
            SettingsError: if a live process holds it.
        """
        file = open(self.path, "a+", encoding="utf-8")  # noqa: SIM115  held until release
        try:
            _lock(file)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise SettingsError(
                f"another flythrough (process {holder}) is working in {self.path.parent}; "
                "wait for it to end, or choose another folder with --job."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Gives the lock back. The file stays: removing it would let two runs lock two different files."""
        if self._file is not None:
            self._file.truncate(0)
            self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> None:
        file.seek(1 << 20)  # a byte that nobody reads, since Windows locks forbid reading
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
