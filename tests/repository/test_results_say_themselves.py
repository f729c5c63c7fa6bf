"""Every public result has a short `repr` and something for a notebook: found by introspection."""

import dataclasses
import inspect
import typing
from html import escape

import numpy as np
import pandas as pd
import pytest

import agon as ag
from agon import data, ranking
from agon.arena.cli.simulate import as_table
from agon.data import read_published
from agon.data.log.records import RosterRecord
from agon.data.log.vote_log import VoteLog
from agon.data.study_evidence import RatingConsistency
from agon.ranking import METHODS, Comparisons, ScoreTable
from agon.ranking.text import LONGEST_REPR
from tests.support.log_records import NOON, put, voted
from tests.support.paths import REPOSITORY

WORLD = ranking.bradley_terry_world(5, 900, seed=4, voters=9)
VOTES = WORLD.comparisons()
BOARD = ranking.rank(VOTES)
TABLE = ScoreTable.of(["ada", "bob", "cyn"], ["x", "y", "z"], [[1, 2, 3], [3, 1, 2], [2, 3, 1]])
CYCLE = Comparisons.from_counts("abc", [[0, 20, 10], [10, 0, 20], [20, 10, 0]])
JUDGED = ranking.PairVerdicts.of(
    "aababc" * 9, "bccccb" * 9, [1, 0.7, 0.5, 0.9, 1, 0.2] * 9, [i // 6 for i in range(54)]
)
WITHDRAWN = ranking.withdrawal_test(
    list("vvw"), [1, 0, 0], ["A", "B", "tie"], [0, 0], ["ada", "bob"], [1, -1]
)
AUDIT = ranking.audit_judge(JUDGED, JUDGED)
OUTLIERS = Comparisons.from_counts(
    "abcd", [[0, 60, 70, 5], [40, 0, 60, 70], [30, 40, 0, 60], [95, 30, 40, 0]]
)


def leaves(kind):
    """The classes of ours in a type such as tuple[X, ...] | None."""
    if inspect.isclass(kind) and not typing.get_args(kind):
        return {kind} if kind.__module__.startswith("agon.") else set()
    return set().union(*map(leaves, typing.get_args(kind)), set())


def hints(thing):
    from plotly.graph_objects import Figure

    return typing.get_type_hints(thing, localns={"pd": pd, "Figure": Figure})


def public_results():
    """The classes exported, returned by what is exported, or that stand in tuples of these."""
    found = set()
    for module in (ag, ranking, data):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                found |= {thing} if not issubclass(thing, Exception) else set()
            elif inspect.isfunction(thing):
                found |= leaves(hints(thing).get("return"))
    while True:
        more = set()
        for kind in filter(dataclasses.is_dataclass, found):
            for type_ in hints(kind).values():
                if typing.get_origin(type_) is tuple:
                    more |= leaves(type_)
        if more <= found:
            return found
        found |= more


def examples(folder):
    """One of each, made by what makes it."""
    judged = [
        {"model_a": "ada", "model_b": "bob", "winner": w, "judge": "j", "turn": 1, "anony": True}
        for w in ("model_a", "model_b", "tie")
    ]
    path = folder / "battles.json"
    pd.DataFrame(judged).to_json(path, orient="records")
    fit = METHODS["bradley_terry"].function(VOTES.pairs)
    cycles, moved = (
        ranking.majority_cycles(CYCLE),
        BOARD.compare(ranking.rank(WORLD.comparisons().among(np.arange(5) < 4))),
    )
    margin = ranking.margins_of_victory(VOTES, "copeland")[0]
    axioms = ranking.axioms(CYCLE, ["copeland"])
    winners = ranking.winner_probabilities(VOTES, ["copeland", "win_rate"], n_resamples=20)
    reliability = ranking.voter_reliability(VOTES)
    rng = np.random.default_rng(1)
    sides = rng.permuted(np.tile([0, 1, 2], (400, 1)), axis=1)[:, :2]
    features = {"length": rng.normal(size=400)}
    places = np.where(rng.random(400)[:, None] < 0.5, [1, 2], [2, 1])
    controlled = ranking.rank(Comparisons.of("abc", sides, places, features=features), control="length")
    groups_file = folder / "groups.csv"
    pd.DataFrame(groups()).to_csv(groups_file, index=False)
    world = ranking.add_attack(ranking.bradley_terry_world(6, 6000, voters=80), "one-sided", 200, 2)
    gated = ranking.gate_votes(ag.comparisons(as_table(ranking.add_attack(world, "burst", 200, 100))))
    compared = ranking.compare_methods(VOTES, ["bradley_terry", "davidson"], folds=2)
    tastes = ranking.voter_tastes(VOTES, kinds=2, folds=2, n_resamples=2)
    script = ranking.add_attack(ranking.bradley_terry_world(6, 6000, voters=80), "cookies", 600, 60)
    near = ranking.gate_votes(script.comparisons()).networks
    on_prompts = Comparisons.of("ab", [[0, 1]] * 8, [[1, 2], [2, 1]] * 4, labels={"prompt": list("pqrstuvw")})
    topics = ranking.prompt_boards(on_prompts, {p: [i % 3, i % 2] for i, p in enumerate("pqrstuvw")}, folds=2)
    to_ask = ranking.route_prompt(topics, [0.0, 1.0], {"a": 1.0, "b": 2.0})
    parted = ranking.topic_boards(topics, {p: [i % 3, i % 2] for i, p in enumerate("pqrstuvw")}, topics=2)
    decision = ranking.decide(BOARD, {row.model: {"price": 1.0 + row.votes} for row in BOARD})
    rated = {f"m{i}": 900.0 + 20 * i + i % 3 for i in range(9)}
    foretold = ranking.predict_ratings(rated, {f"m{i}": {"rate": float(i)} for i in range(11)})
    verdicts = Comparisons.of(
        VOTES.models, [[0, 1], [1, 2], [2, 3]], [[1, 2]] * 3, labels={"prompt": ["p", "q", "r"]}
    )
    asked = Comparisons.of(VOTES.models, [[0, 1], [0, 1]], [[1, 2], [2, 1]], labels={"prompt": ["p", "p"]})
    route = ranking.route_votes(asked, verdicts, 2)
    with VoteLog(folder / "log") as log:
        put(log, RosterRecord({"ada": "listed"}, NOON))
        voted(log, ("ada", "bob"), (1, 2))
        log.snapshot()
    lives = data.roster_history(folder / "log")
    thumbs = {"thumb": rng.integers(-1, 2, 90)}
    use = ranking.RoutedUse.of("ab", rng.integers(0, 2, 90), [0.5, 0.5], range(90), thumbs)
    effects = ranking.signal_effects(use, "thumb")
    return [
        compared, compared.scores[0], tastes, tastes.kinds[0], tastes.tried[0],
        ranking.personal_board(VOTES, "3"), topics, topics.board([0.0, 1.0]),
        to_ask, parted, parted.topics[0], ranking.preference_embedding(CYCLE, folds=2),
        data.open_log(folder / "log"), lives, lives.models[0], lives.changes[0],
        decision, decision.candidates[0],
        foretold, foretold.rows[0], route, route.comparisons[0],
        use, effects, effects.rows[0],
        data.export(groups_file, "votes", folder / "out"),
        data.write_counts(groups_file, folder / "part.parquet"),
        VOTES, VOTES.ballots, VOTES.battles, VOTES.pairs, WORLD, TABLE, BOARD, BOARD[0], BOARD.lead,
        BOARD.winner,
        BOARD.difference(0, 1), BOARD.win_probability(BOARD[0].model, BOARD[1].model), moved, moved.moves[0],
        ag.rank_by(groups(), "language"), ranking.rank(VOTES, "elo").diagnostics[0],
        controlled.coefficients[0], fit, METHODS["copeland"].function(VOTES.pairs),
        METHODS["schwartz_set"].function(CYCLE.pairs), METHODS["elo"], ranking.Settings(level=0.9),
        METHODS["davidson"].function(VOTES.pairs).outcome_parameters[0],
        ranking.compare_rules(VOTES, ["elo", "win_rate"], n_resamples=9), winners, winners.rules[0],
        cycles, cycles.cycles[0], axioms, axioms.findings[0], margin, margin.changes[0], ranking.tiers(VOTES),
        ranking.breakdown_point(VOTES), ranking.intransitivity(VOTES), ranking.iia_score(VOTES, "copeland"),
        ranking.committee(TABLE, 2, approve=2), ranking.prospective(TABLE, "ada"),
        ranking.justified_representation(TABLE, ["ada", "bob"], approve=2),
        ranking.inter_annotator_agreement(prompted(), by="prompt"),
        JUDGED, AUDIT, AUDIT.measures[0], AUDIT.limits, AUDIT.curve[0],
        ranking.position_bias(VOTES), ranking.aa_test([1, 0, -1]),
        WITHDRAWN, WITHDRAWN.results[0], WITHDRAWN.models[0],
        ranking.anonymity_test(list("ab") * 40, list("xy") * 40, *[[n // 2 for n in range(80)]] * 2),
        reliability, reliability.voters[0], ranking.plan_votes(0.6, 5),
        ranking.panel_lead(VOTES), ag.report(VOTES), ag.report(VOTES).voters[0],
        RatingConsistency(3, 2, 1, 0, 0, {}),
        gated, gated.voters, gated.voters.found[0], gated.windows, gated.windows.found[0], near,
        near.found[0],
        ranking.open_pairs(BOARD)[0], ranking.outlier_pairs(OUTLIERS)[0], data.check(pd.DataFrame(judged)),
        read_published(path),
    ]  # fmt: skip


def groups():
    return [
        {"model_a": "ada", "model_b": "bob", "winner": w, "language": x}
        for w in ("model_a", "model_b")
        for x in ("de", "<en>")
    ] * 20


def prompted():
    return Comparisons.of(
        "ab",
        [[0, 1]] * 6,
        [[1, 2], [1, 2], [2, 1], [2, 1], [1, 2], [2, 1]],
        labels={"prompt": list("ppqqrr")},
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return {type(one): one for one in examples(tmp_path_factory.mktemp("results"))}


KINDS = sorted(public_results(), key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__qualname__)
def test_a_public_result_is_read_at_a_glance(made, kind):
    assert kind in made, f"add an example of {kind.__qualname__} to this test"
    one = made[kind]
    said = repr(one)
    assert said.startswith(f"{kind.__name__}(") and said.endswith(")")
    assert "\n" not in said and len(said) <= LONGEST_REPR + 40
    assert not any(word in said for word in ("array(", "<function", " object at ", "nan"))
    page = one._repr_html_()
    assert page.startswith("<") and "<script" not in page
    if hasattr(one, "conclusion"):
        assert escape(one.conclusion()) in page
    if hasattr(one, "to_frame"):
        assert "<table" in page


def test_names_are_escaped_in_notebooks(made):
    page = made[ranking.GroupedBoards]._repr_html_()
    assert "<en>" not in page and "&lt;en&gt;" in page


def test_the_repository_is_the_one_under_test():
    assert ranking.__file__.startswith(str(REPOSITORY))
