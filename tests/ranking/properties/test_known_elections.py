"""Every rule of social choice against published elections and tables, or results worked out by hand.

The files are those of test_known_answers.py, with these fields more: `profile`, rows of [votes, models best
first (a list in it is a tie)]; `table`, models x tasks; instead of `scores`, the `tiers` of an election or
its `lottery`.
"""

import json

import numpy as np
import pytest

from agon.ranking import METHODS, Ballots, PairCounts, ScoreTable, rank
from tests.support.families import RULES
from tests.support.paths import REPOSITORY

FOLDER = REPOSITORY / "tests" / "known_answers"
CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}-{case['name']}")
    for path in sorted(FOLDER.glob("*.json"))
    if path.stem in RULES
    for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
]


def votes_of(case):
    if "table" in case:
        return ScoreTable.of(**case["table"])
    if "profile" not in case:
        return PairCounts.of(case["models"], case["wins"], case.get("ties"))
    rows = [
        (count, [tie if isinstance(tie, list) else [tie] for tie in order])
        for count, order in case["profile"]
    ]
    models = sorted({model for _, order in rows for tie in order for model in tie})
    places = [
        [next(i + 1 for i, tie in enumerate(order) if model in tie) for model in models] for _, order in rows
    ]
    return Ballots.of(models, [range(len(models))] * len(rows), places, count=[count for count, _ in rows])


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_has_a_known_answer(name):
    path = FOLDER / f"{name}.json"
    assert path.exists(), f"add a published result of {name} to {path}"
    assert json.loads(path.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_published_result_comes_out(name, case):
    assert case["source"]
    votes = votes_of(case)
    if "tiers" in case or "lottery" in case:
        how = METHODS[name]
        pairs = (
            PairCounts.from_ballots(votes) if how.view == "pairs" and isinstance(votes, Ballots) else votes
        )
        choice = how.function(pairs, **how.settings(case["options"]))
        if "tiers" in case:
            assert [sorted(votes.models[i] for i in tier) for tier in choice.tiers] == case["tiers"]
        else:
            expected = [case["lottery"][model] for model in votes.models]
            assert choice.lottery == pytest.approx(expected, abs=case["tolerance"])
    board = rank(votes, name, interval="none", min_votes=0, **case["options"])
    for model, published in case.get("scores", case.get("lottery", {})).items():
        assert board[model].score == pytest.approx(published, rel=0, abs=max(case["tolerance"], 1e-12))
    if "scores" in case:
        order = sorted(case["scores"], key=lambda model: (-case["scores"][model], model))
        assert [row.model for row in board.ranked] == order
    if "tiers" in case:
        assert [row.rank for row in board.ranked] == np.repeat(
            1 + np.cumsum([0, *map(len, case["tiers"][:-1])]), [len(tier) for tier in case["tiers"]]
        ).tolist()
