"""`agon check`: every finding is found, named and counted; clean votes have none."""

import json

import pytest

from arena.checks import check_votes, findings
from arena.simulation import as_table
from data.snapshots import write_table
from ranking import OptionError, SourceError, bradley_terry_world

HEAD = "model_a,model_b,winner"
BOTH_WAYS = ["ada,bob,model_a", "bob,ada,model_a"]


def votes(folder, *rows, head=HEAD):
    path = folder / "votes.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return str(path)


def codes(path, min_votes=0, **reading):
    return [finding.code for finding in findings(path, reading, min_votes)[1]]


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
    found = {finding.code: finding for finding in findings(votes(tmp_path, *rows), {}, 0)[1]}
    assert code in found
    assert found[code].models == models
    for model in models:
        assert model in found[code].message


def test_models_with_few_votes(tmp_path):
    path = votes(tmp_path, *BOTH_WAYS * 15, "cyn,ada,model_a", "ada,cyn,model_a")
    (found,) = findings(path, {}, 30)[1]
    assert (found.code, found.models) == ("few_votes", ("cyn",))
    assert codes(path, 2) == []


def test_both_bad_alone_is_nothing_to_mend(tmp_path):
    assert codes(votes(tmp_path, *BOTH_WAYS, "ada,bob,both_bad")) == []


def test_every_kind_of_invalid_row_is_a_finding_and_the_rest_is_judged(tmp_path):
    path = votes(tmp_path, *BOTH_WAYS, "ada,ada,tie", "ada,bob,left", ",bob,tie", "bob,bob,tie")
    checked, found = findings(path, {}, 0)
    assert len(checked) == 2
    assert [finding.code for finding in found] == ["invalid"] * 3
    messages = " ".join(finding.message for finding in found)
    for part in ("in rows 3 and 6", "'left' is not a known winner in row 4", "no name in row 5"):
        assert part in messages


def test_repeated_votes(tmp_path):
    rows = [f"{vote},{i}" for i, vote in enumerate(BOTH_WAYS)]
    path = votes(tmp_path, *rows, rows[0], head=f"{HEAD},battle_id")
    (found,) = findings(path, {}, 0)[1]
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
        findings(str(tmp_path / "none.csv"), {}, 0)
    with pytest.raises(OptionError):
        findings(votes(tmp_path, *BOTH_WAYS), {"where": "nonsense ="}, 0)
    with pytest.raises(SourceError, match="no votes to rank"):
        findings(votes(tmp_path, "ada,ada,tie"), {}, 0)


def test_findings_as_text(tmp_path, capsys):
    path = votes(tmp_path, *BOTH_WAYS, "cyn,ada,model_a", "ada,ada,tie")
    assert check_votes(path, {}, 0, "table") == 1
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == f"{path}: the valid rows hold 3 votes on 3 models."
    assert [line.split(":")[0] for line in rest if line.startswith("•")] == ["• invalid", "• undefeated"]
    assert check_votes(votes(tmp_path, *BOTH_WAYS), {}, 0, "table") == 0
    assert capsys.readouterr().out.endswith("Nothing stands between these votes and a ranking.\n")


def test_findings_as_json(tmp_path, capsys):
    path = votes(tmp_path, *BOTH_WAYS, "cyn,ada,model_a")
    assert check_votes(path, {}, 0, "json") == 1
    document = json.loads(capsys.readouterr().out)
    (finding,) = document.pop("findings")
    assert document == {"schema": 1, "votes": 3, "models": 3}
    assert set(finding) == {"code", "models", "message"}
    assert (finding["code"], finding["models"]) == ("undefeated", ["cyn"])


def test_hostile_names_are_shown_escaped(tmp_path, capsys):
    path = votes(tmp_path, *BOTH_WAYS, '"\x1b[31mred\nx",ada,model_a')
    assert check_votes(path, {}, 0, "table") == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"\x1b[31mred\nx" in out
