"""Weights that make a model win: published lists, hand-made tables, and proofs checked by arithmetic."""

import csv
import json

import numpy as np
import pytest
from scipy.optimize import linprog

from agon.ranking import MethodError, OptionError, PairCounts
from agon.ranking.analysis.task_weights import prospective, prospects
from agon.ranking.votes.score_table import ScoreTable
from tests.support.paths import GOLDEN

golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason=f"no golden values in {GOLDEN}")


def table(values, groups=None):
    values = np.asarray(values, dtype=float)
    models = [f"m{i:0{len(str(len(values) - 1))}d}" for i in range(len(values))]
    tasks = [f"t{i:0{len(str(values.shape[1] - 1))}d}" for i in range(values.shape[1])]
    named = None if groups is None else dict(zip(tasks, groups, strict=True))
    return ScoreTable.of(models, tasks, values, groups=named)


def read(name, positive=False):
    with (GOLDEN / f"votenrank_input_{name}.csv").open(encoding="utf-8") as file:
        head, *rows = list(csv.reader(file))
    with (GOLDEN / f"votenrank_weights_{name}.csv").open(encoding="utf-8") as file:
        weight = {row["task"]: float(row["weight"]) for row in csv.DictReader(file)}
    keep = [t for t, task in enumerate(head[1:]) if weight[task] > 0 or not positive]
    values = np.array([[float(row[1:][t]) for t in keep] for row in rows])
    return ScoreTable.of([row[0] for row in rows], [head[1:][t] for t in keep], values)


def advantage(given, i):
    return np.sign(given.values[i] - np.delete(given.values, i, axis=0))


@golden
@pytest.mark.parametrize("name", ["glue_all", "value"])
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.slow
def test_published_and_strict_lists(name, positive):
    """Weak: 9 on GLUE, 3 on VALUE, as Vote'n'Rank published; strict: 8 and 3, from an independent program."""
    known = json.loads((GOLDEN / "votenrank_prospective_strict.json").read_text(encoding="utf-8"))
    wanted = known[f"{name} | {'tasks with weight > 0' if positive else 'all tasks'}"]
    given = read(name, positive)
    weak = {found.model for found in prospects(given, strict=False) if found.possible}
    assert weak == set(wanted["weak"])
    if not positive:
        published = json.loads((GOLDEN / "votenrank_prospective.json").read_text(encoding="utf-8"))
        assert weak == set(published[name]["prospective"])
    strict = {found.model: found for found in prospects(given) if found.possible}
    assert set(strict) == set(wanted["strict"])
    assert len(strict) == {"glue_all": 8, "value": 3}[name]
    for model, answer in wanted["strict"].items():
        assert strict[model].margin == pytest.approx(answer["margin"], abs=1e-6)


@golden
def test_answers_and_proofs_hold_by_arithmetic_alone():
    given = read("glue_all")
    for found in prospects(given):
        i = given.models.index(found.model)
        gain = advantage(given, i)
        if found.possible:
            weights = np.array([found.weights[task] for task in given.tasks])
            assert weights.min() >= 0 and weights.sum() == pytest.approx(1)
            assert (gain @ weights).min() == pytest.approx(found.margin) and found.margin > 0
        else:
            names = np.delete(np.array(given.models, dtype=object), i)
            mixture = np.array([found.rivals.get(name, 0.0) for name in names])
            assert mixture.sum() == pytest.approx(1) and mixture.min() >= 0
            assert (mixture @ gain).max() <= found.margin + 1e-9 and found.margin < 1e-6


def test_second_everywhere_needs_a_mixture():
    given = table([[3, 1], [2, 2], [1, 3]])
    middle = prospective(given, "m1")
    assert not middle.possible
    assert middle.rivals == pytest.approx({"m0": 0.5, "m2": 0.5})
    assert middle.margin == pytest.approx(0, abs=1e-9)
    assert "No weights make m1 the Condorcet winner" in middle.conclusion()
    weak = prospective(given, "m1", strict=False)
    assert weak.possible and weak.weights == pytest.approx({"t0": 0.5, "t1": 0.5})
    assert prospective(given, "m0").margin == pytest.approx(1)
    assert "is the Condorcet winner" in prospective(given, "m0").conclusion()


def test_first_nowhere_and_still_a_winner():
    """A model that is first in no task but beats each rival in two of three wins with even weights."""
    given = table([[2, 2, 2], [3, 1, 1], [1, 3, 1], [1, 1, 3]])
    found = prospective(given, "m0")
    assert found.possible and found.margin == pytest.approx(1 / 3)
    assert found.weights == pytest.approx({"t0": 1 / 3, "t1": 1 / 3, "t2": 1 / 3})
    assert set(found.closest) == {"m1", "m2", "m3"}


def test_gaps_drop_the_pair_from_the_task():
    given = table([[1, np.nan], [2, 9], [np.nan, 1]])
    assert prospective(given, "m1").margin == pytest.approx(0.5)  # m0 in t0 alone, m2 in t1 alone
    with pytest.raises(MethodError, match="Borda needs complete scores"):
        prospective(given, "m1", rule="borda")


@pytest.mark.slow
def test_borda_against_the_whole_program():
    rng = np.random.default_rng(5)
    for _ in range(20):
        given = table(rng.integers(0, 4, (6, 4)))
        above = (given.values[:, None] > given.values[None, :]).sum(1)
        points = above + 0.5 * ((given.values[:, None] == given.values[None, :]).sum(1) - 1)
        for i in range(6):
            gain = (points[i] - np.delete(points, i, axis=0)) / 5
            whole = linprog(
                [0] * 4 + [-1],
                A_ub=np.hstack([-gain, np.ones((5, 1))]),
                b_ub=np.zeros(5),
                A_eq=[[1] * 4 + [0]],
                b_eq=[1],
                bounds=[(0, 1)] * 4 + [(None, None)],
            )
            found = prospective(given, f"m{i}", rule="borda")
            assert found.possible == (-whole.fun > 1e-7)
            if found.possible:
                assert found.margin == pytest.approx(-whole.fun, abs=1e-7)


def test_many_rivals_against_the_whole_program():
    """Rivals are added as they are violated; the answer must be that of all of them at once."""
    rng = np.random.default_rng(1)
    given = table(rng.normal(size=(300, 12)) + rng.normal(size=(300, 1)))
    agreed = 0
    for i in np.argsort(-given.values.mean(axis=1))[:25]:
        gain = advantage(given, i)
        whole = linprog(
            [0] * 12 + [-1],
            A_ub=np.hstack([-gain, np.ones((299, 1))]),
            b_ub=np.zeros(299),
            A_eq=[[1] * 12 + [0]],
            b_eq=[1],
            bounds=[(0, 1)] * 12 + [(None, None)],
        )
        found = prospective(given, given.models[i])
        assert found.possible == (-whole.fun > 1e-6)
        if found.possible:
            assert found.margin == pytest.approx(-whole.fun, abs=1e-7)
            agreed += 1
    assert agreed > 3


def test_bounds_on_groups_and_tasks():
    given = table([[2, 1, 1], [1, 2, 2]], groups=("a", "b", "b"))
    assert prospective(given, "m0").margin == pytest.approx(1)
    found = prospective(given, "m0", bounds={"b": (0.3, 1.0)})
    assert found.possible and found.margin == pytest.approx(0.4)
    none = prospective(given, "m0", bounds={"a": (0.0, 0.5)})
    assert not none.possible and none.margin == pytest.approx(0)
    assert prospective(given, "m0", strict=False, bounds={"t0": (0.0, 0.5)}).possible
    with pytest.raises(OptionError, match="No weights meet the bounds"):
        prospective(given, "m0", bounds={"a": (0.0, 0.4), "b": (0.0, 0.4)})
    with pytest.raises(OptionError, match="no group or task 'bb'"):
        prospective(given, "m0", bounds={"bb": (0.0, 0.4)})
    with pytest.raises(OptionError, match=r"bounds of 'a' are 0\.4 and 0\.2"):
        prospective(given, "m0", bounds={"a": (0.4, 0.2)})
    same = table(given.values, groups=("t0", "b", "b"))
    with pytest.raises(OptionError, match="both a group and a task"):
        prospective(same, "m0", bounds={"t0": (0.4, 0.6)})


def test_pairs_of_every_category():
    first = PairCounts.of(("a", "b", "c"), [[0, 6, 6], [2, 0, 5], [2, 5, 0]])
    second = PairCounts.of(("a", "b", "c"), [[0, 1, 3], [9, 0, 3], [7, 7, 0]])
    found = prospective({"code": first, "prose": second}, "a")
    assert found.possible and found.weights == pytest.approx({"code": 1.0, "prose": 0.0})
    assert found.margin == pytest.approx(0.5)
    assert prospective({"code": first, "prose": second}, "b").possible is False
    with pytest.raises(MethodError, match="'prose' are of other models"):
        prospective({"code": first, "prose": PairCounts.of(("a", "b"), [[0, 1], [1, 0]])}, "a")


def test_refusals():
    given = table([[1, 2], [2, 1]])
    with pytest.raises(OptionError, match="no model 'm7'"):
        prospective(given, "m7")
    with pytest.raises(OptionError, match="no rule 'borderline'"):
        prospective(given, "m0", rule="borderline")
    with pytest.raises(MethodError, match="no task"):
        prospective({}, "m0")
