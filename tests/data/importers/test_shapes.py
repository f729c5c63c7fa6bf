"""Every shape of votes through every command: ranked, controlled for style, split by category, imported.

The counts are those of the battles from which the test wrote each file.
"""

import json
import shlex

import numpy as np
import pytest

from agon.arena.cli.commands import main
from agon.data import check, comparisons, measure, preflib, read_published
from agon.ranking import SourceError, VotesError, rank
from tests.support.shapes import MODELS, SHAPES, battles, write

pytestmark = pytest.mark.slow

STYLED = [name for name, shape in SHAPES.items() if shape.style]
SPLIT = [name for name, shape in SHAPES.items() if shape.by]


def printed(capsys, *arguments):
    """What a command prints as JSON; it must end well."""
    assert main(list(map(str, arguments))) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def check_counts(votes, fought):
    wins, ties = votes.pairs.wins, votes.pairs.ties + votes.pairs.both_bad
    where = {name: votes.models.index(name) for name in MODELS}
    for a in MODELS:
        for b in MODELS:
            if a != b:
                assert wins[where[a], where[b]] == fought[a, b]
                assert ties[where[a], where[b]] == fought[frozenset((a, b))]


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_ranked_by_one_command_and_after_an_import(tmp_path, capsys, name):
    shape = SHAPES[name]
    path, made = shape.make(tmp_path)
    votes = comparisons(path)
    assert len(votes) == len(made)
    check_counts(votes, shape.fought())
    (board,) = printed(capsys, "rank", path, "--format", "json", "--interval", "none")["boards"]
    assert {row["model"] for row in board["models"]} == set(MODELS)
    log = tmp_path / "log"
    assert main(["import", str(path), "--into", str(log)]) == 0
    capsys.readouterr()
    check_counts(comparisons(log), shape.fought())
    after = rank(comparisons(log), interval="none")
    before = rank(votes, interval="none")
    assert [row.model for row in after] == [row.model for row in before]
    assert [row.score for row in after] == pytest.approx([row.score for row in before], abs=1e-9)


@pytest.mark.parametrize("name", STYLED)
def test_style_is_controlled_by_one_command_and_after_an_import(tmp_path, capsys, name):
    shape = SHAPES[name]
    path, _ = shape.make(tmp_path)
    (board,) = printed(capsys, "rank", path, "--control", "style", "--format", "json")["boards"]
    effects = {one["name"]: one["value"] for one in board["coefficients"]}
    assert {"length", "headers", "lists", "bold"} <= effects.keys()
    log = tmp_path / "log"
    assert main(["import", str(path), "--into", str(log)]) == 0
    capsys.readouterr()
    (again,) = printed(capsys, "rank", log, "--control", "style", "--format", "json")["boards"]
    assert {one["name"]: one["value"] for one in again["coefficients"]} == pytest.approx(effects, abs=1e-6)


def test_counts_of_texts_are_those_of_the_answers(tmp_path):
    """`measure` counts the same in Python, in the texts that the test wrote."""
    for name in ("LMArena 33k", "LMArena 55k", "FastChat log", "AlpacaEval", "LMArena expert"):
        path, made = SHAPES[name].make(tmp_path)
        votes = read_published(path).votes
        for feature in ("length", "headers", "lists", "bold", "citations"):
            expected = [measure(one.answer_b)[feature] for one in made]
            assert votes[f"{feature}_b"].to_pylist() == expected, (name, feature)


def test_counts_of_lmarena_are_its_own(tmp_path):
    path, made = SHAPES["LMArena 140k"].make(tmp_path)
    votes = read_published(path).votes
    assert votes["length_a"].to_pylist() == [len(one.answer_a.split()) for one in made]
    assert votes["bold_a"].to_pylist() == [one.answer_a.count("**so**") for one in made]
    assert votes["session"].to_pylist() == [f"s{one.number % 40}" for one in made]
    assert votes["citations_a"].to_pylist() == [measure(one.answer_a)["citations"] for one in made]


@pytest.mark.parametrize("name", SPLIT)
def test_categories_are_split_by_one_command_and_after_an_import(tmp_path, capsys, name):
    shape = SHAPES[name]
    path, _ = shape.make(tmp_path)
    more = ("--by", shape.by, "--format", "json", "--interval", "none", "--min-votes", "1")
    boards = printed(capsys, "rank", path, *more)["boards"]
    groups = {board["by"][shape.by] for board in boards}
    assert groups >= set(shape.groups)
    log = tmp_path / "log"
    assert main(["import", str(path), "--into", str(log)]) == 0
    capsys.readouterr()
    again = printed(capsys, "rank", log, *more)["boards"]
    assert [(b["by"], b["settings"]["votes"]) for b in again] == [
        (b["by"], b["settings"]["votes"]) for b in boards
    ]


def test_a_vote_with_several_categories_is_on_the_board_of_each(tmp_path):
    path, made = SHAPES["LMArena 140k"].make(tmp_path)
    parts = dict(comparisons(path).split("category"))
    expected = {
        "math": sum(one.math for one in made),
        "code": sum(one.code for one in made),
        "creative": sum(one.number % 4 == 0 for one in made),
        "instruction_following": sum(one.number % 3 == 0 for one in made),
        "hard": sum(one.number % 5 == 0 for one in made),  # six of seven criteria; the others meet five
        "null": sum(not (one.math or one.code) and all(one.number % k for k in (3, 4, 5)) for one in made),
    }
    assert {name: len(part) for name, part in parts.items()} == expected
    with pytest.raises(SourceError, match="may have several values in 'category'"):
        comparisons(path).clusters("category")


def test_a_grade_weighs_what_is_asked_for_and_one_if_nothing_is(tmp_path):
    """Arena-Hard's boards count A>>B three times: so a strong win is three slight ones."""
    path = write(
        tmp_path / "g.jsonl",
        [{"model_a": "ada", "model_b": "bob", "grade": grade} for grade in ("A>>B", "A>B", "B>A", "A=B")],
    )
    plain = comparisons(path)
    assert plain.pairs.wins.tolist() == [[0, 2], [1, 0]]
    heavy = comparisons(path, grade_weight=3)
    wins = heavy.pairs.wins / heavy.pairs.ties[0, 1]  # in units of the tie, which weighs 1
    assert wins == pytest.approx(np.array([[0, 4], [1, 0]]))
    numbers = [{"model_a": "ada", "model_b": "bob", "grade": grade} for grade in (-3, -2, 3, 0)]
    heavy = comparisons(write(tmp_path / "n.jsonl", numbers), grade_weight=5)  # 3 weighs 5, 2 weighs 3
    assert heavy.pairs.wins / heavy.pairs.ties[0, 1] == pytest.approx(np.array([[0, 8], [5, 0]]))
    swapped = comparisons(path, columns={"model_a": "model_b", "model_b": "model_a"})
    assert swapped.pairs.wins.tolist() == [[0, 1], [2, 0]]
    with pytest.raises(SourceError, match="may be of a scale from 1 to 5 or of one from -3 to 3"):
        comparisons(write(tmp_path / "u.jsonl", [numbers[2], numbers[2] | {"grade": 1}]))


def test_several_judges_of_one_item_are_no_repeats(tmp_path):
    row = {"question_id": 81, "model_a": "ada", "model_b": "bob", "winner": "model_a"}
    talk = {"conversation_a": [], "conversation_b": []}
    rows = [row | talk | {"judge": judge, "turn": turn} for judge in ("e1", "e2") for turn in (1, 2)]
    path = write(tmp_path / "human.jsonl", rows)
    codes = {finding.code for finding in check(path).findings}
    assert not codes & {"repeated_identifier", "repeated_rows", "repeated_votes"}


def test_parts_patterns_and_folders_are_one_set_of_votes(tmp_path, capsys):
    for name in ("LMArena 140k", "ComparIA votes", "FastChat log"):
        shape = SHAPES[name]
        folder = tmp_path / name.replace(" ", "-") / "data"
        folder.mkdir(parents=True)
        rows = shape.rows(battles(winners=shape.winners))
        for i in range(3):
            write(folder / f"train-{i}{shape.file[shape.file.rindex('.') :]}", rows[i::3])
        for source in (folder, folder.parent, f"{folder}/train-*"):
            votes = comparisons(source)
            check_counts(votes, shape.fought())
        (board,) = printed(capsys, "rank", folder.parent, "--control", "style", "--format", "json")["boards"]
        assert board["settings"]["votes"] == len(rows)


@pytest.mark.parametrize("command", ["rank", "check", "import"])
def test_an_address_names_the_download(command, capsys):
    source = "hf://datasets/lmarena-ai/arena-human-preference-140k"
    assert main([command, source]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert (
        "hf download lmarena-ai/arena-human-preference-140k --repo-type dataset "
        "--local-dir arena-human-preference-140k" in said.err
    )


BROKEN = [name for name, shape in SHAPES.items() if shape.breaks]


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("command", ["import", "rank"])
def test_a_value_of_another_type_is_told_with_its_row(tmp_path, capsys, name, command):
    shape = SHAPES[name]
    rows = shape.rows(battles(12, winners=shape.winners))
    rows[6] = shape.breaks(rows[6])
    path = write(tmp_path / shape.file, rows)
    log = tmp_path / "log"
    arguments = ["--into", str(log)] if command == "import" else ["--control", "style"] if shape.style else []
    assert main([command, str(path), *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert path.name in said.err
    assert "row 7" in said.err
    assert "(read as " in said.err or (command == "rank" and name == "our own ballots")
    assert not log.exists()


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("command", ["import", "rank", "check"])
def test_a_missing_column_a_truncated_file_and_a_wrong_encoding_are_one_sentence(
    tmp_path, capsys, name, command
):
    shape = SHAPES[name]
    path, made = shape.make(tmp_path)
    rows = shape.rows(made)
    needed = next(one for one in DROPPED if one in rows[0])
    short = [{key: value for key, value in row.items() if key != needed} for row in rows]
    whole = path.read_bytes()
    cases = {
        "missing column": (lambda: write(path, short), needed),
        "truncated": (lambda: path.write_bytes(whole[: len(whole) * 2 // 3 - 9]), ""),
        "encoding": (lambda: path.write_bytes(b"\xe9\xff" + whole[:50] + b"\xe9" + whole[50:]), ""),
    }
    for case, (make, word) in cases.items():
        make()
        log = tmp_path / case
        status = main([command, str(path), *(["--into", str(log)] if command == "import" else [])])
        said = capsys.readouterr()
        if case == "truncated" and path.suffix in (".csv", ".jsonl") and command == "check" and status == 1:
            continue  # it says which row is cut short, and judges the others
        assert status == 2, (case, said)
        if status == 2:
            assert said.out == "", case
            assert said.err.count("\n") == 1, said.err
            assert path.name in said.err
            assert word in said.err or "winner" in said.err
        assert not log.exists()


DROPPED = (
    *("states", "generator_2", "chosen_model_name", "refers_to_model", "snapshot", "model_rejected"),
    *("rejected_model", "entity_b", "g2_winner", "places", "ranks", "scores", "ranking", "rank", "grade"),
    *("overall_preference", "likert", "winner_model_b", "winner"),
)


@pytest.mark.parametrize("name", SHAPES)
def test_a_null_where_a_name_or_a_verdict_stands_is_told_with_its_row(tmp_path, capsys, name):
    shape = SHAPES[name]
    rows = shape.rows(battles(12, winners=shape.winners))
    needed = next(one for one in DROPPED if one in rows[0])
    if needed in ("snapshot", "states", "refers_to_model"):
        needed = {"snapshot": "data", "states": "states", "refers_to_model": "refers_to_model"}[needed]
    rows[6] = rows[6] | {needed: None}
    if "both_equal" in rows[6]:
        rows[6]["both_equal"] = False
    if shape.file.endswith(".csv"):
        rows = [{key: "" if value is None else value for key, value in row.items()} for row in rows]
    path = write(tmp_path / shape.file, rows)
    if name == "a row a place":
        with pytest.raises(VotesError, match="row"):  # of a ballot of two, one is not placed: no win is lost
            read_published(write(tmp_path / "none.csv", [row | {"rank": ""} for row in rows]))
        return
    with pytest.raises((VotesError, SourceError)) as caught:
        read_published(path)
    assert "row 7" in str(caught.value)
    assert path.name in str(caught.value)
    with pytest.raises((VotesError, SourceError)) as caught:
        comparisons(path)
    assert "row 7" in str(caught.value)


def test_an_election_is_votes_for_every_reader(tmp_path, capsys):
    path = tmp_path / "e.soc"
    path.write_text(
        "# ALTERNATIVE NAME 1: ada\n# ALTERNATIVE NAME 2: bob\n# NUMBER ALTERNATIVES: 2\n40: 1,2\n2: 2,1\n"
    )
    votes = comparisons(path)
    assert votes.pairs.wins.tolist() == [[0, 40], [2, 0]]
    assert main(["rank", str(path)]) == 0
    assert main(["check", str(path)]) == 0
    assert "42 votes on 2 models" in capsys.readouterr().out
    log = tmp_path / "log"
    assert main(["import", str(path), "--into", str(log)]) == 0
    assert "42 votes of the format 'preflib'" in capsys.readouterr().out
    assert comparisons(log).pairs.wins.tolist() == [[0, 40], [2, 0]]


def test_ballots_of_an_imported_election_are_those_of_the_file(tmp_path, capsys):
    """Ties and candidates that are not listed too: every rule ranks the log as it ranks the file."""
    path = tmp_path / "e.toi"
    path.write_text(
        "# NUMBER ALTERNATIVES: 4\n# NUMBER VOTERS: 21\n"
        "# ALTERNATIVE NAME 1: ada\n# ALTERNATIVE NAME 2: bob\n"
        "# ALTERNATIVE NAME 3: cyn\n# ALTERNATIVE NAME 4: write-in\n7: 1,{2,3}\n11: 3\n3: 2,1,3,4\n0: 4\n"
    )
    log = tmp_path / "log"
    assert main(["import", str(path), "--into", str(log)]) == 0
    assert "21 votes" in capsys.readouterr().out
    before, after = preflib(path), comparisons(log).ballots
    for column in ("shown", "places", "count"):
        assert getattr(before, column).tolist() == getattr(after, column).tolist(), column
    assert before.models == after.models
    for rule in ("bradley_terry", "plurality", "schulze"):
        how = ["-m", rule, "--interval", "none", "--min-votes", "0", "--format", "json"]
        boards = [printed(capsys, "rank", source, *how)["boards"][0]["models"] for source in (path, log)]
        assert boards[0] == boards[1]
    for option in (["--as", "battles"], ["--label", "x=tie"], ["--column", "model_a=x"]):
        assert main(["import", str(path), "--into", str(tmp_path / "other"), *option]) == 2
        assert f"{option[0]} does not apply: {path} holds an election" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_mark_on_the_ballots_of_an_election_is_refused_or_left_out(tmp_path, capsys):
    path = tmp_path / "e.soi"
    head = "# ALTERNATIVE NAME 1: ada\n# ALTERNATIVE NAME 2: bob\n# ALTERNATIVE NAME 3: overvote\n"
    path.write_text(f"{head}# NUMBER ALTERNATIVES: 3\n5: 1,2\n4: 3\n2: 2,3,1\n")
    log = tmp_path / "log"
    assert main(["import", str(path), "--into", str(log)]) == 2
    assert "(--invalid drop)" in capsys.readouterr().err
    assert not log.exists()
    assert main(["import", str(path), "--into", str(log), "--invalid", "drop"]) == 0
    assert comparisons(log).pairs.wins.tolist() == [[0, 5], [2, 0]]


def test_a_table_of_scores_is_no_import_and_the_sentence_says_what_ranks_it(tmp_path, capsys):
    wide = tmp_path / "my scores.csv"
    wide.write_text("model,x,y\nada,1,2\nbob,3,4\n")
    report = tmp_path / "results_1.json"
    report.write_text(
        json.dumps({"results": {"x": {"acc,none": 0.5}}, "config": {"model": "ada"}, "model_name": "ada"})
    )
    for path in (wide, report):
        assert main(["import", str(path)]) == 2
        said = capsys.readouterr().err
        assert f"agon rank {shlex.quote(str(path))}" in said
        assert said.count("\n") == 1
    assert main(["rank", str(wide), "-m", "mean", "--interval", "none"]) == 0


@pytest.mark.parametrize("name", SHAPES)
def test_a_column_that_a_newer_version_adds_changes_nothing(tmp_path, name):
    shape = SHAPES[name]
    rows = shape.rows(battles(winners=shape.winners))
    plain = shape.file.endswith(".csv")
    added = {"added_later": 2 if plain else {"version": 2, "notes": ["a"]}, "also_added": "x"}
    path = write(tmp_path / shape.file, [row | added for row in rows])
    check_counts(comparisons(path), shape.fought())
    (tmp_path / "before").mkdir()
    before = write(tmp_path / "before" / shape.file, rows)
    assert read_published(path).votes.equals(read_published(before).votes)


def nested(value, at=()):
    """The paths of all fields within the fields of a row; [] is any element of a list."""
    if isinstance(value, dict):
        for key, one in value.items():
            if at:
                yield (*at, key)
            yield from nested(one, (*at, key))
    elif isinstance(value, list):
        for one in value[:2]:
            yield from nested(one, (*at, "[]"))


def with_another_name(value, path):
    """A value in which the field at a path is called otherwise."""
    head, *rest = path
    if head == "[]":
        return [with_another_name(one, rest) for one in value] if isinstance(value, list) else value
    if not isinstance(value, dict) or head not in value:
        return value
    if not rest:
        return {f"renamed_{key}" if key == head else key: one for key, one in value.items()}
    return {key: with_another_name(one, rest) if key == head else one for key, one in value.items()}


# What votes and conversations are made of; the copy of a chat in Open WebUI is only beside the vote.
NEEDED = ("model_name", "model_id", "rating", "sibling_model_ids", "role", "content", "text", "messages")
VERDICTS = ("model_a", "model_b", "winner")
NESTED = [
    name
    for name, shape in SHAPES.items()
    if not shape.file.endswith(".csv") and any(True for _ in nested(shape.rows(battles(1, shape.winners))[0]))
]


@pytest.mark.parametrize("name", NESTED)
def test_a_nested_field_of_another_name_is_told_or_changes_no_verdict(tmp_path, name):
    """What a vote or a conversation is made of is missed, in one sentence that names format, row and remedy;
    whatever else is called otherwise, all votes are read with the verdicts that they have."""
    shape = SHAPES[name]
    rows = shape.rows(battles(8, shape.winners))
    (tmp_path / "after").mkdir()
    before = read_published(write(tmp_path / shape.file, rows))
    told = 0
    for path in dict.fromkeys(path for row in rows for path in nested(row)):
        made = write(tmp_path / "after" / shape.file, [with_another_name(row, path) for row in rows])
        if path[-1] in NEEDED and path[0] != "snapshot":
            with pytest.raises(VotesError) as caught:
                read_published(made)
            assert f"{made} (read as {before.format}) has " in str(caught.value), path
            assert "row" in str(caught.value)
            told += 1
            continue
        after = read_published(made)
        assert after.dropped == before.dropped, path
        for column in VERDICTS:
            assert after.votes[column].equals(before.votes[column]), path
    assert told or name in ("LMArena expert", "chosen with texts", "MT-bench games")


def test_a_shape_that_is_another_in_every_row_is_said_to_be_so_and_the_remedy_reads_it(tmp_path, capsys):
    shape = SHAPES["FastChat log"]
    made = battles(12, shape.winners)
    rows = [with_another_name(row, ("states", "[]", "model_name")) for row in shape.rows(made)]
    path = write(tmp_path / shape.file, rows)
    assert main(["rank", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"{path} (read as fastchat) has no model name in every row, from row 1 on" in said
    assert "write its votes with columns model_a, model_b and winner" in said
    table = [{"model_a": one.a, "model_b": one.b, "winner": one.winner} for one in made]
    assert len(comparisons(write(tmp_path / "votes.csv", table))) == 12
