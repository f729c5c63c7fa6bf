"""Recorded answers from files: both layouts in every format, and one sentence for every way to be wrong."""

import dataclasses
import gzip
import json

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from agon.data.importers.recorded_answers import answers
from agon.ranking.errors import SourceError

LONG = [
    {"prompt": "Why?", "model": "ada", "answer": "Because.", "category": "short", "prompt_id": "p1"},
    {"prompt": "Why?", "model": "bob", "answer": "42", "category": "short", "prompt_id": "p1"},
    {"prompt": 'Wozu,\n"genau"?', "model": "ada", "answer": " 007\n", "category": None, "prompt_id": "p2"},
    {
        "prompt": 'Wozu,\n"genau"?',
        "model": "bob",
        "answer": "2024-01-01",
        "category": None,
        "prompt_id": "p2",
    },
    {"prompt": "Alone?", "model": "cyn", "answer": "true", "category": None, "prompt_id": "p3"},
]
WIDE = [
    {"prompt": "Why?", "prompt_id": "p1", "category": "short", "ada": "Because.", "bob": "42", "cyn": None},
    {
        "prompt": LONG[2]["prompt"],
        "prompt_id": "p2",
        "category": None,
        "ada": " 007\n",
        "bob": "2024-01-01",
        "cyn": None,
    },
    {"prompt": "Alone?", "prompt_id": "p3", "category": None, "ada": None, "bob": None, "cyn": "true"},
]


def parquet(rows, path):
    pq.write_table(pa.Table.from_pylist(rows), path)


def dictionaries(rows, path):
    table = pa.Table.from_pylist(rows)
    pq.write_table(pa.table({name: table[name].dictionary_encode() for name in table.column_names}), path)


def comma(rows, path):
    pacsv.write_csv(pa.Table.from_pylist(rows), path)


def lines(rows, path):
    path.write_text("\n".join(json.dumps(row) for row in rows))


def array(rows, path):
    path.write_text(json.dumps(rows))


def zipped(rows, path):
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))


WRITERS = {
    "a.parquet": parquet,
    "d.parquet": dictionaries,
    "a.csv": comma,
    "a.jsonl": lines,
    "a.json": array,
    "a.jsonl.gz": zipped,
}


@pytest.mark.parametrize("rows", [LONG, WIDE], ids=["long", "wide"])
@pytest.mark.parametrize("name", WRITERS)
def test_both_layouts_say_the_same_in_every_format(tmp_path, name, rows):
    path = tmp_path / name
    WRITERS[name](rows, path)
    found = answers(path)
    assert found.name == name
    assert found.models == ("ada", "bob", "cyn")
    assert [(p.prompt_id, p.prompt, p.category, p.language) for p in found.prompts] == [
        ("p1", "Why?", "short", None),
        ("p2", 'Wozu,\n"genau"?', None, None),
    ]
    assert [dict(p.answers) for p in found.prompts] == [
        {"ada": "Because.", "bob": "42"},
        {"ada": " 007\n", "bob": "2024-01-01"},
    ], "texts are as they were written, whatever they look like"
    assert found.left_out == ("Alone?",)
    assert found.of("bob") == {"Why?": "42", 'Wozu,\n"genau"?': "2024-01-01"}
    assert found.of("cyn") == {}


def test_what_was_read_does_not_change(tmp_path):
    lines(LONG, tmp_path / "a.jsonl")
    found = answers(tmp_path / "a.jsonl")
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.models = ()
    with pytest.raises(TypeError):
        found.prompts[0].answers["ada"] = "other"


def test_a_prompt_without_an_id_gets_that_of_its_text(tmp_path):
    """The SHA-1 of "Why?" begins with these ten digits (coreutils: printf 'Why?' | sha1sum)."""
    rows = [one(prompt="Why?"), one(prompt=" Why?\n", model="b")]
    lines(rows, tmp_path / "a.jsonl")
    (prompt,) = answers(tmp_path / "a.jsonl").prompts
    assert (prompt.prompt, prompt.prompt_id) == ("Why?", "d77989c1e3")


def test_numbers_are_ids(tmp_path):
    lines([{"prompt": "p", "a": "x", "b": "y", "prompt_id": 7}], tmp_path / "a.jsonl")
    assert answers(tmp_path / "a.jsonl").prompts[0].prompt_id == "7"


def one(**more):
    return {"prompt": "p", "model": "a", "answer": "x"} | more


PAIR = [one(), one(model="b")]
WRONG = [
    ([{"promt": "p", "model": "a", "answer": "x"}], "has no column 'prompt'; did you mean 'promt'?"),
    (
        [{"prompt": "p", "model": "a", "anser": "x"}],
        "has a column 'model' but no 'answer'; did you mean 'anser'?",
    ),
    ([{"prompt": "p", "answer": "a"}], "has a column 'answer' but no 'model';"),
    ([{"prompt": "p", "ada": "x"}], "has only the column 'ada' beside prompt;"),
    ([{"prompt": "p"}], "has no column beside prompt;"),
    ([{"prompt": "p", "": "0", "a": "x", "b": "y"}], "has a column without a name;"),
    ([*PAIR, one(model="c", answer=" ")], "There is no answer in row 3 of"),
    ([*PAIR, one(model="c", answer=None), one(model=None)], "There is no model in row 4 of"),
    ([*PAIR, *[one(prompt=" ")] * 8], "There is no prompt in rows 3, 4, 5, 6, 7 and 3 more of"),
    ([{"prompt": None, "a": "x", "b": "y"}], "There is no prompt in row 1 of"),
    (
        [*PAIR, one(prompt="q"), one(answer="again")],
        "The model 'a' answers the prompt 'p' twice in rows 1 and 4 of",
    ),
    (
        [*PAIR, one(prompt="{q}"), one(prompt="{q}")],
        "The model 'a' answers the prompt '{q}' twice in rows 3 and 4 of",
    ),
    (
        [{"prompt": "p", "a": "x", "b": "y"}] * 2,
        "The model 'a' answers the prompt 'p' twice in rows 1 and 2 of",
    ),
    ([*PAIR, one(prompt="q", model="A")], "The model name 'A' looks like 'a' in row 3 of"),
    (
        [*PAIR, one(prompt="q"), one(prompt="q", model="а")],
        "The model name 'а' looks like 'a' but has U+0430 instead of U+0061 in row 4 of",
    ),
    ([{"prompt": "p", "a": "x", "A": "y"}], "The model name 'A' looks like 'a' in row 1 of"),
    ([*PAIR, one(prompt="q", model=" b")], "The model name ' b' has spaces around it in row 3 of"),
    ([one(), one(prompt="q")], "has answers of one model, 'a'; a comparison needs two models."),
    ([{"prompt": "p", "a": None, "b": None}], "has no answers; a comparison needs two models."),
    ([one(), one(prompt="q", model="b")], "has no prompt that two models answered;"),
    (
        [one(category="s"), one(model="b", category="t")],
        "The prompt 'p' has the category 's' or 't' in rows 1 and 2 of",
    ),
    (
        [one(language="de"), one(model="b", language="en")],
        "The prompt 'p' has the language 'de' or 'en' in rows 1 and 2",
    ),
    (
        [one(prompt_id="1"), one(model="b", prompt_id="2")],
        "The prompt 'p' has the prompt_id '1' or '2' in rows 1 and 2",
    ),
    (
        [one(prompt=p, model=m, prompt_id="1") for p in "pq" for m in "ab"],
        "has the prompt_id '1' for 'p' and for 'q'; give each prompt its own.",
    ),
    ([*PAIR, one(model="c", answer=7)], "The column 'answer' holds '7', which is no text, in row 3 of"),
    (
        [{"prompt": "p", "a": "x", "b": "y", "score": 0.5}],
        "The column 'score' holds '0.5', which is no text, in row 1",
    ),
    (
        [*PAIR, one(model="c", answer="\ud800")],
        "The column 'answer' holds '\\ud800', which is no text, in row 3 of",
    ),
    ([*PAIR, 7], "There is a value that is not a JSON object in row 3 of"),
]


@pytest.mark.parametrize(("rows", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_rows_are_refused_in_one_sentence(tmp_path, rows, message):
    path = tmp_path / "a.json"
    array(rows, path)
    with pytest.raises(SourceError) as caught:
        answers(path)
    said = str(caught.value)
    assert said.removeprefix(f"{path} ").startswith(message)
    assert str(path) in said
    assert said.endswith(".")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"prompt,model,answer\n", "has a header but no rows"),
        ("a.csv", b"prompt,model,answer\np,a,x\np,b\n", "in row 2 of"),
        ("a.csv", b"prompt,model,answer\np,a,\xff\n", "is not UTF-8 text: see line 2"),
        ("a.csv", b"prompt,prompt,answer\np,a,x\n", "names the column 'prompt' twice"),
        (
            "a.jsonl",
            b'{"prompt": "p", "model": "a", "answer": "x"}\n{"prompt"',
            "There is a line that is not JSON in row 2",
        ),
        ("a.parquet", b"prompt", "looks like CSV or plain text"),
        ("a.jsonl.gz", b"\x1f\x8b\x00", "is not whole, or no gzip file"),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        answers(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_must_be_there(tmp_path):
    with pytest.raises(SourceError, match="There is no file"):
        answers(tmp_path / "no.csv")
    with pytest.raises(SourceError, match="holds no file of answers; name a folder with one file a model"):
        answers(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ("instruction", "generator", "output"),
        ("prompt", "model", "response"),
        ("question", "model_id", "answer"),
    ],
)
def test_published_names_of_the_columns(tmp_path, names):
    """AlpacaEval's outputs, files of responses and others."""
    rows = [dict(zip(names, row, strict=True)) for row in (("p", "ada", "x"), ("p", "bob", "y"))]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(rows))
    assert answers(path).prompts[0].answers == {"ada": "x", "bob": "y"}


@pytest.mark.parametrize("column", ["id", "reference", "gold"])
def test_a_column_that_is_no_model_is_asked_about(tmp_path, column):
    path = tmp_path / "a.csv"
    path.write_text(f"{column},prompt,ada,bob\n1,p,x,y\n")
    with pytest.raises(SourceError, match=f"the column '{column}' beside the answers, no model by name"):
        answers(path)
