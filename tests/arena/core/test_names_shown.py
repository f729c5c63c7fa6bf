"""Whoever was told before who wrote an answer does not vote blind: the vote is kept, and does not count."""

import json

import duckdb
import pytest

from agon.arena.cli.commands import main
from agon.data import comparisons
from agon.data.log.text_parts import STUDY_TABLES
from agon.ranking import rank
from agon.ranking.votes.vote_source import NOT_BLIND
from tests.support.arena_server import Scripted, open_arena, roster
from tests.support.log_records import answer, battle, put, vote, without_events


def told(kept):
    """What the page says of a vote that was kept."""
    assert kept.status_code == 200, kept.text
    return kept.json()["counted"]


def test_the_same_recorded_pair_again_is_kept_and_not_counted(tmp_path, capsys):
    """Two recorded answers: of one person the first vote is blind, for it is followed by the names."""
    models = roster(Scripted("Rayleigh."), Scripted("It just is."))
    with open_arena(tmp_path, models) as arena:
        first, second = arena.visitor(), arena.visitor()
        view = first.ready()
        assert view["seen"] is False
        assert told(first.vote(view)) is True
        again = first.ready()
        assert again["seen"] is True
        kept = first.vote(again)
        assert told(kept) is False
        assert "Your vote is kept, and does not count" in kept.json()["html"]
        assert "None: you had been told who wrote this" in kept.json()["html"]
        found = first.get(f"/api/battles/{again['battle']}/change").json()["html"]
        assert "a vote that is not blind does not count" in found
        assert told(second.vote(second.ready())) is True, "another person was told nothing"
        assert (arena.log.count(), arena.log.counted()) == (3, 2)
        board = rank(arena.log.comparisons(), "bradley_terry")
        assert board.settings["votes"] == 2
        assert board.settings["left_out"] == {NOT_BLIND: 1}
        assert [note.message for note in board.diagnostics if note.code == "not_blind"] == [
            "1 vote was not blind (the names were shown) and does not count."
        ]
        page = first.get("/leaderboard").text
        assert "2 blind votes" in page
        assert "1 vote was not blind" in page
        assert first.get("/api/start").json()["votes"] == 2, "a person's own votes, all of them"
    assert len(comparisons(tmp_path)) == 2
    assert main(["rank", str(tmp_path), "--format", "json"]) == 0
    ranked = json.loads(capsys.readouterr().out)["boards"][0]
    assert (ranked["settings"]["votes"], ranked["settings"]["left_out"]) == (2, {NOT_BLIND: 1})
    assert [one["message"] for one in ranked["diagnostics"] if one["code"] == "not_blind"]
    main(["check", str(tmp_path)])
    assert "1 vote was not blind (the names were shown) and does not count." in capsys.readouterr().out
    main(["check", str(tmp_path), "--format", "json"])
    checked = json.loads(capsys.readouterr().out)
    assert [note["code"] for note in checked["notes"]] == ["not_blind"]
    assert "repeated_votes" not in {finding["code"] for finding in checked["findings"]}


def test_one_known_answer_is_enough_and_another_text_is_none(tmp_path):
    """Of three models any two pairs share one; what is not word by word the same is new."""
    models = roster(Scripted("Rayleigh."), Scripted("It just is."), Scripted("Ask a physicist."))
    with open_arena(tmp_path, models) as arena:
        visitor = arena.visitor()
        assert told(visitor.vote(visitor.ready()))
        assert not told(visitor.vote(visitor.ready())), "two pairs of three models have one in common"
        assert told(visitor.vote(visitor.ready("Another prompt?")))
        for contestant in models.contestants:
            contestant.backend.text += " Again."
        assert told(visitor.vote(visitor.ready()))


def test_a_battle_that_was_open_while_another_told_the_names(tmp_path):
    """Two tabs with the same pair: the vote in the first one tells who is who in the second."""
    with open_arena(tmp_path, roster(Scripted("Rayleigh."), Scripted("It just is."))) as arena:
        visitor = arena.visitor()
        one, other = visitor.ready(), visitor.ready()
        assert told(visitor.vote(one)) is True
        assert told(visitor.vote(other)) is False


def test_a_later_turn_does_not_hide_that_the_first_was_known(tmp_path):
    with open_arena(tmp_path, roster(Scripted("Rayleigh."), Scripted("It just is."))) as arena:
        visitor = arena.visitor()
        visitor.vote(visitor.ready())
        view = visitor.ready()
        visitor.post(f"/api/battles/{view['battle']}/prompts", {"prompt": "And then?"})
        view = visitor.finish(view["battle"])
        assert (view["turn"], view["seen"]) == (2, True)
        assert told(visitor.vote(view)) is False


def test_a_restart_forgets_nothing(tmp_path):
    models = [Scripted("Rayleigh."), Scripted("It just is.")]
    with open_arena(tmp_path, roster(*models)) as arena:
        visitor = arena.visitor()
        visitor.vote(visitor.ready())
        cookies = dict(visitor.http.cookies)
    with open_arena(tmp_path, roster(*models)) as arena:
        visitor = arena.visitor()
        visitor.http.cookies.clear()
        visitor.http.cookies.update(cookies)
        view = visitor.ready()
        assert view["seen"] is True
        voted = visitor.vote(view).json()
        assert voted["counted"] is False
    with open_arena(tmp_path, roster(*models)) as arena:
        visitor = arena.visitor()
        visitor.http.cookies.clear()
        visitor.http.cookies.update(cookies)
        assert visitor.get(f"/api/battles/{voted['battle']}").json()["counted"] is False


def test_an_older_log_says_of_its_votes_which_were_blind(tmp_path):
    """By hand: v1 votes on the same two texts twice, then on one of them with a new one, v2 once."""
    from agon.data.log.vote_log import VoteLog

    with VoteLog(tmp_path) as log:
        for number, (voter, texts) in enumerate(
            [("v1", "ab"), ("v1", "ab"), ("v2", "ab"), ("v1", "ac"), ("v1", "de")], start=1
        ):
            drawn = battle(("ada", "bob"), voter=voter)
            answers = [
                answer(drawn.battle_id, slot, model, text=text)
                for slot, (model, text) in enumerate(zip(drawn.models, texts, strict=True))
            ]
            receipts = put(log, drawn, *answers, vote(drawn.battle_id, voter=voter))
            assert receipts[-1].number == number
    without_events(tmp_path)
    with duckdb.connect(str(tmp_path / "agon.duckdb")) as connection:
        for column in ("same_model", "comment", "ratings", "blind"):
            connection.execute(f"ALTER TABLE votes DROP COLUMN {column}")
        for column in ("images", "image_alts"):
            connection.execute(f"ALTER TABLE turns DROP COLUMN {column}")
        for table in STUDY_TABLES:
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DELETE FROM migrations WHERE version > 4")
    with VoteLog(tmp_path) as log:
        found = log._rows("SELECT number, blind FROM votes ORDER BY number")
        assert found == [(1, True), (2, False), (3, True), (4, False), (5, True)]
        assert len(log.comparisons()) == log.counted() == 3
        assert log.comparisons(upto=2).left_out == {NOT_BLIND: 1}


VOTES = (
    "model_a,model_b,winner,{column}\n"
    + "ash,birch,model_a,true\nbirch,ash,tie,\nash,birch,model_b,{no}\n" * 40
)


@pytest.mark.parametrize(
    ("column", "no"), [("blind", "false"), ("anony", "False"), ("Blind", "FALSE"), ("blind", "0")]
)
@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_files_that_say_which_votes_were_blind(tmp_path, column, no, ending):
    path = tmp_path / "votes.csv"
    text = VOTES.format(column=column, no=no)
    if column == "anony":  # of which every vote of FastChat's says whether it was
        text = text.replace("tie,", "tie,true")
    path.write_text(text, encoding="utf-8")
    if ending != ".csv":
        path = tmp_path / f"votes{ending}"
        kind = "parquet" if ending == ".parquet" else "json"
        with duckdb.connect() as connection:
            connection.execute(f"COPY (FROM '{tmp_path}/votes.csv') TO '{path}' (FORMAT {kind})")
    votes = comparisons(path)
    assert (len(votes), dict(votes.left_out)) == (80, {NOT_BLIND: 40})
    assert votes.pairs.wins.sum() == 40


def test_what_is_neither_blind_nor_not_is_named(tmp_path, capsys):
    path = tmp_path / "votes.csv"
    path.write_text(VOTES.format(column="blind", no="perhaps"), encoding="utf-8")
    assert main(["rank", str(path)]) == 2
    assert "has blind 'perhaps': write true where the names were hidden, false" in capsys.readouterr().err
    path.write_text(
        VOTES.format(column="blind", no="false").replace("true", "false").replace("tie,", "tie,no")
    )
    assert main(["rank", str(path)]) == 2
    assert "all are not blind (the names were shown), and such votes do not count" in capsys.readouterr().err
