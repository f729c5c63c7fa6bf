"""Numbers in, leaderboards out: no files, no web, no database.

Start with `rank(votes, "bradley_terry")`; `METHODS` lists every method, and `data.comparisons` reads
votes from files. The errors are drawn as a tree in `ranking.errors`.
"""

if __name__ == "ranking":  # in the checkout the folder lies beside agon/, which links to it
    raise ImportError("ranking is imported as agon.ranking now: from agon.ranking import ...")

from agon.ranking import methods as _methods
from agon.ranking.analysis.agreement import agreement
from agon.ranking.analysis.axioms import axioms
from agon.ranking.analysis.iia import iia_score
from agon.ranking.analysis.intransitivity import CyclicShare, cyclic_share
from agon.ranking.analysis.justified_representation import representation
from agon.ranking.analysis.majority_cycles import cycles
from agon.ranking.analysis.margin_of_victory import flip_tasks, flip_votes, flips
from agon.ranking.analysis.multiwinner import committee
from agon.ranking.analysis.prospective import prospective, prospects
from agon.ranking.analysis.rule_comparison import Lens, lens
from agon.ranking.analysis.tiers import Breakdown, Tiers, breakdown, tiers
from agon.ranking.analysis.winner_probabilities import bootstrap_all
from agon.ranking.annotators.inter_rater import VoterAgreement, krippendorff_alpha, voter_agreement
from agon.ranking.annotators.position_bias import OrderEffect, order_effect
from agon.ranking.annotators.reliability import Reliability, Voter, majority_is_optimal, voter_reliability
from agon.ranking.errors import (
    AgonError,
    ConvergenceError,
    InputError,
    MethodError,
    OptionError,
    SourceError,
    VotesError,
)
from agon.ranking.inference.difference import Difference
from agon.ranking.leaderboard.leaderboard import Leaderboard, boards_to_json
from agon.ranking.leaderboard.notes import carried_by_one
from agon.ranking.leaderboard.plots import win_rate_map
from agon.ranking.leaderboard.rank import rank, rank_all
from agon.ranking.leaderboard.row import Row
from agon.ranking.methods.likelihood.robust_bradley_terry import SuspectPair, suspect_pairs
from agon.ranking.registry import METHODS, Method, method
from agon.ranking.results import Choice, Coefficient, Diagnostic, Fit, Scores
from agon.ranking.settings import Settings
from agon.ranking.simulate import World, bradley_terry_world
from agon.ranking.votes.ballots import Ballots
from agon.ranking.votes.comparisons import Comparisons
from agon.ranking.votes.pair_counts import PairCounts
from agon.ranking.votes.score_table import ScoreTable
from agon.ranking.votes.vote_source import Battles

__all__ = [
    "METHODS",
    "AgonError",
    "Ballots",
    "Battles",
    "Breakdown",
    "Choice",
    "Coefficient",
    "Comparisons",
    "ConvergenceError",
    "CyclicShare",
    "Diagnostic",
    "Difference",
    "Fit",
    "InputError",
    "Leaderboard",
    "Lens",
    "Method",
    "MethodError",
    "OptionError",
    "OrderEffect",
    "PairCounts",
    "Reliability",
    "Row",
    "ScoreTable",
    "Scores",
    "Settings",
    "SourceError",
    "SuspectPair",
    "Tiers",
    "Voter",
    "VoterAgreement",
    "VotesError",
    "World",
    "agreement",
    "axioms",
    "boards_to_json",
    "bootstrap_all",
    "bradley_terry_world",
    "breakdown",
    "carried_by_one",
    "committee",
    "cycles",
    "cyclic_share",
    "flip_tasks",
    "flip_votes",
    "flips",
    "iia_score",
    "krippendorff_alpha",
    "lens",
    "majority_is_optimal",
    "method",
    "order_effect",
    "prospective",
    "prospects",
    "rank",
    "rank_all",
    "representation",
    "suspect_pairs",
    "tiers",
    "voter_agreement",
    "voter_reliability",
    "win_rate_map",
]

del _methods
