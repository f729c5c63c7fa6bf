"""Models in testing: drawn with their share, counted on no board, named to nobody but the organiser."""

import json
import re
from collections import Counter
from dataclasses import replace
from itertools import combinations
from random import Random

import pytest

from agon.arena.cli.commands import main
from agon.arena.core.arena import Arena
from agon.arena.core.arena_settings import ArenaSettings
from agon.arena.core.matchmaking import Matchmaker
from agon.arena.core.roster import IN_TESTING, ListedModelError
from agon.arena.core.sessions import Keys
from agon.data import comparisons, export, open_log
from agon.data.log.vote_log import VoteLog
from agon.ranking.matchmaking import POLICIES
from tests.support.arena_server import SECRET, Scripted, awaited, open_arena, roster
from tests.support.log_records import battle, put, vote

CANARY = re.compile(rb"canary[ -]3", re.IGNORECASE)  # the last of four models


def with_status(models, **status):
    """The same models, some of them in testing or retired: `m3="testing"`."""
    contestants = tuple(
        replace(one, status=status.get(f"m{n}", "listed")) for n, one in enumerate(models.contestants)
    )
    return replace(models, contestants=contestants)


def four(**status):
    return with_status(roster(*(Scripted(f"Answer {n}.") for n in range(4))), **status)


@pytest.mark.parametrize("size", [2, 3])
def test_what_is_drawn_has_the_probability_that_is_logged(size):
    """Two in testing among six: each battle as often as its probability says; these sum to one."""
    models = with_status(roster(*(Scripted() for _ in range(6))), m4="testing", m5="testing").contestants
    maker = Matchmaker(POLICIES["uniform"], [one.card.name for one in models], testing=0.3)
    seen, chance, n = Counter(), {}, 4_000
    for seed in range(n):
        draw = maker.draw(models, size, Random(seed))
        names = tuple(sorted(one.card.name for one in draw.contestants))
        tested = [name for name in names if name in ("canary-4-id", "canary-5-id")]
        assert len(tested) == (draw.policy == "testing"), "never two in testing in one battle"
        for pairs in draw.pair_probabilities:
            assert 0 < draw.group_probability <= pairs + 1e-12 < 1
        chance[names] = draw.group_probability * (1 if tested else 0.7)
        seen[names] += 1
    # By hand: 2 in testing with any of C(4, size - 1) listed ones, and C(4, size) groups of listed ones.
    assert len(chance) == len(list(combinations(range(4), size))) + 2 * len(
        list(combinations(range(4), size - 1))
    )
    assert sum(chance.values()) == pytest.approx(1)
    for names, times in seen.items():
        error = (chance[names] * (1 - chance[names]) / n) ** 0.5
        assert abs(times / n - chance[names]) < 4.5 * error


def test_shares_beside_battles_of_one_model_twice():
    """By hand: 20% A/A, of the other 80% a quarter with a model in testing, which is 20% of all."""
    models = four(m3="testing").contestants
    again = {one.card.name: replace(one, backend=Scripted("Again.")) for one in models}
    names = [one.card.name for one in models]
    maker = Matchmaker(POLICIES["uniform"], names, same_model=0.2, testing=0.25)
    draws = [maker.draw(models, 2, Random(seed), twins=again) for seed in range(3_000)]
    share = Counter(draw.policy for draw in draws)
    assert share["same_model"] / 3_000 == pytest.approx(0.2, abs=0.03)
    assert share["testing"] / 3_000 == pytest.approx(0.2, abs=0.03)
    one = next(draw for draw in draws if draw.policy == "testing")
    assert one.group_probability == pytest.approx(0.8 * 0.25 / 3)
    assert all(
        "canary-3-id" not in [c.card.name for c in d.contestants] for d in draws if d.policy == "same_model"
    )


def test_retired_and_paused_models_are_never_drawn():
    models = four(m2="retired", m3="testing").contestants
    maker = Matchmaker(POLICIES["uniform"], [one.card.name for one in models], testing=0.5)
    drawn = {one.card.name for s in range(200) for one in maker.draw(models, 2, Random(s)).contestants}
    assert drawn == {"canary-0-id", "canary-1-id", "canary-3-id"}
    maker = Matchmaker(POLICIES["uniform"], [one.card.name for one in models], ["canary-3-id"], testing=0.5)
    assert {maker.draw(models, 2, Random(s)).policy for s in range(100)} == {"uniform"}


PUBLIC = (
    "/",
    "/leaderboard",
    "/leaderboard?columns=votes,state,reliability,failures,first_token&all",
    "/leaderboard.csv",
    "/api/leaderboard",
    "/api/offer",
    "/api/start",
    "/overview",
    "/history",
    "/rules",
    "/decide",
    "/integrity",
    "/api/integrity",
    "/about",
    "/methods",
    "/method",
    "/healthz",
    "/you",
    "/data",
    "/api/overview",
    "/api/rules",
    "/api/prediction",
    "/api/tastes",
    "/api/history",
    "/talk",
    "/chat",
    "/?mode=named",
    "/openapi.json",
)
ASKED = (  # by its name, which the answer may repeat
    "/model?name=canary-3-id",
    "/api/model?name=canary-3-id",
    "/compare?models=canary-3-id&models=canary-0-id",
    "/badge/canary-3-id.svg",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An arena of 36 battles, about half of them with a model in testing, which everybody prefers."""
    folder = tmp_path_factory.mktemp("testing") / "log"
    modes = ("blind", "named", "direct")
    settings = ArenaSettings(seed=5, testing_share=0.5, modes=modes, snapshot_every=0.2, open_data=True)
    kinds, visitors = Counter(), []
    with open_arena(folder, four(m3="testing"), settings) as server:
        for number in range(36):
            if number % 12 == 0:
                visitors.append(server.visitor())
            visitor = visitors[-1]
            view = visitor.ready(f"Question {number}?")
            kept = visitor.vote(view, "a" if number % 3 else "b").json()
            tested = IN_TESTING in kept["models"]
            kinds[tested] += 1
            assert kept["counted"] is not tested
            assert (IN_TESTING in kept["html"]) is tested
            change = visitor.get(f"/api/battles/{view['battle']}/change").json()["html"]
            assert ("votes on those count on no board" in change) is tested
            visitor.get(f"/you?battle={view['battle']}")
            visitor.get(f"/api/battles/{view['battle']}")
        awaited(lambda: list((folder / "battles").glob("*.parquet")), len)
        planned = visitors[0].get("/integrity").text
        assert "Planned now: 0.0% with one model twice, and 50.0% of the others" in planned
        found = {path: visitors[0].get(path).status_code for path in PUBLIC}
        assert sum(status == 200 for status in found.values()) > 12, found
        assert not any(status >= 500 for status in found.values()), found
        exported = visitors[0].get("/you/export")
        assert IN_TESTING in exported.text, "what one voted on oneself"
        for path in ASKED:
            asked = visitors[0].http.get(path)
            assert asked.status_code == 404, path
            assert not re.search("Canary 3|canary-3-licence", asked.text), path
        named = visitors[0].post("/api/battles", {"prompt": "Why?", "models": ["canary-3-id", "canary-0-id"]})
        assert named.status_code == 422
        assert (server.log.count(), server.log.counted()) == (36, kinds[False])
        assert len(server.log.comparisons()) == kinds[False]
        assert 9 < kinds[True] < 27
        for visitor in visitors:
            told = CANARY.search(bytes(visitor.bytes))
            assert not told, bytes(visitor.bytes)[max(0, told.start() - 200) : told.end() + 60]
    return folder, kinds


def test_no_board_and_no_export_counts_or_names_them(folder, tmp_path, capsys):
    folder, kinds = folder
    assert len(comparisons(folder)) == kinds[False]
    assert "canary-3-id" not in comparisons(folder).models
    log = open_log(folder)
    assert (len(log.votes), len(log.testing_votes), len(log.battles)) == (kinds[False], kinds[True], 36)
    assert set(log.testing_votes["policy"]) == {"testing"}
    for form in ("votes.parquet", "lmarena.jsonl"):
        written = export(folder, form.split(".")[0], tmp_path / form)
        assert written.votes == kinds[False]
        assert b"canary-3" not in (tmp_path / form).read_bytes()
    assert main(["rank", str(folder), "--format", "json", "--min-votes", "1"]) == 0
    assert "canary-3-id" not in capsys.readouterr().out
    both = [str(folder / place / "arena.parquet") for place in ("votes", "testing")]
    assert main(["rank", *both, "--format", "json", "--min-votes", "1"]) == 0, "the organiser's own board"
    ranked = json.loads(capsys.readouterr().out)["boards"][0]
    assert {one["model"] for one in ranked["models"]} == {f"canary-{n}-id" for n in range(4)}
    assert ranked["settings"]["votes"] == 36


def test_the_log_says_what_became_of_the_models(folder):
    folder, _ = folder
    rows = open_log(folder).roster
    assert dict(zip(rows["model"], rows["status"], strict=True)) == {
        "canary-0-id": "listed",
        "canary-1-id": "listed",
        "canary-2-id": "listed",
        "canary-3-id": "testing",
    }


def opened(log, models, **settings):
    return Arena(models, log, Keys(SECRET), ArenaSettings(seed=1, **settings))


def test_what_was_listed_is_tested_no_more(tmp_path):
    with VoteLog(tmp_path) as log:
        drawn = battle(("canary-0-id", "canary-1-id"))
        put(log, drawn, vote(drawn.battle_id))
        with pytest.raises(ListedModelError, match="'canary-1-id' as a listed model"):
            opened(log, four(m1="testing"))
        arena = opened(log, four(m1="retired", m3="testing"))
        assert arena.contestants.hidden == {"canary-3-id"}
        assert set(arena.contestants.offered) == {"canary-0-id", "canary-2-id"}


def test_a_name_stays_hidden_until_it_is_listed_and_votes_before_never_count(tmp_path):
    with VoteLog(tmp_path) as log:
        drawn = battle(("canary-3-id", "canary-0-id"), policy="testing")
        put(log, drawn, vote(drawn.battle_id))
        gone = roster(*(Scripted() for _ in range(3)))
        assert opened(log, gone).contestants.hidden == {"canary-3-id"}, "taken out without having been listed"
        assert opened(log, gone).contestants.ever("canary-3-id").card.display_name == IN_TESTING
        assert opened(log, four()).contestants.hidden == frozenset()
        assert (log.count(), log.counted()) == (1, 0)
        again = battle(("canary-3-id", "canary-0-id"))
        put(log, again, vote(again.battle_id))
        assert log.counted() == 1, "from the listing on"
    folder = comparisons(tmp_path)
    assert len(folder) == 1


def test_of_a_model_that_fails_in_testing_no_other_takes_the_place(tmp_path):
    models = roster(*(Scripted(f"Answer {n}.") for n in range(3)), Scripted("No.", fails="interrupted"))
    settings = ArenaSettings(seed=3, testing_share=0.99)
    with open_arena(tmp_path, with_status(models, m3="testing"), settings) as server:
        visitor = server.visitor()
        states = [visitor.finish(visitor.start(f"Question {n}?")["battle"])["state"] for n in range(6)]
        assert "void" in states
        assert server.log._rows("SELECT count(*) FROM replacements") == [(0,)]
        assert not CANARY.search(bytes(visitor.bytes))
