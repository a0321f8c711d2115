"""What `make_room.py` writes: JPEG photos with EXIF, camera files, depth, geometry and the READMEs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from .meshes import Floats
from .room import Room

FOCAL_MM = 25  # equivalent to a 36 mm wide sensor, so focal_px = 25 / 36 * width exactly


def focal_px(width: int) -> float:
    """The focal length in pixels of every picture."""
    return FOCAL_MM / 36 * width


def save_jpeg(path: Path, pixels: NDArray[np.uint8], quality: int, exposure_stops: float | None = None) -> None:
    """Writes pixels [H, W, 3]; with `exposure_stops` also the EXIF block of a camera (no pose, no GPS).

    The file appears under its name only when it is whole.
    """
    exif = Image.Exif()
    if exposure_stops is not None:
        exif[ExifTags.Base.Make] = "flythrough"
        exif[ExifTags.Base.Model] = "Example camera"
        exif[ExifTags.Base.Orientation] = 1
        details = exif.get_ifd(ExifTags.IFD.Exif)
        details[ExifTags.Base.FocalLength] = float(FOCAL_MM)
        details[ExifTags.Base.FocalLengthIn35mmFilm] = FOCAL_MM
        details[ExifTags.Base.ExposureTime] = round(2.0**exposure_stops / 60, 6)
    part = path.with_suffix(".part")
    Image.fromarray(pixels).save(part, format="JPEG", quality=quality, subsampling=0, optimize=True, exif=exif)
    part.replace(path)


def camera_json(
    names: list[str], poses: list[Floats], width: int, height: int, focals_px: list[float] | None = None
) -> dict[str, Any]:
    """Cameras in nerfstudio's convention: camera-to-world, OpenGL axes (+x right, +y up, -z forward).

    The world is +z up, in metres. With `focals_px` each frame has a focal length of its own.
    """
    flip = np.diag([1.0, -1.0, -1.0, 1.0])
    shared = _lens(focal_px(width)) if focals_px is None else {}
    own = [{}] * len(names) if focals_px is None else [_lens(f) for f in focals_px]
    return {
        "camera_model": "OPENCV",
        "w": width,
        "h": height,
        **shared,
        "cx": width / 2,
        "cy": height / 2,
        "units_per_metre": 1.0,
        "up_axis": "+z",
        "frames": [
            {"file_path": name, **lens, "transform_matrix": np.round(pose @ flip, 9).tolist()}
            for name, lens, pose in zip(names, own, poses, strict=True)
        ],
    }


def _lens(focal_px: float) -> dict[str, float]:
    return {"fl_x": focal_px, "fl_y": focal_px}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes one frame per line, so that differences can be read."""
    frames = content.pop("frames")
    head = json.dumps(content, indent=1)[:-2]
    lines = ",\n  ".join(json.dumps(frame) for frame in frames)
    path.write_text(f'{head},\n "frames": [\n  {lines}\n ]\n}}\n', encoding="utf-8")


def write_geometry(path: Path, room: Room) -> None:
    """All triangles as binary PLY: vertices in metres, +z up, one average colour per surface."""
    vertices, faces, offset = [], [], 0
    for name, mesh in room.merged():
        points, unique = np.unique(mesh.vertices.astype(np.float32), axis=0, return_inverse=True)
        block = np.zeros(
            len(points), [*((axis, "<f4") for axis in "xyz"), *((c, "u1") for c in ("red", "green", "blue"))]
        )
        for k, axis in enumerate("xyz"):
            block[axis] = points[:, k]
        tone = (np.clip(room.materials[name].mean_colour(), 0, 1) * 255 + 0.5).astype(np.uint8)
        block["red"], block["green"], block["blue"] = tone
        vertices.append(block)
        corners = unique.reshape(-1)[mesh.faces]
        distinct = (
            (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
        )
        faces.append(corners[distinct] + offset)
        offset += len(points)
    corners = np.concatenate(faces)
    face = np.zeros(len(corners), [("count", "u1"), ("corners", "<i4", (3,))])
    face["count"], face["corners"] = 3, corners
    properties = "".join(f"property float {axis}\n" for axis in "xyz")
    properties += "".join(f"property uchar {c}\n" for c in ("red", "green", "blue"))
    header = "ply\nformat binary_little_endian 1.0\ncomment metres, +z up\n"
    header += f"element vertex {offset}\n{properties}"
    header += f"element face {len(face)}\nproperty list uchar int vertex_indices\nend_header\n"
    path.write_bytes(header.encode() + b"".join(block.tobytes() for block in vertices) + face.tobytes())


WALK = "a walk through the room, all at the same exposure; none is at a photo's position."
TRUTH = "a planned path through the room, evenly spaced in time, all at the exposure of the room's own walk."

ROOM_README = """A furnished living room that does not exist: furnished and path-traced by ../make_room.py.
Licence: Apache-2.0, as the project.

images/       {photos} photos, {width}x{height}, as a careful agent takes them: eye height, {focal} mm equivalent lens,
              slightly different exposures. EXIF holds the focal length; there are no poses in them.
cameras.json  the true cameras of the photos, for tests (nerfstudio's convention: camera-to-world, OpenGL axes).
walk/         {frames} frames of a smooth walk that no photo was taken from, with exact cameras and depth.
room.ply      the room's triangles, one average colour per surface.

World: right-handed, +z up, metres (units_per_metre 1.0). Pinhole, no distortion, focal length {focal_px:.4f} px,
principal point in the middle; (0, 0) is the image's top-left corner, the first pixel's centre is (0.5, 0.5).
Made by:  python make_room.py --seed {seed}{draft} --out room      (needs the extra flythrough[examples])
"""

WALK_README = """{frames} frames of {what}

walk.json     exact cameras (nerfstudio's convention: camera-to-world, OpenGL axes; world +z up, metres).
depth_z.npz   `depth_z` [{frames}, {rows}, {columns}] float16, metres along the camera's axis (not along the ray),
              of every second pixel: entry [k, i, j] is exact for the centre of pixel (x, y) = (2j, 2i), that is for
              the image point (2j + 0.5, 2i + 0.5), of frame k. 0 where the view leaves the room through a window.
              Values are rounded to float16 (1 to 2 mm at 3 m).
"""


def write_readme(out: Path, seed: int, draft: bool, photos: int, frames: int, width: int, height: int) -> None:
    """The README.txt of a set."""
    values = {"photos": photos, "frames": frames, "width": width, "height": height, "seed": seed, "focal": FOCAL_MM}
    text = ROOM_README.format(**values, focal_px=focal_px(width), draft=" --draft" if draft else "")
    (out / "README.txt").write_text(text, encoding="utf-8")


def write_walk_readme(folder: Path, what: str, frames: int, width: int, height: int) -> None:
    """The README.txt of a folder of frames with exact cameras and depth."""
    text = WALK_README.format(what=what, frames=frames, rows=(height + 1) // 2, columns=(width + 1) // 2)
    (folder / "README.txt").write_text(text, encoding="utf-8")
