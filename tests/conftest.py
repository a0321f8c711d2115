"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test may depend on how fast or how busy the machine is; in CI every run draws the same examples.
settings.register_profile(
    "flythrough",
    deadline=None,
    max_examples=40,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("flythrough")


def find_shared_data() -> Path | None:
    """The folder of large real inputs that lives beside the repository, if this machine has it."""
    named = os.environ.get("FLYTHROUGH_SHARED_DATA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real captures used by some tests; they are not part of the product, so the tests skip without them."""
    folder = find_shared_data()
    if folder is None:
        pytest.skip("the shared data sets are not on this machine")
    return folder
