"""Published arena formats: what each becomes, what is refused, and the real files counted another way.

Every expected value is written by hand, or counted by DuckDB from the file itself; the prompt ids were
computed with `printf %s TEXT | sha1sum`.
"""

import gzip
import json
import re
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agon.data.importers.formats import FORMATS
from agon.data.importers.published import read_published
from agon.ranking.errors import OptionError, SourceError, VotesError
from tests.support.paths import DATASETS

NOT_BLIND = "not blind (the names were shown)"
HELLO, PLUS = "f7ff9e8b7b", "f8b3259294"  # sha1[:10] of "Hello" and of "What is 1+1?"
REMEDY = 'leave such rows out with invalid="drop" (--invalid drop).'


def dataset(name):
    path = DATASETS / name
    if not path.exists():
        pytest.skip(f"the shared data set {name} is not here (set AGON_DATASETS)")
    return path


COUNTED = re.compile(r"(length|headers|lists|bold|citations)_[ab]")


def said(votes):
    """The votes without what was counted in the answers, which has tests of its own."""
    return {name: values for name, values in votes.to_pydict().items() if not COUNTED.fullmatch(name)}


def write(path, content):
    """Write text, JSON (an array for .json, lines for .jsonl) or a Parquet file, by the path's ending."""
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(content if isinstance(content, pa.Table) else pa.Table.from_pylist(content), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    return path


BATTLES = [
    {
        "question_id": "q1",
        "model_a": "gpt-4",
        "model_b": "koala-13b",
        "winner": "model_a",
        "judge": "arena_user_1",
        "turn": 2,
        "anony": True,
        "language": "English",
        "tstamp": 1682351591.1322,
    },
    {
        "question_id": "q2",
        "model_a": "koala-13b",
        "model_b": "gpt-4",
        "winner": "tie (bothbad)",
        "judge": "arena_user_2",
        "turn": 1,
        "anony": True,
        "language": "German",
        "tstamp": 1682351654.0,
    },
    {
        "question_id": "q3",
        "model_a": "gpt-4",
        "model_b": "palm-2",
        "winner": "model_b",
        "judge": "arena_user_1",
        "turn": 1,
        "anony": False,
        "language": "English",
        "tstamp": 1682351700.5,
    },
    {
        "question_id": "q4",
        "model_a": "palm-2",
        "model_b": "koala-13b",
        "winner": "tie",
        "judge": None,
        "turn": 1,
        "anony": True,
        "language": None,
        "tstamp": None,
    },
]
BATTLES_READ = {
    "row": [1, 2, 4],
    "model_a": ["gpt-4", "koala-13b", "palm-2"],
    "model_b": ["koala-13b", "gpt-4", "koala-13b"],
    "winner": ["model_a", "both_bad", "tie"],
    "voter": ["arena_user_1", "arena_user_2", None],
    "timestamp": [1682351591.1322, 1682351654.0, None],
    "language": ["English", "German", None],
    "turns": [2, 1, 1],
    "battle_id": ["q1", "q2", "q4"],
}
BATTLES_CSV = """question_id,model_a,model_b,winner,judge,turn,anony,language,tstamp
q1,gpt-4,koala-13b,model_a,arena_user_1,2,True,English,1682351591.1322
q2,koala-13b,gpt-4,tie (bothbad),arena_user_2,1,True,German,1682351654.0
q3,gpt-4,palm-2,model_b,arena_user_1,1,False,English,1682351700.5
q4,palm-2,koala-13b,tie,,1,True,,
"""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("clean_battle.json", BATTLES),
        ("clean_battle.jsonl", BATTLES),
        ("clean_battle.parquet", BATTLES),
        ("clean_battle.csv", BATTLES_CSV),
        ("clean_battle_bom.csv", "\ufeff" + BATTLES_CSV.replace("\n", "\r\n")),
        ("clean_battle.csv.gz", gzip.compress(BATTLES_CSV.encode(), mtime=0)),
        ("clean_battle.json.gz", gzip.compress(json.dumps(BATTLES).encode(), mtime=0)),
        ("array.jsonl", json.dumps(BATTLES)),
    ],
)
def test_a_battle_table_reads_the_same_from_every_container(tmp_path, name, content):
    imported = read_published(write(tmp_path / name, content))
    assert imported.format == "battles"
    assert imported.votes.to_pydict() == BATTLES_READ
    assert imported.dropped == {NOT_BLIND: 1}
    assert imported.votes.schema == pa.schema(
        [
            ("row", pa.int64()),
            ("model_a", pa.string()),
            ("model_b", pa.string()),
            ("winner", pa.string()),
            ("voter", pa.string()),
            ("timestamp", pa.float64()),
            ("language", pa.string()),
            ("turns", pa.int32()),
            ("battle_id", pa.string()),
        ]
    )


def test_a_gzipped_parquet_file_is_read(tmp_path):
    plain = write(tmp_path / "b.parquet", BATTLES)
    path = write(tmp_path / "b.parquet.gz", gzip.compress(plain.read_bytes()))
    assert read_published(path).votes.to_pydict() == BATTLES_READ


def test_arrow_encodings_pandas_and_polars_write_are_read(tmp_path):
    moment = datetime(2024, 7, 29, 3, 17, 2, 600900, tzinfo=UTC)  # 1722223022.6009
    table = pa.table(
        {
            "model_a": pa.array(["a", "b"]).dictionary_encode(),
            "model_b": pa.array(["b", "c"], pa.large_string()),
            "winner": pa.array(["tie", "model_a"]),
            "question_id": pa.array([7, 8]),
            "tstamp": pa.array([moment, None], pa.timestamp("ns", "UTC")),
            "turn": pa.array([1.0, None]),
            "category": pa.array(["", ""]),
        }
    )
    votes = read_published(write(tmp_path / "b.parquet", table)).votes
    assert votes.to_pydict() == {
        "row": [1, 2],
        "model_a": ["a", "b"],
        "model_b": ["b", "c"],
        "winner": ["tie", "model_a"],
        "timestamp": [1722223022.6009, None],
        "turns": [1, None],
        "battle_id": ["7", "8"],
    }


@pytest.mark.parametrize(
    ("given_time", "seconds"),
    [
        (1722223022.6009, 1722223022.6009),
        (1722223022, 1722223022.0),
        ("1722223022.6009", 1722223022.6009),
        ("2024-07-29T03:17:02Z", 1722223022.0),
        ("2024-07-29 03:17:02", 1722223022.0),
        ("2024-07-29T05:17:02+02:00", 1722223022.0),
    ],
)
def test_a_time_is_unix_seconds_or_iso_text(tmp_path, given_time, seconds):
    path = write(
        tmp_path / "b.jsonl", [{"model_a": "a", "model_b": "b", "winner": "tie", "tstamp": given_time}]
    )
    assert read_published(path).votes["timestamp"].to_pylist() == [seconds]


SPELLINGS = {
    "model_a": "model_a",
    "model_b": "model_b",
    "tie": "tie",
    "tie (bothbad)": "both_bad",
    "both bad": "both_bad",
    "bothbad": "both_bad",
    "both_bad": "both_bad",
}


@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(st.sampled_from(sorted(SPELLINGS)), min_size=1, max_size=12),
    blind=st.lists(st.booleans(), min_size=12, max_size=12),
    ending=st.sampled_from(["json", "jsonl", "parquet", "csv"]),
)
@pytest.mark.slow
def test_every_spelling_in_every_order_keeps_its_row(tmp_path_factory, labels, blind, ending):
    rows = [
        {"model_a": "a", "model_b": f"b{place}", "winner": label, "anony": blind[place]}
        for place, label in enumerate(labels)
    ]
    path = tmp_path_factory.mktemp("spellings") / f"votes.{ending}"
    lines = ["model_a,model_b,winner,anony", *(",".join(map(str, row.values())) for row in rows)]
    imported = read_published(write(path, "\n".join(lines) if ending == "csv" else rows))
    kept = [place for place in range(len(labels)) if blind[place]]
    assert imported.votes["row"].to_pylist() == [place + 1 for place in kept]
    assert imported.votes["model_b"].to_pylist() == [f"b{place}" for place in kept]
    assert imported.votes["winner"].to_pylist() == [SPELLINGS[labels[place]] for place in kept]
    assert sum(imported.dropped.values()) == len(labels) - len(kept)


# FastChat


def state(model, conversation, messages, offset=0):
    return {
        "template_name": "one_shot",
        "roles": ["Human", "Assistant"],
        "messages": messages,
        "offset": offset,
        "conv_id": conversation,
        "model_name": model,
    }


def fastchat_vote(kind, models=("", ""), a="gpt-4", b="koala-13b", messages=None, **changes):
    messages = [["Human", "Hello"], ["Assistant", "Hi"]] if messages is None else messages
    offset = changes.pop("offset", 0)
    return {
        "tstamp": 1682351591.1322,
        "type": kind,
        "models": list(models),
        "states": [state(a, "c1", messages, offset), state(b, "c2", messages, offset)],
        "ip": "203.0.113.7",
        **changes,
    }


SHOTS = [["Human", "Got any ideas?"], ["Assistant", "Yes"]]
TURNS = [["Human", "What is 1+1?"], ["Assistant", "2"], ["Human", "Sure?"], ["Assistant", "Yes"]]
PICTURE = [["Human", ["What is 1+1?", ["3f2a.png"]]], ["Assistant", "2"]]


def test_a_fastchat_log_gives_its_blind_votes_and_nothing_else(tmp_path):
    log = [
        {"tstamp": 1.0, "type": "chat", "model": "gpt-4", "gen_params": {}, "state": {}, "ip": "203.0.113.7"},
        fastchat_vote("leftvote"),
        fastchat_vote("rightvote", messages=SHOTS + TURNS, offset=2),
        {"type": "upvote", "model": "gpt-4", "state": {}, "ip": "203.0.113.7"},
        fastchat_vote("tievote", messages=PICTURE),
        fastchat_vote("leftvote", models=("### Model A: gpt-4", "### Model B: koala-13b")),
        fastchat_vote("bothbad_vote", messages=[]),
        {"type": "share"},
        {"type": "flag"},
        {"type": "downvote"},
    ]
    imported = read_published(write(tmp_path / "2023-04-24-conv.json", "\n".join(map(json.dumps, log))))
    assert imported.format == "fastchat"
    assert imported.dropped == {NOT_BLIND: 1}
    assert said(imported.votes) == {
        "row": [2, 3, 5, 7],
        "model_a": ["gpt-4"] * 4,
        "model_b": ["koala-13b"] * 4,
        "winner": ["model_a", "model_b", "tie", "both_bad"],
        "timestamp": [1682351591.1322] * 4,
        "turns": [1, 2, 1, None],
        "battle_id": ["c1-c2"] * 4,
        "prompt_id": [HELLO, PLUS, PLUS, None],
    }


def test_a_fastchat_log_without_votes_is_empty_and_not_an_error(tmp_path):
    path = write(tmp_path / "2023-04-25-conv.json", '{"type": "chat", "state": {}}\n\n{"type": "share"}\n')
    imported = read_published(path)
    assert (imported.format, imported.votes.num_rows, imported.dropped) == ("fastchat", 0, {})
    assert imported.votes.column_names == ["row", "model_a", "model_b", "winner"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"type": "starvote"}, "an unknown type ('starvote')"),
        ({"tstamp": 5.0}, "no type"),
        ({"type": "leftvote"}, "a models field that is not two names (None)"),
        ({"type": "leftvote", "models": ["", ""]}, "a states field that is not two conversations"),
        (fastchat_vote("leftvote", a=None), "no model name"),
        (fastchat_vote("leftvote", messages=[["Human"]]), "a messages field that is not a conversation"),
        (fastchat_vote("leftvote", messages="Hello"), "a messages field that is not a conversation"),
        (fastchat_vote("leftvote", tstamp="noon"), "a tstamp that is not a time in Unix seconds or ISO 8601"),
        (fastchat_vote("leftvote", a="koala-13b"), "a self-battle ('koala-13b')"),
    ],
)
def test_a_line_of_a_fastchat_log_that_is_not_what_it_says_is_refused(tmp_path, bad, said):
    path = write(tmp_path / "log.jsonl", [fastchat_vote("leftvote"), bad])
    with pytest.raises(VotesError) as caught:
        read_published(path)
    assert said in str(caught.value)
    assert " in row 2; correct it, or " in str(caught.value)
    dropped = read_published(path, invalid="drop")
    assert dropped.votes["row"].to_pylist() == [1]
    assert list(dropped.dropped.values()) == [1]


def test_the_last_line_of_a_log_may_be_cut_short(tmp_path):
    path = write(tmp_path / "log.jsonl", json.dumps(fastchat_vote("leftvote")) + '\n{"type": "leftv')
    with pytest.raises(VotesError, match="has a line that is not JSON in row 2; correct it, or"):
        read_published(path)
    assert read_published(path, invalid="drop").dropped == {"line that is not JSON": 1}


# AlpacaEval


def annotation(preference, **changes):
    return {
        "instruction": "Hello",
        "output_1": "Hi",
        "generator_1": "gpt4_1106_preview",
        "dataset": "helpful_base",
        "output_2": "Hey",
        "generator_2": "Yi-34B-Chat",
        "annotator": "weighted_alpaca_eval_gpt4_turbo",
        "preference": preference,
        **changes,
    }


def test_alpacaeval_preferences_become_the_probability_of_the_first_model(tmp_path):
    rows = [annotation(1.0), annotation(2), annotation(1.5), annotation(1.25, instruction="What is 1+1?")]
    imported = read_published(write(tmp_path / "annotations.json", rows))
    assert imported.format == "alpacaeval"
    assert imported.dropped == {}
    assert said(imported.votes) == {
        "row": [1, 2, 3, 4],
        "model_a": ["gpt4_1106_preview"] * 4,
        "model_b": ["Yi-34B-Chat"] * 4,
        "p_a": [1.0, 0.0, 0.5, 0.75],
        "voter": ["weighted_alpaca_eval_gpt4_turbo"] * 4,
        "voter_kind": ["llm"] * 4,
        "category": ["helpful_base"] * 4,
        "prompt_id": [HELLO, HELLO, HELLO, PLUS],
    }
    assert imported.votes.schema.field("p_a").type == pa.float64()


@pytest.mark.parametrize(
    ("preference", "said"),
    [
        (None, "no preference in row 2"),
        (float("nan"), "no preference in row 2"),
        (0.5, "a preference outside 1 to 2 (0.5) in row 2"),
        (2.0001, "a preference outside 1 to 2 (2.0001) in row 2"),
        (float("inf"), "a preference outside 1 to 2 (inf) in row 2"),
        ("better", "a preference that is not a number ('better') in row 2"),
        (True, "a preference that is not a number (True) in row 2"),
    ],
)
def test_a_preference_that_is_none_is_refused(tmp_path, preference, said):
    path = write(tmp_path / "annotations.json", [annotation(1.5), annotation(preference)])
    with pytest.raises(VotesError) as caught:
        read_published(path)
    assert str(caught.value) == f"{path} (read as alpacaeval) has {said}; correct it, or {REMEDY}"
    dropped = read_published(path, invalid="drop")
    assert dropped.votes["row"].to_pylist() == [1]
    assert list(dropped.dropped.values()) == [1]


# LMArena's releases


def blocks(text):
    return [{"type": "text", "text": text, "image": None}]


def test_the_33k_release_with_strings_for_content(tmp_path):
    conversation = [
        {"role": "user", "content": "What is 1+1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "Sure?"},
        {"role": "assistant", "content": "Yes"},
    ]
    row = {
        "question_id": "58210e39b3fd4441a2bd4a518bb44c2d",
        "model_a": "chatglm-6b",
        "model_b": "koala-13b",
        "winner": "tie (bothbad)",
        "judge": "arena_user_973",
        "conversation_a": conversation,
        "conversation_b": conversation,
        "turn": 2,
        "anony": True,
        "language": "English",
        "tstamp": 1682351591.1322,
        "openai_moderation": {"flagged": False},
        "toxic_chat_tag": {"roberta-large": {"flagged": False}},
    }
    expected = {
        "row": [1],
        "model_a": ["chatglm-6b"],
        "model_b": ["koala-13b"],
        "winner": ["both_bad"],
        "voter": ["arena_user_973"],
        "timestamp": [1682351591.1322],
        "language": ["English"],
        "turns": [2],
        "battle_id": ["58210e39b3fd4441a2bd4a518bb44c2d"],
        "prompt_id": [PLUS],
    }
    for name in ("train.parquet", "train.jsonl", "train.json"):
        imported = read_published(write(tmp_path / name, [row]))
        assert imported.format == "lmarena"
        assert said(imported.votes) == expected
    del row["turn"]  # then the user's messages are counted
    assert read_published(write(tmp_path / "no_turn.jsonl", [row])).votes["turns"].to_pylist() == [2]


def arena_140k(identifier, winner, text, code):
    conversation = [
        {"role": "user", "content": blocks(text)},
        {"role": "assistant", "content": blocks("An answer")},
    ]
    earlier = {"user": {"role": "user", "content": blocks("Earlier in this session")}}
    return {
        "id": identifier,
        "model_a": "gemini-2.5-pro",
        "model_b": "claude-opus-4",
        "winner": winner,
        "evaluation_session_id": "s1",
        "evaluation_order": 2,
        "conversation_a": conversation,
        "conversation_b": conversation,
        "full_conversation": [earlier, {"user": conversation[0], "model_side_a": conversation[1]}],
        "category_tag": {"creative_writing_v0.1": {"creative_writing": True, "score": "yes"}},
        "language": "pl",
        "is_code": code,
        "timestamp": "2025-06-18T15:51:08",
    }


def test_the_140k_release_with_blocks_sessions_and_tags(tmp_path):
    rows = [arena_140k("f1", "both_bad", "Hello", False), arena_140k("f2", "model_b", "What is 1+1?", True)]
    table = pa.Table.from_pylist(rows)
    times = pa.array([datetime(2025, 6, 18, 15, 51, 8)] * 2, pa.timestamp("us"))
    place = table.column_names.index("timestamp")
    for name, content in (
        ("train.jsonl", rows),
        ("train.parquet", table.set_column(place, "timestamp", times)),
    ):
        imported = read_published(write(tmp_path / name, content))
        assert imported.format == "lmarena"
        assert said(imported.votes) == {
            "row": [1, 2],
            "model_a": ["gemini-2.5-pro"] * 2,
            "model_b": ["claude-opus-4"] * 2,
            "winner": ["both_bad", "model_b"],
            "timestamp": [1750261868.0] * 2,
            "category": [["creative"], ["creative", "code"]],
            "language": ["pl"] * 2,
            "turns": [1, 1],
            "battle_id": ["f1", "f2"],
            "prompt_id": [HELLO, PLUS],
            "session": ["s1", "s1"],
        }


def test_full_conversation_alone_and_conversations_kept_as_text(tmp_path):
    row = arena_140k("f1", "tie", "Hello", None)
    turns = [{"user": {"role": "user", "content": blocks("What is 1+1?")}, "model_side_a": None}] * 3
    full = {key: row[key] for key in ("id", "model_a", "model_b", "winner")} | {"full_conversation": turns}
    votes = read_published(write(tmp_path / "full.jsonl", [full])).votes
    assert (votes["turns"].to_pylist(), votes["prompt_id"].to_pylist()) == ([3], [PLUS])
    texts = full | {
        "full_conversation": json.dumps(turns),
        "conversation_a": json.dumps(row["conversation_a"]),
    }
    votes = read_published(write(tmp_path / "texts.jsonl", [texts])).votes
    assert (votes["turns"].to_pylist(), votes["prompt_id"].to_pylist()) == ([1], [HELLO])


KAGGLE = """id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie
30192,gpt-4-1106-preview,gpt-4-0613,"[""What is 1+1?"",""Sure?""]","[""2""]","[""two
lines""]",1,0,0
53567,koala-13b,gpt-4-0613,"[""Hello""]","[""\\ud83d""]","[null]",0,1,0
65089,koala-13b,mixtral,"[null]","[""a""]","[""b""]",0,0,1
"""


def test_the_55k_release_with_one_column_for_each_winner(tmp_path):
    imported = read_published(write(tmp_path / "train.csv", KAGGLE))
    assert imported.format == "lmarena"
    assert said(imported.votes) == {
        "row": [1, 2, 3],
        "model_a": ["gpt-4-1106-preview", "koala-13b", "koala-13b"],
        "model_b": ["gpt-4-0613", "gpt-4-0613", "mixtral"],
        "winner": ["model_a", "model_b", "tie"],
        "turns": [2, 1, 1],
        "battle_id": ["30192", "53567", "65089"],
        "prompt_id": [PLUS, HELLO, None],
    }
    two = write(tmp_path / "two.csv", KAGGLE.replace(",0,1,0", ",1,1,0").replace(",0,0,1", ",0,0,2"))
    with pytest.raises(VotesError) as caught:
        read_published(two)
    assert caught.value.problems == (
        f"{two} (read as lmarena) "
        f"has a winner_tie that is not true or false ('2') in row 3; correct it, or {REMEDY}",
        f"{two} (read as lmarena) "
        "has a winner_model_a, winner_model_b and winner_tie without exactly one 1 in row 2; "
        f"correct it, or {REMEDY}",
    )
    assert "; one other kind of problem was found too." in str(caught.value)


# Rows that are not valid votes


def battle(**changes):
    row = {"model_a": "gpt-4", "model_b": "koala-13b", "winner": "model_a", **changes}
    return {key: value for key, value in row.items() if value is not ...}


INVALID = [
    (battle(model_a=None), "no model name", "no model name"),
    (battle(model_a=""), "no model name", "no model name"),
    (battle(model_b="  "), "no model name", "no model name"),
    (battle(model_b=...), "no model name", "no model name"),
    (battle(model_a=float("nan")), "no model name", "no model name"),
    (battle(model_b=["x"]), "model_b that is not text", "a model_b that is not text (['x'])"),
    (battle(model_a=" gpt-4"), "padded model name", "a padded model name (' gpt-4')"),
    (battle(model_b="koala\u00a0"), "padded model name", "a padded model name ('koala\\xa0')"),
    (battle(model_a="\ud800"), "model_a that is not text", "a model_a that is not text ('\\ud800')"),
    (battle(model_b="gpt-4"), "self-battle", "a self-battle ('gpt-4')"),
    (battle(winner="left"), "unknown winner label", "an unknown winner label ('left')"),
    (battle(winner=1), "unknown winner label", "an unknown winner label ('1')"),
    (battle(winner=None), "no winner", "no winner"),
    (battle(winner=...), "no winner", "no winner"),
    (battle(winner=True), "winner that is not text", "a winner that is not text (True)"),
    (battle(judge=1.5), "judge that is not text", "a judge that is not text (1.5)"),
    (battle(turn=1.5), "turn that is not a whole number", "a turn that is not a whole number (1.5)"),
    (battle(turn=-1), "turn that is not a whole number", "a turn that is not a whole number (-1)"),
    (
        battle(tstamp=1722223022600),  # milliseconds
        "tstamp that is not a time in Unix seconds or ISO 8601",
        "a tstamp that is not a time in Unix seconds or ISO 8601 (1722223022600)",
    ),
    (
        battle(anony="maybe"),
        "anony that is not true or false",
        "an anony that is not true or false ('maybe')",
    ),
    ("a string", "value that is not a JSON object", "a value that is not a JSON object"),
    (None, "value that is not a JSON object", "a value that is not a JSON object"),
]


@pytest.mark.parametrize(("bad", "reason", "said"), INVALID)
@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_an_invalid_row_is_named_and_can_be_left_out(tmp_path, ending, bad, reason, said):
    good = battle(anony=True) if isinstance(bad, dict) and "anony" in bad else battle()
    path = write(tmp_path / f"votes.{ending}", [good, bad, good])
    with pytest.raises(VotesError) as caught:
        read_published(path)
    assert str(caught.value) == f"{path} (read as battles) has {said} in row 2; correct it, or {REMEDY}"
    assert caught.value.problems == (str(caught.value),)
    imported = read_published(path, invalid="drop")
    assert imported.dropped == {reason: 1}
    assert imported.votes["row"].to_pylist() == [1, 3]
    assert imported.votes["model_a"].to_pylist() == ["gpt-4", "gpt-4"]


def test_a_row_that_does_not_say_whether_it_was_blind_is_refused(tmp_path):
    path = write(tmp_path / "votes.jsonl", [battle(anony=True), battle()])
    with pytest.raises(VotesError, match="has no anony in row 2; "):
        read_published(path)


def test_a_conversation_of_another_shape_is_refused(tmp_path):
    rows = [battle(conversation_a="Hello, no JSON"), battle(conversation_a={"role": "user"})]
    path = write(tmp_path / "votes.jsonl", rows)
    with pytest.raises(VotesError, match="has a conversation_a that is not a conversation in rows 1 and 2; "):
        read_published(path)


@pytest.mark.parametrize(
    ("bad_rows", "said"),
    [
        (1, "in row 2; correct it, or"),
        (2, "in rows 2 and 3; correct them, or"),
        (5, "in rows 2, 3, 4, 5 and 6; correct them, or"),
        (7, "in rows 2, 3, 4, 5, 6 and 2 more; correct them, or"),
    ],
)
def test_up_to_five_rows_are_listed(tmp_path, bad_rows, said):
    path = write(tmp_path / "votes.jsonl", [battle()] + [battle(winner="left")] * bad_rows)
    with pytest.raises(VotesError, match="an unknown winner label") as caught:
        read_published(path)
    assert said in str(caught.value)


def test_several_kinds_of_problem_are_one_message_and_a_list(tmp_path):
    rows = [battle(winner=w) for w in ("a", "b", "c", "d", "e")] + [battle(model_b="gpt-4"), "x", battle()]
    path = write(tmp_path / "votes.json", rows)
    with pytest.raises(VotesError) as caught:
        read_published(path)
    assert caught.value.problems == (
        f"{path} (read as battles) has a value that is not a JSON object in row 7; correct it, or {REMEDY}",
        f"{path} (read as battles) has a self-battle ('gpt-4') in row 6; correct it, or {REMEDY}",
        f"{path} (read as battles) has an unknown winner label ('a', 'b', 'c' and 2 more) "
        "in rows 1, 2, 3, 4 and 5; "
        f"correct them, or {REMEDY}",
    )
    assert str(caught.value) == f"{caught.value.problems[0][:-1]}; 2 other kinds were found too."
    assert read_published(path, invalid="drop").dropped == {
        "value that is not a JSON object": 1,
        "self-battle": 1,
        "unknown winner label": 5,
    }


def test_a_row_counts_once_and_a_named_vote_is_never_an_invalid_one(tmp_path):
    rows = [
        battle(anony=True),
        battle(anony=False, winner="left"),
        battle(anony=True, winner="left", model_b="gpt-4"),
    ]
    imported = read_published(write(tmp_path / "votes.jsonl", rows), invalid="drop")
    assert imported.dropped == {NOT_BLIND: 1, "self-battle": 1}


def test_a_csv_row_with_too_many_or_too_few_fields_is_an_invalid_row(tmp_path):
    text = (
        'model_a,model_b,winner,note\na,b,tie,"two\nlines"\na,b,tie\na,c,model_a,x\na,b,tie,x,y\nc,b,tie,\n'
    )
    path = write(tmp_path / "votes.csv", text)
    with pytest.raises(VotesError, match="a number of fields that is not the header's in rows 2 and 4; "):
        read_published(path)
    imported = read_published(path, invalid="drop")
    assert imported.votes["row"].to_pylist() == [1, 3, 5]
    assert imported.votes["winner"].to_pylist() == ["tie", "model_a", "tie"]
    assert imported.dropped == {"number of fields that is not the header's": 2}


def test_csv_rows_are_invalid_as_other_rows_are(tmp_path):
    text = "model_a,model_b,winner\ngpt-4,,tie\nNA,null,tie\n gpt-4,b,tie\na,b,\n"
    imported = read_published(write(tmp_path / "votes.csv", text), invalid="drop")
    assert imported.votes["model_a"].to_pylist() == ["NA"]  # names are names, whatever pandas thinks
    assert imported.dropped == {"no model name": 1, "padded model name": 1, "no winner": 1}


# Files that cannot be read, and options that do not exist

CUT_SHORT = gzip.compress(json.dumps(BATTLES * 50).encode(), mtime=0)[:-20]
BAD_FILES = [
    ("empty.json", b"", "is empty"),
    ("blank.csv", b" \n\n", "is empty"),
    ("empty.json.gz", gzip.compress(b"", mtime=0), "is empty"),
    ("list.json", b"[]", "holds no JSON objects, one for each row."),
    ("header.csv", b"model_a,model_b,winner\n", "has a header but no rows"),
    ("header.parquet", pa.table({"model_a": pa.array([], pa.string())}), "holds no rows."),
    (
        "words.json",
        b"\nmodel_a,model_b,winner\na,b,tie\n",
        "is not what its ending says: it looks like CSV or plain text; rename or convert it.",
    ),
    ("array.json", b'[\n{"model_a": "a",\n"model_b"; "b"}]', "is not JSON: line 3: expecting ':' delimiter."),
    ("cut.json", json.dumps(BATTLES).encode()[:-9], "is not JSON: line 1: "),
    ("deep.json", b"[" * 100_000, "is not JSON that can be read: "),
    ("numbers.json", b"[1, 2]", "holds no JSON objects, one for each row."),
    ("cut.json.gz", CUT_SHORT, "is not whole, or no gzip file; get or write it again."),
    (
        "latin.csv",
        "model_a,model_b,winner\né,b,tie\n".encode("latin-1"),
        "is not UTF-8 text: see line 2; save",
    ),
    (
        "text.parquet",
        b"model_a,model_b,winner\na,b,tie\n",
        "is not what its ending says: it looks like CSV or plain text; rename or convert it.",
    ),
    ("cut.parquet", b"PAR1 and then nothing of use", "cannot be read: "),
    (
        "twice.csv",
        b"model_a,model_a,winner\na,b,tie\n",
        "names the column 'model_a' twice; give each column its own name.",
    ),
]


@pytest.mark.parametrize(("name", "content", "said"), BAD_FILES, ids=[row[0] for row in BAD_FILES])
def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path, name, content, said):
    path = write(tmp_path / name, content)
    with pytest.raises(SourceError) as caught:
        read_published(path, invalid="drop")
    message = str(caught.value)
    assert message.startswith(f"{path} {said}")
    assert message.endswith(".")
    assert "\n" not in message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_no_file_and_a_directory(tmp_path):
    with pytest.raises(SourceError, match=r"^There is no file .*votes\.json; check the path\.$"):
        read_published(tmp_path / "votes.json")
    with pytest.raises(SourceError, match=r"is a folder; name a file in it\.$"):
        read_published(str(tmp_path))


def test_a_damaged_parquet_page_is_a_source_error(tmp_path):
    table = pa.table(
        {"model_a": [f"m{i}" for i in range(5000)], "model_b": ["x"] * 5000, "winner": ["tie"] * 5000}
    )
    path = write(tmp_path / "votes.parquet", table)
    content = bytearray(path.read_bytes())
    content[40:4000] = b"\xff" * 3960
    with pytest.raises(SourceError, match=r"votes\.parquet cannot be read: "):
        read_published(write(tmp_path / "votes.parquet", bytes(content)))


def test_unknown_content_names_the_nearest_format_and_ambiguous_content_both(tmp_path):
    path = write(tmp_path / "table.csv", "generator_1,generator_2,preferred\na,b,1\n")
    with pytest.raises(SourceError) as caught:
        read_published(path)
    assert str(caught.value) == (
        f"{path} is in no format known here: its columns are generator_1, generator_2 and preferred; the "
        "nearest format is alpacaeval, which needs generator_1, generator_2 and preference, and of that "
        "preference is missing: name yours with columns= (--column preference=preferred)."
    )
    remedy = read_published(path, columns={"preference": "preferred"})
    assert (remedy.format, remedy.votes["p_a"].to_pylist()) == ("alpacaeval", [1.0])
    path = write(tmp_path / "both.json", [battle() | annotation(1.0)])
    with pytest.raises(
        SourceError, match="fits several formats, battles and alpacaeval: choose one with format="
    ):
        read_published(path)
    assert read_published(path, format="alpacaeval").votes["p_a"].to_pylist() == [1.0]
    assert read_published(path, format="battles").votes["winner"].to_pylist() == ["model_a"]


def test_a_forced_format_still_needs_its_columns(tmp_path):
    path = write(tmp_path / "votes.csv", BATTLES_CSV)
    with pytest.raises(
        SourceError,
        match="cannot be read as alpacaeval, which needs generator_1, generator_2 and preference: ",
    ):
        read_published(path, format="alpacaeval")
    with pytest.raises(OptionError) as caught:
        read_published(path, format="batles")
    assert str(caught.value) == "There is no published format 'batles'; did you mean 'battles'?"
    with pytest.raises(OptionError, match=r"^The option invalid is 'error' or 'drop', not 'skip'\.$"):
        read_published(path, invalid="skip")


def test_every_format_is_found_by_its_name():
    assert all(form.name == name for name, form in FORMATS.items())


# The real files


def test_chatbot_arena_2023():
    """The counts are those of SOURCES.md: 25,938 votes of lmsys/chatbot_arena_conversations."""
    imported = read_published(dataset("chatbot_arena_2023_human_votes.parquet"))
    counts = {row["values"]: row["counts"] for row in imported.votes["winner"].value_counts().to_pylist()}
    assert counts == {"model_a": 9252, "model_b": 9068, "tie": 2846, "both_bad": 4772}
    assert imported.votes["row"].to_pylist() == list(range(1, 25939))
    assert (imported.format, imported.dropped) == ("battles", {})


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_mteb_arena_counts_as_duckdb_counts(tmp_path, ending):
    """A third of the votes are marked as named here, since all of the published ones are blind."""
    source = dataset("mteb_arena_retrieval_votes_by_snapshot.parquet")
    path = tmp_path / f"votes.{ending}"
    columns = "* exclude (anony), anony and (rowid % 3 <> 1) as anony"
    with duckdb.connect() as made:
        made.sql(f"create table votes as from '{source}'; copy (select {columns} from votes) to '{path}'")
    imported = read_published(path)
    votes = imported.votes
    ours = (
        duckdb.connect()
        .sql(
            "select model_a, model_b, winner, voter, count(*), sum(timestamp) "
            "from votes group by all order by all"
        )
        .fetchall()
    )
    theirs = (
        duckdb.connect()
        .sql(
            "select model_a, model_b, if(winner = 'tie (bothbad)', 'both_bad', winner) as winner, judge, "
            f"count(*), sum(tstamp) from '{path}' where anony group by all order by all"
        )
        .fetchall()
    )
    assert [row[:5] for row in ours] == [row[:5] for row in theirs]
    assert [row[5] for row in ours] == pytest.approx([row[5] for row in theirs], rel=1e-14)
    assert imported.dropped == {NOT_BLIND: 4005}
    assert votes.num_rows == 12014 - 4005
    whole = read_published(source)
    assert (whole.votes.num_rows, whole.dropped) == (12014, {})


def test_alpacaeval_2_gives_the_published_probabilities(tmp_path):
    """p_model_b of the prepared file is the published preference - 1; the baseline also meets itself."""
    rows = (
        duckdb.connect()
        .sql(
            f"select * from '{dataset('alpacaeval2_votes.parquet')}' "
            "where model_a <> model_b or dataset = 'vicuna' using sample 60% (bernoulli, 7)"
        )
        .to_arrow_table()
    )
    rows = rows.to_pylist()
    annotations = [
        {
            "instruction": row["prompt_id"],
            "generator_1": row["model_a"],
            "generator_2": row["model_b"],
            "dataset": row["dataset"],
            "annotator": row["judge"],
            "preference": row["preference"],
        }
        for row in rows
    ]
    path = write(tmp_path / "annotations.json", json.dumps(annotations))
    own = [row["model_a"] == row["model_b"] for row in rows]
    with pytest.raises(VotesError, match=r"has a self-battle \('gpt4_1106_preview'\) in rows "):
        read_published(path)
    imported = read_published(path, invalid="drop")
    kept = [row for row, itself in zip(rows, own, strict=True) if not itself]
    assert imported.dropped == {"self-battle": sum(own)}
    assert sum(own) > 20
    assert len(kept) > 20000
    assert imported.votes["model_b"].to_pylist() == [row["model_b"] for row in kept]
    assert imported.votes["category"].to_pylist() == [row["dataset"] for row in kept]
    gaps = [
        abs(p - (1 - row["p_model_b"]))
        for p, row in zip(imported.votes["p_a"].to_pylist(), kept, strict=True)
    ]
    assert max(gaps) < 1e-12


def test_the_prompt_id_is_the_one_of_the_shared_files(tmp_path):
    """fb5e4d4705 is the id that alpacaeval2_votes.parquet gives AlpacaEval's first instruction."""
    question = "What are the names of some famous actors that started their careers on Broadway?"
    path = write(tmp_path / "annotations.json", [annotation(1.0, instruction=question)])
    assert read_published(path).votes["prompt_id"].to_pylist() == ["fb5e4d4705"]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just("model_a")
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "user", "content", "text", "messages", "offset"]), inner)
    ),
    max_leaves=6,
)
FIELDS = {
    "battles": ["model_a", "model_b", "winner", "tstamp", "turn", "anony", "judge", "category"],
    "alpacaeval": ["generator_1", "generator_2", "preference", "instruction", "annotator"],
    "lmarena": ["model_a", "model_b", "winner", "conversation_a", "is_code", "question_id"],
    "fastchat": ["type", "models", "states", "tstamp"],
}


@settings(max_examples=150, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(FIELDS)))
@pytest.mark.slow
def test_whatever_the_fields_hold_a_row_is_a_vote_or_is_counted(tmp_path_factory, data, name):
    fields = dict.fromkeys(FIELDS[name], VALUES)
    if name == "fastchat":
        sides = st.fixed_dictionaries(
            {"model_name": SCALARS, "conv_id": SCALARS}, optional={"messages": VALUES, "offset": VALUES}
        )
        fields |= {
            "type": st.sampled_from(["leftvote", "chat"]) | VALUES,
            "models": st.just(["", ""]) | VALUES,
            "states": st.lists(sides, min_size=2, max_size=2) | VALUES,
        }
    rows = data.draw(st.lists(st.fixed_dictionaries(fields), min_size=1, max_size=4))
    path = write(tmp_path_factory.mktemp("any") / "rows.json", rows)
    imported = read_published(path, invalid="drop")
    others = sum(row.get("type") in ("chat", "share") for row in rows) if name == "fastchat" else 0
    assert imported.format == name
    assert imported.votes.num_rows + sum(imported.dropped.values()) + others == len(rows)
