"""Whatever people hold: published formats ranked as they are imported; what a vote is, case by case.

Shapes after public formats and reports, written small; the right values are counted by hand.
"""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agon.arena.cli.commands import main
from agon.data import check, comparisons, read_published
from agon.data.importers.log_snapshot import into_log
from agon.ranking import OptionError, SourceError, VotesError, rank

FAST = {"tstamp": 1.0, "type": "leftvote"}


def conversation(model, answer="x", offset=0):
    return {"model_name": model, "messages": [["USER", "q"], ["ASSISTANT", answer]], "offset": offset}


def fastchat(shown=("", ""), answer="x"):
    return {**FAST, "models": list(shown), "states": [conversation("ada", answer), conversation("bob")]}


GAMES = {"judge": ["gpt-4", "pair-v2"], "turn": 1}
# name: (file, its rows or text, wins of (ada, bob), ties, left out)
SHAPES = {
    "comparia": (
        "votes.json",
        [
            {"model_a_name": "ada", "model_b_name": "bob", "chosen_model_name": "bob", "both_equal": False},
            {"model_a_name": "bob", "model_b_name": "ada", "chosen_model_name": "bob", "both_equal": False},
            {"model_a_name": "ada", "model_b_name": "bob", "chosen_model_name": None, "both_equal": True},
        ],
        ((0, 2), 1, {}),
    ),
    "open-webui": (
        "feedback.json",
        [
            {
                "type": "rating",
                "snapshot": {},
                "data": {"rating": 1, "model_id": "ada", "sibling_model_ids": ["bob"]},
            },
            {
                "type": "rating",
                "snapshot": {},
                "data": {"rating": -1, "model_id": "ada", "sibling_model_ids": ["bob"]},
            },
            {
                "type": "rating",
                "snapshot": {},
                "data": {"rating": 1, "model_id": "ada", "sibling_model_ids": None},
            },
        ],
        ((1, 1), 0, {"that rate one answer alone, which compares nothing": 1}),
    ),
    "mt-bench-games": (
        "games.jsonl",
        [
            {"model_1": "ada", "model_2": "bob", "g1_winner": "model_1", "g2_winner": "model_1", **GAMES},
            {"model_1": "ada", "model_2": "bob", "g1_winner": "model_1", "g2_winner": "model_2", **GAMES},
            {"model_1": "bob", "model_2": "ada", "g1_winner": "tie", "g2_winner": "error", **GAMES},
        ],
        ((1, 0), 1, {"that the judge gave no verdict on": 1}),
    ),
    "evalscope": (
        "games.jsonl",
        [{"model_a": "ada", "model_b": "bob", "win_1": "model_b", "win_2": "model_b"}],
        ((0, 1), 0, {}),
    ),
    "chosen": (
        "tts.csv",
        "model_chosen,model_rejected,user_id\nada,bob,1\nbob,ada,2\nada,bob,3\n",
        ((2, 1), 0, {}),
    ),
    "tournesol": (
        "graded.csv",
        "public_username,entity_a,entity_b,criteria,score\nu,ada,bob,c,5\nu,ada,bob,c,-10\nu,ada,bob,c,0\n",
        ((1, 1), 1, {}),
    ),
    "kaggle": (
        "train.csv",
        "id,model_a,model_b,winner_model_a,winner_model_b,winner_tie\n1,ada,bob,1,0,0\n2,ada,bob,0,0,1\n",
        ((1, 0), 1, {}),
    ),
    "blind labels": (
        "log.json",
        [fastchat(("Model A", "Model B")), fastchat(("### Model A: ", "### Model B: "))],
        ((2, 0), 0, {}),
    ),
    "names shown": (
        "log.json",
        [fastchat(), fastchat(("ada", "bob"))],
        ((1, 0), 0, {"not blind (the names were shown)": 1}),
    ),
    "notices": (
        "log.json",
        [fastchat(), fastchat(answer="**NETWORK ERROR DUE TO HIGH TRAFFIC.** (error_code: 50004)")],
        ((1, 0), 0, {"with an error or moderation notice as an answer": 1}),
    ),
    "draws of AlpacaEval": (
        "annotations.json",
        [{"generator_1": "ada", "generator_2": "bob", "preference": p} for p in (1, 0, 2)],
        ((1.5, 1.5), 0, {}),  # alpaca_eval replaces 0 by 1.5
    ),
    "names as winners": (
        "votes.csv",
        "model_a,model_b,winner\nada,bob,bob\nbob,ada,bob\nada,bob,tie\n",
        ((0, 2), 1, {}),
    ),
    "capitals": ("votes.csv", "model_a,model_b,winner\nada,bob,Model_A\nada,bob,Tie\n", ((1, 0), 1, {})),
    "places from 0 and with gaps": (
        "kwise.jsonl",
        [{"models": ["ada", "bob"], "places": p} for p in ([0, 1], [2, 1], [1, 1], [0, 0])],
        ((1, 1), 2, {}),
    ),
}


def written(path, content):
    path.write_text(content if isinstance(content, str) else "\n".join(map(json.dumps, content)))
    return path


@pytest.mark.parametrize("shape", SHAPES)
def test_a_published_shape_is_ranked_as_it_is(tmp_path, shape):
    name, content, (wins, ties, left_out) = SHAPES[shape]
    votes = comparisons(written(tmp_path / name, content), voters="all")
    a, b = (votes.models.index(model) for model in ("ada", "bob"))
    assert (votes.pairs.wins[a, b], votes.pairs.wins[b, a]) == wins
    assert votes.pairs.ties[a, b] == ties
    assert dict(votes.left_out) == left_out


def test_arena_hard_turns_the_second_game_round(tmp_path):
    """In the first game the baseline is A, in the second the model is (lmarena/arena-hard-auto #14)."""
    games = [{"score": "A>>B"}, {"score": "A>B"}]
    votes = comparisons(written(tmp_path / "a.jsonl", [{"question_id": "q", "model": "ada", "games": games}]))
    assert votes.models == ("ada", "baseline")
    assert votes.pairs.wins.tolist() == [[0, 1], [1, 0]]
    assert set(read_published(tmp_path / "a.jsonl").votes["voter_kind"].to_pylist()) == {"llm"}


def test_what_a_file_says_beside_its_format_can_be_asked_for(tmp_path):
    rows = "id,model_a,model_b,winner_model_a,winner_model_b,winner_tie,response_a,response_b\n"
    rows += "1,ada,bob,1,0,0,long answer,short\n2,ada,bob,0,1,0,x,long answer\n"
    rows += "3,ada,bob,1,0,0,x,a longer one\n4,ada,bob,0,0,1,x,y\n"
    path = written(tmp_path / "train.csv", rows)
    assert len(comparisons(path, where="id > 1")) == 3
    assert "length" in str(rank(comparisons(path), control="length", interval="none").settings["control"])


def test_a_prompt_is_not_an_identifier_of_votes(tmp_path):
    """MT-bench's question_id stands with many pairs: keeping one of each would delete good votes."""
    rows = [
        {
            "question_id": 81,
            "model_a": a,
            "model_b": b,
            "winner": "tie",
            "judge": ["gpt-4", "pair-v2"],
            "turn": turn,
        }
        for a, b in (("ada", "bob"), ("bob", "cyn"))
        for turn in (1, 2)
    ]
    path = written(tmp_path / "judgments.jsonl", rows)
    assert "repeated_identifier" not in {finding.code for finding in check(path).findings}
    imported = read_published(path).votes
    assert "battle_id" not in imported.column_names
    assert set(imported["prompt_id"].to_pylist()) == {"81"}
    assert set(imported["voter_kind"].to_pylist()) == {"llm"}
    again = written(tmp_path / "again.jsonl", [*rows, rows[0]])
    assert "repeated_identifier" in {finding.code for finding in check(again).findings}


@pytest.mark.parametrize(
    "column",
    [
        {"judge_model": ["judge-70b", None, None]},
        {"source": ["llm-judge", "human", "human"]},
        {"judge": [["gpt-4", "pair-v2"], "expert_0", "expert_1"]},
    ],
    ids=lambda column: next(iter(column)),
)
def test_judges_beside_people_are_told_apart(tmp_path, column):
    (name, values), *_ = column.items()
    rows = [{"model_a": "ada", "model_b": "bob", "winner": "model_a", name: value} for value in values]
    votes = comparisons(written(tmp_path / "votes.jsonl", rows))
    assert (len(votes), dict(votes.left_out)) == (2, {"votes of LLM judges": 1})


def test_a_cumulative_export_brings_only_new_votes(tmp_path):
    def battle(i):
        return {
            "question_id": f"q{i}",
            "model_a": "ada",
            "model_b": "bob",
            "winner": "tie",
            "judge": "u",
            "turn": 1,
        }

    log = tmp_path / "log"
    for name, n, expected in (
        ("july1.json", 3, (True, 0)),
        ("july8.json", 5, (True, 3)),
        ("copy.json", 2, (False, 2)),
    ):
        path = written(tmp_path / name, json.dumps([battle(i) for i in range(n)]))
        _, new, known = into_log(read_published(path), path, log)
        assert (new, known) == expected
    assert len(comparisons(log)) == 5


def test_times_with_offsets_are_ordered_in_utc():
    """10:30+02:00 is before 09:00+00:00 (8:30 and 9:00 UTC), whatever the clocks on the wall say."""
    table = pa.table(
        {
            "model_a": ["ada", "ada"],
            "model_b": ["bob", "bob"],
            "winner": ["model_a", "model_b"],
            "timestamp": ["2025-03-30T09:00:00+00:00", "2025-03-30T10:30:00+02:00"],
        }
    )
    battles = comparisons(table).battles
    assert battles.ballots.places[battles.sequence].tolist() == [[2, 1], [1, 2]]


def test_dropping_is_not_advised_where_the_outcome_chooses_the_rows(tmp_path):
    path = written(tmp_path / "votes.csv", "model_a,model_b,winner\nada,bob,left\nada,bob,tie\n")
    with pytest.raises(VotesError, match="'left' is not a known winner") as caught:
        comparisons(path)
    assert "invalid=" not in str(caught.value)
    assert "which of these it means, such as labels={'left': 'model_a'} (--label left=model_a)" in str(
        caught.value
    )
    votes = comparisons(path, labels={"left": "model_a"})
    assert (votes.pairs.wins[0, 1], votes.pairs.ties[0, 1]) == (1, 1)
    assert main(["rank", str(path), "--label", "left=model_a", "--interval", "none"]) == 0
    with pytest.raises(OptionError, match="There is no winner 'model_c' to read 'left' as"):
        comparisons(path, labels={"left": "model_c"})


def test_the_database_of_a_log_names_its_folder(tmp_path):
    import duckdb

    with duckdb.connect(str(tmp_path / "agon.duckdb")) as connection:
        connection.execute("CREATE TABLE migrations (version INTEGER); CREATE TABLE lineups (lineup INTEGER)")
    with pytest.raises(SourceError, match=f"the arena's own database; rank its folder: agon rank {tmp_path}"):
        comparisons(tmp_path / "agon.duckdb")


def test_a_parquet_file_of_a_format_is_read_as_one(tmp_path):
    path = tmp_path / "train.parquet"
    columns = {
        "model_a": ["ada"],
        "model_b": ["bob"],
        "winner_model_a": [0],
        "winner_model_b": [1],
        "winner_tie": [0],
    }
    pq.write_table(pa.table(columns), path)
    assert comparisons(path).pairs.wins.tolist() == [[0, 0], [1, 0]]


def test_several_files_are_imported_and_a_folder_of_parts_is_ranked(tmp_path, capsys):
    for i in (1, 2):
        written(tmp_path / f"{i}.json", [fastchat(), fastchat()])
        part = {"model_a": ["ada"], "model_b": ["bob"], "winner": ["tie"]}
        (tmp_path / "parts").mkdir(exist_ok=True)
        pq.write_table(pa.table(part), tmp_path / "parts" / f"train-{i}-of-2.parquet")
    log = tmp_path / "log"
    files = [str(tmp_path / "1.json"), str(tmp_path / "2.json")]
    assert main(["import", *files, "--into", str(log)]) == 0
    assert capsys.readouterr().out.count("2 votes of the format 'fastchat' are in ") == 2
    assert len(comparisons(log)) == 4
    assert main(["import", files[0], str(tmp_path / "gone.json"), "--into", str(tmp_path / "other")]) == 2
    assert not (tmp_path / "other").exists(), "nothing is written where one file cannot be read"
    assert len(comparisons(tmp_path / "parts")) == 2
