"""The free space of anything that can be filmed: a job folder, a splat file or a mesh."""

from dataclasses import dataclass, field
from pathlib import Path

from cameras.errors import InputError, SettingsError
from cameras.freespace import FreeSpace
from cameras.reporting import Report, silent
from cameras.rigid import Rigid
from scenes.captures.capture import Capture
from scenes.scene import Scene

from .freespace_views import depth_views, free_space_of_views
from .scale import KnownLength, metres_per_unit_from


@dataclass(frozen=True)
class ScaleWish:
    """What is said about the size of a scene; at most one of these.

    Attributes:
        known_length: two points in a photo, and how far apart they are.
        camera_height_m: of the photographer's camera above the floor.
        metres_per_unit: the scale itself.
    """

    known_length: KnownLength | None = None
    camera_height_m: float | None = None
    metres_per_unit: float | None = None

    def __post_init__(self) -> None:
        given = [
            value for value in (self.known_length, self.camera_height_m, self.metres_per_unit) if value is not None
        ]
        if len(given) > 1:
            raise SettingsError(
                "the scale should be given once, but more than one of --scale-from, --camera-height and --units was "
                "given; keep the one that you trust most."
            )


@dataclass(frozen=True)
class Surveyed:
    """A free space and how its scale became known.

    Attributes:
        scale_is_assumed: nobody said it: the photographer is taken to have held the camera at 1.5 m.
        scale_from: a few words for the film's report.
        space_from_world: the turn from the scene's own world to that of the space, whose +z is up.
    """

    space: FreeSpace
    scale_is_assumed: bool
    scale_from: str
    space_from_world: Rigid = field(default_factory=Rigid.identity)


def survey_capture(scene: Scene, capture: Capture, scale: ScaleWish | None = None, report: Report = silent) -> Surveyed:
    """The space that a capture's photos cover, from the depth that a scene has there.

    Raises:
        InputError: if no depth or, where the scale hangs on it, no floor is seen; see ``scenes.scale``.
        SettingsError: if up is not known.
    """
    scale = scale or ScaleWish()
    if not capture.world.up_known:
        raise SettingsError(
            "a tour should know which way is up, but the photos do not tell; take some with the camera upright."
        )
    cameras = [image.camera for image in capture.images if not image.is_generated]
    views = depth_views(scene, cameras, report)
    known = scale.metres_per_unit or capture.world.metres_per_unit
    how = "the capture's own units" if scale.metres_per_unit is None else "as given"
    if scale.known_length is not None:
        known = metres_per_unit_from(scale.known_length, scene, capture)
        how = f"two points in {scale.known_length.photo}"
    if scale.camera_height_m is not None:
        known, how = None, f"a camera height of {scale.camera_height_m:g} m"
    space = free_space_of_views(views, metres_per_unit=known, camera_height_m=scale.camera_height_m, report=report)
    is_assumed = known is None and scale.camera_height_m is None
    return Surveyed(space, is_assumed, "an assumed camera height of 1.5 m" if is_assumed else how)


def survey(
    path: Path, scale: ScaleWish | None = None, *, up_axis: str | None = None, report: Report = silent
) -> Surveyed:
    """The free space of what lies at a path, told apart by content.

    Raises:
        InputError: if it is none of a job folder, a splat file or a mesh, or cannot be read.
    """
    from .formats.identify import identify_scene

    kind = identify_scene(path)
    if kind == "job":
        scene, capture = open_job(path)
        return survey_capture(scene, capture, scale, report)
    if kind == "mesh":
        return _survey_mesh(path, scale or ScaleWish(), up_axis, report)
    if kind == "splat":
        from .freespace_explore import survey_splats

        return survey_splats(path, scale or ScaleWish(), up_axis, report)
    raise InputError(
        f"a camera path is planned in a job folder, a splat file or a mesh, but {path} is {kind}; fit a scene to it "
        "first with `flythrough tour` or `flythrough fit`."
    )


def free_space_of(path: Path, *, report: Report = silent) -> FreeSpace:
    """`survey` without its story."""
    return survey(path, report=report).space


def open_job(folder: Path) -> tuple[Scene, Capture]:
    """The scene and the capture of a job folder.

    Raises:
        InputError: if the job has not come so far.
    """
    from .captures.nerfstudio import read_nerfstudio
    from .splats.scene import SplatScene

    scene, capture = folder / "scene.ply", folder / "capture"
    for part, what in ((scene, "fitted scene"), (capture, "capture")):
        if not part.exists():
            raise InputError(
                f"the job {folder} should hold a {what}, but {part.name} is not there; finish the job first."
            )
    return SplatScene.load(scene), read_nerfstudio(capture)


def open_splats(splats: Path, capture: Path) -> tuple[Scene, Capture]:
    """A splat file and the capture folder that it was fitted to.

    Raises:
        InputError: if one of them is no such thing.
    """
    from .captures.nerfstudio import read_nerfstudio
    from .splats.scene import SplatScene

    return SplatScene.load(splats), read_nerfstudio(capture)


def _survey_mesh(path: Path, scale: ScaleWish, up_axis: str | None, report: Report) -> Surveyed:
    """One unit is taken to be a metre where neither the file nor ``scale`` says more."""
    from .freespace_mesh import free_space_of_mesh
    from .meshes.scene import MeshScene

    if scale.known_length is not None or scale.camera_height_m is not None:
        raise SettingsError(
            f"--scale-from and --camera-height need photos, but {path} is a mesh without them; give --units."
        )
    scene = MeshScene.load(path, up_axis=up_axis)
    known = scale.metres_per_unit or scene.world.metres_per_unit
    report("space", 0.2, {"triangles": len(scene.mesh.faces)})
    space = free_space_of_mesh(scene.mesh.vertices_world, scene.mesh.faces, metres_per_unit=known or 1.0)
    report("space", 1.0, {"cubes": space.cells.size})
    how = "the file or the options" if known else "nothing: one unit is taken to be a metre"
    return Surveyed(space, known is None, how)
