"""A log as a data set for others: what is in it, what is withheld, and that it is read again."""

import json

import pyarrow.parquet as pq
import pytest

from agon.arena.core.visitors.anonymised_release import release_log
from agon.data import check, comparisons
from agon.data.log.records import WithdrawalRecord
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
