"""Views at the size that is worked at, and what was changed there at the size of the film."""

import numpy as np
import torch
from torch.nn.functional import interpolate

from cameras.camera import Camera
from scenes.captures.stills import reduced_size
from scenes.scene import View

from .base import FloatImage


def working_camera(camera: Camera, long_side: int | None) -> Camera:
    """The camera with its longer side at most ``long_side``."""
    width, height = reduced_size(camera.width, camera.height, long_side)
    return camera if (width, height) == (camera.width, camera.height) else camera.resized(width, height)


def reduced_view(view: View, width: int, height: int) -> View:
    """The view [H, W] at another size [height, width]: means over areas; of depth the nearest pixel, unmixed."""
    if view.alpha.shape == (height, width):
        return view
    rows = ((np.arange(height) + 0.5) * view.alpha.shape[0] / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * view.alpha.shape[1] / width).astype(np.intp)
    depth = np.ascontiguousarray(view.depth_z[rows[:, None], columns[None]])
    return View(_area(view.rgb, height, width), _area(view.alpha[..., None], height, width)[..., 0], {"depth_z": depth})


def enlarged(change: FloatImage, height: int, width: int) -> FloatImage:
    """A change [h, w, 3] at the size [height, width, 3], bilinear."""
    if change.shape[:2] == (height, width):
        return change
    planes = torch.from_numpy(np.ascontiguousarray(change.transpose(2, 0, 1)))[None]
    found = interpolate(planes, (height, width), mode="bilinear", align_corners=False)
    return found[0].permute(1, 2, 0).contiguous().numpy()


def _area(image: FloatImage, height: int, width: int) -> FloatImage:
    planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
    found = interpolate(planes, (height, width), mode="area")
    return found[0].permute(1, 2, 0).contiguous().numpy()
