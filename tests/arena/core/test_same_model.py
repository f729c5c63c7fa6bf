"""A/A battles: drawn with their probability, revealed for what they are, on no board and in no export."""

from collections import Counter
from dataclasses import replace
from itertools import combinations
from random import Random

import pandas as pd
import pyarrow.parquet as pq
import pytest

from agon.arena.cli.commands import main
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.matchmaking import Matchmaker
from agon.arena.setup.recorded import read_recorded_roster
from agon.arena.web.server import ServeError, configured
from agon.data import check, comparisons, export, open_log
from agon.data.log.vote_log import VoteLog
from agon.ranking import SourceError
from agon.ranking.matchmaking import POLICIES
from agon.serving.protocol import Message
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.log_records import voted


def twins(models, **again):
    """Models that answer a second time, the first of them if `again` says how."""
    return replace(
        models,
        contestants=tuple(
            replace(one, again=Scripted("Another answer.", **again if number == 0 else {}))
            for number, one in enumerate(models.contestants)
        ),
    )


@pytest.mark.parametrize("size", [2, 3, 4])
def test_what_is_drawn_has_the_probability_that_is_logged(size):
    """Every outcome of the draw, A/A or not, comes as often as its probability says; these sum to one."""
    models = twins(roster(*(Scripted() for _ in range(4)))).contestants
    maker = Matchmaker(POLICIES["uniform"], [one.card.name for one in models], same_model=0.3)
    again = {one.card.name: one.twin([Message("user", "Why?")]) for one in models}
    seen, chance, n = Counter(), {}, 4_000
    for seed in range(n):
        draw = maker.draw(models, size, Random(seed), twins=again)
        names = tuple(sorted(one.card.name for one in draw.contestants))
        twice = len(set(names)) < size
        assert (draw.policy == "same_model") is twice
        assert len({id(one.backend) for one in draw.contestants}) == size, "two answers, not one shown twice"
        for pair, pairs in zip(combinations(draw.contestants, 2), draw.pair_probabilities, strict=True):
            assert 0 < draw.group_probability <= pairs + 1e-12 < 1.1, pair
        chance[names] = draw.group_probability * (1 if twice else 0.7)
        seen[names] += 1
    assert sum(chance.values()) == pytest.approx(1)
    for names, times in seen.items():
        error = (chance[names] * (1 - chance[names]) / n) ** 0.5
        assert abs(times / n - chance[names]) < 4.5 * error


def test_where_no_second_answer_is_to_be_had_the_policy_draws():
    models = roster(*(Scripted() for _ in range(3))).contestants
    maker = Matchmaker(POLICIES["uniform"], [one.card.name for one in models], same_model=0.9)
    assert {maker.draw(models, 2, Random(seed), twins={}).policy for seed in range(50)} == {"uniform"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An arena of 24 battles of which about half are A/A; the left answer is always preferred there."""
    folder = tmp_path_factory.mktemp("aa") / "log"
    models = twins(roster(*(Scripted(f"Answer {n}.") for n in range(3))))
    with open_arena(folder, models, ArenaSettings(seed=7, same_model=0.5)) as server:
        kinds = Counter()
        for number in range(24):
            visitor = server.visitor() if number % 8 == 0 else visitor  # noqa: F821 (the one before)
            view = visitor.ready(f"Question {number}?")
            kept = visitor.vote(view, "a" if number % 3 else "b").json()
            twice = len(set(kept["models"])) == 1
            kinds[twice] += 1
            assert kept["counted"] is not twice
            change = visitor.get(f"/api/battles/{view['battle']}/change").json()["html"]
            assert ("another one of its own model" in change) is twice
            assert ("Both were by Canary" in kept["html"]) is twice
            assert ("measures the arena itself" in kept["html"]) is twice
        assert server.log.counted() == kinds[False]
        assert server.log.count() == 24
        assert len(server.log.comparisons()) == kinds[False]
        assert server.log.filters()["language"].get("en", 0) <= kinds[False]
        assert 5 < kinds[True] < 19
    return folder, kinds


def test_no_reader_of_the_log_rates_them(folder, tmp_path, capsys):
    folder, kinds = folder
    assert len(comparisons(folder)) == kinds[False]
    plain = pq.read_table(folder / "votes" / "arena.parquet")
    assert plain.num_rows == kinds[False]
    assert all(
        a != b for a, b in zip(plain["model_a"].to_pylist(), plain["model_b"].to_pylist(), strict=True)
    )
    log = open_log(folder)
    assert (len(log.votes), len(log.same_model_votes), len(log.battles)) == (kinds[False], kinds[True], 24)
    assert all(len(set(models)) == 1 for models in log.same_model_votes["models"])
    assert set(log.same_model_votes["policy"]) == {"same_model"}
    for form in ("votes.parquet", "lmarena.jsonl"):
        written = export(folder, form.split(".")[0], tmp_path / form)
        assert written.votes == kinds[False]
    assert main(["rank", str(folder), "--format", "json", "--min-votes", "1"]) == 0
    assert "canary-0-id" in capsys.readouterr().out


def test_agon_check_tells_the_noise_and_the_side(folder, capsys):
    folder, kinds = folder
    found = check(folder)
    assert found.same_model.votes == kinds[True]
    assert found.same_model.preferred == 1.0
    votes = open_log(folder).same_model_votes
    assert found.same_model.first == pytest.approx(votes["places"].map(list).map([1, 2].__eq__).mean())
    assert len(found.votes) == kinds[False]
    main(["check", str(folder)])
    assert "two answers of one model (A/A) 100.0% preferred one" in " ".join(capsys.readouterr().out.split())
    assert check(folder / "votes" / "arena.parquet").same_model is None


def test_of_more_answers_two_are_compared(tmp_path):
    """Places of the two alone tell: above, level, below, and nothing where neither has one."""
    with VoteLog(tmp_path) as log:
        voted(log, ("ada", "bob", "ada"), (2, 1, 3))
        voted(log, ("ada", "bob", "ada"), (1, 2, 1))
        voted(log, ("ada", "bob", "ada"), (None, 1, None))
        voted(log, ("bob", "ada", "ada"), (2, None, 1))
        for _ in range(3):
            voted(log, ("ada", "bob", "cyn"), (1, 2, 3))
        assert log.counted() == 3
    found = check(tmp_path).same_model
    assert (found.votes, found.preferred, found.first) == (3, pytest.approx(2 / 3), 0.5)
    assert comparisons(tmp_path).models == ("ada", "bob", "cyn")


def test_a_log_of_such_votes_alone_has_no_board(tmp_path):
    with VoteLog(tmp_path) as log:
        voted(log, ("ada", "ada"), (1, 2))
        with pytest.raises(SourceError, match="There are no votes yet"):
            log.comparisons()
    with pytest.raises(SourceError):
        comparisons(tmp_path)
    assert len(open_log(tmp_path).same_model_votes) == 1


def test_one_that_fails_is_not_replaced_but_ends_it(tmp_path):
    """Another model would make a battle of two of it; of four answers the others are judged, unrated."""
    again = {"fails": "interrupted", "after": 1}
    for size, state in ((2, "void"), (3, "ready")):
        models = twins(roster(*(Scripted(f"Answer {n}.") for n in range(3))), **again)
        settings = ArenaSettings(answers=size, seed=3, same_model=0.99)
        with open_arena(tmp_path / str(size), models, settings) as server:
            visitor, states = server.visitor(), []
            for number in range(8):
                view = visitor.finish(visitor.start(f"Question {number}?")["battle"])
                failed = "failed" in [side["status"] for side in view["sides"]]
                assert not failed or view["state"] == state
                states.append(failed)
                if failed and size == 3:
                    body = {"turn": 1, "places": [1, 2], "acceptable": None, "token": view["token"]}
                    kept = visitor.post(f"/api/battles/{view['battle']}/vote", body).json()
                    assert kept["counted"] is False
            assert any(states)
            assert server.log.counted() == 0


def test_recorded_answers_need_samples(tmp_path):
    row = {"prompt": "Why?", "model": "ada", "answer": "One.", "sample": 0, "failure": None, "settings": "{}"}
    rows = [row, row | {"sample": 1, "answer": "Two."}, row | {"model": "bob"}]
    rows += [row | {"model": "bob", "sample": 1}]  # which says the same again
    path = tmp_path / "answers.parquet"
    pd.DataFrame(rows).to_parquet(path)
    ada, bob = read_recorded_roster(path).contestants
    assert ada.twin([Message("user", "Why?")]).card == ada.card
    assert bob.twin([Message("user", "Why?")]) is None
    with open_arena(
        tmp_path / "log", read_recorded_roster(path), ArenaSettings(seed=1, same_model=0.9)
    ) as server:
        visitor = server.visitor()
        texts = [{side["text"] for side in visitor.ready("Why?")["sides"]} for _ in range(5)]
    assert {"One.", "Two."} in texts
    pd.DataFrame([row, rows[2]]).to_parquet(path)
    with pytest.raises(ServeError, match="two answers of one model to a prompt"):
        configured(path, None, same_model=0.02)
    assert configured(path, None).same_model == 0
