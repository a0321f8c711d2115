"""Settings and schedules are plain numbers that mean what they say."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.errors import SettingsError
from scenes.splats.schedule import PhotoOrder, decay_at, divisor_at, photo_passes_until, sh_degree_at
from scenes.splats.settings import FitSettings, Resolution


@given(passes=st.floats(0.5, 1e4))
def test_a_budget_of_photo_passes_is_kept(passes: float) -> None:
    settings = FitSettings.for_photo_passes(passes)
    assert settings.photo_passes <= passes + 1
    assert settings.photo_passes >= passes - 3
    assert photo_passes_until(settings, settings.iterations) == pytest.approx(settings.photo_passes)


@given(iterations=st.integers(1, 10**6))
def test_a_number_of_iterations_is_exact(iterations: int) -> None:
    assert FitSettings.for_iterations(iterations).iterations == iterations


def test_settings_survive_json() -> None:
    settings = FitSettings.for_quality("draft", 60, 1600, 1067)
    assert FitSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_more_quality_and_more_photos_cost_more() -> None:
    draft, standard, high = (FitSettings.for_quality(q, 60, 562, 1000) for q in ("draft", "standard", "high"))
    assert draft.photo_passes < standard.photo_passes < high.photo_passes
    assert draft.max_gaussians < standard.max_gaussians == 150_000 < high.max_gaussians
    assert FitSettings.for_quality("draft", 200, 562, 1000).photo_passes > draft.photo_passes


def test_resolution_and_bands_open_on_schedule() -> None:
    settings = replace(FitSettings.for_iterations(1), resolutions=(Resolution(4, 10), Resolution(1, 90)))
    assert [divisor_at(settings, step) for step in (0, 9, 10, 99)] == [4, 4, 1, 1]
    degrees = [sh_degree_at(settings, step) for step in range(100)]
    assert degrees == sorted(degrees)
    assert (degrees[0], degrees[-1]) == (0, 3)
    assert sh_degree_at(replace(settings, sh_degree=1), 99) == 1
    assert decay_at(settings, 0, 0.01) == 1
    assert decay_at(settings, 50, 0.01) == pytest.approx(0.1)


def test_every_photo_is_seen_once_an_epoch() -> None:
    order = PhotoOrder((0, 1, 3), (0, 1, 2, 3), release=7, seed=4)
    assert sorted(order.at(step) for step in range(3)) == [0, 1, 3]
    assert sorted(order.at(step) for step in range(3, 6)) == [0, 1, 3]
    assert 2 not in [order.at(step) for step in range(7)]
    assert sorted(order.at(step) for step in range(7, 11)) == [0, 1, 2, 3]


def test_nonsense_is_refused() -> None:
    settings = FitSettings.for_iterations(10)
    with pytest.raises(SettingsError, match="positive number of photo passes"):
        FitSettings.for_photo_passes(-1)
    with pytest.raises(SettingsError, match="at least one iteration"):
        FitSettings.for_iterations(0)
    with pytest.raises(SettingsError, match="must be one of draft, standard, high"):
        FitSettings.for_quality("best", 1, 1, 1)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="room for at least one"):
        replace(settings, max_gaussians=0)
    with pytest.raises(SettingsError, match="must be 0 to 3"):
        replace(settings, sh_degree=4)
    with pytest.raises(SettingsError, match="at least one step"):
        replace(settings, resolutions=())
    with pytest.raises(SettingsError, match="not the settings of a fit"):
        FitSettings.from_json({**settings.to_json(), "speed": 3})
