"""Votes out again: every form, its columns, what it leaves out, and that the same votes come back."""

import csv
import hashlib
import json
import subprocess
import sys
import threading

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import agon as ag
from agon.arena.cli.commands import main
from agon.data import EXPORTS, comparisons, export, preflib, read_published
from agon.data.exporters import targets
from agon.data.exporters.exporting import BY_ENDING
from agon.data.importers.log_snapshot import into_log
from agon.data.log.records import AttachedImage, ReplacementRecord, TurnRecord
from agon.data.log.vote_log import VoteLog
from agon.ranking import OptionError, SourceError, VotesError, rank
from agon.ranking.version import VERSION
from tests.support.log_records import MODELS, NOON, answer, battle, put, vote
from tests.support.paths import REPOSITORY

PLAIN, TRAINING = ("votes", "csv", "jsonl"), ("trl-preference", "trl-kto", "listwise", "pairs-annotated")
BALLOTS = [((1, 2), None), ((2, 1), None), ((1, 1), None), ((1, 1), (False, False))]


def fill(log, ballots=BALLOTS, size=48, wide=False):
    """Battles of two turns, one in four; prompts that come again; every kind of outcome."""
    for n in range(size):
        shown = MODELS[n % 4], MODELS[(n // 4 + n + 1) % 4]
        shown = shown if shown[0] != shown[1] else ("ada", "bob")
        about = {"prompt": f"Prompt {n % 10}?", "voter": f"v{n % 5}", "category": ["code", None][n % 2]}
        if wide and n % 6 == 0:
            shown, given = MODELS, [((2, 1, None, None), None), ((1, 1, 2, 3), (True, True, False, False))]
        else:
            given = ballots
        drawn = battle(shown, language="en", **about)
        records = [
            drawn,
            *(answer(drawn.battle_id, s, m, text=f"{m} says {n}.") for s, m in enumerate(shown)),
        ]
        if n % 4 == 0:
            records.append(TurnRecord(drawn.battle_id, 2, "And then?", NOON))
            more = (answer(drawn.battle_id, s, m, turn=2, text=f"{m} again.") for s, m in enumerate(shown))
            records += more
        places, acceptable = given[(n // 6 if wide else n * 7 // 3) % len(given)]
        last = {"last_turn": 1 + (n % 4 == 0), "voter": drawn.voter}
        put(log, *records, vote(drawn.battle_id, places, acceptable, **last))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pairs") / "log"
    with VoteLog(place) as log:
        fill(log)
    return place


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    place = tmp_path_factory.mktemp("wide") / "log"
    with VoteLog(place) as log:
        fill(log, wide=True)
    return place


def board_of(source):
    return rank(comparisons(source), "bradley_terry", min_votes=1)


def rows_of(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- the same votes come back ------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [*PLAIN, "lmarena", "listwise"])
def test_what_is_exported_and_read_again_has_the_same_fingerprint(folder, tmp_path, form):
    done = export(folder, form, tmp_path / "out")
    ((path, rows),) = done.files.items()
    assert (rows, done.votes, done.left_out) == (48, 48, {})
    assert board_of(path).fingerprint == board_of(folder).fingerprint
    again = export(path, "votes", tmp_path / "again")
    assert again.fingerprint == done.fingerprint


@pytest.mark.parametrize("form", [*PLAIN, "listwise"])
def test_so_do_ballots_on_more_than_two_models(wide, tmp_path, form):
    done = export(wide, form, tmp_path / "out")
    ((path, _),) = done.files.items()
    assert (done.votes, done.left_out) == (48, {})
    # Left alone, boards of a list would also cluster by its prompts, whose texts a table of votes lacks.
    ours, theirs = (
        rank(comparisons(one), "plackett_luce", min_votes=1, cluster="voter") for one in (wide, path)
    )
    assert ours.fingerprint == theirs.fingerprint


@pytest.mark.parametrize("form", ["jsonl", "votes", "csv"])
def test_an_order_dependent_board_and_clusters_come_back_too(folder, tmp_path, form):
    ((path, _),) = export(folder, form, tmp_path / "out").files.items()
    for method, how in (("elo", {"seed": 3}), ("bradley_terry", {"cluster": "voter"})):
        ours, theirs = (rank(comparisons(one), method, min_votes=1, **how) for one in (folder, path))
        assert ours.fingerprint == theirs.fingerprint
        assert ours.rows == theirs.rows


def test_an_exported_release_is_imported_into_a_log_as_the_same_votes(folder, tmp_path):
    ((path, _),) = export(folder, "lmarena", tmp_path / "release.parquet").files.items()
    into_log(read_published(path), path, tmp_path / "imported")
    assert board_of(tmp_path / "imported").fingerprint == board_of(folder).fingerprint


def test_soft_judgements_and_weights_come_back(tmp_path):
    rows = [
        {"model_a": "ada", "model_b": "bob", "p_a": 0.25 * (n % 5), "weight": 1.0 + n % 3, "prompt_id": "p"}
        for n in range(40)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "soft.parquet")
    for form in PLAIN:
        ((path, _),) = export(tmp_path / "soft.parquet", form, tmp_path / form).files.items()
        assert board_of(path).fingerprint == board_of(tmp_path / "soft.parquet").fingerprint


# --- columns -----------------------------------------------------------------------------------------------


def test_the_columns_of_the_training_forms(folder, tmp_path):
    """TRL's dataset formats (huggingface.co/docs/trl/dataset_formats) and the README of inverse-cai."""
    for form in TRAINING:
        ((path, _),) = export(folder, form, tmp_path / form).files.items()
        for row in rows_of(path):
            if form == "trl-preference":
                conversations = [row["prompt"], row["chosen"], row["rejected"]]
                assert row["chosen"] != row["rejected"]
            elif form == "trl-kto":
                conversations = [row["prompt"], row["completion"]]
                assert isinstance(row["label"], bool)
            elif form == "listwise":
                conversations = [row["prompt"], *row["completions"]]
                assert len(row["completions"]) == len(row["places"]) == len(row["models"])
            else:
                assert row["preferred_text"] in ("text_a", "text_b")
                assert list(row)[:6] == ["input", "text_a", "text_b", "preferred_text", "model_a", "model_b"]
                continue
            assert conversations[0][-1]["role"] == "user"
            assert all(said[0]["role"] == said[-1]["role"] == "assistant" for said in conversations[1:])
            assert all(set(message) == {"role", "content"} for said in conversations for message in said)


def test_a_pair_is_written_as_it_was_voted(folder, tmp_path):
    ((path, _),) = export(folder, "trl-preference", tmp_path / "out").files.items()
    log = ag.open_log(folder, "arrow")
    decisive = [row for row in log.votes.to_pylist() if row["winner"] in ("model_a", "model_b")]
    texts = {
        (row["battle_id"], row["turn"], row["model"]): row["text"] for row in log.generations.to_pylist()
    }
    rows = rows_of(path)
    assert len(rows) == len(decisive) == 24
    for row, voted in zip(rows, decisive, strict=True):
        won, lost = row["model_chosen"], row["model_rejected"]
        assert (won, lost) == (
            (voted["model_a"], voted["model_b"])
            if voted["winner"] == "model_a"
            else (voted["model_b"], voted["model_a"])
        )
        for said, model in ((row["chosen"], won), (row["rejected"], lost)):
            wanted = [texts[voted["battle_id"], turn, model] for turn in range(1, voted["turns"] + 1)]
            assert [message["content"] for message in said[::2]] == wanted
            assert [m["content"] for m in said[1::2]] == ["And then?"] * (voted["turns"] - 1)


def test_the_release_has_the_columns_of_the_published_one(folder, tmp_path):
    """The columns of lmarena-ai/arena-human-preference-140k on Hugging Face, but for its category_tag."""
    ((path, _),) = export(folder, "lmarena", tmp_path / "out").files.items()
    assert pq.read_schema(path).names == [
        *("id", "model_a", "model_b", "winner", "evaluation_session_id", "evaluation_order"),
        *("conversation_a", "conversation_b", "full_conversation", "conv_metadata", "category"),
        *("language", "is_code", "timestamp"),
    ]
    row = rows_of(path)[0]
    assert [turn["user"]["content"][0]["text"] for turn in row["full_conversation"]] == [
        "Prompt 0?",
        "And then?",
    ]
    assert row["conv_metadata"]["turns"] == 2
    assert row["conv_metadata"]["sum_assistant_a_tokens"] == 6  # two answers of three tokens
    assert {one["winner"] for one in rows_of(path)} == {"model_a", "model_b", "tie", "both_bad"}


def test_marks_are_counted_by_kind_and_not_in_code(tmp_path):
    answer = (
        "# One\n## Two\n- a\n  * b\n1. c\n2) d\n\t+ e\n**bold** and __bars__ **a __b__ c**\n#none\n-none\n"
        "```\n# code\n- code\n**code**\n```\n###### Six\n"
    )
    row = {"model_a": "ada", "model_b": "bob", "winner": "tie", "prompt": "# What?"}
    votes = tmp_path / "votes.jsonl"
    votes.write_text(json.dumps(row | {"answer_a": answer, "answer_b": "plain"}) + "\n")
    ((path, _),) = export(votes, "lmarena", tmp_path / "out").files.items()
    found = rows_of(path)[0]["conv_metadata"]
    assert found["header_count_a"] == {"h1": 1, "h2": 1, "h3": 0, "h4": 0, "h5": 0, "h6": 1}
    assert found["list_count_a"] == {"ordered": 2, "unordered": 3}
    assert found["bold_count_a"] == {"**": 2, "__": 1}  # what stands in stars is one passage
    assert not any(sum(found[f"{name}_count_b"].values()) for name in ("header", "list", "bold"))
    assert found["sum_assistant_a_tokens"] is None


def test_texts_are_those_of_the_model_that_took_a_failed_side(tmp_path):
    drawn = battle(("ada", "bob"))
    place = ReplacementRecord(drawn.battle_id, 1, "cyn", 0.5, NOON)
    with VoteLog(tmp_path / "log") as log:
        put(log, drawn, answer(drawn.battle_id, 0, "ada", text="of ada"))
        put(log, answer(drawn.battle_id, 1, "bob", text="half", failure="interrupted"), place)
        put(log, answer(drawn.battle_id, 1, "cyn", text="of cyn"), vote(drawn.battle_id, (2, 1)))
    ((path, _),) = export(tmp_path / "log", "trl-preference", tmp_path / "out").files.items()
    (row,) = rows_of(path)
    assert [row[side][0]["content"] for side in ("chosen", "rejected")] == ["of cyn", "of ada"]


# --- what is left out --------------------------------------------------------------------------------------


def outcomes(folder):
    return ag.open_log(folder).votes["winner"].value_counts()


@pytest.mark.parametrize(
    ("form", "ties", "rows"),
    [
        ("trl-preference", "drop", lambda n: n["model_a"] + n["model_b"]),
        ("trl-preference", "both", lambda n: n["model_a"] + n["model_b"] + 2 * (n["tie"] + n["both_bad"])),
        ("trl-preference", "margin", lambda n: n.sum()),
        ("pairs-annotated", "both", lambda n: n["model_a"] + n["model_b"] + 2 * (n["tie"] + n["both_bad"])),
        ("trl-kto", "drop", lambda n: 2 * (n["model_a"] + n["model_b"] + n["both_bad"])),
        ("trl-kto", "both", lambda n: 2 * n.sum()),
    ],
)
def test_ties_are_dropped_doubled_or_kept_with_margin_0(folder, tmp_path, form, ties, rows):
    done = export(folder, form, tmp_path / "out", ties=ties)
    counts = outcomes(folder)
    ((path, written),) = done.files.items()
    assert written == rows(counts)
    assert done.votes + sum(done.left_out.values()) == counts.sum()
    if ties == "margin":
        assert sorted(row["margin"] for row in rows_of(path)) == [0.0] * (
            counts["tie"] + counts["both_bad"]
        ) + [1.0] * (counts["model_a"] + counts["model_b"])
    if form == "trl-kto":
        good = sum(row["label"] for row in rows_of(path))
        assert good == counts["model_a"] + counts["model_b"] + 2 * counts["tie"] * (ties == "both")


def test_pairs_of_a_longer_ballot_are_those_that_it_orders(wide, tmp_path):
    done = export(wide, "trl-preference", tmp_path / "out", ties="margin")
    ((_, written),) = done.files.items()
    votes = ag.open_log(wide).votes
    four = votes["models"].str.len() == 4
    best = votes["places"].map(lambda places: sum(p is not None and p == p for p in places)) == 2
    # (2, 1, null, null) orders 5 of its 6 pairs: not the two that are unranked; (1, 1, 2, 3) orders all.
    assert written == (~four).sum() + 5 * (four & best).sum() + 6 * (four & ~best).sum()


def test_votes_on_more_models_do_not_fit_into_a_release_and_are_counted(wide, tmp_path):
    done = export(wide, "lmarena", tmp_path / "out")
    reason = "votes on more than two models, for which this form has no columns"
    assert dict(done.left_out) == {reason: 8}
    assert done.votes == 40


def agreement_votes(tmp_path):
    """Prompt x: 3 of 4 for ada, whichever side; prompt y: 1 to 1; prompt z: one vote."""
    rows = [("x", "ada", "bob", "model_a"), ("x", "bob", "ada", "model_b"), ("x", "ada", "bob", "model_a")]
    rows += [("x", "ada", "bob", "model_b"), ("y", "ada", "bob", "model_a"), ("y", "ada", "bob", "tie")]
    rows += [("z", "ada", "bob", "tie")]
    names = ("prompt_id", "model_a", "model_b", "winner")
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])
    pq.write_table(table, tmp_path / "agreed.parquet")
    return tmp_path / "agreed.parquet"


@pytest.mark.parametrize(("share", "kept"), [(0.0, 7), (0.5, 6), (0.6, 4), (0.75, 4), (0.8, 1)])
def test_votes_that_few_agree_with_are_left_out(tmp_path, share, kept):
    done = export(agreement_votes(tmp_path), "jsonl", tmp_path / "out.jsonl", min_agreement=share)
    assert done.votes == kept
    assert sum(done.left_out.values()) == 7 - kept
    assert board_of(tmp_path / "out.jsonl").settings["votes"] == kept


def test_the_votes_of_one_criterion(tmp_path):
    rows = [
        {"model_a": "ada", "model_b": "bob", "winner": "model_a", "criterion": name}
        for name in ("clarity", "clarity", "truth")
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "by.parquet")
    done = export(tmp_path / "by.parquet", "csv", tmp_path / "out.csv", criteria=["clarity"])
    assert (done.votes, dict(done.left_out)) == (2, {"on other criteria than clarity": 1})
    listed = [{"reasons": ["clear", "short"]}, {"reasons": []}, {"reasons": ["true"]}]
    listed = [row | {"model_a": "ada", "model_b": "bob", "winner": "model_a"} for row in listed]
    pq.write_table(pa.Table.from_pylist(listed), tmp_path / "reasons.parquet")
    given = {"criteria": ["short", "true"]}
    assert export(tmp_path / "reasons.parquet", "votes", tmp_path / "o", **given).votes == 2


@pytest.mark.parametrize("form", ["jsonl", "trl-preference"])
def test_a_prompt_is_held_out_whole_and_always_the_same(folder, tmp_path, form):
    done = export(folder, form, tmp_path / "out", held_out=0.4)
    train, test = (tmp_path / "out" / f"{part}{EXPORTS[form].endings[0]}" for part in ("train", "test"))
    assert set(done.files) == {train, test}
    whole = export(folder, form, tmp_path / "whole")
    assert sum(done.files.values()) == sum(whole.files.values())
    # By hand: the first ten digits of the SHA-1 of the prompt are its id, and their SHA-256 draws.
    keys = {n: hashlib.sha1(f"Prompt {n}?".encode()).hexdigest()[:10] for n in range(10)}
    held = {
        n for n, key in keys.items() if int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32 < 0.4
    }
    assert 0 < len(held) < 10
    if form == "trl-preference":
        asked = [{int(row["prompt"][0]["content"][7]) for row in rows_of(path)} for path in (test, train)]
    else:
        first = ag.open_log(folder).turns.query("turn == 1")
        prompt = first.set_index("battle_id")["prompt"]
        asked = [{int(prompt[row["battle_id"]][7]) for row in rows_of(path)} for path in (test, train)]
    assert asked[0] <= held
    assert not asked[1] & held


def test_invalid_rows_are_refused_or_left_out_and_counted(tmp_path):
    rows = [{"model_a": "ada", "model_b": "bob", "winner": w} for w in ("model_a", "tie", "who knows")]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
    with pytest.raises(VotesError, match="'who knows' is not a known winner in row 3"):
        export(tmp_path / "v.parquet", "csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    done = export(tmp_path / "v.parquet", "csv", tmp_path / "out.csv", invalid="drop")
    assert (done.votes, dict(done.left_out)) == (2, {"with an unknown winner": 1})
    assert [row["winner"] for row in rows_of(tmp_path / "out.csv")] == ["model_a", "tie"]


def test_words_of_other_files_become_ours(tmp_path):
    rows = [{"model_a": "ada", "model_b": "bob", "winner": w} for w in ("Tie (bothbad)", "ada", "bob", "TIE")]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
    export(tmp_path / "v.parquet", None, tmp_path / "out.jsonl")
    found = [row["winner"] for row in rows_of(tmp_path / "out.jsonl")]
    assert found == ["both_bad", "model_a", "model_b", "tie"]


def test_texts_of_a_file_of_votes_are_exported(tmp_path):
    rows = [
        {
            "model_a": "ada",
            "model_b": "bob",
            "winner": "model_b",
            "prompt": "Why?",
            "answer_a": "a",
            "answer_b": "b",
        },
        {
            "model_a": "ada",
            "model_b": "bob",
            "winner": "model_a",
            "prompt": "Why?",
            "answer_a": "a",
            "answer_b": None,
        },
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
    done = export(tmp_path / "v.parquet", "trl-preference", tmp_path / "out")
    assert dict(done.left_out) == {"whose texts are not there": 1}
    (row,) = rows_of(tmp_path / "out" / "votes.parquet")
    assert [row[name][0]["content"] for name in ("prompt", "chosen", "rejected")] == ["Why?", "b", "a"]


def test_a_release_is_converted_with_its_conversations(folder, tmp_path):
    export(folder, "lmarena", tmp_path / "release.parquet")
    for one, name in ((folder, "a"), (tmp_path / "release.parquet", "b")):
        export(one, "trl-kto", tmp_path / f"{name}.jsonl")
    ours, theirs = (rows_of(tmp_path / f"{name}.jsonl") for name in "ab")
    drop = ("category", "prompt_id")
    assert [{k: v for k, v in r.items() if k not in drop} for r in ours] == [
        {k: v for k, v in r.items() if k not in drop} for r in theirs
    ]


# --- elections ---------------------------------------------------------------------------------------------


def test_ballots_on_all_models_are_an_election(wide, tmp_path):
    done = export(wide, "preflib", tmp_path / "votes.toi")
    found = preflib(tmp_path / "votes.toi")
    assert found.models == MODELS
    votes = comparisons(wide).ballots
    whole = (votes.shown >= 0).sum(axis=1) == 4
    assert found.total == done.votes == votes.count[whole].sum() == 8
    assert dict(done.left_out) == {"that do not show every model of the election": 40}
    # Shown as ada, bob, cyn, dan: (2, 1, null, null) and (1, 1, 2, 3), four times each.
    assert export_of_election(tmp_path / "votes.toi") == ["4: 2,1", "4: {1,2},3,4"]


def export_of_election(path):
    return sorted(line for line in path.read_text().splitlines() if not line.startswith("#"))


def test_an_election_comes_back_with_its_fingerprint(tmp_path):
    rows = [
        {"models": ["ada", "bob", "cyn"], "places": places}
        for places in ([1, 2, 3], [2, 1, 1], [None, 1, None], [3, 1, 2], [1, 2, 3])
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "k.parquet")
    export(tmp_path / "k.parquet", None, tmp_path / "k.toi")
    body = [line for line in (tmp_path / "k.toi").read_text().splitlines() if not line.startswith("#")]
    assert body == ["2: 1,2,3", "1: 2", "1: 2,3,1", "1: {2,3},1"]  # by hand
    ours = rank(comparisons(tmp_path / "k.parquet"), "borda", min_votes=1, missing="worst")
    theirs = rank(preflib(tmp_path / "k.toi"), "borda", min_votes=1, missing="worst")
    assert ours.fingerprint == theirs.fingerprint
    with pytest.raises(OptionError, match=r"which have ties and models without a place; name it strict\.toi"):
        export(tmp_path / "k.parquet", None, tmp_path / "strict.soc")
    assert not list(tmp_path.glob("*.soc"))


def test_votes_on_pairs_become_a_ballot_each_of_their_category(folder, tmp_path):
    with pytest.raises(SourceError, match=r"No ballot of .* shows all 4 models.*ballots_by=category"):
        export(folder, "preflib", tmp_path / "votes.toi")
    with VoteLog(tmp_path / "log") as log:
        for category in ("code", "chat"):
            for a, b in (("ada", "bob"), ("bob", "cyn")):
                drawn = battle((a, b), category=category)
                put(log, drawn, vote(drawn.battle_id, (1, 2)))
    done = export(tmp_path / "log", "preflib", tmp_path / "by.soc", ballots_by="category")
    assert done.votes == 2
    assert export_of_election(tmp_path / "by.soc") == ["2: 1,2,3"]  # ada before bob before cyn, twice


# --- files -------------------------------------------------------------------------------------------------


def test_the_manifest_says_what_was_done(folder, tmp_path):
    done = export(
        folder, "trl-kto", tmp_path / "k.jsonl", licence="CC-BY-4.0", consent="Texts may be published."
    )
    assert done.manifest == tmp_path / "k.manifest.json"
    found = json.loads(done.manifest.read_text())
    counts = outcomes(folder)
    assert found["format"] == "trl-kto"
    assert found["votes"] == {"read": 48, "exported": 48 - int(counts["tie"])}
    assert found["left_out"] == {"ties": counts["tie"]}
    assert found["files"] == [{"split": "all", "file": "k.jsonl", "rows": done.files[tmp_path / "k.jsonl"]}]
    assert (found["licence"], found["consent"]) == ("CC-BY-4.0", "Texts may be published.")
    assert found["software"] == f"agon-arena {VERSION}"
    assert found["fingerprint"] == done.fingerprint
    assert found["options"]["ties"] == "drop"


HOSTILE = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\tx", "\rx"]


def test_a_csv_carries_no_formulas(tmp_path):
    rows = [
        {"model_a": "ada", "model_b": "bob", "winner": "tie", "note": text, "voter": text, "timestamp": -1.5}
        for text in HOSTILE
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
    done = export(tmp_path / "v.parquet", "csv", tmp_path / "out.csv")
    for row, text in zip(rows_of(tmp_path / "out.csv"), HOSTILE, strict=True):
        assert row["note"] == row["voter"] == f"'{text}"
        assert not any(
            value.startswith(targets.FORMULA) for name, value in row.items() if name != "timestamp"
        )
        assert float(row["timestamp"]) == -1.5  # a number is no formula
    assert json.loads(done.manifest.read_text())["escaped_cells"] == 2 * len(HOSTILE)


def test_a_model_whose_name_is_a_formula_is_refused_in_csv_and_kept_in_json(tmp_path):
    rows = [{"model_a": "=cmd", "model_b": "bob", "winner": "tie"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
    with pytest.raises(
        SourceError, match=r"'=cmd' is a formula to a spreadsheet.*write .*out\.jsonl instead"
    ):
        export(tmp_path / "v.parquet", "csv", tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["v.parquet"]
    export(tmp_path / "v.parquet", "jsonl", tmp_path / "out.jsonl")
    assert comparisons(tmp_path / "out.jsonl").models == ("=cmd", "bob")


def there(tmp_path, name, kind):
    path = tmp_path / name
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("what was there")
    return path


@pytest.mark.parametrize(
    ("form", "name", "kind", "how", "message"),
    [
        ("trl-prefrence", "out", None, {}, "There is no form 'trl-prefrence'; did you mean 'trl-preference'"),
        (None, "out", None, {}, "has no ending that says how it is written"),
        ("csv", "out.parquet", None, {}, r"out\.parquet must end in \.csv"),
        ("csv", "out.csv", "folder", {}, r"out\.csv is a folder, and its ending is that of a file"),
        ("csv", "out", "file", {}, "out is a file; name a folder, or a file that ends in .csv"),
        ("csv", "out.csv", "file", {}, r"out\.csv exists already; choose another name, or replace it with"),
        ("csv", "out.csv", None, {"held_out": 0.5}, "A held-out split is two files"),
        ("csv", "out", None, {"held_out": 1.5}, "held_out is a share from 0 to below 1, not 1.5"),
        ("csv", "out", None, {"min_agreement": 2}, "min_agreement is a share from 0 to 1, not 2"),
        (
            "csv",
            "out",
            None,
            {"ties": "both"},
            "does not apply to csv, which keeps ties as the votes have them",
        ),
        ("trl-kto", "out", None, {"ties": "margin"}, "does not apply to trl-kto, which has drop and both"),
        ("trl-kto", "out", None, {"ties": "boht"}, "There is no ties='boht'; did you mean 'both'"),
        ("csv", "out", None, {"ballots_by": "voter"}, "ballots_by belongs to preflib"),
        (
            "csv",
            "out",
            None,
            {"criteria": ["clarity"]},
            "holds no vote that csv can hold: 48 on other criteria",
        ),
    ],
)
def test_bad_options_and_targets_are_one_sentence_and_nothing_is_written(
    folder, tmp_path, capsys, form, name, kind, how, message
):
    path = there(tmp_path, name, kind)
    with pytest.raises((OptionError, SourceError), match=message):
        export(folder, form, path, **how)
    words = [
        f"--{key.replace('_', '-')}={','.join(v) if isinstance(v, list) else v}" for key, v in how.items()
    ]
    if "boht" not in words[-1:] and not any("boht" in word for word in words):
        assert (
            main(["export", str(folder), *(["--as", form] if form else []), "--to", str(path), *words]) == 2
        )
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ([name] if kind else [])
    if kind == "file":
        assert path.read_text() == "what was there"
        if path.suffix == ".csv" and not how:
            export(folder, form, path, replace=True)
            assert len(rows_of(path)) == 48


def test_a_form_of_texts_needs_texts(tmp_path):
    source = agreement_votes(tmp_path)
    with pytest.raises(SourceError, match="holds no texts, which this form is made of: give a log folder"):
        export(source, "trl-preference", tmp_path / "new" / "deep" / "out")
    assert not (tmp_path / "new").exists()
    log = tmp_path / "log"
    into_log_rows(log)
    with pytest.raises(SourceError, match="holds no texts"):
        export(log, "trl-preference", tmp_path / "out")


def into_log_rows(log):
    path = log.parent / "published.json"
    path.write_text(json.dumps([{"question_id": "q", "model_a": "ada", "model_b": "bob", "winner": "tie"}]))
    into_log(read_published(path), path, log)


def test_imported_votes_beside_the_arenas_have_no_texts_and_are_counted(tmp_path):
    with VoteLog(tmp_path / "log") as log:
        fill(log, size=8, ballots=BALLOTS[:1])
    into_log_rows(tmp_path / "log")
    done = export(tmp_path / "log", "trl-preference", tmp_path / "out")
    assert (done.votes, dict(done.left_out)) == (8, {"whose texts are not there": 1})


def test_prompts_with_images_are_no_texts_and_other_prompts_than_those_without(tmp_path):
    """By hand: one question of words, one with an image, one whose second turn has it; four votes for ada."""
    one, two = AttachedImage("1" * 64), AttachedImage("2" * 64)
    drawn = [battle(), battle(images=(one,)), battle(images=(one,)), battle(images=(two,)), battle()]
    with VoteLog(tmp_path / "log") as log:
        for number, each in enumerate(drawn):
            b, turns = each.battle_id, 2 if number == 4 else 1
            later = [TurnRecord(b, 2, "And this?", NOON, (two,))] if turns == 2 else []
            answers = [answer(b, s, m, turn=t + 1) for t in range(turns) for s, m in enumerate(each.models)]
            put(log, each, *later, *answers, vote(b, (2, 1) if number == 2 else (1, 2), last_turn=turns))
    done = export(tmp_path / "log", "listwise", tmp_path / "texts.jsonl")
    assert (done.votes, dict(done.left_out)) == (
        1,
        {"on prompts with images, which these forms do not hold": 4},
    )
    assert export(tmp_path / "log", "votes", tmp_path / "votes.parquet").votes == 5, "votes alone are whole"
    agreed = export(tmp_path / "log", "votes", tmp_path / "agreed.parquet", min_agreement=0.6)
    assert agreed.votes == 3, "of one image a vote each way; another image is another prompt"


def test_a_log_without_votes_and_prompts_that_nobody_knows(tmp_path):
    VoteLog(tmp_path / "log").close()
    with pytest.raises(SourceError, match=r"There are no votes in .*log"):
        export(tmp_path / "log", "csv", tmp_path / "out.csv")
    rows = [{"model_a": "ada", "model_b": "bob", "winner": "tie", "prompt_id": p} for p in ("x", None)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
    with pytest.raises(SourceError, match=r"1 votes of .* have no prompt"):
        export(tmp_path / "v.parquet", "csv", tmp_path / "out", held_out=0.5)
    export(tmp_path / "v.parquet", "csv", tmp_path / "out", held_out=0.5, where="prompt_id IS NOT NULL")
    no_prompt = pa.Table.from_pylist([{k: v for k, v in rows[0].items() if k != "prompt_id"}])
    pq.write_table(no_prompt, tmp_path / "n.parquet")
    with pytest.raises(SourceError, match="does not say which votes are on the same prompt"):
        export(tmp_path / "n.parquet", "csv", tmp_path / "o", min_agreement=0.5)


@pytest.mark.parametrize("form", ["votes", "csv", "lmarena", "trl-kto"])
def test_a_full_disk_leaves_nothing(folder, tmp_path, form):
    """A file may not grow beyond 300 bytes: what a full disk says, from the system itself."""
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300));"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from agon.arena.cli.commands import main; sys.exit(main(sys.argv[1:]))"
    )
    copy = tmp_path / "copy.parquet"
    export(folder, "lmarena", copy)
    given = [sys.executable, "-c", code, "export", copy, "--as", form, "--to", tmp_path / "new" / "out"]
    done = subprocess.run(given, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "cannot be written: File too large" in done.stderr
    assert not (tmp_path / "new").exists()


def test_an_interrupt_leaves_nothing(folder, tmp_path, monkeypatch):
    class InterruptedWriter(targets.RowWriter):
        def add(self, table):
            super().add(table)
            if self.rows:
                raise KeyboardInterrupt

    monkeypatch.setattr("agon.data.exporters.exporting.RowWriter", InterruptedWriter)
    assert main(["export", str(folder), "--as", "lmarena", "--to", str(tmp_path / "new" / "out")]) == 130
    assert list(tmp_path.iterdir()) == []


def test_a_log_is_exported_while_votes_arrive(tmp_path):
    done = threading.Event()
    with VoteLog(tmp_path / "log") as log:
        fill(log, size=8)
        log.snapshot()

        def arrive():
            while not done.is_set():
                fill(log, size=4)
                log.snapshot()

        thread = threading.Thread(target=arrive)
        thread.start()
        try:
            sizes = []
            for n in range(6):
                found = export(tmp_path / "log", "listwise", tmp_path / f"out-{n}")
                assert dict(found.left_out) == {}
                sizes.append(found.votes)
        finally:
            done.set()
            thread.join(60)
    assert sizes == sorted(sizes)
    assert sizes[-1] > 8


def test_convert_is_the_same_and_takes_the_form_from_the_ending(folder, tmp_path, capsys):
    assert main(["convert", str(folder), "-o", str(tmp_path / "one.csv")]) == 0
    assert "48 votes in" in capsys.readouterr().out
    assert main(["convert", str(tmp_path / "one.csv"), "-o", str(tmp_path / "two.parquet")]) == 0
    assert board_of(tmp_path / "two.parquet").fingerprint == board_of(folder).fingerprint
    assert set(BY_ENDING.values()) <= set(EXPORTS)


def test_the_votes_of_several_files_and_frames_are_exported(tmp_path):
    source = agreement_votes(tmp_path)
    frame = pq.read_table(source).to_pandas()
    assert export(frame, "jsonl", tmp_path / "frame.jsonl").votes == 7
    copy = tmp_path / "more.parquet"
    pq.write_table(pq.read_table(source).slice(0, 2), copy)
    assert export([source, copy], "jsonl", tmp_path / "both.jsonl").votes == 9
    assert np.all(comparisons(tmp_path / "both.jsonl").pairs.wins.sum() == 7)
