"""Every registered method against published results; a method without one fails the suite."""

import json
import math

import numpy as np
import pytest

from agon.ranking import METHODS, Comparisons, PairCounts, rank
from tests.support.families import RATINGS
from tests.support.paths import REPOSITORY

FOLDER = REPOSITORY / "tests" / "known_answers"
CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}-{case['name']}")
    for path in sorted(FOLDER.glob("*.json"))
    if path.stem in RATINGS  # test_known_elections.py has those of social choice
    for case in json.loads(path.read_text())["cases"]
]
PLACES = {"model_a": (1, 2), "model_b": (2, 1), "tie": (1, 1)}


def votes_of(case):
    if "places" in case:
        rows = np.array(case["places"])
        shown = np.where(rows > 0, np.arange(len(case["models"])), -1)
        return Comparisons.of(case["models"], shown, rows, weight=case["weights"])
    if "orders" in case:
        width = max(map(len, case["orders"]))
        seats = [[case["models"].index(model) for model in order] for order in case["orders"]]
        return Comparisons.of(
            case["models"],
            [row + [-1] * (width - len(row)) for row in seats],
            [[*range(1, len(row) + 1), *[0] * (width - len(row))] for row in seats],
            timestamp=range(len(seats)),
        )
    if "rows" not in case:
        return Comparisons.from_counts(case["models"], case["wins"], case.get("ties"), case.get("both_bad"))
    models = sorted({name for row in case["rows"] for name in row[:2]})
    shown = [[models.index(a), models.index(b)] for a, b, _ in case["rows"]]
    places = [PLACES[winner] for *_, winner in case["rows"]]
    return Comparisons.of(models, shown, places, timestamp=case.get("times"), grade=case.get("grades"))


def number(published):
    """A published number, or a share given as points won of games played."""
    return published["won"] / published["of"] if isinstance(published, dict) else published


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_has_a_known_answer(name):
    path = FOLDER / f"{name}.json"
    assert path.exists(), f"add a published result of {name} to {path}"
    assert json.loads(path.read_text())["cases"]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_published_scores_come_out(name, case):
    assert case["source"]
    board = rank(votes_of(case), name, interval="none", min_votes=0, **case["options"])
    if "tiers" in case:
        ahead = [0, *np.cumsum([len(tier) for tier in case["tiers"]])]
        places = [(n + 1, model) for n, tier in zip(ahead, case["tiers"], strict=False) for model in tier]
        assert [(row.rank, row.model) for row in board.ranked] == places
        return
    expected = case.get("scores", case.get("shares"))
    assert len(board) == len(expected)
    found = {row.model: row.score for row in board.rows}
    if "shares" in case:
        total = sum(math.exp(score) for score in found.values())
        found = {model: math.exp(score) / total for model, score in found.items()}
    if "parameters" in case:
        how = METHODS[name]
        fitted = how.function(how.view_of(votes_of(case))).parameters
        assert {key: fitted[key] for key in case["parameters"]} == pytest.approx(
            case["parameters"], rel=0, abs=case["tolerance"]
        )
    for model, published in expected.items():
        assert found[model] == pytest.approx(number(published), rel=0, abs=case["tolerance"])
    order = sorted(expected, key=lambda model: -number(expected[model]))
    assert [row.model for row in board.ranked] == order


@pytest.mark.parametrize(("name", "case"), [c for c in CASES if "inverse_hessian_se" in c.values[1]])
def test_the_published_standard_errors_come_out_of_the_inverse_hessian(name, case):
    """A GLM prints inverse-information errors; `bread` is that matrix before the sandwich is made."""
    counts = PairCounts.of(case["models"], case["wins"])
    bread = METHODS[name].function(counts).equation.bread
    anchor = case["options"].get("anchor")
    for model, published in case["inverse_hessian_se"].items():
        contrast = np.eye(len(bread))[case["models"].index(model)]
        if anchor is not None:
            contrast = contrast - np.eye(len(bread))[case["models"].index(anchor)]
        digits = len(str(published).split(".")[1])
        assert np.sqrt(contrast @ bread @ contrast) == pytest.approx(published, rel=0, abs=0.51 * 10**-digits)
