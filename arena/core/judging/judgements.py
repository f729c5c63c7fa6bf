"""Judgements: one answer of a judge to one question, kept as it comes, and the votes that follow."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from agon.arena.core.answer_sets import AnswerRow, RowKind
from agon.arena.core.judging.judge_prompts import LEVELS, JudgePrompt
from agon.arena.core.judging.verdict_reading import read_verdict
from agon.arena.core.roster import Contestant, settings_digest
from agon.serving.generation import Generation
from agon.serving.protocol import Message, Sampling

NO_VERDICT = "unread"  # the failure of an answer that is no verdict
_TOP = 20  # log-probabilities of a token, the most that servers give
_CHARACTERS = 4  # of a token, where nobody counts
_ANSWER_TOKENS = 16  # that a verdict is taken to have before it is there
JUDGEMENT_SCHEMA = pa.schema(
    [
        ("prompt_id", pa.string()),
        ("battle_id", pa.string()),
        ("judge", pa.string()),
        ("ask", pa.string()),
        ("models", pa.list_(pa.string())),
        ("order", pa.int64()),
        ("sample", pa.int64()),
        ("verdict", pa.list_(pa.float64())),
        ("soft", pa.bool_()),
        ("answer", pa.string()),
        ("failure", pa.string()),
        ("detail", pa.string()),
        ("lengths", pa.list_(pa.int64())),
        ("category", pa.string()),
        ("language", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("tokens", pa.int64()),
        ("reasoning_tokens", pa.int64()),
        ("seconds", pa.float64()),
        ("cost", pa.float64()),
        ("prompt_version", pa.string()),
        ("settings", pa.string()),
    ]
)


@dataclass(frozen=True)
class JudgeQuestion:
    """What judges are asked once: answers to one prompt in the order shown."""

    prompt_id: str
    prompt: str
    models: tuple[str, ...]
    answers: tuple[str, ...]
    order: int = 1
    battle_id: str | None = None
    category: str | None = None
    language: str | None = None

    def turned(self) -> JudgeQuestion:
        """The same the other way round."""
        return replace(self, models=self.models[::-1], answers=self.answers[::-1], order=2)


@dataclass
class Judge:
    """A model that judges, and whether it gives log-probabilities, as far as it is known."""

    contestant: Contestant
    gives_chances: bool = True

    @property
    def name(self) -> str:
        """Its name."""
        return self.contestant.card.name


@dataclass(frozen=True)
class WantedJudgement:
    """One answer of a judge that is wanted; see `agon.arena.core.answer_sets.WantedRow`."""

    judge: Judge
    question: JudgeQuestion
    asked: JudgePrompt
    sample: int = 0
    settings: str = field(default="")

    @property
    def contestant(self) -> Contestant:
        """Who judges."""
        return self.judge.contestant

    @property
    def key(self) -> tuple[Any, ...]:
        """What its row is kept under."""
        one = self.question
        return (one.battle_id or one.prompt_id, self.judge.name, one.models, one.order, self.sample)

    def messages(self) -> list[Message]:
        """What is sent."""
        system = self.contestant.system_prompt
        said = Message("user", self.asked.text(self.question.prompt, self.question.answers))
        return [*([Message("system", system)] if system else []), said]

    def sampling(self) -> Sampling:
        """That of the judge, with log-probabilities; greedy where nothing is chosen and it is asked once."""
        chosen = self.contestant.sampling
        if chosen.temperature is None:
            chosen = replace(chosen, temperature=1.0 if self.sample else 0.0)
        if chosen.seed is not None:
            chosen = replace(chosen, seed=chosen.seed + self.sample)
        return replace(chosen, logprobs=True, top_logprobs=_TOP) if self.judge.gives_chances else chosen

    def tokens(self) -> tuple[int, int]:
        """About how many tokens are read and written."""
        read = sum(len(message.content) for message in self.messages()) / _CHARACTERS
        written = _ANSWER_TOKENS * max(1, len(self.asked.criteria))
        return math.ceil(read), written

    def price(self, read: int, written: int) -> float | None:
        """What so many tokens cost in dollars; None where no price is known."""
        card = self.contestant.card
        if card.price is None and card.input_price is None:
            return None
        return (read * (card.input_price or 0.0) + written * (card.price or 0.0)) / 1e6

    def again(self, made: Generation) -> bool:
        """Whether its server refuses to give log-probabilities: from then on it is asked without."""
        refused = made.failure == "rejected" and "logprob" in (made.detail or "").lower()
        self.judge.gives_chances &= not refused
        return refused

    def row(self, made: Generation) -> AnswerRow:
        """The judgement; an answer that is no verdict is a failure."""
        one = self.question
        failure: str | None = made.failure
        detail, said = made.detail, None
        if failure is None:
            said = read_verdict(self.asked, made.text, made.chances, len(one.models))
            if said is None:
                failure, detail = NO_VERDICT, f"no verdict on {self.asked.ask}"
        read = self.tokens()[0] if made.prompt_tokens is None else made.prompt_tokens
        answered = bool(made.text) or made.failure is None
        return {
            "prompt_id": one.prompt_id,
            "battle_id": one.battle_id,
            "judge": self.judge.name,
            "ask": self.asked.ask,
            "models": list(one.models),
            "order": one.order,
            "sample": self.sample,
            "verdict": None if said is None else said[0],
            "soft": None if said is None else said[1],
            "answer": made.text.encode("utf-8", "replace").decode(),
            "failure": failure,
            "detail": detail and detail.encode("utf-8", "replace").decode(),
            "lengths": [len(answer) for answer in one.answers],
            "category": one.category,
            "language": one.language,
            "prompt_tokens": made.prompt_tokens,
            "tokens": made.tokens,
            "reasoning_tokens": made.reasoning_tokens,
            "seconds": made.seconds,
            "cost": self.price(read, made.tokens + made.reasoning_tokens) if answered else None,
            "prompt_version": self.asked.version,
            "settings": self.settings,
        }


def _key(row: AnswerRow) -> tuple[Any, ...]:
    """As `WantedJudgement.key`."""
    place = row["battle_id"] or row["prompt_id"]
    return (place, row["judge"], tuple(row["models"]), int(row["order"]), int(row["sample"]))


JUDGEMENT_ROWS = RowKind(JUDGEMENT_SCHEMA, _key, "judge", "agon judge", "judgements")


def wanted_judgements(
    judges: Sequence[Judge], questions: Sequence[JudgeQuestion], asked: JudgePrompt, samples: int
) -> list[WantedJudgement]:
    """Every answer that is wanted: of pairs and lists in both orders, of others once for each answer."""
    if asked.ask in ("pairs", "list"):
        every = [one for question in questions for one in (question, question.turned())]
    else:
        single = {
            (q.battle_id or q.prompt_id, m): replace(q, models=(m,), answers=(a,))
            for q in questions
            for m, a in zip(q.models, q.answers, strict=True)
        }
        every = list(single.values())
    digests = {judge.name: f"{settings_digest(judge.contestant)}{asked.version}" for judge in judges}
    return [
        WantedJudgement(judge, question, asked, sample, digests[judge.name])
        for question in every
        for sample in range(samples)
        for judge in judges
    ]


def votes_of(rows: Iterable[AnswerRow], *, jury: bool = False) -> pa.Table:
    """The votes that follow from judgements; docs/data.md says what the columns are.

    Samples of one question are one vote with their mean. Scores become votes on the pairs of a prompt: the
    probability that one answer's sum of levels is above the other's, the levels taken for independent, a tie
    half. A jury votes once, with the mean of its judges.
    """
    groups: dict[tuple[Any, ...], list[AnswerRow]] = defaultdict(list)
    for row in rows:
        if row["failure"] is None:
            groups[_key(row)[:-1]].append(row)
    votes = []
    singles: dict[tuple[Any, ...], list[tuple[str, AnswerRow, np.ndarray[Any, Any], int]]] = defaultdict(list)
    for said in groups.values():
        first = said[0]
        verdicts = np.array([one["verdict"] for one in said])
        about = _about(first, said)
        if first["ask"] == "pairs":
            shares = verdicts.mean(axis=0)
            hard = verdicts.argmax(axis=1)
            a, b = first["models"]
            votes.append(
                {
                    **about,
                    "model_a": a,
                    "model_b": b,
                    "p_a": float(min(1.0, shares[0] + shares[1] / 2)),
                    "order": first["order"],
                    "repeats": _repeats(hard),
                    "length_a": first["lengths"][0],
                    "length_b": first["lengths"][1],
                }
            )
        elif first["ask"] == "list":
            votes += [
                {
                    **about,
                    "models": one["models"],
                    "places": list(map(int, one["verdict"])),
                    "order": one["order"],
                }
                | {"length": one["lengths"], "samples": 1}
                for one in said
            ]
        else:
            where = (first["battle_id"] or first["prompt_id"], first["judge"])
            singles[where].append((first["models"][0], first, verdicts.mean(axis=0), len(said)))
    for found in singles.values():
        votes += [_of_scores(one, other) for one, other in combinations(found, 2)]
    if jury:
        votes = _jury(votes)
    return pa.Table.from_pylist(votes, _schema(votes))


def _about(first: AnswerRow, said: Sequence[AnswerRow]) -> dict[str, Any]:
    names = ("prompt_id", "battle_id", "judge", "ask", "category", "language", "prompt_version")
    soft = all(one["soft"] for one in said) or len(said) > 1
    return {**{name: first[name] for name in names}, "voter_kind": "llm", "samples": len(said), "soft": soft}


def _repeats(hard: np.ndarray[Any, Any]) -> float | None:
    """The chance that two samples agree; None of one."""
    if len(hard) < 2:
        return None
    counts = np.bincount(hard)
    return float((counts * (counts - 1)).sum() / (len(hard) * (len(hard) - 1)))


def _of_scores(one: tuple[Any, ...], other: tuple[Any, ...]) -> dict[str, Any]:
    """The vote on two answers that were scored each by itself."""
    (a, first, levels_a, n), (b, second, levels_b, _) = one, other
    low, high = LEVELS[first["ask"]]
    sums = [_sum_of(levels.reshape(-1, high - low + 1)) for levels in (levels_a, levels_b)]
    below = np.concatenate([[0.0], np.cumsum(sums[1])[:-1]])
    p = float(np.clip(sums[0] @ (below + sums[1] / 2), 0, 1))
    criteria = len(levels_a) // (high - low + 1)
    means = [float(np.arange(len(total)) @ total) / criteria + low for total in sums]
    return {
        **_about(first, [first, second]),
        "samples": n,
        "soft": bool(n > 1 or (first["soft"] and second["soft"])),
        "model_a": a,
        "model_b": b,
        "p_a": p,
        "score_a": means[0],
        "score_b": means[1],
        "length_a": first["lengths"][0],
        "length_b": second["lengths"][0],
    }


def _sum_of(levels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The distribution of the sum of independent levels, (J, L) probabilities."""
    total = np.ones(1)
    for one in levels:
        total = np.convolve(total, one)
    return total


def _jury(votes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One vote for those of several judges on the same question; lists stay each judge's own."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for vote in votes:
        place = vote["battle_id"] or vote["prompt_id"]
        lists = (vote["judge"], *vote["models"]) if "models" in vote else (vote["model_a"], vote["model_b"])
        groups[(place, vote.get("order"), *lists)].append(vote)
    names = "+".join(sorted({vote["judge"] for vote in votes}))
    return [
        same[0]
        if "models" in same[0]
        else {**same[0], "judge": names, "p_a": sum(v["p_a"] for v in same) / len(same)}
        for same in groups.values()
    ]


def _schema(votes: Sequence[dict[str, Any]]) -> pa.Schema:
    """The columns that the votes have."""
    kinds = {
        "prompt_id": pa.string(),
        "battle_id": pa.string(),
        "model_a": pa.string(),
        "model_b": pa.string(),
        "p_a": pa.float64(),
        "models": pa.list_(pa.string()),
        "places": pa.list_(pa.int32()),
        "judge": pa.string(),
        "voter_kind": pa.string(),
        "order": pa.int64(),
        "ask": pa.string(),
        "prompt_version": pa.string(),
        "samples": pa.int64(),
        "repeats": pa.float64(),
        "soft": pa.bool_(),
        "score_a": pa.float64(),
        "score_b": pa.float64(),
        "length_a": pa.int64(),
        "length_b": pa.int64(),
        "length": pa.list_(pa.int64()),
        "category": pa.string(),
        "language": pa.string(),
    }
    held = {name for vote in votes for name, value in vote.items() if value is not None}
    return pa.schema([(name, kind) for name, kind in kinds.items() if name in held])
