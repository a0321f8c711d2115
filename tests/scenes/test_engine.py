"""One door to the backends: which is chosen, and that they draw the same."""

import subprocess
import sys

import numpy as np
import pytest

from cameras.camera import Camera
from cameras.errors import InstallationError, MissingExtraError, SettingsError
from cameras.intrinsics import Intrinsics
from cameras.rigid import Rigid
from scenes.splats import cuda, engine
from scenes.splats.cpu import elementary
from scenes.splats.gaussians import Gaussians

CAMERA = Camera(Intrinsics.from_fov(40, 30, 0.9), Rigid.identity())


@pytest.fixture
def gaussians() -> Gaussians:
    rng = np.random.default_rng(0)
    means = rng.uniform((-1, -1, 2), (1, 1, 4), (80, 3))
    log_scales, sh = rng.uniform(-3, -1, (80, 3)), rng.normal(size=(80, 3, 16)) * 0.3
    parameters = (means, rng.normal(size=(80, 4)), log_scales, rng.normal(size=80), sh)
    return Gaussians(*(array.astype(np.float32) for array in parameters))


@pytest.fixture
def no_cuda(monkeypatch):
    monkeypatch.setattr(cuda, "is_available", lambda: False)


@pytest.mark.parametrize("background", [None, (0.2, 0.5, 0.8)])
def test_the_cpu_and_the_reference_draw_the_same(gaussians, background):
    options = {"background": background, "passes": ("rgb", "depth_z", "expected_depth_z", "coverage")}
    fast = engine.render(gaussians, CAMERA, backend="cpu", **options)
    slow = engine.render(gaussians, CAMERA, backend="reference", **options)
    np.testing.assert_allclose(fast.rgb, slow.rgb, atol=1e-5)
    np.testing.assert_allclose(fast.alpha, slow.alpha, atol=1e-5)
    assert set(fast.passes) == {"depth_z", "expected_depth_z", "coverage"}
    for name, image in fast.passes.items():
        np.testing.assert_allclose(image, slow.passes[name], atol=1e-4)


def test_without_a_background_rgb_is_premultiplied_and_with_one_the_view_is_opaque(gaussians):
    drawer = engine.Engine("cpu")
    bare = drawer.render(gaussians, CAMERA)
    behind = np.array([0.2, 0.5, 0.8], np.float32)
    filled = drawer.render(gaussians, CAMERA, background=behind, passes=("coverage",))
    np.testing.assert_allclose(filled.rgb, bare.rgb + (1 - bare.alpha)[..., None] * behind, atol=1e-6)
    assert (filled.alpha == 1).all()
    np.testing.assert_array_equal(filled.passes["coverage"], bare.alpha)


def test_views_of_an_engine_do_not_change_when_it_draws_again(gaussians):
    drawer = engine.Engine("cpu")
    first = drawer.render(gaussians, CAMERA, passes=("depth_z",))
    copies = first.rgb.copy(), first.alpha.copy(), first.depth_z.copy()
    drawer.render(gaussians.select(np.arange(10)), CAMERA, passes=("depth_z",))
    for image, copy in zip((first.rgb, first.alpha, first.depth_z), copies, strict=True):
        np.testing.assert_array_equal(image, copy)


def test_a_pass_that_is_not_offered_is_refused(gaussians):
    with pytest.raises(SettingsError, match="normals"):
        engine.render(gaussians, CAMERA, backend="cpu", passes=("normals",))


def test_auto_is_cuda_where_it_works_and_the_cpu_elsewhere(monkeypatch):
    monkeypatch.setattr(cuda, "is_available", lambda: True)
    assert engine.resolve_backend("auto") == "cuda"
    monkeypatch.setattr(cuda, "is_available", lambda: False)
    assert engine.resolve_backend("auto") == "cpu"
    assert engine.resolve_backend("reference") == "reference"


@pytest.fixture
def engine_not_tried_yet():
    engine.cpu_engine_trouble.cache_clear()
    yield
    engine.cpu_engine_trouble.cache_clear()


def test_a_machine_where_the_test_kernel_fails_gets_the_reference_and_a_warning(
    monkeypatch, no_cuda, engine_not_tried_yet
):
    monkeypatch.setattr(elementary, "compiles", lambda: "no vectors here")
    with pytest.warns(RuntimeWarning, match="no vectors here"):
        assert engine.resolve_backend("auto") == "reference"


def test_the_warning_names_what_the_compiler_said(monkeypatch, no_cuda, engine_not_tried_yet, gaussians):
    def fail(values):
        raise RuntimeError("LLVM ERROR: cannot select\nand much more")

    monkeypatch.setattr(elementary, "_probe", fail)
    with pytest.warns(RuntimeWarning, match=r"\(RuntimeError: LLVM ERROR: cannot select\), so the reference is used"):
        view = engine.render(gaussians, CAMERA)
    np.testing.assert_array_equal(view.rgb, engine.render(gaussians, CAMERA, backend="reference").rgb)


def test_a_kernel_with_wrong_numbers_is_not_trusted(monkeypatch, no_cuda, engine_not_tried_yet):
    monkeypatch.setattr(elementary, "_probe", lambda values: values.fill(1))
    with pytest.warns(RuntimeWarning, match="a test kernel gave wrong numbers"):
        assert engine.resolve_backend("cpu") == "reference"


_WITHOUT_NUMBA = """
import sys, warnings
sys.modules["numba"] = None
from scenes.splats import engine
from scenes.splats.warmup import sample_scene
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    gaussians, camera = sample_scene()
    print(engine.resolve_backend("cpu"), engine.render(gaussians, camera, backend="cpu").rgb.shape)
print(caught[0].message)
"""


def test_a_machine_without_numba_draws_with_the_reference():
    run = subprocess.run([sys.executable, "-c", _WITHOUT_NUMBA], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    drawn, warning = run.stdout.splitlines()
    assert drawn == "reference (24, 40, 3)"
    assert "cannot be compiled on this machine (ModuleNotFoundError: import of numba" in warning


def test_an_unknown_backend_is_refused():
    with pytest.raises(SettingsError, match="abacus"):
        engine.resolve_backend("abacus")


def test_cuda_without_gsplat_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"flythrough\[cuda\]"):
        engine.resolve_backend("cuda")


def test_cuda_without_a_device_says_so(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(InstallationError, match="sees none"):
        engine.resolve_backend("cuda")


def test_cuda_with_a_broken_gsplat_says_so(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(cuda, "_import_gsplat", lambda: None)
    with pytest.raises(InstallationError, match="cannot be imported"):
        engine.resolve_backend("cuda")
