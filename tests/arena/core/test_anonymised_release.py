"""A log as a data set for others: what is in it, what is withheld, and that it is read again."""

import json
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pyarrow.parquet as pq
import pytest

from agon.arena.core.visitors.anonymised_release import release_log
from agon.data import check, comparisons
from agon.data.exporters.exporting import export
from agon.data.log.records import ConsentRecord, ConsentTextsRecord, WithdrawalRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking import rank
from agon.ranking.errors import OptionError, SourceError
from tests.support.log_records import NOON, answer, battle, put, vote

SECRET, MAIL = "9f8e7d6c5b4a3f2e", "jane.doe@example.org"  # a network's hash, and what a voter wrote


def filled(folder, number=12):
    """Votes by three voters on three models: the texts say which, one prompt has an address twice."""
    drawn = []
    with VoteLog(folder) as log:
        for i in range(number):
            models = (("ada", "bob"), ("bob", "cyd"), ("cyd", "ada"))[i % 3]
            one = battle(models, voter=f"person-{i % 2}", prompt=f"Why {i}? {MAIL if i == 5 else ''}")
            answers = [
                answer(one.battle_id, slot, model, text=f"Because {i}, says {slot}.")
                for slot, model in enumerate(one.models)
            ]
            put(log, one, *answers, vote(one.battle_id, voter=f"person-{i % 2}", network=SECRET))
            drawn.append(one)
        put(log, WithdrawalRecord((drawn[0].battle_id,), NOON))
        log.erase([drawn[1].battle_id])
        log.finish_erasing()
    return drawn


def test_a_release_reads_back_as_votes_and_says_what_is_withheld(tmp_path):
    """Of twelve votes one is withdrawn, one erased, four of the others on cyd and ada withheld."""
    drawn = filled(tmp_path / "log")
    done = release_log(tmp_path / "log", tmp_path / "set", licence="cc-by-4.0", title="Votes of a town")
    assert done.votes == 10
    assert dict(done.withheld) == {
        "whose texts their voter, the operator or time erased": 1,
        "withdrawn": 1,
    }
    assert dict(done.covered) == {"e-mail address": 1}, "a prompt counts once"
    table = pq.read_table(tmp_path / "set" / "votes.parquet")
    votes = comparisons(tmp_path / "set" / "votes.parquet")
    assert len(votes) == table.num_rows == 10
    assert rank(votes, "bradley_terry").fingerprint == done.fingerprint
    card = (tmp_path / "set" / "README.md").read_text("utf-8")
    assert card.startswith("---\nlicense: cc-by-4.0\n")
    assert done.fingerprint in card
    assert "| withdrawn | 1 |" in card
    assert "# Votes of a town" in card
    manifest = json.loads((tmp_path / "set" / "release.json").read_text("utf-8"))
    assert (manifest["votes"], manifest["voters"]) == (10, 2)
    found = {one.code for one in check(tmp_path / "set" / "votes.parquet").findings}
    assert not found & {"invalid", "duplicates"}
    rows = table.to_pylist()
    for row in rows:
        number = row["conversation_a"][0]["content"].split()[1].rstrip("?")
        one = drawn[int(number)]
        assert (row["model_a"], row["model_b"]) == one.models
        assert row["conversation_b"][1]["content"] == f"Because {number}, says 1."
        assert row["timestamp"] % 3600 == 0
    held = b"".join(path.read_bytes() for path in (tmp_path / "set").iterdir()) + str(rows).encode()
    for word in (SECRET, MAIL, "person-", *(one.battle_id for one in drawn)):
        assert word.encode() not in held
    assert "network" not in table.column_names


def test_ids_are_drawn_anew_for_every_release(tmp_path):
    filled(tmp_path / "log")
    found = []
    for name in ("one", "two"):
        release_log(tmp_path / "log", tmp_path / name, licence="mit")
        table = pq.read_table(tmp_path / name / "votes.parquet")
        found.append({*table["voter"].to_pylist(), *table["battle_id"].to_pylist()})
    assert not found[0] & found[1]


def test_models_words_and_private_data_withhold_votes_whole(tmp_path):
    filled(tmp_path / "log")
    words = tmp_path / "words.txt"
    words.write_text("Because 8\n")
    done = release_log(
        tmp_path / "log",
        tmp_path / "set",
        licence="Town licence 1.0",
        without=["cyd"],
        private="withhold",
        words=words,
    )
    # Of ada and bob there are the votes 0, 3, 6 and 9, and 0 is withdrawn; the erased one is on cyd.
    assert done.votes == 3
    assert done.withheld["on models that are not released"] == 7
    assert "license: other" in (tmp_path / "set" / "README.md").read_text("utf-8")
    done = release_log(
        tmp_path / "log", tmp_path / "set", licence="mit", private="withhold", words=words, replace=True
    )
    assert done.votes == 8
    assert done.withheld["with private data in a prompt or an answer"] == 1
    assert done.withheld["whose prompt or answer moderation refuses"] == 1
    assert not done.covered


def test_what_cannot_be_released_is_refused_in_one_sentence_and_nothing_is_left(tmp_path):
    filled(tmp_path / "log")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    for given, why in (
        ({"to": "mine"}, "holds something else than a release; name another folder"),
        ({"log": "nowhere"}, "is no log folder"),
        ({"licence": " "}, "needs a licence: name it"),
        ({"without": ["adda"]}, "did you mean 'ada'"),
        ({"private": "maybe"}, "There is no private='maybe'"),
        ({"without": ["ada", "bob"]}, "holds no vote that may be released"),
    ):
        chosen = {"log": "log", "to": "set", "licence": "mit", **given}
        log, to = (tmp_path / chosen.pop(name) for name in ("log", "to"))
        with pytest.raises((SourceError, OptionError)) as refused:
            release_log(log, to, **chosen)
        assert why in str(refused.value)
        assert not (tmp_path / "set").exists()
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    release_log(tmp_path / "log", tmp_path / "set", licence="mit")
    with pytest.raises(SourceError, match="holds a release already; name another folder, or replace it"):
        release_log(tmp_path / "log", tmp_path / "set", licence="mit")
    release_log(tmp_path / "log", tmp_path / "set", licence="mit", replace=True)  # the remedy
    assert {path.name for path in tmp_path.iterdir()} == {"log", "mine", "set"}, "nothing half made"


def test_of_votes_cast_while_a_text_was_asked_those_of_who_agreed_are_released(tmp_path):
    """By hand, hour by hour. A is asked from 2, B from 6, nothing from 9, B again from 11.

    Released: all of 1 and 10, when nothing was asked; "yes" at 3 and 7, who agreed to A at 2:30 and to B at
    6:30; "old" at 3, who agreed to A alone, and not at 7; "again" at 7, who took A back and agreed to B;
    "yes" and "again" at 12, when B is asked again. Withheld: "no", who never agreed; "back", whose last word
    is that they take it back, at 3, 7 and 12; "again" at 3, before they agreed to anything.
    """
    first, second = "You agree\nto A.", "You agree to B."

    def at(hours):
        return NOON + timedelta(hours=hours)

    def said(voter, text, hours, given=True):
        return ConsentRecord(voter, sha256(text.encode()).hexdigest(), "en", given, at(hours))

    voters = ("yes", "no", "old", "back", "again")
    with VoteLog(tmp_path / "log") as log:
        put(log, ConsentTextsRecord({"en": first}, at(2)), said("yes", first, 2.5), said("old", first, 2.5))
        put(log, said("back", first, 2.5), said("again", first, 4), said("again", first, 5, given=False))
        put(log, ConsentTextsRecord({"en": second, "de": "B!"}, at(6)))
        put(log, *(said(voter, second, 6.5) for voter in ("yes", "back", "again")))
        put(log, said("back", second, 8, given=False), ConsentTextsRecord({}, at(9)))
        put(log, ConsentTextsRecord({"en": second, "de": "B!"}, at(11)))
        for hours in (1, 3, 7, 10, 12):
            for voter in voters:
                one = battle(voter=voter, prompt=f"{voter} at {hours}")
                answers = [answer(one.battle_id, slot, model) for slot, model in enumerate(one.models)]
                cast = replace(vote(one.battle_id, voter=voter), created=at(hours))
                put(log, one, *answers, cast)
    done = release_log(tmp_path / "log", tmp_path / "set", licence="mit")
    rows = pq.read_table(tmp_path / "set" / "votes.parquet").to_pylist()
    assert {row["conversation_a"][0]["content"] for row in rows} == {
        *(f"{voter} at {hours}" for voter in voters for hours in (1, 10)),
        *("yes at 3", "yes at 7", "yes at 12", "old at 3", "again at 7", "again at 12"),
    }
    assert dict(done.withheld) == {"whose voter did not agree to what was asked then, or took it back": 9}
    card = (tmp_path / "set" / "README.md").read_text("utf-8")
    assert "> You agree\n> to A.\n>\n> (en)" in card
    assert "nothing is asked." in card
    assert "10 of these votes were cast while nothing was asked." in card
    manifest = json.loads((tmp_path / "set" / "release.json").read_text("utf-8"))
    texts = [{"en": first}, {"en": second, "de": "B!"}, {}, {"en": second, "de": "B!"}]
    assert [one["texts"] for one in manifest["consent"]] == texts
    assert manifest["consent"][0]["since"] == at(2).isoformat()
    assert manifest["unasked"] == 10
    exported = export(tmp_path / "log", "csv", tmp_path / "votes.csv")
    assert json.loads(exported.manifest.read_text("utf-8"))["consent"] == manifest["consent"]
    export(tmp_path / "log", "csv", tmp_path / "votes.csv", consent="Asked on paper.", replace=True)
    assert json.loads(exported.manifest.read_text("utf-8"))["consent"] == "Asked on paper."
