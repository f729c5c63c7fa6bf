"""PrefLib files: what they say, and what is refused with file and line."""

import numpy as np
import pytest

from agon.data.files.elections import preflib
from agon.ranking import OptionError, SourceError, VotesError
from agon.ranking.votes.pair_counts import PairCounts
from tests.support.paths import DATASETS

real = pytest.mark.skipif(not (DATASETS / "preflib").is_dir(), reason=f"no PrefLib files in {DATASETS}")

HEADER = """# FILE NAME: x.toi
# NUMBER ALTERNATIVES: 3
# NUMBER VOTERS: 5
# ALTERNATIVE NAME 1: Ann
# ALTERNATIVE NAME 2: Bob: the second
# ALTERNATIVE NAME 3: Cyd
"""


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_ties_and_unlisted_candidates(tmp_path):
    ballots = preflib(written(tmp_path, "x.toi", HEADER + "3: {1,3},2\n2: 2\n"))
    assert ballots.models == ("Ann", "Bob: the second", "Cyd")
    assert ballots.total == 5
    by_count = {int(count): row.tolist() for count, row in zip(ballots.count, ballots.places, strict=True)}
    assert by_count == {3: [1, 2, 1], 2: [0, 1, 0]}
    assert np.array_equal(ballots.shown, [[0, 1, 2], [0, 1, 2]])


def test_format_before_2022(tmp_path):
    old = "3\n1,Ann\n2,Bob\n3,Cyd\n7,7,2\n4,1,{2,3}\n3,3,2,1\n"
    ballots = preflib(written(tmp_path, "x.toc", old))
    assert ballots.total == 7
    wins = PairCounts.from_ballots(ballots).wins
    assert wins[0, 1] == 4 and wins[1, 0] == 3 and wins[2, 1] == 3 and wins[1, 2] == 0


def test_candidate_on_no_ballot(tmp_path):
    path = written(tmp_path, "x.toi", HEADER + "5: 1,2\n")
    with pytest.raises(VotesError, match=r"x\.toi: candidate 'Cyd' stands on no ballot"):
        preflib(path)
    assert preflib(path, absent="keep").models == ("Ann", "Bob: the second", "Cyd")
    assert preflib(path, absent="drop").models == ("Ann", "Bob: the second")
    with pytest.raises(OptionError, match="absent='leave'"):
        preflib(path, absent="leave")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.toi", HEADER + "4: 1,2,3\n", "line 3: 5 voters are announced, but the orders are of 4"),
        ("x.toi", HEADER + "5: 1,4,3\n", "line 7: candidate 4 is not named"),
        ("x.toi", HEADER + "5: 1,2,1,3\n", "line 7: 'Ann' stands twice"),
        ("x.toi", HEADER + "5 1,2,3\n", "line 7: '5 1,2,3' does not start with the number of its voters"),
        ("x.toi", HEADER + "5: 1,{2,3\n", "line 7: .* is not an order"),
        ("x.toi", HEADER + "5: \n", "line 7: '' is not an order"),
        ("x.toi", HEADER + "5: 1,b,3\n", "line 7: 'b' is not a candidate's number"),
        ("x.soi", HEADER + "5: 1,{2,3}\n", "line 7: a tie in a strict order"),
        ("x.toc", HEADER + "5: 1,{2,3}\n0: 1,2\n", "line 8: 'Cyd' is missing from a complete order"),
        ("x.toi", HEADER, "x.toi holds no order"),
        ("x.toi", HEADER + "-5: 1,2,3\n", "line 7"),
        ("x.toi", HEADER.replace("Cyd", "Ann") + "5: 1,2,3\n", "line 6: two candidates are called 'Ann'"),
        ("x.toi", HEADER.replace("NAME 3", "NAME 2") + "5: 1,2\n", "line 6: candidate 2 is named twice"),
        (
            "x.toi",
            HEADER.replace("IVES: 3", "IVES: 4") + "5: 1,2,3\n",
            "line 2: 4 alternatives are announced",
        ),
        ("x.toi", HEADER.replace("ERS: 5", "ERS: five") + "5: 1,2,3\n", "line 3: NUMBER VOTERS is 'five'"),
        ("x.toi", "", "x.toi is empty"),
        ("x.toi", "hello\n", "line 1: 'hello' is neither"),
        ("x.toc", "1\n1,Ann\nseven\n", "line 3: 'seven' must be"),
        ("x.cat", HEADER, "no election of orders"),
    ],
)
def test_refusals_name_file_and_line(tmp_path, name, text, message):
    with pytest.raises((VotesError, SourceError), match=message) as refusal:
        preflib(written(tmp_path, name, text))
    assert "\n" not in str(refusal.value)


def test_no_such_file(tmp_path):
    with pytest.raises(SourceError, match="There is no file"):
        preflib(tmp_path / "gone.soc")


@real
def test_every_real_election_is_read_and_has_its_voters():
    paths = sorted(path for path in (DATASETS / "preflib").glob("*/*.*"))
    assert len(paths) >= 250
    for path in paths:
        fields = dict(
            line[2:].split(": ", 1)
            for line in path.read_text(encoding="utf-8").splitlines()
            if line.startswith("# ") and ": " in line
        )
        ballots = preflib(path)
        assert ballots.total == int(fields["NUMBER VOTERS"]), path.name
        assert len(ballots.models) == int(fields["NUMBER ALTERNATIVES"]), path.name


@real
def test_burlington_2009():
    """First choices as counted by the city: Wright 2951, Kiss 2585, Montroll 2063, Smith 1306.

    Source: Board of Voter Registration, Burlington, Vermont, 3 March 2009; PrefLib 00005-00000002.
    """
    ballots = preflib(DATASETS / "preflib" / "burlington" / "00005-00000002.toi")
    alone = (ballots.places == 1) & ((ballots.places == 1).sum(axis=1) == 1)[:, None]
    first = {name: int(ballots.count[alone[:, i]].sum()) for i, name in enumerate(ballots.models)}
    counted = {"Kurt Wright": 2951, "Bob Kiss": 2585, "Andy Montroll": 2063, "Dan Smith": 1306}
    assert {name: first[name] for name in counted} == counted
    wins = PairCounts.from_ballots(ballots).wins
    montroll = ballots.models.index("Andy Montroll")
    others = np.delete(np.arange(len(ballots.models)), montroll)
    assert np.all(wins[montroll, others] > wins[others, montroll])  # the Condorcet winner
