"""Cameras along a path that flythrough planned, brought into the world of the room."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.formats.flythrough_json import read_path
from cameras.similarity import Similarity, align_sim3

from .meshes import Floats
from .room import Room

# Solved poses are right within millimetres; those of another room, decimetres away.
SAME_ROOM_WITHIN_M = 0.05


def room_from_job(job: Path, photo_poses: list[Floats]) -> Similarity:
    """From the world of a job that was made of the room's photos to that of the room.

    Args:
        photo_poses: world_from_camera [4, 4] of the photos 0000.jpg, 0001.jpg and so on.

    Raises:
        InputError: if the job's capture cannot be read, or its cameras are not those of the photos.
    """
    from scenes.captures.nerfstudio import read_nerfstudio

    true = {f"{k:04d}.jpg": pose[:3, 3] for k, pose in enumerate(photo_poses)}
    solved = {image.name: image.camera.position_world for image in read_nerfstudio(job / "capture").images}
    names = [name for name in solved if name in true]
    here = np.array([true[name] for name in names]).reshape(-1, 3)
    there = np.array([solved[name] for name in names]).reshape(-1, 3)
    wanted = f"at least 3 photos of this room, off one line, were expected in {job / 'capture'}"
    try:
        found = align_sim3(there, here, robust=True)
    except ValueError as error:
        raise InputError(f"{wanted}, but it has {len(names)} of their names; check --job.") from error
    away_m = float(np.median(np.linalg.norm(found.apply(there) - here, axis=1)))
    if away_m > SAME_ROOM_WITHIN_M:
        raise InputError(
            f"{wanted}, but half of its cameras are over {away_m:.2f} m away from where those were; "
            "give the --seed and --draft that the photos were made with."
        )
    return found


def cameras_along(
    path: Path, room: Room, room_from_path: Similarity, frames: int, width: int, height: int
) -> list[Camera]:
    """`frames` cameras in the world of the room, evenly spaced in time from second 0 of the path.

    Raises:
        InputError: if the path cannot be read or leaves the room.
    """
    shots = read_path(path)
    cameras = shots.cameras(frames / Fraction(shots.duration_s), width, height)
    cameras = [replace(c, world_from_camera=room_from_path.apply_pose(c.world_from_camera)) for c in cameras]
    for camera in cameras:
        at, far_corner = camera.position_world, (room.width_m, room.depth_m, room.height_m)
        if (at <= 0).any() or (at >= far_corner).any():
            raise InputError(
                f"a path inside the room was expected in {path}, but at second {camera.time_s:.1f} it is outside; "
                "give the --job that it was planned in, or plan another."
            )
    return cameras
