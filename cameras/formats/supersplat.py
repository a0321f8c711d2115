"""``settings.json`` of SuperSplat's viewer: version 2 is written, versions 1 and 2 are read.

Facts from ``supersplat-viewer/src/schemas/v1.ts``, ``v2.ts``, ``settings.ts``; the camera is explained in
`supersplat_track`. Keys are at frames, so a key is written for every frame and the viewer passes through every pose.
The viewer holds the last key of an open path, which is why it ends with its last frame; a loop goes on for one more.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ..errors import InputError
from ..shot_list import ShotList
from .exchange import MAX_FRAMES, Flight, FrameSettings, bake, exact_rate
from .files import Loose, Opening, read_bytes, refusal, validated, write_json
from .flythrough_json import WorldNote
from .losses import common_losses
from .supersplat_track import Track, pose_losses, poses_of, shots_of

_WHAT = "settings.json of SuperSplat's viewer"
# What the first version means where it says nothing.
_FIRST_RATE, _FIRST_FOV_DEG = 30.0, 60.0
# The check that SuperSplat makes before publishing; the viewer plays more.
_MAX_PUBLISHED_KEYS = 1000
_END_TOLERANCE_FRAMES = 1e-6

_Positive = Annotated[float, Field(gt=0)]


class _Values(Loose):
    position: list[float]
    target: list[float]
    fov: list[float] | None = None


class _Keyframes(Loose):
    times: Annotated[list[float], Field(min_length=1)]
    values: _Values


class _AnimTrack(Loose):
    duration: _Positive
    frameRate: _Positive | None = None
    loopMode: Literal["none", "repeat", "pingpong"] = "none"
    interpolation: Literal["step", "spline"] = "spline"
    smoothness: Annotated[float, Field(ge=0, le=10)] | None = None
    keyframes: _Keyframes


class _FirstCamera(Loose):
    fov: float | None = None


class _Settings(Loose):
    version: int | None = None
    animTracks: tuple[_AnimTrack, ...] = ()
    camera: _FirstCamera = _FirstCamera()
    annotations: tuple[object, ...] = ()


def recognizes(opening: Opening) -> bool:
    """By its tracks and what always stands beside them."""
    content = opening.mapping
    return "animTracks" in content and bool({"cameras", "camera", "startMode"} & set(content))


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes a key a frame; see `exchange.PathModule`."""
    frames = bake(flight, settings)
    n, rate = len(frames), float(frames.fps)
    positions, targets, fovs = poses_of(frames, settings.width, settings.height)
    initial = {"position": positions[0].tolist(), "target": targets[0].tolist(), "fov": float(fovs[0])}
    track = {
        "name": "flythrough",
        "duration": float((n if frames.is_loop or n == 1 else n - 1) / frames.fps),
        "frameRate": int(rate) if rate.is_integer() else rate,
        "loopMode": "repeat" if frames.is_loop else "none",
        "interpolation": "spline",
        "smoothness": 1,
        "keyframes": {
            "times": list(range(n)),
            "values": {
                "position": positions.ravel().tolist(),
                "target": targets.ravel().tolist(),
                "fov": fovs.tolist(),
            },
        },
    }
    content = {
        "version": 2,
        "tonemapping": "linear",
        "highPrecisionRendering": False,
        "background": {"color": [0, 0, 0]},
        "postEffectSettings": _no_effects(),
        "animTracks": [track],
        "cameras": [{"initial": initial}],
        "annotations": [],
        "startMode": "animTrack",
    }
    write_json(file, content)
    losses = [*pose_losses(frames), *common_losses(flight, frames, {"loop", "rate"})]
    if n > _MAX_PUBLISHED_KEYS or frames.fps.denominator != 1:
        losses.append(
            f"the check before publishing at SuperSplat's site (at most {_MAX_PUBLISHED_KEYS} keys at a whole frame "
            f"rate; the viewer plays the file)"
        )
    return tuple(losses)


def _no_effects() -> dict[str, object]:
    """All effects, switched off; the viewer wants every key."""
    return {
        "sharpness": {"enabled": False, "amount": 0},
        "bloom": {"enabled": False, "intensity": 0.1, "blurLevel": 2},
        "grading": {"enabled": False, "brightness": 1, "contrast": 1, "saturation": 1, "tint": [1, 1, 1]},
        "vignette": {"enabled": False, "intensity": 0.5, "inner": 0.3, "outer": 0.75, "curvature": 1},
        "fringing": {"enabled": False, "intensity": 0.5},
    }


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads the first track as the viewer plays it, at its own frame rate; see `exchange.PathModule`.

    A track of steps becomes a still shot a key.
    """
    found = validated(_Settings, read_bytes(file), file, _WHAT)
    if found.version not in (None, 1, 2):
        raise InputError(
            f"{file} is version {found.version} of {_WHAT}, but versions 1 and 2 can be read; update flythrough"
        )
    if not found.animTracks:
        raise InputError(f"{file} has no camera animation; add keys to SuperSplat's timeline and export it again")
    anim = found.animTracks[0]
    losses = ["all tracks but the first"] if len(found.animTracks) > 1 else []
    losses += ["the way back (it plays forwards and backwards)"] if anim.loopMode == "pingpong" else []
    losses += ["annotations"] if found.annotations else []
    try:
        rate = exact_rate(_FIRST_RATE if anim.frameRate is None else anim.frameRate)
        end = anim.duration * float(rate)
        if not end <= MAX_FRAMES:
            raise ValueError(f"it lasts more than {MAX_FRAMES:,} frames")
        track = _track(anim, found.camera.fov, end)
        # A key exactly at the end of what does not go around is the last frame.
        is_held = anim.loopMode != "repeat" and abs(track.frames[-1] - end) < _END_TOLERANCE_FRAMES
        n_frames = max(1, round(end) + is_held)
        shots = shots_of(track, n_frames, replace(settings, fps=rate), is_step=anim.interpolation == "step")
    except ValueError as error:
        raise refusal(file, _WHAT, error) from error
    return Flight(ShotList(shots), WorldNote(up_known=True), rate, losses=tuple(losses))


def _track(anim: _AnimTrack, first_fov: float | None, end: float) -> Track:
    times, values = np.array(anim.keyframes.times), anim.keyframes.values
    if anim.frameRate is None:
        times = times * _FIRST_RATE
    k = len(times)
    fovs = [first_fov or _FIRST_FOV_DEG] * k if values.fov is None else values.fov
    if len(values.position) != 3 * k or len(values.target) != 3 * k or len(fovs) != k:
        raise ValueError(f"each of its {k} keys needs a position, a target and a field of view")
    columns = [np.reshape(values.position, (k, 3)), np.reshape(values.target, (k, 3)), np.reshape(fovs, (k, 1))]
    period = None
    if anim.loopMode == "repeat":
        # The viewer gives a loop whose last key is at its end one second more to come back in.
        period = end + (float(anim.frameRate or _FIRST_RATE) if abs(times[-1] - end) < _END_TOLERANCE_FRAMES else 0.0)
    smoothness = 0.0 if anim.smoothness is None else anim.smoothness
    return Track(times, np.concatenate(columns, axis=1), smoothness, period)
