"""Turns a capture so that +z is up, and remembers how, so that files in its old axes can follow."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cameras.camera import Camera
from cameras.errors import InputError
from cameras.rigid import Rigid

from .capture import Capture, SparsePoints
from .gravity import estimate_up
from .posed import capture_bounds

LEVELLED_FROM_FILE = "levelled_from_file"
"""Key of ``World.provenance``: [4, 4] rows of the rigid transform from the axes of the file to those of the world."""

# `estimate_up` calls what is below a guess.
SURE_OF_UP = 0.5


def levelled(capture: Capture) -> Capture:
    """The capture with +z up, if its up is not known yet and its cameras tell it; else as it is.

    The world is turned about its origin by the smallest angle that brings up to +z; scale and relative poses stay.
    ``world.provenance`` keeps the turn (see `levelling_of`) and the confidence in it.
    """
    if capture.world.up_known:
        return capture
    cameras = [image.camera for image in capture.images]
    up, confidence = estimate_up(cameras, capture.points.positions_world)
    facts: dict[str, object] = {"up_confidence": round(confidence, 3)}
    if confidence < SURE_OF_UP:
        return _with_world_facts(capture, False, facts)
    turn = Rigid(_shortest_turn(up), np.zeros(3))
    facts[LEVELLED_FROM_FILE] = (turn @ levelling_of(capture)).matrix().tolist()
    return _with_world_facts(moved(capture, turn), True, facts)


def levelling_of(capture: Capture) -> Rigid:
    """``levelled_from_file`` of a capture; the identity if it was never turned. Its inverse leads back.

    Raises:
        InputError: if the provenance holds something else than a rigid transform.
    """
    stored = capture.world.provenance.get(LEVELLED_FROM_FILE)
    if stored is None:
        return Rigid.identity()
    try:
        return Rigid.from_matrix(np.asarray(stored, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{LEVELLED_FROM_FILE} in the capture's provenance should be a rigid 4x4 matrix, but it was changed "
            f"({error}): make the capture again"
        ) from error


def in_world_of(other: Capture, capture: Capture) -> Capture:
    """``other``, whose file has the same axes as the file of ``capture``, in the world of ``capture``.

    Raises:
        InputError: as `levelling_of`.
    """
    wanted, present = levelling_of(capture), levelling_of(other)
    if np.array_equal(wanted.matrix(), present.matrix()):
        return other
    facts: dict[str, object] = {LEVELLED_FROM_FILE: wanted.matrix().tolist()}
    return _with_world_facts(moved(other, wanted @ present.inverse()), capture.world.up_known, facts)


def moved(capture: Capture, new_from_old: Rigid) -> Capture:
    """Cameras, points and bounds in new axes; images, scale and what is known of the world stay."""
    images = tuple(
        replace(
            image,
            camera=Camera(image.camera.intrinsics, new_from_old @ image.camera.world_from_camera, image.camera.time_s),
        )
        for image in capture.images
    )
    old = capture.points
    points = SparsePoints(new_from_old.apply(old.positions_world), old.colors, old.errors_px)
    low, high = capture_bounds(images, points)
    return replace(capture, images=images, points=points, world=replace(capture.world, bounds_min=low, bounds_max=high))


def _with_world_facts(capture: Capture, up_known: bool, facts: dict[str, object]) -> Capture:
    provenance = {**capture.world.provenance, **facts}
    return replace(capture, world=replace(capture.world, up_known=up_known, provenance=provenance))


def _shortest_turn(up: NDArray[np.float64]) -> NDArray[np.float64]:
    """[3, 3] rotation by the smallest angle that brings the unit vector ``up`` to +z (Rodrigues)."""
    from scipy.spatial.transform import Rotation

    axis = np.cross(up, (0.0, 0.0, 1.0))
    length = float(np.linalg.norm(axis))
    # A world on its head has no shortest turn: about x, as good as any.
    axis = axis / length if length > 1e-9 else np.array([1.0, 0.0, 0.0])
    angle = np.arctan2(length, up[2])
    return Rotation.from_rotvec(axis * angle).as_matrix()
