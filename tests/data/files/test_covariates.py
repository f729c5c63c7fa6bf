"""Features to control for: counted by SQL and Python alike, read from columns, refused in a sentence."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from agon.arena.cli.commands import main
from agon.data import comparisons, measure
from agon.ranking import Comparisons, InputError, OptionError, SourceError, rank

TEXTS = [
    "# Title\n\n- one\n- two\n\n**bold** and __strong__ [1] [a](https://x.org/y)\n",
    "# Only\n## headers\n__and__ text",
    "",
    "```\n# not a header\n- not a list\n**x**\n```\n## One\n1. first\n2) second\n",
    "   ### three spaces are fine\n    #### four are code-like\n#no header\n* star\n+ plus\n",
    "```python\nunclosed # code\n- item [2]",
    "ünïcödé ** not bold ** **a** [12] [1234] [3](http://z)",
]
WANTED = [  # length, headers, lists, bold, citations: counted by hand
    (len(TEXTS[0]), 1, 2, 2, 2),
    (len(TEXTS[1]), 2, 0, 1, 0),
    (0, 0, 0, 0, 0),
    (len(TEXTS[3]), 1, 2, 0, 0),
    (len(TEXTS[4]), 1, 2, 0, 0),
    (len(TEXTS[5]), 0, 0, 0, 0),
    (len(TEXTS[6]), 0, 0, 2, 2),
]
NAMES = ("length", "headers", "lists", "bold", "citations")


def relative(a, b):
    a, b = np.asarray(a, float), np.asarray(b, float)
    return np.divide(a - b, a + b, out=np.zeros(len(a)), where=a + b > 0)


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    n = 400
    one = rng.integers(0, 4, n)
    two = (one + rng.integers(1, 4, n)) % 4
    left, right = (rng.integers(0, len(TEXTS), n) for _ in range(2))
    return pd.DataFrame(
        {
            "model_a": [f"m{i}" for i in one],
            "model_b": [f"m{i}" for i in two],
            "winner": rng.choice(["model_a", "model_b", "tie"], n),
            "answer_a": [TEXTS[i] for i in left],
            "answer_b": [TEXTS[i] for i in right],
            "voter": [f"v{i}" for i in rng.integers(0, 20, n)],
            "left": left,
            "right": right,
        }
    )


def by_hand(frame, *features):
    """The same votes as arrays, the features counted by hand."""
    columns = np.array(WANTED, dtype=float)
    places = frame.winner.map({"model_a": (1, 2), "model_b": (2, 1), "tie": (1, 1)}).tolist()
    shown = np.stack([frame.model_a.str[1:].astype(int), frame.model_b.str[1:].astype(int)], 1)
    amounts = {
        name: np.stack([columns[frame.left, NAMES.index(name)], columns[frame.right, NAMES.index(name)]], 1)
        for name in features
    }
    return Comparisons.of(
        ["m0", "m1", "m2", "m3"], shown, places, features=amounts, labels={"voter": frame.voter.tolist()}
    )


@pytest.mark.parametrize(("text", "wanted"), list(zip(TEXTS, WANTED, strict=True)))
def test_counted_in_python(text, wanted):
    assert tuple(measure(text)[name] for name in NAMES) == wanted


@pytest.mark.parametrize("control", ["length", "headers", "lists", "bold", "citations", "length,markdown"])
def test_counted_in_sql(frame, control):
    words = control.replace("markdown", "headers,lists,bold").split(",")
    board = rank(comparisons(frame), control=control, cluster="voter")
    other = rank(by_hand(frame, *words), control=control, cluster="voter")
    assert board.rows == other.rows
    assert board.coefficients == other.coefficients


def test_amounts_come_before_texts_and_single_numbers_are_used_as_they_are(frame):
    a, b = frame.answer_a.str.len(), frame.answer_b.str.len()
    counted = rank(comparisons(frame), control="length").coefficients
    stored = frame.drop(columns=["answer_a", "answer_b"]).assign(length_a=a, length_b=b)
    assert rank(comparisons(stored), control="length").coefficients == counted
    single = frame.drop(columns=["answer_a", "answer_b"]).assign(length=relative(a, b))
    assert rank(comparisons(single), control="length").coefficients == counted


def test_counts_of_lmarena(frame, tmp_path):
    """conv_metadata as in the released conversations: tokens, and counts by kind."""
    counts = [dict(zip(NAMES, row, strict=True)) for row in WANTED]
    frame["conv_metadata"] = [
        {
            **{f"sum_assistant_{s}_tokens": counts[i]["length"] for s, i in zip("ab", pair, strict=True)},
            **{
                f"header_count_{s}": {f"h{k}": counts[i]["headers"] * (k == 2) for k in range(1, 7)}
                for s, i in zip("ab", pair, strict=True)
            },
            **{
                f"list_count_{s}": {"ordered": counts[i]["lists"], "unordered": 0}
                for s, i in zip("ab", pair, strict=True)
            },
            **{
                f"bold_count_{s}": {"**": counts[i]["bold"], "__": 0} for s, i in zip("ab", pair, strict=True)
            },
        }
        for pair in zip(frame.left, frame.right, strict=True)
    ]
    expected = rank(comparisons(frame.drop(columns="conv_metadata")), control="style")
    path = tmp_path / "votes.parquet"
    frame.drop(columns=["answer_a", "answer_b"]).to_parquet(path)
    assert rank(comparisons(path), control="style").coefficients == expected.coefficients


def test_groups_of_votes_and_rows_left_out(frame):
    parts = dict(comparisons(frame.assign(kind=["x", "y"] * 200)).split("kind"))
    one = rank(parts["x"], control="length")
    assert one.coefficients == rank(comparisons(frame[::2]), control="length").coefficients
    broken = pd.concat([frame, frame.tail(1).assign(winner="nobody")])
    board = rank(comparisons(broken, invalid="drop"), control="length")
    assert board.coefficients == rank(comparisons(frame), control="length").coefficients


WRONG = [
    (
        lambda f: f.drop(columns="answer_b"),
        "length",
        SourceError,
        "nothing to control for 'length' with: give the",
    ),
    (lambda f: f, "warmth", SourceError, "columns warmth_a and warmth_b, or a column warmth"),
    (lambda f: f.assign(length="long"), "length", OptionError, "column 'length' is VARCHAR and no number"),
    (
        lambda f: f.assign(length_a=-1, length_b=3),
        "length",
        SourceError,
        "less than 0 of 'length' to control for in rows 1, 2, 3, 4, 5 and 395 more of the DataFrame",
    ),
    (lambda f: f.assign(length_a=3, length_b=3), "length", OptionError, "same on both sides of every vote"),
]


@pytest.mark.parametrize(("change", "control", "error", "words"), WRONG)
def test_what_is_refused(frame, change, control, error, words):
    with pytest.raises(error, match=words):
        rank(comparisons(change(frame)), control=control)


def test_votes_without_a_value_are_left_out_and_counted(frame):
    """Neither refused nor taken for 0: the board is that of the other votes."""
    gaps = frame.drop(columns=["answer_a", "answer_b"]).assign(
        length_a=frame.answer_a.str.len().astype("Int64"), length_b=frame.answer_b.str.len()
    )
    gaps.loc[[3, 7, 200], "length_a"] = None
    for cluster in (None, "voter"):
        board = rank(comparisons(gaps), control="length", cluster=cluster)
        other = rank(comparisons(gaps.drop(index=[3, 7, 200])), control="length", cluster=cluster)
        assert board.coefficients == other.coefficients
        assert [r.score for r in board.rows] == [r.score for r in other.rows]
        (note,) = [d for d in board.diagnostics if d.code == "left_out_votes"]
        assert note.message == "3 votes were left out for having no 'length' to control for."
    with pytest.raises(SourceError, match="All votes would be left out, 400 for having no 'length'"):
        rank(comparisons(gaps.assign(length_a=pd.array([None] * 400, "Int64"))), control="length")


def listed(frame, *, third=True):
    """The votes on pairs as lists, some with a third model that is the worst, and a K-wise table by hand."""
    rng = np.random.default_rng(2)
    models = frame[["model_a", "model_b"]].to_numpy().tolist()
    places = frame.winner.map({"model_a": [1, 2], "model_b": [2, 1], "tie": [1, 1]}).tolist()
    texts = frame[["left", "right"]].to_numpy().tolist()
    for row in range(0, len(frame) if third else 0, 3):
        (other,) = rng.choice(sorted({"m0", "m1", "m2", "m3"} - {*models[row]}), 1)
        order = rng.permutation(3)
        wide = [*models[row], other], [*places[row], max(places[row]) + 1], [*texts[row], row % len(TEXTS)]
        models[row], places[row], texts[row] = ([column[i] for i in order] for column in wide)
    return models, places, texts


@pytest.mark.parametrize("third", [True, False])
@pytest.mark.parametrize("kind", ["lists", "texts", "csv"])
def test_lists_of_models_have_lists_of_amounts(frame, tmp_path, kind, third):
    models, places, texts = listed(frame, third=third)
    table = pd.DataFrame({"models": models, "places": places, "voter": frame.voter})
    if kind == "texts":
        table["answers"] = [[TEXTS[i] for i in row] for row in texts]
    else:
        for f, name in enumerate(NAMES):
            table[name] = [[WANTED[i][f] for i in row] for row in texts]
    if kind == "csv":
        for name in ("models", "places", *NAMES):
            table[name] = table[name].map(json.dumps)
        table.to_csv(tmp_path / "votes.csv", index=False)
        table = tmp_path / "votes.csv"
    pad = [row + [-1] * (3 - len(row)) for row in ([int(m[1:]) for m in row] for row in models)]
    features = {
        name: [[WANTED[i][f] for i in row] + [0] * (3 - len(row)) for row in texts]
        for f, name in enumerate(NAMES)
    }
    filled = [row + [0] * (3 - len(row)) for row in places]
    by_arrays = Comparisons.of(
        ["m0", "m1", "m2", "m3"], pad, filled, features=features, labels={"voter": frame.voter.tolist()}
    )
    board = rank(comparisons(table), control="length,markdown", cluster="voter")
    other = rank(by_arrays, control="length,markdown", cluster="voter")
    for row in other.rows:
        mine = board[row.model]
        assert (mine.score, mine.lower) == pytest.approx((row.score, row.lower), abs=1e-8)
        assert mine.votes == row.votes
    assert [c.value for c in board.coefficients] == pytest.approx([c.value for c in other.coefficients])


def test_a_number_toward_the_first_of_two_leaves_larger_votes_out(frame):
    models, places, _ = listed(frame)
    home = np.random.default_rng(0).choice([1.0, -1.0], len(frame))
    table = pd.DataFrame({"models": models, "places": places, "home": home})
    board = rank(comparisons(table), control="home")
    other = rank(comparisons(table[table.models.str.len() == 2]), control="home")
    for row in other.rows:
        assert board[row.model].score == pytest.approx(row.score, abs=1e-8)
    (note,) = [d for d in board.diagnostics if d.code == "left_out_votes"]
    assert note.message.startswith(
        "134 votes were left out for showing more than two models, where 'home' is"
    )


LISTS_WRONG = [
    (
        {"length": [[1.0, 2.0, 3.0], [1.0, 2.0]] * 20},
        "another number of 'length' than of models in rows 1, 3, 5, 7, 9 and 15 more of the DataFrame",
    ),
    ({"length": [[1.0, 2.0]] * 39 + [[1.0, -2.0]]}, "less than 0 of 'length' to control for in row 40 of"),
    ({"length": [None] * 40}, "All votes would be left out, 40 for having no 'length'"),
    ({"length": [["a", "b"]] * 40}, "control for lists of numbers"),
    ({}, "give the texts in a list answers, or a column length of lists"),
]


@pytest.mark.parametrize(("more", "words"), LISTS_WRONG)
def test_lists_that_are_refused(more, words):
    frame = pd.DataFrame({"models": [["a", "b"]] * 40, "places": [[1, 2], [2, 1]] * 20, **more})
    if more.get("length") == [None] * 40:
        frame = pa.table({**frame, "length": pa.array([None] * 40, pa.list_(pa.float64()))})
    with pytest.raises(InputError, match=words):
        rank(comparisons(frame), control="length")


def test_on_the_command_line(frame, tmp_path, capsys):
    path = tmp_path / "votes.parquet"
    frame.to_parquet(path)
    assert main(["rank", str(path), "--control", "length,markdown"]) == 0
    out = capsys.readouterr().out
    assert "Coefficient of length: " in out
    assert "Coefficient of bold: " in out
    assert main(["rank", str(path), "--control", "warmth"]) == 2
    assert "nothing to control for 'warmth'" in capsys.readouterr().err
    assert main(["rank", str(path), "-m", "elo", "--control", "length"]) == 2
