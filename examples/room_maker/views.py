"""Where the photographer stands, and the walk: cameras that keep clear of the furniture."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from .meshes import Floats
from .room import Room


def look(position: Floats, yaw_rad: float, pitch_rad: float) -> Floats:
    """world_from_camera [4, 4] with OpenCV axes, level; yaw from +x towards +y, pitch upwards."""
    forward = np.array([np.cos(pitch_rad) * np.cos(yaw_rad), np.cos(pitch_rad) * np.sin(yaw_rad), np.sin(pitch_rad)])
    right = np.array([np.sin(yaw_rad), -np.cos(yaw_rad), 0.0])
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = right, np.cross(forward, right), forward, position
    return pose


def clearance(room: Room, x: ArrayLike, y: ArrayLike) -> Floats:
    """Distances on the floor plan from (x, y) to the nearest wall or furniture, negative inside (metres)."""
    x, y = np.asarray(x), np.asarray(y)
    nearest = np.minimum.reduce([x, y, room.width_m - x, room.depth_m - y])
    for f in room.footprints:
        dx, dy = np.maximum(f.low[0] - x, x - f.high[0]), np.maximum(f.low[1] - y, y - f.high[1])
        outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
        nearest = np.minimum(nearest, np.where(outside > 0, outside, np.maximum(dx, dy)))
    return nearest


def free_points(room: Room, keep: float, step: float = 0.05) -> Floats:
    """Grid points [N, 2] of the floor with at least `keep` metres of clearance, connected to the room's middle."""
    xs, ys = np.arange(keep, room.width_m, step), np.arange(keep, room.depth_m, step)
    points = np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1).reshape(-1, 2)
    points = points[clearance(room, *points.T) >= keep]
    start = int(np.argmin(np.linalg.norm(points - [0.5 * room.width_m, 0.42 * room.depth_m], axis=1)))
    pairs = KDTree(points).query_pairs(1.5 * step, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), pairs.T), shape=(len(points), len(points)))
    parts = connected_components(links, directed=False)[1]
    return points[parts == parts[start]]


def photo_poses(room: Room, count: int, seed: int) -> list[Floats]:
    """An agent's photos: two rounds through the room, mostly looking across it, sometimes along the walls."""
    rng = np.random.default_rng([20261, seed])
    points = free_points(room, 0.30)
    centre = np.array([0.5 * room.width_m, 0.5 * room.depth_m])
    poses = []
    rounds = max(count // 20, 1)
    for k in range(count):
        turn = 2 * np.pi * rounds * k / count
        reach = (1.0, 0.55, 0.8)[int(rounds * k / count) % 3]
        wish = centre + reach * np.array([0.46 * room.width_m * np.cos(turn), 0.46 * room.depth_m * np.sin(turn)])
        wish = wish + rng.normal(0, 0.12, 2)
        at = points[int(np.argmin(np.linalg.norm(points - wish, axis=1)))] + rng.uniform(-0.02, 0.02, 2)
        height = float(np.clip(rng.normal(1.48, 0.10), 1.2, 1.75))
        if k % 11 == 7:
            height = float(rng.uniform(1.0, 1.15))
        aim = centre + rng.normal(0, 0.35, 2) - at
        swing = np.radians((-38, 0, 34, 12, -16)[k % 5] + rng.normal(0, 6))
        if k % 6 == 5:
            swing += np.radians(rng.choice([-75, 75]))
        yaw = float(np.arctan2(aim[1], aim[0]) + swing)
        pitch = float(np.radians(np.clip(rng.normal(-6, 3.5), -14, 4)) - (0.04 if height > 1.6 else 0.0))
        poses.append(_backed_off(room, look(np.array([*at, height]), yaw, pitch)))
    return poses


def _backed_off(room: Room, pose: Floats) -> Floats:
    """Turns a camera towards the room's middle until what it faces is not right before its lens."""
    position = pose[:3, 3]
    middle = np.array([room.width_m / 2, room.depth_m / 2]) - position[:2]
    yaw, pitch = float(np.arctan2(pose[1, 2], pose[0, 2])), float(np.arcsin(pose[2, 2]))
    home = float(np.arctan2(middle[1], middle[0]))
    for _ in range(12):
        ahead = [
            position[:2] + r * np.array([np.cos(yaw + s), np.sin(yaw + s)])
            for s in (-0.5, 0.0, 0.5)
            for r in (0.5, 1.5)
        ]
        if all(0 < p[0] < room.width_m and 0 < p[1] < room.depth_m - 0.25 for p in ahead):
            break
        yaw += 0.25 * ((home - yaw + np.pi) % (2 * np.pi) - np.pi)
    return look(position, yaw, pitch)


def walk_poses(room: Room, count: int) -> list[Floats]:
    """A smooth walk through the middle of the room, looking from the seats past the windows to the other side."""
    points = free_points(room, 0.42)
    middle_y = 0.5 * room.depth_m
    mirrored = np.mean([f.low[0] for f in room.footprints if f.name == "sofa"]) > room.width_m / 2
    flip = (lambda x: room.width_m - x) if mirrored else (lambda x: x)
    wishes = [(0.72, 0.20), (0.66, 0.35), (0.60, 0.48), (0.60, 0.58), (0.68, 0.66)]
    targets = [(0.15, 0.90), (0.05, 0.75), (0.05, 0.50), (0.08, 0.25), (0.25, 0.05)]
    knots = []
    for x, y in wishes:
        wish = np.array([flip(x * room.width_m), y * 2 * middle_y])
        knots.append(points[int(np.argmin(np.linalg.norm(points - wish, axis=1)))])
    aims = np.array([(flip(x * room.width_m), y * room.depth_m) for x, y in targets])
    times = np.linspace(0, 1, len(knots))
    path, aim = CubicSpline(times, np.array(knots)), CubicSpline(times, aims)
    poses = []
    for t in np.linspace(0, 1, count):
        at, ahead = path(t), aim(t) - path(t)
        height = 1.5 + 0.03 * np.sin(3.0 * t)
        poses.append(look(np.array([*at, height]), float(np.arctan2(ahead[1], ahead[0])), float(np.radians(-6))))
    return poses
