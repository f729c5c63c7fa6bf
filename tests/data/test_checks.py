"""`agon check`: every finding is found, named and counted; clean votes have none."""

import json

import pytest
from pyarrow import csv

from agon.arena.cli.check import check_command
from agon.arena.cli.simulate import as_table
from agon.data import check, comparisons
from agon.data.files.writer import write_table
from agon.ranking import ConvergenceError, OptionError, SourceError, bradley_terry_world, rank
from tests.support.paths import DATASETS

HEAD = "model_a,model_b,winner"
TURNED = {"model_a": "model_b", "model_b": "model_a"}
BOTH_WAYS = ["ada,bob,model_a", "bob,ada,model_a"]


def votes(folder, *rows, head=HEAD):
    path = folder / "votes.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return str(path)


def codes(path, min_votes=0, **reading):
    return [finding.code for finding in check(path, **reading, min_votes=min_votes).findings]


def test_clean_votes(tmp_path):
    write_table(as_table(bradley_terry_world(4, 600)), tmp_path / "v.parquet")
    assert codes(str(tmp_path / "v.parquet"), 30) == []


@pytest.mark.parametrize(
    ("rows", "code", "models"),
    [
        ([*BOTH_WAYS, "cyn,ada,model_a"], "undefeated", ("cyn",)),
        ([*BOTH_WAYS, "ada,cyn,model_a"], "winless", ("cyn",)),
        ([*BOTH_WAYS, "cyn,dan,model_a", "dan,cyn,model_a"], "component", ("cyn", "dan")),
        (["ada,bob,tie", "bob,cyn,tie"], "all_ties", ()),
    ],
)
def test_what_keeps_models_from_a_scale(rows, code, models, tmp_path):
    found = {finding.code: finding for finding in check(votes(tmp_path, *rows), min_votes=0).findings}
    assert code in found
    assert found[code].models == models
    for model in models:
        assert model in found[code].message


def test_models_with_few_votes(tmp_path):
    path = votes(tmp_path, *BOTH_WAYS * 15, "cyn,ada,model_a", "ada,cyn,model_a")
    (found,) = check(path, min_votes=30).findings
    assert (found.code, found.models) == ("few_votes", ("cyn",))
    assert codes(path, 2) == []


def test_both_bad_alone_is_nothing_to_mend(tmp_path):
    assert codes(votes(tmp_path, *BOTH_WAYS, "ada,bob,both_bad")) == []


def test_every_kind_of_invalid_row_is_a_finding_and_the_rest_is_judged(tmp_path):
    path = votes(tmp_path, *BOTH_WAYS, "ada,ada,tie", "ada,bob,left", ",bob,tie", "bob,bob,tie")
    checked = check(path, min_votes=0)
    found = checked.findings
    assert len(checked.votes) == 2
    assert [finding.code for finding in found] == ["invalid"] * 3
    messages = " ".join(finding.message for finding in found)
    for part in ("in rows 3 and 6", "'left' is not a known winner in row 4", "no name in row 5"):
        assert part in messages


def test_repeated_votes(tmp_path):
    rows = [f"{vote},{i}" for i, vote in enumerate(BOTH_WAYS)]
    path = votes(tmp_path, *rows, rows[0], head=f"{HEAD},battle_id")
    (found,) = check(path, min_votes=0).findings
    assert found.code == "repeated_identifier"
    assert "row 3" in found.message


def test_conditions_and_columns_reach_the_votes(tmp_path):
    path = votes(
        tmp_path, *[f"{vote},en" for vote in BOTH_WAYS], "cyn,ada,model_a,de", head=f"{HEAD},language"
    )
    assert "undefeated" in codes(path)
    assert codes(path, where="language = 'en'") == []
    theirs = votes(tmp_path, *BOTH_WAYS, head="left,right,winner")
    assert codes(theirs, columns={"model_a": "left", "model_b": "right"}) == []


def test_what_cannot_be_read_is_an_error_not_a_finding(tmp_path):
    with pytest.raises(SourceError):
        check(tmp_path / "none.csv")
    with pytest.raises(OptionError):
        check(votes(tmp_path, *BOTH_WAYS), where="nonsense =")
    with pytest.raises(SourceError, match="no votes to rank"):
        check(votes(tmp_path, "ada,ada,tie"))


def test_findings_as_text(tmp_path, capsys):
    path = votes(tmp_path, *BOTH_WAYS, "cyn,ada,model_a", "ada,ada,tie")
    assert check_command([path], min_votes=0, format="table") == 1
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == f"{path}: the valid rows hold 3 votes on 3 models."
    assert [line.split(":")[0] for line in rest if line.startswith("•")] == ["• invalid", "• undefeated"]
    assert check_command([votes(tmp_path, *BOTH_WAYS)], min_votes=0, format="table") == 0
    assert capsys.readouterr().out.endswith("Nothing stands between these votes and a ranking.\n")


def test_findings_as_json(tmp_path, capsys):
    path = votes(tmp_path, *BOTH_WAYS, "cyn,ada,model_a")
    assert check_command([path], min_votes=0, format="json") == 1
    document = json.loads(capsys.readouterr().out)
    (finding,) = document.pop("findings")
    assert document == {"schema": 1, "votes": 3, "models": 3, "notes": []}
    assert set(finding) == {"code", "models", "message"}
    assert (finding["code"], finding["models"]) == ("undefeated", ["cyn"])


def test_hostile_names_are_shown_escaped(tmp_path, capsys):
    path = votes(tmp_path, *BOTH_WAYS, '"\x1b[31mred\nx",ada,model_a')
    assert check_command([path], min_votes=0, format="table") == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"\x1b[31mred\nx" in out


def rows_by(voters, times=20):
    """Votes on three models both ways, by voters in turn."""
    cells = [(a, b, w) for a, b in ("ab", "bc", "ca") for w in ("model_a", "model_b")] * times
    return [f"{a},{b},{w},{voters[i % len(voters)]}" for i, (a, b, w) in enumerate(cells)]


def test_a_model_that_one_voter_carries(tmp_path):
    fair = rows_by([f"v{i}" for i in range(11)])
    extra = [f"d,a,{winner},eve" for winner in ("model_a", "model_b") * 20]
    path = votes(tmp_path, *fair, *extra, "d,b,model_a,v1", "b,d,model_a,v2", head=f"{HEAD},voter")
    (found,) = [finding for finding in check(path, min_votes=30).findings if finding.code == "one_voter"]
    assert found.models == ("d",)
    assert "95% of those of d (eve)" in found.message
    assert "collect votes from others" in found.message
    board = rank(comparisons(path), cluster="voter")
    assert "one_voter" in {note.code for note in board.diagnostics}
    assert "one_voter" not in {note.code for note in rank(comparisons(path)).diagnostics}
    assert "one_voter" not in codes(votes(tmp_path, *fair, head=f"{HEAD},voter"), 30)


def test_a_side_that_is_favoured(tmp_path):
    """The left wins 2 of 3 votes of every pair, whichever model is there; even sides are no finding."""
    both = [(a, b) for pair in ("ab", "bc", "ca") for a, b in (pair, pair[::-1])]
    for share, expected in ((2, ["position_bias"]), (1, [])):
        rows = [f"{a},{b},{w}" for a, b in both for w in ["model_a"] * share * 20 + ["model_b"] * 20]
        path = votes(tmp_path, *rows)
        found = check(path, min_votes=30).findings
        assert [finding.code for finding in found] == expected
    rows = [f"{a},{b},{w}" for a, b in both for w in ["model_a"] * 40 + ["model_b"] * 20]
    message = check(votes(tmp_path, *rows), min_votes=30).findings[0].message
    assert "the one on the left wins 66.7% of the votes (" in message
    assert "draw the sides at random" in message
    assert "at 99.9%)" in message


def baseline_rows(turned):
    """Votes of a baseline with three models, each of whom wins one of three; half of them turned, or none."""
    for model in "xyz":
        for k in range(60):
            pair, winner = ("base", model), "model_b" if k % 3 == 0 else "model_a"
            if turned and k % 2:
                pair, winner = pair[::-1], "model_a" if k % 3 == 0 else "model_b"
            yield f"{pair[0]},{pair[1]},{winner}"


def test_a_baseline_on_one_side_of_every_vote(tmp_path):
    """Nothing tells its strength from its side; shown both ways round there is nothing to say."""
    for side, turn in (("left", False), ("right", True)):
        split = [row.split(",") for row in baseline_rows(False)]
        rows = [f"{b},{a},{TURNED[w]}" if turn else f"{a},{b},{w}" for a, b, w in split]
        (found,) = check(votes(tmp_path, *rows), min_votes=30).findings
        assert (found.code, found.models) == ("side_unknown", ("base",))
        assert found.message == (
            f"base is on the {side} of every vote, so a favour for that side cannot be told from its "
            "strength; show each pair both ways round."
        )
    assert not codes(votes(tmp_path, *baseline_rows(True)), 30)


def test_models_that_all_keep_their_sides(tmp_path):
    """Two baselines on the left: no single model is on a side of every vote, and yet nothing tells."""
    rows = [f"{a},{b},{w}" for a in "pq" for b in "xyz" for w in ("model_a", "model_b")] * 20
    (found,) = check(votes(tmp_path, *rows), min_votes=30).findings
    assert (found.code, found.models) == ("side_unknown", ())
    assert found.message.startswith("Models keep their sides, so a favour for a side cannot be told")
    assert not codes(votes(tmp_path, *rows, *(f"{r[2]},{r[0]},tie" for r in rows[:6])), 30)


@pytest.mark.parametrize(("games", "found"), [(1, ["side_unknown"]), (2, [])])
def test_arena_hard_by_one_game_and_by_two(games, found, tmp_path):
    """The second game turns the pair round, which is what tells a judge's side from the baseline."""
    grades = ["A>B", "B>A", "A=B", "B>>A", "A>>B", "B>A"]
    lines = [
        {"question_id": f"q{k}", "model": model, "judge": f"judge {k % 7}", "games": [
            {"score": grades[(k + n + len(model)) % 6]} for n in range(games)]}
        for model in ("ada", "cyrus", "dan")
        for k in range(60)
    ]  # fmt: skip
    path = tmp_path / "judgment.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    assert [code for code in codes(str(path), 30, voters="all") if code == "side_unknown"] == found


@pytest.mark.skipif(not DATASETS.is_dir(), reason="no shared data sets")
def test_alpaca_eval_cannot_tell_the_side_from_its_baseline():
    """Its 45,875 valid annotations have GPT-4 Turbo as output_1, every one."""
    found = {one.code: one for one in check(str(DATASETS / "alpacaeval2_votes.parquet")).findings}
    assert found["side_unknown"].models == ("gpt4_1106_preview",)


def test_a_voters_second_verdict(tmp_path):
    rows = ["a,b,model_a,ann,p1,1", "b,a,model_b,ann,p1,2", "a,b,model_b,bob,p1,3", "a,b,model_b,ann,p2,4"]
    path = votes(tmp_path, *rows, head=f"{HEAD},voter,prompt_id,vote_id")
    found = {finding.code: finding.message for finding in check(path, min_votes=0).findings}
    assert found["repeated_votes"].startswith("1 vote is a voter's second verdict")
    assert "repeated_votes" not in codes(votes(tmp_path, *rows[1:], head=f"{HEAD},voter,prompt_id,vote_id"))


def test_a_fit_that_does_not_converge_is_a_finding(tmp_path, monkeypatch):
    def never(*_args, **_options):
        raise ConvergenceError("bradley_terry did not converge; look at `agon check`.")

    monkeypatch.setattr("agon.data.checks.rank", never)
    assert "not_converged" in codes(votes(tmp_path, *BOTH_WAYS))


@pytest.mark.parametrize(
    ("rows", "code", "remedy"),
    [
        ([*BOTH_WAYS, "cyn,dan,model_a", "dan,cyn,model_a"], "component", "until votes between the two"),
        ([*BOTH_WAYS, "cyn,ada,model_a"], "undefeated", "wins which all went one way"),
        (["ada,bob,tie", "bob,cyn,tie"], "all_ties", "ask voters to decide"),
        (BOTH_WAYS, "few_votes", "collect more"),
    ],
)
def test_every_finding_names_its_remedy(rows, code, remedy, tmp_path):
    found = {
        finding.code: finding.message for finding in check(votes(tmp_path, *rows), min_votes=30).findings
    }
    assert remedy in found[code]


def test_what_the_command_finds_is_one_call_for_every_kind_of_frame(tmp_path):
    """A path, a pandas frame, an Arrow table and a stream that can be read only once: the same findings."""
    rows = [f"{row},{i % 7}" for i, row in enumerate(rows_by([f"v{i}" for i in range(11)]))]
    path = votes(tmp_path, *rows, "d,d,tie,eve,0", head=f"{HEAD},voter,battle_id")
    expected = check(path).findings
    assert {finding.code for finding in expected} == {"invalid", "repeated_identifier"}
    table = csv.read_csv(path)
    for source in (table.to_pandas(), table, table.to_reader()):
        checked = check(source)
        assert [finding.code for finding in checked.findings] == [finding.code for finding in expected]
        assert (len(checked.votes), checked.votes.models) == (120, ("a", "b", "c"))
    assert not check(table.slice(0, 7).to_pandas(), min_votes=0, where="voter <> 'eve'").findings


def scores(folder, text):
    path = folder / "scores.csv"
    path.write_text(text)
    return str(path)


HEALTHY = "model,x,y,z\na,1,2,9\nb,2,1,7\nc,3,4,1\nd,4,3,2\n"


def test_a_healthy_table_has_nothing_to_mend(tmp_path):
    checked = check(scores(tmp_path, HEALTHY))
    assert (checked.findings, checked.notes, checked.number, checked.counted) == ((), (), 3, "tasks")
    assert checked.conclusion() == "Nothing stands between these 3 tasks and a ranking."


def test_tasks_of_one_order_count_twice_until_one_is_left_out(tmp_path):
    path = scores(tmp_path, "model,x,y,z,cost\na,1,2,9,40\nb,2,1,7,30\nc,3,4,1,2\nd,4,3,2,1\n")
    (found,) = check(path, directions={"cost": "lower"}).findings  # by cost the order is that of x
    assert found.code == "same_order"
    assert found.message.startswith("The tasks 'cost' and 'x' put all 4 models into one order")
    assert not check(path, ignore=["cost"]).findings
    assert not check(path, directions={"cost": "higher"}).findings  # the reverse order


def test_gaps_and_scales_are_notes(tmp_path):
    path = scores(tmp_path, "model,x,y,z\na,1,2,9\nb,2,1,\nc,3,4,1\nd,4,3,2000\n")
    checked = check(path)
    assert not checked.findings
    gaps, scales = checked.notes
    assert (gaps.code, gaps.models) == ("gaps", ("b",))
    assert gaps.message.startswith("1 of 12 scores are missing, of b: ")
    assert (scales.code, scales.message[:18]) == ("unequal_scales", "The scores of 'z' ")


def test_what_cannot_be_read_of_a_table_is_a_finding(tmp_path):
    path = scores(tmp_path, "model,x,y,z\na,1,2,5\nb,2,one,5\nc,3,4,5\nd,4,3,5\n")
    found = [finding.code for finding in check(path).findings]
    assert "invalid" in found


def test_options_of_the_other_kind_are_refused(tmp_path):
    with pytest.raises(OptionError, match=r"where= .* does not apply"):
        check(scores(tmp_path, HEALTHY), where="x > 1")
    with pytest.raises(OptionError, match=r"directions= .* does not apply"):
        check(votes(tmp_path, *BOTH_WAYS), directions={"x": "lower"})
