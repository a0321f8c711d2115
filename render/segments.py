"""Finished pieces of a film on disk, and the thread that encodes them beside the rendering.

The name of a finished segment holds the hash of its bytes, so one rename publishes it whole, and a later run can tell
a good segment from a cut-off one without any other file.
"""

import hashlib
import os
import threading
from pathlib import Path
from queue import Queue
from types import TracebackType

from .frames import Planes
from .video import SegmentEncoder, VideoFormat

# Frames that may wait for the encoder: enough to smooth over its group of pictures, about 12 MB at 1920x1080.
QUEUE_FRAMES = 4
_HASH_LETTERS = 16


class SegmentStore:
    """A folder of segments of equal length; only the last may be shorter.

    Attributes:
        folder: made if it does not exist; what an earlier run left unfinished in it is removed.
        video: the format of all segments.
        n_frames: frames of the whole film.
        segment_frames: frames of a segment.
    """

    def __init__(self, folder: Path, video: VideoFormat, n_frames: int, segment_frames: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.video = video
        self.n_frames = n_frames
        self.segment_frames = segment_frames
        for leftover in folder.glob("*.part"):
            leftover.unlink()

    def __len__(self) -> int:
        return -(-self.n_frames // self.segment_frames)

    def frames_of(self, index: int) -> range:
        """Frame numbers of one segment."""
        first = index * self.segment_frames
        return range(first, min(first + self.segment_frames, self.n_frames))

    def find(self, index: int) -> Path | None:
        """The finished segment, or None; a damaged one is removed."""
        for path in sorted(self.folder.glob(f"{index:05d}.*.{self.video.codec.container}")):
            if path.name.split(".")[1] == _content_hash(path):
                return path
            path.unlink()
        return None

    def missing(self) -> list[int]:
        """Segments that must still be made, in order."""
        return [index for index in range(len(self)) if self.find(index) is None]

    def paths(self) -> list[Path]:
        """All segments in order; every one must be there."""
        found = [self.find(index) for index in range(len(self))]
        if None in found:
            raise RuntimeError(f"segment {found.index(None)} of {len(self)} is missing from {self.folder}")
        return [path for path in found if path is not None]

    def partial(self, index: int) -> Path:
        """Where a segment grows."""
        return self.folder / f"{index:05d}.part"

    def publish(self, index: int) -> Path:
        """Gives a whole partial file its final name."""
        partial = self.partial(index)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        final = self.folder / f"{index:05d}.{_content_hash(partial)}.{self.video.codec.container}"
        os.replace(partial, final)
        return final

    def clear(self) -> None:
        """Removes every segment."""
        for path in self.folder.glob(f"*.{self.video.codec.container}"):
            path.unlink()


def _content_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_HASH_LETTERS]


class EncoderThread:
    """Takes frames from the rendering and encodes them in a thread of its own, through a short queue.

    Use as a context manager. Leaving it normally waits for the encoder; leaving it on an exception keeps the segments
    that are whole and drops the one that is not. Frames come in the order of the film, one segment after another.

    Raises:
        Whatever failed in the encoder, from the next ``put`` or on leaving.
    """

    def __init__(self, store: SegmentStore) -> None:
        self._store = store
        self._queue: Queue[tuple[int, Planes] | None] = Queue(maxsize=QUEUE_FRAMES)
        self._failure: BaseException | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="encoder", daemon=True)

    def __enter__(self) -> "EncoderThread":
        self._thread.start()
        return self

    def put(self, index: int, frame: Planes) -> None:
        """Hands over the next frame of segment ``index``; waits while the queue is full."""
        if self._failure is not None:
            raise self._failure
        self._queue.put((index, frame))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            item = self._take()
            while item is not None:
                item = self._encode_segment(*item)
        except BaseException as failure:  # handed to the thread that renders
            self._failure = failure
            while not self._ended:
                self._take()

    def _take(self) -> tuple[int, Planes] | None:
        item = self._queue.get()
        self._ended = item is None
        return item

    def _encode_segment(self, index: int, frame: Planes) -> tuple[int, Planes] | None:
        """Encodes one segment from its first frame on; returns what came out of the queue after its last."""
        n_frames = len(self._store.frames_of(index))
        partial = self._store.partial(index)
        encoder = SegmentEncoder(partial, self._store.video, self._store.segment_frames)
        encoder.add(frame)
        for _ in range(n_frames - 1):
            item = self._take()
            if item is None:
                encoder.abandon()
                partial.unlink()
                return None
            encoder.add(item[1])
        encoder.close()
        self._store.publish(index)
        return self._take()
