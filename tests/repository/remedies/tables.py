"""Votes and scores as arrays and tables: what is refused, and the remedy."""

import numpy as np
import pandas as pd

import agon as ag
from tests.repository.remedies.steps import (
    FRAME,
    GROUPED,
    SCORES,
    TABLE,
    Case,
    Given,
    counts,
    of,
    ranked,
    scored,
    table_of,
)


def cases(given: Given) -> list[Case]:
    """Its cases."""
    folder = given.folder
    gap = ag.score_table(pd.DataFrame({"model": ["a", "b", "c"], "x": [1, 2, None], "y": [3, 1, 2]}))
    one_gap_each = ag.score_table(
        pd.DataFrame({"model": ["a", "b", "c"], "x": [1, 2, None], "y": [None, 1, 2]})
    )
    zero = ag.score_table(pd.DataFrame({"model": ["a", "b"], "x": [0.0, 2.0], "y": [3.0, 1.0]}))
    lower = ag.score_table(TABLE, directions={"x": "lower"})
    rows = {"model": ["a", "b"], "x": [1, 2], "y": [2, 1]}
    half, other = given.file("model,x,y\nada,1,2\n"), given.file("model,x,y\nbob,2,1\n")
    long = pd.DataFrame(
        [
            {"model": m, "task": "x", "metric": k, "score": i}
            for i, m in enumerate(("ada", "bob"))
            for k in ("accuracy", "recall")
        ]
    )
    items = pd.DataFrame(
        [
            {"model": m, "task": "x", "item": k, "score": i + k}
            for i, m in enumerate(("ada", "bob"))
            for k in range(3)
        ]
    )
    return [
        # arrays
        (of(timestamp=[np.nan]), of(timestamp=[1.0]), 1),
        (of(timestamp=[1.0, 2.0]), of(timestamp=[1.0]), 1),
        (of(pair_probability=[0.1, 0.2]), of(pair_probability=[0.1]), 1),
        (of(weight=[1.0, 1.0]), of(weight=[1.0]), 1),
        (of(shown=[[[0, 1]]]), of(), 1),
        (of(places=[[1, 2], [2, 1]]), of(shown=[[0, 1], [0, 1]], places=[[1, 2], [2, 1]]), 2),
        (of(models=("a", "a")), of(), 1),
        (of(models=("a", "")), of(), 1),
        (of(grade=[1.0, 2.0]), of(grade=[1.0]), 1),
        (of(grade=[1.0], p_a=[0.7], places=[[0, 0]]), of(p_a=[0.7], places=[[0, 0]]), 1),
        (of(grade=[0.0]), of(grade=[np.nan]), 1),
        (
            of(("a", "b", "c"), [[0, 1, 2]], [[1, 2, 3]], grade=[1.0]),
            of(("a", "b", "c"), [[0, 1, 2]], [[1, 2, 3]], grade=[np.nan]),
            1,
        ),
        (
            of(("a", "b", "c"), [[0, 1, 2]], [[0, 0, 0]], p_a=[0.7]),
            of(("a", "b", "c"), [[0, 1, 2]], [[1, 2, 3]]),
            1,
        ),
        (of(shown=[[0, 1]] * 2, places=[[1, 2]] * 2, weight=[0.0, 1.0]), of(), 1),
        (counts(((0, -1), (2, 0))), counts()),
        (counts(((1, 1), (2, 0))), counts()),
        (counts(votes=[1, 2, 3]), counts(votes=[3, 3])),
        # tables of scores
        (table_of(models=()), table_of()),
        (table_of(scores=((1, 2),)), table_of()),
        (
            table_of(scores=((1, 2), (np.inf, 1))),
            table_of(scores=((1, 2), (np.nan, 1)), tasks=("x", "y"), invalid="drop"),
        ),
        (table_of(weights={"x": 0, "y": 0}), table_of(weights={"x": 0, "y": 1})),
        (table_of(weights={"x": -1}), table_of(weights={"x": 1})),
        (table_of(models=("a", "")), table_of()),
        (table_of(models=("a", "a")), table_of()),
        (table_of(groups={"x": "one"}), table_of(groups={"x": "one", "y": "two"})),
        (table_of(scores=((1, 2), (1, 1))), table_of(("a", "b"), ("y",), ((2,), (1,)))),
        (table_of(("a", "b", "c"), scores=((1, 2), (3, 1), (np.nan, np.nan))), table_of()),
        (table_of(scores=((1, 1), (1, 1)), invalid="drop"), table_of()),
        (lambda: ag.rank_by(SCORES, "group"), lambda: ag.rank_by(GROUPED, "group")),
        (ranked(gap, "mean"), ranked(gap, "mean", missing="worst")),
        (ranked(one_gap_each, "mean", missing="drop_task"), ranked(one_gap_each, "mean", missing="worst")),
        (ranked(gap, "borda"), ranked(gap, "borda", missing="worst")),
        (ranked(zero, "geometric_mean"), ranked(zero, "mean")),
        (ranked(lower, "optimality_gap"), ranked(SCORES, "optimality_gap", gamma=2)),
        (ranked(SCORES, "optimality_gap", gamma=0), ranked(SCORES, "optimality_gap", gamma=2)),
        (ranked(GROUPED, "two_level", rule="elo"), ranked(GROUPED, "two_level", rule="copeland")),
        (scored(**rows, options={"ignore": "y"}), scored(**rows, options={"ignore": ["y"]})),
        (scored(**rows, options={"tasks": "y"}), scored(**rows, options={"tasks": ["y"]})),
        (scored(**rows, options={"metric": "x"}), scored(**rows)),
        (scored(model=[], x=[]), scored(**rows)),
        (lambda: ag.score_table(FRAME), lambda: ag.comparisons(FRAME), 100),
        (lambda: ag.score_table(str(folder / "none.csv")), scored(**rows)),
        (
            lambda: ag.score_table([half, given.file("model,z\nbob,2\n")]),
            lambda: ag.score_table([half, other]),
        ),
        (scored(**rows, average=[1, 2]), scored(**rows, average=[1, 2], options={"ignore": ["average"]})),
        (
            scored(**rows, latency=[1, 2]),
            scored(**rows, latency=[1, 2], options={"directions": {"latency": "lower"}}),
        ),
        (
            scored(**rows, name=["c", "d"]),
            scored(**rows, name=["c", "d"], options={"model": "model", "ignore": ["name"]}),
        ),
        (scored(who=["a", "b"], x=[1, 2]), scored(who=["a", "b"], x=[1, 2], options={"model": "who"})),
        (scored(model=["a", None], x=[1, 2]), scored(model=["a", "b"], x=[1, 2])),
        (scored(model=["a", "A"], x=[1, 2]), scored(model=["a", "b"], x=[1, 2])),
        (scored(model=["a", "b"]), scored(model=["a", "b"], x=[1, 2])),
        (scored(**rows, note=["s", "t"]), scored(**rows, note=["s", "t"], options={"ignore": ["note"]})),
        (
            scored(model=["a", "b", "c"], x=[1, 2, "o"]),
            scored(model=["a", "b", "c"], x=[1, 2, None], y=[1, 2, 3]),
        ),
        (scored(**rows, **{" ": [1, 2]}), scored(**rows, **{" ": [1, 2]}, options={"tasks": ["x", "y"]})),
        (
            lambda: ag.score_table(pd.DataFrame([["a", 1, 2], ["b", 2, 1]], columns=["model", "x", "x"])),
            scored(**rows),
        ),
        (lambda: ag.score_table(long), lambda: ag.score_table(long, metric="recall")),
        (
            lambda: ag.score_table(pd.concat([long, long]), metric="recall"),
            lambda: ag.score_table(long, metric="recall"),
        ),
        (lambda: ag.score_table(items[1:]), lambda: ag.score_table(items[1:], invalid="drop")),
    ]
