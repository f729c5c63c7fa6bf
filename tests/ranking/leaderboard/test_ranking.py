"""`rank`, `rank_all` and `agreement`: options, anchors, scales, levels, fingerprints."""

import dataclasses
import math
import re

import numpy as np
import pytest
from scipy.stats import norm

from agon.ranking import (
    METHODS,
    Ballots,
    Battles,
    Choice,
    Comparisons,
    PairCounts,
    Scores,
    agreement,
    bradley_terry_world,
    rank,
    rank_all,
)
from agon.ranking.errors import MethodError, OptionError, SourceError
from agon.ranking.results import Diagnostic
from tests.support.reference import NAT

WINS = [[0, 60, 45], [40, 0, 55], [35, 25, 0]]


@pytest.fixture
def votes():
    return Comparisons.from_counts(["a", "b", "c"], WINS)


def copeland(pairs: PairCounts, *, tie_credit: float = 0.5) -> Scores:
    """Majorities won, a tied one counting `tie_credit`."""
    margin = pairs.wins - pairs.wins.T
    met = (pairs.wins + pairs.wins.T + pairs.ties) > 0
    return Scores(((margin > 0) + tie_credit * ((margin == 0) & met)).sum(axis=1))


class TestOwnMethods:
    def test_a_function_needs_no_registration(self, votes):
        """a beats b 60:40 and c 45:35, b beats c 55:25: Copeland scores 2, 1, 0."""
        before = set(METHODS)
        board = rank(votes, copeland, n_resamples=50)
        assert set(METHODS) == before
        assert [(row.model, row.score, row.rank) for row in board.rows] == [
            ("a", 2, 1),
            ("b", 1, 2),
            ("c", 0, 3),
        ]
        assert (board.method, board.settings["tie_credit"]) == ("copeland", 0.5)
        assert (board.settings["interval"], board.rank_method) == ("bootstrap", "bootstrap")
        assert board["a"].lower <= 2 <= board["a"].upper

    def test_its_options_are_checked(self, votes):
        with pytest.raises(
            OptionError, match="copeland has no option 'tie_credits'; did you mean 'tie_credit'"
        ):
            rank(votes, copeland, tie_credits=1.0)
        with pytest.raises(OptionError, match="copeland: tie_credit must be a number, not 'half'"):
            rank(votes, copeland, tie_credit="half")

    @pytest.mark.parametrize(("view", "kind"), [("ballots", Ballots), ("battles", Battles)])
    def test_every_view_can_be_asked_for(self, votes, view, kind):
        seen = []

        def shown(given, *, flip: bool = False) -> Scores:
            seen.append(given)
            ballots = given if view == "ballots" else given.ballots
            return Scores(ballots.votes.astype(float) * (-1 if flip else 1))

        shown.__annotations__["given"] = kind
        board = rank(votes, shown, interval="none")
        assert isinstance(seen[0], kind)
        assert [row.score for row in board.rows] == [180, 180, 160]  # 100 + 80, 100 + 80, 80 + 80
        assert [row.model for row in rank(votes, shown, flip=True, interval="none").rows] == ["c", "a", "b"]

    def test_a_choice_has_ranks_and_no_scores(self, votes):
        """b alone, then a and c tied; c without a tier has no place."""

        def tiers(pairs: PairCounts, *, left_out: bool = False) -> Choice:
            return Choice(((1,), (0,)) if left_out else ((1,), (0, 2)))

        board = rank(votes, tiers, n_resamples=10)
        assert [(row.model, row.rank, row.score) for row in board.rows] == [
            ("b", 1, None),
            ("a", 2, None),
            ("c", 2, None),
        ]
        row = rank(votes, tiers, left_out=True, n_resamples=10)["c"]
        assert (row.rank, row.status) == (None, "unplaced")

    def test_what_a_method_notes_reaches_the_board(self, votes):
        def talkative(pairs: PairCounts) -> Scores:
            return Scores(np.arange(3.0), notes=(Diagnostic("hello", ("a",), "Hello, a."),))

        board = rank(votes, talkative, interval="none")
        assert [(note.code, note.models) for note in board.diagnostics] == [("hello", ("a",))]

    def test_scores_that_are_no_numbers_are_no_ranks(self, votes):
        def partial(pairs: PairCounts) -> Scores:
            return Scores(np.array([1.0, math.nan, 3.0]))

        board = rank(votes, partial, interval="none")
        assert [(row.model, row.rank, row.score) for row in board.rows] == [
            ("c", 1, 3),
            ("a", 2, 1),
            ("b", None, None),
        ]

    def test_only_scores_that_are_equal_but_for_rounding_share_a_rank(self, votes):
        def close(pairs: PairCounts) -> Scores:
            return Scores(np.array([1.0, 1.0 - 1e-12, 1.0 - 1e-6]))

        assert [row.rank for row in rank(votes, close, interval="none").rows] == [1, 1, 3]

    @pytest.mark.parametrize("wrong", [np.zeros(3), [1, 2, 3], None])
    def test_anything_else_is_refused(self, votes, wrong):
        def broken(pairs: PairCounts):
            return wrong

        with pytest.raises(MethodError, match="broken must return Scores, a Fit or a Choice"):
            rank(votes, broken)

    def test_a_score_for_every_model_and_no_more(self, votes):
        def short(pairs: PairCounts) -> Scores:
            return Scores(np.zeros(2))

        with pytest.raises(MethodError, match=re.escape("short returned scores of shape (2,) for 3 models")):
            rank(votes, short)


class TestScales:
    def test_elo_points_and_nats(self, votes):
        """1000 + 400 / ln 10 times the strength."""
        points, nats = rank(votes), rank(votes, scale="natural")
        for row in nats.rows:
            other = points[row.model]
            for field in ("score", "lower", "upper"):
                assert getattr(other, field) == pytest.approx(1000 + NAT * getattr(row, field), abs=1e-9)
        assert (points.settings["scale"], nats.settings["scale"]) == ("elo", "natural")
        assert np.allclose(points.covariance, nats.covariance * NAT**2)

    def test_elo_in_nats(self, votes):
        points, nats = (rank(votes, "elo", scale=scale, n_resamples=20) for scale in ("elo", "natural"))
        for row in nats.rows:
            assert points[row.model].score == pytest.approx(1000 + NAT * row.score, abs=1e-9)
            assert points[row.model].upper == pytest.approx(1000 + NAT * row.upper, abs=1e-9)

    def test_shares_and_points_have_no_scale_to_choose(self, votes):
        assert rank(votes, "win_rate").settings["scale"] == "share"
        assert rank(votes, copeland, interval="none").settings["scale"] == "points"


class TestAnchors:
    @pytest.mark.parametrize(("scale", "zero"), [("elo", 1000), ("natural", 0)])
    def test_the_anchor_stands_where_it_is_put(self, votes, scale, zero):
        free, fixed = rank(votes, scale=scale), rank(votes, scale=scale, anchor="b")
        assert (fixed["b"].score, fixed["b"].lower, fixed["b"].upper) == (zero, zero, zero)
        for row in fixed.rows:
            found = free.difference(row.model, "b")
            assert row.score - zero == pytest.approx(found.difference, abs=1e-9)
            assert row.lower - zero == pytest.approx(found.lower, abs=1e-9)
            assert row.upper - zero == pytest.approx(found.upper, abs=1e-9)

    def test_an_anchor_changes_no_rank_and_no_difference(self, votes):
        """FastChat #3377: intervals depend on the hard-coded anchor."""
        boards = [rank(votes), *(rank(votes, anchor=name, anchor_score=1234) for name in "abc")]
        for board in boards[1:]:
            assert [(r.model, r.rank, r.rank_lower, r.rank_upper) for r in board.rows] == [
                (r.model, r.rank, r.rank_lower, r.rank_upper) for r in boards[0].rows
            ]
            one, two = board.difference("a", "c"), boards[0].difference("a", "c")
            assert dataclasses.astuple(one)[2:] == pytest.approx(dataclasses.astuple(two)[2:], abs=1e-9)

    def test_by_bootstrap_too(self, votes):
        free = rank(votes, interval="bootstrap", n_resamples=400)
        fixed = rank(votes, interval="bootstrap", n_resamples=400, anchor="b", anchor_score=0)
        exact = rank(votes, anchor="b", anchor_score=0)
        assert fixed["a"].score == pytest.approx(free["a"].score - free["b"].score, abs=1e-9)
        assert fixed["a"].upper - fixed["a"].lower == pytest.approx(
            exact["a"].upper - exact["a"].lower, rel=0.2
        )

    def test_elo_can_be_anchored(self, votes):
        board = rank(votes, "elo", anchor="c", anchor_score=800, n_resamples=20)
        assert (board["c"].score, board["c"].lower, board["c"].upper) == (800, 800, 800)
        assert board["a"].lower > 800

    def test_a_model_that_is_not_determined_is_no_anchor(self):
        wins = np.zeros((4, 4))
        wins[:3, :3] = WINS
        wins[3, 0] = 40
        votes = Comparisons.from_counts(list("abcd"), wins)
        with pytest.raises(OptionError, match="'d' cannot be the anchor"):
            rank(votes, anchor="d")


class TestSettings:
    def test_the_board_carries_every_setting(self, votes):
        board = rank(votes, "elo", k=8.0, seed=3, n_resamples=20, level=0.9)
        assert board.level == 0.9
        described = board.settings
        assert (described["k"], described["seed"], described["n_resamples"], described["level"]) == (
            8.0,
            3,
            20,
            0.9,
        )
        assert (described["start"], described["permutations"], described["both_bad"]) == (1000.0, 100, "half")
        assert (described["interval"], described["min_votes"], described["cluster"]) == (
            "bootstrap",
            30,
            None,
        )
        assert described["both_bad_votes"] == 0
        assert described["left_out"] == {}

    def test_both_bad_votes_are_counted_and_told(self):
        bad = [[0, 12], [12, 0]]
        board = rank(Comparisons.from_counts(["a", "b"], [[0, 30], [20, 0]], None, bad))
        assert board.settings["both_bad_votes"] == 12
        assert [note.code for note in board.diagnostics] == ["both_bad"]
        assert "12 votes" in board.diagnostics[0].message

    def test_min_votes(self):
        """a has 180 votes, b 180, c 160, and without c a and b have 100 each."""
        votes = Comparisons.from_counts("abc", [[0, 70, 50], [30, 0, 45], [30, 35, 0]])
        board = rank(votes, min_votes=161)
        assert {row.status for row in board.rows} == {"provisional"}  # a fixed point: nobody has enough
        votes = Comparisons.from_counts("abc", [[0, 110, 50], [55, 0, 45], [30, 35, 0]])
        board = rank(votes, min_votes=161)
        assert [(row.model, row.rank, row.status) for row in board.rows] == [
            ("a", 1, "ranked"),
            ("b", 2, "ranked"),
            ("c", None, "provisional"),
        ]
        full = rank(votes)
        gap = full["c"].score - (full["a"].score + full["b"].score) / 2
        assert board["c"].score == pytest.approx(1000 + gap)  # a number, but no rank
        assert (board["c"].rank_lower, board["c"].rank_upper) == (None, None)
        assert [(note.code, note.models) for note in board.diagnostics] == [("few_votes", ("c",))]
        assert rank(votes, min_votes=160)["c"].rank == 3

    def test_weights_are_not_votes(self):
        """20 votes of weight 100 are 20 votes."""
        votes = Comparisons.of(["a", "b"], [[0, 1]] * 20, [[1, 2], [2, 1]] * 10, weight=[100.0] * 20)
        assert {(row.votes, row.status) for row in rank(votes).rows} == {(20, "provisional")}

    def test_levels(self, votes):
        """Half-widths go as the normal quantiles: 1.644854 at 90%, 1.959964 at 95%, 2.575829 at 99%."""
        half = {level: rank(votes, level=level)["a"] for level in (0.9, 0.95, 0.99)}
        width = {level: row.upper - row.score for level, row in half.items()}
        assert width[0.9] / width[0.95] == pytest.approx(1.644854 / 1.959964, abs=1e-6)
        assert width[0.99] / width[0.95] == pytest.approx(2.575829 / 1.959964, abs=1e-6)

    def test_rank_ranges_widen_with_the_level(self):
        votes = bradley_terry_world(10, 800, seed=3).comparisons()
        narrow, wide = rank(votes, level=0.5), rank(votes, level=0.999)
        widths = [[row.rank_upper - row.rank_lower for row in board.rows] for board in (narrow, wide)]
        assert sum(widths[0]) < sum(widths[1])

    def test_no_interval(self, votes):
        board = rank(votes, interval="none")
        assert board.rank_method == "none"
        for row in board.rows:
            assert (row.lower, row.upper, row.rank_lower, row.rank_upper) == (None, None, None, None)
        assert board.covariance is None

    def test_seeds_of_the_bootstrap(self, votes):
        one, two, three = (
            rank(votes, interval="bootstrap", seed=seed, n_resamples=50).rows for seed in (1, 1, 2)
        )
        assert one == two
        assert one != three


class TestFingerprint:
    def test_it_depends_on_votes_and_settings(self, votes):
        found = {
            rank(votes).fingerprint,
            rank(Comparisons.from_counts(["a", "b", "d"], WINS)).fingerprint,
            rank(
                Comparisons.from_counts(["a", "b", "c"], [[0, 60, 45], [40, 0, 55], [35, 26, 0]])
            ).fingerprint,
            rank(votes, level=0.9).fingerprint,
            rank(votes, prior_sd=2.0).fingerprint,
            rank(votes, "win_rate").fingerprint,
            rank(votes, "elo", n_resamples=2).fingerprint,
            rank(votes, "elo", n_resamples=2, seed=1).fingerprint,
        }
        assert len(found) == 8
        assert all(re.fullmatch("[0-9a-f]{64}", text) for text in found)

    def test_it_repeats(self, votes):
        assert rank(votes).fingerprint == rank(Comparisons.from_counts(["a", "b", "c"], WINS)).fingerprint

    def test_an_order_dependent_board_has_the_order_in_it(self):
        one = Comparisons.of(["a", "b"], [[0, 1]] * 2, [[1, 2], [2, 1]])
        two = Comparisons.of(["a", "b"], [[0, 1]] * 2, [[2, 1], [1, 2]])
        for permutations, same in ((0, False), (10, True)):
            prints = {
                rank(v, "elo", permutations=permutations, n_resamples=2).fingerprint for v in (one, two)
            }
            assert (len(prints) == 1) is same


class TestDifference:
    def test_two_models(self, votes):
        """Two models alone, 60 : 40: sandwich variance of the difference 1 / (100 · 0.6 · 0.4), p by erfc."""
        board = rank(Comparisons.from_counts(["x", "y"], [[0, 60], [40, 0]]), scale="natural")
        found = board.difference("x", "y")
        error = math.sqrt(1 / 24)
        assert found.difference == pytest.approx(math.log(1.5), abs=1e-12)
        assert found.upper - found.difference == pytest.approx(1.959963984540054 * error, abs=1e-9)
        assert found.lower + found.upper == pytest.approx(2 * found.difference, abs=1e-12)
        assert found.p_value == pytest.approx(2 * norm.sf(math.log(1.5) / error), rel=1e-9)
        back = board.difference("y", "x")
        assert (back.difference, back.p_value) == (-found.difference, found.p_value)

    def test_none_without_an_interval(self, votes):
        with pytest.raises(OptionError, match="This board has no intervals"):
            rank(votes, interval="none").difference("a", "b")

    def test_none_beyond_the_votes(self):
        wins = np.zeros((4, 4))
        wins[:3, :3] = WINS
        wins[3, 0] = 40
        board = rank(Comparisons.from_counts(list("abcd"), wins))
        with pytest.raises(OptionError, match="'d' has an open interval"):
            board.difference("a", "d")


class TestRankAll:
    def test_one_board_a_method(self, votes):
        boards = rank_all(votes, ["bradley_terry", "win_rate", copeland], n_resamples=10)
        assert [board.method for board in boards] == ["bradley_terry", "win_rate", "copeland"]
        assert boards[0].rows == rank(votes).rows

    def test_one_board_a_group_and_method(self):
        """Groups in the order of their values, each with only its own votes and models."""
        world = bradley_terry_world(4, 600, seed=8)
        language = np.where(np.arange(600) % 3 == 0, "de", "en")
        shown = np.stack([world.first, world.second], axis=1)
        places = np.array([[1, 2], [2, 1], [1, 1], [1, 1]])[world.outcome]
        votes = Comparisons.of(world.models, shown, places, labels={"language": language.tolist()})
        boards = rank_all(votes, ["win_rate", "bradley_terry"], by="language")
        assert [(b.by["language"], b.method) for b in boards] == [
            ("de", "win_rate"),
            ("de", "bradley_terry"),
            ("en", "win_rate"),
            ("en", "bradley_terry"),
        ]
        german = Comparisons.of(world.models, shown[language == "de"], places[language == "de"])
        assert boards[1].rows == rank(german).rows
        with pytest.raises(SourceError, match="no column 'lang'"):
            rank_all(votes, ["win_rate"], by="lang")


class TestAgreement:
    @staticmethod
    def board(**scores):
        def fixed(pairs: PairCounts) -> Scores:
            return Scores(np.array([float(scores[name]) for name in pairs.models]))

        m = len(scores)
        votes = Comparisons.from_counts(sorted(scores), 30 * (1 - np.eye(m)))
        return rank(votes, fixed, interval="none")

    def test_kendall_by_hand(self):
        """4 models, one swapped pair of 6: τ = (5 - 1) / 6."""
        table = agreement([self.board(a=4, b=3, c=2, d=1), self.board(a=3, b=4, c=2, d=1)])
        assert table.shape == (2, 2)
        assert table.iloc[0, 1] == table.iloc[1, 0] == pytest.approx(2 / 3)
        assert table.iloc[0, 0] == 1

    def test_ties_count_as_ties(self):
        """τ-b of (1, 2, 3) and (1, 2, 2): 2 / √(3 · 2)."""
        table = agreement([self.board(a=3, b=2, c=1), self.board(a=2, b=1, c=1)])
        assert table.iloc[0, 1] == pytest.approx(2 / math.sqrt(6))

    def test_opposite_orders(self):
        assert agreement([self.board(a=2, b=1), self.board(a=1, b=2)]).iloc[0, 1] == -1

    def test_only_shared_models_count(self):
        """c and d are on one board each; with fewer than two shared there is nothing to say."""
        table = agreement([self.board(a=3, b=2, c=1), self.board(a=3, b=2, d=9), self.board(c=1, d=2)])
        assert table.iloc[0, 1] == 1
        assert math.isnan(table.iloc[0, 2])

    def test_boards_of_groups_are_named(self, votes):
        named = dataclasses.replace(rank(votes), by={"language": "en"})
        assert list(agreement([named, rank(votes, "win_rate")]).columns) == ["bradley_terry en", "win_rate"]
