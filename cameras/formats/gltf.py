"""An animated camera in glTF 2.0, ``.glb`` or ``.gltf``: Blender, game engines and viewers import it.

Khronos, glTF 2.0 specification: +y up, metres, and a camera that looks along -z with +y up; our +z is turned to +y, and
Blender turns it back. Positions and rotations have a key a frame; the field of view of core glTF cannot change. Numbers
of an animation are in single precision.
"""

import base64
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..conventions import OPENCV_FROM_OPENGL, z_up_from_y_up
from ..errors import InputError
from ..rotations import matrix_from_quaternion, quaternion_from_matrix
from ..shot_list import ShotList
from ..splines import with_continuous_signs
from .exchange import MAX_FPS, MAX_FRAMES, Flight, FrameSettings, PathFrames, bake, exact_rate, shot_of
from .files import Opening, json_bytes, parsed_json, refusal, rigid_blocks, write_bytes
from .flythrough_json import WorldNote
from .gltf_data import GLB_MAGIC, WHAT, Animation, Curve, Gltf, Node, glb_bytes, glb_json
from .losses import common_losses

_NEAR = 0.01
_FLOAT, _PATHS = 5126, ("translation", "rotation", "scale")
# Keys this near a frame (in frames) are at it: their times are in single precision.
_ON_FRAME = 1e-2
_SAME_FOV_RAD = 1e-7
_VISIBLE_ROUNDING = 1e-6
_FRAME_TOLERANCE = 1e-4
_MAX_DEPTH = 1000
# Even keys are the frames of a film from this rate on; slower ones are keyframes.
_LEAST_RATE = 10

_Curves = Mapping[tuple[int | None, str], Curve]


def recognizes(opening: Opening) -> bool:
    """By cameras and animations in its JSON."""
    content = opening.mapping
    if opening.head.startswith(GLB_MAGIC):
        try:
            content = Opening(opening.file, b"", parsed_json(glb_json(opening.file), opening.file)).mapping
        except (InputError, OSError):
            return False
    return {"asset", "cameras", "animations", "nodes"} <= set(content)


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes one camera with a key a frame; ``.gltf`` holds its buffer within. See `exchange.PathModule`."""
    frames = bake(flight, settings)
    y_up_from_world = z_up_from_y_up().rotation.T
    positions = frames.positions_world @ y_up_from_world.T
    rotations = y_up_from_world @ frames.rotations @ OPENCV_FROM_OPENGL
    xyzw = np.roll(with_continuous_signs(quaternion_from_matrix(rotations)), -1, axis=1)
    arrays = [frames.times_s[:, None].astype("<f4"), positions.astype("<f4"), xyzw.astype("<f4")]
    binary = b"".join(array.tobytes() for array in arrays)
    content = _content(arrays, settings, float(frames.fovs_y_rad[0]))
    if file.suffix.lower() == ".gltf":
        uri = "data:application/octet-stream;base64," + base64.b64encode(binary).decode("ascii")
        content["buffers"] = [{"byteLength": len(binary), "uri": uri}]
        write_bytes(file, json_bytes(content))
    else:
        content["buffers"] = [{"byteLength": len(binary)}]
        write_bytes(file, glb_bytes(json_bytes(content), binary))
    said = {"rate": frames.fps >= _LEAST_RATE, "scale": flight.world.metres_per_unit == 1}
    losses = list(common_losses(flight, frames, [name for name, is_said in said.items() if is_said]))
    if np.ptp(frames.fovs_y_rad) > _SAME_FOV_RAD:
        losses.append("the changing field of view (the first frame's is kept)")
    rounding = float(np.abs(arrays[1] - positions).max())
    if rounding > _VISIBLE_ROUNDING:
        losses.append(f"full precision (positions are off by up to {rounding:.1g})")
    return tuple(losses)


def _content(arrays: list[NDArray[np.float32]], settings: FrameSettings, fov_y_rad: float) -> dict[str, object]:
    """All of the JSON but its buffers."""
    offsets = np.cumsum([0, *(array.nbytes for array in arrays)]).tolist()
    accessors: list[dict[str, object]] = [
        {"bufferView": i, "componentType": _FLOAT, "count": len(array), "type": kind}
        for i, (array, kind) in enumerate(zip(arrays, ("SCALAR", "VEC3", "VEC4"), strict=True))
    ]
    accessors[0] |= {"min": [float(arrays[0][0, 0])], "max": [float(arrays[0][-1, 0])]}
    return {
        "asset": {"version": "2.0", "generator": "flythrough"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {
                "name": "camera",
                "camera": 0,
                "translation": arrays[1][0].tolist(),
                "rotation": arrays[2][0].tolist(),
            }
        ],
        "cameras": [
            {
                "type": "perspective",
                "perspective": {"aspectRatio": settings.width / settings.height, "yfov": fov_y_rad, "znear": _NEAR},
            }
        ],
        "animations": [
            {
                "name": "flythrough",
                "samplers": [{"input": 0, "output": i, "interpolation": "LINEAR"} for i in (1, 2)],
                "channels": [{"sampler": i, "target": {"node": 0, "path": path}} for i, path in enumerate(_PATHS[:2])],
            }
        ],
        "accessors": accessors,
        "bufferViews": [
            {"buffer": 0, "byteOffset": offset, "byteLength": array.nbytes}
            for offset, array in zip(offsets, arrays, strict=False)
        ],
    }


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads the first camera that an animation moves, itself or with its parents; see `exchange.PathModule`.

    The frame rate is that of its keys where they are at even times, at least 10 a second, else that of ``settings``.
    """
    gltf = Gltf(file)
    animation, chain = _animated_camera(gltf)
    curves: _Curves = {
        (channel.target.node, channel.target.path): gltf.curve(animation, channel)
        for channel in animation.channels
        if channel.target.node in chain and channel.target.path in _PATHS
    }
    nodes = gltf.content.nodes
    perspective = gltf.content.cameras[nodes[chain[-1]].camera or 0].perspective
    if perspective is None:
        raise InputError(f"{file} has an orthographic camera, but only perspective ones can be read; change its lens")
    rate, start, n = _frame_grid(curves.values(), settings.fps, file)
    fps = rate or settings.fps
    at = start + np.arange(n) / float(fps)
    try:
        world_from_camera = np.tile(np.eye(4), (n, 1, 1))
        for number in chain:
            world_from_camera = world_from_camera @ _local(nodes[number], number, curves, at, fps, start)
        frames = _frames(world_from_camera, perspective.yfov, fps)
    except ValueError as error:
        raise refusal(file, WHAT, error) from error
    has_pointer = any(
        channel.target.path == "pointer" for found in gltf.content.animations for channel in found.channels
    )
    losses = ("an animation of something other than a node (the field of view, perhaps)",) if has_pointer else ()
    return Flight(ShotList((shot_of(frames),)), WorldNote(up_known=True), rate, losses=losses)


def _animated_camera(gltf: Gltf) -> tuple[Animation, list[int]]:
    """The animation and the nodes from the root to the camera."""
    nodes, cameras = gltf.content.nodes, gltf.content.cameras
    parents = {child: number for number, node in enumerate(nodes) for child in node.children}
    for number, node in enumerate(nodes):
        if node.camera is None or node.camera >= len(cameras):
            continue
        chain = [number]
        while chain[0] in parents:
            chain.insert(0, parents[chain[0]])
            if len(chain) > min(len(nodes), _MAX_DEPTH):
                raise refusal(gltf.file, WHAT, "its nodes are no tree, or one of over 1,000 levels")
        for animation in gltf.content.animations:
            if any(channel.target.node in chain and channel.target.path in _PATHS for channel in animation.channels):
                return animation, chain
    raise InputError(f"{gltf.file} has no camera that an animation moves; animate one and export it again")


def _frame_grid(curves: Iterable[Curve], usual: Fraction, file: Path) -> tuple[Fraction | None, float, int]:
    """The keys' own frame rate if they have one, the time of the first frame in seconds, and the number of frames."""
    times = [curve.times_s for curve in curves]
    start, end = min(float(t[0]) for t in times), max(float(t[-1]) for t in times)
    densest, rate = max(times, key=len), None
    try:
        mean = (len(densest) - 1) / float(densest[-1] - densest[0]) if len(densest) > 1 else 0.0
        if _LEAST_RATE <= mean <= MAX_FPS:
            rate = exact_rate(mean)
            off = np.abs((densest - densest[0]) * float(rate) - np.arange(len(densest)))
            rate = rate if off.max() < _ON_FRAME else None
        n = (end - start) * float(rate or usual) + _FRAME_TOLERANCE
        if not n <= MAX_FRAMES:
            raise ValueError(f"it lasts more than {MAX_FRAMES:,} frames")
    except ValueError as error:
        raise refusal(file, WHAT, error) from error
    return rate, start, int(n) + 1


def _local(node: Node, number: int, curves: _Curves, at: Floats, fps: Fraction, start: float) -> Floats:
    """[n, 4, 4] a node in its parent."""
    matrices = np.tile(np.eye(4), (len(at), 1, 1))
    moved = [curves.get((number, path)) for path in _PATHS]
    if node.matrix is not None and not any(moved):
        return matrices @ np.reshape(node.matrix, (4, 4)).T
    held = [node.translation, node.rotation, node.scale]
    translation, xyzw, scale = (
        np.tile(value, (len(at), 1)) if curve is None else _on_frames(curve, fps, start).at(at)
        for value, curve in zip(held, moved, strict=True)
    )
    matrices[:, :3, :3] = matrix_from_quaternion(np.roll(xyzw, 1, axis=1)) * scale[:, None, :]
    matrices[:, :3, 3] = translation
    return matrices


def _on_frames(curve: Curve, fps: Fraction, start: float) -> Curve:
    """Keys whose times were rounded to single precision, put back on their frames."""
    numbers = (curve.times_s - start) * float(fps)
    nearest = np.rint(numbers)
    snapped = np.where(np.abs(numbers - nearest) < _ON_FRAME, start + nearest / float(fps), curve.times_s)
    if (np.diff(snapped) <= 0).any():
        return curve
    return Curve(snapped, curve.values, curve.interpolation, curve.is_rotation)


def _frames(world_from_camera: Floats, fov_y_rad: float, fps: Fraction) -> PathFrames:
    """In our world; a scale of the parents moves the camera but does not stretch it."""
    block = world_from_camera[:, :3, :3]
    sizes = np.cbrt(np.linalg.det(block))
    if not (sizes > 0).all():
        raise ValueError("its camera must not be mirrored or scaled to nothing")
    world_from_y_up = z_up_from_y_up().rotation
    rotations = world_from_y_up @ rigid_blocks(block / sizes[:, None, None]) @ OPENCV_FROM_OPENGL
    positions = world_from_camera[:, :3, 3] @ world_from_y_up.T
    return PathFrames(fps, positions, rotations, np.full(len(positions), fov_y_rad))
