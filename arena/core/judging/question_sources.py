"""Which answers judges compare: all of a file, a sample, those of a log that people voted on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from agon.arena.core.judging.judge_prompts import Ask
from agon.arena.core.judging.judgements import JudgeQuestion
from agon.data.files.snapshot_folder import holds_log
from agon.data.importers.columns import digest
from agon.data.importers.recorded_answers import answers
from agon.data.log.log_frames import open_log
from agon.ranking.errors import OptionError, SourceError

LONGEST_LIST = 8  # answers that a judge orders at once
AskedPair = tuple[str, frozenset[str]]  # a prompt by its id, and who answers it


def questions_of(
    source: Path,
    ask: Ask,
    *,
    pairs: int | None = None,
    only: Collection[AskedPair] | None = None,
    seed: int = 0,
) -> list[JudgeQuestion]:
    """The questions of a file of answers or of a log, each in one order.

    Args:
        source: recorded answers, or a log folder, of which the battles that were voted on are judged.
        ask: pairs of answers, or all answers to a prompt together.
        pairs: how many, drawn at random; None for all.
        only: prompts by id, and models, that are asked about.
        seed: of the draw.

    Raises:
        SourceError: it cannot be read, or holds nothing to compare.
        OptionError: fewer than one pair.
    """
    if pairs is not None and pairs < 1:
        raise OptionError(f"pairs must be at least 1, not {pairs}.")
    whole = (
        _of_log(source)
        if source.is_dir() and (holds_log(source) or (source / "votes").is_dir())
        else _of_file(source)
    )
    rng = np.random.default_rng(seed)
    found = []
    for question in whole:
        if ask == "pairs":
            found += [_among(question, (i, j)) for i, j in combinations(range(len(question.models)), 2)]
        elif ask == "list" and len(question.models) > LONGEST_LIST:
            drawn = np.sort(rng.choice(len(question.models), LONGEST_LIST, replace=False))
            found.append(_among(question, drawn.tolist()))
        else:
            found.append(question)
    if only is not None:
        known = set(only)
        found = [one for one in found if (one.prompt_id, frozenset(one.models)) in known]
        if not found:
            raise SourceError(
                f"{source} has no pair of answers that people voted on, by prompt_id and models; name the "
                "votes on these answers."
            )
    if pairs is not None and pairs < len(found):
        found = [found[i] for i in np.sort(rng.choice(len(found), pairs, replace=False)).tolist()]
    # Which answer comes first in the first order is of no matter; half of them are turned all the same, by
    # what is asked and not by the draw: a judgement of a few pairs is there when all are asked for.
    return [_among(one, range(len(one.models))[:: -1 if _turned(one, seed) else 1]) for one in found]


def _turned(question: JudgeQuestion, seed: int) -> bool:
    about = "\n".join((str(seed), question.battle_id or question.prompt_id, *sorted(question.models)))
    return bool(sha256(about.encode("utf-8", "surrogatepass")).digest()[0] & 1)


def _among(question: JudgeQuestion, places: Sequence[int]) -> JudgeQuestion:
    """The question about some of its answers."""
    return JudgeQuestion(
        question.prompt_id,
        question.prompt,
        tuple(question.models[i] for i in places),
        tuple(question.answers[i] for i in places),
        1,
        question.battle_id,
        question.category,
        question.language,
    )


def _of_file(path: Path) -> list[JudgeQuestion]:
    return [
        JudgeQuestion(
            one.prompt_id,
            one.prompt,
            tuple(one.answers),
            tuple(one.answers.values()),
            1,
            None,
            one.category,
            one.language,
        )
        for one in answers(path).prompts
    ]


def _of_log(folder: Path) -> list[JudgeQuestion]:
    """The battles of a log that were voted on, with all turns that were judged; without those with images."""
    log = open_log(folder, "arrow")
    said: dict[tuple[str, str, int], str] = {}
    for row in log.generations.select(["battle_id", "model", "turn", "text", "failure"]).to_pylist():
        if row["failure"] is None and row["text"] is not None:
            said[str(row["battle_id"]), row["model"], int(row["turn"])] = row["text"]
    asked: dict[str, dict[int, str]] = {}
    seen: set[str] = set()
    for row in log.turns.to_pylist():
        if row.get("prompt") is not None:
            asked.setdefault(str(row["battle_id"]), {})[int(row["turn"])] = row["prompt"]
        if row.get("images"):
            seen.add(str(row["battle_id"]))
    found = []
    for vote in log.votes.to_pylist():
        battle = vote.get("battle_id") and str(vote["battle_id"])
        models = vote.get("models") or [vote.get("model_a"), vote.get("model_b")]
        turns = range(1, int(vote.get("turns") or 1) + 1)
        if not battle or battle in seen or not all(turn in asked.get(battle, {}) for turn in turns):
            continue
        given = [_conversation(asked[battle], [said.get((battle, m, t)) for t in turns]) for m in models]
        if all(one is not None for one in given):
            prompt = asked[battle][1]
            about = (vote.get("prompt_id") or digest(prompt), prompt, tuple(models), tuple(map(str, given)))
            found.append(JudgeQuestion(*about, 1, battle, vote.get("category"), vote.get("language")))
    if not found:
        raise SourceError(
            f"{folder} has no vote on answers whose texts are there; judge a log that has its texts, or "
            "a file of answers."
        )
    return found


def _conversation(prompts: dict[int, str], answered: Sequence[Any]) -> str | None:
    """The answer of one model; of several turns with the prompts between; None where one is missing."""
    if any(one is None for one in answered):
        return None
    parts = [str(answered[0])]
    for turn, text in enumerate(answered[1:], 2):
        parts += [f"[The user goes on]\n{prompts[turn]}", f"[Its next answer]\n{text}"]
    return "\n\n".join(parts)
