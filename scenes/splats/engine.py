"""One door to every backend that draws splats: the CPU engine, CUDA through gsplat, and the float64 reference."""

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cameras.camera import Camera
from cameras.errors import FlythroughError, InstallationError, SettingsError

from ..scene import View
from .gaussians import Gaussians

Backend = Literal["cpu", "cuda", "reference"]
Float32 = NDArray[np.float32]

BACKENDS = ("auto", "cpu", "cuda", "reference")
PASSES = ("rgb", "depth_z", "expected_depth_z", "coverage")


@dataclass(frozen=True)
class Drawn:
    """What a backend gives back: rgb [H, W, 3] over the background, and alpha and depths [H, W]; float32.

    The depths may be None where they were not asked for.
    """

    rgb: Float32
    alpha: Float32
    expected_depth_z: Float32 | None
    median_depth_z: Float32 | None


class Engine:
    """Draws views with one backend; keeps its buffers from one to the next. One engine serves one thread at a time."""

    def __init__(self, backend: str = "auto", threads: int | None = None) -> None:
        """Chooses as ``resolve_backend`` does, with its errors.

        Args:
            backend: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"reference"``.
            threads: of the CPU engine; all that there are if None.
        """
        self.backend = resolve_backend(backend)
        self._threads = threads
        self._draw = _drawer(self.backend, threads)

    def render(
        self,
        gaussians: Gaussians,
        camera: Camera,
        *,
        sh_degree: int = 3,
        background: ArrayLike | None = None,
        antialiased: bool = True,
        passes: tuple[str, ...] = ("rgb",),
    ) -> View:
        """Draw one view.

        Args:
            gaussians: what is seen.
            camera: an ideal pinhole.
            sh_degree: degree of the spherical harmonics that count, 0 to 3.
            background: [3] colour behind everything, which makes the view opaque; None: black, and alpha tells.
            antialiased: lower opacities by what the low-pass filter adds to the area (Mip-Splatting).
            passes: ``"depth_z"`` (median), ``"expected_depth_z"`` and ``"coverage"`` (alpha of the Gaussians, whatever
                the background) come on request; rgb and alpha always.

        Raises:
            SettingsError: if the lens is distorted or a pass is not offered.
        """
        _check_passes(passes)
        drawn = self._draw(gaussians, camera, sh_degree, _color_behind(background), antialiased, _wants_depth(passes))
        return _view_of(drawn, background is not None, passes)

    def views(
        self,
        gaussians: Gaussians,
        cameras: Iterable[Camera],
        *,
        sh_degree: int = 3,
        background: ArrayLike | None = None,
        antialiased: bool = True,
        passes: tuple[str, ...] = ("rgb",),
    ) -> Iterator[View]:
        """Draw one view a camera; the arguments and errors are those of ``render``.

        The CPU engine uses again what changes little from frame to frame: from the second view on a colour may differ
        from that of ``render`` by less than 1 / 512. The same cameras give the same bytes.
        """
        _check_passes(passes)
        behind, opaque = _color_behind(background), background is not None
        if self.backend != "cpu":
            for camera in cameras:
                drawn = self._draw(gaussians, camera, sh_degree, behind, antialiased, _wants_depth(passes))
                yield _view_of(drawn, opaque, passes)
            return
        from .cpu.path import PathRasterizer

        path = PathRasterizer(
            gaussians, sh_degree=sh_degree, background=behind, antialiased=antialiased, threads=self._threads
        )
        for camera in cameras:
            frame = path.frame(camera, depth="depth_z" in passes, expected_depth="expected_depth_z" in passes)
            alpha = np.subtract(1, frame.transmittance, out=frame.transmittance)
            drawn = Drawn(frame.rgb, alpha, frame.expected_depth_z, frame.median_depth_z)
            yield _view_of(drawn, opaque, passes)


def _check_passes(passes: tuple[str, ...]) -> None:
    unknown = [name for name in passes if name not in PASSES]
    if unknown:
        raise SettingsError(f"Splats have the passes {', '.join(PASSES)}, but {', '.join(unknown)} was asked for.")


def _wants_depth(passes: tuple[str, ...]) -> bool:
    return "depth_z" in passes or "expected_depth_z" in passes


def _color_behind(background: ArrayLike | None) -> Float32:
    return np.zeros(3, np.float32) if background is None else np.asarray(background, dtype=np.float32)


def _view_of(drawn: Drawn, opaque: bool, passes: tuple[str, ...]) -> View:
    depths = {"depth_z": drawn.median_depth_z, "expected_depth_z": drawn.expected_depth_z}
    offered = {**depths, "coverage": drawn.alpha}
    alpha = np.ones_like(drawn.alpha) if opaque else drawn.alpha
    asked = {name: image for name, image in offered.items() if name in passes and image is not None}
    return View(drawn.rgb, alpha, asked)


def render(
    gaussians: Gaussians,
    camera: Camera,
    *,
    backend: str = "auto",
    sh_degree: int = 3,
    background: ArrayLike | None = None,
    antialiased: bool = True,
    passes: tuple[str, ...] = ("rgb",),
) -> View:
    """Draw one view; see ``Engine.render``. For many views keep an ``Engine``: it uses its buffers again."""
    return Engine(backend).render(
        gaussians, camera, sh_degree=sh_degree, background=background, antialiased=antialiased, passes=passes
    )


def resolve_backend(name: str) -> Backend:
    """The backend that a name stands for on this machine.

    ``"auto"`` is CUDA when torch sees a device and gsplat imports, else the CPU engine; and where the engine cannot be
    compiled, the float64 reference with a warning, because it is slower by a factor of thousands.

    Raises:
        SettingsError: if there is no backend of this name.
        MissingExtraError: if ``"cuda"`` is asked for and gsplat is not installed.
        InstallationError: if ``"cuda"`` is asked for and torch sees no CUDA device.
    """
    from . import cuda

    if name == "reference":
        return "reference"
    if name == "cuda":
        cuda.require()
        return "cuda"
    if name == "auto" and cuda.is_available():
        return "cuda"
    if name not in ("auto", "cpu"):
        raise SettingsError(f"The backend should be one of {', '.join(BACKENDS)}, but is '{name}'.")
    trouble = cpu_engine_trouble()
    if trouble is None:
        return "cpu"
    warnings.warn(
        f"The fast CPU engine cannot be compiled on this machine ({trouble}), so the reference is used: the same "
        "pictures, but only small ones in a bearable time. Reinstalling numba and llvmlite may help.",
        RuntimeWarning,
        stacklevel=2,
    )
    return "reference"


def require_fitting() -> None:
    """Fitting has no slow path: the reference would take weeks.

    Raises:
        InstallationError: if the CPU engine does not work here.
    """
    trouble = cpu_engine_trouble()
    if trouble is not None:
        raise InstallationError(
            f"Fitting a scene needs the CPU engine, which cannot be compiled on this machine ({trouble}): reinstall "
            "numba and llvmlite in this environment."
        )


@functools.cache
def cpu_engine_trouble() -> str | None:
    """Why the CPU engine does not work here; None if it does. Compiles the smallest kernel that uses vectors."""
    try:
        from .cpu.elementary import compiles
    except FlythroughError:  # the environment asks for vectors that there are not
        raise
    except Exception as error:  # whatever Numba or LLVM raise on an odd machine
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return compiles()


Drawer = Callable[[Gaussians, Camera, int, Float32, bool, bool], Drawn]  # ..., background, antialiased, depth


def _drawer(backend: Backend, threads: int | None) -> Drawer:
    if backend == "cuda":
        from . import cuda

        drawer = cuda.Drawer()

        def draw_cuda(
            gaussians: Gaussians, camera: Camera, degree: int, behind: Float32, antialiased: bool, depth: bool
        ) -> Drawn:
            return Drawn(*drawer.draw(gaussians, camera, degree, behind, antialiased, depth=depth))

        return draw_cuda
    if backend == "reference":
        return _draw_reference
    from .cpu.rasterizer import Rasterizer

    rasterizer = Rasterizer(threads)

    def draw_cpu(
        gaussians: Gaussians, camera: Camera, degree: int, behind: Float32, antialiased: bool, depth: bool
    ) -> Drawn:
        raster = rasterizer.forward(
            gaussians, camera, sh_degree=degree, background=behind, antialiased=antialiased, depth=depth
        )
        return Drawn(raster.rgb, raster.alpha, raster.expected_depth_z, raster.median_depth_z)

    return draw_cpu


def _draw_reference(
    gaussians: Gaussians, camera: Camera, degree: int, behind: Float32, antialiased: bool, depth: bool
) -> Drawn:
    from . import reference

    del depth  # it comes in any case
    picture = reference.render(gaussians, camera, sh_degree=degree, background=behind, antialiased=antialiased)
    images = (picture.rgb, picture.alpha, picture.expected_depth_z, picture.median_depth_z)
    return Drawn(*(image.numpy().astype(np.float32) for image in images))
