"""Makes a photo set of a furnished room that does not exist: photos with EXIF, a ground-truth walk, cameras, geometry.

    python examples/make_room.py --seed 0 --out room [--draft]
    python examples/make_room.py --seed 0 --path tour.json --job tour.flythrough --frames 24 --out truth

The second form makes true pictures along a path that was planned in a job of the set's photos, for `flythrough
evaluate --walk truth`. Without --job the path is one in the world of the room itself, that of its room.ply.

Needs the extra `flythrough[examples]` (Mitsuba and Open Image Denoise) and LLVM's shared library (Debian: libllvm19).
The same seed gives the same room. Every pass makes every picture cleaner; a run that was stopped goes on where it was.
"""

import json
import shutil
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from room_maker import along, files, views
from room_maker.command import run
from room_maker.layout import make_room
from room_maker.meshes import Floats
from room_maker.room import Room

from cameras.errors import InputError
from cameras.similarity import Similarity

if TYPE_CHECKING:
    from room_maker.tracing import Tracer


@dataclass(frozen=True)
class Plan:
    """How much to make: sizes in pixels; every pass adds `samples` paths per pixel to every picture."""

    photos: int
    frames: int
    width: int
    height: int
    samples: int
    passes: int
    quality: int = 83


@dataclass(frozen=True)
class Shot:
    """One picture to take; `stops` is None for the frames of a walk, which all have the same exposure.

    `focal_px` is None for the lens of the set.
    """

    path: Path
    pose: Floats
    noise_seed: int
    stops: float | None
    focal_px: float | None = None


STANDARD = Plan(photos=60, frames=24, width=800, height=533, samples=6, passes=1)
DRAFT = Plan(photos=48, frames=8, width=400, height=267, samples=4, passes=1)
FRAMES_ALONG = 24


def exposure_stops(count: int, seed: int) -> Floats:
    """Small exposure changes between photos, in stops, mean 0."""
    stops = np.random.default_rng([20262, seed]).uniform(-0.18, 0.18, count)
    return np.round(stops - stops.mean(), 3)


def metered(room: Room, poses: list[Floats], work: Path) -> Floats:
    """Exposure and white balance [3] of the set, from small quick pictures of it; kept in the work folder."""
    from room_maker.tracing import Tracer, metered_gains

    note = work / "gains.json"
    if not note.exists():
        tracer = Tracer(room, 120, 80, files.focal_px(120), 16)
        chosen = poses[:: max(len(poses) // 8, 1)]
        gains = metered_gains([tracer.trace(pose, 900 + k) for k, pose in enumerate(chosen)])
        note.write_text(json.dumps(gains.tolist()), encoding="utf-8")
    return np.array(json.loads(note.read_text(encoding="utf-8")))


def shots_of(room: Room, photos: list[Floats], out: Path, seed: int, plan: Plan) -> list[Shot]:
    """All pictures of the set: the photos at their poses, then the walk."""
    stops = exposure_stops(plan.photos, seed)
    walk = views.walk_poses(room, plan.frames)
    shots = [Shot(out / f"images/{k:04d}.jpg", pose, k, float(stops[k])) for k, pose in enumerate(photos)]
    return shots + [Shot(out / f"walk/{k:04d}.jpg", pose, 5000 + k, None) for k, pose in enumerate(walk)]


def shots_along(
    path: Path, job: Path | None, room: Room, photos: list[Floats], out: Path, frames: int, plan: Plan
) -> list[Shot]:
    """All pictures along a path of the job's world, or of the room's own.

    Raises:
        InputError: if the path or the job cannot be used.
    """
    room_from_path = Similarity(1.0, np.eye(3), np.zeros(3)) if job is None else along.room_from_job(job, photos)
    cameras = along.cameras_along(path, room, room_from_path, frames, plan.width, plan.height)
    return [
        Shot(out / f"{k:04d}.jpg", camera.world_from_camera.matrix(), 5000 + k, None, camera.intrinsics.fx)
        for k, camera in enumerate(cameras)
    ]


def take(tracer: "Tracer", shot: Shot, number: int, work: Path, gains: Floats, quality: int) -> bool:
    """Adds pass `number` (from 0) to a picture and develops it; False if that was done before.

    The work folder keeps the sum of all passes with the guides, under the number of passes that it holds.
    """
    from room_maker.tracing import Guides, denoised, to_display

    stem = f"{shot.path.parent.name}_{shot.path.stem}"
    before, after = work / f"{stem}.pass{number}.npz", work / f"{stem}.pass{number + 1}.npz"
    if any(int(path.stem.rpartition("pass")[2]) > number for path in work.glob(f"{stem}.pass*.npz")):
        return False
    tracer.use_lens(shot.focal_px or files.focal_px(tracer.width))
    rgb = tracer.trace(shot.pose, shot.noise_seed + 10_007 * number)
    if number == 0:
        guides = tracer.guides(shot.pose, shot.noise_seed)
    else:
        with np.load(before) as kept:
            rgb, guides = rgb + kept["rgb"], Guides(kept["albedo"], kept["normal"])
    stops = 0.0 if shot.stops is None else shot.stops
    pixels = to_display(denoised(np.asarray(rgb / (number + 1), np.float32), guides), gains * 2**stops)
    files.save_jpeg(shot.path, pixels, quality, shot.stops)
    part = work / f"{stem}.part.npz"
    np.savez(part, rgb=rgb, albedo=guides.albedo.astype(np.float16), normal=guides.normal.astype(np.float16))
    part.replace(after)
    before.unlink(missing_ok=True)
    return True


def camera_json(shots: list[Shot], base: Path, plan: Plan) -> dict[str, Any]:
    """The cameras of pictures, by their paths from `base`."""
    names = [shot.path.relative_to(base).as_posix() for shot in shots]
    focals_px = [shot.focal_px for shot in shots if shot.focal_px is not None]
    return files.camera_json(names, [shot.pose for shot in shots], plan.width, plan.height, focals_px or None)


def write_walk(folder: Path, shots: list[Shot], tracer: "Tracer", plan: Plan, what: str) -> None:
    """Cameras, depth and README of frames."""
    depth: list[NDArray[np.float16]] = []
    for shot in shots:
        tracer.use_lens(shot.focal_px or files.focal_px(tracer.width))
        depth.append(tracer.depth_z(shot.pose)[::2, ::2].astype(np.float16))
    np.savez_compressed(folder / "depth_z.npz", depth_z=np.stack(depth))
    files.write_json(folder / "walk.json", camera_json(shots, folder, plan))
    files.write_walk_readme(folder, what, len(shots), plan.width, plan.height)


def write_set(out: Path, room: Room, shots: list[Shot], tracer: "Tracer", seed: int, plan: Plan) -> None:
    """Cameras, depth, geometry and READMEs of a photo set."""
    photos, walk = shots[: plan.photos], shots[plan.photos :]
    write_walk(out / "walk", walk, tracer, plan, files.WALK)
    files.write_json(out / "cameras.json", camera_json(photos, out, plan))
    files.write_geometry(out / "room.ply", room)
    files.write_readme(out, seed, plan is DRAFT, plan.photos, plan.frames, plan.width, plan.height)


def refuse_others(out: Path, path: Path, shots: list[Shot], plan: Plan) -> None:
    """Raises an InputError if `out` holds a photo set, or pictures along another path."""
    known, wanted = out / "walk.json", camera_json(shots, out, plan)
    is_other = known.exists() and json.loads(known.read_text(encoding="utf-8")) != wanted
    if is_other or (out / "cameras.json").exists():
        raise InputError(
            f"pictures along {path} were to be made in {out}, but that holds others; name another folder with --out."
        )


def make(
    out: Path,
    seed: int,
    plan: Plan,
    minutes: float,
    *,
    path: Path | None = None,
    job: Path | None = None,
    frames: int | None = None,
) -> bool:
    """Makes the set in `out`, or true pictures along a path; stops after `minutes` and says whether all are there.

    Raises:
        InputError: if the path or the job cannot be used, or `out` holds something else.
    """
    from room_maker.tracing import Tracer, bracketed_sky

    if path is None and (job is not None or frames is not None):
        raise InputError("--job and --frames are for pictures along a path, but none was given; add --path.")
    if frames is not None and frames < 2:
        raise InputError(f"--frames wants a whole number from 2 up, got {frames}.")
    began = time.monotonic()
    work = out / ".work"
    room = make_room(seed)
    photos = views.photo_poses(room, plan.photos, seed)
    if path is None:
        shots = shots_of(room, photos, out, seed, plan)
    else:
        shots = shots_along(path, job, room, photos, out, frames or FRAMES_ALONG, plan)
        refuse_others(out, path, shots, plan)
    for folder in {work, *(shot.path.parent for shot in shots)}:
        folder.mkdir(parents=True, exist_ok=True)
    gains = metered(room, photos, work)
    tracer = Tracer(room, plan.width, plan.height, files.focal_px(plan.width), plan.samples, bracketed_sky(room, gains))
    if path is None:
        write_set(out, room, shots, tracer, seed, plan)
    else:
        write_walk(out, shots, tracer, plan, files.TRUTH)
    for number in range(plan.passes):
        for shot in shots:
            if time.monotonic() - began > 60 * minutes:
                return False
            if take(tracer, shot, number, work, gains, plan.quality):
                seconds = time.monotonic() - began
                print(f"pass {number + 1} of {plan.passes}  {shot.path.relative_to(out)}  {seconds:.0f} s", flush=True)
    shutil.rmtree(work)
    return True


def add_options(parser: ArgumentParser) -> None:
    """The options of true pictures along a path."""
    parser.add_argument("--path", type=Path, help="make true pictures along this path of flythrough instead of a set")
    parser.add_argument("--job", type=Path, help="job folder that the path was planned in, of this set's photos")
    parser.add_argument("--frames", type=int, help=f"how many pictures along the path; {FRAMES_ALONG} unless given")


def main() -> None:
    """The command line."""
    described = (__doc__ or "").splitlines()[0]
    run(
        make,
        STANDARD,
        DRAFT,
        out="room",
        description=described,
        seed_help="which room: layout, materials and light",
        add_options=add_options,
    )


if __name__ == "__main__":
    main()
