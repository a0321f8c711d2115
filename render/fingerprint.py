"""What a file or a folder holds, in forty hexadecimal digits."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

BLOCK = 1 << 22


def file_digest(path: Path) -> str:
    """Digest of a file's bytes."""
    state = blake2b(digest_size=20)
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            state.update(block)
    return state.hexdigest()


def content_digest(path: Path, ignore: Iterable[Path] = ()) -> str:
    """Digest of a file, or of the names and bytes of all files under a folder; times and permissions do not count.

    Args:
        path: a file or a folder.
        ignore: files or folders under it that do not count, beside hidden ones and job folders (``*.flythrough``).
    """
    if path.is_file():
        return file_digest(path)
    ignored = {p.resolve() for p in ignore}
    state = blake2b(digest_size=20)
    for file in sorted(_files(path, ignored)):
        state.update(file.relative_to(path).as_posix().encode() + b"\0" + file_digest(file).encode())
    return state.hexdigest()


def _files(folder: Path, ignored: set[Path]) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.suffix == ".flythrough" or entry.resolve() in ignored:
            continue
        if entry.is_dir():
            yield from _files(entry, ignored)
        elif entry.is_file():
            yield entry
