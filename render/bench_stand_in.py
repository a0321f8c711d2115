"""A scene for the bench where none was given: Gaussians on the triangles of the room of the examples."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cameras.errors import InputError
from scenes.splats.gaussians import SH_TERMS, Gaussians
from scenes.splats.initialize import SH_BAND_0

from .bench_scene import BenchScene
from .evaluation_mesh import TriangleMesh, read_mesh

ROOM = Path(__file__).resolve().parents[1] / "examples" / "room"
COUNT = 200_000
CAMERAS = 5
WIDTH_OF_SPACING = 0.8  # standard deviation along the surface, as a share of the root of a Gaussian's area
THICKNESS = 0.1  # across the surface, as a share of that along it
SHEEN = 0.03  # standard deviation of the harmonics that change with direction: what a fit of photos has

Float32 = NDArray[np.float32]


def stand_in_scene(folder: Path = ROOM, count: int = COUNT, seed: int = 0) -> BenchScene:
    """Flat Gaussians, spread evenly over the room's triangles, in their colours; seen by some of its photos' cameras.

    Raises:
        InputError: if the room is not there, as when the package was installed without its repository.
    """
    from scenes.captures.nerfstudio import read_nerfstudio

    if not (folder / "room.ply").is_file() or not (folder / "cameras.json").is_file():
        raise InputError(
            f"The bench needs a scene, and the one it makes itself comes from examples/room of flythrough's "
            f"repository, which is not in {folder}: give a splat file with --scene FILE."
        )
    images = read_nerfstudio(folder / "cameras.json").images
    chosen = np.linspace(0, len(images) - 1, CAMERAS).round().astype(int)
    gaussians = gaussians_on(read_mesh(folder / "room.ply"), _vertex_colors(folder / "room.ply"), count, seed)
    note = f"stand-in: {count:,} Gaussians laid on the triangles of examples/room, because no scene file was given"
    return BenchScene(gaussians, tuple(images[k].camera for k in chosen), note)


def _vertex_colors(path: Path) -> Float32:
    """[V, 3] in [0, 1]."""
    from plyfile import PlyData

    vertices = PlyData.read(path)["vertex"]
    colors = np.stack([vertices[name] for name in ("red", "green", "blue")], axis=1)
    return colors.astype(np.float32) / np.float32(255)


def gaussians_on(mesh: TriangleMesh, vertex_colors: Float32, count: int, seed: int = 0) -> Gaussians:
    """Opaque, flat Gaussians at random places on a mesh, as many on each part as its area asks for.

    Args:
        mesh: at least one triangle with an area.
        vertex_colors: [V, 3] in [0, 1].
        count: how many.
        seed: of places, opacities and sheen.
    """
    rng = np.random.default_rng(seed)
    corners = mesh.vertices_world[mesh.faces]
    edges, other_edges = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normals = np.cross(edges, other_edges)
    areas = np.linalg.norm(normals, axis=1) / 2
    face = rng.choice(len(areas), count, p=areas / areas.sum())
    a, b = np.sort(rng.random((2, count)), axis=0)
    shares = np.stack([a, b - a, 1 - b], axis=1)  # evenly spread barycentric coordinates
    means = np.einsum("nk,nkc->nc", shares, corners[face])
    colors = np.einsum("nk,nkc->nc", shares, vertex_colors[mesh.faces[face]])
    width = WIDTH_OF_SPACING * np.sqrt(areas.sum() / count)
    log_scales = np.log(np.tile([width, width, THICKNESS * width], (count, 1)))
    sh = rng.normal(0, SHEEN, (count, 3, SH_TERMS))
    sh[:, :, 0] = (colors - 0.5) / SH_BAND_0
    turned = _from_z(normals[face] / (2 * areas[face, None]))
    parameters = (means, turned, log_scales, rng.normal(2.0, 1.5, count), sh)
    return Gaussians(*(array.astype(np.float32) for array in parameters))


def _from_z(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N, 4] quaternions (wxyz) that turn +z into the unit directions [N, 3]; of any length but zero."""
    x, y, z = directions.T
    quaternions = np.stack([1 + z, -y, x, np.zeros_like(z)], axis=1)
    quaternions[z < -1 + 1e-9] = (0, 1, 0, 0)
    return quaternions
