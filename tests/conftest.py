"""Shared by all tests: the real data sets and the Hypothesis profile."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.paths import DATASETS

settings.register_profile(
    "agon", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("quick", settings.get_profile("agon"), max_examples=5)
settings.register_profile("soak", settings.get_profile("agon"), max_examples=1000, derandomize=False)
QUICK = bool(os.environ.get("AGON_QUICK"))  # make quick
settings.load_profile("quick" if QUICK else os.environ.get("AGON_HYPOTHESIS", "agon"))  # soak: make soak


# What a module imports that starts processes, servers or a browser, or says that it is slow as a whole.
HEAVY = re.compile(
    r"^(import|from) .*\b(subprocess|multiprocessing|browser|arena_server|small_disk)\b|\bsync_api\b"
    r"|^pytestmark = pytest\.mark\.slow",
    re.MULTILINE,
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: a good third of the time goes to pages, servers and clocks."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """For `make quick` leave such modules out, without the time that their imports take."""
    module = QUICK and collection_path.suffix == ".py"
    return True if module and HEAVY.search(collection_path.read_text(encoding="utf-8")) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """For `make quick` leave out what is marked slow."""
    if QUICK:
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.fixture(scope="session")
def datasets() -> Path:
    """The folder of the shared data sets: AGON_DATASETS, or shared/datasets beside the repository."""
    if not DATASETS.is_dir():
        pytest.skip(f"the shared data sets are not at {DATASETS}; set AGON_DATASETS to their folder")
    return DATASETS
