"""Poses from photos: structure from motion with pycolmap on the CPU, checked before it is believed."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cameras.errors import PoseError
from cameras.reporting import Report, silent

from . import sfm_global
from .capture import Capture
from .colmap_calls import quiet_colmap
from .features import extract_features
from .matching import choose_pairs, match_photos
from .photoset import PhotoSet
from .sfm_capture import capture_from_model
from .sfm_consistency import doubtful_photos
from .sfm_mapping import deregister, map_incrementally, refine
from .sfm_messages import failure, why_not_placed
from .sfm_second import SecondAttempt
from .sfm_settings import PoseSettings, fingerprint
from .sfm_workdir import Workdir, WorkingCopy, working_copies, write_whole
from .verify import Matches, verified_matches

if TYPE_CHECKING:
    import pycolmap

_LEAST_PLACED = 5
_LEAST_PART = 0.3


def solve_poses(
    photo_set: PhotoSet,
    workdir: Path,
    *,
    seed: int = 0,
    settings: PoseSettings | None = None,
    report: Report = silent,
) -> Capture:
    """Finds where photos were taken from, with what lens, and sparse points of what they show.

    The stages (working copies, features, matches, model) are kept in ``workdir``: after a kill the same call goes on
    where it stopped and gives the same result. The same photos, settings and seed give the same poses.

    Args:
        photo_set: readable photos.
        workdir: a folder that belongs to this function; the capture's images live in it.
        seed: of everything random.
        settings: how hard to try; None for the measured defaults.
        report: told of the progress of every stage.

    Returns:
        A capture of the photos whose pose is supported by enough geometry, with +z up if up could be found; its
        provenance names the photos left out and why.

    Raises:
        PoseError: if too few photos could be placed together; the sentence says which, why and what to shoot again.
        InputError: if a photo cannot be read.
    """
    settings = settings or PoseSettings()
    folder = Workdir(workdir, fingerprint(photo_set, settings, seed))
    copies = working_copies(photo_set, folder, report)
    with quiet_colmap(seed):
        extract_features(copies, folder, settings, seed, report)
        pairs = choose_pairs(copies, photo_set.is_sequence, folder, settings)
        match_photos(copies, pairs, folder, settings, seed, report)
        model, facts = _model(copies, folder, seed, report)
    provenance = {**photo_set.provenance, "poses": "structure from motion", "seed": seed, **facts}
    if photo_set.skipped:
        provenance["skipped"] = dict(photo_set.skipped)
    return capture_from_model(model, copies, provenance)


def _model(
    copies: Sequence[WorkingCopy], folder: Workdir, seed: int, report: Report
) -> "tuple[pycolmap.Reconstruction, dict[str, object]]":
    """The checked and refined model, from the folder if it is there, and what there is to say about it."""
    import pycolmap

    facts_path = folder.model / "facts.json"
    if not facts_path.is_file():
        model, facts = _make_model(copies, folder, seed, report)
        temporary = folder.path / "model.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        model.write(temporary)
        write_whole(temporary / "facts.json", json.dumps(facts, indent=1).encode())
        os.replace(temporary, folder.model)
    return pycolmap.Reconstruction(folder.model), json.loads(facts_path.read_text())


def _make_model(
    copies: Sequence[WorkingCopy], folder: Workdir, seed: int, report: Report
) -> "tuple[pycolmap.Reconstruction, dict[str, object]]":
    import pycolmap

    database = pycolmap.Database.open(folder.matches)
    matches = verified_matches(database)
    database.close()
    counts = {(i - 1, j - 1): len(inliers) for (i, j), inliers in matches.items()}
    names = [copy.name for copy in copies]
    model, others, doubts, facts = _mapped(len(copies), matches, folder, seed, report)
    if model is None:
        raise PoseError(failure(names, 0, _left_out(names, [], counts, {})))
    first = set(model.reg_image_ids())
    grown = SecondAttempt(matches, len(copies), folder, seed).place_the_rest(model, others, report)
    if grown is not model:
        model = grown
        facts["placed_later"] = [names[image_id - 1] for image_id in sorted(set(model.reg_image_ids()) - first)]
    placed = sorted(image_id - 1 for image_id in model.reg_image_ids())
    left_out = _left_out(names, placed, counts, doubts)
    apart = [set(other.reg_image_ids()) - {index + 1 for index in placed} for other in others]
    if len(placed) < max(_LEAST_PLACED, round(_LEAST_PART * len(copies))):
        raise PoseError(failure(names, len(placed), left_out))
    return model, {
        "photos": len(copies),
        "placed": len(placed),
        "left_out": left_out,
        "other_models": [sorted(names[i - 1] for i in other) for other in apart if other],
        "reprojection_error_px": round(model.compute_mean_reprojection_error(), 4),
        "points": model.num_points3D(),
        **facts,
    }


def _mapped(
    n_photos: int, matches: Matches, folder: Workdir, seed: int, report: Report
) -> "tuple[pycolmap.Reconstruction | None, list[pycolmap.Reconstruction], dict[int, str], dict[str, object]]":
    """The refined model of the photos to be believed, smaller models, why other photos are doubted, and facts."""
    facts: dict[str, object] = {}
    doubts: dict[int, str] = {}
    models: list[pycolmap.Reconstruction] = []
    if n_photos > sfm_global.GLOBAL_ABOVE:
        model, doubts, refused = sfm_global.map_globally_and_check(n_photos, matches, folder, seed, report)
        facts["mapping"] = "global" if model is not None else "incremental"
        if refused is not None:
            facts["global_mapping_refused"] = refused
        models = [model] if model is not None else []
    if not models:
        models = map_incrementally(folder, n_photos, seed, report)
    if not models:
        return None, [], {}, facts
    model = refine(models[0], folder, seed, report)
    weak = doubtful_photos(model, matches, seed)
    deregister(model, weak)
    return model, models[1:], doubts | weak, facts


def _left_out(
    names: Sequence[str], placed: Sequence[int], counts: Mapping[tuple[int, int], int], doubts: Mapping[int, str]
) -> dict[str, str]:
    """Photos without a pose, by name, and why."""
    return {
        name: doubts.get(index + 1) or why_not_placed(index, names, counts, placed)
        for index, name in enumerate(names)
        if index not in set(placed)
    }
