"""Shared by all tests: the real data sets and the Hypothesis profile."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.paths import DATASETS

settings.register_profile(
    "agon", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("agon")


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of the shared data sets: AGON_DATASETS, or shared/datasets beside the repository."""
    if not DATASETS.is_dir():
        pytest.skip(f"the shared data sets are not at {DATASETS}; set AGON_DATASETS to their folder")
    return DATASETS
