"""Shared by all tests: the real data sets and the Hypothesis profile."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.paths import DATASETS

settings.register_profile(
    "agon", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("quick", settings.get_profile("agon"), max_examples=5)
QUICK = bool(os.environ.get("AGON_QUICK"))  # make quick
settings.load_profile("quick" if QUICK else "agon")


HEAVY = {"subprocess", "multiprocessing", "browser", "sync_api"}  # what a module of slow tests imports


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For `make quick` leave out the modules that start processes or a browser, and what is marked slow."""
    if QUICK:
        heavy = [i for i in items if i.get_closest_marker("slow") or HEAVY & vars(i.module).keys()]
        config.hook.pytest_deselected(items=heavy)
        items[:] = [item for item in items if item not in set(heavy)]


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of the shared data sets: AGON_DATASETS, or shared/datasets beside the repository."""
    if not DATASETS.is_dir():
        pytest.skip(f"the shared data sets are not at {DATASETS}; set AGON_DATASETS to their folder")
    return DATASETS
