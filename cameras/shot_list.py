"""A film is a list of shots: each flies a path of its own, and a cut or an unbroken move leads to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from .arrays import Floats
from .camera import Camera
from .errors import SettingsError
from .path import CameraPath
from .rigid import Rigid

# Sums of lengths in seconds are rounded; a frame this near a shot's start belongs to it.
_ROUNDING_S = 1e-9


@dataclass(frozen=True)
class Shot:
    """One shot of a film.

    Attributes:
        name: what people call it.
        path: flown from the shot's own second 0.
        is_continued: the camera comes from the shot before without a cut.
    """

    name: str
    path: CameraPath
    is_continued: bool = False


@dataclass(frozen=True)
class ShotList:
    """Shots one after the other.

    Attributes:
        shots: at least one; the first is never continued.
        note: provenance, for people and reports; JSON-able.

    Raises:
        ValueError: on no shots, or a first shot that is continued.
    """

    shots: tuple[Shot, ...]
    note: Mapping[str, object] = field(default_factory=dict[str, object])

    def __post_init__(self) -> None:
        if not self.shots:
            raise ValueError("a film needs at least one shot")
        if self.shots[0].is_continued:
            raise ValueError("the first shot has nothing before it that it could continue")

    @classmethod
    def of(cls, path: CameraPath, name: str = "shot 1") -> "ShotList":
        """One shot alone."""
        return cls((Shot(name, path),))

    @property
    def duration_s(self) -> float:
        return sum(shot.path.duration_s for shot in self.shots)

    @property
    def starts_s(self) -> Floats:
        """[n_shots] the second at which each shot begins."""
        return np.cumsum([0.0, *(shot.path.duration_s for shot in self.shots[:-1])])

    @property
    def length(self) -> float:
        """Length of all that is flown, in world units."""
        return sum(shot.path.length for shot in self.shots)

    def times_s(self, fps: Fraction | float) -> Floats:
        """[n] the moments of the film's frames: i / fps, n = round(duration_s * fps), at least one.

        Raises:
            ValueError: if fps is not positive.
        """
        return frame_times_s(self.duration_s, fps)

    def shot_numbers(self, times_s: Floats) -> NDArray[np.int64]:
        """[n] which shot is on at each time, counted from 0."""
        return np.searchsorted(self.starts_s, times_s + _ROUNDING_S, side="right") - 1

    def cameras(self, fps: Fraction | float, width: int, height: int) -> list[Camera]:
        """The camera of each frame of the film."""
        times = self.times_s(fps)
        numbers, starts = self.shot_numbers(times), self.starts_s
        found: list[Camera] = []
        for number, shot in enumerate(self.shots):
            mine = times[numbers == number]
            for camera, time in zip(shot.path.cameras_at(mine - starts[number], width, height), mine, strict=True):
                found.append(replace(camera, time_s=float(time)))
        return found

    def moved(self, new_from_old: Rigid) -> "ShotList":
        """The same film in a world with other axes."""
        return replace(self, shots=tuple(replace(shot, path=shot.path.moved(new_from_old)) for shot in self.shots))

    def alone(self, wanted: str) -> "ShotList":
        """The shot of that name, or of that number from 1, as a film of its own.

        Raises:
            SettingsError: if there is no such shot, or more than one.
        """
        numbers = [i for i, shot in enumerate(self.shots) if shot.name == wanted]
        if not numbers and wanted.isdigit() and 1 <= int(wanted) <= len(self.shots):
            numbers = [int(wanted) - 1]
        if len(numbers) != 1:
            known = ", ".join(f"{i + 1} ({shot.name})" for i, shot in enumerate(self.shots[:12]))
            found = "several shots have that name" if numbers else "there is none"
            raise SettingsError(f"--shot should name one shot, but of {wanted!r} {found}; the path has {known}.")
        return ShotList((replace(self.shots[numbers[0]], is_continued=False),), self.note)


def frame_times_s(duration_s: float, fps: Fraction | float) -> Floats:
    """[n] i / fps for n = round(duration_s * fps) frames, at least one.

    Raises:
        ValueError: if fps is not positive.
    """
    rate = Fraction(fps).limit_denominator(1_000_000)
    if rate <= 0:
        raise ValueError(f"fps must be positive, got {fps}")
    return np.array([float(i / rate) for i in range(max(1, round(Fraction(duration_s) * rate)))])
