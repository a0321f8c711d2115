"""``cameras.json`` of the Inria tools for Gaussian splats: a list of posed images.

Written by ``utils/camera_utils.py: camera_to_JSON`` of graphdeco-inria/gaussian-splatting; read by many viewers, by
SuperSplat as a camera animation of one key an entry. ``rotation`` holds the rows of ``world_from_camera`` with OpenCV
camera axes, focal lengths are in pixels, and the world is that of the splat file.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, RootModel

from ..intrinsics import Intrinsics
from ..shot_list import ShotList
from .exchange import Flight, FrameSettings, PathFrames, bake, shot_of
from .files import Loose, Opening, as_object, first_of, read_bytes, refusal, rigid_blocks, validated, write_json
from .losses import common_losses, fov_y_rad_from_focal_px, lens_losses

_WHAT = "cameras.json of the Inria tools"

_Vector = Annotated[list[float], Field(min_length=3, max_length=3)]
_Size = Annotated[int, Field(gt=0, le=1_000_000)]
_Focal = Annotated[float, Field(gt=0)]


class _Image(Loose):
    width: _Size
    height: _Size
    position: _Vector
    rotation: Annotated[list[_Vector], Field(min_length=3, max_length=3)]
    fx: _Focal
    fy: _Focal


class _File(RootModel[Annotated[list[_Image], Field(min_length=1)]]):
    pass


def recognizes(opening: Opening) -> bool:
    """By its first entry, which has a position and a rotation."""
    return {"position", "rotation", "fx"} <= set(as_object(first_of(opening.content)))


def write(flight: Flight, file: Path, settings: FrameSettings) -> tuple[str, ...]:
    """Writes one entry a frame, in the order of the film; see `exchange.PathModule`."""
    frames = bake(flight, settings)
    images: list[dict[str, object]] = []
    positions, rotations = frames.positions_world.tolist(), frames.rotations.tolist()
    for i, fov in enumerate(frames.fovs_y_rad.tolist()):
        lens = Intrinsics.from_fov(settings.width, settings.height, fov)
        images.append(
            {
                "id": i,
                "img_name": f"frame_{i:06d}",
                "width": lens.width,
                "height": lens.height,
                "position": positions[i],
                "rotation": rotations[i],
                "fy": lens.fy,
                "fx": lens.fx,
            }
        )
    write_json(file, images)
    return common_losses(flight, frames)


def read(file: Path, settings: FrameSettings) -> Flight:
    """Reads one frame an entry, in the order of the file, at the rate of ``settings``; see `exchange.PathModule`."""
    images = validated(_File, read_bytes(file), file, _WHAT).root
    try:
        rotations = rigid_blocks(np.array([image.rotation for image in images]))
        fovs = np.array([fov_y_rad_from_focal_px(image.height, image.fy) for image in images])
        positions = np.array([image.position for image in images])
        shot = shot_of(PathFrames(settings.fps, positions, rotations, fovs))
        lenses = [
            Intrinsics(image.width, image.height, image.fx, image.fy, image.width / 2, image.height / 2)
            for image in images
        ]
    except ValueError as error:
        raise refusal(file, _WHAT, error) from error
    size = (images[0].width, images[0].height)
    return Flight(ShotList((shot,)), size=size, losses=lens_losses(lenses))
