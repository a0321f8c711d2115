"""Makes a photo set of an object that does not exist, in the format of the synthetic NeRF sets: RGBA views around it.

    python examples/make_object.py --seed 0 --out object [--draft]

Needs the extra `flythrough[examples]` (Mitsuba and Open Image Denoise) and LLVM's shared library (Debian: libllvm19).
The same seed gives the same object. A run that was stopped goes on where it was: views that are there are kept.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from object_maker.instrument import count_triangles, make_instrument
from object_maker.studio import FOV_X_RAD, Studio, poses
from room_maker.command import run
from room_maker.meshes import Floats


@dataclass(frozen=True)
class Plan:
    """How much to make: views to fit and to score, their size in pixels, paths per pixel."""

    train: int
    test: int
    size: int
    samples: int


STANDARD = Plan(train=100, test=12, size=400, samples=16)
DRAFT = Plan(train=24, test=4, size=200, samples=9)


def cameras_of(plan: Plan) -> dict[str, list[Floats]]:
    """world_from_camera [4, 4] of each split; no view to score stands where a fitted one does."""
    return {"train": poses(plan.train, 0.0), "test": poses(plan.test, 1.0)}


def write_cameras(out: Path, cameras: dict[str, list[Floats]]) -> None:
    """`transforms_train.json` and `transforms_test.json`: camera-to-world, OpenGL axes, names without ending."""
    flip = np.diag([1.0, -1.0, -1.0, 1.0])
    for split, chosen in cameras.items():
        frames = [
            {"file_path": f"./{split}/r_{k}", "transform_matrix": np.round(pose @ flip, 9).tolist()}
            for k, pose in enumerate(chosen)
        ]
        content = {"camera_angle_x": FOV_X_RAD, "frames": frames}
        (out / f"transforms_{split}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def make(out: Path, seed: int, plan: Plan, minutes: float) -> bool:
    """Makes the set in `out`; stops after `minutes` and says whether everything is there.

    The cameras are written last, so that a set that can be read is whole.
    """
    from PIL import Image

    began = time.monotonic()
    cameras = cameras_of(plan)
    parts = make_instrument(seed)
    print(f"{count_triangles(parts):,} triangles", flush=True)
    studio = Studio(parts, plan.size, plan.samples)
    for split, chosen in cameras.items():
        (out / split).mkdir(parents=True, exist_ok=True)
        for k, pose in enumerate(chosen):
            path = out / split / f"r_{k}.png"
            if path.exists():
                continue
            if time.monotonic() - began > 60 * minutes:
                return False
            part = path.with_suffix(".part")
            Image.fromarray(studio.photograph(pose, k if split == "train" else 5000 + k)).save(part, format="PNG")
            part.replace(path)
            print(f"{split}/{path.name}  {time.monotonic() - began:.0f} s", flush=True)
    write_cameras(out, cameras)
    return True


def main() -> None:
    """The command line."""
    described = (__doc__ or "").splitlines()[0]
    run(
        make,
        STANDARD,
        DRAFT,
        out="object",
        description=described,
        seed_help="which object: its painting, grain and the rings' places",
    )


if __name__ == "__main__":
    main()
