"""The product: battles, pages and the command line. Composes the other folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "arena":  # in the checkout the folder lies beside agon/, which links to it
    raise ImportError("arena is imported as agon.arena now: from agon.arena import ...")

if TYPE_CHECKING:
    import gradio

__all__ = ["build"]


def build(
    source: str | Path | None = None,
    *,
    store: str | Path | None = None,
    seed: int | None = None,
    answers: int | None = None,
    language: str = "en",
) -> gradio.Blocks:
    """An arena as Gradio Blocks, for a notebook, a Space or an application of one's own.

    It needs the part `arena`, and opens with whatever serves the Blocks: `launch()`, or an application that
    `gr.mount_gradio_app` mounted them in. `close()` closes it. `battle` and `reading` are its panels, with
    events `voted` and `opened`.

    Args:
        source: what `agon serve` takes: a configuration, recorded answers, the name of a local model; None is
            the demonstration.
        store: the folder of the votes; None is that of the configuration, or `agon-log`.
        seed: makes the draws repeatable, which a public arena must not be.
        answers: in a battle, 2 to 6.
        language: of its panels, for everybody: "en", "fr", "de", "es", "zh" or "ar".

    Raises:
        AgonError: the source or the language cannot be used, or the store is open elsewhere.
    """
    from agon.arena.web.hosted import hosted_arena

    return hosted_arena(source, store=store, seed=seed, answers=answers, language=language)
