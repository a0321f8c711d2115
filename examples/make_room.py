"""Makes a photo set of a furnished room that does not exist: photos with EXIF, a ground-truth walk, cameras, geometry.

    python examples/make_room.py --seed 0 --out room [--draft]

Needs the extra `flythrough[examples]` (Mitsuba and Open Image Denoise) and LLVM's shared library (Debian: libllvm19).
The same seed gives the same room. Every pass makes every picture cleaner; a run that was stopped goes on where it was.
"""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from room_maker import files, views
from room_maker.command import run
from room_maker.layout import make_room
from room_maker.meshes import Floats
from room_maker.room import Room

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
    """One picture to take; `stops` is None for the frames of the walk, which all have the same exposure."""

    path: Path
    pose: Floats
    noise_seed: int
    stops: float | None


STANDARD = Plan(photos=60, frames=24, width=800, height=533, samples=6, passes=1)
DRAFT = Plan(photos=24, frames=8, width=400, height=267, samples=4, passes=1)


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


def shots_of(room: Room, out: Path, seed: int, plan: Plan) -> list[Shot]:
    """All pictures of the set: the photos, then the walk."""
    stops = exposure_stops(plan.photos, seed)
    photos, walk = views.photo_poses(room, plan.photos, seed), views.walk_poses(room, plan.frames)
    shots = [Shot(out / f"images/{k:04d}.jpg", pose, k, float(stops[k])) for k, pose in enumerate(photos)]
    return shots + [Shot(out / f"walk/{k:04d}.jpg", pose, 5000 + k, None) for k, pose in enumerate(walk)]


def take(tracer: "Tracer", shot: Shot, number: int, work: Path, gains: Floats, quality: int) -> bool:
    """Adds pass `number` (from 0) to a picture and develops it; False if that was done before.

    The work folder keeps the sum of all passes with the guides, under the number of passes that it holds.
    """
    from room_maker.tracing import Guides, denoised, to_display

    stem = f"{shot.path.parent.name}_{shot.path.stem}"
    before, after = work / f"{stem}.pass{number}.npz", work / f"{stem}.pass{number + 1}.npz"
    if any(int(path.stem.rpartition("pass")[2]) > number for path in work.glob(f"{stem}.pass*.npz")):
        return False
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


def write_data(out: Path, room: Room, shots: list[Shot], tracer: "Tracer", seed: int, plan: Plan) -> None:
    """Cameras, depth, geometry and READMEs."""
    photos, walk = shots[: plan.photos], shots[plan.photos :]
    depth = np.stack([tracer.depth_z(shot.pose)[::2, ::2].astype(np.float16) for shot in walk])
    np.savez_compressed(out / "walk" / "depth_z.npz", depth_z=depth)
    for path, chosen, base in ((out / "walk" / "walk.json", walk, out / "walk"), (out / "cameras.json", photos, out)):
        names = [shot.path.relative_to(base).as_posix() for shot in chosen]
        files.write_json(path, files.camera_json(names, [shot.pose for shot in chosen], plan.width, plan.height))
    files.write_geometry(out / "room.ply", room)
    files.write_readmes(out, seed, plan is DRAFT, plan.photos, plan.frames, plan.width, plan.height)


def make(out: Path, seed: int, plan: Plan, minutes: float) -> bool:
    """Makes the set in `out`; stops after `minutes` and says whether everything is there."""
    from room_maker.tracing import Tracer, bracketed_sky

    began = time.monotonic()
    work = out / ".work"
    for folder in (out / "images", out / "walk", work):
        folder.mkdir(parents=True, exist_ok=True)
    room = make_room(seed)
    shots = shots_of(room, out, seed, plan)
    gains = metered(room, [shot.pose for shot in shots[: plan.photos]], work)
    focal_px, sky_seen = files.focal_px(plan.width), bracketed_sky(room, gains)
    tracer = Tracer(room, plan.width, plan.height, focal_px, plan.samples, sky_seen)
    write_data(out, room, shots, tracer, seed, plan)
    for number in range(plan.passes):
        for shot in shots:
            if time.monotonic() - began > 60 * minutes:
                return False
            if take(tracer, shot, number, work, gains, plan.quality):
                seconds = time.monotonic() - began
                print(f"pass {number + 1} of {plan.passes}  {shot.path.relative_to(out)}  {seconds:.0f} s", flush=True)
    shutil.rmtree(work)
    return True


def main() -> None:
    """The command line."""
    described = (__doc__ or "").splitlines()[0]
    run(make, STANDARD, DRAFT, out="room", description=described, seed_help="which room: layout, materials and light")


if __name__ == "__main__":
    main()
