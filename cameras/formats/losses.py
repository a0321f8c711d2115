"""What a format cannot carry of a path, and what a path cannot keep of a file's lenses: short items for people."""

import math
from collections.abc import Collection, Sequence

from ..intrinsics import Intrinsics
from .exchange import Flight, PathFrames

# Focal lengths and centres within these are calibrations of one and the same ideal lens.
_SAME_FOCAL = 1e-6
_SAME_CENTRE_PX = 1e-3


def common_losses(flight: Flight, frames: PathFrames, carried: Collection[str] = ()) -> tuple[str, ...]:
    """What of a path is lost in a file of one pose a frame, one short item each.

    Args:
        carried: of ``"focus"``, ``"loop"``, ``"rate"`` and ``"scale"`` those that the format can say.
    """
    shots, paths = flight.shots.shots, [shot.path for shot in flight.shots.shots]
    n_keys, fps = sum(len(path.keyframes) for path in paths), float(frames.fps)
    cuts = [start for shot, start in zip(shots[1:], flight.shots.starts_s[1:], strict=True) if not shot.is_continued]
    metres = flight.world.metres_per_unit
    has_focus = any(path.focus_distances(0.0) is not None for path in paths)
    at = ", ".join(f"{start:g} s" for start in cuts)
    losses = [
        (has_focus and ("focus" not in carried or frames.focus_distances is None), "the focus"),
        (flight.is_loop and "loop" not in carried, "the loop (after the last frame comes the first)"),
        ("rate" not in carried, f"the frame rate ({fps:g} a second)"),
        (metres is not None and "scale" not in carried, f"the scale (a unit is {metres or 0:g} m)"),
        (bool(cuts), f"the cut at {at} (it becomes a move from one frame to the next)"),
        (len(shots) > 1, f"the division into {len(shots)} shots"),
        (
            n_keys not in (len(frames), len(frames) + 1),
            f"the {n_keys} keyframes and the curves through them (there are {len(frames)} poses, one a frame)",
        ),
        (any(path.no_overshoot for path in paths), "the rule against overshoot"),
        (any(path.level_up_world is not None for path in paths), "the rule that keeps the horizon level"),
        (any(path.look_at_world is not None for path in paths), "the point that the camera keeps looking at"),
        (bool(flight.shots.note), "the note on where the path comes from"),
    ]
    return tuple(item for is_lost, item in losses if is_lost)


def fov_y_rad_from_focal_px(height: int, focal_px: float) -> float:
    """Vertical field of view of a centred pinhole; pi or 0 where the focal length is beyond any lens."""
    return 2 * math.atan(0.5 * height / focal_px)


def lens_losses(lenses: Sequence[Intrinsics]) -> tuple[str, ...]:
    """What of a file's lenses is lost when only their vertical fields of view are kept, one short item each.

    A path's lens is an ideal pinhole with square pixels and its axis in the middle of the image.
    """
    sizes = {(lens.width, lens.height) for lens in lenses}
    off_centre_px = max(max(abs(lens.cx - lens.width / 2), abs(lens.cy - lens.height / 2)) for lens in lenses)
    losses = [
        (any(lens.distortion is not None for lens in lenses), "lens distortion"),
        (any(abs(lens.fx / lens.fy - 1) > _SAME_FOCAL for lens in lenses), "pixels that are not square"),
        (off_centre_px > _SAME_CENTRE_PX, "optical axes beside the middle of the image"),
        (len(sizes) > 1, "image sizes that differ"),
    ]
    return tuple(item for is_lost, item in losses if is_lost)
