import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.distortion import MAX_RADIUS, BrownConrady, Distortion, KannalaBrandt

FOX = BrownConrady(0.0578421, -0.0805099, -0.000980296, 0.00015575)


def small(limit: float) -> st.SearchStrategy[float]:
    return st.floats(-limit, limit, allow_subnormal=False)


browns = st.builds(
    BrownConrady, small(0.4), small(0.3), small(0.01), small(0.01), small(0.1), small(0.2), small(0.1), small(0.05)
)
fisheyes = st.builds(KannalaBrandt, small(0.2), small(0.1), small(0.05), small(0.02))


def disc(radius: float, n: int = 400) -> np.ndarray:
    """Points over a disc, its centre included (a sunflower's spiral)."""
    k = np.arange(n)
    r, phi = radius * np.sqrt(k / n), k * math.pi * (3 - math.sqrt(5))
    return np.stack([r * np.cos(phi), r * np.sin(phi)], axis=-1)


@given(lens=st.one_of(browns, fisheyes))
def test_undistort_inverts_distort_inside_the_valid_disc(lens: Distortion) -> None:
    ideal = disc(0.95 * min(lens.valid_radius, 3.0))
    np.testing.assert_allclose(lens.undistort(lens.distort(ideal)), ideal, atol=1e-9)


@given(lens=st.one_of(browns, fisheyes))
def test_nothing_folds_back_outside_the_disc(lens: Distortion) -> None:
    angles = np.linspace(0, 2 * math.pi, 16, endpoint=False)
    radii = np.linspace(0.01, 3, 60) * min(lens.valid_radius, 3.0)
    points = radii[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    distorted = np.linalg.norm(lens.distort(points), axis=-1)
    assert (np.diff(distorted, axis=0) > 0).all()
    assert np.isfinite(lens.undistort(10 * points)).all()


@given(lens=fisheyes)
def test_a_fisheye_is_inverted_outside_the_disc_too(lens: KannalaBrandt) -> None:
    ideal = disc(3 * lens.valid_radius)
    np.testing.assert_allclose(lens.undistort(lens.distort(ideal)), ideal, rtol=1e-9, atol=1e-9)


def test_the_brown_disc_ends_where_the_radial_map_turns() -> None:
    lens = BrownConrady(k1=-0.3)  # r - 0.3 r^3 turns at r = 1 / sqrt(0.9)
    assert lens.valid_radius == pytest.approx(1 / math.sqrt(0.9))
    assert BrownConrady(k1=0.1).valid_radius == MAX_RADIUS
    assert KannalaBrandt().valid_radius == pytest.approx(MAX_RADIUS)


def test_hand_made_numbers_of_opencv() -> None:
    # x = 0.5, y = 0.25: s = 0.3125; 1 + 0.1 s = 1.03125; tangential (2 p1 x y, p1 (s + 2 y^2)) with p1 = 0.01
    np.testing.assert_allclose(
        BrownConrady(k1=0.1, p1=0.01).distort([0.5, 0.25]), [0.5 * 1.03125 + 0.0025, 0.25 * 1.03125 + 0.004375]
    )
    np.testing.assert_allclose(KannalaBrandt(k1=0.1).distort([1.0, 0.0]), [math.pi / 4 + 0.1 * (math.pi / 4) ** 3, 0])


def test_a_real_phone_lens_covers_its_own_corners() -> None:
    corner = np.array([562 / 2 / 715.8, 500 / 715.8])
    assert np.linalg.norm(corner) < FOX.valid_radius
    np.testing.assert_allclose(FOX.distort(FOX.undistort(corner)), corner, atol=1e-12)


def test_coefficients_must_be_finite() -> None:
    with pytest.raises(ValueError, match="must be finite"):
        BrownConrady(k1=math.nan)
    with pytest.raises(ValueError, match="must be finite"):
        KannalaBrandt(k4=math.inf)
