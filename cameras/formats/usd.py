"""An animated camera in USD (``UsdGeomCamera``); needs the extra ``usd``.

Pixar, "UsdGeom: Camera": the camera looks along -z with +y up; matrices are made for row vectors; apertures and focal
length are in tenths of a scene unit, of which only their ratio is used here; ``focusDistance`` is in scene units. The
stage has +z up, one time code a frame, and ``metersPerUnit`` where the scale is known.
"""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..arrays import Floats
from ..conventions import OPENCV_FROM_OPENGL, z_up_from_y_up
from ..errors import InputError, MissingExtraError
from ..intrinsics import FULL_FRAME_WIDTH_MM
from ..shot_list import ShotList
from .exchange import MAX_FRAMES, Flight, FrameSettings, PathFrames, bake, exact_rate, shot_of
from .files import MAX_BYTES, Opening, read_bytes, refusal, rigid_blocks
from .flythrough_json import WorldNote
from .losses import common_losses

_WHAT = "a USD file with an animated camera"
_TEXT_MAGIC, _BINARY_MAGIC = b"#usda ", b"PXR-USDC"
_CAMERA_PATH = "/camera"
_NEAR, _FAR = 0.01, 10_000.0
_FRAME_TOLERANCE = 1e-6
# A damaged binary file makes USD's reader take all memory or crash, so it is turned into text by a process of its own.
_TO_TEXT = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
    resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
except (ImportError, OSError, ValueError):
    pass  # a system without such limits
from pxr import Usd
stage = Usd.Stage.Open(sys.argv[1], Usd.Stage.LoadNone)
sys.exit(0 if stage.Flatten(False).Export(sys.argv[2]) else 1)
"""


def recognizes(opening: Opening) -> bool:
    """By its first bytes."""
    return opening.head.startswith((_TEXT_MAGIC, _BINARY_MAGIC))


def _pxr() -> Any:
    """The packages of USD that are used here."""
    try:
        for name in ("Gf", "Sdf", "Tf", "Usd", "UsdGeom"):
            importlib.import_module(f"pxr.{name}")
    except ImportError as error:
        raise MissingExtraError(
            'USD files need the package usd-core, which is not installed; run: pip install "flythrough[usd]"'
        ) from error
    return importlib.import_module("pxr")


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes one camera with a sample a frame: transform, focal length and focus; see `exchange.PathModule`.

    Text for ``.usda``, binary else.
    """
    pxr = _pxr()
    frames = bake(flight, settings)
    stage = pxr.Usd.Stage.CreateInMemory()
    pxr.UsdGeom.SetStageUpAxis(stage, pxr.UsdGeom.Tokens.z)
    if flight.world.metres_per_unit is not None:
        pxr.UsdGeom.SetStageMetersPerUnit(stage, flight.world.metres_per_unit)
    rate = float(frames.fps)
    stage.SetTimeCodesPerSecond(rate)
    stage.SetFramesPerSecond(rate)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(frames) - 1)
    camera = pxr.UsdGeom.Camera.Define(stage, _CAMERA_PATH)
    stage.SetDefaultPrim(camera.GetPrim())
    _define(pxr, camera, frames, settings)
    _publish(stage, file)
    return common_losses(flight, frames, {"focus", "rate", "scale"})


def _define(pxr: Any, camera: Any, frames: PathFrames, settings: FrameSettings) -> None:
    aperture = FULL_FRAME_WIDTH_MM * settings.height / settings.width
    camera.CreateHorizontalApertureAttr(FULL_FRAME_WIDTH_MM)
    camera.CreateVerticalApertureAttr(aperture)
    camera.CreateClippingRangeAttr(pxr.Gf.Vec2f(_NEAR, _FAR))
    focal = camera.CreateFocalLengthAttr()
    transform = camera.AddTransformOp(pxr.UsdGeom.XformOp.PrecisionDouble)
    matrices = np.tile(np.eye(4), (len(frames), 1, 1))
    matrices[:, :3, :3] = frames.rotations @ OPENCV_FROM_OPENGL
    matrices[:, :3, 3] = frames.positions_world
    focals = 0.5 * aperture / np.tan(0.5 * frames.fovs_y_rad)
    for i, matrix in enumerate(np.swapaxes(matrices, 1, 2)):
        transform.Set(pxr.Gf.Matrix4d(*matrix.ravel().tolist()), i)
        focal.Set(float(focals[i]), i)
    if frames.focus_distances is not None:
        focus = camera.CreateFocusDistanceAttr()
        for i, distance in enumerate(frames.focus_distances.tolist()):
            focus.Set(distance, i)


def _publish(stage: Any, file: Path) -> None:
    # The suffix decides between text and binary, so the temporary file keeps it.
    temporary = file.with_name(f".{file.stem}.partial{file.suffix}")
    try:
        stage.GetRootLayer().Export(str(temporary))
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads the first camera that moves, or the first, over the stage's time codes; see `exchange.PathModule`."""
    pxr = _pxr()
    try:
        with tempfile.TemporaryDirectory() as folder:
            stage = _open(pxr, file, Path(folder))
            frames = _frames(pxr, stage, _find_camera(pxr, stage, file))
            metres = _metres_per_unit(pxr, stage)
        shot = shot_of(frames)
    except pxr.Tf.ErrorException as error:  # damage shows itself late, when a value is asked for
        raise refusal(file, _WHAT, "it cannot be parsed") from error
    except ValueError as error:
        raise refusal(file, _WHAT, error) from error
    return Flight(ShotList((shot,)), WorldNote(True, metres), frames.fps)


def _metres_per_unit(pxr: Any, stage: Any) -> float | None:
    if not pxr.UsdGeom.StageHasAuthoredMetersPerUnit(stage):
        return None
    metres = float(pxr.UsdGeom.GetStageMetersPerUnit(stage))
    if not 0 < metres < float("inf"):
        raise ValueError(f"metersPerUnit must be positive and finite, got {metres:g}")
    return metres


def _open(pxr: Any, file: Path, folder: Path) -> Any:
    """The stage of a file; ``folder`` is for a copy that USD can open: as text, with a name that ends as it wants."""
    data = read_bytes(file)
    if data.startswith(_BINARY_MAGIC):
        text = folder / "text.usda"
        copy = file if file.suffix.lower() in (".usd", ".usdc") else Path(shutil.copyfile(file, folder / "copy.usdc"))
        arguments = [sys.executable, "-P", "-c", _TO_TEXT, str(copy), str(text)]
        if subprocess.run(arguments, capture_output=True, check=False).returncode != 0:
            raise ValueError("it cannot be parsed")
        if text.stat().st_size > MAX_BYTES:
            raise ValueError("it holds far more than a camera path")
        return pxr.Usd.Stage.Open(str(text))
    if file.suffix.lower() not in (".usd", ".usda"):
        file = Path(shutil.copyfile(file, folder / "copy.usda"))
    return pxr.Usd.Stage.Open(str(file), pxr.Usd.Stage.LoadNone)


def _find_camera(pxr: Any, stage: Any, file: Path) -> Any:
    cameras = [pxr.UsdGeom.Camera(prim) for prim in stage.Traverse() if prim.IsA(pxr.UsdGeom.Camera)]
    moving = [camera for camera in cameras if _moves(pxr, camera.GetPrim())]
    if not cameras:
        raise InputError(f"{file} has no camera; add one and export it again")
    camera = (moving or cameras)[0]
    if camera.GetProjectionAttr().Get() == pxr.UsdGeom.Tokens.orthographic:
        raise InputError(f"{file} has an orthographic camera, but only perspective ones can be read; change its lens")
    return camera


def _moves(pxr: Any, prim: Any) -> bool:
    """Whether the prim or what it hangs on moves."""
    while prim and not prim.IsPseudoRoot():
        if pxr.UsdGeom.Xformable(prim) and pxr.UsdGeom.Xformable(prim).TransformMightBeTimeVarying():
            return True
        prim = prim.GetParent()
    return False


def _frames(pxr: Any, stage: Any, camera: Any) -> PathFrames:
    """A frame a time code of the film's rate, in our world."""
    codes_a_second, rate = float(stage.GetTimeCodesPerSecond()), float(stage.GetFramesPerSecond())
    fps = exact_rate(rate if stage.HasAuthoredMetadata("framesPerSecond") else codes_a_second)
    start, end = float(stage.GetStartTimeCode()), float(stage.GetEndTimeCode())
    step = codes_a_second / float(fps)
    if not (step > 0 and 0 <= (end - start) / step <= MAX_FRAMES):
        raise ValueError(f"it must have 1 to {MAX_FRAMES:,} frames between its time codes {start:g} and {end:g}")
    n = int((end - start) / step + _FRAME_TOLERANCE) + 1
    matrices, fovs, focus = np.empty((n, 4, 4)), np.empty(n), np.empty(n)
    focal, aperture = camera.GetFocalLengthAttr(), camera.GetVerticalApertureAttr()
    distance = camera.GetFocusDistanceAttr()
    cache = pxr.UsdGeom.XformCache()
    for i in range(n):
        code = start + i * step
        cache.SetTime(code)
        matrices[i] = np.array(cache.GetLocalToWorldTransform(camera.GetPrim())).T
        fovs[i] = 2 * np.arctan2(0.5 * _number(aperture, code), _number(focal, code))
        focus[i] = _number(distance, code)
    is_y_up = pxr.UsdGeom.GetStageUpAxis(stage) == pxr.UsdGeom.Tokens.y
    world_from_stage = z_up_from_y_up().rotation if is_y_up else np.eye(3)
    rotations = world_from_stage @ rigid_blocks(_unscaled(matrices[:, :3, :3])) @ OPENCV_FROM_OPENGL
    # 0, the fallback, means that nothing is said.
    focused = focus if distance.HasAuthoredValue() and (focus > 0).all() else None
    return PathFrames(fps, matrices[:, :3, 3] @ world_from_stage.T, rotations, fovs, focused)


def _number(attribute: Any, code: float) -> float:
    value = attribute.Get(code)
    if not isinstance(value, float | int):
        raise ValueError(f"its {attribute.GetName()} has no number")
    return float(value)


def _unscaled(blocks: Floats) -> Floats:
    sizes = np.cbrt(np.linalg.det(blocks))
    if not (sizes > 0).all():
        raise ValueError("its camera must not be mirrored or scaled to nothing")
    return blocks / sizes[:, None, None]
