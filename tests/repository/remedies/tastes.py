"""Predictions, kinds of voters, boards of prompts: what they refuse, and the remedy."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from agon import ranking
from agon.data.model_facts import read_facts
from agon.data.prompt_vectors import read_prompt_vectors
from agon.ranking import Comparisons
from tests.repository.remedies.steps import SCORES, TIMED, Case, Given, command

FAST = ["bradley_terry", "davidson"]


def _files(given: Given) -> list[Case]:
    """Files of vectors and facts that are none."""
    good, place = {"prompt": "p", "vector": [1.0, 2.0]}, given.new()

    def case(*rows: dict[str, Any], mended: Sequence[dict[str, Any]] = (good,)) -> Case:
        wrong, right = given.new() / "v.jsonl", given.new() / "v.jsonl"
        wrong.write_text("\n".join(map(json.dumps, rows)))
        right.write_text("\n".join(map(json.dumps, mended)))
        return lambda: read_prompt_vectors(wrong), lambda: read_prompt_vectors(right)

    other = {"prompt": "q", "vector": [3.0, 4.0]}
    named, bare, empty = (place / f"{name}.npz" for name in ("named", "bare", "empty"))
    np.savez(named, prompt=np.array(["p"]), vector=np.ones((1, 2)))
    np.savez(bare, vectors=np.ones((1, 2)))
    np.savez(empty, prompt=np.array([], dtype=str), vector=np.ones((0, 2)))
    nothing, arena = place / "nothing.toml", place / "arena.toml"
    nothing.write_text("[page]\n")
    arena.write_text('[[model]]\nname = "ada"\nprice = 1.0\n')
    return [
        case({"prompt": "p", "vectors": [1.0]}),
        case(good, good),
        case({**good, "prompt": ""}),
        case(good, {**other, "vector": [3.0]}, mended=[good, other]),
        case(
            *({**one, "model": name} for one, name in zip((good, other), "ab", strict=True)),
            mended=[{**good, "model": "a"}],
        ),
        (lambda: read_prompt_vectors(empty), lambda: read_prompt_vectors(named)),
        (lambda: read_prompt_vectors(place / "none.npz"), lambda: read_prompt_vectors(named)),
        (lambda: read_facts(nothing), lambda: read_facts(arena)),
        (lambda: read_facts(place / "none.toml"), lambda: read_facts(arena)),
        (lambda: read_facts(bare.rename(place / "bare.toml")), lambda: read_facts(arena)),
    ]


def cases(given: Given) -> list[Case]:
    """Its cases."""
    judged = TIMED.assign(who=[i % 5 for i in range(len(TIMED))], when=TIMED["timestamp"])
    bare = given.new() / "judged.csv"
    judged.drop(columns="timestamp").to_csv(bare, index=False)
    one = Comparisons.of("ab", [[0, 1]] * 9, [[1, 2], [2, 1], [1, 1]] * 3)
    few = Comparisons.of(
        "ab", [[0, 1]] * 40, [[1, 2], [2, 1], [1, 1], [1, 2]] * 10, labels={"voter": ["x"] * 20 + ["y"] * 20}
    )
    asked = Comparisons.of("ab", [[0, 1]] * 8, [[1, 2], [2, 1]] * 4, labels={"prompt": list("pqrstuvw")})
    vectors = {name: [float(i % 3), float(i % 2)] for i, name in enumerate("pqrstuvw")}
    return [
        (
            command("compare-methods", bare, "-m", "davidson", "--by", "prompt"),
            command("compare-methods", bare, "-m", "davidson", "--by", "prompt", "--column", "prompt=who"),
        ),
        (
            command("compare-methods", bare, "-m", "davidson", "--by", "time"),
            command("compare-methods", bare, "-m", "davidson", "--by", "time", "--column", "timestamp=when"),
        ),
        (lambda: ranking.compare_methods(one, FAST * 2), lambda: ranking.compare_methods(one, FAST)),
        (lambda: ranking.compare_methods(one, []), lambda: ranking.compare_methods(one, FAST)),
        (lambda: ranking.personal_board(few, "z"), lambda: ranking.personal_board(few, "x")),
        (
            command("tastes", bare, "--column", "voter=who", "--kinds", 9, "--n-resamples", 0),
            command("tastes", bare, "--column", "voter=who", "--kinds", 2, "--n-resamples", 0),
        ),
        (lambda: ranking.preference_embedding(SCORES), lambda: ranking.preference_embedding(one, folds=2)),
        (lambda: ranking.voter_tastes(SCORES), lambda: ranking.voter_tastes(few, kinds=1, n_resamples=0)),
        (lambda: ranking.personal_board(SCORES, "x"), lambda: ranking.personal_board(few, "x")),
        (lambda: ranking.weigh_voters(SCORES), lambda: ranking.weigh_voters(few, min_votes=9)),
        (lambda: ranking.weigh_voters(few), lambda: ranking.weigh_voters(few, min_votes=9)),
        (
            command("rank", bare, "--column", "voter=who", "--voters-weighed", "--weight", "x=2"),
            command("rank", bare, "--column", "voter=who"),
        ),
        (
            lambda: ranking.prompt_boards(asked, {**vectors, "p": [1.0]}),
            lambda: ranking.prompt_boards(asked, vectors),
        ),
        (
            lambda: ranking.prompt_boards(asked, {"q": [1.0, 0.0]}),
            lambda: ranking.prompt_boards(asked, vectors),
        ),
        (lambda: ranking.prompt_boards(SCORES, vectors), lambda: ranking.prompt_boards(asked, vectors)),
        (
            lambda: ranking.prompt_boards(asked, vectors).board([1.0]),
            lambda: ranking.prompt_boards(asked, vectors).board([1.0, 0.0]),
        ),
        (
            lambda: ranking.prompt_boards(asked, vectors).board([1.0, 0.0]).cheapest({}),
            lambda: ranking.prompt_boards(asked, vectors).board([1.0, 0.0]).cheapest({"a": 1.0, "b": 2.0}),
        ),
        (
            lambda: ranking.prompt_boards(asked, {"other": [1.0, 0.0]}, missing="drop"),
            lambda: ranking.prompt_boards(asked, vectors, missing="drop"),
        ),
        (
            lambda: ranking.prompt_boards(asked, {"q": [1.0, 0.0], "r": [0.0, 1.0]}),
            lambda: ranking.prompt_boards(asked, {"q": [1.0, 0.0], "r": [0.0, 1.0]}, missing="drop"),
        ),
        *_files(given),
    ]
