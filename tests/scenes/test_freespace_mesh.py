"""Free space from meshes: exact distances, rooms that are left by no window, and objects that are seen from outside."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cameras.errors import InputError, SettingsError
from cameras.freespace import FREE, OCCUPIED, UNKNOWN, FreeSpace
from scenes.freespace_mesh import free_space_of_mesh
from scenes.meshes.enclosure import WALLED, walled_share
from scenes.meshes.rooms import (
    DOOR_HEIGHT,
    Mesh,
    box,
    joined,
    object_outdoors,
    one_room,
    quad,
    shell,
    three_rooms,
    two_rooms,
)

ROOM = Path(__file__).resolve().parents[2] / "examples" / "room" / "room.ply"
VOXEL = 0.1
RADIUS = 0.2
seeds = st.integers(0, 2**32 - 1)


def contains(space: FreeSpace, mask: NDArray[np.bool_], point: tuple[float, ...] | NDArray[np.float64]) -> bool:
    """Whether the cube of a point is in a mask of cubes."""
    return bool(mask[tuple(np.floor((np.asarray(point) - space.origin_world) / space.voxel).astype(int))])


def check_laws(space: FreeSpace) -> None:
    """What is true of every free space."""
    assert (space.distance[space.cells != FREE] == 0).all()
    assert (space.distance[space.cells == FREE] > 0).all()
    assert space.surface_seen.all()
    assert (space.clearance(space.starts_world) > 0).all()
    centres = space.centres_world(space.cells == OCCUPIED)
    assert np.linalg.norm(space.surface_world - centres, axis=1).max() <= space.voxel * np.sqrt(0.75) * 1.0001


def holed(without: str = "X", *, sill: float = 0.9) -> Mesh:
    """A room of 5 x 4 x 2.6 m with an open window of 1.5 x 1.2 m at its greatest x."""
    from scenes.meshes.rooms import wall_with_hole

    return joined([shell((0, 0, 0), (5, 4, 2.6), without), wall_with_hole(5, 4, 2.6, (1.2, sill), (2.7, sill + 1.2))])


@given(seeds)
@settings(max_examples=5)
def test_in_an_empty_room_the_distance_is_that_to_the_nearest_wall(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = rng.uniform((2.5, 2.5, 2.3), (5, 4, 3))
    corner = rng.uniform(-50, 50, 3)
    high = corner + size
    space = free_space_of_mesh(*shell(tuple(corner), tuple(high)), voxel=0.15)
    check_laws(space)
    assert space.is_interior
    assert len(space.starts_world) == 1
    points = space.centres_world(space.cells == FREE)
    truth = np.minimum(points - corner, high - points).min(axis=1)
    assert truth.min() > 0
    np.testing.assert_allclose(space.distance[space.cells == FREE], truth, atol=1e-4)


def test_units_are_only_a_scale() -> None:
    vertices, faces = one_room(2)
    metres = free_space_of_mesh(vertices, faces, voxel=VOXEL)
    feet = free_space_of_mesh(vertices / 0.3048, faces, voxel=VOXEL / 0.3048, metres_per_unit=0.3048)
    np.testing.assert_array_equal(metres.cells, feet.cells)
    np.testing.assert_allclose(feet.distance * 0.3048, metres.distance, atol=1e-4)
    np.testing.assert_allclose(feet.starts_world * 0.3048, metres.starts_world, atol=1e-6)


@given(seeds)
@settings(max_examples=4)
def test_two_rooms_are_joined_by_their_door_and_by_nothing_else(seed: int) -> None:
    rooms = two_rooms(seed)
    space = free_space_of_mesh(rooms.vertices, rooms.faces, voxel=VOXEL)
    check_laws(space)
    assert len(space.starts_world) == 1
    reach = space.reachable(RADIUS)
    assert all(contains(space, reach, centre) for centre in rooms.centres_world)
    assert contains(space, reach, rooms.door_world)
    x, y, z = (space.origin_world[k] + (np.arange(reach.shape[k]) + 0.5) * VOXEL for k in range(3))
    through = reach[np.abs(x - rooms.door_world[0]) < 0.51 * VOXEL]
    assert through.any()
    assert not through[:, np.abs(y - rooms.door_world[1]) > 0.45 - RADIUS].any()
    assert not through[:, :, z > DOOR_HEIGHT - RADIUS].any()
    # A wider camera stays in its room.
    assert not contains(space, space.reachable(0.47, rooms.centres_world[:1]), rooms.centres_world[1])


def test_without_a_door_each_room_has_a_start() -> None:
    rooms = two_rooms(1, door=False)
    space = free_space_of_mesh(rooms.vertices, rooms.faces, voxel=VOXEL)
    assert sorted(space.starts_world[:, 0] > 5.06) == [False, True]
    for k, centre in enumerate(rooms.centres_world):
        reach = space.reachable(RADIUS, space.starts_world[np.argsort(space.starts_world[:, 0])][k])
        assert contains(space, reach, centre)
        assert not contains(space, reach, rooms.centres_world[1 - k])


def test_a_sealed_room_has_its_own_start_after_that_of_the_larger_region() -> None:
    rooms = three_rooms(3)
    space = free_space_of_mesh(rooms.vertices, rooms.faces, voxel=VOXEL)
    assert (space.starts_world[:, 1] > 4.3).tolist() == [False, True]
    # At eye height, and where it is roomy.
    assert ((space.starts_world[:, 2] > 1.1) & (space.starts_world[:, 2] < 1.8)).all()
    assert (space.clearance(space.starts_world) > 0.8).all()


@pytest.mark.parametrize("mesh", [holed(), holed("XZ"), one_room(1, without="Z"), one_room(1, without="X")])
def test_a_tour_leaves_by_no_window_and_over_no_wall(mesh: Mesh) -> None:
    space = free_space_of_mesh(*mesh, voxel=VOXEL, margin=2.0)
    check_laws(space)
    assert space.is_interior
    points = space.centres_world(space.reachable(RADIUS))
    assert (points > 0).all()
    assert (points < (5, 4, 2.6)).all()
    assert contains(space, space.reachable(RADIUS), (2.0, 2.0, 1.5))
    assert (space.cells[0] == UNKNOWN).all()


def test_a_large_house_without_a_ceiling_is_an_interior_throughout() -> None:
    space = free_space_of_mesh(*shell((0, 0, 0), (10, 8, 2.6), "Z"), voxel=VOXEL)
    reach = space.reachable(RADIUS)
    eye = reach[:, :, round((1.5 - space.origin_world[2]) / VOXEL)]
    assert eye.sum() * VOXEL**2 > 0.9 * (10 - 2 * RADIUS) * (8 - 2 * RADIUS)


def test_walls_without_thickness_hide_what_is_behind_them() -> None:
    parts = [shell((0, 0, 0), (6, 4, 2.6)), quad((3, 0, 0), (0, 4, 0), (0, 0, 2.6))]
    space = free_space_of_mesh(*joined(parts), voxel=VOXEL)
    assert len(space.starts_world) == 2
    for start in space.starts_world:
        points = space.centres_world(space.reachable(0.06, start[None]))
        assert len(set(points[:, 0] > 3)) == 1


def test_inside_a_closed_block_nobody_knows() -> None:
    parts = [one_room(0, pieces=1), box((2, 1.5, 0), (3, 2.5, 1.2))]
    space = free_space_of_mesh(*joined(parts), voxel=VOXEL)
    assert contains(space, space.cells == UNKNOWN, (2.5, 2.0, 0.6))
    assert contains(space, space.cells == FREE, (2.5, 2.0, 1.6))


@pytest.mark.parametrize("ground", [False, True])
def test_an_object_is_seen_from_all_around_it(ground: bool) -> None:
    space = free_space_of_mesh(*object_outdoors(ground=ground), voxel=VOXEL)
    check_laws(space)
    assert not space.is_interior
    azimuths = np.sort(np.arctan2(space.starts_world[:, 1], space.starts_world[:, 0]))
    assert np.diff(azimuths).max() < np.pi / 2
    far = np.linalg.norm(space.starts_world[:, :2], axis=1)
    assert ((far > 1.0) & (far < 2.5)).all()
    ring = space.reachable(RADIUS, space.starts_world[:1])
    assert all(contains(space, ring, start) for start in space.starts_world)
    assert not contains(space, space.cells == FREE, (0.0, 0.0, 0.5))
    # Its floor is the ground, so that heights above it are heights above the ground.
    assert space.origin_world[2] == pytest.approx(-2.5 * VOXEL)


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_a_narrow_grid_around_an_object_has_a_start_too(margin: float) -> None:
    space = free_space_of_mesh(*object_outdoors(), voxel=0.05, margin=margin)
    assert len(space.starts_world) > 0
    assert (space.clearance(space.starts_world) > 0).all()


def test_a_car_is_no_room_although_it_is_hollow() -> None:
    assert not free_space_of_mesh(*box((0, 0, 0), (4.5, 1.8, 1.5)), voxel=VOXEL).is_interior


def test_a_place_is_walled_in_by_the_part_of_the_horizon_that_is_hidden() -> None:
    cells = np.full((60, 60, 30), FREE, np.uint8)
    cells[0] = cells[-1] = cells[:, 0] = OCCUPIED
    middle = np.array([[3.0, 3.0, 1.5]])
    assert walled_share(cells, np.zeros(3), VOXEL, middle)[0] == pytest.approx(0.75, abs=0.05)
    cells[:, -1] = OCCUPIED
    assert walled_share(cells, np.zeros(3), VOXEL, middle)[0] == 1 > WALLED


def test_starts_that_are_given_are_kept_and_decide() -> None:
    vertices, faces = holed()
    inside = np.array([[1.0, 2.0, 1.5]])
    space = free_space_of_mesh(vertices, faces, voxel=VOXEL, starts_world=inside)
    assert space.is_interior
    np.testing.assert_array_equal(space.starts_world, inside)
    outside = free_space_of_mesh(vertices, faces, voxel=0.2, starts_world=[[8.0, 2.0, 1.5]])
    assert not outside.is_interior
    assert contains(outside, outside.reachable(RADIUS), (-2.0, -2.0, 2.0))
    with pytest.raises(SettingsError, match="none of the 1 is"):
        free_space_of_mesh(vertices, faces, voxel=0.2, starts_world=[[80.0, 2.0, 1.5]])


def test_the_example_room_is_one_room() -> None:
    from scenes.meshes.read import read_mesh

    mesh = read_mesh(ROOM, units="m", up_axis="+z")[0]
    space = free_space_of_mesh(mesh.vertices_world, mesh.faces, voxel=VOXEL)
    check_laws(space)
    assert space.is_interior
    assert len(space.starts_world) == 1
    points = space.centres_world(space.reachable(RADIUS))
    low, high = mesh.bounds
    assert (points > low + 0.1).all()
    assert (points < high - 0.1).all()
    assert len(points) * VOXEL**3 > 0.5 * np.prod(high - low)


def test_what_cannot_be_measured_is_refused() -> None:
    vertices, faces = one_room(0)
    with pytest.raises(SettingsError, match=r"at most 60,000,000 cubes, .* check the units"):
        free_space_of_mesh(vertices * 1000, faces, voxel=VOXEL)
    with pytest.raises(InputError, match="none of its 1 has an area"):
        free_space_of_mesh([[0, 0, 0], [1, 1, 1], [2, 2, 2]], [[0, 1, 2]], voxel=VOXEL)
    for options in ({"voxel": 0.0}, {"metres_per_unit": -1.0}, {"margin": -1.0}):
        with pytest.raises(SettingsError, match="needs positive lengths"):
            free_space_of_mesh(vertices, faces, **options)
