"""Splat .ply files: round trips, other tools' variants and broken files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plyfile import PlyData

from cameras.errors import InputError
from scenes.formats.ply import read_splat_ply, write_splat_ply
from scenes.formats.splat_file import SplatFile, usable_rows, visible_rows
from scenes.splats.gaussians import Gaussians


def some_gaussians(count: int, seed: int = 0) -> Gaussians:
    rng = np.random.default_rng(seed)
    return Gaussians(
        means=rng.normal(size=(count, 3)).astype(np.float32),
        quaternions_wxyz=rng.normal(size=(count, 4)).astype(np.float32),
        log_scales=rng.normal(-3, 1, (count, 3)).astype(np.float32),
        logit_opacities=rng.normal(size=count).astype(np.float32),
        sh=rng.normal(size=(count, 3, 16)).astype(np.float32),
    )


def assert_same(a: Gaussians, b: Gaussians) -> None:
    for name in ("means", "quaternions_wxyz", "log_scales", "logit_opacities", "sh"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(1, 40),
    seed=st.integers(0, 99),
    extras=st.dictionaries(st.text(max_size=5), st.none() | st.floats(-1, 1) | st.text(max_size=8), max_size=3),
)
def test_what_is_written_is_read(tmp_path: Path, count: int, seed: int, extras: dict[str, object]) -> None:
    gaussians = some_gaussians(count, seed)
    write_splat_ply(tmp_path / "a.ply", SplatFile(gaussians, 3, "+z", extras=extras))
    found = read_splat_ply(tmp_path / "a.ply")
    assert_same(found.gaussians, gaussians)
    assert found.extras == extras
    assert (found.sh_degree, found.up_axis) == (3, "+z")
    assert [p.name for p in tmp_path.iterdir()] == ["a.ply"]


def test_the_layout_is_the_standard_one(tmp_path: Path) -> None:
    gaussians = some_gaussians(5)
    write_splat_ply(tmp_path / "a.ply", SplatFile(gaussians, 3))
    vertex = PlyData.read(str(tmp_path / "a.ply"))["vertex"]
    names = [p.name for p in vertex.properties]
    assert names[:9] == ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    assert names[9:54] == [f"f_rest_{k}" for k in range(45)]
    assert names[54:] == ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    np.testing.assert_array_equal(vertex["f_rest_16"], gaussians.sh[:, 1, 2])
    np.testing.assert_array_equal(vertex["rot_0"], gaussians.quaternions_wxyz[:, 0])


def foreign_file(path: Path, rest: int, order: str, *, shuffled: bool = True) -> np.ndarray:
    """A file as other tools write it: properties in another order, an element before, bytes after."""
    rng = np.random.default_rng(3)
    names = ["x", "y", "z", "red", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"]
    names += [f"f_rest_{k}" for k in range(rest)] + [f"scale_{k}" for k in range(3)] + [f"rot_{k}" for k in range(4)]
    if shuffled:
        rng.shuffle(names)
    kind = "<" if order == "binary_little_endian" else ">"
    rows = np.zeros(
        7, [(name, "u1" if name == "red" else kind + "f8" if name == "x" else kind + "f4") for name in names]
    )
    for name in names:
        rows[name] = rng.integers(0, 200, 7) if name == "red" else rng.normal(size=7).astype(np.float32)
    types = {"red": "uchar", "x": "double"}
    header = [f"ply\nformat {order} 1.0\nelement camera 2\nproperty int id", "element vertex 7"]
    header += [f"property {types.get(name, 'float')} {name}" for name in names]
    header += ["element face 0", "property list uchar int vertex_indices", "end_header\n"]
    path.write_bytes("\n".join(header).encode() + b"\0" * 8 + rows.tobytes() + b"more")
    return rows


@pytest.mark.parametrize(("rest", "degree"), [(0, 0), (9, 1), (24, 2), (45, 3)])
@pytest.mark.parametrize("order", ["binary_little_endian", "binary_big_endian"])
def test_files_of_other_tools_are_read(tmp_path: Path, rest: int, degree: int, order: str) -> None:
    rows = foreign_file(tmp_path / "a.ply", rest, order)
    found = read_splat_ply(tmp_path / "a.ply")
    assert found.sh_degree == degree
    np.testing.assert_allclose(found.gaussians.means[:, 0], rows["x"])
    np.testing.assert_array_equal(found.gaussians.quaternions_wxyz[:, 3], rows["rot_3"])
    for channel in range(3):
        for k in range(rest // 3):
            wanted = rows[f"f_rest_{channel * (rest // 3) + k}"]
            np.testing.assert_array_equal(found.gaussians.sh[:, channel, 1 + k], wanted)
    assert not found.gaussians.sh[:, :, 1 + rest // 3 :].any()


def test_rows_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    gaussians = some_gaussians(6)
    gaussians.means[1, 0] = np.nan
    gaussians.log_scales[2, 1] = np.inf
    gaussians.quaternions_wxyz[3] = 0
    write_splat_ply(tmp_path / "a.ply", SplatFile(gaussians, 3))
    assert_same(read_splat_ply(tmp_path / "a.ply").gaussians, gaussians.select(np.array([0, 4, 5])))


def test_faint_gaussians_are_not_visible() -> None:
    gaussians = some_gaussians(3)
    gaussians.logit_opacities[:] = (-5.6, -5.5, 2)
    np.testing.assert_array_equal(visible_rows(gaussians), [False, True, True])
    assert usable_rows(gaussians).all()


def test_broken_files_end_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.ply"
    with pytest.raises(InputError, match="Cannot read the splat file"):
        read_splat_ply(path)
    gaussians = some_gaussians(9)
    write_splat_ply(path, SplatFile(gaussians, 3))
    whole = path.read_bytes()
    broken = {
        "promises 9 Gaussians .* cut off": whole[:-5],
        "promises 99999999999999 Gaussians": whole.replace(b"vertex 9", b"vertex 99999999999999"),
        "holds no Gaussians": whole.replace(b"vertex 9", b"vertex 0"),
        "makes no sense": whole.replace(b"vertex 9", b"vertex -9"),
        "not a .ply file": b"solid cube",
        "header is broken": whole[:100],
        "has the format 'ascii'": whole.replace(b"binary_little_endian", b"ascii"),
        "without Gaussians.*opacity": whole.replace(b"float opacity", b"float density"),
        "has 44 f_rest": whole.replace(b"float f_rest_44", b"float something"),
        "splat files do not have": whole.replace(b"float opacity", b"quad opacity"),
        "names a property twice": whole.replace(b"float opacity", b"float x"),
        "no element 'vertex'": whole.replace(b"element vertex", b"element points"),
        "another format": whole.replace(b"float opacity", b"uint packed_position"),
    }
    for message, content in broken.items():
        path.write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_splat_ply(path)
    gaussians.means[:] = np.nan
    write_splat_ply(path, SplatFile(gaussians, 3))
    with pytest.raises(InputError, match="no usable Gaussian"):
        read_splat_ply(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 1600), value=st.integers(0, 255), length=st.integers(0, 3000))
def test_damage_never_ends_in_anything_but_an_input_error(
    tmp_path: Path, position: int, value: int, length: int
) -> None:
    path = tmp_path / "a.ply"
    write_splat_ply(path, SplatFile(some_gaussians(4), 3, extras={"antialiased": True}))
    content = bytearray(path.read_bytes())
    content[min(position, len(content) - 1)] = value
    path.write_bytes(bytes(content[: len(content) - length]))
    try:
        found = read_splat_ply(path)
    except InputError:
        return
    assert usable_rows(found.gaussians).all()
