"""The synthetic object: reproducible, thin, within view, and written as the synthetic NeRF sets are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scenes.captures.blender import read_blender
from scenes.captures.pixels import load_photo

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_same_seed_same_object_and_other_seeds_others(load: Any) -> None:
    make = load("object_maker.instrument").make_instrument
    first, second, other = make(4), make(4), make(5)
    for (material, mesh), (again, same) in zip(first, second, strict=True):
        np.testing.assert_array_equal(mesh.vertices, same.vertices)
        if material.image is not None:
            np.testing.assert_array_equal(material.image, again.image)
    assert any(not np.array_equal(a.vertices, b.vertices) for (_, a), (_, b) in zip(first, other, strict=True))


def test_the_object_is_detailed_thin_glossy_and_within_its_ball(load: Any) -> None:
    instrument = load("object_maker.instrument")
    parts = instrument.make_instrument(0)
    assert instrument.count_triangles(parts) > 50_000
    assert {material.kind for material, _ in parts} == {"gloss", "metal"}
    vertices = np.concatenate([mesh.vertices for _, mesh in parts])
    assert np.isfinite(vertices).all()
    assert np.linalg.norm(vertices, axis=1).max() < 1.4
    thinnest = min(float(np.sort(np.ptp(mesh.vertices, axis=0))[0]) for _, mesh in parts)
    assert thinnest < 0.03


def test_closed_parts_face_outwards(load: Any) -> None:
    instrument = load("object_maker.instrument")
    line = np.stack([np.linspace(0, 1, 30), np.sin(np.linspace(0, 3, 30)), np.zeros(30)], axis=1)
    for mesh in (instrument.ring(1.0, 0.1, 0.05), instrument.tube(line, 0.05)):
        a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
        assert np.einsum("ij,ij->i", a - a.mean(0), np.cross(b - a.mean(0), c - a.mean(0))).sum() > 0


def test_cameras_are_level_face_the_object_and_none_is_scored_and_fitted(load: Any) -> None:
    maker, studio = load("make_object"), load("object_maker.studio")
    cameras = maker.cameras_of(maker.STANDARD)
    for pose in cameras["train"] + cameras["test"]:
        rotation, position = pose[:3, :3], pose[:3, 3]
        np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-12)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
        assert rotation[2, 0] == pytest.approx(0.0)
        np.testing.assert_allclose(position + studio.DISTANCE * rotation[:, 2], 0, atol=1e-9)
    train, test = (np.array([pose[:3, 3] for pose in cameras[split]]) for split in ("train", "test"))
    assert np.linalg.norm(train[:, None] - test[None], axis=-1).min() > 0.05


def test_what_is_written_is_read_as_a_synthetic_nerf_set(load: Any, tmp_path: Path) -> None:
    maker = load("make_object")
    cameras = maker.cameras_of(maker.DRAFT)
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[5:15, 5:15] = (200, 100, 50, 255)
    for split, chosen in cameras.items():
        (tmp_path / split).mkdir()
        for k in range(len(chosen)):
            Image.fromarray(pixels).save(tmp_path / split / f"r_{k}.png")
    maker.write_cameras(tmp_path, cameras)
    capture = read_blender(tmp_path)
    assert sum(image.split == "test" for image in capture.images) == maker.DRAFT.test
    found = {image.name: image for image in capture.images}["train/r_3.png"]
    np.testing.assert_allclose(found.camera.world_from_camera.matrix(), cameras["train"][3], atol=1e-8)
    assert found.camera.intrinsics.fov_x_rad == pytest.approx(load("object_maker.studio").FOV_X_RAD)
    photo = load_photo(found)
    assert photo.alpha is not None
    assert photo.alpha[0, 0] == 0


@pytest.mark.filterwarnings("ignore")
def test_a_photograph_shows_the_object_before_nothing(load: Any, tmp_path: Path) -> None:
    pytest.importorskip("mitsuba")
    pytest.importorskip("pyoidn")
    maker = load("make_object")
    plan = maker.Plan(train=2, test=1, size=48, samples=4)
    try:
        assert maker.make(tmp_path, 0, plan, 1e9)
    except ImportError as error:
        pytest.skip(f"Mitsuba's LLVM variant does not run here: {error}")
    first = tmp_path / "train" / "r_0.png"
    with Image.open(first) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (48, 48, 4)
    assert pixels[[0, 0, -1, -1], [0, -1, 0, -1], 3].max() == 0
    assert 0.1 < np.mean(pixels[..., 3] > 0) < 0.8
    assert pixels[..., :3][pixels[..., 3] == 255].std() > 10
    # A second run keeps what is there and makes what is missing, the same again.
    first.unlink()
    kept = (tmp_path / "test" / "r_0.png").stat().st_mtime_ns
    assert maker.make(tmp_path, 0, plan, 1e9)
    with Image.open(first) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
    assert (tmp_path / "test" / "r_0.png").stat().st_mtime_ns == kept
