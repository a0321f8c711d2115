"""What any file or folder is that flythrough can read."""

import json
from pathlib import Path

from cameras.errors import InputError

from .requests import check_exists
from .sources import is_capture_folder


def inspect(path: Path) -> dict[str, object]:
    """What is known of a file or a folder without long work; ``kind`` is always there. JSON-able.

    Raises:
        InputError: if nothing is there, or it is nothing that we can read.
    """
    check_exists(path)
    if (path / "manifest.json").is_file():
        return inspect_job(path)
    if path.suffix.lower() == ".json" and path.is_file():
        found = inspect_json(path)
        if found is not None:
            return found
    if path.is_file():
        from scenes.formats.identify import identify_scene, kind_of_scene_file

        kind = kind_of_scene_file(path)
        if kind is not None:
            return inspect_ply(path) if kind == "splat" else inspect_mesh(path)
        found = inspect_foreign_path(path)
        if found is not None:
            return found
        identify_scene(path)  # says best what a file is that is no scene
    from scenes.captures.source import describe

    ours = {"kind": "capture"} if is_capture_folder(path) else {}
    return {**describe(path), **ours}


def inspect_job(path: Path) -> dict[str, object]:
    """What a job folder has done."""
    from .manifest import read_manifest

    manifest = read_manifest(path / "manifest.json")
    stages = {name: f"done in {record.seconds:.1f} s" for name, record in manifest.stages.items()}
    return {"kind": "job", "source": manifest.source, "made": list(manifest.claims), "stages": stages}


def inspect_json(path: Path) -> dict[str, object] | None:
    """What a JSON file of ours is; None if it is somebody else's.

    Raises:
        InputError: if it is no JSON, or a path file that is not valid.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} should be JSON, but it cannot be parsed; export it again.") from error
    if not isinstance(content, dict):
        return None
    if content.get("format") == "flythrough report":
        return {"kind": "report", "label": content.get("label"), "held_out": content.get("held_out")}
    return inspect_path(path) if content.get("format") == "flythrough-path" else None


def inspect_path(path: Path) -> dict[str, object]:
    """What a camera path holds."""
    from cameras.formats.flythrough_json import read_path_and_world

    shots, world = read_path_and_world(path)
    return {
        "kind": "camera path",
        "shots": [shot.name for shot in shots.shots],
        "keyframes": sum(len(shot.path.keyframes) for shot in shots.shots),
        "seconds": shots.duration_s,
        "is_loop": len(shots.shots) == 1 and shots.shots[0].path.is_loop,
        "length": round(shots.length, 4),
        "up_known": world.up_known,
        "metres_per_unit": world.metres_per_unit,
        "note": dict(shots.note),
    }


def inspect_foreign_path(path: Path) -> dict[str, object] | None:
    """What a camera path of another tool holds; None if it is none.

    Raises:
        InputError: if it is one and is damaged.
    """
    from cameras.formats import FORMATS, recognized
    from cameras.formats.convert import read_flight

    name = recognized(path)
    if name is None:
        return None
    _, flight = read_flight(path, given=name)
    return {
        "kind": "camera path",
        "format": f"{name}: {FORMATS[name].what}",
        "shots": len(flight.shots.shots),
        "seconds": flight.shots.duration_s,
        "frames_a_second": None if flight.fps is None else str(flight.fps),
        "size": None if flight.size is None else f"{flight.size[0]}x{flight.size[1]}",
        "is_loop": flight.is_loop,
        "length": round(flight.shots.length, 4),
        "up_known": flight.world.up_known,
        "metres_per_unit": flight.world.metres_per_unit,
        "not_kept": list(flight.losses),
    }


def inspect_ply(path: Path) -> dict[str, object]:
    """What a splat file holds.

    Raises:
        InputError: if it is no splat.
    """
    from scenes.formats.ply import read_splat_ply

    splats = read_splat_ply(path)
    low, high = splats.gaussians.means.min(axis=0), splats.gaussians.means.max(axis=0)
    return {
        "kind": "splats",
        "gaussians": len(splats.gaussians),
        "sh_degree": splats.sh_degree,
        "bounds_min": [float(value) for value in low],
        "bounds_max": [float(value) for value in high],
        "notes": dict(splats.extras),
    }


def inspect_mesh(path: Path) -> dict[str, object]:
    """What a mesh file holds, in our axes and its own unit.

    Raises:
        InputError: if it cannot be read.
        MissingExtraError: if what reads it is not installed.
    """
    from scenes.meshes.scene import MeshScene

    scene = MeshScene.load(path)
    world = scene.world
    return {
        "kind": "mesh",
        "format": world.provenance["format"],
        "triangles": len(scene.mesh.faces),
        "bounds_min": [float(value) for value in world.bounds_min],
        "bounds_max": [float(value) for value in world.bounds_max],
        "metres_per_unit": world.metres_per_unit,
        "up_axis": world.provenance["up_axis"],
    }
