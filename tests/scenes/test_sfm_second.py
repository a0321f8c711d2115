"""Photos that the mapper left out are placed afterwards, or stay out, in scenes whose cameras are known exactly."""

from pathlib import Path

import numpy as np
import pycolmap
import pytest
from numpy.typing import NDArray

from scenes.captures import sfm_second
from scenes.captures.colmap_calls import quiet_colmap
from scenes.captures.sfm_second import SecondAttempt
from scenes.captures.sfm_workdir import Workdir
from scenes.captures.verify import Matches, verified_matches

PHOTOS = 12
SEED = 5


@pytest.fixture
def workdir(tmp_path: Path) -> Workdir:
    workdir = Workdir(tmp_path / "poses", "synthetic")
    workdir.images.mkdir()
    return workdir


@pytest.fixture
def truth(workdir: Workdir) -> pycolmap.Reconstruction:
    """A cloud of points seen from around by one camera, with half a pixel of noise, and the database of its matches."""
    options = pycolmap.SyntheticDatasetOptions()
    options.num_rigs = options.num_cameras_per_rig = 1
    options.num_frames_per_rig = PHOTOS
    options.num_points3D = 300
    options.camera_has_prior_focal_length = True
    noise = pycolmap.SyntheticNoiseOptions()
    noise.point2D_stddev = 0.5
    with quiet_colmap(SEED):
        database = pycolmap.Database.open(workdir.matches)
        model = pycolmap.synthesize_dataset(options, database)
        pycolmap.synthesize_noise(noise, model, database)
        database.close()
    return model


def matches_of(workdir: Workdir) -> Matches:
    database = pycolmap.Database.open(workdir.matches)
    matches = verified_matches(database)
    database.close()
    return matches


def without(truth: pycolmap.Reconstruction, *image_ids: int) -> pycolmap.Reconstruction:
    model = pycolmap.Reconstruction(truth)
    for image_id in image_ids:
        model.deregister_frame(model.image(image_id).frame_id)
    return model


def place(
    model: pycolmap.Reconstruction, workdir: Workdir, matches: Matches, *others: pycolmap.Reconstruction
) -> pycolmap.Reconstruction:
    with quiet_colmap(SEED):
        return SecondAttempt(matches, PHOTOS, workdir, SEED).place_the_rest(model, others)


def pose_errors(found: pycolmap.Reconstruction, truth: pycolmap.Reconstruction, image_id: int) -> tuple[float, float]:
    """Degrees, and part of the distance between the two photos, of one photo as seen from photo 1."""

    def seen_from_first(model: pycolmap.Reconstruction) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        first = model.image(1).cam_from_world()
        pose = first * model.image(image_id).cam_from_world().inverse()
        scale = np.linalg.norm(first * model.image(2).projection_center())
        return pose.rotation.matrix(), pose.translation / scale

    (rotation, position), (true_rotation, true_position) = seen_from_first(found), seen_from_first(truth)
    cosine = np.clip((np.trace(rotation.T @ true_rotation) - 1) / 2, -1, 1)
    return float(np.degrees(np.arccos(cosine))), float(
        np.linalg.norm(position - true_position) / np.linalg.norm(true_position)
    )


def poses_as_bytes(model: pycolmap.Reconstruction) -> bytes:
    return b"".join(
        np.asarray(model.image(i).cam_from_world().matrix()).tobytes() for i in sorted(model.reg_image_ids())
    )


def test_a_model_that_has_every_photo_is_left_alone(workdir: Workdir, truth: pycolmap.Reconstruction) -> None:
    assert place(truth, workdir, matches_of(workdir)) is truth


def test_a_photo_left_out_is_placed_by_what_its_matches_see(workdir: Workdir, truth: pycolmap.Reconstruction) -> None:
    model = without(truth, 7)
    assert not model.image(7).has_pose
    matches = matches_of(workdir)
    grown = place(model, workdir, matches)
    assert sorted(grown.reg_image_ids()) == list(range(1, PHOTOS + 1))
    turned, moved = pose_errors(grown, truth, 7)
    assert turned < 0.5
    assert moved < 0.02
    assert poses_as_bytes(place(without(truth, 7), workdir, matches)) == poses_as_bytes(grown)


def test_a_photo_of_something_else_stays_out(workdir: Workdir, truth: pycolmap.Reconstruction) -> None:
    """Its matches are as many as those of the others, and false."""
    rng = np.random.default_rng(SEED)
    matches = matches_of(workdir)
    for pair, inliers in matches.items():
        if 7 in pair:
            matches[pair] = np.column_stack([rng.permutation(inliers[:, 0]), inliers[:, 1]])
    model = without(truth, 7)
    assert place(model, workdir, matches) is model


def test_a_wrong_pose_of_a_photo_is_not_kept(
    workdir: Workdir, truth: pycolmap.Reconstruction, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0.0, 0.3, 0.0])), np.zeros(3))
    wrong = turn * truth.image(7).cam_from_world()
    monkeypatch.setattr(sfm_second, "resected_pose", lambda *given, **named: wrong)
    model = without(truth, 7)
    assert place(model, workdir, matches_of(workdir)) is model


@pytest.mark.parametrize("last_of_first", [8, 6], ids=["three photos in both", "no photo in both"])
def test_a_smaller_model_is_moved_as_a_whole(
    workdir: Workdir, truth: pycolmap.Reconstruction, monkeypatch: pytest.MonkeyPatch, last_of_first: int
) -> None:
    monkeypatch.setattr(sfm_second, "resected_pose", lambda *given, **named: None)
    model = without(truth, *range(last_of_first + 1, PHOTOS + 1))
    other = without(truth, *range(1, min(last_of_first, 5) + 1), *([6] if last_of_first == 6 else []))
    other.transform(pycolmap.Sim3d(0.4, pycolmap.Rotation3d(np.array([0.2, -1.0, 0.5])), np.array([3.0, 1.0, -2.0])))
    grown = place(model, workdir, matches_of(workdir), other)
    assert sorted(grown.reg_image_ids()) == list(range(1, PHOTOS + 1))
    for image_id in range(last_of_first + 1, PHOTOS + 1):
        turned, moved = pose_errors(grown, truth, image_id)
        assert turned < 0.5
        assert moved < 0.02


def test_a_photo_of_another_lens_without_a_focal_length_is_placed(
    workdir: Workdir, truth: pycolmap.Reconstruction
) -> None:
    """Neither the lens nor the photo is in the model; both are read, and the focal length is found with the pose."""
    lens = pycolmap.Camera.create_from_model_name(2, "SIMPLE_RADIAL", 2000.0, 1024, 768)
    rig = pycolmap.Rig()
    rig.rig_id = 2
    rig.add_ref_sensor(lens.sensor_id)
    database = pycolmap.Database.open(workdir.matches)
    database.write_camera(lens, use_camera_id=True)
    database.write_rig(rig, use_rig_id=True)
    image, frame = database.read_image(7), database.read_frame(7)
    image.camera_id = frame.rig_id = 2
    frame.clear_data_ids()
    frame.add_data_id(image.data_id)
    database.update_frame(frame)
    database.update_image(image)
    database.close()
    model = pycolmap.Reconstruction()
    for camera in truth.cameras.values():
        model.add_camera_with_trivial_rig(camera)
    for image_id in sorted(set(truth.reg_image_ids()) - {7}):
        known = truth.image(image_id)
        pixels = np.array([point.xy for point in known.points2D])
        copy = pycolmap.Image(known.name, pixels, known.camera_id, image_id)
        model.add_image_with_trivial_frame(copy, known.cam_from_world())
    for _, point in sorted(truth.points3D.items()):
        track = pycolmap.Track()
        for element in point.track.elements:
            if element.image_id != 7:
                track.add_element(element.image_id, element.point2D_idx)
        model.add_point3D(point.xyz, track)
    grown = place(model, workdir, matches_of(workdir))
    assert 7 in grown.reg_image_ids()
    assert grown.camera(2).mean_focal_length() == pytest.approx(1280, rel=0.02)
    turned, moved = pose_errors(grown, truth, 7)
    assert turned < 0.5
    assert moved < 0.02
