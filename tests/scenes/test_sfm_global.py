"""Global mapping gives right poses, the same ones every time, and what it gets wrong is found."""

from pathlib import Path

import numpy as np
import pycolmap
import pytest

from cameras.reporting import silent
from scenes.captures.colmap_calls import quiet_colmap
from scenes.captures.sfm_consistency import agreeing_group, doubtful_photos, largest_agreeing_group, turn_errors_rad
from scenes.captures.sfm_global import map_globally, map_globally_and_check, why_refused
from scenes.captures.sfm_workdir import Workdir
from scenes.captures.verify import Matches, verified_matches

PHOTOS = 16
SEED = 5
FOCAL_PX = 1280.0


def synthesize(folder: Path, focal_is_known: bool) -> tuple[Workdir, pycolmap.Reconstruction, Matches]:
    """A cloud of points seen from around by one camera, half a pixel of noise, and its true model.

    A focal length that is not known is guessed a fifth too short.
    """
    workdir = Workdir(folder, "synthetic")
    workdir.images.mkdir()
    options = pycolmap.SyntheticDatasetOptions()
    options.num_rigs = options.num_cameras_per_rig = 1
    options.num_frames_per_rig = PHOTOS
    options.num_points3D = 300
    options.camera_params = [FOCAL_PX, 512.0, 384.0, 0.0]
    options.camera_has_prior_focal_length = focal_is_known
    noise = pycolmap.SyntheticNoiseOptions()
    noise.point2D_stddev = 0.5
    with quiet_colmap(SEED):
        database = pycolmap.Database.open(workdir.matches)
        model = pycolmap.synthesize_dataset(options, database)
        pycolmap.synthesize_noise(noise, model, database)
        if not focal_is_known:
            camera = database.read_camera(1)
            camera.params = [0.8 * FOCAL_PX, 512.0, 384.0, 0.0]
            database.update_camera(camera)
        matches = verified_matches(database)
        database.close()
    return workdir, model, matches


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workdir, pycolmap.Reconstruction, Matches]:
    return synthesize(tmp_path_factory.mktemp("known") / "poses", focal_is_known=True)


def poses(model: pycolmap.Reconstruction) -> bytes:
    ids = sorted(model.reg_image_ids())
    return b"".join(np.asarray(model.image(image_id).cam_from_world().matrix()).tobytes() for image_id in ids)


def move(model: pycolmap.Reconstruction, image_ids: list[int], motion: pycolmap.Rigid3d) -> pycolmap.Reconstruction:
    """A copy in which some photos, and no points, are moved together in the world."""
    moved = pycolmap.Reconstruction(model)
    for image_id in image_ids:
        image = moved.image(image_id)
        moved.frame(image.frame_id).set_cam_from_world(image.camera_id, image.cam_from_world() * motion)
    return moved


@pytest.mark.parametrize("focal_is_known", [True, False], ids=["focal length known", "focal length unknown"])
def test_poses_are_right_and_the_same_every_time(tmp_path: Path, focal_is_known: bool) -> None:
    workdir, truth, matches = synthesize(tmp_path / "poses", focal_is_known)
    with quiet_colmap(SEED):
        model, doubts, refused = map_globally_and_check(PHOTOS, matches, workdir, SEED, silent)
        again = map_globally(workdir, SEED, silent)
    assert model is not None
    assert again is not None
    assert (doubts, refused) == ({}, None)
    assert model.num_reg_images() == PHOTOS
    assert poses(again) == poses(model)
    assert model.camera(1).mean_focal_length() == pytest.approx(FOCAL_PX, rel=0.01)
    centres = np.array([model.image(i).projection_center() for i in range(1, PHOTOS + 1)])
    true_centres = np.array([truth.image(i).projection_center() for i in range(1, PHOTOS + 1)])
    found = pycolmap.estimate_sim3d(centres, true_centres)
    assert found is not None
    model.transform(found)
    radius = np.linalg.norm(true_centres - true_centres.mean(axis=0), axis=1).max()
    for image_id, true_centre in enumerate(true_centres, start=1):
        image, true_image = model.image(image_id), truth.image(image_id)
        turn = image.cam_from_world().rotation * true_image.cam_from_world().rotation.inverse()
        assert np.degrees(turn.angle()) < 1
        assert np.linalg.norm(image.projection_center() - true_centre) < 0.02 * radius
    assert sorted(path.name for path in workdir.path.iterdir()) == ["fingerprint.txt", "images", "matches.db"]


def test_the_true_model_is_believed_in_any_frame(scene: tuple[Workdir, pycolmap.Reconstruction, Matches]) -> None:
    _, truth, matches = scene
    moved = pycolmap.Reconstruction(truth)
    moved.transform(pycolmap.Sim3d(3.0, pycolmap.Rotation3d(np.array([0.4, 2.0, -1.0])), np.array([5.0, -1.0, 2.0])))
    for model in (truth, moved):
        assert doubtful_photos(model, matches, SEED) == {}
        assert max(turn_errors_rad(model, model.reg_image_ids(), matches, SEED).values()) < np.radians(1)


def test_a_photo_that_is_turned_is_doubted(scene: tuple[Workdir, pycolmap.Reconstruction, Matches]) -> None:
    _, truth, matches = scene
    wrong = pycolmap.Reconstruction(truth)
    image = wrong.image(4)
    flip = pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0.0, np.radians(61), 0.0])), np.zeros(3))
    wrong.frame(image.frame_id).set_cam_from_world(image.camera_id, flip * image.cam_from_world())
    assert list(doubtful_photos(wrong, matches, SEED)) == [4]
    assert turn_errors_rad(wrong, wrong.reg_image_ids(), matches, SEED)[4] == pytest.approx(
        np.radians(61), abs=np.radians(1)
    )


def test_a_group_that_agrees_with_itself_alone_is_doubted_and_the_model_refused(
    scene: tuple[Workdir, pycolmap.Reconstruction, Matches], monkeypatch: pytest.MonkeyPatch
) -> None:
    workdir, truth, matches = scene
    motion = pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0.8, 0.0, 0.3])), np.array([9.0, 4.0, 1.0]))
    group = [2, 3, 5, 7, 11]
    wrong = move(truth, group, motion)
    doubts = doubtful_photos(wrong, matches, SEED)
    assert list(doubts) == group
    monkeypatch.setattr("scenes.captures.sfm_global.map_globally", lambda *given: wrong)
    model, _, refused = map_globally_and_check(PHOTOS, matches, workdir, SEED, silent)
    assert model is None
    assert refused == "5 of the 16 photos that global mapping placed were doubtful"


def test_one_doubtful_photo_is_taken_out_of_the_model(
    scene: tuple[Workdir, pycolmap.Reconstruction, Matches], monkeypatch: pytest.MonkeyPatch
) -> None:
    workdir, truth, matches = scene
    wrong = move(truth, [9], pycolmap.Rigid3d(pycolmap.Rotation3d(np.array([0.0, 0.5, 0.0])), np.zeros(3)))
    monkeypatch.setattr("scenes.captures.sfm_global.map_globally", lambda *given: wrong)
    model, doubts, refused = map_globally_and_check(PHOTOS, matches, workdir, SEED, silent)
    assert model is not None
    assert (list(doubts), refused) == ([9], None)
    assert 9 not in model.reg_image_ids()


def test_without_a_focal_length_nothing_is_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workdir, _, matches = synthesize(tmp_path / "poses", focal_is_known=False)
    monkeypatch.setattr(pycolmap, "calibrate_view_graph", lambda *given: False)
    model, _, refused = map_globally_and_check(PHOTOS, matches, workdir, SEED, silent)
    assert model is None
    assert refused == "global mapping found no focal length or no model"


@pytest.mark.parametrize(
    ("placed", "doubtful", "reason"),
    [(310, 31, None), (310, 32, "32 of the 310 photos"), (150, 0, "only 150 of 310"), (160, 0, None)],
)
def test_too_many_doubts_or_too_few_photos_refuse_a_model(placed: int, doubtful: int, reason: str | None) -> None:
    refused = why_refused(placed, doubtful, 310)
    assert refused is None if reason is None else reason in (refused or "")


def test_belief_grows_through_photos_that_agree_with_believed_ones() -> None:
    chain = {(1, 2): (40, 50), (2, 3): (30, 40), (3, 4): (2, 90), (4, 5): (95, 100)}
    assert agreeing_group(chain, [1]) == {1, 2, 3}
    assert agreeing_group(chain, [5]) == {4, 5}
    assert largest_agreeing_group(chain) == {1, 2, 3}
    assert agreeing_group({(1, 2): (14, 14)}, [1]) == {1}
    assert largest_agreeing_group({}) == set()
