"""A second attempt at the photos that the mapper left out, once the model of the others is good."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cameras.reporting import Report, silent

from .sfm_consistency import agreeing_group
from .sfm_mapping import refine
from .sfm_resection import moved_poses, resected_pose
from .sfm_workdir import Workdir
from .verify import Matches, pair_agreements, photo_supports

if TYPE_CHECKING:
    import pycolmap

# A photo that is placed may carry others that match only with it.
_ROUNDS = 3


@dataclass
class _Candidates:
    """Poses to be tried, by image id, and lenses of which the model knows nothing, by camera id."""

    poses: "dict[int, pycolmap.Rigid3d]" = field(default_factory=dict)
    cameras: "dict[int, pycolmap.Camera]" = field(default_factory=dict)


@dataclass(frozen=True)
class SecondAttempt:
    """Photos that the mapper left out are moved with the smaller model that holds them, by the points that both models
    have, or are placed by the points that their matches see in placed photos. They are tried on a copy, and kept only
    if their matches with the photos placed before agree and they have the support that every photo needs.

    Attributes:
        matches: verified matches [M, 2] of pairs of image ids.
        n_photos: image ids run from 1 to this.
        workdir: where the database of the matches is.
        seed: of the random samples.
    """

    matches: Matches
    n_photos: int
    workdir: Workdir
    seed: int

    def place_the_rest(
        self, model: "pycolmap.Reconstruction", others: Sequence["pycolmap.Reconstruction"], report: Report = silent
    ) -> "pycolmap.Reconstruction":
        """The model with those photos added that fit it, refined; the same object if there is nothing to add.

        Args:
            model: refined; photos that are not to be believed are not registered in it.
            others: smaller models of the same matches.
            report: told of every round.
        """
        if model.num_reg_images() == self.n_photos:
            return model
        for number in range(_ROUNDS):
            report("place the rest", number / _ROUNDS, {"placed": model.num_reg_images()})
            grown = self._attempt(model, others)
            model = grown or model
            if grown is None or model.num_reg_images() == self.n_photos:
                break
        report("place the rest", 1.0, {"placed": model.num_reg_images()})
        return model

    def _attempt(
        self, model: "pycolmap.Reconstruction", others: Sequence["pycolmap.Reconstruction"]
    ) -> "pycolmap.Reconstruction | None":
        import pycolmap

        candidates = self._candidates(model, others)
        # A photo that is refused in the end has bent the others a little: they are refined again without it.
        for _ in range(2):
            if not candidates.poses:
                return None
            trial = pycolmap.Reconstruction(model)
            self._register(trial, candidates)
            trial = refine(trial, self.workdir, self.seed, silent)
            good = self._believed(trial, model.reg_image_ids())
            if good >= {*candidates.poses, *model.reg_image_ids()}:
                return trial
            candidates.poses = {i: pose for i, pose in candidates.poses.items() if i in good}
        return None

    def _believed(self, model: "pycolmap.Reconstruction", before: Sequence[int]) -> set[int]:
        """Photos with enough support that agree with the ones placed before."""
        group = agreeing_group(pair_agreements(model, self.matches), before)
        supports = photo_supports(model, self.matches)
        return {image_id for image_id, support in supports.items() if support.doubt() is None and image_id in group}

    def _candidates(self, model: "pycolmap.Reconstruction", others: Sequence["pycolmap.Reconstruction"]) -> _Candidates:
        """What can be tried: photos of which the matches with those placed before agree with a pose."""
        found = _Candidates()
        known_lenses = {model.image(image_id).camera_id for image_id in model.reg_image_ids()}
        for other in others:
            for image_id, pose in moved_poses(model, other, self.matches, self.seed).items():
                camera_id = other.image(image_id).camera_id
                if camera_id not in known_lenses:
                    found.cameras.setdefault(camera_id, other.camera(camera_id))
                found.poses.setdefault(image_id, pose)
        found = self._without_strangers(model, found)
        self._resect(model, known_lenses, found)
        return self._without_strangers(model, found)

    def _resect(self, model: "pycolmap.Reconstruction", known_lenses: set[int], found: _Candidates) -> None:
        """Adds poses of photos that have none yet to ``found``, and the lenses that came with them."""
        import pycolmap

        placed = {*model.reg_image_ids(), *found.poses}
        database = pycolmap.Database.open(self.workdir.matches)
        for image_id in range(1, self.n_photos + 1):
            if image_id in placed:
                continue
            camera_id = database.read_image(image_id).camera_id
            if camera_id in known_lenses:
                camera, find_focal = model.camera(camera_id), False
            else:
                camera = found.cameras.get(camera_id) or database.read_camera(camera_id)
                find_focal = camera_id not in found.cameras and not camera.has_prior_focal_length
            pixels = np.asarray(database.read_keypoints(image_id), dtype=np.float64)[:, :2]
            pose = resected_pose(model, image_id, pixels, camera, self.matches, find_focal=find_focal, seed=self.seed)
            if pose is not None:
                found.poses[image_id] = pose
                if camera_id not in known_lenses:
                    found.cameras[camera_id] = camera
        database.close()

    def _without_strangers(self, model: "pycolmap.Reconstruction", found: _Candidates) -> _Candidates:
        """The candidates of which the matches with placed photos agree with their pose."""
        import pycolmap

        before = set(model.reg_image_ids())
        new = {image_id: pose for image_id, pose in found.poses.items() if image_id not in before}
        if not new:
            return _Candidates({}, found.cameras)
        trial = pycolmap.Reconstruction(model)
        self._register(trial, _Candidates(new, found.cameras))
        matches = {pair: inliers for pair, inliers in self.matches.items() if new.keys() & set(pair)}
        group = agreeing_group(pair_agreements(trial, matches), sorted(before))
        return _Candidates({image_id: pose for image_id, pose in new.items() if image_id in group}, found.cameras)

    def _register(self, model: "pycolmap.Reconstruction", candidates: _Candidates) -> None:
        """Gives photos a pose, without points; photos and lenses that the model does not hold are read."""
        import pycolmap

        database = pycolmap.Database.open(self.workdir.matches)
        for image_id, pose in sorted(candidates.poses.items()):
            if model.exists_image(image_id):
                image = model.image(image_id)
                model.frame(image.frame_id).set_cam_from_world(image.camera_id, pose)
                model.register_frame(image.frame_id)
            else:
                image = database.read_image(image_id)
                if not model.exists_camera(image.camera_id):
                    model.add_camera_with_trivial_rig(database.read_camera(image.camera_id))
                pixels = np.asarray(database.read_keypoints(image_id), dtype=np.float64)[:, :2]
                fresh = pycolmap.Image(image.name, pixels, image.camera_id, image_id)
                model.add_image_with_trivial_frame(fresh, pose)
            if image.camera_id in candidates.cameras:
                model.camera(image.camera_id).params = candidates.cameras[image.camera_id].params.tolist()
        database.close()
