"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


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
