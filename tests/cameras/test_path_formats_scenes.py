"""glTF and USD as other tools write them: with parents, other interpolations, other axes."""

import base64
import math
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cameras.errors import InputError, MissingExtraError
from cameras.formats import load_format, recognize
from cameras.formats.convert import read_flight
from cameras.formats.exchange import FrameSettings

from .path_files import put, read


def gltf_with(
    nodes: list[dict[str, Any]], channels: list[tuple[int, str, str, list[Any]]], **changes: Any
) -> dict[str, Any]:
    """A glTF whose channels are (node, path, interpolation, [times, values] as numbers)."""
    data, views, accessors, samplers, targets = b"", [], [], [], []
    for node, path, interpolation, arrays in channels:
        for array in arrays:
            numbers = np.atleast_2d(np.asarray(array, dtype="<f4").T).T
            views.append({"buffer": 0, "byteOffset": len(data), "byteLength": numbers.nbytes})
            kind = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}[numbers.shape[1]]
            accessors.append({"bufferView": len(views) - 1, "componentType": 5126, "count": len(numbers), "type": kind})
            data += numbers.tobytes()
        samplers.append({"input": len(views) - 2, "output": len(views) - 1, "interpolation": interpolation})
        targets.append({"sampler": len(samplers) - 1, "target": {"node": node, "path": path}})
    uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    content = {"asset": {"version": "2.0"}, "nodes": nodes, "bufferViews": views, "accessors": accessors}
    content |= {"cameras": [{"type": "perspective", "perspective": {"yfov": 0.8, "znear": 0.1}}]}
    content |= {"animations": [{"channels": targets, "samplers": samplers}]}
    return {**content, "buffers": [{"byteLength": len(data), "uri": uri}], **changes}


QUARTER_ABOUT_X = [-math.sqrt(0.5), 0, 0, math.sqrt(0.5)]


def test_a_gltf_camera_hangs_on_moving_parents(tmp_path: Path) -> None:
    """As Blender writes it: an object that moves, and below it the camera turned to glTF's axes."""
    nodes = [
        {"name": "empty", "children": [1], "scale": [2, 2, 2]},
        {"name": "Camera", "children": [2]},
        {"camera": 0, "rotation": QUARTER_ABOUT_X},
    ]
    times, places = [0.5, 0.75, 1.0], [[0, 0, 0], [1, 2, 3], [2, 4, 6]]
    content = gltf_with(nodes, [(1, "translation", "LINEAR", [times, places])])
    flight, frames = read(put(tmp_path / "a.json", content))
    # Three keys in half a second are keyframes, not frames; the rate is the reader's.
    assert (flight.fps, len(frames), flight.world.up_known) == (None, 6, True)
    np.testing.assert_allclose(frames.positions_world, np.outer(np.arange(6) / 5, (4, -12, 8)), atol=1e-6)
    # Turned by -90 degrees about x, a camera that looked along -z looks along -y, which is our -z.
    np.testing.assert_allclose(frames.rotations[0][:, 2], (0, 0, -1), atol=1e-6)
    assert frames.fovs_y_rad[0] == pytest.approx(0.8)


def test_gltfs_other_interpolations_and_a_matrix(tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = (0, 1, 0)
    nodes = [{"children": [1], "matrix": matrix.T.ravel().tolist()}, {"camera": 0}]
    times = [0.0, 0.1, 0.2]
    step = [[0, 0, 0], [1, 0, 0], [2, 0, 0]]
    _, frames = read(put(tmp_path / "a.json", gltf_with(nodes, [(1, "translation", "STEP", [times, step])])))
    np.testing.assert_allclose(frames.positions_world, [[0, 0, 1], [1, 0, 1], [2, 0, 1]], atol=1e-6)
    # One long piece from 0 to 1 with slopes 0 and 3: 3 (t^3 - t^2) + 3 t^2 - 2 t^3 = t^3.
    cubic = [[[0, 0, 0], [0, 0, 0], [0, 0, 0]], [[3, 0, 0], [1, 0, 0], [0, 0, 0]]]
    channels = [(1, "translation", "CUBICSPLINE", [[0.0, 1.0], np.reshape(cubic, (6, 3))])]
    channels.append((1, "rotation", "LINEAR", [np.arange(11) / 10, [[0, 0, 0, 1]] * 11]))
    flight, frames = read(put(tmp_path / "a.json", gltf_with(nodes, channels)))
    assert flight.fps == 10
    np.testing.assert_allclose(frames.positions_world[:, 0], (np.arange(11) / 10) ** 3, atol=1e-6)


def test_gltf_rotations_may_be_normalised_integers_in_a_file_beside_it(tmp_path: Path) -> None:
    content = gltf_with([{"camera": 0}], [(0, "rotation", "LINEAR", [[0.0, 0.1], [[0, 0, 0, 1]] * 2])])
    content["accessors"][1] |= {"componentType": 5122, "normalized": True, "bufferView": 1}
    content["bufferViews"][1] = {"buffer": 1, "byteOffset": 4, "byteLength": 20, "byteStride": 12}
    content["buffers"].append({"byteLength": 24, "uri": "the%20turn.bin"})
    quarter = round(math.sqrt(0.5) * 32767)
    (tmp_path / "the turn.bin").write_bytes(b"head" + struct.pack("<4h4x4h", 0, 0, 0, 32767, -quarter, 0, 0, quarter))
    content["animations"][0]["channels"].append({"sampler": 0, "target": {"path": "pointer"}})
    flight, frames = read(put(tmp_path / "a.json", content))
    np.testing.assert_allclose(frames.rotations[:, :, 2], [(0, 1, 0), (0, 0, -1)], atol=1e-4)
    assert "field of view" in flight.losses[0]


USDA = """#usda 1.0
(
    metersPerUnit = 0.01
    upAxis = "Y"
    startTimeCode = 10
    endTimeCode = 30
    timeCodesPerSecond = 20
    framesPerSecond = 10
)
def Xform "rig"
{
    double3 xformOp:translate.timeSamples = { 10: (0, 1, 0), 30: (4, 1, 0) }
    double3 xformOp:scale = (2, 2, 2)
    uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:scale"]
    def Camera "other" { }
    def Camera "main"
    {
        float focalLength = 20
        float verticalAperture = 20
        float focusDistance.timeSamples = { 10: 3, 30: 5 }
        double3 xformOp:translate = (0, 0, 1)
        uniform token[] xformOpOrder = ["xformOp:translate"]
    }
}
def Camera "still" { }
"""


def test_usd_of_another_tool(tmp_path: Path) -> None:
    pytest.importorskip("pxr.Usd")
    (tmp_path / "a.usda").write_text(USDA.replace('    def Camera "other" { }\n', ""), encoding="utf-8")
    flight, frames = read(tmp_path / "a.usda")
    assert (flight.fps, len(frames), flight.world.metres_per_unit) == (10, 11, 0.01)
    np.testing.assert_allclose(frames.positions_world[[0, 5, 10]], [[0, -2, 1], [2, -2, 1], [4, -2, 1]], atol=1e-9)
    np.testing.assert_allclose(frames.rotations[0][:, 2], (0, 1, 0), atol=1e-9)
    np.testing.assert_allclose(frames.fovs_y_rad, 2 * math.atan(0.5))
    assert frames.focus_distances is not None
    np.testing.assert_allclose(frames.focus_distances[[0, 5, 10]], (3, 4, 5))


def test_binary_usd_is_read_too_and_damage_to_it_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("pxr.Usd")
    (tmp_path / "a.usda").write_text(USDA.replace('    def Camera "other" { }\n', ""), encoding="utf-8")
    flight, frames = read(tmp_path / "a.usda")
    load_format("usd").write(flight, tmp_path / "a.usdc", FrameSettings(Fraction(10), 1600, 900))
    data = (tmp_path / "a.usdc").read_bytes()
    (tmp_path / "camera.bin").write_bytes(data)
    for name in ("a.usdc", "camera.bin"):
        again, same = read(tmp_path / name)
        assert (again.fps, again.world, same.focus_distances is not None) == (10, flight.world, True)
        np.testing.assert_allclose(same.positions_world, frames.positions_world, atol=1e-9)
    (tmp_path / "a.usdc").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="it cannot be parsed"):
        read_flight(tmp_path / "a.usdc")


def test_usd_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    (tmp_path / "a.usda").write_text(USDA, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "pxr.Gf", None)
    assert recognize(tmp_path / "a.usda") == "usd"
    with pytest.raises(MissingExtraError, match=r'pip install "flythrough\[usd\]"'):
        read_flight(tmp_path / "a.usda")
