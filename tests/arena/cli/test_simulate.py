"""`agon simulate`: the table it writes, its shares, and that its strengths come back."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from agon.arena.cli.simulate import FIRST_VOTE, as_table, draw_by_policy, simulate_votes
from agon.data import comparisons
from agon.ranking import OptionError, SourceError, bradley_terry_world, rank

WORLD = {"n_models": 5, "n_votes": 400, "ties": 0.2, "both_bad": 0.1, "spread": 1.0, "voters": 7, "seed": 11}


def test_a_row_a_vote():
    world = bradley_terry_world(5, 400, voters=7, seed=11)
    table = as_table(world)
    assert table.num_rows == 400
    assert table["battle_id"].to_pylist() == list(range(1, 401))
    assert set(table["model_a"].to_pylist()) <= set(world.models)
    assert set(table["winner"].to_pylist()) == {"model_a", "model_b", "tie", "both_bad"}
    assert set(table["voter"].to_pylist()) == {f"voter-00{i}" for i in range(7)}
    assert table["timestamp"].to_pylist()[:2] == [FIRST_VOTE, FIRST_VOTE + 60]
    assert all(
        a != b for a, b in zip(table["model_a"].to_pylist(), table["model_b"].to_pylist(), strict=True)
    )


def test_the_votes_of_the_table_are_those_of_the_world():
    world = bradley_terry_world(5, 400, voters=7, seed=11)
    ours, theirs = comparisons(as_table(world)), world.comparisons()
    np.testing.assert_array_equal(ours.pairs.wins, theirs.pairs.wins)
    np.testing.assert_array_equal(ours.pairs.ties, theirs.pairs.ties)
    np.testing.assert_array_equal(ours.pairs.both_bad, theirs.pairs.both_bad)


def test_shares_are_those_asked_for():
    """Of 20,000 votes, 25% ties and 10% both bad, within five standard errors."""
    winners = as_table(bradley_terry_world(4, 20_000, ties=0.25, both_bad=0.1))["winner"].to_pylist()
    for label, share in (("tie", 0.25), ("both_bad", 0.1)):
        error = np.sqrt(share * (1 - share) / 20_000)
        assert winners.count(label) / 20_000 == pytest.approx(share, abs=5 * error)


def test_the_strengths_come_back_from_the_file(tmp_path):
    """Without ties each interval holds its truth with 95%; of 8 models at most two may miss."""
    out, truth = tmp_path / "votes.parquet", tmp_path / "truth.csv"
    simulate_votes(
        out, truth, force=False, **{**WORLD, "n_models": 8, "n_votes": 8000, "ties": 0.0, "both_bad": 0.0}
    )
    known = {row["model"]: row["elo"] for row in pc.read_csv(truth).to_pylist()}
    board = rank(comparisons(out))
    assert np.mean(list(known.values())) == pytest.approx(1000)
    assert sum(row.lower <= known[row.model] <= row.upper for row in board.rows) >= 6
    assert max(abs(row.score - known[row.model]) for row in board.rows) < 40


def test_the_same_seed_gives_the_same_votes():
    one, two, other = (as_table(bradley_terry_world(5, 400, seed=seed)) for seed in (3, 3, 4))
    assert one.equals(two)
    assert not one.equals(other)


def test_parquet_and_csv_hold_the_same_votes(tmp_path):
    for name in ("v.parquet", "v.csv"):
        simulate_votes(tmp_path / name, None, force=False, **WORLD)
    assert pq.read_table(tmp_path / "v.parquet").to_pylist() == pc.read_csv(tmp_path / "v.csv").to_pylist()


def test_standard_output_is_csv(capfdbinary):
    simulate_votes(None, None, force=False, **WORLD)
    written = pc.read_csv(pa.BufferReader(capfdbinary.readouterr().out))
    assert written.num_rows == 400


@pytest.mark.parametrize("there", ["v.csv", "t.csv"])
def test_nothing_is_written_where_one_of_the_files_may_not_be(there, tmp_path, capfdbinary):
    (tmp_path / there).write_text("kept")
    with pytest.raises(SourceError, match="exists already"):
        simulate_votes(tmp_path / "v.csv", tmp_path / "t.csv", force=False, **WORLD)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "kept"
    with pytest.raises(SourceError, match="exists already"):
        simulate_votes(None, tmp_path / there, force=False, **WORLD)
    assert capfdbinary.readouterr().out == b""


def test_votes_and_strengths_are_two_files(tmp_path):
    with pytest.raises(OptionError, match="cannot hold both the votes and the strengths"):
        simulate_votes(tmp_path / "v.csv", tmp_path / "v.csv", force=True, **WORLD)
    assert not list(tmp_path.iterdir())


def test_no_votes_are_a_header(tmp_path):
    simulate_votes(tmp_path / "v.csv", None, force=False, **{**WORLD, "n_votes": 0})
    with pytest.raises(SourceError, match="has a header but no rows"):
        comparisons(tmp_path / "v.csv")


@pytest.mark.parametrize("policy", ["uniform", "near", "information"])
def test_a_policy_draws_and_the_probabilities_are_written(policy, tmp_path, run):
    """Four-wise votes without noise: their order is that of the strengths, and they can be ranked again."""
    out, truth = tmp_path / "v.parquet", tmp_path / "t.csv"
    words = ["--world", "noise-free", "--policy", policy, "--answers", "4", "--models", "9", "--votes", "80"]
    status, _, _ = run("simulate", *words, "-o", out, "--truth", truth)
    assert status == 0
    strength = dict(zip(*pc.read_csv(truth).to_pydict().values(), strict=True))
    rows = pq.read_table(out).to_pylist()
    assert len(rows) == 80
    for row in rows:
        order = sorted(row["models"], key=strength.get, reverse=True)
        assert [order.index(model) + 1 for model in row["models"]] == row["places"]
        assert len(row["pair_probabilities"]) == 6
        assert 0 < row["group_probability"] <= min(row["pair_probabilities"]) <= 1
    board = rank(comparisons(str(out)), "plackett_luce", reweight="propensity", min_votes=0, interval="none")
    assert {row.model for row in board.rows} == set(strength)


def test_pairs_of_a_world_are_pairwise_votes():
    """Without noise the stronger one wins; a and b are the sides."""
    votes, truth = draw_by_policy("noise-free", "ksort", 5, 40, 2, 1)
    strength = dict(zip(truth["model"].to_pylist(), truth["strength"].to_pylist(), strict=True))
    for row in votes.to_pylist():
        assert row["winner"] == (
            "model_a" if strength[row["model_a"]] > strength[row["model_b"]] else "model_b"
        )
    tied, _ = draw_by_policy("ties", "uniform", 5, 200, 2, 1)
    assert set(tied["winner"].to_pylist()) == {"model_a", "model_b", "tie"}
    rated, right = draw_by_policy("cyclic", "uniform", 6, 0, 2, 1)
    assert (rated.num_rows, right.column_names) == (0, ["model", "win_rate"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--world", "gumbl"], "There is no world 'gumbl'; did you mean 'gumbel'?"),
        (["--policy", "nearby"], "There is no policy 'nearby'; did you mean 'near'?"),
        (
            ["--policy", "near", "--ties", "0.5"],
            "--ties does not go with --world, --policy or --answers; leave it out.",
        ),
        (
            ["--answers", "3"],
            "Votes on more than two models hold lists, which CSV has no room for; write them to a .parquet "
            "file with --output.",
        ),
        (
            ["--answers", "1"],
            "Votes are on 2 to 6 answers of at least as many models, and their number is not negative, not "
            "--answers 1, --models 12, --votes 2000; give others.",
        ),
    ],
)
def test_what_a_world_refuses(words, sentence, run):
    status, out, err = run("simulate", *words)
    assert (status, out) == (2, "")
    assert sentence in err
