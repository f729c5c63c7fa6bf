"""Published votes and what was published about them; skipped where the shared data sets are absent."""

import duckdb
import numpy as np
import pytest
from scipy.optimize import minimize, root
from scipy.sparse.csgraph import connected_components
from scipy.special import expit, log_expit

from agon.ranking import Comparisons, rank
from tests.support.reference import NAT

pytestmark = pytest.mark.slow

PLACES = {"model_a": (1, 2), "model_b": (2, 1), "tie": (1, 1), "tie (bothbad)": (1, 1)}
FINE = {"tie": (1, 1), "tie (bothbad)": (0, 0)}


def read(path, where="true", by=None):
    """Rows of a votes file as (model_a, model_b, winner, label)."""
    query = f"SELECT model_a, model_b, winner, {by or 'NULL'} FROM read_parquet(?) WHERE {where}"
    return duckdb.connect().execute(query, [str(path)]).fetchall()


def votes_of(rows, label="voter"):
    models = sorted({name for row in rows for name in row[:2]})
    index = {name: i for i, name in enumerate(models)}
    return Comparisons.of(
        models,
        [[index[a], index[b]] for a, b, *_ in rows],
        [PLACES[winner] for _, _, winner, _ in rows],
        acceptable=[FINE.get(winner, (-1, -1)) for _, _, winner, _ in rows],
        labels={label: [row[3] for row in rows]},
    )


def half_wins(rows):
    """Counted here, not by the engine: (names, wins with half a win each way for any tie)."""
    models = sorted({name for row in rows for name in row[:2]})
    index = {name: i for i, name in enumerate(models)}
    wins = np.zeros((len(models), len(models)))
    for a, b, winner, _ in rows:
        i, j = index[a], index[b]
        share = {"model_a": 1.0, "model_b": 0.0}.get(winner, 0.5)
        wins[i, j] += share
        wins[j, i] += 1 - share
    return models, wins


def scipy_strengths(wins):
    """Zero-mean strengths by scipy: a trust region to get near, MINPACK's hybrid method on the gradient."""
    met = wins + wins.T

    def differences(theta):
        full = np.append(theta, 0.0)
        return full[:, None] - full[None, :]

    def loss(theta):
        return -(wins * log_expit(differences(theta))).sum()

    def gradient(theta):
        return ((met * expit(differences(theta))).sum(axis=1) - wins.sum(axis=1))[:-1]

    def hessian(theta):
        chance = expit(differences(theta))
        weight = met * chance * (1 - chance)
        return (np.diag(weight.sum(axis=1)) - weight)[:-1, :-1]

    near = minimize(loss, np.zeros(len(wins) - 1), jac=gradient, hess=hessian, method="trust-exact").x
    found = root(gradient, near, jac=hessian, tol=1e-14)
    assert np.abs(gradient(found.x)).max() < 1e-8
    full = np.append(found.x, 0.0)
    return full - full.mean()


@pytest.fixture(scope="module")
def llmfao(datasets):
    return read(datasets / "llmfao_crowd_votes.parquet", by="judge")


@pytest.fixture(scope="module")
def matches(datasets):
    return read(datasets / "football_internationals_to_2015.parquet")


class TestLLMFAO:
    """8,931 crowd votes on 59 models, and two published analyses of them."""

    def test_the_published_bradley_terry_board(self, datasets, llmfao):
        """leaderboard.ipynb prints strengths to 6 digits, the least 0.006294: 0.014 points at worst."""
        board = rank(votes_of(llmfao), interval="none")
        published = (
            duckdb.connect()
            .execute(
                "SELECT model, score FROM read_csv(?) WHERE judge = 'crowd' ORDER BY rank",
                [str(datasets / "llmfao_published_leaderboard_bt.csv")],
            )
            .fetchall()
        )
        assert len(published) == len(board) == 59
        assert [row.model for row in board.rows] == [model for model, _ in published]
        theirs = 400 * np.log10([score for _, score in published])
        ours = np.array([board[model].score for model, _ in published])
        assert np.abs((ours - ours.mean()) - (theirs - theirs.mean())).max() < 0.02

    @pytest.mark.parametrize(
        ("method", "options", "algorithm", "tolerance"),
        [
            ("win_rate", {"average": "opponents"}, "average_win_rate", 1e-9),
            # their iteration stops at changes of 1e-6 in strengths that sum to one, the least 0.0063
            ("bradley_terry", {"scale": "natural"}, "bradley_terry", 2e-3),
            ("counting", {}, "counting", 1e-9),
            ("newman", {"scale": "natural"}, "newman", 1e-9),
            ("davidson", {"scale": "natural"}, "newman", 1e-9),  # the same maximum
            ("pagerank", {}, "pagerank", 1e-12),
            ("elo", {"permutations": 0, "k": 4.0}, "elo", 1e-9),
        ],
    )
    def test_the_golden_file_of_evalica(self, datasets, llmfao, method, options, algorithm, tolerance):
        """average_win_rate in evalica: the mean over opponents met of the share won, half a win for a tie."""
        golden = dict(
            duckdb.connect()
            .execute(
                "SELECT item, score FROM read_csv(?) WHERE algorithm = ?",
                [str(datasets / "llmfao_published_evalica_golden.csv"), algorithm],
            )
            .fetchall()
        )
        board = rank(votes_of(llmfao), method, interval="none", **options)
        assert len(golden) == len(board) == 59
        ours = np.array([board[model].score for model in golden])
        theirs = np.array(list(golden.values()))
        if options.get("scale") == "natural":
            theirs = np.log(theirs) - np.log(theirs).mean()
        assert np.abs(ours - theirs).max() < tolerance

    def test_the_golden_eigenvector_is_that_of_the_losses(self, datasets, llmfao):
        """evalica multiplies by the transposed matrix, so its "eigen" is high for losing to who is high."""
        golden = dict(
            duckdb.connect()
            .execute(
                "SELECT item, score FROM read_csv(?) WHERE algorithm = 'eigen'",
                [str(datasets / "llmfao_published_evalica_golden.csv")],
            )
            .fetchall()
        )
        swap = {"model_a": "model_b", "model_b": "model_a", "tie": "tie"}
        turned = votes_of([(a, b, swap[winner], judge) for a, b, winner, judge in llmfao])
        board = rank(turned, "eigenvector", interval="none")
        ours = np.array([board[model].score for model in golden])
        assert np.abs(ours / np.linalg.norm(ours) - np.array(list(golden.values()))).max() < 1e-12

    def test_points_are_those_of_the_golden_file(self, datasets, llmfao):
        """evalica's counting: wins and half ties; our win rate times the votes."""
        golden = dict(
            duckdb.connect()
            .execute(
                "SELECT item, score FROM read_csv(?) WHERE algorithm = 'counting'",
                [str(datasets / "llmfao_published_evalica_golden.csv")],
            )
            .fetchall()
        )
        board = rank(votes_of(llmfao), "win_rate", interval="none")
        for model, points in golden.items():
            assert board[model].score * board[model].votes == pytest.approx(points, abs=1e-9)

    def test_voters_who_repeat_themselves_widen_the_intervals(self, llmfao):
        """124 crowd workers with 72 votes each on average: most intervals grow, none by a wild factor."""
        votes = votes_of(llmfao)
        plain, clustered = rank(votes, cluster=None), rank(votes, cluster="voter")
        ratio = np.array(
            [(clustered[r.model].upper - clustered[r.model].lower) / (r.upper - r.lower) for r in plain.rows]
        )
        assert 1 < np.median(ratio) < 2
        assert ratio.min() > 0.5


def test_chatbot_arena_agrees_with_scipy(datasets):
    """25,938 votes on 20 models, half a win for ties and for both bad: within 1e-6 Elo points."""
    rows = read(datasets / "chatbot_arena_2023_human_votes.parquet")
    models, wins = half_wins(rows)
    assert (len(rows), len(models)) == (25_938, 20)
    board = rank(votes_of(rows))
    expected = 1000 + NAT * scipy_strengths(wins)
    for model, score in zip(models, expected, strict=True):
        assert board[model].score == pytest.approx(score, abs=1e-6)
    assert board.settings["both_bad_votes"] == 4772  # counted in the file
    assert all(row.status == "ranked" for row in board.rows)
    assert board.rows[0].model == "gpt-4"


def test_chatbot_arena_without_both_bad(datasets):
    rows = read(datasets / "chatbot_arena_2023_human_votes.parquet")
    models, wins = half_wins([row for row in rows if row[2] != "tie (bothbad)"])
    board = rank(votes_of(rows), both_bad="drop", interval="none")
    expected = 1000 + NAT * scipy_strengths(wins)
    ours = np.array([board[model].score for model in models])
    assert np.abs(ours - expected).max() < 1e-6


class TestFootball:
    """39,456 matches of 311 national teams to 2015, of which no maximum likelihood exists."""

    def test_the_largest_component_has_its_maximum_likelihood_and_wins_place_the_others(self, matches):
        """295 teams in the largest strongly connected component, by scipy's Tarjan on our own counts."""
        models, wins = half_wins(matches)
        _, label = connected_components(wins > 0, directed=True, connection="strong")
        sizes = np.bincount(label)
        core = {models[i] for i in np.flatnonzero(label == sizes.argmax())}
        assert (len(models), len(core)) == (311, 295)
        board = rank(votes_of(matches), min_votes=0)
        assert {row.model for row in board.ranked} >= core
        others = [row for row in board.rows if row.model not in core]
        assert len(others) == 16
        assert {row.status for row in others} <= {"ranked", "component"}
        for row in others:
            if row.status == "component":
                assert (row.rank, row.score, row.lower, row.upper) == (None, None, None, None)
            else:
                assert row.lower is None or row.upper is None
        inside = np.flatnonzero(label == sizes.argmax())
        expected = 1000 + NAT * scipy_strengths(wins[np.ix_(inside, inside)])
        ours = np.array([board[models[i]].score for i in inside])
        assert np.abs(ours - expected).max() < 1e-5

    def test_every_team_is_on_exactly_one_board_with_a_number(self, matches):
        board = rank(votes_of(matches), interval="none", min_votes=0)
        numbered = [
            row.model for part in (board, *board.components) for row in part.rows if row.score is not None
        ]
        assert len(numbered) == len(set(numbered)) == 311
        named = {name for note in board.diagnostics for name in note.models}
        assert named >= {row.model for row in board.rows if row.status != "ranked"}
