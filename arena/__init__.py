"""The product: battles, pages and the command line. Composes the other folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "arena":  # in the checkout the folder lies beside agon/, which links to it
    raise ImportError("arena is imported as agon.arena now: from agon.arena import ...")

if TYPE_CHECKING:
    import gradio

    from agon.arena.setup.judge_run import Judged

__all__ = ["build", "judge"]


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


def judge(
    source: str | Path,
    output: str | Path,
    model: str | Sequence[str],
    *,
    base_url: str | None = None,
    api_key_env: str | None = None,
    ask: str = "pairs",
    prompt: str | None = None,
    criteria: Sequence[str] | None = None,
    samples: int = 1,
    pairs: int | None = None,
    voted: str | Path | None = None,
    jury: bool = False,
    budget: float | None = None,
    at_once: int = 32,
    patience: float = 120.0,
    seed: int = 0,
) -> Judged:
    """Let language models judge answers, each pair in both orders, as `agon judge` does.

    Every judgement is kept beside the votes as soon as it is there: the same call goes on where one ended.
    `agon.data.judge_audits.audit_judges(output, people)` says what the votes are worth.

    Args:
        source: recorded answers, or a log folder.
        output: the .parquet file of the votes.
        model: configurations (.toml) whose models judge, or names of models at `base_url`.
        base_url: of a server that speaks the OpenAI protocol.
        api_key_env: environment variable with its key.
        ask: "pairs", "list", "score", "rubric" or "checklist".
        prompt: the words of the question, with fields in braces; None is ours.
        criteria: of a rubric or a checklist.
        samples: how often a judge is asked the same.
        pairs: so many, drawn at random by `seed`; None is all.
        voted: votes of people: only pairs that they judged.
        jury: one vote of all judges, their mean.
        budget: dollars that this may cost.
        at_once: questions at once to each server.
        patience: seconds for which a server may be out before its questions are left out.
        seed: of the draw of pairs.

    Returns:
        what they said: the votes are in the file, and how many judgements are missing in its `tally`.

    Raises:
        AgonError: one sentence about what is wrong with the answers, the judges or the file.
    """
    from agon.arena.core.judging.judge_prompts import JudgePrompt
    from agon.arena.setup.judge_run import judge_answers, named_judges

    found = judge_answers(
        Path(source),
        Path(output),
        named_judges([model] if isinstance(model, str) else model, base_url, api_key_env),
        JudgePrompt.of(ask, prompt, criteria),
        samples=samples,
        pairs=pairs,
        voted=None if voted is None else Path(voted),
        jury=jury,
        budget=budget,
        at_once=at_once,
        patience=patience,
        seed=seed,
    )
    assert found is not None  # noqa: S101 - no dry run
    return found
