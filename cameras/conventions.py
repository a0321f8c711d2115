"""The conventions of flythrough on one page.

=============  =========================================================================================
transform      named by the frames it joins: ``a_from_b`` takes points of b to points of a;
               ``world_from_camera @ camera_from_points`` composes when the inner names match
camera axes    OpenCV: +x right, +y down, +z forward. OpenGL cameras (+x right, +y up, +z backward) exist
               only inside ``formats`` and are converted by the functions below
world          right-handed, +z up, metres once gravity and scale are known
pixels         (x, y); the image's top-left corner is (0, 0), its first pixel's centre is (0.5, 0.5), and
               its bottom-right corner is (width, height). Arrays are [H, W, C]
focal length   ``fx, fy`` in pixels. A full-frame lens of 36 mm on a 36 mm wide sensor sees
               2 atan(0.5) = 53.13 degrees across, and 1000 pixels across make fx = 1000
units          in the name: ``fov_y_rad``, ``time_s``, ``focal_mm``; ``depth_z`` along the optical axis,
               ``distance`` along the ray
quaternions    ``quaternion_wxyz``, unit length. (sqrt(0.5), 0, 0, sqrt(0.5)) turns +x to +y
=============  =========================================================================================

Hand-made numbers that the tests hold on to: a camera at the origin that looks along +y of a +z-up world has
right = +x, image-down = -z, forward = +y, so ``world_from_camera.rotation`` is ``[[1, 0, 0], [0, 0, 1], [0, -1, 0]]``.
The point (1, 0, 2) in OpenGL camera axes is (1, 0, -2) in OpenCV's: behind the camera. The point (1, 2, 3) of a
+y-up world is (1, -3, 2) in ours.
"""

import numpy as np

from .arrays import Floats
from .rigid import Rigid

OPENCV_FROM_OPENGL: Floats = np.diag([1.0, -1.0, -1.0])
"""[3, 3] rotation of camera axes; its own inverse."""

_Z_UP_FROM: dict[str, list[list[float]]] = {
    "+x": [[0, 0, -1], [0, 1, 0], [1, 0, 0]],
    "-x": [[0, 0, 1], [0, 1, 0], [-1, 0, 0]],
    "+y": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "-y": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
    "+z": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "-z": [[1, 0, 0], [0, -1, 0], [0, 0, -1]],
}


def opencv_from_opengl_pose(world_from_opengl_camera: Rigid) -> Rigid:
    """``world_from_camera`` with OpenCV camera axes from one with OpenGL's (Blender, nerfstudio, glTF)."""
    return Rigid(world_from_opengl_camera.rotation @ OPENCV_FROM_OPENGL, world_from_opengl_camera.translation)


def opengl_from_opencv_pose(world_from_camera: Rigid) -> Rigid:
    """The inverse of `opencv_from_opengl_pose`."""
    return Rigid(world_from_camera.rotation @ OPENCV_FROM_OPENGL, world_from_camera.translation)


def z_up_from_axis_up(up_axis: str) -> Rigid:
    """The turn that takes a world whose up is ``up_axis`` to ours, whose up is +z.

    Args:
        up_axis: one of ``+x -x +y -y +z -z``.

    Raises:
        ValueError: on another name.
    """
    if up_axis not in _Z_UP_FROM:
        raise ValueError(f"up_axis must be one of {' '.join(_Z_UP_FROM)}, got {up_axis!r}")
    return Rigid(np.array(_Z_UP_FROM[up_axis], dtype=np.float64), np.zeros(3))


def z_up_from_y_up() -> Rigid:
    """The turn from a +y-up world (glTF, most game engines) to ours."""
    return z_up_from_axis_up("+y")
