"""Triangles against cubes: what they touch, and how far they are, against slow twins in float64."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scenes.meshes.grid import grid_of_triangles
from scenes.meshes.rooms import one_room
from scenes.meshes.triangles import nearest_on_triangle, touches_cube

Floats = NDArray[np.float64]
seeds = st.integers(0, 2**32 - 1)


def slow_distance(points: Floats, corners: Floats) -> Floats:
    """[n, F] from points [n, 3] to triangles [F, 3, 3]: to the plane where the foot is inside, else to a side."""
    best = np.full((len(points), len(corners)), np.inf)
    for k in range(3):
        a, side = corners[:, k], corners[:, (k + 1) % 3] - corners[:, k]
        t = np.clip(np.einsum("nfd,fd->nf", points[:, None] - a, side) / np.sum(side * side, axis=1), 0, 1)
        best = np.minimum(best, np.linalg.norm(points[:, None] - a - t[..., None] * side, axis=-1))
    edges = np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=-1)
    weights = np.einsum("fkd,nfd->nfk", np.linalg.pinv(edges), points[:, None] - corners[:, 0])
    foot = corners[:, 0] + np.einsum("fdk,nfk->nfd", edges, weights)
    inside = (weights >= 0).all(axis=-1) & (weights.sum(axis=-1) <= 1)
    return np.where(inside, np.linalg.norm(points[:, None] - foot, axis=-1), best)


@given(seeds)
@settings(max_examples=200)
def test_the_nearest_point_of_a_triangle_is_on_it_and_nearest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners, point = rng.normal(size=(3, 3)), 2 * rng.normal(size=3)
    if rng.random() < 0.2:
        point = rng.dirichlet(np.ones(3)) @ corners
    squared, *foot = nearest_on_triangle(point, *corners)
    assert np.sqrt(squared) == pytest.approx(slow_distance(point[None], corners[None])[0, 0], abs=1e-9)
    assert np.linalg.norm(point - foot) == pytest.approx(np.sqrt(squared), abs=1e-12)
    assert slow_distance(np.array([foot]), corners[None])[0, 0] < 1e-9


@given(seeds)
@settings(max_examples=200)
def test_a_triangle_touches_a_cube_just_where_clipping_leaves_something(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.normal(size=(3, 3)) * rng.choice([0.3, 1.0, 3.0]) + rng.normal(size=3) * 0.6
    polygon = list(corners)
    for axis in range(3):
        for sign in (1.0, -1.0):
            kept = []
            for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True):
                over_a, over_b = sign * a[axis] - 0.5, sign * b[axis] - 0.5
                if over_a <= 0:
                    kept.append(a)
                if (over_a <= 0) != (over_b <= 0):
                    kept.append(a + (b - a) * (over_a / (over_a - over_b)))
            polygon = kept
    assert touches_cube(corners[0], corners[1], corners[2], 0.5) == bool(polygon)


def test_a_triangle_in_the_face_of_a_cube_touches_it() -> None:
    above = np.array([0, 0, 1e-9])
    a, b, c = np.array([[-2.0, -2, 0.5], [2, -2, 0.5], [0, 2, 0.5]])
    assert touches_cube(a, b, c, 0.5)
    assert not touches_cube(a + above, b + above, c + above, 0.5)


@given(seeds)
@settings(max_examples=15)
def test_a_grid_knows_what_its_triangles_touch_and_how_far_they_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spread = rng.choice([0.2, 1.0, 3.0], size=(6, 1, 1))
    corners = rng.normal(size=(6, 1, 3)) + spread * rng.normal(size=(6, 3, 3))
    corners = np.asarray(1.9 * corners / np.abs(corners).max(), dtype=np.float64)
    voxel, shape, origin = float(rng.uniform(0.35, 0.6)), (12, 14, 13), np.array([-2.0, -2.2, -2.1])
    grid = grid_of_triangles(corners, origin, voxel, shape)
    centres = np.asarray(origin + (np.argwhere(np.ones(shape, bool)) + 0.5) * voxel, dtype=np.float64)
    truth = slow_distance(centres, corners)
    occupied = [any(touches_cube(t[0] - c, t[1] - c, t[2] - c, voxel / 2) for t in corners) for c in centres]
    np.testing.assert_array_equal(grid.occupied.ravel(), occupied)
    error = grid.distance.ravel() - truth.min(axis=1)
    assert error.min() > -1e-5
    assert np.abs(error[truth.min(axis=1) < 1.99 * voxel]).max(initial=0) < 1e-5
    assert error.max() < 0.1 * voxel
    at = truth[np.arange(len(truth)), grid.nearest.ravel()]
    np.testing.assert_allclose(at, grid.distance.ravel(), atol=1e-5)


def test_a_room_has_the_distances_that_trimesh_finds() -> None:
    vertices, faces = one_room(3)
    voxel = 0.1
    grid = grid_of_triangles(vertices[faces], np.full(3, -0.25), voxel, (55, 45, 31))
    rng = np.random.default_rng(0)
    cubes = np.stack([rng.integers(n, size=400) for n in grid.distance.shape], axis=-1)
    points = grid.origin_world + (cubes + 0.5) * voxel
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    found = trimesh.proximity.closest_point_naive(mesh, points)[1]
    np.testing.assert_allclose(grid.distance[tuple(cubes.T)], found, atol=0.02 * voxel)


def test_points_of_the_surface_are_on_it_and_normals_are_square_to_it() -> None:
    vertices, faces = one_room(4)
    corners = vertices[faces]
    grid = grid_of_triangles(corners, np.full(3, -0.25), 0.2, (28, 23, 16))
    points, normals = grid.surface(corners)
    assert len(points) == np.count_nonzero(grid.occupied)
    assert slow_distance(points.astype(np.float64), corners).min(axis=1).max() < 1e-5
    sides = corners[grid.nearest[grid.occupied]]
    np.testing.assert_allclose(np.einsum("nd,nd->n", normals, sides[:, 1] - sides[:, 0]), 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (5e5, -3e6, 120.0)])
def test_a_plane_between_two_layers_of_cubes_is_in_one_of_them_wherever_it_lies(shift: tuple[float, ...]) -> None:
    square = np.array([[[0.0, 0, 0.3], [3, 0, 0.3], [3, 3, 0.3]], [[0, 0, 0.3], [3, 3, 0.3], [0, 3, 0.3]]]) + shift
    grid = grid_of_triangles(square, np.array(shift), 0.1, (30, 30, 6))
    assert grid.occupied.any(axis=2).all()
    assert not grid.occupied[:, :, [0, 1, 4, 5]].any()
