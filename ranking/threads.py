"""One BLAS thread for small systems: a second one gives little, and costs dearly on a busy machine."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

LARGE = 4000  # models from which a second thread pays though others want the processor too


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def threads_for(n_models: int) -> AbstractContextManager[Any]:
    """Limit the linear algebra inside the context to one thread unless the systems are large."""
    if n_models >= LARGE:
        return nullcontext()
    limit: AbstractContextManager[Any] = _controller().limit(limits=1)
    return limit
